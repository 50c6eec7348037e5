"""Real daemons for tests: private ones, on free ports, in a temporary folder, gone afterwards."""

import gc
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from include.errors import LandfallError
from include.stack import lifecycle as embedded
from include.stack.jars import READERS, STACK, JarSet, fetch_jars
from include.stack.java import find_java
from include.stack.settings import Settings
from tests.harness import postgres as private_postgres
from tests.harness.private_landfall import Landfall, private_landfall

# Tests that share what takes long to start, a stack or a Spark; each group runs in one process. With one stack for all that need one, its
# process would go on long after the others, one landing after the other.
STACKS = {"stack": ("tests/e2e/",), "stack of faults": ("tests/faults/test_kill_everywhere.py", "tests/faults/test_zombie_spark.py")}
GROUPS = {"stack": STACKS["stack"], "spark": ("tests/spark/",), "stack of faults": STACKS["stack of faults"]}
LONG_FILES_FIRST = ("tests/faults", "tests/spark", "tests/integration")  # so that processes end at about the same time
# Fixtures that start daemons or Spark, or fetch what they need.
STARTS = {"jars", "reader_jars", "kafka", "hdfs", "spark", "stack", "landfall", "postgres"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="all there is, up to 75 minutes in all")
    parser.addoption("--quick", action="store_true", help="leaves out what starts a daemon or Spark, and what is marked not_quick")


def pytest_configure(config: pytest.Config) -> None:
    for name in ("LANDFALL_PROFILE", "LANDFALL_PROFILES"):  # tests go to daemons of their own, never to anybody's deployment
        os.environ.pop(name, None)
    config.addinivalue_line("markers", "long(covered_by): part of the long form; the test of the default form that covers its promise")

    # Airflow and the tests themselves are a million objects that stay. Python would look through them all every few hundred new ones,
    # a fifth of the time of tests that run within it; what tests leave in a cycle may as well lie for a while.
    gc.set_threshold(50_000, 20, 50)


@pytest.hookimpl(hookwrapper=True)
def pytest_collection() -> Iterator[None]:
    """Nothing of what collection makes goes away: it is not looked through, neither meanwhile nor afterwards."""
    gc.disable()
    yield
    gc.enable()
    gc.freeze()


def pytest_unconfigure() -> None:
    gc.unfreeze()  # or libraries in C++ report at exit that objects of theirs were never freed


class ByGroup(LoadScopeScheduling):
    """Gives a process a whole group, or a whole file: what its tests share is started once."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByGroup:
    return ByGroup(config, log)


def group_of(nodeid: str) -> str:
    """The group of a test; its file where it has none."""
    return next((group for group, paths in GROUPS.items() if nodeid.startswith(paths)), nodeid.partition("::")[0])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()) and group_of(item.nodeid) not in STACKS:
            raise pytest.UsageError(f"{item.nodeid} needs a stack. Name its file in STACKS of tests/conftest.py: they share few.")
    order = [*GROUPS, *LONG_FILES_FIRST]
    items.sort(key=lambda item: next((place for place, prefix in enumerate(order) if group_of(item.nodeid).startswith(prefix)), len(order)))
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
