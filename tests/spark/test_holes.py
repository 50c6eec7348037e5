"""What the records have and lack, as Spark counts it and as independent code does."""

import json
from datetime import date
from typing import Any

import pytest

import holes
from judging import Judge
from tests.oracle.built_landing import RECORDS
from tests.oracle.recount import hole_rows

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


def counted(values: list[bytes]) -> Judge:
    judge = Judge()
    for value in values:
        judge.judge(value)
    judge.fold()
    return judge


def as_json(*values: Any) -> list[bytes]:
    return [json.dumps(value).encode() for value in values]


@pytest.mark.parametrize("values", [list(RECORDS), as_json(*ODD), BROKEN], ids=["records", "odd ones", "broken ones"])
def test_holes_are_what_independent_code_counts(values: list[bytes]) -> None:
    columns = ("path", "parents", "present", "nulls", "missing", "empty", "wrong_type")
    found = {row["path"]: {name: row[name] for name in columns} for row in holes.rows(DAY, counted(values).tally).to_pylist()}
    assert found == {row["path"]: row for row in hole_rows(values)}


def test_fields_that_the_schema_does_not_know_are_counted_by_path() -> None:
    given = [
        {"keen_id": "a", "note": 1, "sequences": {"note": [{"deep": 1}], "questions": [{"hint": "x", "options": [{"weight": 1}] * 3}]}},
        {"note": {"keen_id": 1}, "sequences.id": "not the one", 'a"b\\c': None, "Keen_Id": "names are case-sensitive"},
    ]
    assert holes.unknown_fields(counted(as_json(*given)).unknown) == {
        "sequences.questions[].options[].weight": 3,
        "note": 2,
        "Keen_Id": 1,
        '["a\\"b\\\\c"]': 1,
        '["sequences.id"]': 1,
        "sequences.note": 1,
        "sequences.questions[].hint": 1,
    }


def test_the_most_frequent_hundred_are_named_and_that_there_are_more() -> None:
    given = as_json(*({f"field_{number}": 1 for number in range(150)} for _ in range(2)), {"often": 1}, {"often": 1}, {"often": 1})
    found = holes.unknown_fields(counted(given).unknown)
    assert len(found) == holes.MOST_UNKNOWN + 1
    assert next(iter(found)) == "often"
    assert found["..."] == 0
