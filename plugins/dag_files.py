"""What DAG files have in common: whether their DAGs begin paused; and all of them at once, where this package is installed."""

import os
import runpy
from pathlib import Path

from airflow.sdk import DAG

from include import contracts
from include.errors import Refused

PAUSED = "LANDFALL_DAGS_PAUSED"
FOLDER = Path(__file__).parents[1] / "dags"


def paused() -> bool:
    """Whether DAGs that Airflow has not seen yet wait for somebody who unpauses them. Raises Refused for a value that is neither."""
    value = os.environ.get(PAUSED) or "false"
    if value.lower() not in ("true", "false"):
        raise Refused(f"{PAUSED}: expected true or false, found {value!r}. Correct or unset it.")
    return value.lower() == "true"


def every_dag() -> dict[str, DAG]:
    """The DAGs of all customers and of maintenance by id, for a file in somebody else's folder of DAGs:

        from landfall_airflow.plugins.dag_files import every_dag

        globals().update(every_dag())

    Such a file stays the same with every version, and shows a new contract at the next parse: the files of this package are run anew at
    each call, where an import would return what a process has seen first. Raises ContractRefused where contracts have no folder.
    """
    contracts.require_folder()
    found = [value for path in sorted(FOLDER.glob("[!_]*.py")) for value in runpy.run_path(str(path)).values() if isinstance(value, DAG)]
    return {dag.dag_id: dag for dag in found}
