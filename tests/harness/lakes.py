"""Lakes on local files and an SQLite catalog, with landings that are built and not run, and what readers see of them."""

import itertools
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from include.answers import pages
from include.answers.questions import questions
from include.effects import Effect
from include.lake.expiry import named
from include.lake.lake import Lake
from include.lake.staging import look
from include.lake.table_changes import LANDING_ID
from include.receipts import DataFile, Landing, TableFiles
from include.schemas import LANDED, TABLES
from tests.oracle.built_landing import CUSTOMER, Built, attempt

FIRST, SECOND = "2018-01-28", "2018-01-29"


OTHER_RECORDS = (attempt(50), attempt(51, results=("incorrect",)))


CATALOG = "catalog.txt"  # in a lake's folder: the address of its catalog, where that is not a SQLite file


def catalog_uri(folder: Path) -> str:
    """The address of the lake's catalog, in SQLAlchemy's form."""
    named = folder / CATALOG
    return named.read_text() if named.exists() else f"sqlite:///{folder}/catalog.sqlite?timeout=60"


def open_lake(folder: Path) -> Lake:
    return Lake.open(CUSTOMER, catalog_uri(folder), f"file://{folder}", fsspec.filesystem("file"))


def commit(lake: Lake, built: Built, **changes: Any) -> Landing:
    return lake.commit(replace(built.landing, **changes), built.transform)


LATER = ("item_days", "option_days", "item_times")  # the tables that came last


@contextmanager
def without_later_tables() -> Iterator[None]:
    """The program as it was before the tables of LATER, as far as its list of tables goes."""
    kept = {id(tables): dict(tables) for tables in (LANDED, TABLES)}
    for tables in (LANDED, TABLES):
        for name in LATER:
            del tables[name]
    try:
        yield
    finally:
        for tables in (LANDED, TABLES):
            tables.clear()
            tables.update(kept[id(tables)])  # in their order


def without_later(built: Built) -> Built:
    """What the version before the tables of LATER would have built."""
    for name in LATER:
        for file in built.transform.tables[name].files:
            built.fs.rm(file.path)
    tables = {name: files for name, files in built.transform.tables.items() if name not in LATER}
    return replace(built, transform=replace(built.transform, tables=tables))


def land_without_later_tables(lake: Lake, built: Built) -> Built:
    """Commits the landing as the version before the tables of LATER did, and returns what it built then."""
    before = without_later(built)
    with without_later_tables():
        commit(lake, before)
    return before


def seen(lake: Lake) -> dict[str, dict[str, int]]:
    """Table to day to rows, as readers see them: at the snapshots of the newest landing."""
    newest = lake.newest()
    return {table: days(lake, table, newest.snapshots[table]) if table in newest.snapshots else {} for table in LANDED} if newest else {}


def days(lake: Lake, table: str, snapshot: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for path in lake.files(table, snapshot):
        for day in pq.read_table(path, columns=["day"])["day"].to_pylist():
            found[day.isoformat()] = found.get(day.isoformat(), 0) + 1
    return found


def expected(*landings: Built) -> dict[str, dict[str, int]]:
    rows = {built.transform.day: {table: files.rows for table, files in built.transform.tables.items()} for built in landings}
    return {table: {day: counts[table] for day, counts in rows.items() if counts.get(table)} for table in LANDED}


def current(lake: Lake) -> dict[str, int | None]:
    return {table: lake._load(table).metadata.current_snapshot_id for table in LANDED}


def newest_landings(lake: Lake, names: Collection[str] = TABLES) -> set[str]:
    """The landings that the newest snapshots of all tables, or of these, are of, by one look at the catalog."""
    version = look(lake.catalog, names)
    assert version.tables.keys() == set(names)
    return {table.current_snapshot().summary[LANDING_ID] for table in version.tables.values()}  # type: ignore[union-attr, misc]


SHORT = ("attempts", "taken")  # the first is what a page leads with


def shorten_pages(patched: pytest.MonkeyPatch) -> None:
    """Real pages of two questions and no charts, for tests that are not about pages: a whole one costs more than a landing's commit."""
    patched.setattr(pages, "questions", lambda: [question for question in questions() if question.name in SHORT])
    patched.setattr(pages, "chart", lambda answer: None)


class Stopped(BaseException):
    """As a power cut: nothing may catch it."""


class Fault:
    """Stops the process's commit before or after the n-th effect of a kind; in-process, so that a table of stops takes seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, moment: str, kind: Effect, number: int) -> None:
        self.wanted = (moment, kind, number)
        self.count = itertools.count(1)  # several threads stage at a time
        monkeypatch.setattr("include.effects._stop_here", self)

    def __call__(self, moment: str, kind: Effect) -> None:
        if (moment, kind) == self.wanted[:2] and next(self.count) == self.wanted[2]:
            raise Stopped


def lose_the_answer(patched: pytest.MonkeyPatch, committed: bool = True) -> None:
    """Cuts the connection to the catalog where it is told to commit: just after it did, or just before."""
    real = Connection.commit

    def lose(self: Connection) -> None:
        if committed:
            real(self)
        raise OperationalError("commit", {}, Exception("server closed the connection"))

    patched.setattr(Connection, "commit", lose)


def unnamed(lake: Lake) -> set[str]:
    """Metadata files that no table names."""
    there = {path for name in TABLES for path in lake.fs.find(f"{lake.path}/{name}/metadata")}
    return there - {path for name in TABLES for path in named(lake, name)}


def described(lake: Lake) -> dict[str, tuple[str | None, list[str | None]]]:
    """Table to its description and those of its columns, as every reader of the catalog finds them."""
    tables = {name: lake._load(name) for name in TABLES}
    return {name: (table.properties.get("comment"), [field.doc for field in table.schema().fields]) for name, table in tables.items()}


DESCRIBED = {name: (table.description, [field.doc for field in table.iceberg.fields]) for name, table in TABLES.items()}


def forget_what_things_mean(lake: Lake) -> None:
    """As a version left it that described less."""
    for name in ("assessments", "landings"):
        with lake._load(name).transaction() as transaction:
            transaction.remove_properties("comment")
            with transaction.update_schema() as update:
                update.update_column("day", doc="once")


DAYS = 14


def directories(built: Built) -> list[Path]:
    return [Path(files.files[0].path).parent for files in built.transform.tables.values() if files.files]


def there(built: Built) -> bool:
    """All of the landing's directories, or none of them."""
    (found,) = {folder.exists() for folder in directories(built)}
    return found


def age(built: Built, days: int = DAYS + 1) -> None:
    """As if the landing had been written so many days ago."""
    then = (datetime.now(UTC) - timedelta(days=days)).timestamp()
    for folder in directories(built):
        for path in [*folder.iterdir(), folder]:
            os.utime(path, (then, then))


MAX_FILES = 4


def scattered(built: Built) -> Built:
    """The landing with a file for every row."""
    tables = {}
    for table, files in built.transform.tables.items():
        rows = [pq.read_table(file.path) for file in files.files]
        paths = [f"{Path(files.files[0].path).parent}/part-{number:05}.parquet" for number in range(files.rows)] if rows else []
        for number, path in enumerate(paths):
            pq.write_table(rows[0].slice(number, 1), path)
        for file in files.files:
            Path(file.path).unlink()
        tables[table] = TableFiles(files.rows, tuple(DataFile(path, Path(path).stat().st_size) for path in paths))
    return replace(built, transform=replace(built.transform, tables=tables))


def files(lake: Lake, day: str) -> dict[str, int]:
    state = lake.state()
    assert state
    return {table: len(lake.files(table, state.snapshots[table], day)) for table in state.landing.tables}


def holding(root: Path, keen_id: str) -> list[str]:
    """Files under the lake that hold the id, as a value or in their bytes."""
    found = [path for path in root.rglob("*") if path.is_file() and keen_id.encode() in path.read_bytes()]
    for path in root.rglob("*.parquet"):
        rows = pq.ParquetFile(path).read().to_pylist()
        if any(keen_id in str(value) for row in rows for value in row.values()):
            found.append(path)
    return sorted(str(path.relative_to(root)) for path in found)
