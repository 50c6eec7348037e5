"""A correct landing without Spark: the tables that `recount` finds in a source, as the Parquet files and receipts that Spark would leave.

    built = build(tmp_path, records=RECORDS, day="2018-01-28")
    built.landing, built.publish, built.transform

`plant` changes the rows before they are written, `Built` says where the files are: so a test can land a defect.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from include.figures import COUNTED, counted
from include.receipts import DataFile, Landing, PublishReceipt, TableFiles, TransformReceipt, conservation, digest
from include.schemas import LANDED
from tests.oracle.recount import COLUMNS, UNKNOWABLE, recount_records

CUSTOMER = "acme"
DAY = "2018-01-28"
INGEST = "0123456789abcdef"
TEST_EXAM_NAMES = ["yeahsdf"]
Rows = dict[str, list[dict[str, Any]]]


def attempt(
    number: int, *, exam: str = "Learning Git", keen_id: str | None = None, results: Sequence[str | None] = ("correct",), **other: Any
) -> bytes:
    """One record: an attempt with a question for each result, two options each."""
    counted = [result for result in results if result]
    counts = {
        "incomplete": counted.count("missed_some"),
        "submitted": len(counted) - counted.count("unanswered"),
        "incorrect": counted.count("incorrect"),
        "correct": counted.count("correct"),
        "total": len(results),
        "unanswered": counted.count("unanswered"),
        "all_correct": counted.count("correct") == len(results),
    }
    questions = [
        {
            "id": f"question {position}",
            "options": [{"id": "a", "checked": True, "at": "2018-01-28T10:00:00.123Z", "submitted": 1}, {"id": "b", "checked": False}],
            **({"user_result": result, "user_correct": result == "correct", "user_submitted": result != "unanswered"} if result else {}),
        }
        for position, result in enumerate(results)
    ]
    record = {
        "keen_id": keen_id or f"keen {number}",
        "exam_name": exam,
        "base_exam_id": f"id of {exam}",
        "user_exam_id": f"user exam {number}",
        "started_at": f"2018-01-28T09:{number % 60:02}:00.000Z",
        "keen_timestamp": "1517167151.2798369",
        "keen_created_at": "1517167151.27984",
        "max_attempts": "1.0",
        "certification": "false",
        "sequences": {"id": "sequence", "attempt": 1, "counts": counts, "questions": questions},
    }
    return json.dumps({**record, **other}).encode()


# 12 records: 10 accepted in 8 distinct versions (2 surplus copies), 2 quarantined;
# one conflict of two versions, one test exam, one without sequences.
RECORDS = (
    attempt(1, results=("correct", "incorrect")),
    attempt(2, results=("correct", "correct", "missed_some", "unanswered")),
    attempt(1, results=("correct", "incorrect")),
    attempt(3, exam="Nullology", results=("incorrect", None)),
    attempt(1, results=("correct", "incorrect")),
    attempt(4, exam="Example Exam oh yeahsdf", results=(None, None)),
    b'{"keen_id": "keen 5", "exam_name": "Learning Git"}',
    attempt(6, results=("correct",)),
    attempt(6, results=("incorrect",)),
    b'{"keen_id": "keen 7", ',
    b'{"exam_name": "no id"}',
    attempt(8, exam="Häufige Prüfung", results=("correct", "correct")),
)


@dataclass(frozen=True)
class Built:
    """Where a landing's files are and what its receipts say."""

    fs: Any
    root: str  # path of the customer's lake
    publish: PublishReceipt
    transform: TransformReceipt
    rows: Rows

    @property
    def landing(self) -> Landing:
        return landing_of(self.publish, self.transform)

    def path(self, table: str, number: int = 0) -> str:
        return self.transform.tables[table].files[number].path


def landing_of(
    publish: PublishReceipt, transform: TransformReceipt, run_id: str = "manual__1", found_at: str = "2018-01-29T06:00:00+00:00"
) -> Landing:
    return Landing(
        landing=transform.landing, customer=publish.customer, day=publish.day, run_id=run_id, found_at=found_at, committed_at="",
        source=("file:///in/a.json",), bytes=1000, sha256="ab" * 32, topic=publish.topic, ingest=publish.ingest, generation=1,
        offsets=publish.offsets, published=publish.published, landed=transform.distinct, duplicates=transform.duplicates,
        quarantined=transform.quarantined, **counted(transform), content_hash=publish.content_hash,
        reasons=transform.reasons, tables={name: files.rows for name, files in transform.tables.items()}, snapshots={},
        seconds={"publish": 1.5}, warnings=("a warning",),
        conservation=conservation(publish, transform, None), unknown_fields=transform.unknown_fields,
        proof=digest(transform),
    )  # fmt: skip


def build(
    folder: Path,
    records: Sequence[bytes] = RECORDS,
    day: str = DAY,
    try_number: int = 1,
    plant: Callable[[Rows], None] | None = None,
    fs: Any = None,
    root: str | None = None,
    customer: str = CUSTOMER,
    landing: str | None = None,
    ingest: str = INGEST,
) -> Built:
    """Writes the landing under `<folder>/lake/acme`, or under `root` of `fs`. The receipts tell of the rows before `plant` changed them."""
    again = recount_records(records, day, test_exam_names=TEST_EXAM_NAMES)
    rows = {table: [_complete(table, row, ingest) for row in found] for table, found in again.tables.items()}
    fs = fs or fsspec.filesystem("file")
    root = root or f"{folder}/lake/{customer}"
    landing = landing or f"{day}-5f3a9c1e-{try_number}"
    clean_rows = {table: len(found) for table, found in rows.items()}
    if plant:
        plant(rows)
    files = {table: _write(fs, f"{root}/{table}/landing={landing}", table, found) for table, found in rows.items()}
    figures = again.figures
    offsets = {partition: (1000, 1000 + (len(records) - 1 - partition) // 3) for partition in range(min(3, len(records)))}
    publish = PublishReceipt(
        customer=customer, day=day, topic=f"assessments.{customer}", source_sha256="ab" * 32, ingest=ingest, generation=1,
        published=figures.published, content_hash=figures.content_hash, offsets=offsets, chunks=1, chunk_records=10000,
        sent=figures.published, source_records=figures.published, source_hash=figures.content_hash,
    )  # fmt: skip
    transform = TransformReceipt(
        landing=landing, day=day, topic=publish.topic, ingest=ingest, read=figures.published, content_hash=figures.content_hash,
        distinct=figures.landed, duplicates=figures.duplicates, quarantined=figures.quarantined,
        **{name: getattr(figures, name) for name in COUNTED}, reasons=figures.reasons, unknown_fields={"note": 2},
        tables={table: TableFiles(clean_rows[table], files[table]) for table in LANDED},
    )  # fmt: skip
    return Built(fs, root, publish, transform, rows)


def rewrite(built: Built, table: str, change: Callable[[pa.Table], pa.Table]) -> Built:
    """The built landing with the table's first file changed; the receipt tells the new length, so only the content is off."""
    path = built.path(table)
    with built.fs.open(path, "rb") as file:
        content = pq.read_table(file)
    with built.fs.open(path, "wb") as file:
        pq.write_table(change(content), file, compression="zstd")
    files = (DataFile(path, built.fs.info(path)["size"]), *built.transform.tables[table].files[1:])
    tables = {**built.transform.tables, table: replace(built.transform.tables[table], files=files)}
    return replace(built, transform=replace(built.transform, tables=tables))


def _complete(table: str, row: dict[str, Any], ingest: str) -> dict[str, Any]:
    """The row with what no source can tell: records are dealt to three partitions in turn, from offset 1000."""
    given = {"ingest": ingest, "timestamp": datetime(2018, 1, 29, 6, tzinfo=UTC), "detail": "planted"}
    if "record" in row:
        given |= {"partition": row["record"] % 3, "offset": 1000 + row["record"] // 3}
    return {name: given[name] if name in UNKNOWABLE[table] else row[name] for name in COLUMNS[table]}


def _of_spark(table: str, rows: list[dict[str, Any]]) -> pa.Schema:
    """The table's columns as Spark writes them: what it makes of a constant or a hash is never null, and says so; a planted null is."""
    sure = {name for name in ("day", "ingest", "hash", "value") if all(row.get(name) is not None for row in rows)}
    return pa.schema([field.with_nullable(field.name not in sure) for field in LANDED[table].arrow])


def _write(fs: Any, folder: str, table: str, rows: list[dict[str, Any]]) -> tuple[DataFile, ...]:
    if not rows:
        return ()
    fs.makedirs(folder, exist_ok=True)
    path = f"{folder}/part-00000.zstd.parquet"
    with fs.open(path, "wb") as file:
        pq.write_table(pa.Table.from_pylist(rows, schema=_of_spark(table, rows)), file, compression="zstd")
    return (DataFile(path, fs.info(path)["size"]),)
