"""Figures that Spark counts while it writes a table: those of the list, and the example of CONTRIBUTING.md."""

import ast
from pathlib import Path

import pytest

import tables
from include import receipts
from include.figures import COUNTED, counted
from tests.harness.one_more_figure import edits
from tests.oracle.built_landing import DAY, RECORDS, TEST_EXAM_NAMES
from tests.oracle.recount import recount_records
from tests.spark.conftest import Landed


def test_every_figure_is_in_the_receipt(landed: Landed, tmp_path: Path) -> None:
    receipt = receipts.read(receipts.TransformReceipt, landed(tmp_path, RECORDS), "here")
    figures = recount_records(RECORDS, DAY, TEST_EXAM_NAMES).figures
    assert counted(receipt) == {name: getattr(figures, name) for name in COUNTED}
    assert None not in counted(receipt).values()


def test_one_more_is_a_condition_on_the_rows_of_a_table(landed: Landed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [line] = [line for path, _, line in edits() if path.startswith("spark_jobs/")]
    [(name, of)] = ast.literal_eval(f"{{{line}}}").items()
    monkeypatch.setitem(tables.FIGURES, name, of)
    monkeypatch.setitem(tables.FIGURES, "blank", ("quarantine", ("equal", "reason", "blank")))
    receipt = landed(tmp_path, RECORDS[:9])  # none of these is in quarantine, so that table is not written at all
    assert (receipt[name], receipt["blank"], receipt["quarantined"]) == (1, 0, 0)
