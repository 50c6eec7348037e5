"""A whole stack of its own for these tests, and a place for their figures."""

from collections.abc import Iterator
from dataclasses import dataclass
from unittest.mock import patch

import psutil
import pytest

from include.stack import kafka, processes
from include.stack import lifecycle as embedded
from include.stack.settings import Settings
from tests.harness.private_landfall import Landfall, private_landfall


@pytest.fixture(scope="package")
def landfall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landfall]:
    """Nothing is up at first: the first test that needs the stack starts it, by the command a person would use."""
    with private_landfall(tmp_path_factory.mktemp("home")) as run:
        yield run


@pytest.fixture(scope="package")
def stack(landfall: Landfall) -> Landfall:
    landfall("up")
    return landfall


@dataclass(frozen=True)
class Broker:
    """A Kafka that a test may kill and stop; topics age out within a second or two where their retention says so."""

    settings: Settings

    @property
    def servers(self) -> str:
        return self.settings.endpoints.bootstrap_servers

    @property
    def process(self) -> psutil.Process:
        return processes.daemons(self.settings.home)["kafka"]

    def kill(self) -> None:
        self.process.kill()

    def start(self) -> None:
        embedded.up(self.settings, names=embedded.KAFKA)


@pytest.fixture(scope="session")
def broker(jars: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    settings = Settings.private(tmp_path_factory.mktemp("broker"))
    usual = kafka.server_properties
    eager = {"log.retention.check.interval.ms": 500, "log.initial.task.delay.ms": 500, "log.segment.delete.delay.ms": 0}
    with (
        patch.object(kafka, "server_properties", lambda settings, data: {**usual(settings, data), **eager}),
        embedded.running(settings, embedded.KAFKA),
    ):
        yield Broker(settings)


FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> list[str]:
    """Lines about what was done and what came of it; they are shown at the end of the run."""
    return request.config.stash.setdefault(FIGURES, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if lines := config.stash.get(FIGURES, []):
        terminalreporter.section("faults")
        for line in lines:
            terminalreporter.write_line(line)
