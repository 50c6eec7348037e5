"""Airflow: api-server, scheduler with LocalExecutor, dag-processor; its database is SQLite. Configured by environment alone."""

import base64
import contextlib
import http.client
import json
import os
import secrets
import sqlite3
import sys
import threading
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

from include.stack.environment import inherited
from include.stack.java import Java, find_java
from include.stack.service import Service, run_job, write
from include.stack.settings import HOST, Settings
from include.stack.spark import properties_file, spark_environment

# Airflow's processes import this module from its home when they start.
#
# Tasks and parses of DAG files are forks of the scheduler and the dag-processor. What those have imported already costs a fork nothing;
# without it every task imported these libraries for itself, two thirds of a second of CPU, seven times a landing. Airflow's Spark provider
# imports OpenLineage's client wherever that is installed, whether it is configured or not.
#
# SQLite takes the right to write in the middle of a transaction that began with reading, and refuses it at once ("database is locked",
# however long the patience) if another process wrote meanwhile. Airflow's creation of backfills, which begins with savepoints, failed so
# most of the time; it then deleted the runs, which the scheduler had begun already.
LOCAL_SETTINGS = """\
from importlib import import_module

from sqlalchemy import Engine, event

for library in (
    "confluent_kafka.admin", "cron_descriptor", "croniter", "dill", "duckdb", "fsspec.implementations.webhdfs",
    "openlineage.client", "pyarrow.compute", "pyiceberg.catalog.sql", "pyiceberg.io.fsspec", "pyiceberg.io.pyarrow",
    "setproctitle", "vl_convert", "xxhash",
):
    import_module(library)


@event.listens_for(Engine, "savepoint")
def write_from_the_start(connection, name):
    if connection.dialect.name == "sqlite" and not connection.connection.dbapi_connection.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
"""


# The secrets of an Airflow, and how each is made at random.
KEYS: dict[str, Callable[[], str]] = {
    "fernet_key": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    "secret_key": lambda: secrets.token_hex(32),
    "jwt_secret": lambda: secrets.token_hex(64),
}
# Whoever starts the stack is the only one who can start a run, and may read with it what they can read without.
EVERYTHING = json.dumps({"*": ["*"]})


def airflow_services(settings: Settings, java: Java) -> list[Service]:
    environ = airflow_environment(settings, java)
    migrate = _once(lambda: _migrate(settings, environ))

    # The api-server logs who asked for what from within its event loop. If that write has to wait for one of its own threads, which
    # needs the loop to end, nothing moves until the patience is over: so it is short, and whoever asked asks again.
    hasty = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": _address(_database(settings), patience=1)}

    def service(part: str, title: str, component: str, *arguments: str, ports: tuple[str, ...] = ()) -> Service:
        return Service(
            name=f"airflow-{part}",
            title=title,
            ports=ports,
            command=[sys.executable, "-m", "airflow", part, *arguments],
            environ={**environ, **hasty} if part == "api-server" else environ,
            prepare=migrate,
            missing=lambda: _missing(settings, component),
        )

    return [
        service("api-server", "Airflow's api-server", "metadatabase", ports=("airflow",)),
        # The api-server reads the logs from the same disk: no log server.
        service("scheduler", "Airflow's scheduler", "scheduler", "--skip-serve-logs"),
        service("dag-processor", "Airflow's dag-processor", "dag_processor"),
    ]


def airflow_environment(settings: Settings, java: Java | None = None) -> dict[str, str]:
    """Everything that an Airflow process of this stack has in its environment; makes the secrets if there are none yet."""
    java = java or find_java(settings.home / "java")
    inherit = inherited()
    return {
        **inherit,
        **{f"AIRFLOW__{name}": str(value) for name, value in _configuration(settings).items()},
        **{f"AIRFLOW_CONN_{name}": json.dumps(value) for name, value in connections(settings).items()},
        **spark_environment(settings, java),
        "AIRFLOW_HOME": str(settings.airflow_home),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), inherit.get("PATH", os.defpath)]),
        "OPENBLAS_NUM_THREADS": "1",  # numpy's, which nobody here uses: a process that is forked is to have no threads
        "PYTHONPATH": str(settings.project),
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore",
        "LANDFALL_INBOX": str(settings.inbox),
        "LANDFALL_SOURCES": inherit.get("LANDFALL_SOURCES") or EVERYTHING,
        "LANDFALL_REPORTS": str(settings.reports),
        "LANDFALL_SPOOL": str(settings.tmp),
        "SCARF_ANALYTICS": "false",
    }


def connections(settings: Settings) -> dict[str, dict[str, object]]:
    """Airflow's connections to the parts of the stack: the one place where endpoints and users stand."""
    at = settings.endpoints
    return {
        "KAFKA_DEFAULT": {"conn_type": "kafka", "extra": {"bootstrap.servers": at.bootstrap_servers}},
        "SPARK_DEFAULT": {"conn_type": "spark", "host": "local[*]", "extra": {"properties-file": str(properties_file(settings))}},
        "HDFS_DEFAULT": {
            "conn_type": "hdfs",
            "host": at.webhdfs_host,
            "port": at.webhdfs_port,
            "login": at.hdfs_user,
            "extra": {"fs": at.hdfs_uri},
        },
        "LAKE_CATALOG": {"conn_type": "generic", "extra": {"uri": settings.catalog_uri}},
    }


def _configuration(settings: Settings) -> Mapping[str, object]:
    secret = _secrets(settings)
    url = settings.endpoints.airflow_url
    return {
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": 3,  # two cores: of seven days at once, all are done sooner by three at a time than by four
        "CORE__DAGS_FOLDER": settings.project / "dags",
        "CORE__PLUGINS_FOLDER": settings.project / "plugins",
        "CORE__LOAD_EXAMPLES": False,
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": True,  # a DAG that may run by itself says so
        "CORE__HOSTNAME_CALLABLE": "socket.gethostname",  # without asking a name server
        "CORE__FERNET_KEY": secret["fernet_key"],
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": 5,
        "CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,viewer:viewer",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": _passwords(settings),
        "DATABASE__SQL_ALCHEMY_CONN": _address(_database(settings)),
        "API__HOST": HOST,
        "API__PORT": settings.ports.airflow,
        "API__BASE_URL": url,
        "API__WORKERS": 1,
        "API__SECRET_KEY": secret["secret_key"],
        "API_AUTH__JWT_SECRET": secret["jwt_secret"],
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": 0.3,  # short for short tasks; 0.1 kept a fifth of a core busy with nothing
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": 30,
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": 60,  # a task whose machine was switched off is tried again after a minute, not five
        # The scheduler is often up before the api-server: a task then asks again for half a minute instead of failing.
        "WORKERS__EXECUTION_API_RETRIES": 15,
        "WORKERS__EXECUTION_API_RETRY_WAIT_MAX": 3,
        # A task's end is seen when the wait for its next heartbeat is over: so long a task that is done kept its slot from the next.
        "WORKERS__MIN_HEARTBEAT_INTERVAL": 1,
        # A new contract changes no DAG file: it shows when the files are parsed again, or at once where `land` asks for its DAG. Parsing
        # twice as often kept a twelfth of a core busy with nothing.
        "DAG_PROCESSOR__REFRESH_INTERVAL": 10,
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": 30,
        "DAG_PROCESSOR__PARSING_PROCESSES": 1,
        "DAG_PROCESSOR__PRINT_STATS_INTERVAL": 600,
        "LOGGING__BASE_LOG_FOLDER": settings.logs / "airflow",
        "LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": settings.logs / "airflow" / "dag_processor",
        "LOGGING__COLORED_CONSOLE_LOG": False,
        "USAGE_DATA_COLLECTION__ENABLED": False,
    }


def _database(settings: Settings) -> Path:
    return settings.airflow_home / "airflow.db"


def _passwords(settings: Settings) -> Path:
    """Fixed logins of a stack that only this machine reaches: admin may run DAGs, viewer may look."""
    path = settings.airflow_home / "passwords.json"
    text = json.dumps({"admin": settings.endpoints.airflow_password, "viewer": "viewer"})
    if not path.exists() or path.read_text() != text:
        write(path, text, mode=0o600)
    return path


def _secrets(settings: Settings) -> dict[str, str]:
    """Made once: a restart with other keys would end every session and lose what is encrypted."""
    path = settings.airflow_home / "secrets.json"
    if not path.exists():
        write(path, json.dumps({name: make() for name, make in KEYS.items()}), mode=0o600)
    stored: dict[str, str] = json.loads(path.read_text())
    return stored


def _once(do: Callable[[], None]) -> Callable[[], None]:
    """All callers wait for the first one's success; after a failure the next one tries."""
    lock, done = threading.Lock(), threading.Event()

    def once() -> None:
        with lock:
            if not done.is_set():
                do()
                done.set()

    return once


def _migrate(settings: Settings, environ: Mapping[str, str]) -> None:
    """Makes the database, or brings it to this Airflow's version. Makes it aside: one that was cut off half-way is not taken."""
    write(settings.airflow_home / "config" / "airflow_local_settings.py", LOCAL_SETTINGS)
    database = _database(settings)
    stamp = database.with_suffix(".version")
    if database.exists() and stamp.exists() and stamp.read_text() == version("apache-airflow"):
        return
    target = database if database.exists() else database.with_suffix(".new")
    if target != database:
        target.unlink(missing_ok=True)
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    run_job(
        settings,
        "airflow-migrate",
        "Airflow's database migration",
        command,
        {**environ, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": _address(target)},
    )
    _let_readers_and_a_writer_work_at_once(target)
    target.rename(database)
    write(stamp, version("apache-airflow"))


def _address(database: Path, patience: int = 60) -> str:
    """`patience` is how many seconds a write waits for the other processes' writes."""
    return f"sqlite:///{database}?timeout={patience}"


def _let_readers_and_a_writer_work_at_once(database: Path) -> None:
    """The file keeps this mode; without it every long read of one process makes another one's write wait, and fail in the end."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("pragma journal_mode = wal")


def _missing(settings: Settings, component: str) -> str | None:
    """What Airflow says about the health of one of its components. The api-server tells for all, so all wait for it."""
    connection = http.client.HTTPConnection(HOST, settings.ports.airflow, timeout=10)
    try:
        connection.request("GET", "/api/v2/monitor/health")
        health = json.loads(connection.getresponse().read())
        state = health[component]["status"]
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return "no answer from the api-server"
    finally:
        connection.close()
    return None if state == "healthy" else "no heartbeat yet"
