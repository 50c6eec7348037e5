"""A source's records into a customer's topic: each exactly once, however often and at whatever moment a try is killed.

A try goes in this order, and each step needs the one before:
 1. `init_transactions` fences any earlier publisher of this customer and ends the transaction that it left open;
 2. so the ledger can be read to its end, and says which chunks are in the topic;
 3. the source is split and checked as a whole; a wrong one ends the try before the first byte is sent;
 4. each missing chunk goes out as one transaction: its records and, last, its ledger entry.
"""

import math
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from confluent_kafka import KafkaException, TopicPartition

from include import content_hash
from include.contracts import TopicSpec
from include.errors import LandfallError, Refused
from include.kafka import ledger
from include.kafka.client import Admin, reason
from include.kafka.ledger import Entry, ingest_id
from include.kafka.producer import Publisher
from include.kafka.topics import described
from include.receipts import Landing, PublishReceipt, Source, publish_receipt_of
from include.source.files import Spooled
from include.source.files import spool as spool_source
from include.source.record_key import key_of
from include.source.records import Records

OVERHEAD = 160  # bytes that a batch and a record in it take besides key, value and headers, rounded up


class RecordTooLarge(Refused):
    """A record is larger than its topic takes. The message names it."""


@dataclass(frozen=True)
class Plan:
    """How a source is published: fixed at the first try, read from the ledger by every later one.

    `done` maps chunk to its ledger entry. `chunks` is None until the records of a new ingest have been counted.
    """

    ingest: str
    generation: int
    chunk_records: int
    chunks: int | None
    done: Mapping[int, Entry]
    warnings: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        return self.chunks == len(self.done)


@dataclass(frozen=True)
class LandedBefore:
    """The landing in force that a run lands anew, and how to find the files of its `raw_assessments` (URIs)."""

    landing: Landing
    raw: Callable[[], Iterable[str]]


def publish(
    source: Source,
    topic: TopicSpec,
    kafka: Mapping[str, str],
    spool: Path,
    *,
    accept_empty: bool = False,
    landed: LandedBefore | None = None,
) -> PublishReceipt:
    """Publishes what is not published yet and says where all of it lies. `kafka` is librdkafka's configuration, `spool` a local folder.

    A source without a record is refused unless `accept_empty`. With `landed`, whose source this is, nothing is ever sent: if not all of it
    is in the topic any more, the receipt says to read it from `raw_assessments`.

    Raises Refused for a source, a record, a topic or a ledger that is wrong, and LandfallError for a broker that fails; both mean that
    every chunk whose transaction was not committed is invisible, and that the next try goes on from there.
    """
    where = f"{source.customer} {source.day}: {topic.name}"
    admin = Admin(kafka)
    with Publisher(source.customer, topic, kafka) as publisher:
        try:
            topic_id, partitions = _locate(admin, topic, where)
            publisher.fence()
            entries, lost = ledger.recall(source, topic, topic_id, partitions, admin, kafka)
        except KafkaException as error:
            raise LandfallError(f"{where}: {reason(error, admin)}. Nothing was published by this try.") from error
        plan = resume(source, topic, entries, lost)
        if plan.complete:
            return _receipt(source, topic, plan, sent=0)
        if landed:
            return _from_lake(landed, lost)
        return _publish_missing(source, topic, topic_id, plan, publisher, spool, accept_empty)


def _from_lake(landed: LandedBefore, lost: list[str]) -> PublishReceipt:
    landing = landed.landing
    if not landing.published:
        return publish_receipt_of(landing, (), ())  # a day without records is nowhere to be read
    raw = tuple(landed.raw())
    if not raw:
        raise LandfallError(f"{landing.customer} {landing.day}: landing {landing.landing} has no file in raw_assessments to be read again.")
    why = "; ".join(lost) or f"the ledger of {landing.topic} does not know all of it any more"
    warning = f"{landing.customer} {landing.day}: landed again from HDFS: Kafka has forgotten records of landing {landing.landing}: {why}"
    return publish_receipt_of(landing, raw, (warning,))


def resume(source: Source, topic: TopicSpec, entries: list[Entry], lost: list[str]) -> Plan:
    """The plan that the ledger's entries of the newest generation began, or a new one where there are none or records were lost."""
    if entries and not lost:
        first = entries[0]
        again = _published_again(source, first.generation, "Kafka had forgotten records of it") if first.generation > 1 else ()
        return Plan(first.ingest, first.generation, first.chunk_records, first.chunks, {entry.chunk: entry for entry in entries}, again)
    generation = entries[0].generation + 1 if entries else 1
    warnings = _published_again(source, generation, "; ".join(lost)) if lost else ()
    ingest = ingest_id(source.customer, source.day, source.sha256, generation)
    return Plan(ingest, generation, topic.chunk_records, None, {}, warnings)


def _published_again(source: Source, generation: int, why: str) -> tuple[str]:
    """Said by every try of a later generation: the one that began it may have been killed."""
    return (f"{source.customer} {source.day}: {why}: the whole source was published again as generation {generation}",)


def _publish_missing(
    source: Source, topic: TopicSpec, topic_id: str, plan: Plan, publisher: Publisher, folder: Path, accept_empty: bool
) -> PublishReceipt:
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=folder, prefix=f"{source.customer}-{source.day}-") as own,
        open_records(source, Path(own), accept_empty) as (records, spooled),
    ):
        refuse_too_large(records, topic)
        chunks = _chunks(source, topic, topic_id, plan, len(records))
        compared = [_compare(plan.done[chunk.chunk], chunk, records, topic) for chunk in chunks if chunk.chunk in plan.done]
        missing = [chunk for chunk in chunks if chunk.chunk not in plan.done]
        sent = [publisher.send(chunk, records) for chunk in missing[:-1]]
        sent += [publisher.send(chunk, records, lambda: spooled.confirm_again(records.digest)) for chunk in missing[-1:]]
    done = {**plan.done, **{entry.chunk: entry for entry in sent}}
    receipt = _receipt(source, topic, replace(plan, chunks=len(chunks), done=done), sum(entry.records for entry in sent))
    source_hash = content_hash.together([*compared, *(entry.content_hash for entry in sent)])
    receipt = replace(receipt, source_records=len(records), source_hash=source_hash)
    if not receipt.source_records:
        told = f"{source.customer} {source.day}: the source holds no record: a day without attempts, which the contract accepts"
        receipt = replace(receipt, warnings=(*receipt.warnings, told))
    if (receipt.published, receipt.content_hash) != (receipt.source_records, receipt.source_hash):
        raise LandfallError(
            f"{topic.name}: the ledger accounts for {receipt.published:,} records with hash {receipt.content_hash}, "
            f"the source has {receipt.source_records:,} with {receipt.source_hash}."
        )
    return receipt


@contextmanager
def open_records(source: Source, folder: Path, accept_empty: bool = False) -> Iterator[tuple[Records, Spooled]]:
    """The source's records, from files that hold exactly what was described, and these files. Raises SourceRefused."""
    spooled = spool_source(source, folder)
    try:
        records = Records.open(spooled.paths, accept_empty, spooled.names)
    finally:
        spooled.confirm()  # that a file was changed explains better than what is wrong with it now
    with records:
        yield records, spooled


def _chunks(source: Source, topic: TopicSpec, topic_id: str, plan: Plan, records: int) -> list[Entry]:
    """What each chunk's entry will say, hash and offsets aside."""
    size, chunks = plan.chunk_records, math.ceil(records / plan.chunk_records)
    if plan.chunks not in (None, chunks):
        raise ledger.LedgerRefused(
            f"{topic.ledger}: ingest {plan.ingest} contradicts the source: it was begun with {plan.chunks} chunks of {size:,} records, "
            f"the source's {records:,} records make {chunks}. Nothing was published by this try. Clear find_source."
        )
    return [
        Entry(
            customer=source.customer,
            day=source.day,
            source_sha256=source.sha256,
            topic_id=topic_id,
            ingest=plan.ingest,
            generation=plan.generation,
            chunk=chunk,
            chunks=chunks,
            chunk_records=size,
            first_record=chunk * size,
            records=min(size, records - chunk * size),
            content_hash=content_hash.ZERO,
            offsets={},
        )
        for chunk in range(chunks)
    ]


def _compare(entry: Entry, chunk: Entry, records: Records, topic: TopicSpec) -> str:
    """The content hash of the source's records of a chunk that is published already. Raises LedgerRefused when they are not those."""
    hashed = content_hash.total(map(content_hash.of_record, records.slice(chunk.first_record, chunk.records)))
    ledger.refuse_other_records(entry, chunk.records, hashed, topic.ledger)
    return hashed


def _receipt(source: Source, topic: TopicSpec, plan: Plan, sent: int) -> PublishReceipt:
    entries = plan.done.values()
    published, hashed = sum(entry.records for entry in entries), content_hash.together(entry.content_hash for entry in entries)
    return PublishReceipt(
        customer=source.customer,
        day=source.day,
        topic=topic.name,
        source_sha256=source.sha256,
        ingest=plan.ingest,
        generation=plan.generation,
        published=published,
        content_hash=hashed,
        offsets=_cover(entry.offsets for entry in entries),
        chunks=len(entries),
        chunk_records=plan.chunk_records,
        sent=sent,
        source_records=published,
        source_hash=hashed,
        warnings=plan.warnings,
    )


def _cover(ranges: Iterable[Mapping[int, tuple[int, int]]]) -> dict[int, tuple[int, int]]:
    """The first and the last offset per partition of all the ranges, by partition."""
    cover: dict[int, tuple[int, int]] = {}
    for partition, (first, last) in (item for offsets in ranges for item in offsets.items()):
        low, high = cover.get(partition, (first, last))
        cover[partition] = (min(low, first), max(high, last))
    return dict(sorted(cover.items()))


def refuse_too_large(records: Records, topic: TopicSpec) -> None:
    """Raises RecordTooLarge when a record with its key and headers would not fit into a batch of the topic's maximum."""
    limit = topic.max_message_bytes
    # A key is part of its record and, decoded, no longer than there: only a record of half the maximum can be too large.
    large = [number for number, size in enumerate(records.sizes()) if 2 * size + OVERHEAD + 64 > limit]
    sizes = {number: message_bytes(records[number], number) for number in large}
    over = {number: size for number, size in sizes.items() if size > limit}
    if not over:
        return
    number, size = next(iter(over.items()))
    path, start, end = records.where(number)
    others = f" ({len(over) - 1:,} other records are too large as well)" if len(over) > 1 else ""
    raise RecordTooLarge(
        f"{path}: record {number:,} (bytes {start:,} to {end:,}) takes {size:,} bytes with its key and headers, topic {topic.name} takes "
        f"at most {limit:,}{others}. Nothing was published by this try. Raise max_message_bytes in the contract and for the topic."
    )


def message_bytes(record: bytes, number: int) -> int:
    """The most that a record takes in Kafka: value, key, headers, and what a batch adds."""
    return len(record) + len(key_of(record) or b"") + sum(len(name) + len(value) for name, value in headers("0" * 16, number)) + OVERHEAD


def headers(ingest: str, number: int) -> list[tuple[str, bytes]]:
    """What every message carries: whose it is, and which record of the source."""
    return [("ingest", ingest.encode()), ("record", b"%d" % number)]


def _locate(admin: Admin, topic: TopicSpec, where: str) -> tuple[str, list[TopicPartition]]:
    """The topic's id, and every partition of the topic and its ledger. Raises Refused when one of the two is not there."""
    found = described(admin, [topic.name, topic.ledger])
    missing = [name for name in (topic.name, topic.ledger) if name not in found]
    if missing:
        raise Refused(
            f"{where}: there is no topic {' and no topic '.join(missing)} on {admin.servers}. Clear ensure_topic, which makes it."
        )
    partitions = [TopicPartition(name, partition.id) for name, one in found.items() for partition in one.partitions]
    return str(found[topic.name].topic_id), partitions
