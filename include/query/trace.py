"""Where did this record go? One record's way from the source's bytes through Kafka to the rows that readers see."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from include.errors import LandfallError, Refused
from include.lake.lake import Lake
from include.query.session import Session
from include.receipts import Landing
from include.source.files import describe, spool
from include.source.records import Records
from include.storage.spool import spool_folder

Row = dict[str, Any]
OF_VERSION = ("assessments", "questions", "options")  # tables that a record's keen_id and hash lead to


@dataclass(frozen=True)
class Place:
    """Where a record stands in its source: first byte, and the one after its last; of a compressed file, within its content."""

    uri: str
    begin: int
    end: int


@dataclass(frozen=True)
class Way:
    """One record of the source. `outcome` is landed, copy or quarantined, `said` tells it in words; `rows` maps table to its rows.

    `in_kafka` is `there`, or a sentence that says why the record is no longer at its offset, or why that is not known.
    """

    record: int
    keen_id: str | None
    place: Place | None
    topic: str
    partition: int
    offset: int
    timestamp: datetime
    hash: int
    outcome: str
    said: str
    rows: dict[str, list[Row]]
    in_kafka: str = "not asked"


@dataclass(frozen=True)
class Explanation:
    """What became of the records that were asked for; `no_place` says why their bytes in the source cannot be shown, if so."""

    customer: str
    day: str
    landing: str
    ways: list[Way]
    no_place: str = ""


def explain(
    lake: Lake, day: str, *, keen_id: str | None = None, record: int | None = None, kafka: Mapping[str, str] | None = None
) -> Explanation:
    """The way of the day's records with this keen_id, or of the one with this number. Raises Refused where there is none.

    With `kafka`, a client's settings, Kafka is asked whether it still holds them.
    """
    landing = lake.in_force(day)
    if landing is None:
        raise Refused(
            f"{lake.customer} {day}: nothing has landed for this day. See which days have: ./landfall landings --customer {lake.customer}"
        )
    with Session(lake) as session:
        column, value = ("record", record) if keen_id is None else ("keen_id", keen_id)
        found = _rows(
            session,
            f'select record, keen_id, partition, "offset", timestamp, hash from raw_assessments '
            f"where day = $day::date and {column} = $value order by record",
            {"day": day, "value": value},
        )
        if not found:
            raise Refused(
                f"{lake.customer} {day}: none of the {landing.published:,} records of this day has {column} {value!r}. A record without "
                "a readable keen_id is found by its number: --record N, as ./landfall quarantine lists it."
            )
        with _source(landing) as (records, no_place):
            ways = [_way(session, landing, row, _place(records, row["record"])) for row in found]
    return Explanation(lake.customer, day, landing.landing, _asked(kafka, landing.topic, ways) if kafka else ways, no_place)


def _asked(kafka: Mapping[str, str], topic: str, ways: list[Way]) -> list[Way]:
    """The ways with what Kafka says of each record."""
    from include.kafka.kept import Spot, kept  # brings Kafka's client, for which the other questions need not wait

    answers = kept(kafka, topic, [Spot(way.partition, way.offset, way.hash) for way in ways])
    return [replace(way, in_kafka=answer) for way, answer in zip(ways, answers, strict=True)]


def _way(session: Session, landing: Landing, raw: Row, place: Place | None) -> Way:
    where = {"day": landing.day, "partition": raw["partition"], "offset": raw["offset"]}
    sql = 'select * from quarantine where day = $day::date and partition = $partition and "offset" = $offset'
    quarantined = _rows(session, sql, where)
    if quarantined:
        outcome, said = "quarantined", f"quarantined as {quarantined[0]['reason']}: {quarantined[0]['detail']}"
        rows = {"quarantine": quarantined}
    else:
        rows = {table: _of_version(session, table, landing.day, raw) for table in OF_VERSION}
        first = rows["assessments"][0]["record"] if rows["assessments"] else None
        outcome = "landed" if first == raw["record"] else "copy"
        said = "landed" if outcome == "landed" else f"an exact copy of record {first}, which has landed"
    return Way(
        record=raw["record"], keen_id=raw["keen_id"], place=place, topic=landing.topic, partition=raw["partition"],
        offset=raw["offset"], timestamp=raw["timestamp"], hash=raw["hash"], outcome=outcome, said=said, rows=rows,
    )  # fmt: skip


def _of_version(session: Session, table: str, day: str, raw: Row) -> list[Row]:
    sql = f"select * from {table} where day = $day::date and keen_id = $keen_id and hash = $hash order by all"
    return _rows(session, sql, {"day": day, "keen_id": raw["keen_id"], "hash": raw["hash"]})


def _rows(session: Session, sql: str, parameters: dict[str, Any]) -> list[Row]:
    result = session.ask(sql, parameters)
    return [dict(zip(result.columns, row, strict=True)) for row in result.rows]


@contextmanager
def _source(landing: Landing) -> Iterator[tuple[Records | None, str]]:
    """The landing's records where they stand, if the source is still what was landed; else none, and why."""
    with spool_folder("explain") as folder:
        try:
            source = describe(landing.customer, landing.day, landing.source, datetime.now(UTC).isoformat())
            if source.sha256 != landing.sha256:
                yield None, f"the source's bytes are no longer those that were landed (sha256 {source.sha256[:16]}…)"
                return
            spooled = spool(source, folder)
            spooled.confirm()
            records = Records.open(spooled.paths, accept_empty=True, names=source.uris)
        except LandfallError as error:
            yield None, f"the source cannot be read any more: {error}"
            return
        with records:
            yield records, ""


def _place(records: Records | None, record: int) -> Place | None:
    return None if records is None else Place(*records.where(record))
