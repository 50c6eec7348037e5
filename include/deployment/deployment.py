"""What commands need to know of a deployment, wherever it is: its connections, as Airflow has them too, and its folders.

A part that is not known is None: who needs it says so by `Deployment.need`, and commands that do without it work.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from include.errors import LandfallError, Refused

if TYPE_CHECKING:
    from include.lake.lake import Lake
    from include.runs.airflow_client import AirflowApi
    from include.source.inbox import Places
    from include.stack.settings import Settings
    from include.storage.webhdfs import WebHDFS

T = TypeVar("T")


@dataclass(frozen=True)
class Airflow:
    """Airflow's REST API: a user with password, or a token. `ca` is a file of certificates to trust beside the usual ones."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    ca: str = ""


@dataclass(frozen=True)
class Hdfs:
    """WebHDFS: the NameNodes' hosts, of which one is active, and `fs`, what paths of the tables begin with (hdfs://host:port)."""

    hosts: tuple[str, ...]
    port: int
    user: str
    fs: str


@dataclass(frozen=True)
class Spark:
    """`master` as spark-submit takes it. `home` and `java_home` are SPARK_HOME and JAVA_HOME of whoever submits; "" is what PATH has."""

    master: str
    properties_file: str = ""
    home: str = ""
    java_home: str = ""


@dataclass(frozen=True)
class Deployment:
    """`origin` says where this is from, and `advice` what to do where a part of it does not answer; both are for messages.

    `kafka` is librdkafka's settings, `catalog` SQLAlchemy's URI, perhaps with `{customer}`. `inbox` and `reports` are folders that this
    machine sees, `customers` that of the contracts. `embedded` are the settings of this machine's own stack, if it is that.
    """

    name: str
    origin: str
    advice: str
    airflow: Airflow | None = None
    kafka: Mapping[str, str] | None = field(default=None, repr=False)
    hdfs: Hdfs | None = None
    catalog: str | None = field(default=None, repr=False)
    spark: Spark | None = None
    customers: Path | None = None
    inbox: Path | None = None
    sources: str | None = None
    reports: Path | None = None
    embedded: "Settings | None" = None

    def need(self, part: T | None, name: str) -> T:
        """The part. Raises Refused, saying where it would be named, if it is not known."""
        if part is None:
            raise Refused(f"{self.origin} says nothing of {name}, which is needed here. {self.advice}")
        return part

    def airflow_api(self) -> "AirflowApi":
        from include.runs.airflow_client import AirflowApi

        at = self.need(self.airflow, "airflow")
        return AirflowApi(at.url, at.user, at.password, token=at.token, ca=at.ca, advice=self.advice)

    def kafka_settings(self) -> Mapping[str, str]:
        """Librdkafka's settings. Raises Refused for one that it does not know, or whose value it does not take."""
        from confluent_kafka import KafkaException

        from include.kafka.client import Admin, reason

        settings = self.need(self.kafka, "kafka")
        try:
            Admin(settings)  # connects to nobody yet
        except KafkaException as error:
            raise Refused(f"{self.origin}: kafka: {reason(error)}. Correct it: the keys are librdkafka's.") from error
        return settings

    def filesystem(self, user: str | None = None) -> "WebHDFS":
        """HDFS as its user, or another, sees it, by the active NameNode. Raises LandfallError where none answers."""
        from include.storage.webhdfs import filesystem

        at = self.need(self.hdfs, "hdfs")
        failures = []
        for host in at.hosts:
            fs = filesystem(host, at.port, user or at.user)
            try:  # of several hosts one is expected to be a standby: that is no reason to ask it again
                fs.info("/lake") if len(at.hosts) == 1 else fs.call_once("GETFILESTATUS", path="/lake")
            except OSError as error:
                failures.append(f"at http://{host}:{at.port} ({error})")
            else:
                return fs
        raise LandfallError(f"HDFS does not answer {' nor '.join(failures)}. {self.advice}")

    def catalog_of(self, customer: str) -> str:
        return self.need(self.catalog, "catalog").format(customer=customer)

    def lake(self, customer: str, user: str | None = None) -> "Lake":
        """The customer's lake, to be read and written by its owner, or to be read by this user."""
        from include.lake.catalog import read_only
        from include.lake.lake import Lake
        from include.source.files import serve

        hdfs, fs, catalog = self.need(self.hdfs, "hdfs"), self.filesystem(user), self.catalog_of(customer)
        serve(hdfs.fs, fs)  # a day's source may be on HDFS
        return Lake.open(customer, catalog_uri=read_only(catalog) if user else catalog, hdfs_uri=hdfs.fs, fs=fs)

    def places(self, customer: str) -> "Places":
        """Where the customer's files may be. Raises Refused where this machine does not see the inbox."""
        from include.source import inbox

        return inbox.places(customer, self.need(self.inbox, "inbox"), self.sources)


def embedded(settings: "Settings", environ: Mapping[str, str] | None = None) -> Deployment:
    """This machine's own stack."""
    from include.source.inbox import VARIABLE
    from include.stack.airflow import EVERYTHING, connections

    environ = os.environ if environ is None else environ
    at = settings.endpoints
    extra: Any = connections(settings)["SPARK_DEFAULT"]["extra"]
    return Deployment(
        name="",
        origin=f"the embedded stack in {settings.home}",
        advice="Start the stack with: ./landfall up",
        airflow=Airflow(at.airflow_url, at.airflow_user, at.airflow_password),
        kafka={"bootstrap.servers": at.bootstrap_servers},
        hdfs=Hdfs((at.webhdfs_host,), at.webhdfs_port, at.hdfs_user, at.hdfs_uri),
        catalog=settings.catalog_uri,
        spark=Spark("local[*]", extra["properties-file"]),
        inbox=settings.inbox,
        sources=environ.get(VARIABLE) or EVERYTHING,
        reports=settings.reports,
        embedded=settings,
    )
