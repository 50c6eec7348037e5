"""What one task hands to the next: frozen, small, and enough to check the work of the task before.

Receipts travel as plain dictionaries (XCom, JSON files) and come back through `read`, which refuses a wrong shape. Each names the receipt
that it builds on by its digest: Airflow lets anybody run any task of a run again, and then receipts of different tries lie side by side.
`include/lake/proofs.py` compares them.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from include.content_hash import ZERO as OF_NO_RECORD
from include.errors import Refused
from include.figures import Figures

T = TypeVar("T")


@dataclass(frozen=True)
class SourceFile:
    """One file of a day, as it was delivered. `bytes` and `sha256` are of the file as stored, compressed or not."""

    uri: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Source:
    """The files of one customer and day, sorted by name.

    `sha256` is the file's own for one file; for several it is the sha256 of their sha256 lines, in order.
    `found_at` (ISO 8601, UTC) is of the worker's clock. `claim` is the number of the claim under which the source was read, which all
    workers share: it orders the landings of a day (include/storage/claims.py). None in a receipt of an earlier version.
    """

    customer: str
    day: str
    files: tuple[SourceFile, ...]
    bytes: int
    sha256: str
    found_at: str
    claim: int | None = None

    @property
    def uris(self) -> list[str]:
        return [file.uri for file in self.files]


@dataclass(frozen=True)
class PublishReceipt:
    """Where the records of a source lie in Kafka.

    `offsets` maps partition to [first, last], both inclusive; records of other ingests may lie between them, so readers
    keep only those whose header `ingest` is this one's. `content_hash` is `sum(xxh64(value, seed=42)) mod 2^64` as 16
    hex digits. `sent` counts what this try sent itself; the rest was in the ledger already.
    `source_records` and `source_hash` are counted and hashed from the files by the try that read them; where the ledger was
    complete no try had to, and they are what it says of the source.
    `raw` is set where Kafka has forgotten a landed day: URIs of the files of `raw_assessments` to read in its place. Then all the rest is
    what the landing in force says, which was proven from its source when it landed; `forgotten` records, by count and content hash, are
    not in those files any more. `builds_on` is the digest of the `Source` that was published.
    """

    customer: str
    day: str
    topic: str
    source_sha256: str
    ingest: str
    generation: int
    published: int
    content_hash: str
    offsets: dict[int, tuple[int, int]]
    chunks: int
    chunk_records: int
    sent: int
    source_records: int
    source_hash: str
    warnings: tuple[str, ...] = ()
    raw: tuple[str, ...] = ()
    forgotten: int = 0
    forgotten_hash: str = OF_NO_RECORD
    builds_on: str = ""


@dataclass(frozen=True)
class DataFile:
    """One Parquet file; `path` is absolute on the lake's filesystem, without scheme and host; `bytes` its length."""

    path: str
    bytes: int


@dataclass(frozen=True)
class TableFiles:
    """What Spark wrote for one table in one landing."""

    rows: int
    files: tuple[DataFile, ...]


@dataclass(frozen=True, kw_only=True)
class ReadBySpark:
    """What Spark read, and what became of it: `read` = `distinct` + `duplicates` + `quarantined` + the receipt's `forgotten`."""

    landing: str
    day: str
    topic: str
    ingest: str
    read: int
    content_hash: str
    distinct: int
    duplicates: int
    quarantined: int


@dataclass(frozen=True, kw_only=True)
class TransformReceipt(Figures, ReadBySpark):
    """What Spark read and wrote, counted by Spark while it wrote.

    `forgotten_hash` is the content hash of the forgotten records, which are in no table; `tombstones` are those that the transform knew.
    `seconds` is per step. `unknown_fields` maps a path that the written schema does not know to how often it was there: the 100 most
    frequent, and `...` where there are more; between tasks it has only `...`, with the number of paths (include/lake/unknown_fields.py).
    Written by `spark_jobs/` as JSON. `builds_on` is the digest of the `PublishReceipt` that Spark was started with; the operator adds it.
    Its fields are in this order: those of `ReadBySpark`, the figures, its own; dataclasses take the last base first.
    """

    reasons: dict[str, int]
    unknown_fields: dict[str, int]
    tables: dict[str, TableFiles]
    seconds: dict[str, float] = field(default_factory=dict)
    forgotten: int = 0
    forgotten_hash: str = OF_NO_RECORD
    tombstones: tuple[str, ...] = ()
    builds_on: str = ""


@dataclass(frozen=True)
class Found:
    """What `validate` counted and hashed itself, from the files as they lie on HDFS: raw records, and what became of them.

    Forgotten records cannot be found; they are in `records` and `content_hash` as Spark counted and hashed them.
    """

    records: int
    content_hash: str
    landed: int
    duplicates: int
    quarantined: int
    forgotten: int = 0


Conservation = dict[str, dict[str, int | str]]
"""`source`, `topic`, `spark`, `hdfs`: how many records each had (`records`) and their `content_hash`; equal, or nothing lands."""


@dataclass(frozen=True)
class Override:
    """Why a landing is visible although a limit would have held it up: who took that on, for which reason, and what the limit says."""

    reason: str
    by: str
    problems: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """All of it, as it is shown wherever the landing is."""
        return f"{self.by} has landed this day, because: {self.reason}. Against it stood: {' '.join(self.problems)}"


@dataclass(frozen=True)
class Proof:
    """That a landing is what was published, made by `validate` and asked for by `commit`: one document, bound to all that it is about.

    `sha256` is of the source. `rests_on` maps each task whose receipt was looked at to the digest of that receipt. `files` are those that
    were read, by table. `found` is what they hold, by count and by the content hash of the raw records. The rest says with which limits
    that was good enough, and what else there was to say.
    """

    landing: str
    customer: str
    day: str
    ingest: str
    sha256: str
    rests_on: dict[str, str]
    files: dict[str, tuple[DataFile, ...]]
    rows: dict[str, int]
    found: Found
    max_quarantined: float
    accept_empty: bool
    warnings: tuple[str, ...] = ()
    override: Override | None = None


@dataclass(frozen=True, kw_only=True)
class LandedSource:
    """What was landed by whom, and what became of it: `published` = `landed` + `duplicates` + `quarantined` + the landing's `forgotten`."""

    landing: str
    customer: str
    day: str
    run_id: str
    found_at: str
    committed_at: str
    source: tuple[str, ...]
    bytes: int
    sha256: str
    topic: str
    ingest: str
    generation: int
    offsets: dict[int, tuple[int, int]]
    published: int
    landed: int
    duplicates: int
    quarantined: int


@dataclass(frozen=True, kw_only=True)
class Landing(Figures, LandedSource):
    """One row of `landings`: what was landed, by whom, and which snapshot of each table shows it.

    The newest of a day is in force. `snapshots` covers every table, so that a reader sees all of them at one moment. Its fields are in this
    order: those of `LandedSource`, the figures, its own.
    """

    content_hash: str
    reasons: dict[str, int]
    tables: dict[str, int]
    snapshots: dict[str, int]
    seconds: dict[str, float]
    warnings: tuple[str, ...]
    # Landings of earlier versions have none of these.
    conservation: Conservation = field(default_factory=dict)
    unknown_fields: dict[str, int] = field(default_factory=dict)
    forgotten: int = 0
    claim: int | None = None
    proof: str = ""  # digest of the evidence, see include/lake/proofs.py
    override: Override | None = None

    @property
    def forgotten_hash(self) -> str:
        """The content hash of the forgotten records."""
        return str(self.conservation.get("spark", {}).get("forgotten_hash", OF_NO_RECORD))


def source_of(landing: Landing) -> Source:
    """The source of a landing, for when its files are gone: good to name it, not to read it. Of several files only names are known.

    It keeps the moment when it was found; the claim is that of the landing until a run that reads it again sets its own.
    """
    alone = len(landing.source) == 1
    files = tuple(SourceFile(uri, landing.bytes if alone else 0, landing.sha256 if alone else "") for uri in landing.source)
    return Source(landing.customer, landing.day, files, landing.bytes, landing.sha256, landing.found_at, landing.claim)


def publish_receipt_of(landing: Landing, raw: tuple[str, ...], warnings: tuple[str, ...]) -> PublishReceipt:
    """What `publish` hands on where a landed day is to be read from the files of `raw_assessments`; it sent nothing."""
    return PublishReceipt(
        customer=landing.customer,
        day=landing.day,
        topic=landing.topic,
        source_sha256=landing.sha256,
        ingest=landing.ingest,
        generation=landing.generation,
        published=landing.published,
        content_hash=landing.content_hash,
        offsets=landing.offsets,
        chunks=0,
        chunk_records=0,
        sent=0,
        source_records=landing.published,
        source_hash=landing.content_hash,
        warnings=warnings,
        raw=raw,
        forgotten=landing.forgotten,
        forgotten_hash=landing.forgotten_hash,
    )


def conservation(publish: PublishReceipt, transform: TransformReceipt | None, found: Found | None) -> Conservation:
    """The four counts side by side, as far as a run has come: each was taken at another place, by another program or at another time."""
    counted: Conservation = {
        "source": {"records": publish.source_records, "content_hash": publish.source_hash},
        "topic": {"records": publish.published, "content_hash": publish.content_hash},
    }
    if transform:
        counted["spark"] = {"records": transform.read, "content_hash": transform.content_hash}
        counted["spark"] |= {"landed": transform.distinct, "duplicates": transform.duplicates, "quarantined": transform.quarantined}
        counted["spark"] |= {"forgotten": transform.forgotten}
        if transform.forgotten:
            counted["spark"] |= {"forgotten_hash": transform.forgotten_hash}
    if found:
        counted["hdfs"] = plain(found)
    return counted


def read(kind: type[T], given: Any, where: str) -> T:
    """`given` (a dictionary, or JSON as bytes) as a receipt of this kind. Raises Refused that names `where` it came from."""
    try:
        if isinstance(given, (bytes, str)):
            return msgspec.json.decode(given, type=kind)
        return msgspec.convert(given, kind, str_keys=True)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise Refused(f"{where} is not a readable {kind.__name__}: {error}. Clear the task that wrote it and run it again.") from error


def digest(receipt: Any) -> str:
    """The sha256 of the receipt as JSON, the same on either side of an XCom."""
    return hashlib.sha256(msgspec.json.encode(plain(receipt), order="sorted")).hexdigest()


def plain(receipt: Any) -> dict[str, Any]:
    """The receipt as a dictionary of plain JSON types, fit for an XCom or a JSON file."""
    return msgspec.json.decode(msgspec.json.encode(receipt))  # type: ignore[no-any-return]  # an XCom gives no tuple back as it was


def write(receipt: Any, path: Path) -> None:
    """The receipt as a JSON file."""
    path.write_bytes(msgspec.json.encode(receipt))
