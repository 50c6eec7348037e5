"""What the records have and lack, as Spark counts it and as independent code does."""

import json
from datetime import date
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import holes
from quarantine import read_records
from tests.built_landing import RECORDS
from tests.recount import hole_rows

DAY = date(2018, 1, 28)
OPTION = {"id": "a", "checked": None, "at": "", "submitted": "1", "correct": False}
ODD = [
    {"keen_id": "a", "exam_name": "", "sequences": {"questions": [{"id": "q", "options": [OPTION, 3]}, None], "counts": {}}},
    {"keen_id": 7, "max_attempts": None, "started_at": "", "sequences": {"questions": [], "attempt": 1.5}},
    {"keen_id": "c", "sequences": None, "certification": False},
    {"keen_id": "d", "sequences": []},
    {"keen_id": "e", "sequences": {"attempt": 2**70, "questions": {}, "counts": {"all_correct": 1, "total": True, "correct": 1.0}}},
    {"keen_id": "f", "sequences": {"questions": ["text", [], {}, {"options": "none", "user_result": {"a": 1}}]}},
    [],
    {},
]
BROKEN = [b'{"keen_id": "a"', b'{"keen_id": "a", "keen_id": "b"}', b'{"keen_id": "a"} x', b"", b"null", b'{"keen_id": "\xff"}']


def records(spark: SparkSession, values: list[bytes]) -> DataFrame:
    return read_records(spark.createDataFrame([(value,) for value in values], "value binary").withColumn("hash", F.xxhash64("value")))


def as_json(*values: Any) -> list[bytes]:
    return [json.dumps(value).encode() for value in values]


@pytest.mark.parametrize("values", [list(RECORDS), as_json(*ODD), BROKEN], ids=["records", "odd ones", "broken ones"])
def test_holes_are_what_independent_code_counts(spark: SparkSession, values: list[bytes]) -> None:
    columns = ("path", "parents", "present", "nulls", "missing", "empty", "wrong_type")
    found = {row[1]: dict(zip(columns, row[1:], strict=True)) for row in holes.rows(DAY, holes.count(records(spark, values)))}
    assert found == {row["path"]: row for row in hole_rows(values)}


def test_fields_that_the_schema_does_not_know_are_counted_by_path(spark: SparkSession) -> None:
    given = [
        {"keen_id": "a", "note": 1, "sequences": {"note": [{"deep": 1}], "questions": [{"hint": "x", "options": [{"weight": 1}] * 3}]}},
        {"note": {"keen_id": 1}, "sequences.id": "not the one", 'a"b\\c': None, "Keen_Id": "names are case-sensitive"},
    ]
    assert holes.unknown_fields(holes.count(records(spark, as_json(*given)))) == {
        "sequences.questions[].options[].weight": 3,
        "note": 2,
        "Keen_Id": 1,
        '["a\\"b\\\\c"]': 1,
        '["sequences.id"]': 1,
        "sequences.note": 1,
        "sequences.questions[].hint": 1,
    }


def test_the_most_frequent_hundred_are_named_and_that_there_are_more(spark: SparkSession) -> None:
    given = as_json(*({f"field_{number}": 1 for number in range(150)} for _ in range(2)), {"often": 1}, {"often": 1}, {"often": 1})
    found = holes.unknown_fields(holes.count(records(spark, given)))
    assert len(found) == holes.MOST_UNKNOWN + 1
    assert next(iter(found)) == "often"
    assert found["..."] == 0
