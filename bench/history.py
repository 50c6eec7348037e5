"""Whether history slows a lake down: commit, query and reports with few days landed, and with many, in turns on one HDFS.

    PYTHONPATH=. .local/venv/bin/python bench/history.py [--few 7] [--many 730] [--rounds 5]

Starts its own HDFS. The history is made by metadata: small files, all days of a table in one commit, which is also what merging leaves.
"""

import itertools
import json
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import pyarrow.parquet as pq
import typer
from rich.console import Console
from rich.table import Table

from include import receipts
from include.answers import pages
from include.lake import landing_rows
from include.lake.lake import Lake
from include.lake.snapshots import LANDING_ROW, snapshot_id_of
from include.query.session import ask
from include.receipts import Landing
from include.schemas import LANDED, LANDINGS
from include.stack import lifecycle
from include.stack.settings import Settings
from include.storage.webhdfs import filesystem
from tests.oracle.built_landing import Built, build

FIRST = date(2016, 1, 1)
QUERY = "select count(*), sum(copies) from assessments where day = '{day}'"
JOIN = "select count(*) from options join questions using (day, keen_id, hash) where day = '{day}'"


@dataclass
class History:
    """A lake with so many days, and how many were landed in it so far."""

    lake: Lake
    folder: Path
    days: int
    landed: int
    tries: int = 0

    def day(self, number: int) -> str:
        return (FIRST + timedelta(days=number)).isoformat()

    @property
    def middle(self) -> str:
        return self.day(self.days // 2)

    def next_day(self) -> str:
        self.landed += 1
        return self.day(self.landed - 1)


def main(
    few: Annotated[int, typer.Option(help="days of the short history")] = 7,
    many: Annotated[int, typer.Option(help="days of the long history")] = 730,
    rounds: Annotated[int, typer.Option(help="how often each takes its turn")] = 5,
) -> None:
    """Prints the median seconds with either history, and how they compare."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="landfall-bench-") as name:
        folder = Path(name)
        with lifecycle.running(Settings.private(folder / "stack"), lifecycle.HDFS) as settings:
            at = settings.endpoints
            fs = filesystem(at.webhdfs_host, at.webhdfs_port, "landfall")
            histories = []
            for days in (few, many):
                customer = f"days{days}"
                lake = Lake.open(customer, f"sqlite:///{folder}/{customer}.sqlite?timeout=60", at.hdfs_uri, fs)
                histories.append(make(lake, folder, days))
            seconds = take_turns(histories, rounds)
    report(seconds, few, many, rounds)


def make(lake: Lake, folder: Path, days: int) -> History:
    """A lake with that many landed days, all alike."""
    lake.create_tables()
    history = History(lake, folder, days, days)
    landings = [built(history, history.day(number), write=False).landing for number in range(days)]
    model = built(history, history.day(0)).rows
    for name, table in LANDED.items():
        rows = pa.Table.from_pylist(model[name], schema=table.arrow)

        def write(landing: Landing, name: str = name, rows: pa.Table = rows) -> str:
            path = f"{lake.path}/{name}/landing={landing.landing}/part-00000.zstd.parquet"
            dated = rows.set_column(0, "day", pa.array([date.fromisoformat(landing.day)] * len(rows), pa.date32()))
            with lake.fs.open(path, "wb") as file:
                pq.write_table(dated, file, compression="zstd")
            return lake.uri(path)

        with ThreadPoolExecutor(8) as pool:
            lake._load(name).add_files(list(pool.map(write, landings)), check_duplicate_files=False)
    snapshots = {name: snapshot_id_of(lake.metadata(name), name) for name in LANDED}
    began = datetime.now(UTC) - timedelta(days=1)
    stood = [
        replace(landing, snapshots=snapshots, committed_at=(began + timedelta(seconds=number)).isoformat())
        for number, landing in enumerate(landings)
    ]
    row = {LANDING_ROW: json.dumps(receipts.plain(stood[-1]))}
    table = pa.Table.from_pylist([landing_rows.as_row(landing) for landing in stood], schema=LANDINGS.arrow)
    lake._load(LANDINGS.name).append(table, snapshot_properties=row)
    return history


def built(history: History, day: str, write: bool = True) -> Built:
    """A landing of the day; its files are written, on HDFS or, if only its receipts count, aside."""
    history.tries += 1
    options = {"fs": history.lake.fs, "root": history.lake.path} if write else {}
    made = build(history.folder / "aside", day=day, try_number=history.tries, **options)
    return replace(made, publish=replace(made.publish, customer=history.lake.customer))


def take_turns(histories: list[History], rounds: int) -> dict[str, dict[int, list[float]]]:
    """Seconds of each thing done, by days of history. The first round warms up and is not counted."""
    done: dict[str, Callable[[History], Callable[[], object]]] = {
        "commit of the next day": lambda history: committing(history, history.next_day()),
        "commit of a correction of the middle day": lambda history: committing(history, history.middle),
        "query of the middle day": lambda history: lambda: ask(history.lake, QUERY.format(day=history.middle)),
        "join of two tables, the middle day": lambda history: lambda: ask(history.lake, JOIN.format(day=history.middle)),
        "landing in force of the middle day": lambda history: lambda: history.lake.in_force(history.middle),
        "reports of the middle day and of all days": reporting,
    }
    seconds: dict[str, dict[int, list[float]]] = {name: {history.days: [] for history in histories} for name in done}
    for number, (name, prepare), history in itertools.product(range(rounds + 1), done.items(), histories):
        act = prepare(history)
        began = time.monotonic()
        act()
        if number:
            seconds[name][history.days].append(time.monotonic() - began)
    return seconds


def committing(history: History, day: str) -> Callable[[], object]:
    landing = built(history, day)
    return lambda: history.lake.commit(landing.landing, landing.transform)


def reporting(history: History) -> Callable[[], object]:
    landing = history.lake.in_force(history.middle)
    assert landing is not None
    return lambda: pages.write(history.lake, landing)


def report(seconds: dict[str, dict[int, list[float]]], few: int, many: int, rounds: int) -> None:
    table = Table(title=f"{few} and {many} landed days, {rounds} rounds, medians")
    for column in ("what", f"s, {few} days", f"s, {many} days", "all of the latter", "ratio"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for name, taken in seconds.items():
        short, long = statistics.median(taken[few]), statistics.median(taken[many])
        table.add_row(name, f"{short:.2f}", f"{long:.2f}", " ".join(f"{one:.2f}" for one in taken[many]), f"{long / short:.2f}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
