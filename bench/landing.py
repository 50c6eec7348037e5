"""What a landing through Airflow costs, step by step, and a backfill of ten days: wall seconds, and CPU seconds of all that the stack runs.

    PYTHONPATH=. .local/venv/bin/python bench/landing.py [--source FILE] [--rounds 3] [--days 10] [--json]

Starts a stack of its own (Kafka, HDFS, Airflow), which is gone afterwards. Without `--source` each day is the sample's own 1,224 records or
so; with it, each day is that file. The first landing warms the machine up and is not counted.
"""

import itertools
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer
from rich.console import Console
from rich.table import Table

from include.run_identity import TASKS
from include.stack import processes, samples
from include.stack.settings import Settings
from tests.harness.private_landfall import Landfall, private_landfall

CUSTOMER = "bench"
FIRST = date(2018, 1, 1)


@dataclass(frozen=True)
class Measured:
    """One command: from its start to its end, and what all processes of the stack used meanwhile. `tasks` is Airflow's own word."""

    wall: float
    cpu: float
    tasks: dict[str, float]


def main(
    source: Annotated[Path | None, typer.Option(help="a file that every day consists of")] = None,
    rounds: Annotated[int, typer.Option(help="how many landings are counted")] = 3,
    days: Annotated[int, typer.Option(help="days of the backfill; 0 leaves it out")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="one document in place of the table")] = False,
) -> None:
    """Prints the median seconds of each task, of a whole landing, and of a backfilled day."""
    with tempfile.TemporaryDirectory(prefix="landfall-bench-") as name, private_landfall(Path(name)) as landfall:
        landfall("up")
        landfall.add_customer(CUSTOMER, first_day=FIRST, max_quarantined=0.05, schedule="0 0 1 1 *" if days == 0 else "30 2 * * *")
        every_day = (FIRST + timedelta(days=number) for number in itertools.count())
        landings = [measured(landfall, lambda: land(landfall, next(every_day), source)) for _ in range(rounds + 1)][1:]
        backfilled = backfill(landfall, [next(every_day) for _ in range(days)], source) if days else None
    result = document(landings, backfilled, days)
    if as_json:
        json.dump(result, sys.stdout, indent=2)
    else:
        report(result)


def land(landfall: Landfall, day: date, source: Path | None) -> dict[str, float]:
    """One day through Airflow; returns how long each task ran."""
    deliver(landfall, day, source)
    receipt: dict[str, Any] = landfall.json("land", "--customer", CUSTOMER, "--day", day.isoformat())
    return dict(receipt["seconds"])


def backfill(landfall: Landfall, days: list[date], source: Path | None) -> Measured:
    for day in days:
        deliver(landfall, day, source)

    def run() -> dict[str, float]:
        landfall.json("backfill", "--customer", CUSTOMER, "--from", days[0].isoformat(), "--to", days[-1].isoformat())
        return {}

    return measured(landfall, run)


def deliver(landfall: Landfall, day: date, source: Path | None) -> None:
    """The day's files in the customer's folder of the inbox."""
    with tempfile.TemporaryDirectory(prefix="landfall-bench-") as made:
        for path in [source] if source else samples.write(Path(made), day.isoformat()):
            target = landfall.settings.inbox / CUSTOMER / f"{day}{''.join(path.suffixes)}"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def measured(landfall: Landfall, run: Callable[[], dict[str, float]]) -> Measured:
    with cpu_of(landfall.settings) as cpu:
        began = time.monotonic()
        tasks = run()
        wall = time.monotonic() - began
    return Measured(wall, cpu(), tasks)


@contextmanager
def cpu_of(settings: Settings) -> Iterator[Callable[[], float]]:
    """After the block: CPU seconds that the stack's daemons and whatever they had started used within it, ended processes included."""
    before = _cpu(settings)
    after: list[float] = []
    yield lambda: after[0] - before
    after.append(_cpu(settings))


def _cpu(settings: Settings) -> float:
    """Since each daemon began. A process counts its children once they have ended; those that still run count by themselves."""
    total = 0.0
    for process in processes.everything(settings.home):
        try:
            used = process.cpu_times()
        except psutil.NoSuchProcess:  # its parent has it now
            continue
        total += used.user + used.system + used.children_user + used.children_system
    return total


def document(landings: list[Measured], backfilled: Measured | None, days: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "landings": len(landings),
        "wall_seconds": statistics.median(each.wall for each in landings),
        "cpu_seconds": statistics.median(each.cpu for each in landings),
        "tasks": {task: statistics.median(each.tasks.get(task, 0.0) for each in landings) for task in TASKS},
    }
    if backfilled:
        result |= {"backfill_days": days, "backfill_wall_per_day": backfilled.wall / days, "backfill_cpu_per_day": backfilled.cpu / days}
    return {name: round(value, 2) if isinstance(value, float) else value for name, value in result.items()}


def report(result: dict[str, Any]) -> None:
    table = Table(title=f"a landing through Airflow, medians of {result['landings']}")
    for column in ("what", "wall s", "CPU s"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for task, seconds in result["tasks"].items():
        table.add_row(task, f"{seconds:.2f}", "")
    table.add_section()
    table.add_row("trigger to success, as the command sees it", f"{result['wall_seconds']:.2f}", f"{result['cpu_seconds']:.2f}")
    if "backfill_days" in result:
        what = f"a day of a backfill of {result['backfill_days']}"
        table.add_row(what, f"{result['backfill_wall_per_day']:.2f}", f"{result['backfill_cpu_per_day']:.2f}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
