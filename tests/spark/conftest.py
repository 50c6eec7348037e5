"""One Spark for all tests, and a way to ask a Column function about many cases at once."""

import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import Column, SparkSession

from include.stack.jars import jars_of
from include.stack.settings import Settings
from tests.oracle.built_landing import DAY, INGEST, TEST_EXAM_NAMES, build
from transform_assessments import SPARK_CONF, arguments, transform

Landed = Callable[[Path, Sequence[bytes]], dict[str, Any]]
Evaluate = Callable[[str, Sequence[tuple[Any, ...]], Column], list[Any]]


@pytest.fixture(scope="session")
def spark(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    folder = tmp_path_factory.mktemp("spark")
    with suppress(pytest.skip.Exception):  # without Kafka's jars, what needs them is skipped and nothing else
        request.getfixturevalue("jars")
    jars = ",".join(map(str, jars_of(Settings.load(), "spark")))
    os.environ["PYSPARK_PYTHON"] = sys.executable  # of the workers: as spark-submit finds it on PATH in the stack
    session = (
        SparkSession.builder.master("local[2]")
        .appName("tests")
        .config(map=SPARK_CONF)
        .config("spark.jars", jars)
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1")
        .config("spark.local.dir", str(folder))
        .config("spark.sql.warehouse.dir", str(folder / "warehouse"))
        .config("spark.sql.shuffle.partitions", "1")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()
    del os.environ["PYSPARK_PYTHON"]
    logging.getLogger("py4j").setLevel(logging.WARNING)  # it says goodbye when the interpreter ends, after pytest has closed the streams


@pytest.fixture
def evaluate(spark: SparkSession) -> Evaluate:
    """`evaluate("a int, b int", rows, column)` is the column's value in each row, in order."""

    def values(schema: str, rows: Sequence[tuple[Any, ...]], column: Column) -> list[Any]:
        return [row[0] for row in spark.createDataFrame(list(rows), schema).coalesce(1).select(column).collect()]

    return values


@pytest.fixture
def landed(spark: SparkSession) -> Landed:
    """`landed(folder, records)` is the receipt of a transform of these records, which lie as those of a landing do."""

    def receipt(folder: Path, records: Sequence[bytes]) -> dict[str, Any]:
        built = build(folder, records)
        raw = [part for file in built.transform.tables["raw_assessments"].files for part in ("--raw", f"file://{file.path}")]
        named = {
            "topic": "t",
            "ingest": INGEST,
            "day": DAY,
            "landing": "one",
            "lake": f"file://{folder}/again",
            "receipt": f"file://{folder}/r",
        }
        options = [part for name, value in named.items() for part in (f"--{name}", value)]
        exams = [part for name in TEST_EXAM_NAMES for part in ("--test-exam-name", name)]
        return transform(spark, arguments([*options, *raw, *exams]), {})

    return receipt
