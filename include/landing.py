"""Is everything there? Compares what was published, what Spark says it wrote, and what lies on HDFS, before anybody sees it.

`read_landed` looks at HDFS with other eyes than Spark's: the listing, the Parquet footers, the raw bytes hashed here, the tables joined by
DuckDB. `problems` compares numbers that came from different places and returns sentences; no sentence means that every record of the
source has arrived exactly once, as an attempt, a copy of one, or in quarantine.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from include.receipts import PublishReceipt, TransformReceipt
from include.tables import LANDED

AGAIN = "Clear transform and the tasks after it to run them again."
EXAMPLES = 3
MODULUS = 2**64


@dataclass(frozen=True)
class Some:
    """How many there are, and the first few of them in words."""

    count: int
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        more = ", ..." if self.count > len(self.examples) else ""
        return f"{'; '.join(self.examples)}{more}"


@dataclass(frozen=True)
class FoundFile:
    """A Parquet file as it lies there: its length, and from its footer rows and columns with Arrow's types. Or why it cannot be read."""

    bytes: int
    rows: int = 0
    columns: dict[str, str] | None = None
    unreadable: str = ""


@dataclass(frozen=True)
class Raw:
    """`raw_assessments` as it lies there; the hashes are of the bytes, computed here."""

    rows: int
    content_hash: str
    ingests: dict[str, int]
    wrong_hashes: Some
    repeated_offsets: Some
    offsets: dict[int, tuple[int, int]]
    records: int  # distinct record numbers
    lowest_record: int | None
    highest_record: int | None


@dataclass(frozen=True)
class Attempts:
    """`assessments` and `quarantine` as they lie there."""

    distinct: int
    copies: int
    test: int
    conflicts: int
    quarantined: int
    reasons: dict[str, int]
    content_hash: str  # of hash x copies of the attempts, plus the quarantine
    repeated_keys: Some
    without_copies: Some
    wrong_conflicts: Some
    lost: Some  # records in raw_assessments, neither landed nor quarantined
    invented: Some  # landed or quarantined, more often than raw_assessments has them
    untallied: int
    unscored: int


@dataclass(frozen=True)
class Children:
    """What depends on the attempts, as it lies there."""

    orphan_questions: Some
    orphan_options: Some
    wrong_questions: Some  # attempts whose questions are not numbered 0 to question_count - 1
    wrong_options: Some
    wrong_exam_scores: Some  # rows that differ from those counted again from assessments
    wrong_question_days: Some


@dataclass(frozen=True)
class Facts:
    """What the contents of the files say; `days` maps table to day to rows."""

    days: dict[str, dict[str, int]]
    raw: Raw
    attempts: Attempts
    children: Children


@dataclass(frozen=True)
class Landed:
    """One landing as it lies on HDFS: table to path to file. Without facts where a file is missing, unreadable or of other columns."""

    files: dict[str, dict[str, FoundFile]]
    facts: Facts | None


# ---------------------------------------------------------------- judging


def problems(publish: PublishReceipt, transform: TransformReceipt, landed: Landed, max_quarantined: float) -> list[str]:
    """Sentences about everything that is wrong, none if nothing is. `max_quarantined` is a share of the published records, 0 to 1."""
    found = [*_receipts(publish, transform), *_files(transform, landed)]
    if landed.facts is None:
        return found or ["the landing's files could not be read, and no reason was found. " + AGAIN]
    facts = landed.facts
    return [
        *found,
        *_days(transform, facts),
        *_raw(publish, facts.raw),
        *_conservation(publish, transform, facts),
        *_children(facts),
        *_quarantine(publish, facts.attempts, max_quarantined),
    ]


def warnings(publish: PublishReceipt, transform: TransformReceipt, landed: Landed) -> list[str]:
    """Sentences about what is right but worth a look."""
    told = []
    if transform.quarantined:
        told.append(f"{transform.quarantined} of {publish.published} records are in quarantine: {_reasons(transform.reasons)}")
    if transform.conflicts:
        told.append(f"{transform.conflicts} attempts share their keen_id with other bytes; every version has landed, with is_conflict")
    attempts = landed.facts.attempts if landed.facts else None
    if attempts and attempts.untallied:
        told.append(f"{attempts.untallied} attempts have counts that do not agree with their questions (tallies is false)")
    return told


def _receipts(publish: PublishReceipt, transform: TransformReceipt) -> Iterator[str]:
    for what in ("ingest", "day", "topic"):
        published, read = getattr(publish, what), getattr(transform, what)
        if published != read:
            yield f"{what}: published was {published}, Spark read {read}: the receipts are of different runs. {AGAIN}"
    if transform.read != publish.published:
        yield f"{publish.published} records were published to {publish.topic}, Spark read {transform.read}. {AGAIN}"
    if transform.content_hash != publish.content_hash:
        yield (
            f"content hash: published {publish.content_hash}, read by Spark {transform.content_hash}: "
            f"the records that Spark read are not those that were published. {AGAIN}"
        )
    parts = transform.distinct + transform.duplicates + transform.quarantined
    if parts != transform.read:
        yield (
            f"Spark read {transform.read} records but accounts for {parts}: {transform.distinct} distinct, "
            f"{transform.duplicates} duplicates, {transform.quarantined} quarantined. {AGAIN}"
        )


def _files(transform: TransformReceipt, landed: Landed) -> Iterator[str]:
    if set(transform.tables) != set(LANDED):
        yield f"Spark's receipt lists the tables {', '.join(sorted(transform.tables))}; expected {', '.join(sorted(LANDED))}. {AGAIN}"
    for table, files in transform.tables.items():
        there = landed.files.get(table, {})
        promised = {file.path: file.bytes for file in files.files}
        for path in sorted(promised.keys() - there.keys()):
            yield f"{table}: {path} is in Spark's receipt but not on HDFS. {AGAIN}"
        for path in sorted(there.keys() - promised.keys()):
            yield f"{table}: {path} is on HDFS but not in Spark's receipt: another try wrote into this landing. {AGAIN}"
        for path, file in sorted(there.items()):
            if path in promised and file.bytes != promised[path]:
                yield f"{table}: {path} has {file.bytes} bytes, Spark's receipt says {promised[path]}. {AGAIN}"
            if file.unreadable:
                yield f"{table}: {path} is not a readable Parquet file: {file.unreadable}. {AGAIN}"
            if file.columns is not None:
                yield from _columns(table, path, file.columns)
        rows = sum(file.rows for file in there.values())
        if rows != files.rows and not any(file.unreadable for file in there.values()):
            yield f"{table}: the files hold {rows} rows, Spark's receipt says {files.rows}. {AGAIN}"


def _columns(table: str, path: str, columns: dict[str, str]) -> Iterator[str]:
    expected = _expected_columns(table)
    wrong = [
        f"{name} {expected.get(name, 'nothing')} expected, {columns.get(name, 'nothing')} found"
        for name in {**expected, **columns}
        if expected.get(name) != columns.get(name)
    ]
    if wrong:
        yield f"{table}: {path} has other columns than the table: {'; '.join(wrong)}. spark_jobs and include/tables.py must agree."


def _days(transform: TransformReceipt, facts: Facts) -> Iterator[str]:
    for table, days in facts.days.items():
        others = {day: rows for day, rows in days.items() if day != transform.day}
        if others:
            found = ", ".join(f"{rows} of {day}" for day, rows in sorted(others.items()))
            yield f"{table}: all rows must be of {transform.day}, found {found}. {AGAIN}"


def _raw(publish: PublishReceipt, raw: Raw) -> Iterator[str]:
    strangers = {ingest: rows for ingest, rows in raw.ingests.items() if ingest != publish.ingest}
    if strangers:
        found = ", ".join(f"{rows} of {ingest}" for ingest, rows in sorted(strangers.items()))
        yield f"raw_assessments: all records must be of ingest {publish.ingest}, found {found}: they are another publishing's. {AGAIN}"
    if raw.rows != publish.published:
        yield f"{publish.published} records were published, raw_assessments holds {raw.rows}. {AGAIN}"
    if raw.content_hash != publish.content_hash:
        yield (
            f"content hash: published {publish.content_hash}, of the bytes in raw_assessments {raw.content_hash}: "
            f"records were lost, doubled or changed on the way. {AGAIN}"
        )
    if raw.wrong_hashes.count:
        yield f"raw_assessments: {raw.wrong_hashes.count} rows whose hash is not that of their value: {raw.wrong_hashes}. {AGAIN}"
    if raw.repeated_offsets.count:
        yield f"raw_assessments: {raw.repeated_offsets.count} Kafka records are there more than once: {raw.repeated_offsets}. {AGAIN}"
    for partition, (first, last) in sorted(raw.offsets.items()):
        expected = publish.offsets.get(partition)
        if expected is None:
            yield f"raw_assessments: records of partition {partition}, where nothing was published. {AGAIN}"
        elif first < expected[0] or last > expected[1]:
            yield (
                f"raw_assessments: offsets {first} to {last} of partition {partition}; "
                f"published were {expected[0]} to {expected[1]}. {AGAIN}"
            )
    if raw.rows and (raw.records, raw.lowest_record, raw.highest_record) != (publish.published, 0, publish.published - 1):
        yield (
            f"record numbers must be 0 to {publish.published - 1}, each once; raw_assessments has {raw.records} different ones "
            f"from {raw.lowest_record} to {raw.highest_record}. {AGAIN}"
        )


def _conservation(publish: PublishReceipt, transform: TransformReceipt, facts: Facts) -> Iterator[str]:
    found = facts.attempts
    if found.distinct == 0:
        yield f"nothing landed: of {publish.published} records none became an attempt. Look at the source, or at the quarantine's reasons."
    counted = {
        "distinct attempts": (transform.distinct, found.distinct),
        "duplicates": (transform.duplicates, found.copies - found.distinct),
        "quarantined records": (transform.quarantined, found.quarantined),
        "test attempts": (transform.test, found.test),
        "conflicting attempts": (transform.conflicts, found.conflicts),
    }
    for what, (said, there) in counted.items():
        if said != there:
            yield f"{what}: Spark's receipt says {said}, the tables hold {there}. {AGAIN}"
    if {reason: rows for reason, rows in transform.reasons.items() if rows} != found.reasons:
        yield f"quarantine: Spark's receipt says {_reasons(transform.reasons)}, the table holds {_reasons(found.reasons)}. {AGAIN}"
    arrived = found.copies + found.quarantined
    if arrived != publish.published:
        yield (
            f"{publish.published} records were published, {arrived} arrived: {found.distinct} distinct attempts, "
            f"{found.copies - found.distinct} duplicates, {found.quarantined} quarantined. {AGAIN}"
        )
    if found.content_hash != publish.content_hash:
        yield (
            f"content hash: published {publish.content_hash}, of assessments (hash x copies) and quarantine {found.content_hash}: "
            f"counts may agree, the records do not. {AGAIN}"
        )
    if found.lost.count:
        yield f"{found.lost.count} of {publish.published} records neither landed nor quarantined: {found.lost}. {AGAIN}"
    if found.invented.count:
        yield f"{found.invented.count} records landed or quarantined more often than raw_assessments holds them: {found.invented}. {AGAIN}"
    if found.repeated_keys.count:
        yield f"assessments: {found.repeated_keys.count} attempts have more than one row: {found.repeated_keys}. {AGAIN}"
    if found.without_copies.count:
        yield f"assessments: {found.without_copies.count} rows with copies below 1: {found.without_copies}. {AGAIN}"
    if found.wrong_conflicts.count:
        yield f"assessments: is_conflict is wrong in {found.wrong_conflicts.count} rows: {found.wrong_conflicts}. {AGAIN}"


def _children(facts: Facts) -> Iterator[str]:
    found = facts.children
    sentences = {
        "rows of questions belong to no attempt in assessments": found.orphan_questions,
        "rows of options belong to no question in questions": found.orphan_options,
        "attempts do not have the questions that their question_count says": found.wrong_questions,
        "questions do not have the options that their option_count says": found.wrong_options,
        "rows of exam_scores are not what assessments adds up to": found.wrong_exam_scores,
        "rows of question_days are not what questions adds up to": found.wrong_question_days,
    }
    for sentence, some in sentences.items():
        if some.count:
            yield f"{some.count} {sentence}: {some}. {AGAIN}"


def _quarantine(publish: PublishReceipt, attempts: Attempts, max_quarantined: float) -> Iterator[str]:
    share = attempts.quarantined / publish.published if publish.published else 0.0
    if share > max_quarantined:
        yield (
            f"{attempts.quarantined} of {publish.published} records ({share:.2%}) are unreadable, {max_quarantined:.2%} is allowed: "
            f"{_reasons(attempts.reasons)}. Mend the source, or run again with a higher max_quarantined to land the rest."
        )


def _reasons(reasons: dict[str, int]) -> str:
    return ", ".join(f"{reason} {rows}" for reason, rows in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))) or "nothing"


def _expected_columns(table: str) -> dict[str, str]:
    return {field.name: str(field.type) for field in LANDED[table].arrow}


# ---------------------------------------------------------------- reading

RAW_COLUMNS = ("day", "ingest", "partition", "offset", "record", "keen_id", "hash", "value")
NEEDED = {
    "assessments": (
        "day", "keen_id", "hash", "record", "copies", "is_test", "is_conflict", "exam_name", "base_exam_id", "started_at",
        "incomplete", "incorrect", "correct", "total", "unanswered", "score", "question_count", "tallies",
    ),
    "questions": ("day", "keen_id", "hash", "position", "question_id", "user_result", "option_count"),
    "options": ("day", "keen_id", "hash", "question_position", "position"),
    "quarantine": ("day", "hash", "keen_id", "record", "reason"),
    "exam_scores": tuple(LANDED["exam_scores"].arrow.names),
    "question_days": tuple(LANDED["question_days"].arrow.names),
}  # fmt: skip
MEMORY = "1GB"


def read_landed(fs: Any, transform: TransformReceipt) -> Landed:
    """The landing as it lies on `fs`. A file that cannot be read is a finding; a filesystem that cannot be reached is an OSError."""
    files = {table: _listing(fs, folder) for table, folder in _folders(transform).items()}
    sound = all(
        path in files[table] and files[table][path].columns == _expected_columns(table)
        for table, promised in transform.tables.items()
        for path in [*files.get(table, {}), *(file.path for file in promised.files)]
        if table in files
    )
    if not sound or set(files) != set(LANDED):
        return Landed(files, None)
    try:
        return Landed(files, _facts(fs, {table: sorted(found) for table, found in files.items()}))
    except _Unreadable as broken:
        files[broken.table][broken.path] = FoundFile(files[broken.table][broken.path].bytes, unreadable=broken.reason)
        return Landed(files, None)


def _folders(transform: TransformReceipt) -> dict[str, str]:
    """Table to the directory of its files. A table without rows has no file, but the others say where it would be."""
    roots = {
        str(PurePosixPath(file.path).parents[2]) for table in transform.tables.values() for file in table.files
    }
    return {table: f"{root}/{table}/landing={transform.landing}" for root in roots for table in LANDED}


def _listing(fs: Any, folder: str) -> dict[str, FoundFile]:
    try:
        listed = fs.ls(folder, detail=True)
    except FileNotFoundError:
        return {}
    # Names with _ or . in front are Hadoop's way to say that a file is no data.
    return {
        file["name"]: _footer(fs, file["name"], file["size"])
        for file in listed
        if file["type"] == "file" and not file["name"].rsplit("/", 1)[-1].startswith(("_", "."))
    }


def _footer(fs: Any, path: str, size: int) -> FoundFile:
    try:
        with fs.open(path, "rb") as file:
            footer = pq.ParquetFile(file)
            return FoundFile(size, footer.metadata.num_rows, {field.name: str(field.type) for field in footer.schema_arrow})
    except (pa.ArrowException, OSError) as error:
        return FoundFile(size, unreadable=_content_error(error))


def _content_error(error: Exception) -> str:
    """What is wrong with the bytes; raised on if it is the filesystem that failed (its errors are subclasses of OSError)."""
    if isinstance(error, OSError) and type(error) is not OSError:
        raise error
    return str(error).splitlines()[0] if str(error) else type(error).__name__


class _Unreadable(Exception):
    def __init__(self, table: str, path: str, reason: str) -> None:
        super().__init__(f"{table}: {path}: {reason}")
        self.table, self.path, self.reason = table, path, reason


def _facts(fs: Any, paths: dict[str, list[str]]) -> Facts:
    with tempfile.TemporaryDirectory(prefix="landfall-validate-") as spill, duckdb.connect(
        config={"memory_limit": MEMORY, "temp_directory": spill}
    ) as tables:
        tables.execute("set TimeZone = 'UTC'")
        _load(tables, "raw", _raw_batches(fs, paths["raw_assessments"]), _RAW_SCHEMA)
        for table, columns in NEEDED.items():
            schema = pa.schema([LANDED[table].arrow.field(column) for column in columns])
            _load(tables, table, _batches(fs, table, paths[table], columns), schema)
        return Facts(_days_of(tables), _raw_of(tables), _attempts_of(tables), _children_of(tables))


def _load(tables: Any, name: str, batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> None:
    """Batch by batch, so that only DuckDB's own memory, which it can spill, grows with the day."""
    tables.from_arrow(schema.empty_table()).create(name)
    for batch in batches:
        tables.from_arrow(pa.Table.from_batches([batch])).insert_into(name)


def _batches(fs: Any, table: str, paths: list[str], columns: tuple[str, ...], rows: int = 65_536) -> Iterator[pa.RecordBatch]:
    for path in paths:
        try:
            with fs.open(path, "rb") as file:
                yield from pq.ParquetFile(file, buffer_size=1 << 20).iter_batches(rows, columns=list(columns))
        except (pa.ArrowException, OSError) as error:
            raise _Unreadable(table, path, _content_error(error)) from error


_RAW_SCHEMA = pa.schema(
    [*(LANDED["raw_assessments"].arrow.field(column) for column in RAW_COLUMNS[:-1]), pa.field("found_hash", pa.int64())]
)


def _raw_batches(fs: Any, paths: list[str]) -> Iterator[pa.RecordBatch]:
    """The raw rows with the hash of their value in its place."""
    for batch in _batches(fs, "raw_assessments", paths, RAW_COLUMNS, rows=1024):
        hashes = pa.array((_signed_hash(value) for value in batch.column("value")), pa.int64())
        yield pa.RecordBatch.from_arrays([*(batch.column(column) for column in RAW_COLUMNS[:-1]), hashes], schema=_RAW_SCHEMA)


def _signed_hash(value: pa.BinaryScalar) -> int | None:
    if not value.is_valid:
        return None
    unsigned = xxhash.xxh64_intdigest(value.as_buffer(), seed=42)
    return unsigned - MODULUS if unsigned >= MODULUS // 2 else unsigned


def _days_of(tables: Any) -> dict[str, dict[str, int]]:
    named = {"raw_assessments": "raw", **{table: table for table in NEEDED}}
    return {
        table: {str(day) if day else "no day": rows for day, rows in tables.execute(f"select day, count(*) from {name} group by day").fetchall()}
        for table, name in named.items()
    }


def _raw_of(tables: Any) -> Raw:
    rows, total, records, lowest, highest = tables.execute(
        "select count(*), sum(found_hash::hugeint), count(distinct record), min(record), max(record) from raw"
    ).fetchone()
    return Raw(
        rows=rows,
        content_hash=_hex(total),
        ingests=dict(tables.execute("select coalesce(ingest, 'no ingest'), count(*) from raw group by all").fetchall()),
        wrong_hashes=_some(tables, "select 'record ' || record from raw where hash is distinct from found_hash order by record"),
        repeated_offsets=_some(
            tables,
            """select 'partition ' || partition || ' offset ' || "offset" from raw group by partition, "offset" having count(*) > 1 order by all""",
        ),
        offsets={
            partition: (first, last)
            for partition, first, last in tables.execute('select partition, min("offset"), max("offset") from raw group by partition').fetchall()
        },
        records=records,
        lowest_record=lowest,
        highest_record=highest,
    )


_KEY = "'keen_id ' || coalesce(keen_id, 'null') || ' hash ' || hash"
_ACCOUNT = """
    select keen_id, hash, sum(read) as read, sum(landed) as landed, min(record) as record from (
        select keen_id, found_hash as hash, 1 as read, 0 as landed, record from raw
        union all select keen_id, hash, 0, copies, record from assessments
        union all select keen_id, hash, 0, 1, record from quarantine)
    group by keen_id, hash"""


def _attempts_of(tables: Any) -> Attempts:
    distinct, copies, test, conflicts, total, untallied, unscored = tables.execute(
        """select count(*), coalesce(sum(copies), 0), count(*) filter (is_test), count(*) filter (is_conflict),
                  coalesce(sum(hash::hugeint * copies), 0), count(*) filter (not tallies), count(*) filter (score is null) from assessments"""
    ).fetchone()
    reasons = dict(tables.execute("select coalesce(reason, 'no reason'), count(*) from quarantine group by all").fetchall())
    (quarantine_total,) = tables.execute("select coalesce(sum(hash::hugeint), 0) from quarantine").fetchone()
    versions = "(select *, count(distinct hash) over (partition by keen_id) > 1 as conflicts from assessments)"
    return Attempts(
        distinct=distinct,
        copies=copies,
        test=test,
        conflicts=conflicts,
        quarantined=sum(reasons.values()),
        reasons=reasons,
        content_hash=_hex(total + quarantine_total),
        repeated_keys=_some(tables, f"select {_KEY} from assessments group by keen_id, hash having count(*) > 1 order by all"),
        without_copies=_some(tables, f"select {_KEY} from assessments where coalesce(copies, 0) < 1 order by all"),
        wrong_conflicts=_some(
            tables, f"select {_KEY} || ' has is_conflict ' || coalesce(is_conflict::varchar, 'null') from {versions} "
            "where is_conflict is distinct from conflicts order by all",
        ),
        lost=_some(
            tables, f"select 'record ' || record || ' ({_KEY[1:]} || ')' from ({_ACCOUNT}) where read > landed order by record",
            total=f"select sum(read - landed) from ({_ACCOUNT}) where read > landed",
        ),
        invented=_some(
            tables, f"select 'record ' || coalesce(record::varchar, 'null') || ' ({_KEY[1:]} || ')' from ({_ACCOUNT}) where landed > read order by record",
            total=f"select sum(landed - read) from ({_ACCOUNT}) where landed > read",
        ),
        untallied=untallied,
        unscored=unscored,
    )  # fmt: skip


_QUESTION = f"{_KEY} || ' question ' || coalesce(question_position::varchar, 'null')"
_EXAM_SCORES = """
    select day, base_exam_id, exam_name, is_test, case when score is not null then correct end as correct,
        case when score is not null then total end as total, count(*) as attempts, sum(copies) as copies,
        count(*) filter (is_conflict) as conflicts, sum(incomplete) as incomplete, sum(incorrect) as incorrect,
        sum(unanswered) as unanswered, max(started_at) as last_taken
    from assessments group by day, base_exam_id, exam_name, is_test, 5, 6"""
_QUESTION_DAYS = """
    select q.day, a.base_exam_id, a.exam_name, q.question_id, a.is_test, count(*) as asked,
        count(*) filter (user_result = 'correct') as correct, count(*) filter (user_result = 'incorrect') as incorrect,
        count(*) filter (user_result = 'missed_some') as missed, count(*) filter (user_result = 'unanswered') as unanswered
    from questions q join assessments a using (keen_id, hash) group by q.day, a.base_exam_id, a.exam_name, q.question_id, a.is_test"""


def _children_of(tables: Any) -> Children:
    return Children(
        orphan_questions=_some(
            tables, f"select {_KEY} || ' question ' || position from questions anti join assessments using (keen_id, hash) order by all"
        ),
        orphan_options=_some(
            tables,
            f"""select {_QUESTION} || ' option ' || position from options
                anti join (select keen_id, hash, position as question_position from questions) q using (keen_id, hash, question_position)
                order by all""",
        ),
        wrong_questions=_some(
            tables,
            f"""select {_KEY} || ' has question_count ' || coalesce(question_count::varchar, 'null') || ' and ' || coalesce(rows, 0) || ' questions'
                from assessments left join ({_numbered("keen_id, hash", "questions")}) using (keen_id, hash)
                where coalesce(question_count, 0) <> coalesce(rows, 0) or not coalesce(numbered, true) order by all""",
        ),
        wrong_options=_some(
            tables,
            f"""select {_QUESTION} || ' has option_count ' || coalesce(option_count::varchar, 'null') || ' and ' || coalesce(rows, 0) || ' options'
                from (select *, position as question_position from questions)
                left join ({_numbered("keen_id, hash, question_position", "options")}) using (keen_id, hash, question_position)
                where coalesce(option_count, 0) <> coalesce(rows, 0) or not coalesce(numbered, true) order by all""",
        ),
        wrong_exam_scores=_differing(tables, "exam_scores", _EXAM_SCORES),
        wrong_question_days=_differing(tables, "question_days", _QUESTION_DAYS),
    )


def _numbered(parent: str, children: str) -> str:
    """SQL: for each parent its number of children, and whether their positions are 0, 1, 2 and so on."""
    return f"""select {parent}, count(*) as rows, count(distinct position) = count(*) and min(position) = 0 and max(position) = count(*) - 1 as numbered
               from {children} group by {parent}"""


def _differing(tables: Any, table: str, expected: str) -> Some:
    """Rows of the table that are not among those counted again, and the other way round."""
    columns = ", ".join(f'"{column}"' for column in NEEDED[table])
    there, counted = f"select {columns} from {table}", f"select {columns} from ({expected})"
    return _some(
        tables,
        f"""select 'found ' || to_json(r)::varchar from ({there} except all {counted}) r
            union all select 'expected ' || to_json(r)::varchar from ({counted} except all {there}) r""",
    )


def _some(tables: Any, rows: str, total: str | None = None) -> Some:
    """How many rows the query has (or what `total` sums up to), and the first few."""
    (count,) = tables.execute(total or f"select count(*) from ({rows})").fetchone()
    if not count:
        return Some(0)
    return Some(int(count), tuple(str(row[0]) for row in tables.execute(f"{rows} limit {EXAMPLES}").fetchall()))


def _hex(total: int | None) -> str:
    return f"{(total or 0) % MODULUS:016x}"
