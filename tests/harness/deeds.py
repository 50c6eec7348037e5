"""All that commits to a lake, each on the same small lake: for tests that kill it, race it, or read meanwhile."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from pyiceberg.catalog.sql import IcebergTables
from pyiceberg.table import Table as IcebergTable
from sqlalchemy import delete, insert, select

from include.answers import pages
from include.contracts import TopicSpec
from include.lake.commit import NotForgotten
from include.lake.expiry import expire
from include.lake.lake import Lake
from include.lake.snapshots import files_of
from include.lake.staging import look
from include.lake.tombstones import tombstones
from include.maintenance.cleanup import tidy
from include.maintenance.compact import compact
from include.maintenance.forget import forget
from include.receipts import TableFiles
from include.schemas import LANDED, TABLES
from tests.harness.lakes import DAYS, FIRST, OTHER_RECORDS, SECOND, age, commit, forget_what_things_mean, open_lake, scattered
from tests.oracle.built_landing import CUSTOMER, Built, attempt, build

THIRD, FOURTH = "2018-01-30", "2018-01-31"
FEW = (attempt(1), attempt(2), attempt(3, results=("correct", "incorrect")))
Rows = dict[str, dict[str, int]]


def landing(lake: Lake, built: Built) -> None:
    """One that an attempt was forgotten under begins again with its transform, as Airflow's retry does."""
    for last in (False, True):
        try:
            lake.commit(built.landing, replace(built.transform, tombstones=tuple(tombstones(lake.fs, lake.path))))
        except NotForgotten:
            if last:
                raise


def compaction(lake: Lake, built: Built) -> None:
    compact(lake, max_files=2)


def forgetting(lake: Lake, built: Built) -> None:
    """Expiry included: of all snapshots but the newest landing's. Without the reports, which take most of the time and commit nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "rewrite", lambda *_: [])
        forget(lake, "keen 1", asked_by="ann", topic=TopicSpec(f"assessments.{CUSTOMER}"))


def expiry(lake: Lake, built: Built) -> None:
    expire(lake, later())


def tidying(lake: Lake, built: Built) -> None:
    tidy(lake, DAYS, now=later())


def descriptions(lake: Lake, built: Built) -> None:
    lake.create_tables()


def later() -> datetime:
    return datetime.now(UTC) + timedelta(days=DAYS + 1)


class Deed(NamedTuple):
    """What is done to a lake, and the files that it lands, if it does: `(day, try)`."""

    do: Callable[[Lake, Built], None]
    lands: tuple[str, int] = (FOURTH, 9)


DEEDS = {
    "landing": Deed(landing, (THIRD, 1)),
    "correction": Deed(landing, (SECOND, 3)),
    "compaction": Deed(compaction),
    "forgetting": Deed(forgetting),
    "expiry": Deed(expiry),
    "tidying": Deed(tidying),
    "descriptions": Deed(descriptions),
}


def do(name: str, folder: Path, built: Built) -> None:
    """On a lake opened anew, as another process does it."""
    DEEDS[name].do(open_lake(folder), built)


@dataclass
class Prepared:
    """A lake with a day in many files and one that was corrected, to which every deed has something to do; and how to have it again."""

    folder: Path
    lake: Lake
    built: Built  # what the deed lands
    following: Built  # what the next commit lands
    rows: list[dict[str, Any]]

    @classmethod
    def of(cls, folder: Path, name: str) -> "Prepared":
        lake = open_lake(folder)
        for built in (scattered(build(folder, FEW)), build(folder, FEW, SECOND), build(folder, OTHER_RECORDS, SECOND, try_number=2)):
            commit(lake, built)
        if name == "descriptions":
            forget_what_things_mean(lake)
        day, number = DEEDS[name].lands
        made = build(folder, (attempt(70), attempt(71)), day, try_number=number), build(folder, (attempt(80),), "2018-02-01")
        age(made[1], days=-DAYS - 2)  # written after the tidying, whose now is in two weeks
        shutil.copytree(folder / "lake", folder / "kept")
        with lake.catalog.engine.connect() as connection:
            rows = [dict(row) for row in connection.execute(select(IcebergTables.__table__)).mappings()]
        return cls(folder, lake, *made, rows)

    def restore(self) -> None:
        """Files and catalog as they were."""
        shutil.rmtree(self.folder / "lake")
        shutil.copytree(self.folder / "kept", self.folder / "lake")
        with self.lake.catalog.engine.begin() as connection:
            connection.execute(delete(IcebergTables.__table__))
            connection.execute(insert(IcebergTables.__table__), self.rows)


def versions(lake: Lake) -> tuple[int, ...]:
    """The numbers of the metadata files of all tables, by one look: how often each was committed to."""
    return tuple(
        int(Path(table.metadata_location).name.partition("-")[0]) for _, table in sorted(look(lake.catalog, TABLES).tables.items())
    )


def readable_rows(lake: Lake) -> Rows:
    """Table to directory of a landing to rows, of every table at its newest, by one look. Asserts that each file is there."""
    tables = look(lake.catalog, TABLES).tables
    return {name: _rows(tables[name]) for name in LANDED}


def _rows(table: IcebergTable) -> dict[str, int]:
    rows: dict[str, int] = {}
    snapshot = table.current_snapshot()
    for file in files_of(table, snapshot.manifests(table.io)) if snapshot else []:
        path = Path(urlsplit(file.file_path).path)
        assert path.stat().st_size == file.file_size_in_bytes, path
        day = path.parent.name.removeprefix("landing=")[: len(FIRST)]
        rows[day] = rows.get(day, 0) + file.record_count
    return rows


def with_landing(rows: Rows, built: Built) -> Rows:
    """These rows, and what the landing brings."""

    def added(table: TableFiles) -> dict[str, int]:
        return {built.transform.day: table.rows} if table.rows else {}

    return {name: {**rows[name], **added(built.transform.tables[name])} for name in rows}
