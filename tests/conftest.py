"""Real daemons for tests: private ones, on free ports, in a temporary folder, gone afterwards."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from include.errors import LandfallError
from include.stack import lifecycle as embedded
from include.stack.jars import READERS, STACK, JarSet, fetch_jars
from include.stack.java import find_java
from include.stack.settings import Settings
from tests.harness import postgres as private_postgres
from tests.harness.private_landfall import Landfall, private_landfall

SHARED = {"stack": {"stack", "landfall"}, "spark": {"spark"}}  # what takes long to start, and the fixtures that do
LONG_FILES_FIRST = ("tests/faults", "tests/spark", "tests/integration")  # so that processes end at about the same time
# Fixtures that start daemons or Spark, or fetch what they need.
STARTS = {"jars", "reader_jars", "kafka", "hdfs", "spark", "stack", "landfall", "postgres"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="all there is, up to 75 minutes in all")
    parser.addoption("--quick", action="store_true", help="leaves out what starts a daemon or Spark, and what is marked not_quick")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long(covered_by): part of the long form; the test of the default form that covers its promise")


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, None, None]:
    _leave_out(config, items)
    if config.getoption("loadgroup", default=False):
        _group(items)
    yield  # after it pytest-xdist reads the groups


def _group(items: list[pytest.Item]) -> None:
    """What shares a stack or a Spark runs in one process; of the others each file by itself, suites of long files first."""
    groups = {item: _group_of(item) for item in items}
    for item, group in groups.items():
        item.add_marker(pytest.mark.xdist_group(group))
    order = [*SHARED, *LONG_FILES_FIRST]
    items.sort(key=lambda item: next((place for place, prefix in enumerate(order) if groups[item].startswith(prefix)), len(order)))


def _group_of(item: pytest.Item) -> str:
    shared = [group for group, fixtures in SHARED.items() if fixtures & set(getattr(item, "fixturenames", ()))]
    return shared[0] if shared else item.nodeid.partition("::")[0]


def _leave_out(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--quick"):
        left_out = [item for item in items if item.get_closest_marker("not_quick") or STARTS & set(getattr(item, "fixturenames", ()))]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    if not config.getoption("--long"):
        for item in items:
            if mark := item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(f"part of the long form: --long. By default: {mark.args[0]}"))


@pytest.fixture(scope="session", autouse=True)
def spool_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests spool lies in a folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANDFALL_SPOOL", str(tmp_path_factory.mktemp("spool")))
        yield


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Whether the long form of a test is asked for."""
    return bool(request.config.getoption("--long"))


@dataclass(frozen=True)
class Hdfs:
    """A running HDFS: where WebHDFS listens, and the URI for RPC. /lake belongs to `user`; `superuser` may do anything."""

    host: str
    port: int
    uri: str
    user: str = "landfall"
    superuser: str = "hdfs"


@pytest.fixture(scope="session")
def jars(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The jars of the stack, fetched on first use; without them what needs a daemon is skipped, saying why."""
    _fetch(STACK, tmp_path_factory, "the jars of the stack")


@pytest.fixture(scope="session")
def reader_jars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the jars with which a reader's Spark reads the lake, fetched on first use."""
    _fetch(READERS, tmp_path_factory, "the jars of a reader's Spark")
    return READERS.of(Settings.load()) / "spark"


def _fetch(jars: JarSet, tmp_path_factory: pytest.TempPathFactory, what: str) -> None:
    try:
        fetch_jars(Settings.load(), find_java(tmp_path_factory.mktemp("java")), print, jars)
    except LandfallError as error:
        pytest.skip(f"{what} cannot be had: {error}")


@pytest.fixture(scope="session")
def kafka(jars: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap servers of a Kafka of our own."""
    settings = Settings.private(tmp_path_factory.mktemp("kafka"))
    with embedded.running(settings, embedded.KAFKA):
        yield settings.endpoints.bootstrap_servers


@pytest.fixture(scope="session")
def hdfs(jars: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hdfs]:
    """A NameNode and a DataNode of our own, with /lake made."""
    settings = Settings.private(tmp_path_factory.mktemp("hdfs"))
    with embedded.running(settings, embedded.HDFS):
        at = settings.endpoints
        yield Hdfs(at.webhdfs_host, at.webhdfs_port, at.hdfs_uri)


@pytest.fixture(scope="session")
def postgres() -> Iterator[private_postgres.Postgres]:
    """A Postgres of our own; where none is installed, what needs it is skipped, saying so."""
    with private_postgres.running() as server:
        yield server


@pytest.fixture(scope="session")
def landfall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landfall]:
    """A whole stack for all tests that need one. Nothing is up at first: `stack` starts it, by the command a person would use."""
    with private_landfall(tmp_path_factory.mktemp("home")) as run:
        yield run


@pytest.fixture(scope="session")
def stack(landfall: Landfall) -> Landfall:
    landfall("up")
    return landfall
