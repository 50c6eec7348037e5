"""Figures that Spark counts while it writes a table: those of the list, and the example of CONTRIBUTING.md."""

import ast
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

import tables
from include import receipts
from include.figures import COUNTED, counted
from tests.harness.one_more_figure import edits
from tests.oracle.built_landing import DAY, INGEST, RECORDS, TEST_EXAM_NAMES, build
from tests.oracle.recount import recount_records
from transform_assessments import arguments, transform


def written(spark: SparkSession, folder: Path, records: Any) -> dict[str, Any]:
    """The receipt of a transform of these records, which lie as those of a landing do."""
    built = build(folder, records)
    raw = [part for file in built.transform.tables["raw_assessments"].files for part in ("--raw", f"file://{file.path}")]
    named = {"topic": "assessments.acme", "ingest": INGEST, "day": DAY, "landing": "one", "lake": f"file://{folder}/again"}
    options = [part for name, value in named.items() for part in (f"--{name}", value)]
    exams = [part for name in TEST_EXAM_NAMES for part in ("--test-exam-name", name)]
    receipt = f"file://{folder}/again/receipts/one.json"
    return transform(spark, arguments([*options, *raw, *exams, "--receipt", receipt]), {})


def test_every_figure_is_in_the_receipt(spark: SparkSession, tmp_path: Path) -> None:
    receipt = receipts.read(receipts.TransformReceipt, written(spark, tmp_path, RECORDS), "here")
    figures = recount_records(RECORDS, DAY, TEST_EXAM_NAMES).figures
    assert counted(receipt) == {name: getattr(figures, name) for name in COUNTED}
    assert None not in counted(receipt).values()


def test_one_more_is_a_condition_on_the_rows_of_a_table(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [line] = [line for path, _, line in edits() if path.startswith("spark_jobs/")]
    [(name, of)] = ast.literal_eval(f"{{{line}}}").items()
    monkeypatch.setitem(tables.FIGURES, name, of)
    monkeypatch.setitem(tables.FIGURES, "blank", ("quarantine", ("equal", "reason", "blank")))
    receipt = written(spark, tmp_path, RECORDS[:9])  # none of these is in quarantine, so that table is not written at all
    assert (receipt[name], receipt["blank"], receipt["quarantined"]) == (1, 0, 0)
