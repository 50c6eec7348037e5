"""What runs on Spark's workers last: blocks of judged records in, files of Parquet out, and partial sums of the small tables.

A file goes through Spark as one value without its MAGIC, which whoever writes it adds.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import tables
from batches import packed, unpacked
from schemas import TABLES
from sums import SUMMED_BY, partial_sums, together
from tables import Columns

MAGIC = b"PAR1"  # the end of each file of Parquet
ROW_GROUP = 32 * 1024 * 1024  # bytes of records and what was read of them, in memory
MOST_FILE = 64 * 1024 * 1024  # bytes of a file, which is whole in memory until it is written
MADE = pa.schema([("table", pa.string()), ("rows", pa.int64()), ("figures", pa.string()), ("content", pa.binary())])


@dataclass(frozen=True)
class Landing:
    """What is the same for all of its records; which of them are `repeated`, as `tables.repeated` has it; and the figures to count."""

    day: pa.Date32Scalar
    ingest: str
    test_exams: tables.ExamPatterns
    repeated: pa.Table
    figures: Mapping[str, tables.Figure] = field(default_factory=lambda: tables.FIGURES)


def make(batches: Iterable[pa.RecordBatch], landing: Landing) -> Iterator[pa.RecordBatch]:
    """For `mapInArrow`: JUDGED to MADE, files with their rows and figures; of a small sum the rows so far, `rows` null."""
    written = {table: _File(table, landing) for table in TABLES if table not in (*SUMMED_BY, "holes")}
    sums: dict[str, pa.Table] = {}
    for records in _row_groups(batches):
        attempts = tables.attempts(records, landing.repeated, landing.test_exams)
        rows = {"raw_assessments": tables.raw_assessments(records), "quarantine": tables.quarantine(records)}
        rows |= {"assessments": tables.assessments(attempts), "questions": (asked := tables.questions(attempts))}
        rows["options"] = tables.options(asked)
        for table, columns in rows.items():
            yield from written[table].write(columns)
        more = partial_sums(rows["assessments"], asked, rows["options"])
        sums = {table: together(table, [sums[table], found] if table in sums else [found]) for table, found in more.items()}
    for file in written.values():
        yield from file.close()
    for table, found in sums.items():
        yield _row(table=table, content=packed(found))


def as_table(content: bytes) -> pa.Table:
    return pa.ipc.open_stream(content).read_all()


def _row(**columns: Any) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([columns], MADE)


class _File:
    """A file of Parquet in memory, and the next one once it is as long as it may be."""

    def __init__(self, table: str, landing: Landing) -> None:
        self.table, self.schema = table, TABLES[table]
        self.constants = {"day": landing.day, "ingest": pa.scalar(landing.ingest)}
        self.figures = {name: condition for name, (of, condition) in landing.figures.items() if of == table}
        self._begin()

    def _begin(self) -> None:
        self.rows, self.counted, self.sink = 0, Counter[str](), pa.BufferOutputStream()
        self.writer: pq.ParquetWriter | None = None

    def write(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        number = len(columns["hash"])
        columns = {name: pa.repeat(value, number) for name, value in self.constants.items()} | columns
        if number:
            self.writer = self.writer or pq.ParquetWriter(self.sink, self.schema, compression="zstd")
            self.writer.write(pa.RecordBatch.from_arrays([columns[name] for name in self.schema.names], schema=self.schema))
            self.rows += number
            for name, (function, column, *values) in self.figures.items():
                self.counted[name] += pc.sum(pc.call_function(function, [columns[column], *map(pa.scalar, values)])).as_py() or 0
        if self.sink.tell() > MOST_FILE:
            yield from self.close()

    def close(self) -> Iterator[pa.RecordBatch]:
        if self.writer is not None:
            self.writer.close()
            content = self.sink.getvalue().to_pybytes().removesuffix(MAGIC)
            yield _row(table=self.table, rows=self.rows, figures=json.dumps(self.counted), content=content)
            self._begin()


def _row_groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The records of the blocks, about ROW_GROUP bytes at once."""
    waiting, size = list[pa.RecordBatch](), 0
    for batch in batches:
        for block in batch.column("block"):
            waiting.append(unpacked(block))
            size += waiting[-1].nbytes
            if size >= ROW_GROUP:
                yield pa.concat_batches(waiting)
                waiting, size = [], 0
    if waiting:
        yield pa.concat_batches(waiting)
