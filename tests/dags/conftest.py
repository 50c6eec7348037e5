"""Airflow, with a home and a database of its own, before anything imports it."""

import os
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Airflow loads the plugin that has the customers' timetable, and no other: it executes modules anew, of which the tests hold some already.
PLUGINS = tempfile.TemporaryDirectory(prefix="landfall-plugins-")  # gone when Python ends
(Path(PLUGINS.name) / "landed_day.py").symlink_to(ROOT / "plugins" / "landed_day.py")
os.environ["AIRFLOW__CORE__PLUGINS_FOLDER"] = PLUGINS.name


@pytest.fixture(scope="session")
def dag_folder() -> Path:
    return ROOT / "dags"


@pytest.fixture(scope="session")
def dags(tmp_path_factory: pytest.TempPathFactory, dag_folder: Path) -> dict:
    """Every DAG of the project by its id, parsed as Airflow's dag-processor parses them. Fails on an import error."""
    os.environ["AIRFLOW_HOME"] = str(tmp_path_factory.mktemp("airflow"))
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
    os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "True"
    from airflow.dag_processing.dagbag import DagBag
    from airflow.utils.db import initdb

    initdb()
    bag = DagBag(str(dag_folder))
    assert bag.import_errors == {}
    return bag.dags
