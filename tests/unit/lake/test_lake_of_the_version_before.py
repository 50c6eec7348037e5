"""A lake of the version that committed one table after the other is read and committed to, with no step by hand, on either catalog."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from include import receipts
from include.lake import commit as committing
from include.lake import landing_rows
from include.lake.lake import Lake
from include.lake.snapshots import LANDING_ROW
from include.lake.staging import look
from include.lake.table_changes import LANDING_ID
from include.maintenance.compact import compact
from include.maintenance.repair import repair
from include.query.describe import described as what_is_there
from include.query.session import ask
from include.schemas import LANDED, LANDINGS, TABLES
from tests.harness.deeds import DEEDS
from tests.harness.lakes import (
    DESCRIBED,
    FIRST,
    LATER,
    MAX_FILES,
    OTHER_RECORDS,
    SECOND,
    catalog_uri,
    commit,
    current,
    days,
    described,
    expected,
    land_without_later_tables,
    newest_landings,
    open_lake,
    scattered,
    seen,
    without_later,
)
from tests.harness.version_before import lander, version_before
from tests.oracle.built_landing import CUSTOMER, Built, build


@pytest.fixture
def lake(catalog: str, tmp_path: Path) -> Lake:
    """Every test of this file runs on both catalogs."""
    return open_lake(tmp_path)


def commit_as_before(lake: Lake, built: Built, stop_after: int | None = None, **changes: Any) -> None:
    """As versions committed that moved one table after the other, with a delete and an append each, and the row of `landings` last."""
    landing, newest = replace(built.landing, **changes), lake.newest()
    snapshots = {}
    for number, name in enumerate(LANDED):
        if number == stop_after:
            return
        table = lake._load(name)
        with table.transaction() as transaction:
            transaction.delete(landing_rows.of_day(landing.day), snapshot_properties={LANDING_ID: landing.landing})
            if paths := [lake.uri(file.path) for file in built.transform.tables[name].files]:
                transaction.add_files(paths, snapshot_properties={LANDING_ID: landing.landing}, check_duplicate_files=False)
            else:
                with transaction.update_snapshot(snapshot_properties={LANDING_ID: landing.landing}).fast_append():
                    pass
        snapshots[name] = table.metadata.current_snapshot_id
    if stop_after is not None:
        return
    done = replace(landing, snapshots=snapshots, committed_at=committing._later(newest).isoformat())
    row = pa.Table.from_pylist([landing_rows.as_row(done)], schema=LANDINGS.arrow)
    properties = {LANDING_ID: done.landing, LANDING_ROW: json.dumps(receipts.plain(done))}
    lake._load("landings").append(row, snapshot_properties=properties)


@pytest.mark.filterwarnings("ignore:Delete operation did not match any records")
@pytest.mark.parametrize(
    "half_way", [None, 1, pytest.param(5, marks=pytest.mark.long("half-way after the first table and before the last")), len(LANDED)]
)
def test_a_lake_of_the_version_before_is_read_and_committed_to(lake: Lake, tmp_path: Path, half_way: int | None) -> None:
    first, second, correction = build(tmp_path), build(tmp_path, OTHER_RECORDS, SECOND), build(tmp_path, OTHER_RECORDS, try_number=2)
    lake.create_tables()
    for built in (first, second):
        commit_as_before(lake, built)
    assert seen(lake) == expected(first, second)
    assert [landing.day for landing in lake.landings()] == [FIRST, SECOND]
    if half_way:
        commit_as_before(lake, build(tmp_path, try_number=3), stop_after=half_way)
        assert seen(lake) == expected(first, second)
    commit(lake, correction)
    assert seen(lake) == expected(correction, second)
    assert newest_landings(lake) == {correction.transform.landing}
    assert [lake.state_of(built.transform.landing).landing.day for built in (first, second, correction)] == [FIRST, SECOND, FIRST]


@pytest.mark.filterwarnings("ignore:Delete operation did not match any records")
def test_the_very_first_commit_of_the_version_before_may_have_stopped_half_way(lake: Lake, tmp_path: Path) -> None:
    lake.create_tables()
    commit_as_before(lake, build(tmp_path), stop_after=5)
    second = build(tmp_path, records=OTHER_RECORDS, day=SECOND)
    commit(lake, second)
    assert seen(lake) == expected(second)
    assert days(lake, "questions", current(lake)["questions"] or 0).keys() == {SECOND}


@pytest.mark.not_quick("a process of the version before; test_a_lake_of_the_version_before_is_read_and_committed_to does as it did")
@pytest.mark.parametrize("then", ["landing", pytest.param("all", marks=pytest.mark.long("a landing"))])
def test_a_lake_that_the_code_of_the_version_before_made(lake: Lake, tmp_path: Path, then: str) -> None:
    """Out of git's history, where there is one: tables, rows and receipts as that version wrote them."""
    code = version_before(tmp_path)
    if code is None:
        pytest.skip("git's history does not reach back to the version before")
    with lander(code, CUSTOMER, catalog_uri(tmp_path), f"file://{tmp_path}", "", tmp_path) as before:
        landed = [before.land(day, number)[2] for day, number in ((FIRST, 1), (SECOND, 1), (SECOND, 2))]
    first, second = (without_later(build(tmp_path / "aside", day=day, try_number=number)) for day, number in ((FIRST, 1), (SECOND, 2)))
    assert [landing.landing for landing in lake.landings()] == landed
    assert seen(lake) == expected(first, second)
    assert newest_landings(lake, TABLES.keys() - set(LATER)) == {landed[-1]}
    assert [lake.state_of(each).landing.landing for each in landed] == landed
    correction = build(tmp_path, OTHER_RECORDS, try_number=3)
    done = commit(lake, correction)
    assert seen(lake) == expected(correction, second)
    assert newest_landings(lake) == {done.landing}
    assert described(lake) == DESCRIBED
    assert all(lake._load(name).schema().column_names == table.iceberg.column_names for name, table in TABLES.items())
    if then == "all":
        for name in ("compaction", "expiry", "tidying", "forgetting"):
            DEEDS[name].do(lake, correction)
            assert len(newest_landings(lake)) == 1, name
        in_force = lake.in_force(SECOND)
        assert in_force
        assert in_force.forgotten > 0, "keen 1 was in it"


# ---------------------------------------------------------------- a lake from before the tables that came last


def missing(lake: Lake) -> set[str]:
    return TABLES.keys() - look(lake.catalog, TABLES).tables.keys()


def test_tables_that_came_later_are_made_by_the_next_landing_and_hold_nothing_of_days_before(lake: Lake, tmp_path: Path) -> None:
    first, second = build(tmp_path), build(tmp_path, OTHER_RECORDS, SECOND)
    before = land_without_later_tables(lake, first)
    assert missing(lake) == set(LATER)
    asked = "select (select count(*) from item_days) + (select count(*) from option_days) + (select count(*) from item_times)"
    assert ask(lake, asked).rows == [[0]]
    assert {each.name: len(each.columns) for each in what_is_there(lake) if each.name in LATER and not each.rows} == {
        name: len(TABLES[name].columns) for name in LATER
    }
    commit(lake, second)
    assert missing(lake) == set()
    assert seen(lake) == expected(before, second)
    in_force = lake.in_force(FIRST)
    assert in_force
    assert in_force.tables.keys() == before.transform.tables.keys()
    assert repair(lake).wrong == ()


@pytest.mark.parametrize("landed_since", [False, True])
def test_a_day_from_before_the_later_tables_gets_its_rows_of_them_when_it_is_written_again(
    lake: Lake, tmp_path: Path, landed_since: bool
) -> None:
    first, others = scattered(build(tmp_path)), [build(tmp_path, OTHER_RECORDS, SECOND)][:landed_since]
    land_without_later_tables(lake, first)
    for built in others:
        commit(lake, built)
    compact(lake, MAX_FILES)
    assert seen(lake) == expected(first, *others)
    in_force = lake.in_force(FIRST)
    assert in_force
    assert in_force.tables == {name: files.rows for name, files in first.transform.tables.items()}


@pytest.mark.parametrize("deed", DEEDS)
def test_everything_is_done_to_a_lake_from_before_the_later_tables(lake: Lake, tmp_path: Path, deed: str) -> None:
    land_without_later_tables(lake, scattered(build(tmp_path)))
    day, number = DEEDS[deed].lands
    DEEDS[deed].do(lake, build(tmp_path, OTHER_RECORDS, day, try_number=number))
    assert next(landing.day for landing in lake.landings()) == FIRST
    DEEDS["landing"].do(lake, build(tmp_path, OTHER_RECORDS, "2018-02-01"))
    assert missing(lake) == set()
    assert repair(lake).wrong == ()
