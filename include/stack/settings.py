"""Where the embedded stack lives: one folder, one set of ports, all on 127.0.0.1."""

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path

from include.errors import Refused

HOST = "127.0.0.1"
PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ports:
    """One port per listener. Each is moved by the environment: `kafka` by LANDFALL_KAFKA_PORT, and so on."""

    kafka: int = 29192
    kafka_controller: int = 29193
    namenode: int = 29820
    namenode_http: int = 29870
    datanode: int = 29866
    datanode_http: int = 29864
    datanode_ipc: int = 29867
    airflow: int = 28080

    @staticmethod
    def variable(name: str) -> str:
        return f"LANDFALL_{name.upper()}_PORT"

    @classmethod
    def names(cls) -> list[str]:
        return [field.name for field in fields(cls)]

    @classmethod
    def free(cls) -> "Ports":
        """Ports that nobody listens on at the moment, for a stack of one's own in a test."""
        sockets = [socket.socket() for _ in cls.names()]
        try:
            for each in sockets:
                each.bind((HOST, 0))
            return cls(*(each.getsockname()[1] for each in sockets))
        finally:
            for each in sockets:
                each.close()

    @classmethod
    def choose(cls, environ: Mapping[str, str], running: Mapping[str, int]) -> "Ports":
        """The environment's port, else the one that the running stack uses, else the default; never the same one twice."""
        moved = {name: _port(cls.variable(name), environ[cls.variable(name)]) for name in cls.names() if environ.get(cls.variable(name))}
        ports = cls(**{**{name: port for name, port in running.items() if name in cls.names()}, **moved})
        _refuse_doubles(ports)
        return ports


def _port(variable: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise Refused(f"{variable}: expected a port from 1 to 65535, found {text!r}. Correct or unset it.")
    return int(text)


def _refuse_doubles(ports: Ports) -> None:
    first: dict[int, str] = {}
    for name, port in asdict(ports).items():
        if port in first:
            either = f"{Ports.variable(first[port])} or {Ports.variable(name)}"
            raise Refused(f"port {port} is given to both {first[port]} and {name}. Move one of them: set {either}.")
        first[port] = name


@dataclass(frozen=True)
class Endpoints:
    """What clients of the stack need to know. Nothing here proves anything yet: 127.0.0.1 only."""

    bootstrap_servers: str
    webhdfs_host: str
    webhdfs_port: int
    hdfs_uri: str
    hdfs_user: str
    namenode_url: str
    airflow_url: str
    airflow_user: str = "admin"
    airflow_password: str = "admin"


@dataclass(frozen=True)
class Settings:
    """The folders and ports of one stack.

    `home` holds all that running it makes; `tools` holds the virtualenv and the jars, which stacks may share; `project` holds dags/,
    plugins/ and include/.
    """

    home: Path
    ports: Ports
    tools: Path
    project: Path = PROJECT

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """The stack of this project: in .local/, or where LANDFALL_HOME points. LANDFALL_TOOLS moves virtualenv and jars alone."""
        environ = os.environ if environ is None else environ
        home = Path(environ.get("LANDFALL_HOME") or PROJECT / ".local").resolve()
        tools = Path(environ.get("LANDFALL_TOOLS") or home).resolve()
        return cls(home=home, ports=Ports.choose(environ, _running_ports(home)), tools=tools)

    @classmethod
    def private(cls, home: Path, ports: Ports | None = None) -> "Settings":
        """A stack of one's own in `home`, on free ports, with the jars of the project: for tests."""
        return cls(home=home.resolve(), ports=ports or Ports.free(), tools=cls.load().tools)

    @cached_property
    def endpoints(self) -> Endpoints:
        return Endpoints(
            bootstrap_servers=f"{HOST}:{self.ports.kafka}",
            webhdfs_host=HOST,
            webhdfs_port=self.ports.namenode_http,
            hdfs_uri=f"hdfs://{HOST}:{self.ports.namenode}",
            hdfs_user="landfall",
            namenode_url=f"http://{HOST}:{self.ports.namenode_http}",
            airflow_url=f"http://{HOST}:{self.ports.airflow}",
        )

    @property
    def data(self) -> Path:
        """What must survive: topics, blocks, Airflow's database."""
        return self.home / "data"

    @property
    def conf(self) -> Path:
        """Written anew at every start."""
        return self.home / "conf"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def run(self) -> Path:
        """What is true only while the stack is up: the lock and the ports in use."""
        return self.home / "run"

    @property
    def lake(self) -> Path:
        """The Iceberg catalogs, one SQLite file per customer."""
        return self.home / "lake"

    @property
    def catalog_uri(self) -> str:
        """SQLAlchemy's URI of a customer's catalog, with `{customer}` to be filled in. SQLite waits 60 s for another writer."""
        return f"sqlite:///{self.lake}/{{customer}}.sqlite?timeout=60"

    @property
    def inbox(self) -> Path:
        """Where relative source patterns of contracts begin, and where the demo's sample files go."""
        return self.home / "inbox"

    @property
    def reports(self) -> Path:
        """Copies of the reports' pages, a folder per customer."""
        return self.home / "reports"

    @property
    def tmp(self) -> Path:
        return self.home / "tmp"

    @property
    def airflow_home(self) -> Path:
        return self.home / "airflow"

    @property
    def jars(self) -> Path:
        return self.tools / "jars"

    @property
    def running_file(self) -> Path:
        return self.run / "running.json"


def _running_ports(home: Path) -> dict[str, int]:
    try:
        ports: dict[str, int] = json.loads((home / "run" / "running.json").read_text())["ports"]
    except (FileNotFoundError, ValueError, KeyError):  # not running, or cut off in the middle of writing
        return {}
    return ports
