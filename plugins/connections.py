"""Endpoints and credentials: from Airflow's connections, and nowhere else."""

import os
import socket
from collections.abc import Iterable
from pathlib import Path

from airflow.providers.apache.kafka.hooks.base import KafkaBaseHook
from airflow.sdk import BaseHook, Connection
from airflow.sdk.configuration import conf
from fsspec import AbstractFileSystem

from include.errors import Refused
from include.kafka.client import Admin
from include.lake.lake import Lake
from include.source import shared_inbox
from include.source.files import serve
from include.source.inbox import INBOX
from include.storage.webhdfs import filesystem

KAFKA = "kafka_default"
SPARK = "spark_default"
HDFS = "hdfs_default"
CATALOG = "lake_catalog"
ON_ONE_MACHINE = {"LocalExecutor", "SequentialExecutor"}


def kafka_config() -> dict[str, str]:
    """librdkafka's configuration: the `extra` of the Kafka connection."""
    return dict(KafkaBaseHook(kafka_config_id=KAFKA).get_connection(KAFKA).extra_dejson)


def kafka_admin() -> Admin:
    """An admin client of the Kafka connection, whose errors name the broker and the cause."""
    return Admin(kafka_config())


def spark() -> Connection:
    """Where Spark runs, and with which settings."""
    return BaseHook.get_connection(SPARK)


def hdfs() -> AbstractFileSystem:
    """HDFS over WebHDFS, as the user of the connection."""
    connection = BaseHook.get_connection(HDFS)
    host, port, user = connection.host, connection.port, connection.login
    if not (host and port and user):
        raise Refused(f"Airflow's connection {HDFS}: expected host, port and login, found {host!r}, {port!r}, {user!r}. Complete it.")
    return filesystem(host, port, user)


def serve_sources() -> None:
    """Lets sources be on HDFS too: hdfs:// is the cluster of the HDFS connection."""
    serve(BaseHook.get_connection(HDFS).extra_dejson["fs"], hdfs())


def lake(customer: str) -> Lake:
    """The customer's tables: catalog from `lake_catalog`, files on HDFS."""
    catalog = BaseHook.get_connection(CATALOG).extra_dejson["uri"].format(customer=customer)
    return Lake.open(customer, catalog_uri=catalog, hdfs_uri=BaseHook.get_connection(HDFS).extra_dejson["fs"], fs=hdfs())


def report_copies() -> Path | None:
    """The folder of this machine that LANDFALL_REPORTS names, for copies of the reports; None where it is not set."""
    folder = os.environ.get("LANDFALL_REPORTS")
    return Path(folder) if folder else None


def refuse_own_inbox(customer: str, sources: Iterable[str]) -> None:
    """Where tasks run on several workers, raises NotShared for sources that this worker may be the only one to have."""
    executors = conf.get("core", "executor").split(",")  # each perhaps with a team before it, and as the path of a class
    if not {name.strip().rpartition(":")[2].rpartition(".")[2] for name in executors} <= ON_ONE_MACHINE:
        at = lake(customer)
        shared_inbox.refuse_own_inbox(Path(os.environ[INBOX]), sources, at.fs, at.path, socket.gethostname())
