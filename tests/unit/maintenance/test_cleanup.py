"""Tidying, on local files: what goes, what stays, and that a landing at the same moment loses nothing."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.effects import Effect
from include.errors import LandfallError
from include.lake.lake import Lake
from include.lake.staging import Staging
from include.maintenance import cleanup
from include.maintenance.cleanup import tidy
from include.schemas import TABLES
from tests.harness.lakes import DAYS, FIRST, SECOND, Fault, Stopped, age, commit, directories, expected, open_lake, seen, there, unnamed
from tests.oracle.built_landing import attempt, build

pytestmark = pytest.mark.not_quick("lakes with a history; tests/plugins/test_lake_operators.py tidies one")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(tmp_path)


def later(days: float = DAYS + 1) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def test_nothing_landed_is_nothing_to_tidy(lake: Lake) -> None:
    assert tidy(lake, DAYS) == cleanup.Tidied("acme", dry_run=False)


def test_a_corrected_landing_goes_after_the_days_and_not_before(lake: Lake, tmp_path: Path) -> None:
    old, other = build(tmp_path), build(tmp_path, day=SECOND)
    new = build(tmp_path, records=[attempt(1)], try_number=2)
    for built in (old, other, new):
        commit(lake, built)
    assert tidy(lake, DAYS, now=later(DAYS - 1)) == cleanup.Tidied("acme", dry_run=False)
    planned = tidy(lake, DAYS, dry_run=True, now=later())
    assert (there(old), planned.landings.count) == (True, len(directories(old)))
    done = tidy(lake, DAYS, now=later())
    assert replace(planned, dry_run=False) == done
    assert (there(old), there(other), there(new)) == (False, True, True)
    assert done.snapshots > 0
    assert done.landings.bytes == sum(file.bytes for files in old.transform.tables.values() for file in files.files)
    assert seen(lake) == expected(new, other)
    assert tidy(lake, DAYS, now=later()).landings.count == 0


def test_what_never_landed_goes_by_the_age_of_its_files(lake: Lake, tmp_path: Path) -> None:
    commit(lake, build(tmp_path))
    abandoned, under_way = build(tmp_path, day=SECOND), build(tmp_path, day=SECOND, try_number=2)
    age(abandoned)
    tidy(lake, DAYS)
    assert (there(abandoned), there(under_way)) == (False, True)
    commit(lake, under_way)
    assert set(seen(lake)["assessments"]) == {FIRST, SECOND}


def test_receipts_go_with_their_landings(lake: Lake, tmp_path: Path) -> None:
    old, new = build(tmp_path), build(tmp_path, records=[attempt(1)], try_number=2)
    folder = Path(lake.path, "receipts")
    folder.mkdir(parents=True)
    for built in (old, new):
        commit(lake, built)
        (folder / f"landing={built.transform.landing}.json").write_text("{}")
    assert tidy(lake, DAYS, now=later()).receipts == cleanup.Amount(1, 2)
    assert [path.name for path in folder.iterdir()] == [f"landing={new.transform.landing}.json"]


def test_a_commit_that_names_a_directory_just_before_it_is_moved_gets_it_back(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A landing that was written long ago is committed now: a person has cleared its task."""
    commit(lake, build(tmp_path))
    late = build(tmp_path, day=SECOND)
    age(late)
    real, committed = cleanup.set_aside, []

    def meanwhile(found: Lake, directory: cleanup.Removable) -> None:
        if not committed:
            committed.append(commit(open_lake(tmp_path), late))
        real(found, directory)

    monkeypatch.setattr(cleanup, "set_aside", meanwhile)
    tidy(lake, DAYS)
    assert there(late)
    assert set(seen(lake)["assessments"]) == {FIRST, SECOND}


def test_a_commit_under_way_while_its_directory_goes_fails(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(lake, build(tmp_path))
    late = build(tmp_path, day=SECOND)
    age(late)
    real = Staging.swap

    def tidied_first(self: Staging) -> None:
        monkeypatch.setattr(Staging, "swap", real)
        tidy(open_lake(tmp_path), DAYS)
        real(self)

    monkeypatch.setattr(Staging, "swap", tidied_first)
    with pytest.raises(LandfallError, match=r"no longer those that were proven: .*: expected \d+ bytes, found no file"):
        commit(open_lake(tmp_path), late)
    assert set(seen(lake)["assessments"]) == {FIRST}
    assert not there(late)


def test_metadata_that_no_table_names_goes_after_the_days(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed commit had staged, and what expired snapshots had needed."""
    for number in (1, 2, 3):
        commit(lake, build(tmp_path, records=[attempt(number)], try_number=number))
    with monkeypatch.context() as patched:
        Fault(patched, "before", Effect.SWAP_TABLES, 1)
        with pytest.raises(Stopped):
            commit(lake, build(tmp_path, records=[attempt(4)], try_number=4))
    staged = unnamed(lake)
    assert len(staged) > 2 * len(TABLES)
    assert tidy(lake, DAYS, now=later(DAYS - 1)).metadata.count == 0
    done = tidy(lake, DAYS, now=later())
    assert done.metadata.count > len(staged)
    assert done.metadata.bytes > 0
    assert unnamed(lake) == set()
    assert list(Path(lake.path, "landings", "data").rglob("*.parquet")) != []
    assert set(seen(lake)["assessments"]) == {FIRST}
    assert [row.landing for row in lake.landings()] == [build(tmp_path, try_number=number).transform.landing for number in (1, 2, 3)]


def test_a_commit_that_waits_while_its_metadata_is_swept_loses(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped for weeks between staging and swapping: the sweep moves the tables on first, so what it removes is never named."""
    commit(lake, build(tmp_path))
    waits = build(tmp_path, day=SECOND)
    real = Staging.swap

    def swept_first(self: Staging) -> None:
        monkeypatch.setattr(Staging, "swap", real)
        monkeypatch.setattr(cleanup, "unneeded_directories", lambda *_: [])  # else the landing's own files would go as well
        assert tidy(open_lake(tmp_path), DAYS, now=later()).metadata.count > 0
        real(self)

    monkeypatch.setattr(Staging, "swap", swept_first)
    commit(open_lake(tmp_path), waits)
    assert set(seen(lake)["assessments"]) == {FIRST, SECOND}


@pytest.mark.parametrize("moved", [1, 3])
def test_a_tidying_that_stopped_half_way_is_finished_by_the_next(lake: Lake, tmp_path: Path, moved: int) -> None:
    old, new = build(tmp_path), build(tmp_path, records=[attempt(1)], try_number=2)
    commit(lake, old)
    commit(lake, new)
    for folder in directories(new)[:moved]:  # what is needed, as if a commit had named it since
        cleanup.set_aside(lake, cleanup.Removable(str(folder.relative_to(lake.path)), 0))
    tidy(lake, DAYS, now=later())
    assert (there(old), there(new)) == (False, True)
    assert [path for path in Path(lake.path, cleanup.ASIDE).rglob("*") if path.is_file()] == []
    assert seen(lake) == expected(new)


def test_tidying_and_landing_at_once_lose_nothing(lake: Lake, tmp_path: Path) -> None:
    commit(lake, build(tmp_path))
    builts = [build(tmp_path, records=[attempt(number)], try_number=number) for number in range(2, 6)]
    over = threading.Event()

    def tidy_on() -> None:
        while not over.is_set():
            try:
                tidy(open_lake(tmp_path), DAYS)
            except LandfallError:
                continue

    tidier = threading.Thread(target=tidy_on)
    tidier.start()
    try:
        for built in builts:
            for _ in range(50):
                try:
                    commit(lake, built)
                    break
                except LandfallError:
                    continue
    finally:
        over.set()
        tidier.join()
    assert seen(lake) == expected(builts[-1])
    assert len(lake.landings(FIRST)) == 5
