"""The command that runs the tests."""

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from include.cli import terminal
from include.errors import Refused

if TYPE_CHECKING:
    import pytest

SUITES = {
    "unit": ["tests/unit"],
    "dags": ["tests/dags", "tests/plugins"],
    "spark": ["tests/spark"],
    "integration": ["tests/integration"],
    "e2e": ["tests/e2e"],
    "faults": ["tests/faults"],
}
QUICK = ["tests/unit", "tests/dags", "tests/plugins", "tests/spark"]  # tests/conftest.py leaves out what --quick is not for
ON_ALL_CORES = {"unit", "dags"}  # the others start daemons
ALL_CORES = ["-n", "logical", "--maxprocesses", "8", "--dist", "loadscope"]  # by file, or by the groups of tests/conftest.py
TWO_AT_ONCE = ["-n", "logical", "--maxprocesses", "2", "--dist", "loadscope", "--no-loadscope-reorder"]
BY_FILE = ("tests/integration/", "tests/e2e/", "tests/faults/")  # in the table of times; the others by folder
ROOT = Path(__file__).parents[2]


class Times:
    """A plugin of pytest that adds up how long tests took, set-up and tear-down too, by part."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.seconds: dict[str, float] = {}
        self.tests: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: "pytest.TestReport") -> None:
        """Called in the process that the others report to, so it sees the tests of all cores."""
        part = part_of(report.nodeid)
        self.seconds[part] = self.seconds.get(part, 0.0) + report.duration
        self.tests[part] += report.when == "setup"

    def show(self) -> None:
        """Prints the parts, longest first; nothing if no test ran."""
        if not self.seconds:
            return
        longest_first = sorted(self.seconds.items(), key=lambda item: -item[1])
        rows = [[part, f"{self.tests[part]:,}", f"{seconds:,.1f}"] for part, seconds in longest_first]
        rows.append(["all, as the clock has it", f"{self.tests.total():,}", f"{time.monotonic() - self.began:,.1f}"])
        terminal.table(["part", "tests", "seconds"], rows, numeric=[False, True, True])


def part_of(nodeid: str) -> str:
    """The folder of a test, with the room for tests of one; its file in suites of few and long tests."""
    path = nodeid.partition("::")[0]
    return path if path.startswith(BY_FILE) else path.rpartition("/")[0]


def run(
    context: typer.Context,
    suite: Annotated[str | None, typer.Argument(help=f"One of quick, {', '.join(SUITES)}. Default: all, in this order.")] = None,
) -> None:
    """Run the tests against real Kafka, HDFS, Spark and Airflow, on ports and in folders of their own.

    What needs no daemon, unit and dags, runs first, on all cores; if a test of it fails, the others are not begun. Of those, the tests that
    share a stack run in one process and the rest beside it in another. `quick` is what needs no daemon without what takes long: at most
    three minutes. --long adds the long forms: all there is, up to 75 minutes in all. Further arguments go to pytest, such as -x or
    -k NAME. At the end a table has how long which part took.
    """
    given = [suite, *context.args] if suite else []
    if suite == "quick":
        phases = [(QUICK, [*ALL_CORES, "--quick"])]
        given.pop(0)
    else:
        chosen = list(SUITES)
        if suite in SUITES:
            chosen = [given.pop(0)]
        elif suite and not suite.startswith("-"):
            raise Refused(f"there is no test suite {suite!r}; expected one of quick, {', '.join(SUITES)}")
        parallel = [folder for name in chosen if name in ON_ALL_CORES for folder in SUITES[name]]
        with_daemons = [folder for name in chosen if name not in ON_ALL_CORES for folder in SUITES[name]]
        phases = [(parallel, ALL_CORES), (with_daemons, TWO_AT_ONCE)]
    times = Times()
    try:
        code = _run_phases([(folders, [*options, *given]) for folders, options in phases if folders], times)
    finally:
        times.show()
    raise typer.Exit(code)


def _run_phases(phases: list[tuple[list[str], list[str]]], times: Times) -> int:
    """Folders with their options, one after the other until one fails. Returns pytest's exit code."""
    import pytest

    code = int(pytest.ExitCode.NO_TESTS_COLLECTED)
    for folders, options in phases:
        paths = [str(ROOT / folder) for folder in folders]
        ended = pytest.main(["--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml"), *paths, *options], plugins=[times])
        if ended not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            return int(ended)
        code = min(code, int(ended))
    return code
