"""A broker that tests may kill, and a place for their figures."""

from collections.abc import Iterator
from unittest.mock import patch

import pytest

from include.stack import kafka
from include.stack import lifecycle as embedded
from include.stack.settings import Settings
from tests.harness.broker import Broker


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
