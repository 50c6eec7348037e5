"""What the commit of a day costs, beside the version that committed one table after the other: wall and CPU seconds, in turns.

    PYTHONPATH=. .local/venv/bin/python bench/commit.py [--days 12] [--catalog sqlite] [--local] [--json]

The version before comes out of git's history. Each lands the same days, on an HDFS that the bench starts, in a lake of its own; the first
two days of each warm it up and are not counted. CPU is that of the process that commits. The goal is at most 0.6 times.
"""

import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from include.errors import Refused
from include.stack import lifecycle
from include.stack.settings import Settings
from tests.harness import postgres
from tests.harness.version_before import ROOT, Lander, lander, version_before

FIRST = date(2018, 1, 1)
WARM_UP = 2
Seconds = list[tuple[float, float]]  # wall, CPU


def main(
    days: Annotated[int, typer.Option(help="how many days each commits, the warm-up not among them")] = 12,
    catalog: Annotated[str, typer.Option(help="sqlite, or postgres: one that the bench starts")] = "sqlite",
    local: Annotated[bool, typer.Option("--local", help="files on the local disk in place of HDFS")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one document in place of the table")] = False,
) -> None:
    """Prints the median seconds of a commit by both versions, and their ratio."""
    with tempfile.TemporaryDirectory(prefix="landfall-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        before = version_before(folder)
        if before is None:
            raise Refused("the version before is not in git's history here, so there is nothing to compare with. Fetch the whole history.")
        hdfs, webhdfs = (f"file://{folder}", "") if local else stack.enter_context(running_hdfs(folder))
        server = stack.enter_context(postgres.running(settings=())) if catalog == "postgres" else None
        landers = {}
        for version, code in (("before", before), ("now", ROOT)):
            uri = server.database() if server else f"sqlite:///{folder}/{version}.sqlite?timeout=60"
            landers[version] = stack.enter_context(lander(code, version, uri, hdfs, webhdfs, folder))
        report(take_turns(landers, days), f"{catalog}, {'local files' if local else 'HDFS'}", as_json)


@contextmanager
def running_hdfs(folder: Path) -> Iterator[tuple[str, str]]:
    """The address of an HDFS of the bench's own, and that of its WebHDFS."""
    with lifecycle.running(Settings.private(folder / "stack"), lifecycle.HDFS) as settings:
        at = settings.endpoints
        yield at.hdfs_uri, f"{at.webhdfs_host}:{at.webhdfs_port}"


def take_turns(landers: dict[str, Lander], days: int) -> dict[str, Seconds]:
    seconds: dict[str, Seconds] = {version: [] for version in landers}
    for number in range(days + WARM_UP):
        day = (FIRST + timedelta(days=number)).isoformat()
        for version, each in sorted(landers.items(), reverse=bool(number % 2)):
            wall, cpu, _ = each.land(day)
            if number >= WARM_UP:
                seconds[version].append((wall, cpu))
    return seconds


def report(seconds: dict[str, Seconds], where: str, as_json: bool) -> None:
    medians = {version: [statistics.median(each) for each in zip(*taken, strict=True)] for version, taken in seconds.items()}
    ratio = [now / before for now, before in zip(medians["now"], medians["before"], strict=True)]
    rows = {**medians, "ratio": ratio}
    if as_json:
        json.dump(
            {"where": where, "days": len(seconds["now"]), **{row: dict(zip(("wall", "cpu"), rows[row], strict=True)) for row in rows}},
            sys.stdout,
        )
        return
    table = Table(title=f"commit of a day, median of {len(seconds['now'])} days; {where}")
    for column in ("version", "wall s", "CPU s"):
        table.add_column(column, justify="left" if column == "version" else "right")
    for row, (wall, cpu) in rows.items():
        table.add_row(row, f"{wall:.2f}", f"{cpu:.2f}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
