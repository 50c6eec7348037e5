"""Airflow takes its home when it is first imported, which the tests here do: one of the tests' own, not the user's."""

import os
import tempfile

HOME = tempfile.TemporaryDirectory(prefix="landfall-airflow-")  # gone when Python ends
os.environ["AIRFLOW_HOME"] = HOME.name
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
