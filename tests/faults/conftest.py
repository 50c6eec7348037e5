"""A whole stack of its own for these tests, and a place for their figures."""

from collections.abc import Iterator

import pytest

from tests.private_landfall import Landfall, private_landfall


@pytest.fixture(scope="session")
def landfall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landfall]:
    """Nothing is up at first: the first test that needs the stack starts it, by the command a person would use."""
    with private_landfall(tmp_path_factory.mktemp("home")) as run:
        yield run


@pytest.fixture(scope="session")
def stack(landfall: Landfall) -> Landfall:
    landfall("up")
    return landfall


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
