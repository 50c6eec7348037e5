"""The tables with most rows, made column by column on Spark's workers: `raw_assessments`, `questions`, `options`. Needs pyarrow only.

As rows of Spark they cost many times as much (docs/performance.md). So the records of a batch go through Spark as one value, `packed`, and
so does each Parquet file that is made of many of these.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

TABLES = ("raw_assessments", "questions", "options")
MAGIC = b"PAR1"  # the end of each file of Parquet, which whoever writes it adds
ROW_GROUP = 32 * 1024 * 1024  # bytes of records and their questions in memory
MOST_FILE = 64 * 1024 * 1024  # bytes of a file, which is whole in memory until it is written
RESULTS = {"correct": "correct", "incorrect": "incorrect", "missed": "missed_some", "unanswered": "unanswered"}
_EXAM = ("base_exam_id", "exam_name")
ASKED = pa.struct([(name, pa.string()) for name in (*_EXAM, "question_id")] + [(name, pa.int64()) for name in ("asked", *RESULTS)])
FILES = pa.schema([("table", pa.string()), ("rows", pa.int64()), ("content", pa.binary()), ("asked", ASKED)])

Columns = dict[str, pa.Array]


def answers(questions: pa.ListArray) -> Columns:
    """Of each array of questions: how many `questions` it has (null where it is), how many with each result, and how many `submitted`."""
    ends, starts = _bounds(questions)
    results, submitted = (pc.struct_field(questions.flatten(), name) for name in ("user_result", "user_submitted"))
    hold = {name: pc.equal(results, result) for name, result in RESULTS.items()} | {"submitted": submitted}
    zero = pa.array([0], pa.int32())

    def counted(each: pa.Array) -> pa.Array:
        before = pc.cumulative_sum(pa.concat_arrays([zero, pc.cast(pc.fill_null(each, False), pa.int32())]))
        return pc.subtract(pc.take(before, ends), pc.take(before, starts))

    return {"questions": pc.list_value_length(questions), **{name: counted(each) for name, each in hold.items()}}


def _bounds(lists: pa.ListArray) -> tuple[pa.Array, pa.Array]:
    """Where each list ends and starts among the elements of all."""
    length = pc.fill_null(pc.list_value_length(lists), 0)
    ends = pc.cumulative_sum(length)
    return ends, pc.subtract(ends, length)


def pack(records: Columns) -> pa.Buffer:
    """For `files`: columns of `raw_assessments`, and `attempt_id`, `base_exam_id`, `exam_name` and `questions` of what is fit."""
    batch, sink = pa.RecordBatch.from_pydict(records), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as stream:
        stream.write_batch(batch)
    return sink.getvalue()


def files(batches: Iterable[pa.RecordBatch], constants: Mapping[str, Any], schemas: Mapping[str, pa.Schema]) -> Iterator[pa.RecordBatch]:
    """For `mapInArrow`: what was `packed`, less the questions of copies that are `dropped`, as files of Parquet without their MAGIC; and
    how often each question was `asked`.
    """
    written = {table: _File(table, schema, constants) for table, schema in schemas.items()}
    for records, attempts in _row_groups(batches):
        questions = _questions(attempts)
        yield _row(asked=_asked(questions))
        for table, rows in zip(TABLES, (_columns(records), questions, _options(questions)), strict=True):
            yield from written[table].write(rows)
    for file in written.values():
        yield from file.close()


def _row(**columns: Any) -> pa.RecordBatch:
    number = len(next(iter(columns.values())))
    return pa.RecordBatch.from_pydict(
        {name: pa.nulls(number, kind) for name, kind in zip(FILES.names, FILES.types, strict=True)} | columns, FILES
    )


class _File:
    """A file of Parquet in memory, and the next one once it is as long as it may be."""

    def __init__(self, table: str, schema: pa.Schema, constants: Mapping[str, Any]) -> None:
        self.table, self.schema, self.constants = table, schema, constants
        self.rows, self.sink = 0, pa.BufferOutputStream()
        self.writer: pq.ParquetWriter | None = None

    def write(self, rows: Columns) -> Iterator[pa.RecordBatch]:
        number = len(rows["hash"])
        columns = {name: pa.repeat(value, number) for name, value in self.constants.items()} | rows
        if number:
            self.writer = self.writer or pq.ParquetWriter(self.sink, self.schema, compression="zstd")
            self.writer.write(pa.RecordBatch.from_arrays([columns[name] for name in self.schema.names], schema=self.schema))
            self.rows += number
        if self.sink.tell() > MOST_FILE:
            yield from self.close()

    def close(self) -> Iterator[pa.RecordBatch]:
        if self.writer is not None:
            self.writer.close()
            yield _row(table=[self.table], rows=[self.rows], content=[self.sink.getvalue().to_pybytes().removesuffix(MAGIC)])
            self.rows, self.sink, self.writer = 0, pa.BufferOutputStream(), None


def _row_groups(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Records, and those of them that land: about ROW_GROUP bytes at once."""
    waiting: list[tuple[pa.RecordBatch, pa.RecordBatch]] = []
    for batch in batches:
        for packed, dropped in zip(batch.column("packed"), batch.column("dropped").to_pylist(), strict=True):
            records = pa.ipc.open_stream(packed.as_buffer()).read_next_batch()
            waiting.append((records, _without(records, dropped) if dropped else records))
            if sum(records.nbytes for records, _ in waiting) >= ROW_GROUP:
                yield _together(waiting)
                waiting = []
    if waiting:
        yield _together(waiting)


def _together(waiting: list[tuple[pa.RecordBatch, pa.RecordBatch]]) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    records, attempts = map(pa.concat_batches, zip(*waiting, strict=True))
    return records, attempts


def _without(records: pa.RecordBatch, places: list[dict[str, int]]) -> pa.RecordBatch:
    gone = {(place["partition"], place["offset"]) for place in places}
    found = zip(records.column("partition").to_pylist(), records.column("offset").to_pylist(), strict=True)
    return records.filter(pa.array(place not in gone for place in found))


def _columns(batch: pa.RecordBatch) -> Columns:
    return dict(zip(batch.schema.names, batch.columns, strict=True))


def _exploded(rows: Columns, lists: pa.ListArray) -> tuple[Columns, pa.Array]:
    """The rows once for each element of their list, with its `position` from 0; and these elements."""
    parents, (_, starts) = pc.list_parent_indices(lists), _bounds(lists)
    position = pc.subtract(pa.arange(0, len(parents)), pc.take(starts, parents)).cast(pa.int32())
    return {**{name: pc.take(column, parents) for name, column in rows.items()}, "position": position}, lists.flatten()


def _questions(attempts: pa.RecordBatch) -> Columns:
    """The columns of the table `questions`, and those of its exam, and its `options`. A null element is a row of nulls."""
    of = {"keen_id": "attempt_id", "hash": "hash", **dict(zip(_EXAM, _EXAM, strict=True))}
    rows, question = _exploded({name: attempts.column(column) for name, column in of.items()}, attempts.column("questions"))
    fields = {
        name: pc.struct_field(question, name) for name in ("user_result", "user_correct", "user_incomplete", "user_submitted", "options")
    }
    return {**rows, "question_id": pc.struct_field(question, "id"), **fields, "option_count": pc.list_value_length(fields["options"])}


def _options(questions: Columns) -> Columns:
    of = {"keen_id": "keen_id", "hash": "hash", "question_position": "position", "question_id": "question_id"}
    rows, option = _exploded({name: questions[column] for name, column in of.items()}, questions["options"])
    fields = {name: pc.struct_field(option, name) for name in ("checked", "correct", "at", "submitted")}
    return {**rows, "option_id": pc.struct_field(option, "id"), **fields}


def _asked(questions: Columns) -> pa.StructArray:
    """How often each question of each exam was asked, and with which results."""
    keys = [*_EXAM, "question_id"]
    results = {name: pc.fill_null(pc.equal(questions["user_result"], result), False) for name, result in RESULTS.items()}
    table = pa.table({**{name: questions[name] for name in keys}, **results})
    counted = table.group_by(keys).aggregate([([], "count_all"), *((name, "sum") for name in RESULTS)])
    numbers = [counted["count_all"], *(counted[f"{name}_sum"].cast(pa.int64()) for name in RESULTS)]
    return pa.table([*(counted[name] for name in keys), *numbers], names=ASKED.names).to_struct_array().combine_chunks()
