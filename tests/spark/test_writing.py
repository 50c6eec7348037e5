"""A large day is written by Spark, a small one by the driver: the files hold the same rows."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import transform_assessments
from schemas import TABLES
from tests.oracle.built_landing import RECORDS
from tests.spark.conftest import Landed


def rows(receipt: dict[str, Any], table: str) -> pa.Table:
    """Those in the files that the receipt names, in an order of their own."""
    files = [file["path"] for file in receipt["tables"][table]["files"]]
    found = pa.concat_tables([TABLES[table].empty_table(), *(pq.ParquetFile(path).read() for path in files)])
    assert len(found) == receipt["tables"][table]["rows"]
    return found.sort_by([(name, "ascending") for name in found.column_names])


def test_spark_writes_the_rows_that_the_driver_would(landed: Landed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = landed(tmp_path / "small", RECORDS)
    monkeypatch.setattr(transform_assessments, "DRIVER_WRITES", 0)
    large = landed(tmp_path / "large", RECORDS)
    assert {table: rows(large, table) for table in TABLES} == {table: rows(small, table) for table in TABLES}
    files = [file for table in TABLES for file in large["tables"][table]["files"]]
    assert all(file["path"].endswith(".zstd.parquet") and Path(file["path"]).stat().st_size == file["bytes"] for file in files)
    assert {**large, "tables": {}} == {**small, "tables": {}}


def test_a_table_without_rows_has_no_file_and_no_directory(landed: Landed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transform_assessments, "DRIVER_WRITES", 0)
    receipt = landed(tmp_path, RECORDS[:1])
    assert receipt["tables"]["quarantine"] == {"rows": 0, "files": []}
    assert not (tmp_path / "again" / "quarantine").exists()
