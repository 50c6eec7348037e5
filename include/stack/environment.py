"""The environment that the daemons start with: the caller's, less what was meant for another Airflow, Spark or Python."""

import os
from collections.abc import Mapping

OF_OTHERS = ("AIRFLOW_", "AIRFLOW__", "SPARK_", "PYSPARK_", "HADOOP_", "HDFS_", "KAFKA_", "YARN_", "LANDFALL_", "PYTEST_")
OF_PYTHON = ("CLASSPATH", "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONDONTWRITEBYTECODE", "PYTHONSAFEPATH", "VIRTUAL_ENV")
OURS_ON_PURPOSE = ("LANDFALL_FAULT", "LANDFALL_FAULTS", "LANDFALL_CUSTOMERS", "LANDFALL_SOURCES")
LOCAL = "127.0.0.1,localhost"


def inherited(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """PATH, HOME, certificates, proxies and the like. No proxy stands between parts of the stack."""
    environ = os.environ if environ is None else environ
    kept = {name: value for name, value in environ.items() if not _of_others(name)}
    for name in ("NO_PROXY", "no_proxy"):
        kept[name] = f"{kept[name]},{LOCAL}" if kept.get(name) else LOCAL
    return kept


def _of_others(name: str) -> bool:
    return name not in OURS_ON_PURPOSE and (name in OF_PYTHON or name.startswith(OF_OTHERS))
