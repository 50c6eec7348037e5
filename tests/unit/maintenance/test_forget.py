"""Forgetting an attempt, on local files: what is left equals an independent count without it, and no file holds it any more."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import fsspec
import pytest

from include import receipts
from include.answers import pages
from include.answers.questions import questions
from include.cli import output
from include.contracts import TopicSpec
from include.errors import Refused
from include.figures import COUNTED, counted
from include.lake import expiry
from include.lake import tombstones as tombs
from include.lake.lake import Lake
from include.lake.tombstones import tombstones
from include.maintenance import cleanup
from include.maintenance import forget as forgetting
from include.maintenance.forget import SEGMENT_HOURS, Forgotten, forget
from include.schemas import LANDED
from include.storage import spool
from tests.harness import lakes
from tests.harness.lakes import holding
from tests.oracle.built_landing import CUSTOMER, DAY, RECORDS, TEST_EXAM_NAMES, attempt, build
from tests.oracle.landed import differences
from tests.oracle.recount import recount_records

SECOND = "2018-01-29"
WRONG_TYPE = b'{"keen_id": "keen 20", "exam_name": 7, "sequences": {"questions": [{}, null, {"options": [{"checked": 1}]}]}}'
TOPIC = TopicSpec(f"assessments.{CUSTOMER}")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(CUSTOMER, f"sqlite:///{tmp_path}/catalog.sqlite?timeout=60", f"file://{tmp_path}", fsspec.filesystem("file"))


@pytest.fixture(autouse=True)
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole ones take half of what a forgetting takes; test_no_file_under_the_lake_holds_the_id has them, test_pages.py looks at them."""
    lakes.shorten_pages(monkeypatch)


def land(lake: Lake, folder: Path, **options: Any) -> receipts.Landing:
    built = build(folder, **options)
    known = tuple(tombstones(lake.fs, lake.path))
    return lake.commit(built.landing, replace(built.transform, tombstones=known))


def without(keen_id: str, records: Any = RECORDS) -> Any:
    """The day's tables counted without the attempt; the records that stay keep their numbers."""
    numbers = [number for number, record in enumerate(records) if f'"keen_id": "{keen_id}"'.encode() not in record]
    again = recount_records([records[number] for number in numbers], DAY, test_exam_names=TEST_EXAM_NAMES)
    tables = {
        table: [{**row, "record": numbers[row["record"]]} if "record" in row else row for row in rows]
        for table, rows in again.tables.items()
    }
    return replace(again, tables=tables)


CASES = [
    ("three exact copies", "keen 1", RECORDS),
    ("two versions in conflict", "keen 6", RECORDS),
    ("the only attempt at its exam, with a null result", "keen 3", RECORDS),
    ("a test exam", "keen 4", RECORDS),
    ("without sequences", "keen 5", RECORDS),
    ("in quarantine", "keen 20", (*RECORDS, WRONG_TYPE)),
    ("the last record", "keen 8", RECORDS),
]


@pytest.mark.not_quick("seven kinds of attempts; test_no_file_under_the_lake_holds_the_id forgets one")
@pytest.mark.parametrize(("why", "keen_id", "records"), CASES, ids=[row[0] for row in CASES])
def test_what_is_left_is_what_independent_code_counts_without_it(lake: Lake, tmp_path: Path, why: str, keen_id: str, records: Any) -> None:
    before = land(lake, tmp_path, records=records)
    done = forget(lake, keen_id, asked_by="ann", topic=TOPIC)
    expected = without(keen_id, records)
    assert differences(lake, DAY, expected) == [], why
    now = lake.in_force(DAY)
    assert now is not None
    figures = expected.figures
    assert (now.landed, now.duplicates, now.quarantined) == (figures.landed, figures.duplicates, figures.quarantined)
    assert {**counted(now), "reasons": now.reasons} == {name: getattr(figures, name) for name in (*COUNTED, "reasons")}
    assert now.published == now.landed + now.duplicates + now.quarantined + now.forgotten
    assert done.days == {DAY: now.forgotten}
    assert done.rows == {table: before.tables[table] - len(rows) for table, rows in expected.tables.items()}
    assert (now.sha256, now.content_hash, now.run_id) == (before.sha256, before.content_hash, before.run_id)


def test_no_file_under_the_lake_holds_the_id(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keen_id = "keen 1"
    monkeypatch.setattr(pages, "questions", questions)  # whole pages: no answer may hold it
    records = (attempt(1), attempt(2), attempt(30))
    land(lake, tmp_path, records=records)
    land(lake, tmp_path, records=(*records, attempt(31)), try_number=2)  # a correction: its predecessor is in old snapshots
    land(lake, tmp_path, day=SECOND, records=records)
    build(tmp_path, records=records, try_number=3)  # a try that was never committed
    root = tmp_path / "lake" / CUSTOMER
    assert holding(root, keen_id)
    done = forget(lake, keen_id, asked_by="ann", topic=TOPIC)
    assert done.days == {DAY: 1, SECOND: 1}
    assert holding(root, keen_id) == []
    assert [path.name for path in root.rglob("*.json") if keen_id in path.read_text()] == []


LATER = datetime(2018, 1, 29, 6, tzinfo=UTC)  # when Kafka took the records of a built landing, plus the contract's time and a segment's
UNTIL = (LATER + timedelta(hours=TOPIC.retention_hours + SEGMENT_HOURS)).isoformat(timespec="seconds")


def corrected(lake: Lake, folder: Path, **options: Any) -> receipts.Landing:
    """A landing with the attempt, no longer in force: its correction is without."""
    first = land(lake, folder, **options)
    built = build(folder, records=(attempt(2),), try_number=2)
    lake.commit(replace(built.landing, source=("file:///in/corrected.json",)), built.transform)
    return first


def test_what_only_a_superseded_landing_held_is_told_too(lake: Lake, tmp_path: Path) -> None:
    first = corrected(lake, tmp_path)
    done = forget(lake, "keen 1", asked_by="ann", topic=TOPIC)
    assert (done.days, done.rows, done.landings) == ({}, {}, {first.landing: 3})
    assert done.kafka_until == UNTIL
    assert set(done.sources) >= set(first.source)
    assert holding(tmp_path / "lake" / CUSTOMER, "keen 1") == []


def test_a_superseded_landing_may_be_the_one_that_kafka_took_last(lake: Lake, tmp_path: Path) -> None:
    def taken_later(rows: Any) -> None:
        for row in rows["raw_assessments"]:
            row["timestamp"] += timedelta(hours=5)

    built = build(tmp_path, day=SECOND, plant=taken_later)
    lake.commit(built.landing, built.transform)
    land(lake, tmp_path, day=SECOND, records=(attempt(2),), try_number=2)
    land(lake, tmp_path)
    done = forget(lake, "keen 1", asked_by="ann", topic=TOPIC)
    assert done.days == {DAY: 3}
    assert done.landings == {f"{DAY}-5f3a9c1e-1": 3, f"{SECOND}-5f3a9c1e-1": 3}
    assert done.kafka_until == (datetime.fromisoformat(UNTIL) + timedelta(hours=5)).isoformat(timespec="seconds")


TRIES = [("of a day that has landed", True, ("file:///in/a.json",)), ("of a customer of whom nothing has landed", False, ())]


@pytest.mark.parametrize(("why", "landed", "sources"), TRIES, ids=[row[0] for row in TRIES])
def test_what_only_a_try_held_that_was_never_committed_is_told_too(
    lake: Lake, tmp_path: Path, why: str, landed: bool, sources: tuple[str, ...]
) -> None:
    if landed:
        land(lake, tmp_path, records=(attempt(2),))
    tried = build(tmp_path, try_number=2).landing.landing
    done = forget(lake, "keen 1", asked_by="ann", topic=TOPIC)
    assert (done.days, done.landings, done.kafka_until, done.sources) == ({}, {tried: 3}, UNTIL, sources), why
    assert [note for note in done.notes if note.startswith(f"{tried}: never committed, so no row of landings names the source")], why
    assert holding(tmp_path / "lake" / CUSTOMER, "keen 1") == [], why


def _remove(path: Path) -> None:
    path.unlink()


def _cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


UNTIMED = [("the records went before the rest of its files", _remove), ("the records were never written to their end", _cut_off)]


@pytest.mark.parametrize(("why", "damage"), UNTIMED, ids=[row[0] for row in UNTIMED])
def test_where_no_file_says_when_kafka_took_it_the_moment_is_a_later_one(lake: Lake, tmp_path: Path, why: str, damage: Any) -> None:
    land(lake, tmp_path, records=(attempt(2),))
    tried = build(tmp_path, try_number=2)
    damage(Path(tried.path("raw_assessments")))
    done = forget(lake, "keen 1", asked_by="ann", topic=TOPIC)
    assert done.landings == {tried.landing.landing: 0}, why
    assert done.kafka_until is not None, why
    assert done.kafka_until > UNTIL, why


def test_a_person_is_shown_which_landings_held_it(lake: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = corrected(lake, tmp_path)
    output.forgotten(forget(lake, "keen 1", asked_by="ann", topic=TOPIC))
    shown = {line.split("  ")[0].strip(): line for line in capsys.readouterr().out.splitlines()}
    assert "none that readers saw" in shown["records"]
    assert first.landing in shown["landings"]
    assert first.source[0] in shown["source files"]
    assert f"until {UNTIL} at the latest" in shown["Kafka"]


def test_what_a_killed_tidying_left_aside_is_looked_into_too(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    land(lake, tmp_path)
    land(lake, tmp_path, records=(attempt(2),), try_number=2)

    def stop(*given: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped:
        stopped.setattr(cleanup, "remove", stop)
        with pytest.raises(KeyboardInterrupt):
            cleanup.tidy(lake, 1, now=datetime.now(UTC) + timedelta(days=2))
    root = tmp_path / "lake" / CUSTOMER
    aside = holding(root, "keen 1")
    assert aside
    assert {path.split("/")[0] for path in aside} == {cleanup.ASIDE}
    forget(lake, "keen 1", asked_by="ann", topic=TOPIC)
    assert holding(root, "keen 1") == []
    cleanup.tidy(lake, 1)
    assert differences(lake, DAY, recount_records([attempt(2)], DAY)) == []


def test_once_more_it_changes_nothing_and_tells_the_same(lake: Lake, tmp_path: Path) -> None:
    land(lake, tmp_path)
    first = forget(lake, "keen 1", asked_by="ann", topic=TOPIC)
    landings = lake.landings()
    again = forget(lake, "keen 1", asked_by="bob", topic=TOPIC)
    assert lake.landings() == landings
    assert again == replace(first, files_deleted=again.files_deleted)
    assert first.asked_by == "ann"


def test_a_landing_that_did_not_know_is_refused_and_one_that_did_is_not(lake: Lake, tmp_path: Path) -> None:
    land(lake, tmp_path)
    ignorant = build(tmp_path, try_number=2)
    forget(lake, "keen 1", asked_by="ann", topic=TOPIC)
    with pytest.raises(Refused, match="1 attempts were to be forgotten after Spark had begun to read"):
        lake.commit(ignorant.landing, ignorant.transform)
    assert differences(lake, DAY, without("keen 1")) == []


def test_a_try_that_ends_after_a_forgetting_leaves_files_which_once_more_deletes(lake: Lake, tmp_path: Path) -> None:
    land(lake, tmp_path, records=(attempt(2),))
    done = forget(lake, "keen 1", asked_by="ann", topic=TOPIC)
    late = build(tmp_path, try_number=2)  # it began to read before there was a tombstone
    root = tmp_path / "lake" / CUSTOMER
    assert holding(root, "keen 1")
    assert [note for note in done.notes if "under way may still leave files that hold it" in note and "this command once more" in note]
    again = forget(lake, "keen 1", asked_by="ann", topic=TOPIC)
    assert (again.landings, again.kafka_until) == ({late.landing.landing: 3}, UNTIL)
    assert holding(root, "keen 1") == []


def test_a_landing_of_the_same_day_meanwhile_is_not_undone(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    land(lake, tmp_path)
    commit = Lake.commit

    def late(self: Lake, *given: Any, **options: Any) -> Any:
        monkeypatch.setattr(Lake, "commit", commit)
        land(lake, tmp_path, records=(attempt(1), attempt(2)), try_number=2)
        return commit(self, *given, **options)

    monkeypatch.setattr(Lake, "commit", late)
    assert forget(lake, "keen 1", asked_by="ann", topic=TOPIC).days == {DAY: 1}, "it began again with the new landing"
    newest = lake.newest()
    assert newest is not None
    assert (newest.landed, newest.forgotten) == (1, 1)


STOPS = [(tombs, "note"), (forgetting, "_without"), (forgetting, "_removed"), (forgetting, "_clean")]


@pytest.mark.not_quick("a forgetting stopped at each place; test_once_more_it_changes_nothing_and_tells_the_same runs one again")
@pytest.mark.parametrize(("module", "where"), STOPS, ids=[row[1] for row in STOPS])
def test_stopped_anywhere_it_is_run_again(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: ModuleType, where: str
) -> None:
    land(lake, tmp_path)
    land(lake, tmp_path, day=SECOND)

    def stop(*given: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped:
        stopped.setattr(module, where, stop)
        with pytest.raises(KeyboardInterrupt):
            forget(lake, "keen 1", asked_by="ann", topic=TOPIC)
    done: Forgotten = forget(lake, "keen 1", asked_by="ann", topic=TOPIC)
    assert done.days == {DAY: 3, SECOND: 3}
    assert done.rows["assessments"] == 2
    assert (done.landings, done.kafka_until) == ({f"{DAY}-5f3a9c1e-1": 3, f"{SECOND}-5f3a9c1e-1": 3}, UNTIL)
    assert differences(lake, DAY, without("keen 1")) == []


@pytest.mark.parametrize("deleted", [1, 3, "all"])
def test_what_deleted_files_told_is_told_after_a_stop_too(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deleted: int | str
) -> None:
    def without_keys(rows: Any) -> None:
        for row in rows["raw_assessments"]:
            row["keen_id"] = None  # whose they are is known from assessments only

    first = corrected(lake, tmp_path, plant=without_keys)
    gone: list[str] = []

    def rm_file(path: str) -> None:
        if len(gone) == deleted:
            raise KeyboardInterrupt
        gone.append(path)
        os.remove(path)

    def rewrite(*given: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped:
        stopped.setattr(expiry, "expire_all_but_newest", lambda lake: [])  # metadata goes first; here only the attempt's files count
        stopped.setattr(lake.fs, "rm_file", rm_file)
        stopped.setattr(pages, "rewrite", rewrite)
        with pytest.raises(KeyboardInterrupt):
            forget(lake, "keen 1", asked_by="ann", topic=TOPIC)
    done = forget(lake, "keen 1", asked_by="ann", topic=TOPIC)
    assert (done.landings, done.kafka_until) == ({first.landing: 3}, UNTIL)
    assert set(done.sources) >= set(first.source)
    assert holding(tmp_path / "lake" / CUSTOMER, "keen 1") == [], "raw_assessments has to go before assessments"


def test_a_tombstone_is_not_written_again_without_news(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corrected(lake, tmp_path)
    first = forget(lake, "keen 1", asked_by="ann", topic=TOPIC)
    written = []
    monkeypatch.setattr(tombs, "write_file", lambda fs, path, content: written.append(path))
    again = forget(lake, "keen 1", asked_by="ann", topic=TOPIC)
    assert (written, again) == ([], replace(first, files_deleted=0))


def test_every_file_is_looked_into_once(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corrected(lake, tmp_path)
    opened: list[str] = []
    read = forgetting.batches

    def batches(lake: Lake, paths: list[str]) -> Any:
        opened.extend(paths)
        return read(lake, paths)

    monkeypatch.setattr(forgetting, "batches", batches)
    forget(lake, "nobody", asked_by="ann", topic=TOPIC)
    twice = {path for path in opened if opened.count(path) > 1}
    assert {path.removeprefix(f"{lake.path}/").split("/")[0] for path in twice} <= {"assessments"}  # for their hashes, before all else


def test_a_tombstone_that_was_cut_off_while_it_was_written_is_written_anew(lake: Lake, tmp_path: Path) -> None:
    land(lake, tmp_path)
    done = forget(lake, "keen 1", asked_by="ann", topic=TOPIC)
    path = f"{lake.path}/forgotten/{done.tombstone}.json"
    Path(path).write_bytes(b"")
    again = forget(lake, "keen 1", asked_by="bob", topic=TOPIC)
    assert (again.asked_by, again.days, again.rows) == ("bob", done.days, done.rows)


def test_the_transform_is_told_hashes_and_never_ids(lake: Lake, tmp_path: Path) -> None:
    land(lake, tmp_path)
    assert tombs.salted(lake) == ("", [])
    done = forget(lake, "keen 1", asked_by="ann", topic=TOPIC)
    salt, told = tombs.salted(lake)
    assert told == [done.tombstone]
    assert len(salt) == 32
    assert "keen 1" not in " ".join(told)


def test_what_it_does_not_reach_is_named(lake: Lake, tmp_path: Path) -> None:
    land(lake, tmp_path)
    notes = forget(lake, "nobody", asked_by="ann", topic=TOPIC).notes
    for place in ("source files", "Kafka deletes by age", str(spool.root()), "rows of the table landings", "logs and XComs of failed runs"):
        assert [note for note in notes if place in note], place


def test_what_was_never_there_gets_a_tombstone_all_the_same(lake: Lake, tmp_path: Path) -> None:
    land(lake, tmp_path)
    done = forget(lake, "nobody", asked_by="ann", topic=TOPIC)
    assert (done.days, done.rows, done.kafka_until) == ({}, {}, None)
    assert tombstones(lake.fs, lake.path) == [done.tombstone]
    assert set(LANDED) == {table for table in LANDED if lake.newest().snapshots[table]}  # type: ignore[union-attr]
