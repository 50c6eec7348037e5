"""Airflow takes its home when it is first imported, which the tests here do: one of the tests' own, not the user's."""

import os
import tempfile

os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="landfall-airflow-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
