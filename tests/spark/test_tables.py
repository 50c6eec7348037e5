"""From judged records to tables: each function of columns with its nulls, each table from a handful of attempts, in Spark."""

import io
import json
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import holes
import parquet_files
import sums
import tables
from include.source.record_key import key_of
from record import COUNTS
from schemas import TABLES
from tests.oracle.recount import KEYS, compare, recount_records
from transform_assessments import counted, judged, made_of, repeated, small_sum

DAY = date(2018, 1, 28)
PATTERNS = tables.ExamPatterns(names=["yeahsdf", "^Draft"], base_exam_ids=["^example-id$"])


SCORES = [
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
]


def test_score() -> None:
    correct, total, other = (pa.array(column, pa.int32()) for column in zip(*(row for _, row, _ in SCORES), strict=True))
    found = tables.score({**dict.fromkeys(COUNTS, other), "correct": correct, "total": total}).to_pylist()
    assert dict(zip([why for why, _, _ in SCORES], found, strict=True)) == {why: expected for why, _, expected in SCORES}


@pytest.mark.parametrize(
    ("exam_name", "base_exam_id", "expected"),
    [
        pytest.param("Exam oh yeahsdf!", "a", True, id="a pattern is found anywhere"),
        pytest.param("A Draft", "a", False, id="unless it says where"),
        pytest.param("Draft", None, True, id="the second pattern counts too"),
        pytest.param("Soup", "example-id", True, id="by its id"),
        pytest.param("Soup", "example-id-2", False, id="an anchored id"),
        pytest.param("Soup", "yeahsdf", False, id="a name's pattern is not an id's"),
        pytest.param(None, "example-id", True, id="no name but a test's id"),
        pytest.param(None, None, False, id="neither name nor id"),
    ],
)
def test_is_test(exam_name: str | None, base_exam_id: str | None, expected: bool) -> None:
    assert PATTERNS.is_test(base_exam_id, exam_name) is expected
    assert tables.ExamPatterns().is_test(base_exam_id, exam_name) is False, "a contract without test exams has none"


REPEATS = [
    ("alone", [("a", 1, 0, 0, 0)], {}),
    ("copies: the first by its record has their number", [("a", 1, 7, 0, 3), ("a", 1, 2, 1, 9), ("a", 1, 7, 0, 2)], {9: 3, 2: 0, 3: 0}),
    ("versions are in conflict, each once", [("a", 1, 0, 0, 0), ("a", 2, 1, 0, 1)], {0: 1, 1: 1}),
    ("a version with a copy", [("a", 2, 5, 0, 5), ("a", 1, 0, 0, 0), ("a", 2, 4, 0, 4)], {0: 1, 4: 2, 5: 0}),
    ("the same bytes under another id are another attempt", [("a", 1, 0, 0, 0), ("b", 1, 1, 0, 1)], {}),
]


@pytest.mark.parametrize(("places", "copies"), [each[1:] for each in REPEATS], ids=[each[0] for each in REPEATS])
def test_repeated(places: list[tables.Place], copies: dict[int, int]) -> None:
    found = tables.repeated(places).to_pylist()
    assert {row["place"] % 2**48: row["copies"] for row in found} == copies
    of_id = {place[4]: {version for keen_id, version, *_ in places if keen_id == place[0]} for place in places}
    assert all(row["is_conflict"] == (len(of_id[row["place"] % 2**48]) > 1) for row in found)


def test_a_place_is_its_own_in_each_partition() -> None:
    places = [(0, 0), (0, 1), (1, 0), (2**15 - 1, 2**48 - 1), (2**15 - 1, 0)]
    numbers = [tables.place(*place) for place in places]
    assert len(set(numbers)) == len(places)
    assert all(-(2**63) <= number < 2**63 for number in numbers)


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
ANSWERS = ("questions", "correct", "incorrect", "missed", "unanswered", "submitted")


def answers(asked: list[Any]) -> list[tuple[int | None, ...]]:
    """Of each list of (user_result, user_submitted), in the order of ANSWERS."""
    lists = [each and [one and dict(zip(("user_result", "user_submitted"), one, strict=True)) for one in each] for each in asked]
    found = tables.answers(pa.array(lists, pa.list_(QUESTION)))
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


def test_tallies() -> None:
    given = [dict.fromkeys(RIGHT) | (counts or {}) for _, counts, _, _ in TALLIES]
    kinds = {name: pa.bool_() if kind == "boolean" else pa.int32() for name, kind in COUNTS.items()}
    columns = {
        name: pa.array([counts[name] if counts[name] is None or kind != pa.bool_() else bool(counts[name]) for counts in given], kind)
        for name, kind in kinds.items()
    }
    answered = dict(zip(ANSWERS, map(pa.array, zip(*answers([asked for _, _, asked, _ in TALLIES]), strict=True)), strict=True))
    found = tables.tallies(columns, answered).to_pylist()
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
def made(spark: SparkSession) -> dict[str, pa.Table]:
    """Every table from VALUES."""
    return transformed(spark, VALUES, ["key"] * len(VALUES))


def transformed(spark: SparkSession, values: list[bytes], keys: list[str], tasks: int = 1) -> dict[str, pa.Table]:
    """Every table from these records, in the way of the job."""
    rows = [(0, number, number, key, bytearray(value)) for number, (key, value) in enumerate(zip(keys, values, strict=True))]
    messages = spark.createDataFrame(rows, "partition int, offset bigint, record bigint, key string, value binary").repartition(tasks)
    messages = messages.withColumns({"timestamp": F.current_timestamp(), "hash": F.xxhash64("value")})
    records = judged(messages, salt="", tombstones=()).persist()
    found, day = counted(records, (0, 0)), pa.scalar(DAY, pa.date32())
    blocks = records.where(F.col("block").isNotNull())
    made = made_of(blocks, parquet_files.Landing(day, "0" * 16, PATTERNS, repeated(blocks, found["ids"]))).collect()
    landed = {"holes": holes.rows(DAY, found["fields"])}
    for table in TABLES.keys() - landed.keys():
        of = [row for row in made if row.table == table]
        if table in sums.SUMMED_BY:
            landed[table] = small_sum(table, of, day).select(TABLES[table].names)
        else:
            files = [io.BytesIO(bytes(row.content) + parquet_files.MAGIC) for row in of]
            landed[table] = pa.concat_tables([TABLES[table].empty_table(), *map(pq.read_table, files)])
    return landed


def rows_of(made: dict[str, pa.Table], table: str, order: str = "keen_id", **where: Any) -> list[dict[str, Any]]:
    rows = made[table].sort_by([(name, "ascending") for name in order.split()]).to_pylist()
    return [row for row in rows if all(row[name] == value for name, value in where.items())]


@pytest.mark.parametrize("table", TABLES)
def test_conforms(made: dict[str, pa.Table], table: str) -> None:
    assert made[table].schema == TABLES[table]


@pytest.mark.parametrize("table", TABLES)
def test_as_recounted_from_the_same_bytes(made: dict[str, pa.Table], table: str) -> None:
    expected = recount_records(VALUES, "2018-01-28", PATTERNS.names, PATTERNS.base_exam_ids).tables[table]
    if table in ("raw_assessments", "quarantine"):
        expected = [{**row, "keen_id": "key"} for row in expected]  # the Kafka key, which is the publisher's to choose
    assert compare(expected, made[table].to_pylist(), KEYS[table], table) == []


def test_half_a_surrogate_pair_lands_as_a_question_mark_in_the_id_as_in_the_key(spark: SparkSession) -> None:
    keys = [(key_of(value) or b"").decode() for value in HALVES]
    found = transformed(spark, HALVES, keys)
    expected = recount_records(HALVES, "2018-01-28")
    for table, rows in expected.tables.items():
        assert compare(rows, found[table].to_pylist(), KEYS[table], table) == []
    ids = [row["keen_id"] for row in rows_of(found, "assessments")]
    assert ids == keys == ["a?", "b"]


def test_exact_copies_land_once(made: dict[str, pa.Table]) -> None:
    (row,) = rows_of(made, "assessments", keen_id="copied")
    assert (row["copies"], row["record"], row["is_conflict"]) == (2, 0, False)


def test_versions_are_all_kept_and_in_conflict(made: dict[str, pa.Table]) -> None:
    rows = rows_of(made, "assessments", "record", keen_id="versions")
    assert [(row["record"], row["copies"], row["is_conflict"]) for row in rows] == [(1, 1, True), (3, 2, True)]


def test_a_quarantined_version_conflicts_with_nothing(made: dict[str, pa.Table]) -> None:
    (row,) = rows_of(made, "assessments", keen_id="quarantined version")
    assert (row["record"], row["is_conflict"]) == (10, False)


def test_a_suspect_that_is_fit_after_all_lands(made: dict[str, pa.Table]) -> None:
    (row,) = rows_of(made, "assessments", keen_id="escaped, so suspect at first")
    assert row["exam_name"] == "Soup"


def test_copies_and_quarantine_are_all_that_was_read(made: dict[str, pa.Table]) -> None:
    landed = sum(row["copies"] for row in rows_of(made, "assessments"))
    assert landed + len(made["quarantine"]) == len(made["raw_assessments"]) == len(VALUES)


def test_null_elements_are_rows_of_nulls(made: dict[str, pa.Table]) -> None:
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


def test_missing_is_not_empty(made: dict[str, pa.Table]) -> None:
    counts = {row["keen_id"]: row["question_count"] for row in rows_of(made, "assessments")}
    assert (counts["bare"], counts["no questions"], counts["copied"]) == (None, 0, 5)


def test_exam_scores_are_a_histogram(made: dict[str, pa.Table]) -> None:
    rows = rows_of(made, "exam_scores", "correct total", base_exam_id="soup", is_test=False)
    found = [
        (row["correct"], row["total"], row["attempts"], row["copies"], row["conflicts"], row["incorrect"], row["incomplete"])
        for row in rows
    ]
    assert found == [
        (1, 2, 1, 1, 0, 1, None),
        (3, 3, 2, 2, 0, 2, None),
        (None, None, 8, 10, 2, 2, None),  # without a score, whatever counts there are; no incomplete was ever given
    ]


def test_last_taken_is_the_latest_start(made: dict[str, pa.Table]) -> None:
    (full,) = rows_of(made, "exam_scores", "correct", correct=3)
    assert full["last_taken"].isoformat() == "2018-01-28T11:00:00+00:00"


def test_a_question_without_result_is_asked_but_not_incorrect(made: dict[str, pa.Table]) -> None:
    rows = rows_of(made, "question_days", "question_id", is_test=False)
    found = {row["question_id"]: tuple(row[name] for name in ("asked", "correct", "incorrect", "missed", "unanswered")) for row in rows}
    assert found == {None: (1, 0, 0, 0, 0), "q0": (3, 2, 1, 0, 0), "q2": (1, 0, 0, 0, 0), "q3": (2, 0, 0, 1, 1)}
