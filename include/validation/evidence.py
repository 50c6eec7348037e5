"""One landing as it lies on HDFS, looked at with other eyes than Spark's: the listing, the Parquet footers, the bytes of the raw records
hashed here, the tables joined by DuckDB. `landing.py` judges what is found.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from include import content_hash
from include.lake.aggregates import AGGREGATES, IMPOSSIBLE
from include.receipts import TransformReceipt
from include.schemas import LANDED, READ_FROM
from include.storage.spool import spool_folder
from include.validation.holes import Counts, Holes

EXAMPLES = 3
MEMORY = "1GB"  # of DuckDB, which spills the rest to disk


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
    wrong_scores: Some  # neither correct / total of possible counts, nor null where there is none
    impossible: dict[str, int]  # attempts whose counts cannot be, by reason


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
class Gaps:
    """`holes` as it lies there."""

    holes: Holes
    repeated_paths: Some
    wrong_sums: Some  # present, nulls, missing, empty and wrong_type do not add up to parents
    wrong_counts: Some  # fields that the tables have more or less often than holes says


@dataclass(frozen=True)
class Facts:
    """What the contents of the files say; `days` maps table to day to rows."""

    days: dict[str, dict[str, int]]
    raw: Raw
    attempts: Attempts
    children: Children
    gaps: Gaps
    out_of_range: dict[str, Some]  # table.column and its range -> rows outside of it


@dataclass(frozen=True)
class Landed:
    """One landing as it lies on HDFS: table to path to file. Without facts where a file is missing, unreadable or of other columns."""

    files: dict[str, dict[str, FoundFile]]
    facts: Facts | None


RAW_COLUMNS = ("day", "ingest", "partition", "offset", "record", "keen_id", "hash", "value")
NEEDED = {
    "assessments": (
        "day", "hash", "record", "copies", "is_test", "is_conflict", "score", "tallies", *READ_FROM["assessments"].values(),
    ),
    "questions": ("day", "keen_id", "hash", "position", *READ_FROM["questions"].values()),
    "options": ("day", "keen_id", "hash", "question_position", "position", *READ_FROM["options"].values()),
    "quarantine": ("day", "hash", "keen_id", "record", "reason"),
    "exam_scores": tuple(LANDED["exam_scores"].arrow.names),
    "question_days": tuple(LANDED["question_days"].arrow.names),
    "holes": tuple(LANDED["holes"].arrow.names),
}  # fmt: skip

# Every column whose values have bounds: the least and the most, None for no bound. What is delivered as it is (counts, dates) has none.
RANGES: dict[str, dict[str, tuple[int, int | None]]] = {
    "raw": {"partition": (0, None), "offset": (0, None), "record": (0, None)},
    "assessments": {"score": (0, 1), "copies": (1, None), "record": (0, None), "question_count": (0, None)},
    "questions": {"position": (0, None), "option_count": (0, None)},
    "options": {"question_position": (0, None), "position": (0, None)},
    "quarantine": {"record": (0, None)},
    "exam_scores": {
        **dict.fromkeys(("correct", "total", "conflicts", "incomplete", "incorrect", "unanswered"), (0, None)),
        **dict.fromkeys(("attempts", "copies"), (1, None)),
    },
    "question_days": {**dict.fromkeys(("correct", "incorrect", "missed", "unanswered"), (0, None)), "asked": (1, None)},
    "holes": {**dict.fromkeys(("parents", "present", "nulls", "missing", "empty", "wrong_type"), (0, None))},
}


def read_landed(fs: Any, transform: TransformReceipt) -> Landed:
    """The landing as it lies on `fs`. A file that cannot be read is a finding; a filesystem that cannot be reached is an OSError."""
    files = {table: _listing(fs, folder) for table, folder in _folders(transform).items()}
    sound = all(
        path in files[table] and files[table][path].columns == expected_columns(table)
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
    roots = {str(PurePosixPath(file.path).parents[2]) for table in transform.tables.values() for file in table.files}
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
    with (
        spool_folder("validate") as spill,
        duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": str(spill)}) as tables,
    ):
        tables.execute("set TimeZone = 'UTC'")
        _load(tables, "raw", _raw_batches(fs, paths["raw_assessments"]), _RAW_SCHEMA)
        for table, columns in NEEDED.items():
            schema = pa.schema([LANDED[table].arrow.field(column) for column in columns])
            _load(tables, table, _batches(fs, table, paths[table], columns), schema)
        tables.execute(_MACROS)  # of tables, which must be there first
        return Facts(_days_of(tables), _raw_of(tables), _attempts_of(tables), _children_of(tables), _gaps_of(tables), _out_of_range(tables))


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
    return content_hash.signed(content_hash.of_record(value.as_buffer()))


def _days_of(tables: Any) -> dict[str, dict[str, int]]:
    named = {"raw_assessments": "raw", **{table: table for table in NEEDED}}
    return {
        table: {
            str(day) if day else "no day": rows for day, rows in tables.execute(f"select day, count(*) from {name} group by day").fetchall()
        }
        for table, name in named.items()
    }


# How a row is named in a sentence: by its record's number and hash, never by its keen_id or a text, for sentences go into logs and XComs,
# which others read than the customer's readers. Null is said, for `||` with a null would name nothing.
_MACROS = """
    create macro said(value) as coalesce(value::varchar, 'null');
    create macro record_of(of_hash) as
        coalesce('record ' || (select min(record) from raw where found_hash = of_hash), 'no record of the source');
    create macro attempt(keen_id, hash) as record_of(hash) || ' (hash ' || said(hash) || ')';
    create macro question(keen_id, hash, place) as attempt(keen_id, hash) || ' question ' || said(place)"""


def _raw_of(tables: Any) -> Raw:
    rows, total, records, lowest, highest = tables.execute(
        "select count(*), sum(found_hash::hugeint), count(distinct record), min(record), max(record) from raw"
    ).fetchone()
    offsets = tables.execute('select partition, min("offset"), max("offset") from raw group by partition').fetchall()
    return Raw(
        rows=rows,
        content_hash=content_hash.total([total or 0]),
        ingests=dict(tables.execute("select coalesce(ingest, 'no ingest'), count(*) from raw group by all").fetchall()),
        wrong_hashes=_some(tables, "select 'record ' || said(record) from raw where hash is distinct from found_hash order by record"),
        repeated_offsets=_some(
            tables,
            """select 'partition ' || said(partition) || ' offset ' || said("offset")
               from raw group by partition, "offset" having count(*) > 1 order by all""",
        ),
        offsets={partition: (first, last) for partition, first, last in offsets},
        records=records,
        lowest_record=lowest,
        highest_record=highest,
    )


# Every record's way: how often it was read, how often it came out as an attempt, a copy of one or a quarantined record. A record whose key
# the publisher could not read is known by its bytes: the same bytes are the same attempt.
_ACCOUNT = """(
    select keen_id, hash, sum(read) as read, sum(landed) as landed, min(record) as record from (
        select coalesce(raw.keen_id, as_judged.keen_id) as keen_id, found_hash as hash, 1 as read, 0 as landed, record
            from raw left join (select hash, min(keen_id) as keen_id from assessments group by hash) as_judged
                on raw.found_hash = as_judged.hash
        union all select keen_id, hash, 0, copies, record from assessments
        union all select keen_id, hash, 0, 1, record from quarantine)
    group by keen_id, hash)"""


def _attempts_of(tables: Any) -> Attempts:
    distinct, copies, test, conflicts, total, untallied = tables.execute(
        """select count(*), coalesce(sum(copies), 0), count(*) filter (is_test), count(*) filter (is_conflict),
               coalesce(sum(hash::hugeint * copies), 0), count(*) filter (not tallies)
           from assessments"""
    ).fetchone()
    reasons = dict(tables.execute("select coalesce(reason, 'no reason'), count(*) from quarantine group by all").fetchall())
    (quarantine_total,) = tables.execute("select coalesce(sum(hash::hugeint), 0) from quarantine").fetchone()
    return Attempts(
        distinct=distinct,
        copies=copies,
        test=test,
        conflicts=conflicts,
        quarantined=sum(reasons.values()),
        reasons=reasons,
        content_hash=content_hash.total([total, quarantine_total]),
        repeated_keys=_some(
            tables, "select attempt(keen_id, hash) from assessments group by keen_id, hash having count(*) > 1 order by all"
        ),
        without_copies=_some(tables, "select attempt(keen_id, hash) from assessments where coalesce(copies, 0) < 1 order by all"),
        wrong_conflicts=_some(
            tables,
            """select attempt(keen_id, hash) || ' has is_conflict ' || said(is_conflict)
               from (select *, count(distinct hash) over (partition by keen_id) > 1 as found from assessments)
               where is_conflict is distinct from found order by all""",
        ),
        lost=_records(tables, "read - landed"),
        invented=_records(tables, "landed - read"),
        untallied=untallied,
        wrong_scores=_some(
            tables,
            f"""select attempt(keen_id, hash) || ' has score ' || said(score) || ' with correct ' || said(correct)
                    || ' of total ' || said(total)
                from assessments
                where score is distinct from case when total > 0 and {IMPOSSIBLE} is null then correct / total end order by all""",
        ),
        impossible=dict(
            tables.execute(f"select {IMPOSSIBLE} as reason, count(*) from assessments where reason is not null group by all").fetchall()
        ),
    )


def _out_of_range(tables: Any) -> dict[str, Some]:
    found = {}
    for table, columns in RANGES.items():
        outside = {
            column: f'"{column}" < {least}' + ("" if most is None else f' or "{column}" > {most}')
            for column, (least, most) in columns.items()
        }
        counts = ", ".join(f"count(*) filter ({condition})" for condition in outside.values())
        wrong = tables.execute(f"select {counts} from {table}").fetchone()
        for (column, condition), number in zip(outside.items(), wrong, strict=True):
            if number:
                found[_bounded(table, column)] = _some(
                    tables, f'select said("{column}") from {table} where {condition} order by "{column}"'
                )
    return found


def _bounded(table: str, column: str) -> str:
    least, most = RANGES[table][column]
    bounds = f"at least {least}" if most is None else f"{least} to {most}"
    return f"{'raw_assessments' if table == 'raw' else table}.{column}, which is {bounds}"


def _records(tables: Any, surplus: str) -> Some:
    """The records of which there is a surplus on one side of the account."""
    return _some(
        tables,
        f"select 'record ' || said(record) || ' (hash ' || said(hash) || ')' from {_ACCOUNT} where {surplus} > 0 order by record",
        total=f"select sum({surplus}) from {_ACCOUNT} where {surplus} > 0",
    )


def _children_of(tables: Any) -> Children:
    return Children(
        orphan_questions=_some(
            tables, "select question(keen_id, hash, position) from questions anti join assessments using (keen_id, hash) order by all"
        ),
        orphan_options=_some(
            tables,
            """select question(keen_id, hash, question_position) || ' option ' || said(position)
               from options anti join (select keen_id, hash, position as question_position from questions) q
                   using (keen_id, hash, question_position)
               order by all""",
        ),
        wrong_questions=_some(
            tables,
            f"""select attempt(keen_id, hash) || ' has question_count ' || said(question_count)
                    || ' and ' || coalesce(rows, 0) || ' questions'
                from assessments left join {_numbered("keen_id, hash", "questions")} using (keen_id, hash)
                where coalesce(question_count, 0) <> coalesce(rows, 0) or not coalesce(numbered, true) order by all""",
        ),
        wrong_options=_some(
            tables,
            f"""select question(keen_id, hash, question_position) || ' has option_count ' || said(option_count)
                    || ' and ' || coalesce(rows, 0) || ' options'
                from (select *, position as question_position from questions)
                left join {_numbered("keen_id, hash, question_position", "options")} using (keen_id, hash, question_position)
                where coalesce(option_count, 0) <> coalesce(rows, 0) or not coalesce(numbered, true) order by all""",
        ),
        wrong_exam_scores=_differing(tables, "exam_scores", AGGREGATES["exam_scores"]),
        wrong_question_days=_differing(tables, "question_days", AGGREGATES["question_days"]),
    )


_JOIN_COPIES = {"assessments": ""}  # which has them itself
_OF_ATTEMPTS = "join (select keen_id, hash, copies from assessments) using (keen_id, hash)"
# How often each path holds a value, by the rows of the tables: at least so often, and if nothing is in quarantine exactly so often.
_HELD = "\nunion all\n".join(
    f"""select '{path}' as path, coalesce(sum(copies) filter ({table}."{column}" is not null), 0) as held
        from {table} {_JOIN_COPIES.get(table, _OF_ATTEMPTS)}"""
    for table, columns in READ_FROM.items()
    for path, column in columns.items()
)


def _gaps_of(tables: Any) -> Gaps:
    counts = "parents, present, nulls, missing, empty, wrong_type"
    return Gaps(
        holes={path: Counts(*found) for path, *found in tables.execute(f"select path, {counts} from holes").fetchall()},
        repeated_paths=_some(tables, "select said(path) from holes group by path having count(*) > 1 order by all"),
        wrong_sums=_some(
            tables,
            """select said(path) || ' has ' || said(parents) || ' parents and ' || said(found) from
               (select *, present + nulls + missing + empty + wrong_type as found from holes)
               where found is distinct from parents or least(present, nulls, missing, empty, wrong_type) < 0 order by all""",
        ),
        wrong_counts=_some(
            tables,
            f"""select path || ' is there ' || said(present + empty) || ' times, in the tables ' || said(held)
                from ({_HELD}) left join holes using (path), (select count(*) as quarantined from quarantine)
                where coalesce(present + empty < held, true) or (quarantined = 0 and present + empty > held) order by all""",
        ),
    )


def _numbered(parent: str, children: str) -> str:
    """SQL: for each parent its number of children, and whether their positions are 0, 1, 2 and so on."""
    return f"""(
        select {parent}, count(*) as rows,
            count(distinct position) = count(*) and min(position) = 0 and max(position) = count(*) - 1 as numbered
        from {children} group by {parent})"""


def _differing(tables: Any, table: str, expected: str) -> Some:
    """Rows of the table that are not among those counted again, and the other way round; of their columns only the counts are shown."""
    columns = ", ".join(f'"{column}"' for column in NEEDED[table])
    there, counted = f"select {columns} from {table}", f"select {columns} from ({expected})"
    counts = ", ".join(f'"{field.name}"' for field in LANDED[table].arrow if pa.types.is_integer(field.type))
    return _some(
        tables,
        f"""select 'found ' || to_json(r)::varchar from (select {counts} from ({there} except all {counted})) r
            union all select 'expected ' || to_json(r)::varchar from (select {counts} from ({counted} except all {there})) r""",
    )


def _some(tables: Any, rows: str, total: str | None = None) -> Some:
    """How many rows the query has (or what `total` sums up to), and the first few."""
    (count,) = tables.execute(total or f"select count(*) from ({rows})").fetchone()
    if not count:
        return Some(0)
    return Some(int(count), tuple(str(row[0]) for row in tables.execute(f"{rows} limit {EXAMPLES}").fetchall()))


def expected_columns(table: str) -> dict[str, str]:
    """Column to Arrow's type, as `FoundFile.columns` has them for a sound file."""
    return {field.name: str(field.type) for field in LANDED[table].arrow}
