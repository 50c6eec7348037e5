"""Forget an attempt: its rows and bytes go from every table and from every file under the lake, and a tombstone keeps them out.

A tombstone is the sha256 of the customer's salt and the id, never the id itself: the name of a file in the customer's `forgotten/`. It is
written first, and from then on no landing that did not know it is committed: a fence lets those that are under way look again. Then each
day that has the attempt is committed anew without it, as a landing of the same source; then old snapshots expire, and whatever file still
holds the id is deleted. What those files told of Kafka and of the sources is in the tombstone before the first of them goes. Where another
commit comes in between, it begins again with what that one has left; a forgetting that was stopped anywhere is simply run again.
"""

import secrets
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from include import content_hash
from include.answers import pages
from include.contracts import TopicSpec
from include.effects import Effect, effect
from include.errors import LandfallError, Refused
from include.figures import counted
from include.lake import expiry, tombstones
from include.lake.aggregates import AGGREGATES
from include.lake.catalog import Overtaken
from include.lake.lake import Lake, State
from include.maintenance import compact, field_counts
from include.maintenance.cleanup import ASIDE, modified
from include.maintenance.rewrite import Rewriting, batches, beginning_again, commit
from include.receipts import Conservation, Landing, TransformReceipt
from include.storage import spool
from include.validation.queries import counted_again

ATTEMPTS = ("raw_assessments", "assessments", "questions", "options", "quarantine")  # tables with a keen_id in each row
MARK = "-forgot-"  # in the id of a landing that is another one's without an attempt
SEGMENT_HOURS = 168  # Kafka's default: a segment is closed by then, and deleted whole, when the newest record in it has aged out


@dataclass(frozen=True)
class Forgotten:
    """What was done, and what still holds the attempt outside of the lake.

    `days` are its records by day, and `rows` what was removed by table, where readers saw it. `landings` are all whose files held it, those
    not in force any more and tries that were never committed too: id to number of records, 0 where files no longer tell it. `sources` are
    URIs of whatever landed on the days of any of these. `kafka_until` is the latest moment at which the topic may still hold what these
    files held; None if none did, or it is kept for ever.
    """

    customer: str
    tombstone: str
    asked_by: str
    asked_at: str
    days: dict[str, int]
    rows: dict[str, int]
    landings: dict[str, int]
    files_deleted: int
    topic: str
    kafka_until: str | None
    sources: tuple[str, ...]
    answers: tuple[str, ...]
    mentioned: dict[str, list[int]]  # day to numbers of quarantined records without a keen_id whose bytes hold the text of the id
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """Where readers see the attempt: day to number of records; `newest` is when Kafka took the last of them."""

    records: dict[str, int]
    newest: datetime | None
    mentioned: dict[str, list[int]]


@dataclass(frozen=True)
class Unseen:
    """What no reader sees and yet holds the attempt: paths of files, in the order to delete them, and their landings as in `Forgotten`.

    `newest` is when Kafka took the last of its records, or a later moment; None if that is told already.
    """

    files: tuple[str, ...]
    landings: dict[str, int]
    newest: datetime | None


def find(lake: Lake, keen_id: str) -> Found:
    """Where readers see the attempt now; changes nothing."""
    state = lake.state()
    records, newest, mentioned = Counter[str](), None, dict[str, list[int]]()
    for day in lake.days("raw_assessments", state.snapshots["raw_assessments"]) if state else []:
        assert state is not None
        held = _hashes(lake, state, day, keen_id)
        for batch in batches(lake, lake.files("raw_assessments", state.snapshots["raw_assessments"], day)):
            of_attempt = _is_of(batch, keen_id, held)
            taken = batch.filter(of_attempt)
            records[day] += len(taken)
            newest = max([each for each in (newest, pc.max(taken["timestamp"]).as_py()) if each], default=None)
            nameless = batch.filter(pc.invert(of_attempt))
            nameless = nameless.filter(pc.and_(pc.is_null(nameless["keen_id"]), pc.match_substring(nameless["value"], keen_id)))
            if len(nameless):
                mentioned.setdefault(day, []).extend(nameless["record"].to_pylist())
    return Found({day: number for day, number in records.items() if number}, newest, mentioned)


def forget(lake: Lake, keen_id: str, *, asked_by: str, topic: TopicSpec, copies: Path | None = None) -> Forgotten:
    """Forgets the attempt with this id. Raises LandfallError where landings come in between again and again: run it again.

    The reports of its days are made anew, and their copies in the folder `copies` of this machine, if there is one.
    """
    if not keen_id:
        raise Refused("--keen-id: expected the id of an attempt, found nothing")
    tombstone = tombstones.bury(lake, keen_id, asked_by)
    lake.fence()  # a landing that looked before there was a tombstone would not know of it
    found = _leave_out(lake, keen_id, tombstone)
    unseen = _unseen(lake, keen_id, tombstone)
    landings = lake.landings()
    days, rows = _removed(landings, tombstone)
    told = tombstones.note(lake, tombstone, newest=unseen.newest, landings=unseen.landings, days=days, rows=rows)
    deleted = _clean(lake, unseen.files)
    changed = {each.day: each for each in landings if f"{MARK}{tombstone[:8]}" in each.landing}
    written = pages.rewrite(lake, changed, copies)
    concerned = {*changed, *map(_day_of, told["landings"])}
    return Forgotten(
        customer=lake.customer, tombstone=tombstone, asked_by=told["asked_by"], asked_at=told["asked_at"], days=days, rows=rows,
        landings=told["landings"], files_deleted=deleted, topic=topic.name, kafka_until=_until(told, topic),
        sources=tuple(sorted({uri for each in landings if each.day in concerned for uri in each.source})),
        answers=tuple(written), mentioned=found.mentioned,
        notes=(
            "source files are as they were delivered: whoever delivers them has to remove the attempt there",
            f"Kafka deletes by age only: {topic.retention_hours} hours by the contract, and {SEGMENT_HOURS} for the segment to close",
            *_of_unknown_source(told["landings"], landings),
            "runs that were under way may still leave files that hold it, which no table ever shows: when they are over, this command once "
            "more deletes them; else tidy_lake does, after the contract's tidy.unneeded_days",
            f"what killed tasks have spooled lies in {spool.root()} of each machine until the next publish, validate or tidy_lake there "
            "sweeps it",
            "rows of the table landings keep names of fields that the schema does not know; ids that are delivered as names are there too",
            "logs and XComs of failed runs in Airflow may name the id; the copies that people took of tables or pages are their own",
        ),
    )  # fmt: skip


# ---- a day without the attempt


@beginning_again
def _leave_out(lake: Lake, keen_id: str, tombstone: str) -> Found:
    """Commits every day that has the attempt anew without it; returns where it was, when it was looked for last."""
    found = find(lake, keen_id)
    tombstones.note(lake, tombstone, newest=found.newest)
    for day in found.records:
        _without(lake, day, keen_id, tombstone)
    return found


def _without(lake: Lake, day: str, keen_id: str, tombstone: str) -> None:
    """Commits the day anew without the attempt, as a landing of the same source."""
    known = tombstones.tombstones(lake.fs, lake.path)  # before the rows are read: an attempt that is forgotten later is in them
    old, state = _in_force(lake, day), lake.state()  # in this order: a landing in between makes the commit fail
    assert state is not None
    landing = f"{old.landing.partition(MARK)[0]}{MARK}{tombstone[:8]}-{secrets.token_hex(3)}"
    with Rewriting(lake, state, old, landing) as writer:
        transform = _write(writer, keen_id, known)
        row = replace(
            old, landing=landing, committed_at="", snapshots={}, landed=transform.distinct, **counted(transform),
            reasons=transform.reasons,
            tables={table: files.rows for table, files in transform.tables.items()},
            conservation=_conservation(old.conservation, transform),
            duplicates=transform.duplicates, quarantined=transform.quarantined, forgotten=transform.forgotten,
        )  # fmt: skip
        commit(lake, old, row, transform)


def _write(writer: Rewriting, keen_id: str, known: list[str]) -> TransformReceipt:
    """The tables of the day without the attempt."""
    held = _hashes(writer.lake, writer.state, writer.old.day, keen_id)
    gone = {table: writer.keep(table, lambda batch: _is_of(batch, keen_id, held)) for table in ATTEMPTS}
    writer.sum_up(AGGREGATES)
    writer.fill("holes", field_counts.without(writer.all("holes"), gone["raw_assessments"]["value"].to_pylist()).to_batches())
    return _receipt(writer, gone, known)


def _receipt(writer: Rewriting, gone: dict[str, pa.Table], known: list[str]) -> TransformReceipt:
    """What a transform of the same records would have written that had left the attempt out."""
    old, assessments, quarantine, raw = writer.old, gone["assessments"], gone["quarantine"], gone["raw_assessments"]
    copies = pc.sum(assessments["copies"]).as_py() or 0
    if copies + len(quarantine) != len(raw):
        raise LandfallError(
            f"{old.customer} {old.day}: it has {len(raw)} records, but {copies} landed and {len(quarantine)} in quarantine. "
            "Nothing of this day was changed. Land the day again, which leaves the attempt out."
        )
    reasons = Counter(old.reasons)
    reasons.subtract(quarantine["reason"].to_pylist())
    before = writer.receipt(known)
    return replace(
        before,
        distinct=old.landed - len(assessments),
        duplicates=old.duplicates - (copies - len(assessments)),
        quarantined=old.quarantined - len(quarantine),
        **_figures(old, gone),
        reasons={reason: number for reason, number in reasons.items() if number},
        forgotten=old.forgotten + len(raw),
        forgotten_hash=content_hash.total([content_hash.number(before.forgotten_hash), *raw["hash"].to_pylist()]),
    )


def _figures(old: Landing, gone: dict[str, pa.Table]) -> dict[str, Any]:
    """Those of the landing, less the rows that go; one that nobody counted then stays unknown."""
    with duckdb.connect() as tables:
        tables.execute("set TimeZone = 'UTC'")
        for table, rows in gone.items():
            tables.register(table, rows)
        going = counted_again(tables)
    return {name: None if count is None else count - going[name] for name, count in counted(old).items()}


def _conservation(before: Conservation, transform: TransformReceipt) -> Conservation:
    """Records and hashes stay as they were proven; what became of the records is now another thing."""
    names = ("duplicates", "quarantined", "forgotten")
    counted: dict[str, int | str] = {"landed": transform.distinct, **{name: getattr(transform, name) for name in names}}
    changed = {"spark": {**counted, "forgotten_hash": transform.forgotten_hash}, "hdfs": counted}
    return {place: {**told, **changed.get(place, {})} for place, told in before.items()}


def _in_force(lake: Lake, day: str) -> Landing:
    landing = lake.in_force(day)
    if landing is None:
        raise Overtaken(f"{lake.customer} {day}: its landing is gone. Run it again.")
    return landing


def _is_of(batch: Any, keen_id: str, hashes: pa.Array) -> Any:
    """Which rows are the attempt's: by the id, or, of a record that Kafka had without a key, by the hash of what landed."""
    of_id = pc.fill_null(pc.equal(batch["keen_id"], keen_id), False)
    return pc.or_(of_id, pc.and_(pc.is_null(batch["keen_id"]), pc.is_in(batch["hash"], hashes)))


def _hashes(lake: Lake, state: State, day: str, keen_id: str) -> pa.Array:
    """Of the versions of the attempt that landed on this day."""
    found = [
        batch.filter(pc.fill_null(pc.equal(batch["keen_id"], keen_id), False))["hash"].to_pylist()
        for batch in batches(lake, lake.files("assessments", state.snapshots["assessments"], day))
    ]
    return pa.array([each for part in found for each in part], pa.int64())


# ---- old snapshots and files


@beginning_again
def _unseen(lake: Lake, keen_id: str, tombstone: str) -> Unseen:
    """Looks into every file that readers do not see; also into those of tries that were never committed. None of those that hold the
    attempt can come to be seen: no commit that does not know the tombstone goes through.

    Of landings that the tombstone has told of, a stopped forgetting may have deleted the files that say when Kafka took the records.
    """
    state, told = lake.state(), tombstones.read(lake, tombstone)["landings"]
    seen = {path for table in ATTEMPTS for path in lake.files(table, state.snapshots[table])} if state else set()
    hashes, timed = _all_hashes(lake, keen_id), set(told)
    files, landings, moments = list[str](), Counter[str](), list[datetime]()
    for table in ATTEMPTS:  # raw_assessments first: it alone says when, and by assessments its records without a key are found
        for path, written in _data_files(lake, table).items():
            held = None if path in seen else _held(lake, path, keen_id, hashes)
            if held is None:
                continue
            files.append(path)
            landing = path.partition("/landing=")[2].partition("/")[0]
            landings[landing] += len(held)
            if table == "raw_assessments" or landing not in timed:
                timed.add(landing)
                moments.append(max(held, default=written))  # a file is written after Kafka took what is in it
    return Unseen(tuple(files), dict(landings), max(moments, default=None))


def _clean(lake: Lake, files: Iterable[str]) -> int:
    """Expires what readers do not see, and deletes these files in their order; returns how many went, metadata files too."""
    doomed = [*expiry.expire_all_but_newest(lake), *files]
    for path in doomed:
        with suppress(FileNotFoundError), effect(Effect.DELETE_FILES, path=path):
            lake.fs.rm_file(path)
    return len(doomed)


def _data_files(lake: Lake, table: str) -> dict[str, datetime]:
    """Path of every Parquet file of the table, whoever wrote it, to when it was written: those that a try has not finished too, and those
    that a killed tidying left aside.
    """
    folders = (f"{lake.path}/{table}", f"{lake.path}/{ASIDE}/{table}")  # in this order: a tidying moves from the one to the other
    found = {path: info for folder in folders for path, info in lake.fs.find(folder, detail=True).items()}
    return {path: modified(info) for path, info in sorted(found.items()) if path.endswith(".parquet")}


def _all_hashes(lake: Lake, keen_id: str) -> pa.Array:
    """Of the versions of the attempt in all files there are."""
    found: set[int] = set()
    for path in _data_files(lake, "assessments"):
        with suppress(pa.ArrowException, FileNotFoundError):
            for batch in batches(lake, [path]):
                found |= set(batch.filter(pc.fill_null(pc.equal(batch["keen_id"], keen_id), False))["hash"].to_pylist())
    return pa.array(sorted(found), pa.int64())


def _held(lake: Lake, path: str, keen_id: str, hashes: pa.Array) -> list[datetime] | None:
    """When Kafka took each of the attempt's rows in the file, nothing if the file does not say; None if no row is the attempt's.

    A file that nobody can read may hold anything, and nobody needs it.
    """
    is_held, moments = False, list[datetime]()
    try:
        for batch in batches(lake, [path]):
            taken = batch.filter(_is_of(batch, keen_id, hashes))
            is_held = is_held or len(taken) > 0
            moments += taken["timestamp"].drop_null().to_pylist() if "timestamp" in taken.schema.names else []
    except FileNotFoundError:
        return None
    except (pa.ArrowException, KeyError):
        return []
    return moments if is_held else None


# ---- what was removed


def _removed(landings: list[Landing], tombstone: str) -> tuple[dict[str, int], dict[str, int]]:
    """Records by day, and rows by table: each landing without the attempt compared with the one before it, so no kill loses a count.

    Of a table that the one before had not yet, nothing was there to remove.
    """
    days, rows, before = Counter[str](), Counter[str](), dict[str, Landing]()
    for each in landings:
        if f"{MARK}{tombstone[:8]}" in each.landing:
            last = before[each.day]
            days[each.day] += each.forgotten - last.forgotten
            rows.update({table: last.tables[table] - number for table, number in each.tables.items() if table in last.tables})
        before[each.day] = each
    return dict(days), dict(rows)


# ---- what still holds it


def _until(told: dict[str, Any], topic: TopicSpec) -> str | None:
    kept = timedelta(hours=topic.retention_hours + SEGMENT_HOURS)
    return (datetime.fromisoformat(told["newest"]) + kept).isoformat(timespec="seconds") if told["newest"] else None


def _of_unknown_source(held: Iterable[str], landings: list[Landing]) -> list[str]:
    """A sentence about those that were never committed: the row of a landing is all that names its source."""
    known = {each.landing for each in landings}
    unknown = [landing for landing in held if landing.partition(MARK)[0].partition(compact.MARK)[0] not in known]
    what = ", ".join(unknown)
    return [f"{what}: never committed, so no row of landings names the source; the task find_source of its run does"] if unknown else []


def _day_of(landing: str) -> str:
    """A landing's id begins with its day."""
    return landing[:10]
