"""The commit protocol, on local files and an SQLite catalog: what readers see, whatever happens to a commit."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import fsspec
import pytest
from pyiceberg.exceptions import CommitFailedException

from include.answers import pages
from include.effects import Effect
from include.errors import LandfallError, Refused
from include.lake import commit as committing
from include.lake import landing_rows, proofs
from include.lake.catalog import PROPERTIES, read_only
from include.lake.commit import LandingSuperseded
from include.lake.lake import Lake
from include.lake.snapshots import snapshot_id_of
from include.lake.staging import Staging
from include.schemas import LANDED, TABLES
from tests.harness.lakes import (
    DESCRIBED,
    FIRST,
    OTHER_RECORDS,
    SECOND,
    Fault,
    Stopped,
    commit,
    current,
    described,
    expected,
    forget_what_things_mean,
    lose_the_answer,
    newest_landings,
    open_lake,
    seen,
    unnamed,
)
from tests.oracle.built_landing import CUSTOMER, RECORDS, attempt, build, landing_of


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(tmp_path)


def test_a_day_without_records_lands_replaces_and_is_replaced(lake: Lake, tmp_path: Path) -> None:
    empty, full = build(tmp_path, records=(), try_number=1), build(tmp_path, records=RECORDS, try_number=2)
    for number, built in enumerate((empty, full, empty)):
        landing = f"{built.transform.landing}"
        committed = commit(lake, built if number < 2 else build(tmp_path, records=(), try_number=3))
        assert committed.published == built.publish.published
        assert committed.landing.startswith(landing[:-1])
        assert seen(lake) == expected(built)
    assert all(len(lake.fs.cat_file(path)) > 100 for path in pages.write(lake, committed).values())


def test_the_files_of_a_landing_are_given_out_only_while_it_is_in_force(lake: Lake, tmp_path: Path) -> None:
    first = commit(lake, build(tmp_path))
    commit(lake, build(tmp_path, day=SECOND))
    [path] = lake.files_in_force("raw_assessments", first)
    assert path.startswith(f"{lake.path}/raw_assessments/landing={first.landing}/")
    commit(lake, build(tmp_path, records=OTHER_RECORDS, try_number=2))
    with pytest.raises(LandingSuperseded, match=rf"landing {first.landing} was to be landed again, but it is no longer in force"):
        lake.files_in_force("raw_assessments", first)


def test_before_the_first_landing_there_is_nothing_and_reading_makes_nothing(lake: Lake, tmp_path: Path) -> None:
    assert (lake.newest(), lake.landings(), lake.in_force(FIRST), lake.state()) == (None, [], None, None)
    assert not (tmp_path / "lake").exists()


def test_create_tables_makes_what_is_missing_once(lake: Lake) -> None:
    assert lake.create_tables() == list(TABLES)
    assert lake.create_tables() == []
    assert lake.newest() is None


def test_a_landing_is_seen_as_it_was_built_and_its_row_says_so(lake: Lake, tmp_path: Path) -> None:
    built = build(tmp_path)
    done = commit(lake, built)
    assert seen(lake) == expected(built)
    assert lake.newest() == done
    assert lake.landings() == [done]
    assert lake.in_force(FIRST) == done
    assert (done.landing, done.published, done.landed, done.offsets) == (built.transform.landing, 12, 8, built.publish.offsets)
    assert set(done.snapshots) == set(LANDED)


def test_a_second_day_is_added_and_the_first_one_stays(lake: Lake, tmp_path: Path) -> None:
    first, second = build(tmp_path), build(tmp_path, records=OTHER_RECORDS, day=SECOND)
    commit(lake, first)
    done = commit(lake, second)
    assert seen(lake) == expected(first, second)
    assert [landing.day for landing in lake.landings()] == [FIRST, SECOND]
    assert lake.newest() == done
    assert [landing.day for landing in lake.landings(FIRST)] == [FIRST]


def test_a_correction_replaces_its_day_and_only_that(lake: Lake, tmp_path: Path) -> None:
    first, second = build(tmp_path), build(tmp_path, day=SECOND)
    correction = build(tmp_path, records=OTHER_RECORDS, try_number=2)
    for built in (first, second, correction):
        commit(lake, built)
    assert seen(lake) == expected(correction, second)
    assert lake.in_force(FIRST) == lake.newest()
    assert len(lake.landings(FIRST)) == 2


def test_a_table_without_rows_loses_the_day_and_has_a_snapshot_all_the_same(lake: Lake, tmp_path: Path) -> None:
    clean = build(tmp_path, records=OTHER_RECORDS, day=SECOND)  # no quarantine, in a new lake
    assert clean.transform.tables["quarantine"].files == ()
    commit(lake, clean)
    assert seen(lake)["quarantine"] == {}
    commit(lake, build(tmp_path))
    assert seen(lake)["quarantine"] == {FIRST: 2}
    commit(lake, build(tmp_path, records=OTHER_RECORDS, try_number=2))
    assert seen(lake)["quarantine"] == {}


def test_committed_again_it_is_recognised_also_after_other_days(lake: Lake, tmp_path: Path) -> None:
    built = build(tmp_path)
    done = commit(lake, built)
    assert commit(lake, built) == done
    commit(lake, build(tmp_path, day=SECOND))
    before = current(lake)
    assert commit(lake, built) == done
    assert len(lake.landings()) == 2
    assert current(lake) == before


def test_newest_is_read_without_opening_a_data_file(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = commit(lake, build(tmp_path))
    opened: list[str] = []
    fs = type(fsspec.filesystem("file"))
    real = fs._open
    monkeypatch.setattr(fs, "_open", lambda self, path, *args, **options: (opened.append(str(path)), real(self, path, *args, **options))[1])
    assert lake.newest() == done
    assert opened
    assert [path for path in opened if not path.endswith(".metadata.json")] == []


def test_an_older_run_never_undoes_a_newer_correction(lake: Lake, tmp_path: Path) -> None:
    newer, older = build(tmp_path), build(tmp_path, records=OTHER_RECORDS, try_number=2)
    commit(lake, newer, run_id="scheduled__2", found_at="2018-01-30T06:00:00Z")
    before = seen(lake), current(lake)
    with pytest.raises(
        LandingSuperseded, match=r"acme 2018-01-28: run scheduled__2 .* later than this run's \(2018-01-29T06:00:00\+00:00\)"
    ):
        commit(lake, older)
    assert (seen(lake), current(lake)) == before


def test_times_are_compared_as_moments_not_as_texts(lake: Lake, tmp_path: Path) -> None:
    commit(lake, build(tmp_path), found_at="2018-01-29T07:30:00+02:00")  # 05:30 UTC
    again = build(tmp_path, try_number=2)
    assert commit(lake, again, found_at="2018-01-29T06:00:00Z") == lake.in_force(FIRST)


def test_committed_at_orders_landings_even_when_the_clock_goes_back(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = commit(lake, build(tmp_path))

    class Yesterday(committing.datetime):  # type: ignore[misc, name-defined]
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return cls(2001, 1, 1, tzinfo=tz)

    monkeypatch.setattr(committing, "datetime", Yesterday)
    second = commit(lake, build(tmp_path, day=SECOND))
    assert second.committed_at > first.committed_at


MISMATCHES = [
    ("another customer's landing", {"customer": "demo"}, "customer is 'demo', expected 'acme'"),
    ("another try's receipt", {"landing": "2018-01-28-5f3a9c1e-9"}, "landing is '2018-01-28-5f3a9c1e-1', expected '2018-01-28-5f3a9c1e-9'"),
    ("another day's receipt", {"day": SECOND}, "day is '2018-01-28', expected '2018-01-29'"),
]


@pytest.mark.parametrize(("reason", "changes", "sentence"), MISMATCHES, ids=[row[0] for row in MISMATCHES])
def test_receipts_that_do_not_belong_together_are_refused(lake: Lake, tmp_path: Path, reason: str, changes: Any, sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        commit(lake, build(tmp_path), **changes)
    assert sentence in str(refused.value), reason


def test_files_of_another_landing_are_refused(lake: Lake, tmp_path: Path) -> None:
    built, other = build(tmp_path), build(tmp_path, try_number=2)
    tables = {**built.transform.tables, "questions": other.transform.tables["questions"]}
    with pytest.raises(Refused, match=r"questions/landing=2018-01-28-5f3a9c1e-2/.* is not of this landing"):
        lake.commit(built.landing, replace(built.transform, tables=tables))


# ---------------------------------------------------------------- commits that stop half-way

# A commit stages every table, `landings` last, and then swaps all of them in. `create_table` comes before.
STAGED = len(TABLES)
STOPS = [
    *[("before", Effect.STAGE_TABLE, n, False) for n in (1, 2, 5, 8, STAGED)],
    ("after", Effect.STAGE_TABLE, STAGED, False),
    ("before", Effect.SWAP_TABLES, 1, False),
    ("after", Effect.SWAP_TABLES, 1, True),
]


def name(stop: tuple[str, Effect, int, bool]) -> str:
    return f"{stop[0]} {stop[1].value} {stop[2]}"


IN_BETWEEN = pytest.mark.long("stops before the first table and after the last; tests/unit/lake/test_one_commit.py kills for real")


@pytest.mark.parametrize("stop", [pytest.param(stop, marks=IN_BETWEEN if 1 < stop[2] < STAGED else []) for stop in STOPS], ids=name)
def test_stopped_anywhere_every_table_is_as_before_or_as_after_and_the_next_commit_has_nothing_to_mend(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, stop: tuple[str, Effect, int, bool]
) -> None:
    first, correction, second = build(tmp_path), build(tmp_path, records=OTHER_RECORDS, try_number=2), build(tmp_path, day=SECOND)
    before = commit(lake, first).snapshots
    with monkeypatch.context() as patched:
        Fault(patched, *stop[:3])
        with pytest.raises(Stopped):
            commit(lake, correction)
    visible = correction if stop[3] else first
    assert seen(lake) == expected(visible)
    assert newest_landings(lake) == {visible.transform.landing}
    assert (current(lake) == before) == (visible is first)
    caplog.clear()  # whatever level the tests before have left behind
    with caplog.at_level("WARNING"):
        commit(lake, second)  # of another day
    assert caplog.messages == [], "nothing to mend"
    assert seen(lake) == expected(visible, second)
    commit(lake, correction)
    assert seen(lake) == expected(correction, second)
    assert len(lake.landings()) == 3


@pytest.mark.parametrize("stop", [STOPS[1], STOPS[6]], ids=name)
def test_the_very_first_commit_may_stop_too(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: tuple[str, Effect, int, bool]
) -> None:
    first, second = build(tmp_path), build(tmp_path, records=OTHER_RECORDS, day=SECOND)
    with monkeypatch.context() as patched:
        Fault(patched, *stop[:3])
        with pytest.raises(Stopped):
            commit(lake, first)
    assert seen(lake) == {}
    commit(lake, second)
    assert seen(lake) == expected(second)
    commit(lake, first)
    assert seen(lake) == expected(first, second)


def test_a_lost_answer_of_the_catalog_is_recognised(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalog takes the commit, the answer does not arrive."""
    commit(lake, build(tmp_path, day=SECOND))
    built = build(tmp_path)
    with monkeypatch.context() as patched:
        lose_the_answer(patched)
        with pytest.raises(LandfallError, match=r"was not committed: OperationalError: .*server closed the connection"):
            commit(lake, built)
    assert seen(lake) == expected(built, build(tmp_path, day=SECOND)), "nothing of it was removed"
    done = commit(lake, built)
    assert [landing.landing for landing in lake.landings(FIRST)] == [done.landing]
    assert seen(lake) == expected(built, build(tmp_path, day=SECOND))


# ---------------------------------------------------------------- two at once


@pytest.mark.parametrize(
    "at", [1, pytest.param(2, marks=IN_BETWEEN), pytest.param(5, marks=IN_BETWEEN), 9, 10], ids=lambda at: f"before effect {at}"
)
def test_of_two_interleaved_commits_one_wins_and_the_other_begins_again(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """The second commit runs as a whole in the middle of the first one: what a zombie and its successor do."""
    zero, slow, quick = build(tmp_path, day="2018-01-27"), build(tmp_path), build(tmp_path, records=OTHER_RECORDS, day=SECOND)
    commit(lake, zero)
    effects, swaps = itertools.count(1), list[str]()

    def meanwhile(moment: str, kind: Effect) -> None:
        if (moment, kind) == ("before", Effect.SWAP_TABLES):
            swaps.append(threading.current_thread().name)
        if moment == "before" and next(effects) == at:
            commit(open_lake(tmp_path), quick)

    monkeypatch.setattr("include.effects._stop_here", meanwhile)
    commit(lake, slow)
    monkeypatch.undo()
    assert len(swaps) == 3, "quick's, the lost one, and the one after it"
    assert seen(lake) == expected(zero, quick, slow)
    assert newest_landings(lake) == {slow.transform.landing}
    assert len(lake.landings()) == 3
    assert unnamed(lake) == set(), "what the loser had staged is gone"


def test_a_commit_that_always_loses_says_so_and_has_changed_nothing(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zero, slow = build(tmp_path, day="2018-01-27"), build(tmp_path)
    commit(lake, zero)
    real = Staging.swap

    def lose(self: Staging) -> None:
        monkeypatch.setattr(Staging, "swap", real)
        open_lake(tmp_path).fence()
        monkeypatch.setattr(Staging, "swap", lose)
        real(self)

    monkeypatch.setattr(Staging, "swap", lose)
    with pytest.raises(LandfallError, match="acme 2018-01-28: landing .* was not committed: another commit came in between"):
        commit(lake, slow)
    monkeypatch.undo()
    assert seen(lake) == expected(zero)
    assert unnamed(lake) == set()


def test_a_fence_changes_nothing_that_readers_see(lake: Lake, tmp_path: Path) -> None:
    lake.fence()  # before there is anything
    commit(lake, build(tmp_path))
    before, snapshots = lake.state(), len(lake._load("landings").metadata.snapshots)
    lake.fence()
    assert (lake.state(), len(lake._load("landings").metadata.snapshots)) == (before, snapshots)


def test_pyiceberg_does_not_try_a_conflict_again_on_its_own(lake: Lake, tmp_path: Path) -> None:
    commit(lake, build(tmp_path))
    mine, theirs = lake._load("questions"), lake._load("questions")
    theirs.delete(landing_rows.of_day(FIRST))
    with pytest.raises(CommitFailedException):
        mine.delete(landing_rows.of_day(FIRST))


# ---------------------------------------------------------------- history and errors


def test_snapshots_stay_as_long_as_landings_can_be_read_as_of(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committing, "KEPT_LANDINGS", 3)
    built = [build(tmp_path, records=OTHER_RECORDS, day=date(2018, 1, day).isoformat()) for day in range(1, 7)]
    states = [(commit(lake, one), lake.state())[1] for one in [*built, build(tmp_path, day="2018-01-06", try_number=2)]]
    assert seen(lake) == expected(*built[:5], build(tmp_path, day="2018-01-06", try_number=2))
    for state in states[-3:]:
        assert state
        assert lake.state_of(state.landing.landing) == state
        assert all(lake._load(name).metadata.snapshot_by_id(number) for name, number in state.snapshots.items())
    with pytest.raises(
        Refused, match="landing '2018-01-04-.*' cannot be read: .* oldest first: 2018-01-05-.*, 2018-01-06-.*-1, 2018-01-06-.*-2"
    ):
        lake.state_of(built[3].transform.landing)
    assert {len(lake._load(name).metadata.snapshots) for name in TABLES} == {3}
    assert len(lake.landings()) == 7


def test_a_commit_writes_no_more_metadata_after_many_landings_than_after_few(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one table and `landings`, for time; the others have the same properties."""
    for module in (committing, proofs):
        monkeypatch.setattr(module, "LANDED", {"questions": LANDED["questions"]})
    dates = [date(2018, 1, day).isoformat() for day in range(1, 24)]  # more than the files and the manifests that may be there
    for day in dates:
        built = build(tmp_path, records=[attempt(1)], day=day)
        tables = {"questions": built.transform.tables["questions"]}
        commit(lake, replace(built, transform=replace(built.transform, tables=tables)))
    assert [landing.day for landing in lake.landings()] == dates
    for name in ("questions", "landings"):
        table = lake._load(name)
        assert len(list(Path(lake.path, name, "metadata").glob("*.metadata.json"))) <= 20 + 1, f"{name}: earlier ones, and the one in force"
        assert max(len(snapshot.manifests(table.io)) for snapshot in table.metadata.snapshots) < 20, f"{name}: they are merged"
        assert len(lake.files(name, snapshot_id_of(table.metadata, name))) == len(dates), f"{name}: nothing is lost by that"


def test_every_table_is_made_with_what_bounds_its_metadata(lake: Lake) -> None:
    lake.create_tables()
    for name in TABLES:
        assert PROPERTIES.items() <= lake._load(name).properties.items(), name


def test_manifests_do_not_name_the_ids_of_attempts(lake: Lake, tmp_path: Path) -> None:
    """Else every commit would copy the lowest and the highest id of each file, of forgotten attempts too."""
    commit(lake, build(tmp_path))
    for table in (each for each in LANDED.values() if "keen_id" in each.arrow.names):
        [file], schema = lake.manifest_entries(table)
        keen_id = schema.find_field("keen_id").field_id
        assert keen_id in file.value_counts, f"{table.name}: it is counted"
        assert keen_id not in {**file.lower_bounds, **file.upper_bounds}, table.name
        assert schema.find_field("day").field_id in file.lower_bounds, f"{table.name}: other columns have bounds"


def test_a_snapshot_that_is_gone_is_named(lake: Lake, tmp_path: Path) -> None:
    commit(lake, build(tmp_path))
    with pytest.raises(LandfallError, match="snapshot 1 of questions is gone"):
        lake.files("questions", 1)


def test_a_catalog_that_nobody_has_made_is_not_made_by_a_reader(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"there is no catalog .*/acme\.sqlite: nothing has landed there yet"):
        read_only(f"sqlite:///{tmp_path}/acme.sqlite?timeout=60")
    assert read_only("postgresql://db/lake") == "postgresql://db/lake"
    assert list(tmp_path.iterdir()) == []


def test_what_readers_saw_at_an_earlier_landing_can_be_had_by_its_name(lake: Lake, tmp_path: Path) -> None:
    first, second = build(tmp_path), build(tmp_path, records=OTHER_RECORDS, try_number=2)
    saw = []
    for built in (first, second):
        commit(lake, built)
        saw.append(lake.state())
    assert [lake.state_of(built.transform.landing) for built in (first, second)] == saw
    lake.fence()  # a snapshot of `landings` that says what the one before said
    assert lake.state_of(second.transform.landing) == lake.state()
    with pytest.raises(Refused, match=r"landing 'that' cannot be read: .* oldest first: 2018-01-28-5f3a9c1e-1, 2018-01-28-5f3a9c1e-2\."):
        lake.state_of("that")


def test_a_catalog_or_files_out_of_reach_are_errors_that_another_try_may_mend(tmp_path: Path) -> None:
    with pytest.raises(LandfallError, match="the lake's catalog cannot be opened: OperationalError") as unreachable:
        Lake.open(CUSTOMER, f"sqlite:///{tmp_path}/no/such/folder/c.sqlite", f"file://{tmp_path}", fsspec.filesystem("file"))
    assert not isinstance(unreachable.value, Refused)
    lake = open_lake(tmp_path)
    built = build(tmp_path)
    Path(built.path("questions")).unlink()
    with pytest.raises(LandfallError, match=r"no longer those that were proven: .*questions.*: expected \d+ bytes, found no file"):
        commit(lake, built)
    assert lake.newest() is None


def test_tables_and_columns_carry_their_meaning_in_the_catalog(lake: Lake) -> None:
    lake.create_tables()
    assert described(lake) == DESCRIBED


def test_a_catalog_of_an_earlier_version_gets_todays_descriptions_with_the_next_landing_and_no_snapshot_of_its_own(
    lake: Lake, tmp_path: Path
) -> None:
    first = build(tmp_path)
    commit(lake, first)
    forget_what_things_mean(lake)
    assert [name for name, found in described(lake).items() if found != DESCRIBED[name]] == ["assessments", "landings"]
    before = seen(lake), current(lake)
    lake.create_tables()
    assert (seen(lake), current(lake)) == before
    assert described(lake) == DESCRIBED
    forget_what_things_mean(lake)
    second = build(tmp_path, records=OTHER_RECORDS, day=SECOND)
    commit(lake, second)
    assert described(lake) == DESCRIBED
    assert seen(lake) == expected(first, second)
    places = [lake._load(name).metadata_location for name in TABLES]
    lake.create_tables()
    assert [lake._load(name).metadata_location for name in TABLES] == places, "what is up to date is left alone"


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_commit_that_stops_at_the_descriptions_is_mended_by_the_next(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    first, second = build(tmp_path), build(tmp_path, records=OTHER_RECORDS, day=SECOND)
    commit(lake, first)
    forget_what_things_mean(lake)
    with monkeypatch.context() as patched:
        Fault(patched, moment, Effect.STAGE_TABLE, 2)
        with pytest.raises(Stopped):
            commit(lake, second)
    assert seen(lake) == expected(first)
    commit(lake, second)
    assert (seen(lake), described(lake)) == (expected(first, second), DESCRIBED)


def test_descriptions_that_several_bring_up_to_date_at_once_are_brought_so_once(lake: Lake, tmp_path: Path) -> None:
    commit(lake, build(tmp_path))
    forget_what_things_mean(lake)
    schemas = len(lake._load("assessments").schemas())
    start = threading.Barrier(4)

    def update(_: int) -> None:
        other = open_lake(tmp_path)
        start.wait()
        other.create_tables()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(update, range(4)))
    assert described(lake) == DESCRIBED
    assert len(lake._load("assessments").schemas()) == schemas, "one change, back to the schema that was there before"
    assert seen(lake) == expected(build(tmp_path))


def test_the_row_that_readers_get_is_the_one_that_was_committed(lake: Lake, tmp_path: Path) -> None:
    """`newest` reads the snapshot's summary, `landings` the data file: both give the same."""
    built = build(tmp_path, records=RECORDS)
    landing = landing_of(
        built.publish, built.transform, run_id="manual__2018-01-29T06:00:00+00:00 ü", found_at="2018-01-29T06:00:00.123456Z"
    )
    done = lake.commit(landing, built.transform)
    assert lake.newest() == lake.landings()[0] == done
    assert done.found_at == "2018-01-29T06:00:00.123456+00:00"


def test_a_catalog_of_an_earlier_version_gets_the_columns_that_it_lacks(lake: Lake, tmp_path: Path) -> None:
    first = commit(lake, build(tmp_path, day=FIRST))
    with lake._load("landings").update_schema() as update:
        update.delete_column("conservation")
    assert [landing.conservation for landing in lake.landings()] == [{}]
    second = commit(lake, build(tmp_path, OTHER_RECORDS, SECOND))
    assert {landing.day: landing.conservation for landing in lake.landings()} == {FIRST: {}, SECOND: second.conservation}
    assert second.conservation["topic"] == {"records": 2, "content_hash": second.content_hash}
    assert first.landing in {landing.landing for landing in lake.landings()}
