"""A broker that tests may kill, and a place for their figures."""

from collections.abc import Iterator
from unittest.mock import patch

import pytest

from include.stack import kafka
from include.stack import lifecycle as embedded
from include.stack.settings import Settings
from tests.harness.broker import Broker

FIGURE = "figure"


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


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Lines about what was done and what came of it; they are shown at the end of the run."""
    lines: list[str] = []
    yield lines
    request.node.user_properties += [(FIGURE, line) for line in lines]  # these travel with the report, from whatever process


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    torn_down = [each for reports in terminalreporter.stats.values() for each in reports if getattr(each, "when", "") == "teardown"]
    if lines := [value for report in torn_down for name, value in report.user_properties if name == FIGURE]:
        terminalreporter.section("faults")
        for line in lines:
            terminalreporter.write_line(line)
