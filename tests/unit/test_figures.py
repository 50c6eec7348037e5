"""The list of figures: Spark and validate count each, a wrong count is named, and what was there before a later one keeps its place."""

from dataclasses import fields, replace
from pathlib import Path

import pytest

import tables  # of spark_jobs
from include import receipts
from include.figures import COUNTED, Place, counted, shown
from include.maintenance import forget
from include.receipts import Landing, TransformReceipt
from include.schemas import LANDINGS
from include.validation import queries
from include.validation.checks import problems, read_landed
from tests.oracle.built_landing import build

# As they were before this list: what is later comes after them.
COLUMNS = (
    "day", "landing", "customer", "run_id", "found_at", "committed_at", "source", "bytes", "sha256", "topic", "ingest", "generation",
    "offsets", "published", "landed", "duplicates", "quarantined", "test", "conflicts", "content_hash", "reasons", "tables", "snapshots",
    "seconds", "warnings", "conservation", "unknown_fields", "forgotten", "claim", "proof", "override",
)  # fmt: skip
OF_SPARK = (
    "landing", "day", "topic", "ingest", "read", "content_hash", "distinct", "duplicates", "quarantined", "test", "conflicts", "reasons",
    "unknown_fields", "tables", "seconds", "forgotten", "forgotten_hash", "tombstones", "builds_on",
)  # fmt: skip
SHOWN = {
    Place.SHORT: ["published", "landed", "quarantined"],
    Place.SPAN: ["published", "landed", "duplicates", "quarantined"],
    Place.WIDE: ["published", "landed", "duplicates", "quarantined", "forgotten"],
    Place.EVENTS: ["published", "landed", "duplicates", "quarantined", "forgotten"],
    Place.RUN: ["published", "landed", "duplicates", "quarantined", "forgotten", "test"],
    Place.DAYS: ["published", "landed", "duplicates", "quarantined", "forgotten", "test"],
    Place.DAY: ["published", "landed", "duplicates", "quarantined", "forgotten", "test", "conflicts"],
}


def test_spark_and_validate_count_every_figure() -> None:
    assert list(tables.FIGURES) == list(COUNTED), "spark_jobs/tables.py"
    assert list(queries.FIGURES) == list(COUNTED), "include/validation/queries.py"


def test_every_figure_counts_rows_that_forgetting_can_subtract() -> None:
    assert {table for table, _ in queries.FIGURES.values()} <= set(forget.ATTEMPTS) & queries.NEEDED.keys()


@pytest.mark.parametrize("name", COUNTED)
def test_a_figure_that_spark_counted_wrong_is_named(tmp_path: Path, name: str) -> None:
    built = build(tmp_path)
    landed, right = read_landed(built.fs, built.transform), counted(built.transform)[name]
    [problem] = problems(built.publish, replace(built.transform, **{name: right + 1}), landed, max_quarantined=1)
    assert problem.startswith(f"{COUNTED[name].what}: Spark's receipt says {right + 1}, the tables hold {right}. ")


def test_a_later_figure_leaves_the_others_in_their_places(tmp_path: Path) -> None:
    later = {field.name for field in fields(TransformReceipt) if field.name in COUNTED and field.default is None}
    assert LANDINGS.arrow.names[: len(COLUMNS)] == list(COLUMNS)
    assert set(LANDINGS.arrow.names[len(COLUMNS) :]) >= later
    built = build(tmp_path)
    assert [name for name in receipts.plain(built.transform) if name not in later] == list(OF_SPARK)
    of_landing = [name for name in receipts.plain(built.landing) if name not in later]
    assert of_landing == ["landing", "customer", "day", *COLUMNS[3:]]
    assert {place: [name for name in shown(place) if name not in later] for place in Place} == SHOWN


def test_a_later_figure_is_none_where_it_was_not_counted() -> None:
    later = {field.name: field.default for field in fields(Landing) if field.name in COUNTED and field.name not in COLUMNS}
    assert later == dict.fromkeys(later), "a default of 0 would be a count that nobody made"
