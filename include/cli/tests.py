"""The command that runs the tests."""

from pathlib import Path
from typing import Annotated

import typer

from include.errors import Refused

SUITES = {
    "unit": ["tests/unit"],
    "dags": ["tests/dags", "tests/plugins"],
    "spark": ["tests/spark"],
    "integration": ["tests/integration"],
    "e2e": ["tests/e2e"],
    "faults": ["tests/faults"],
}
ON_ALL_CORES = {"unit"}  # the others start daemons, which want the machine for themselves


def run(
    context: typer.Context,
    suite: Annotated[str | None, typer.Argument(help=f"One of {', '.join(SUITES)}. Default: all, in this order.")] = None,
) -> None:
    """Run the tests against real Kafka, HDFS, Spark and Airflow, on ports and in folders of their own.

    The unit tests run first, on all cores; if one of them fails, the others are not begun. Further arguments go to pytest, such as -x or
    -k NAME.
    """
    import pytest

    given = [suite, *context.args] if suite else []
    chosen = list(SUITES)
    if suite in SUITES:
        chosen = [given.pop(0)]
    elif suite and not suite.startswith("-"):
        raise Refused(f"there is no test suite {suite!r}; expected one of {', '.join(SUITES)}")
    root = Path(__file__).parents[2]
    code = int(pytest.ExitCode.NO_TESTS_COLLECTED)
    for names, options in (
        ([name for name in chosen if name in ON_ALL_CORES], ["-n", "logical", "--maxprocesses", "8", "--dist", "loadscope"]),
        ([name for name in chosen if name not in ON_ALL_CORES], []),
    ):
        folders = [str(root / folder) for name in names for folder in SUITES[name]]
        if folders:
            ended = pytest.main(["--rootdir", str(root), "-c", str(root / "pyproject.toml"), *folders, *options, *given])
            if ended not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
                raise typer.Exit(ended)
            code = min(code, int(ended))
    raise typer.Exit(code)
