"""The sums that DuckDB makes of attempts, questions and options are those that plain Python counts from the records."""

import json
from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.lake.aggregates import AGGREGATES, aggregate
from include.schemas import LANDED
from tests.harness.private_landfall import REAL_FILE
from tests.oracle.built_landing import DAY, RECORDS, TEST_EXAM_NAMES
from tests.oracle.recount import KEYS, Recount, compare, records_of, recount_records

SUMMED = ("assessments", "questions", "options")


# Rows of the real file, so that nobody makes a table that grows with attempts (3,242) unawares.
OF_REAL_FILE = {"exam_scores": 432, "question_days": 473, "item_days": 1975, "option_days": 7481, "item_times": 6798}


def differences(again: Recount) -> list[str]:
    """Between each table that `aggregate` makes of the recounted rows and the same table, recounted."""
    with duckdb.connect(config={"threads": 1}) as tables:
        tables.execute("set TimeZone = 'UTC'")
        for name in SUMMED:
            tables.register(name, pa.Table.from_pylist(again.tables[name], schema=LANDED[name].arrow))
        return [
            sentence
            for name in AGGREGATES
            for sentence in compare(again.tables[name], tables.sql(aggregate(name)).to_arrow_table().to_pylist(), KEYS[name], name)
        ]


def of_records(records: Sequence[bytes]) -> Recount:
    return recount_records(records, DAY, TEST_EXAM_NAMES)


# Few values of each, so that attempts meet in a form; ids that other orders than that of bytes would sort otherwise.
IDS = st.sampled_from(["a", "b", "B", "ä", "a\nb", "\x00", "", "\uffff", "\U0001f600", None])
MOMENTS = st.sampled_from(
    [None, "2018-01-28T09:00:00Z", "2018-01-28T09:00:59.999999Z", "2018-01-28T09:01:00Z", "2018-01-28T09:10:59Z", "2018-01-28T11:00:00Z"]
)
FLAGS = st.sampled_from([True, False, None])
OPTIONS = st.fixed_dictionaries({"id": IDS, "checked": FLAGS, "correct": FLAGS, "at": MOMENTS})
RESULTS = st.sampled_from(["correct", "incorrect", "missed_some", "unanswered", "unanswered", "other", None])
QUESTIONS = st.fixed_dictionaries({"id": IDS, "user_result": RESULTS, "options": st.none() | st.lists(st.none() | OPTIONS, max_size=3)})
WITH_ID = st.fixed_dictionaries(
    {"id": IDS.filter(lambda each: each is not None), "user_result": RESULTS, "options": st.lists(OPTIONS, max_size=3)}
)
DISTINCT = st.lists(WITH_ID, max_size=5, unique_by=lambda each: each["id"])
WHOLE = DISTINCT.map(lambda questions: [each for each in questions if each["user_result"]])  # has a form and a score
REPEATED = WHOLE.map(lambda questions: [*questions, *questions[:1]])
LISTS = st.none() | st.lists(st.none() | QUESTIONS, max_size=5) | DISTINCT | WHOLE | REPEATED
ATTEMPTS = st.fixed_dictionaries(
    {
        "keen_id": st.sampled_from(["one", "two", "three"]),
        "exam_name": st.sampled_from(["Git", "a yeahsdf", None]),
        "base_exam_id": st.sampled_from(["id", None]),
        "started_at": MOMENTS,
        "sequences": st.fixed_dictionaries({"questions": LISTS}),
    }
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ATTEMPTS, min_size=1, max_size=6))
def test_sums_of_any_attempts(attempts: list[dict[str, Any]]) -> None:
    assert differences(of_records([json.dumps(each).encode() for each in attempts])) == []


def test_sums_of_sample_records() -> None:
    assert differences(of_records(RECORDS)) == []


@pytest.mark.skipif(not REAL_FILE.exists(), reason=f"the real file is not at {REAL_FILE}")
def test_sums_of_the_real_file() -> None:
    again = of_records(list(records_of(REAL_FILE)))
    assert differences(again) == []
    assert {name: len(again.tables[name]) for name in AGGREGATES} == OF_REAL_FILE
