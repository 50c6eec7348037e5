"""One landing as it lies on HDFS, looked at with other eyes than Spark's: the listing, the Parquet footers, the bytes of the raw records
hashed here, the tables joined by DuckDB (`queries.py`). `checks.py` judges what is found.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from include import content_hash
from include.receipts import TransformReceipt
from include.schemas import LANDED
from include.storage.spool import spool_folder
from include.validation.facts import Facts, FoundFile, Landed
from include.validation.queries import NEEDED, facts_of

MEMORY = "1GB"  # of DuckDB, which spills the rest to disk
RAW_COLUMNS = ("day", "ingest", "partition", "offset", "record", "keen_id", "hash", "value")


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
        return facts_of(tables)


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


def expected_columns(table: str) -> dict[str, str]:
    """Column to Arrow's type, as `FoundFile.columns` has them for a sound file."""
    return {field.name: str(field.type) for field in LANDED[table].arrow}
