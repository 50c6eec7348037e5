"""Writes the tables of a landing as files of Parquet, each table in a directory of its own."""

import io
import json
import logging
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

import parquet_files
from hadoop_files import HadoopFiles
from schemas import TABLES
from tables import FIGURES

log = logging.getLogger("transform_assessments.writing")


class Writer:
    """Writes the tables of one landing. Of each it returns `rows`, `files`, and the figures that count rows of this table."""

    def __init__(self, files: HadoopFiles, lake: str, landing: str) -> None:
        self.files, self.lake, self.landing = files, lake, landing

    def directory(self, table: str) -> str:
        return f"{self.lake}/{table}/landing={self.landing}"

    def write_rows(self, table: str, rows: pa.Table) -> dict[str, Any]:
        """A few rows that the driver has: one file, without a job of Spark's; without rows there is none."""
        content = io.BytesIO()
        pq.write_table(rows.select(TABLES[table].names).cast(TABLES[table]), content, compression="zstd")
        return self._written(table, [content.getvalue()] if len(rows) else [], {"rows": len(rows)})

    def write_made(self, table: str, made: Sequence[Row], frame: DataFrame | None) -> dict[str, Any]:
        """What workers have made. `made` tells of its files, and has their content if there is no `frame` to write it from."""
        counts = Counter({name: 0 for name, (of, _) in FIGURES.items() if of == table})
        for file in made:
            counts.update({"rows": file["rows"], **json.loads(file["figures"])})
        if frame is None:
            return self._written(table, [bytes(file["content"]) + parquet_files.MAGIC for file in made], {"rows": 0, **counts})
        began = time.monotonic()
        if made:
            self._write_texts(table, frame.where((F.col("table") == table) & F.col("rows").isNotNull()))
        log.info("%s: %d rows in %.1f s", table, counts["rows"], time.monotonic() - began)
        return self._written(table, [], {"rows": 0, **counts})

    def _write_texts(self, table: str, frame: DataFrame) -> None:
        """Spark writes the bytes of texts as they are: here a text is a file, the end of its line what ends each Parquet file."""
        writer = frame.select(F.col("content").cast("string")).write.mode("error")
        writer = writer.option("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false")
        writer.options(lineSep=parquet_files.MAGIC.decode(), maxRecordsPerFile=1).text(self.directory(table))
        self.files.rename(self.directory(table), ".txt", ".zstd.parquet")

    def _written(self, table: str, contents: Sequence[bytes], counts: dict[str, int]) -> dict[str, Any]:
        for number, content in enumerate(contents):
            self.files.write(f"{self.directory(table)}/part-{number:05}.zstd.parquet", content)
        return {**counts, "files": [vars(file) for file in self.files.parquet(self.directory(table))]}
