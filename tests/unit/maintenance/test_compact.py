"""Compacting, on local files: the rows stay what they were, in fewer files, and a landing at the same moment is not undone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from include.contracts import TopicSpec
from include.errors import LandfallError
from include.lake.lake import Lake
from include.maintenance import rewrite
from include.maintenance.compact import MARK, Compacted, compact
from include.maintenance.forget import forget
from tests.harness.lakes import FIRST, MAX_FILES, SECOND, commit, expected, files, open_lake, scattered, seen
from tests.oracle.built_landing import attempt, build

pytestmark = pytest.mark.not_quick("lakes with a history; tests/plugins/test_lake_operators.py compacts one")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(tmp_path)


def test_nothing_landed_is_nothing_to_compact(lake: Lake) -> None:
    assert compact(lake, MAX_FILES) == []


def test_a_day_in_many_files_has_the_same_rows_in_few(lake: Lake, tmp_path: Path) -> None:
    many, few = scattered(build(tmp_path)), build(tmp_path, day=SECOND, records=[attempt(1)])
    for built in (many, few):
        commit(lake, built)
    before = sum(files(lake, FIRST).values())
    assert compact(lake, MAX_FILES, dry_run=True) == [Compacted(FIRST, before, None)]
    assert sum(files(lake, FIRST).values()) == before
    landed = lake.in_force(FIRST)
    [done] = compact(lake, MAX_FILES)
    assert (done.day, done.before) == (FIRST, before)
    assert done.after == sum(files(lake, FIRST).values()) == len(files(lake, FIRST))
    assert seen(lake) == expected(many, few)
    now = lake.in_force(FIRST)
    assert landed
    assert now
    assert MARK in now.landing
    unchanged = {"landing": "", "committed_at": "", "snapshots": {}, "proof": ""}
    assert replace(now, **unchanged) == replace(landed, **unchanged)
    assert compact(lake, MAX_FILES) == []


def test_files_that_are_not_small_are_left_as_they_are(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(lake, scattered(build(tmp_path)))
    monkeypatch.setattr("include.maintenance.compact.SMALL", 100)
    assert compact(lake, MAX_FILES) == []


def test_what_is_larger_than_a_file_may_be_goes_into_several(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = scattered(build(tmp_path))
    commit(lake, built)
    monkeypatch.setattr(rewrite, "FILE_BYTES", 1)
    compact(lake, MAX_FILES)
    assert seen(lake) == expected(built)
    assert files(lake, FIRST)["raw_assessments"] == built.transform.tables["raw_assessments"].rows


def test_a_landing_of_the_day_meanwhile_is_not_undone(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(lake, scattered(build(tmp_path)))
    new, prove = build(tmp_path, records=[attempt(1)], try_number=2), rewrite.problems

    def late(*given: Any, **options: Any) -> Any:
        commit(lake, new)
        return prove(*given, **options)

    monkeypatch.setattr(rewrite, "problems", late)
    compact(lake, MAX_FILES)
    assert seen(lake) == expected(new)
    in_force = lake.in_force(FIRST)
    assert in_force
    assert in_force.landing.partition(MARK)[0] == new.transform.landing, "it began again with the new one"


def test_rows_that_are_not_those_that_landed_are_not_committed(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = scattered(build(tmp_path))
    commit(lake, built)
    every = rewrite.Rewriting.rows

    def without_one(self: Any, table: str) -> Any:
        rows = list(every(self, table))
        return rows[1:] if table == "options" else rows

    monkeypatch.setattr(rewrite.Rewriting, "rows", without_one)
    with pytest.raises(LandfallError, match="is not the landing .*options"):
        compact(lake, MAX_FILES)
    assert seen(lake) == expected(built)


def test_a_run_that_reads_the_day_s_raw_records_goes_on(lake: Lake, tmp_path: Path) -> None:
    commit(lake, scattered(build(tmp_path)))
    landed = lake.in_force(FIRST)
    assert landed
    compact(lake, MAX_FILES)
    assert len(lake.files_in_force("raw_assessments", landed)) == 1
    forget(lake, "keen 1", asked_by="ann", topic=TopicSpec("assessments.acme"))
    with pytest.raises(LandfallError, match="no longer in force"):
        lake.files_in_force("raw_assessments", landed)
