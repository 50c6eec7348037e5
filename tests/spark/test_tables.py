"""From judged records to tables: each Column function with its nulls, each table from a handful of attempts."""

import io
import json
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import batches
import holes
import packing
import tables
from include.source.record_key import key_of
from record import ANSWERS, COUNTS
from schemas import TABLES
from tests.oracle.recount import KEYS, compare, recount_records
from transform_assessments import judged, tables_of

DAY = date(2018, 1, 28)
PATTERNS = tables.ExamPatterns(names=["yeahsdf", "^Draft"], base_exam_ids=["^example-id$"])


@pytest.mark.parametrize(
    ("column", "schema", "cases"),
    [
        pytest.param(
            lambda: tables.score({name: F.col(name) if name in ("correct", "total") else F.col("other") for name in COUNTS}),
            "correct int, total int, other int",
            [
                ("half right", (1, 2, None), 0.5),
                ("all right", (3, 3, 0), 1.0),
                ("none right is a score, and not null", (0, 3, 9), 0.0),
                ("no questions, no score", (0, 0, 0), None),
                ("a negative total is no number of questions", (0, -1, 0), None),
                ("correct missing", (None, 2, 0), None),
                ("total missing", (1, None, 0), None),
                ("counts missing", (None, None, None), None),
                ("more right than asked", (100, 1, 0), None),
                ("fewer than none", (-5, 1, 0), None),
                ("fewer than none of the others", (1, 2, -1), None),
            ],
            id="score",
        ),
        pytest.param(
            lambda: tables.is_test(F.col("name"), F.col("id"), PATTERNS),
            "name string, id string",
            [
                ("a pattern is found anywhere", ("Exam oh yeahsdf!", "a"), True),
                ("unless it says where", ("A Draft", "a"), False),
                ("the second pattern counts too", ("Draft", None), True),
                ("by its id", ("Soup", "example-id"), True),
                ("an anchored id", ("Soup", "example-id-2"), False),
                ("a name's pattern is not an id's", ("Soup", "yeahsdf"), False),
                ("no name but a test's id", (None, "example-id"), True),
                ("neither name nor id: false, never null", (None, None), False),
            ],
            id="is_test",
        ),
        pytest.param(
            lambda: tables.is_test(F.col("name"), F.col("id"), tables.ExamPatterns()),
            "name string, id string",
            [("a contract without test exams has none", ("yeahsdf", "example-id"), False)],
            id="is_test without patterns",
        ),
    ],
)
def test_column(evaluate: Any, column: Any, schema: str, cases: list[tuple[str, tuple[Any, ...], Any]]) -> None:
    found = evaluate(schema, [row for _, row, _ in cases], column())
    assert dict(zip([why for why, _, _ in cases], found, strict=True)) == {why: expected for why, _, expected in cases}


# As whoever cuts a text within an emoji writes it; in every field of text, the id and what is counted by it included.
HALVES = [
    rb'{"keen_id":"a\ud83d","exam_name":"cut \ud83d","sequences":{"questions":[{"id":"\ude00","options":[{"id":"\ud83d\ude00\ud83d"}]}]}}',
    rb'{"keen_id":"b","exam_name":"cut \ud83d","certification":"\ud83d\ud83d\ude00"}',
]


RIGHT = {"incomplete": 1, "submitted": 2, "incorrect": 1, "correct": 1, "total": 4, "unanswered": 1, "all_correct": False}
ASKED = [("correct", True), ("incorrect", True), ("missed_some", False), ("unanswered", None)]
NONE = dict.fromkeys(RIGHT)
TALLIES = [
    ("all seven agree", RIGHT, ASKED, True),
    *[(f"{name} is off", {**RIGHT, name: True if name == "all_correct" else 9}, ASKED, False) for name in RIGHT],
    *[(f"{name} alone is missing", {**RIGHT, name: None}, ASKED, False) for name in RIGHT],
    ("counts empty: nothing to compare", NONE, ASKED, None),
    ("counts missing: nothing to compare", None, ASKED, None),
    ("one count alone is not all seven", {**NONE, "total": 4}, ASKED, False),
    ("no questions agree with zeros", {**dict.fromkeys(RIGHT, 0), "all_correct": True}, [], True),
    ("questions missing are no questions", {**dict.fromkeys(RIGHT, 0), "all_correct": True}, None, True),
    ("questions missing, but counted", RIGHT, None, False),
    ("a null question is asked, and has no result", {**dict.fromkeys(RIGHT, 0), "total": 1, "all_correct": False}, [None], True),
    ("an unknown result is none of the four", {**dict.fromkeys(RIGHT, 0), "total": 1, "all_correct": False}, [("skipped", None)], True),
    (
        "all right",
        {**dict.fromkeys(RIGHT, 0), "correct": 2, "total": 2, "submitted": 2, "all_correct": True},
        [("correct", True)] * 2,
        True,
    ),
]


QUESTION = pa.struct([("user_result", pa.string()), ("user_submitted", pa.bool_())])


def answers(asked: list[Any]) -> list[tuple[int | None, ...]]:
    """Of each list of (user_result, user_submitted), in the order of ANSWERS."""
    lists = [each and [one and dict(zip(("user_result", "user_submitted"), one, strict=True)) for one in each] for each in asked]
    found = packing.answers(pa.array(lists, pa.list_(QUESTION)))
    return list(zip(*(found[name].to_pylist() for name in ANSWERS), strict=True))


def test_answers() -> None:
    cases = [
        ("each result, and one that is submitted", [*ASKED, ("unanswered", False)], (5, 1, 1, 1, 2, 2)),
        ("null is null, never -1", None, (None, 0, 0, 0, 0, 0)),
        ("empty is 0", [], (0, 0, 0, 0, 0, 0)),
        ("null elements count", [None, ("correct", None)], (2, 1, 0, 0, 0, 0)),
    ]
    found = answers([asked for _, asked, _ in cases])
    assert dict(zip([why for why, *_ in cases], found, strict=True)) == {why: expected for why, _, expected in cases}


def test_tallies(evaluate: Any) -> None:
    counts = "struct<incomplete:int,submitted:int,incorrect:int,correct:int,total:int,unanswered:int,all_correct:boolean>"
    schema = f"counts {counts}, answers struct<{','.join(f'{name}:int' for name in ANSWERS)}>"
    of = answers([asked for _, _, asked, _ in TALLIES])
    rows = [
        (given and tuple(bool(v) if k == "all_correct" and v is not None else v for k, v in given.items()), each)
        for (_, given, _, _), each in zip(TALLIES, of, strict=True)
    ]
    found = evaluate(schema, rows, tables.tallies(F.col("counts"), F.col("answers")))
    assert dict(zip([why for why, *_ in TALLIES], found, strict=True)) == {why: expected for why, _, _, expected in TALLIES}


# --- The tables, from a handful of records


def record(keen_id: str, questions: Any = None, **fields: Any) -> bytes:
    attempt = {"keen_id": keen_id, "exam_name": "Soup", "base_exam_id": "soup", "started_at": "2018-01-28T10:00:00Z", **fields}
    return json.dumps(attempt if questions is None else {**attempt, "sequences": {"questions": questions}}).encode()


def scored(keen_id: str, correct: int | None, total: int | None, **fields: Any) -> bytes:
    return record(keen_id, sequences={"counts": {"correct": correct, "total": total, "incorrect": 1}}, **fields)


QUESTIONS = [
    {"id": "q0", "user_result": "correct", "options": [{"id": "a", "checked": True, "at": "2018-01-28T10:00:01.5Z", "submitted": 1}, None]},
    None,
    {"id": "q2", "options": None},
    {"id": "q3", "user_result": "missed_some", "options": []},
    {"id": "q3", "user_result": "unanswered"},
]

VALUES = [
    record("copied", QUESTIONS),
    record("versions", [{"id": "q0", "user_result": "incorrect"}]),
    record("copied", QUESTIONS),
    record("versions", [{"id": "q0", "user_result": "correct"}]),
    record("versions", [{"id": "q0", "user_result": "correct"}]),
    b"not JSON",
    record("bare"),
    record("no questions", []),
    record("test", [], base_exam_id="example-id"),
    record("quarantined version", exam_name=5),
    record("quarantined version"),
    scored("full", 3, 3),
    scored("full too", 3, 3, started_at="2018-01-28T11:00:00Z"),
    scored("half", 1, 2),
    scored("nothing asked", 0, 0),
    scored("no total", 1, None),
    b'{"keen_id":"escaped, so suspect at first","exam_name":"\\u0053oup"}',
]


@pytest.fixture(scope="module")
def made(spark: SparkSession) -> dict[str, DataFrame]:
    """Every table from VALUES."""
    return transformed(spark, VALUES, ["key"] * len(VALUES))


def transformed(spark: SparkSession, values: list[bytes], keys: list[str]) -> dict[str, DataFrame]:
    """Every table from these records, in the way of the job."""
    rows = [(0, number, number, key, bytearray(value)) for number, (key, value) in enumerate(zip(keys, values, strict=True))]
    messages = spark.createDataFrame(rows, "partition int, offset bigint, record bigint, key string, value binary").coalesce(1)
    messages = messages.withColumns({"timestamp": F.current_timestamp(), "hash": F.xxhash64("value")})
    records = judged(messages, salt="", tombstones=()).persist().withColumn("day", F.lit(DAY))
    found = batches.total(row.summary for row in records.where(~tables.is_record()).select("summary").collect())
    made, packed = tables_of(records, PATTERNS, {"some": 1}, DAY, "0" * 16)
    for table in packing.TABLES:
        files = [row.content + packing.MAGIC for row in packed.where(F.col("table") == table).collect()]
        assert files
        made[table] = spark.createDataFrame(pa.concat_tables(pq.read_table(io.BytesIO(file)) for file in files))
    return {**made, "holes": spark.createDataFrame(holes.rows(DAY, found["fields"]), TABLES["holes"])}


def rows_of(made: dict[str, DataFrame], table: str, order: str = "keen_id", **where: Any) -> list[dict[str, Any]]:
    rows = [row.asDict() for row in made[table].orderBy(*order.split()).collect()]
    return [row for row in rows if all(row[name] == value for name, value in where.items())]


@pytest.mark.parametrize("table", TABLES)
def test_conforms(made: dict[str, DataFrame], table: str) -> None:
    assert [(field.name, field.dataType) for field in made[table].schema] == [(field.name, field.dataType) for field in TABLES[table]]


@pytest.mark.parametrize("table", TABLES)
def test_as_recounted_from_the_same_bytes(made: dict[str, DataFrame], table: str) -> None:
    expected = recount_records(VALUES, "2018-01-28", PATTERNS.names, PATTERNS.base_exam_ids).tables[table]
    if table in ("raw_assessments", "quarantine"):
        expected = [{**row, "keen_id": "key"} for row in expected]  # the Kafka key, which is the publisher's to choose
    assert compare(expected, [row.asDict() for row in made[table].collect()], KEYS[table], table) == []


def test_half_a_surrogate_pair_lands_as_a_question_mark_in_the_id_as_in_the_key(spark: SparkSession) -> None:
    keys = [(key_of(value) or b"").decode() for value in HALVES]
    found = transformed(spark, HALVES, keys)
    expected = recount_records(HALVES, "2018-01-28")
    for table, rows in expected.tables.items():
        assert compare(rows, [row.asDict() for row in found[table].collect()], KEYS[table], table) == []
    ids = [row.keen_id for row in found["assessments"].orderBy("keen_id").collect()]
    assert ids == keys == ["a?", "b"]


def test_exact_copies_land_once(made: dict[str, DataFrame]) -> None:
    (row,) = rows_of(made, "assessments", keen_id="copied")
    assert (row["copies"], row["record"], row["is_conflict"]) == (2, 0, False)


def test_versions_are_all_kept_and_in_conflict(made: dict[str, DataFrame]) -> None:
    rows = rows_of(made, "assessments", "record", keen_id="versions")
    assert [(row["record"], row["copies"], row["is_conflict"]) for row in rows] == [(1, 1, True), (3, 2, True)]


def test_a_quarantined_version_conflicts_with_nothing(made: dict[str, DataFrame]) -> None:
    (row,) = rows_of(made, "assessments", keen_id="quarantined version")
    assert (row["record"], row["is_conflict"]) == (10, False)


def test_a_suspect_that_is_fit_after_all_lands(made: dict[str, DataFrame]) -> None:
    (row,) = rows_of(made, "assessments", keen_id="escaped, so suspect at first")
    assert row["exam_name"] == "Soup"


def test_copies_and_quarantine_are_all_that_was_read(made: dict[str, DataFrame]) -> None:
    landed = sum(row["copies"] for row in rows_of(made, "assessments"))
    assert landed + made["quarantine"].count() == made["raw_assessments"].count() == len(VALUES)


def test_null_elements_are_rows_of_nulls(made: dict[str, DataFrame]) -> None:
    questions = rows_of(made, "questions", "position", keen_id="copied")
    assert [(row["position"], row["question_id"], row["option_count"]) for row in questions] == [
        (0, "q0", 2),
        (1, None, None),
        (2, "q2", None),
        (3, "q3", 0),
        (4, "q3", None),
    ]
    options = rows_of(made, "options", "question_position position", keen_id="copied")
    assert [(row["question_position"], row["position"], row["option_id"], row["checked"]) for row in options] == [
        (0, 0, "a", True),
        (0, 1, None, None),
    ]


def test_missing_is_not_empty(made: dict[str, DataFrame]) -> None:
    counts = {row["keen_id"]: row["question_count"] for row in rows_of(made, "assessments")}
    assert (counts["bare"], counts["no questions"], counts["copied"]) == (None, 0, 5)


def test_exam_scores_are_a_histogram(made: dict[str, DataFrame]) -> None:
    rows = rows_of(made, "exam_scores", "correct total", base_exam_id="soup", is_test=False)
    found = [
        (row["correct"], row["total"], row["attempts"], row["copies"], row["conflicts"], row["incorrect"], row["incomplete"])
        for row in rows
    ]
    assert found == [
        (None, None, 8, 10, 2, 2, None),  # without a score, whatever counts there are; no incomplete was ever given
        (1, 2, 1, 1, 0, 1, None),
        (3, 3, 2, 2, 0, 2, None),
    ]


def test_last_taken_is_the_latest_start(made: dict[str, DataFrame]) -> None:
    (full,) = rows_of(made, "exam_scores", "correct", correct=3)
    assert full["last_taken"].isoformat() == "2018-01-28T11:00:00"


def test_a_question_without_result_is_asked_but_not_incorrect(made: dict[str, DataFrame]) -> None:
    rows = rows_of(made, "question_days", "question_id", is_test=False)
    found = {row["question_id"]: tuple(row[name] for name in ("asked", "correct", "incorrect", "missed", "unanswered")) for row in rows}
    assert found == {None: (1, 0, 0, 0, 0), "q0": (3, 2, 1, 0, 0), "q2": (1, 0, 0, 0, 0), "q3": (2, 0, 0, 1, 1)}
