"""All that Spark's workers do, in this process: whatever the records are, the tables are those that independent code counts from them."""

import io
import json
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

import batches
import parquet_files
import sums
import tables
from schemas import TABLES
from tests.harness.generated import ATTEMPTS, HOSTILE
from tests.oracle.built_landing import DAY, TEST_EXAM_NAMES
from tests.oracle.recount import KEYS, UNKNOWABLE, compare, recount_records

# A judge raises Python's limit of recursion, which hypothesis lowers for each example.
pytestmark = pytest.mark.filterwarnings("ignore:The recursion limit will not be reset")
IN_A_BATCH = 2


def messages(records: list[bytes]) -> pa.RecordBatch:
    number, place = len(records), pa.array(range(len(records)), pa.int64())
    columns = {
        "partition": pa.array([0] * number, pa.int32()),
        "offset": place,
        "timestamp": pa.array([0] * number, pa.timestamp("us", tz="UTC")),
        "record": place,
        "key": pa.array(["key"] * number),
        "hash": pa.array([xxhash.xxh64_intdigest(each, seed=42) for each in records], pa.uint64()).view(pa.int64()),
        "value": pa.array(records, pa.binary()),
    }
    return pa.RecordBatch.from_pydict(columns)


def landed(records: list[bytes]) -> dict[str, list[dict[str, Any]]]:
    """The rows of each table but `holes`. Each task has a few batches of a few records."""
    every = messages(records)
    sent = [every.slice(first, IN_A_BATCH) for first in range(0, len(records), IN_A_BATCH)]
    judged = [each for task in (sent[::2], sent[1::2]) for each in batches.judge_batches(task, "", ())]
    rows = pa.Table.from_batches(judged)
    blocks = rows.filter(pc.is_valid(rows["block"])).to_batches()
    ids = batches.not_alone(rows["ids"].drop_null().to_pylist())
    places = [tuple(row.values()) for batch in batches.places(blocks, ids) for row in batch.to_pylist()]
    day = pa.scalar(date.fromisoformat(DAY), pa.date32())
    landing = parquet_files.Landing(day, "0" * 16, tables.ExamPatterns(TEST_EXAM_NAMES), tables.repeated(places))
    made = [row for task in (blocks[::2], blocks[1::2]) for batch in parquet_files.make(task, landing) for row in batch.to_pylist()]
    return {table: of_table(table, [row["content"] for row in made if row["table"] == table], day) for table in TABLES if table != "holes"}


def of_table(table: str, contents: list[bytes], day: pa.Date32Scalar) -> list[dict[str, Any]]:
    if table not in sums.SUMMED_BY:
        return [row for content in contents for row in pq.read_table(io.BytesIO(content + parquet_files.MAGIC)).to_pylist()]
    parts = [parquet_files.as_table(content) for content in contents]
    return [{"day": day.as_py(), **row} for row in sums.together(table, parts).to_pylist()] if parts else []


def differences(records: list[bytes]) -> list[str]:
    found, expected = landed(records), recount_records(records, DAY, TEST_EXAM_NAMES).tables
    by_key = ("raw_assessments", "quarantine")  # which have Kafka's key, the publisher's to choose
    known = {table: [{**row, "keen_id": "key"} if table in by_key else row for row in expected[table]] for table in found}
    shown = {table: [{name: row[name] for name in row if name not in UNKNOWABLE[table]} for row in rows] for table, rows in found.items()}
    return [sentence for table in found for sentence in compare(known[table], shown[table], KEYS[table], table)]


@settings(max_examples=40, deadline=None)
@given(st.lists(ATTEMPTS, max_size=9))
def test_tables_of_any_attempts(attempts: list[dict[str, Any]]) -> None:
    assert differences([json.dumps(each).encode() for each in attempts]) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(HOSTILE, min_size=1, max_size=4))
def test_tables_of_hostile_records(records: list[bytes]) -> None:
    assert differences(records) == []


LONG = "x" * 20_000_000
EXTREME = [
    pytest.param(f'{{"keen_id":"{LONG}"}}'.encode(), id="an id of 20 MB"),
    pytest.param(f'{{"keen_id":"a","exam_name":"{LONG}","sequences":{{"questions":[{{"id":"{LONG}"}}]}}}}'.encode(), id="texts of 20 MB"),
    pytest.param(f'{{"keen_id":"a","{LONG}":1}}'.encode(), id="a name of 20 MB"),
    pytest.param(f'{{"keen_id":"a","x":{"9" * 100_000}}}'.encode(), id="a number of 100,000 digits"),
    pytest.param(f'{{"keen_id":"a","sequences":{{"questions":[{",".join(["{}"] * 20_000)}]}}}}'.encode(), id="20,000 questions"),
    pytest.param(('{"keen_id":"a","x":' + "[" * 50_000 + "]" * 50_000 + "}").encode(), id="50,000 levels"),
]


@pytest.mark.parametrize("record", EXTREME)
def test_tables_of_extreme_records(record: bytes) -> None:
    assert differences([record, b'{"keen_id":"beside it"}']) == []
