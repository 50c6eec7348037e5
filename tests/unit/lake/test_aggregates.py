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
from tests.harness.generated import ATTEMPTS
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
