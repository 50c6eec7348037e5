"""Writes the tables of a landing as files of Parquet, each table in a directory of its own."""

import io
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame, DataFrameWriter, Observation
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema

import packing
import tables
from hadoop_files import HadoopFiles
from schemas import TABLES

log = logging.getLogger("transform_assessments.writing")


class Writer:
    """Writes the tables of one landing and counts what it writes while it writes."""

    def __init__(self, files: HadoopFiles, lake: str, landing: str) -> None:
        self.files, self.lake, self.landing = files, lake, landing

    def directory(self, table: str) -> str:
        return f"{self.lake}/{table}/landing={self.landing}"

    def write_rows(self, table: str, rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
        """A few rows that the driver has made: one file, without a job of Spark's."""
        schema, content = to_arrow_schema(TABLES[table]), io.BytesIO()
        columns = [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), schema.types, strict=True)]
        pq.write_table(pa.Table.from_arrays(columns, schema=schema), content, compression="zstd")
        self.files.write(f"{self.directory(table)}/part-00000.zstd.parquet", content.getvalue())
        return {"rows": len(rows), "files": [vars(file) for file in self.files.parquet(self.directory(table))]}

    def write(self, table: str, frame: DataFrame, most_files: int) -> dict[str, Any]:
        """`rows` and `files`, and the figures that count rows of this table. Without rows there is no file."""
        counts = [F.count(F.lit(1)).alias("rows")]
        counts += [F.count_if(F.expr(condition)).alias(name) for name, (of, condition) in tables.FIGURES.items() if of == table]
        with self._counted(table, frame.coalesce(most_files), counts) as (observed, written):
            _writer(observed).option("compression", "zstd").parquet(self.directory(table))
        return written

    def write_packed(self, table: str, packed: DataFrame) -> dict[str, Any]:
        """The same for files that workers have made. Spark's writer of texts writes bytes as they are: here a text is a file, and what ends
        its line is what ends each file of Parquet.
        """
        rows = F.coalesce(F.sum("rows"), F.lit(0)).alias("rows")
        with self._counted(table, packed.where(F.col("table") == table), [rows]) as (observed, written):
            texts = observed.select(F.col("content").cast("string"))
            _writer(texts).options(lineSep=packing.MAGIC.decode(), maxRecordsPerFile=1).text(self.directory(table))
            self.files.rename(self.directory(table), ".txt", ".zstd.parquet")
        return written

    @contextmanager
    def _counted(self, table: str, frame: DataFrame, counts: Sequence[Column]) -> Iterator[tuple[DataFrame, dict[str, Any]]]:
        """What counts its rows as it is written, and where `counts` and the `files` are then."""
        observation, began, written = Observation(table), time.monotonic(), dict[str, Any]()
        yield frame.observe(observation, *counts), written
        written.update(observation.get)
        if written["rows"] == 0:
            self.files.delete(self.directory(table))
        written["files"] = [vars(file) for file in self.files.parquet(self.directory(table))]
        log.info("%s: %d rows in %.1f s", table, written["rows"], time.monotonic() - began)


def _writer(frame: DataFrame) -> DataFrameWriter:
    return frame.write.mode("error").option("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false")
