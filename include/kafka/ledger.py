"""The ledger: what has been published of a source, one entry for each Kafka transaction, written inside that transaction.

An *ingest* is one publishing of one source for one customer and day; its id goes into every record's header. It is published in *chunks* of
a fixed number of records. The entry for a chunk is in `<topic>.ledger` exactly when the chunk's records are in the topic, so that a later
try sends what is missing and nothing else. When records of an ingest have aged out, all of the source is published anew as the next
*generation*, which is another ingest with another id.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec
import xxhash
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # re-exported without saying so

from include.contracts import TopicSpec
from include.errors import LandfallError, Refused
from include.kafka.client import ANSWER_SECONDS, client_settings, reason, settled
from include.receipts import Source

VERSION = 1
KEY = re.compile(rb"([0-9a-f]{16})/(0|[1-9][0-9]*)")
Natural = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[int, msgspec.Meta(ge=1)]


class LedgerRefused(Refused):
    """An entry is torn, of an unknown version, or contradicts the source, its own key or the other entries. The message names it."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One published chunk: `records` records from number `first_record` on.

    `topic_id` is Kafka's own id of the topic: one that was deleted and made anew under the same name has another. `content_hash` as in a
    receipt, of this chunk alone. `offsets` maps partition to [first, last], inclusive. `seal` is a checksum over all the rest.
    """

    version: int = VERSION
    customer: str
    day: str
    source_sha256: str
    topic_id: str
    ingest: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
    generation: Positive
    chunk: Natural
    chunks: Positive
    chunk_records: Positive
    first_record: Natural
    records: Positive
    content_hash: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
    offsets: dict[int, tuple[Natural, Natural]]
    seal: str = ""

    @property
    def key(self) -> bytes:
        return f"{self.ingest}/{self.chunk}".encode()


class _Version(msgspec.Struct):
    version: int


def ingest_id(customer: str, day: str, source_sha256: str, generation: int) -> str:
    """The first 16 hex digits of the sha256 of `customer`, `day`, `source_sha256` and `generation`, one per line."""
    return hashlib.sha256(f"{customer}\n{day}\n{source_sha256}\n{generation}\n".encode()).hexdigest()[:16]


def sealed(entry: Entry) -> Entry:
    """The entry with its checksum."""
    return msgspec.structs.replace(entry, seal=_checksum(entry))


def _checksum(entry: Entry) -> str:
    return xxhash.xxh64_hexdigest(msgspec.json.encode(msgspec.structs.replace(entry, seal="")))


def encode(entry: Entry) -> bytes:
    """The sealed entry as it goes into the ledger."""
    return msgspec.json.encode(sealed(entry))


def decode(key: bytes | None, value: bytes, where: str) -> Entry:
    """An entry that is whole, of a known version, and stands under its own key. Raises LedgerRefused."""
    try:
        version = msgspec.json.decode(value, type=_Version).version
        if version != VERSION:
            raise _refused(
                where, f"is of version {version}, this program knows version {VERSION}", "Publish with the program that wrote it."
            )
        entry = msgspec.json.decode(value, type=Entry)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _refused(where, f"is torn: {error}, in {value[:60]!r}") from None
    if entry.seal != _checksum(entry):
        raise _refused(where, f"was changed after it was written: its seal is {entry.seal!r}, its content gives {_checksum(entry)!r}")
    if entry.key != key:
        raise _refused(where, f"is for chunk {entry.key.decode()}, which its key contradicts")
    return entry


@dataclass(frozen=True)
class Written:
    """One message of the ledger topic, as read. A null `value` takes back what the key said before."""

    offset: int
    key: bytes | None
    value: bytes | None


def entries_of(source: Source, messages: Iterable[Written], ledger: str) -> list[Entry]:
    """What the ledger says of a source's newest generation, in the order of chunks; empty if it was never published.

    Raises LedgerRefused for a damaged or contradicting entry of this source, and for one that nobody can attribute. Damage to another
    source's entries is that source's affair.
    """
    named, doubled = _newest_by_key(messages, ledger)
    own, damaged = _own(source, named)
    damaged += doubled
    generation = max((entry.generation for entry in own), default=0)
    ids = {ingest_id(source.customer, source.day, source.sha256, candidate) for candidate in range(1, generation + 2)}
    for ingest, error in damaged:
        if ingest is None or ingest in ids:
            raise error
    newest = sorted((entry for entry in own if entry.generation == generation), key=lambda entry: entry.chunk)
    for entry in newest:
        _refuse_contradiction(entry, newest[0], source, f"{ledger}: entry {entry.key.decode()}")
    return newest


Damage = tuple[str | None, LedgerRefused]
"""The ingest that a damaged entry's key names (None if it names none), and what is wrong."""


def _newest_by_key(messages: Iterable[Written], ledger: str) -> tuple[dict[str, Written], list[Damage]]:
    """The last message under each key, by a name for the error to use, and those keys under which there is one too many.

    The same chunk written twice, not taken back in between or after, means that its records are in the topic twice.
    """
    newest: dict[bytes | None, Written] = {}
    doubled: dict[bytes | None, LedgerRefused] = {}
    for message in messages:
        before = newest.get(message.key)
        if message.value is None:
            doubled.pop(message.key, None)
        elif before is not None and before.value is not None:
            where = f"{ledger}: entry {_shown(message.key)}"
            what = f"was written twice, at offsets {before.offset} and {message.offset}: its chunk is in the topic twice"
            doubled[message.key] = _refused(where, what)
        newest[message.key] = message
    named = {f"{ledger}: entry {_shown(key)} at offset {found.offset}": found for key, found in newest.items() if found.value is not None}
    return named, [(_ingest(key), error) for key, error in doubled.items()]


def _ingest(key: bytes | None) -> str | None:
    """The ingest that a key names, None if it is no key of ours."""
    named = KEY.fullmatch(key or b"")
    return named[1].decode() if named else None


def _own(source: Source, named: Mapping[str, Written]) -> tuple[list[Entry], list[Damage]]:
    """The source's entries, and what is damaged."""
    own: list[Entry] = []
    damaged: list[Damage] = []
    for where, message in named.items():
        try:
            entry = decode(message.key, message.value or b"", where)
            if (entry.customer, entry.day, entry.source_sha256) == (source.customer, source.day, source.sha256):
                own.append(entry)
        except LedgerRefused as error:
            damaged.append((_ingest(message.key), error))
    return own, damaged


def _refuse_contradiction(entry: Entry, first: Entry, source: Source, where: str) -> None:
    expected = ingest_id(source.customer, source.day, source.sha256, entry.generation)
    last = entry.chunk == entry.chunks - 1
    span = sum(end - begin + 1 for begin, end in entry.offsets.values())
    plan = (entry.chunks, entry.chunk_records, entry.topic_id)
    contradictions = [
        (entry.ingest != expected, f"is of ingest {entry.ingest}, this source's generation {entry.generation} is {expected}"),
        (plan != (first.chunks, first.chunk_records, first.topic_id), f"has the plan {plan}, entry {first.key.decode()} another"),
        (entry.chunk >= entry.chunks, f"is chunk {entry.chunk} of only {entry.chunks}"),
        (entry.first_record != entry.chunk * entry.chunk_records, f"begins with record {entry.first_record}"),
        (entry.records > entry.chunk_records, f"has {entry.records} records, a chunk has {entry.chunk_records}"),
        (entry.records < entry.chunk_records and not last, f"has {entry.records} records, only the last chunk may have fewer"),
        (any(begin > end for begin, end in entry.offsets.values()), f"has offsets that run backwards: {entry.offsets}"),
        (span < entry.records, f"has {entry.records} records on {span} offsets"),
    ]
    for wrong, what in contradictions:
        if wrong:
            raise _refused(where, f"contradicts its source or the other entries: it {what}")


def refuse_other_records(entry: Entry, records: int, content_hash: str, ledger: str) -> None:
    """Raises LedgerRefused when the source's records of this chunk are not those that were published."""
    if (entry.records, entry.content_hash) != (records, content_hash):
        raise _refused(
            f"{ledger}: entry {entry.key.decode()}",
            f"contradicts the source: it says {entry.records} records with hash {entry.content_hash}, the source has {records} "
            f"with {content_hash}",
        )


def _refused(where: str, what: str, remedy: str = "") -> LedgerRefused:
    remedy = remedy or (
        "To publish the source anew, write a null value under every key of that ingest in the ledger "
        "(the records that are in the topic already are then passed over)."
    )
    return LedgerRefused(f"{where} {what}. Nothing was published by this try. {remedy}")


def _shown(key: bytes | None) -> str:
    return "without a key" if key is None else key.decode("ascii", "backslashreplace")


def recall(
    source: Source, topic: TopicSpec, topic_id: str, partitions: Iterable[TopicPartition], admin: AdminClient, kafka: Mapping[str, str]
) -> tuple[list[Entry], list[str]]:
    """What the ledger says of a source, as `entries_of` returns it, and why records of that are no longer in the topic, as `lost` does.

    `partitions` are those of the topic and its ledger. Called after `init_transactions` only, as `read` says. Raises LandfallError if the
    ledger cannot be read, LedgerRefused for what it holds, KafkaException if the offsets cannot be had.
    """
    now = offsets_now(admin, partitions)
    entries = entries_of(source, read(kafka, topic.ledger, *now[topic.ledger, 0]), topic.ledger)
    return entries, lost(entries, topic.name, topic_id, now)


def offsets_now(admin: AdminClient, partitions: Iterable[TopicPartition]) -> dict[tuple[str, int], tuple[int, int]]:
    """First offset that is still there and next one to be written, of each partition, by (topic, partition).

    Asked for without regard to transactions: a `read_committed` client would be told the last stable offset instead of the end.
    """
    partitions = list(partitions)

    def answer(which: OffsetSpec) -> dict[tuple[str, int], int]:
        futures = admin.list_offsets(dict.fromkeys(partitions, which), request_timeout=ANSWER_SECONDS)
        return {(partition.topic, partition.partition): future.result().offset for partition, future in futures.items()}

    lows = settled(lambda: answer(OffsetSpec.earliest()))  # type: ignore[no-untyped-call]
    highs = settled(lambda: answer(OffsetSpec.latest()))  # type: ignore[no-untyped-call]
    return {partition: (low, highs[partition]) for partition, low in lows.items()}


def read(kafka: Mapping[str, str], ledger: str, low: int, high: int) -> list[Written]:
    """Every committed message of the ledger below `high`, the end of its one partition.

    To be called after `init_transactions` only: until then an open transaction of an earlier try hides committed entries that come after
    its own. Raises LandfallError if the end cannot be reached, rather than take a hidden entry for a missing one.
    """
    settings = {
        "group.id": "landfall.ledger",  # asked for by the client; nothing is ever committed under it
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
        "auto.offset.reset": "error",
        "fetch.wait.max.ms": 10,  # what is there is there: the broker need not wait for more
    }
    if low >= high:
        return []
    consumer = Consumer(client_settings(kafka) | settings)
    try:
        consumer.assign([TopicPartition(ledger, 0, low)])
        return _read_to(consumer, ledger, high)
    except KafkaException as error:
        raise LandfallError(f"{ledger} cannot be read: {reason(error)}. Nothing was published by this try.") from error
    finally:
        consumer.close()


def _read_to(consumer: Consumer, ledger: str, high: int) -> list[Written]:
    written: list[Written] = []
    while True:
        message = consumer.poll(ANSWER_SECONDS)
        if message is None:
            raise LandfallError(f"{ledger}: no answer within {ANSWER_SECONDS} s while reading it. Nothing was published by this try.")
        error = message.error()
        if error is None:
            written.append(Written(_offset(message), message.key(), message.value()))
        elif error.code() != KafkaError._PARTITION_EOF:
            raise KafkaException(error)
        elif _offset(message) >= high:
            return written
        else:
            raise LandfallError(
                f"{ledger}: committed entries end at offset {_offset(message)}, the topic at {high}: another transaction is open. "
                "Nothing was published by this try. Try again once it has ended or timed out."
            )


def _offset(message: Message) -> int:
    offset = message.offset()
    assert offset is not None  # only a message that was never sent has none
    return offset


def lost(entries: Iterable[Entry], topic: str, topic_id: str, now: Mapping[tuple[str, int], tuple[int, int]]) -> list[str]:
    """Why records of these entries are no longer in the topic, one sentence per cause; empty when all are there."""
    entries = list(entries)
    if any(entry.topic_id != topic_id for entry in entries):
        return [f"topic {topic} was deleted and made anew since"]
    firsts: dict[int, int] = {}
    for entry in entries:
        for partition, (first, _) in entry.offsets.items():
            firsts[partition] = min(first, firsts.get(partition, first))
    gone = {partition: (first, now.get((topic, partition), (0, 0))[0]) for partition, first in sorted(firsts.items())}
    return [
        f"partition {partition} of {topic}: offsets {first} to {low - 1} have aged out"
        for partition, (first, low) in gone.items()
        if first < low
    ]
