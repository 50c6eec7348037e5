"""A landed day written anew from its own rows, a file or a few for each table, and committed in place of the landing in force.

It is the same source, found at the same moment and published in the same records, so it is proven as a landing is: by what its files hold.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random

from include.effects import Effect, effect
from include.errors import LandfallError
from include.figures import counted
from include.lake.aggregates import aggregate
from include.lake.catalog import Overtaken
from include.lake.commit import NotForgotten
from include.lake.lake import Lake, State
from include.lake.proofs import evidence, prove
from include.receipts import DataFile, Landing, TableFiles, TransformReceipt, publish_receipt_of, source_of
from include.schemas import LANDED
from include.storage.webhdfs import make_directory, write_file
from include.validation.checks import found_on_hdfs, problems, read_landed

ROWS = 65_536  # at a time
SUMMED_UP = ("assessments", "questions", "options")  # what the small tables are sums of
FILE_BYTES = 128 * 1024 * 1024  # HDFS's block: a larger file is begun anew
# What was read is no longer what readers see: another landing, tidying or forgetting went through meanwhile. Nothing was committed.
LOST = (Overtaken, NotForgotten, FileNotFoundError)
beginning_again = retry(
    retry=retry_if_exception_type(LOST),
    stop=stop_after_attempt(5),
    wait=wait_random(0.05, 0.3),
    reraise=True,
)


class Rewriting:
    """Writes the tables of one day anew, under the id of a landing of its own. `files` says what has been written, by table.

    As a context it removes what it has written if that was lost: it may hold an attempt that was forgotten meanwhile.
    """

    def __init__(self, lake: Lake, state: State, old: Landing, landing: str) -> None:
        self.lake, self.state, self.old, self.landing = lake, state, old, landing
        self.files: dict[str, TableFiles] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(error, LOST):
            for table in LANDED:
                folder = f"{self.lake.path}/{table}/landing={self.landing}"
                with suppress(FileNotFoundError), effect(Effect.REMOVE, path=folder):
                    self.lake.fs.rm(folder, recursive=True)

    def rows(self, table: str) -> Iterator[pa.RecordBatch]:
        """Those of the landing in force, a batch at a time."""
        return batches(self.lake, self.lake.files(table, self.state.snapshots[table], self.old.day))

    def all(self, table: str) -> pa.Table:
        return _together(table, self.rows(table))

    def written(self, table: str) -> pa.Table:
        """What this rewriting has written of the table."""
        return _together(table, batches(self.lake, [file.path for file in self.files[table].files]))

    def keep(self, table: str, goes: Callable[[Any], Any]) -> pa.Table:
        """Writes the rows that do not go, and returns those that do."""
        rows = self.all(table)
        going = goes(rows)
        self.fill(table, rows.filter(pc.invert(going)).to_batches())
        return rows.filter(going)

    def fill(self, table: str, rows: Iterable[pa.RecordBatch]) -> None:
        """Writes these rows as the table; no more of them is held than a file, compressed."""
        number = 0
        files: list[DataFile] = []
        given = (batch for batch in rows if len(batch))
        for first in given:
            content = pa.BufferOutputStream()
            with pq.ParquetWriter(content, LANDED[table].arrow, compression="zstd") as writer:
                for batch in _from(first, given):
                    writer.write_batch(_typed(table, batch))
                    number += len(batch)
                    if content.tell() >= FILE_BYTES:
                        break
            files.append(self._file(table, len(files), content.getvalue().to_pybytes()))
        self.files[table] = TableFiles(number, tuple(files))

    def sum_up(self, tables: Iterable[str]) -> None:
        """Writes these small tables as the sums of the attempts, questions and options that this rewriting has written."""
        with duckdb.connect(config={"memory_limit": "1GB"}) as memory:
            memory.execute("set TimeZone = 'UTC'")
            for table in SUMMED_UP:
                memory.register(table, self.written(table))
            for table in tables:
                self.fill(table, memory.sql(aggregate(table)).to_arrow_table().to_batches())

    def receipt(self, tombstones: Iterable[str]) -> TransformReceipt:
        """What a transform of the same records would have written, had it come to the same and written these files."""
        old = self.old
        return TransformReceipt(
            landing=self.landing, day=old.day, topic=old.topic, ingest=old.ingest, read=old.published, content_hash=old.content_hash,
            distinct=old.landed, duplicates=old.duplicates, quarantined=old.quarantined, **counted(old),
            reasons=old.reasons, unknown_fields=old.unknown_fields, tables=self.files, forgotten=old.forgotten,
            forgotten_hash=old.forgotten_hash, tombstones=tuple(tombstones),
        )  # fmt: skip

    def _file(self, table: str, number: int, content: bytes) -> DataFile:
        folder = f"{self.lake.path}/{table}/landing={self.landing}"
        path = f"{folder}/part-{number:05}.zstd.parquet"
        make_directory(self.lake.fs, folder)
        write_file(self.lake.fs, path, content)
        return DataFile(path, len(content))


def commit(lake: Lake, old: Landing, row: Landing, transform: TransformReceipt) -> Landing:
    """Proves what was written as `validate` proves a landing, then commits it in place of `old`, which must still be in force."""
    source, publish = source_of(old), publish_receipt_of(old, (), ())
    landed = read_landed(lake.fs, transform)
    found = problems(publish, transform, landed, max_quarantined=1, accept_empty=True)
    if found or landed.facts is None:
        raise LandfallError(
            f"{lake.customer} {old.day}: what was written anew is not the landing {old.landing}, so it was not committed and nothing "
            f"has changed: {'; '.join(found)} Land the day again."
        )
    proof = prove(source, publish, transform, found_on_hdfs(landed.facts, transform), max_quarantined=1, accept_empty=True)
    return lake.commit(replace(row, proof=evidence(proof)), transform, replacing=old.landing)


def batches(lake: Lake, paths: list[str]) -> Iterator[pa.RecordBatch]:
    """The rows of these Parquet files."""
    for path in paths:
        with lake.fs.open(path, "rb") as file:
            yield from pq.ParquetFile(file).iter_batches(ROWS)


def _together(table: str, rows: Iterable[pa.RecordBatch]) -> pa.Table:
    return pa.Table.from_batches([_typed(table, batch) for batch in rows], LANDED[table].arrow)


def _typed(table: str, batch: pa.RecordBatch) -> pa.RecordBatch:
    """With the table's own columns: in Spark's files those that cannot be null say so."""
    schema = LANDED[table].arrow
    return batch.select(schema.names).cast(schema)


def _from(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest
