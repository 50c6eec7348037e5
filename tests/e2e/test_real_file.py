"""The figures of the real file, which is never committed: where it is absent, these tests are skipped."""

import time
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from include.contracts import customer
from include.query.session import ask
from tests.harness.private_landfall import REAL_FILE, Landfall
from tests.oracle.landed import differences
from tests.oracle.recount import recount

pytestmark = pytest.mark.skipif(not REAL_FILE.exists(), reason="the real file is not beside the project: ../shared/data")

DAY = "2018-01-28"
LAND = ("land", "--customer", "acme", "--day", DAY, "--source", str(REAL_FILE))
KEYS = {
    "state", "run_id", "customer", "day", "source", "bytes", "sha256", "published", "landed", "duplicates", "quarantined", "test",
    "content_hash", "conservation", "tables", "seconds", "warnings", "problems", "report",
}  # fmt: skip


@pytest.fixture(scope="module")
def receipt(stack: Landfall) -> dict[str, Any]:
    return stack.json(*LAND)


def committed_records(stack: Landfall) -> int:
    """How many records a `read_committed` reader of the topic sees, counted by reading them."""
    consumer = Consumer(
        {"bootstrap.servers": stack.settings.endpoints.bootstrap_servers, "group.id": f"count-{time.time_ns()}",
         "isolation.level": "read_committed", "enable.auto.commit": False, "enable.partition.eof": True}
    )  # fmt: skip
    partitions = list(consumer.list_topics("assessments.acme", timeout=10).topics["assessments.acme"].partitions)
    consumer.assign([TopicPartition("assessments.acme", partition, 0) for partition in partitions])
    records, ended = 0, set()
    while len(ended) < len(partitions):
        message = consumer.poll(10)
        assert message is not None, "the broker does not answer"
        if message.error():
            ended.add(message.partition())
        else:
            records += 1
    consumer.close()
    return records


def test_the_receipt(receipt: dict[str, Any]) -> None:
    assert set(receipt) >= KEYS
    assert (receipt["state"], receipt["problems"], receipt["warnings"]) == ("success", [], [])
    figures = [receipt[key] for key in ("published", "landed", "duplicates", "quarantined", "test")]
    assert figures == [3280, 3242, 38, 0, 5]
    assert (receipt["tables"]["questions"], receipt["tables"]["options"]) == (14_555, 55_112)
    assert len(receipt["content_hash"]) == 16
    counted = receipt["conservation"]
    assert list(counted) == ["source", "topic", "spark", "hdfs"]
    assert {(each["records"], each["content_hash"]) for each in counted.values()} == {(3280, receipt["content_hash"])}
    assert [counted["hdfs"][key] for key in ("landed", "duplicates", "quarantined")] == [3242, 38, 0]
    assert set(receipt["seconds"]) == {"find_source", "ensure_topic", "publish", "transform", "validate", "commit", "answer"}


FIGURES = [
    ("exam ids", "select count(distinct base_exam_id), count(distinct exam_name) from assessments", [107, 103]),
    (
        "without the test exam",
        "select count(distinct base_exam_id), count(distinct exam_name) from assessments where not is_test",
        [106, 102],
    ),
    ("scored attempts", "select count(score), round(avg(score), 6) from assessments", [3237, 0.625693]),
    (
        "by copies",
        "select sum(copies), round(sum(score * copies) / sum(copies), 6) from assessments where score is not null",
        [3275, 0.626570],
    ),
    ("most common", "select count(*), sum(copies) from assessments where exam_name = 'Learning Git'", [390, 394]),
    ("copies, no conflict", "select count(*) filter (copies > 1), count(*) filter (is_conflict) from assessments", [20, 0]),
]


@pytest.mark.parametrize(("what", "sql", "row"), FIGURES, ids=[each[0] for each in FIGURES])
def test_a_figure(receipt: dict[str, Any], stack: Landfall, what: str, sql: str, row: list[Any]) -> None:
    assert ask(stack.lake("acme"), sql).rows == [row], what


def test_every_table_is_row_by_row_what_the_file_holds(receipt: dict[str, Any], stack: Landfall) -> None:
    tests = customer("acme").test_exams
    assert differences(stack.lake("acme"), DAY, recount([REAL_FILE], DAY, tests.exam_name, tests.base_exam_id)) == []


def test_landing_the_same_bytes_again_changes_nothing(receipt: dict[str, Any], stack: Landfall) -> None:
    before = stack.lake("acme").newest()
    second = stack.json(*LAND)
    assert (second["state"], second["already_landed"], second["run_id"]) == ("success", True, receipt["run_id"])
    assert {key: second[key] for key in KEYS - {"seconds"}} == {key: receipt[key] for key in KEYS - {"seconds"}}
    assert stack.lake("acme").newest() == before
    assert committed_records(stack) == 3280


def test_a_person_sees_the_same_figures(receipt: dict[str, Any], stack: Landfall) -> None:
    shown = stack(*LAND)
    for said in ("already landed", "3,280", "3,242", "38", receipt["content_hash"], "55,112"):
        assert said in shown.stdout
    assert receipt["run_id"] in shown.stdout


@pytest.mark.long("tests/e2e/test_again.py lands a day again, tests/integration/test_publishing.py sends nothing twice")
def test_landing_anew_gives_equal_rows_and_no_second_copy_in_kafka(receipt: dict[str, Any], stack: Landfall) -> None:
    anew = stack.json(*LAND, "--again")
    assert anew["already_landed"] is False
    assert anew["run_id"] != receipt["run_id"]
    for key in ("state", "published", "landed", "duplicates", "quarantined", "content_hash", "tables"):
        assert anew[key] == receipt[key], key
    assert committed_records(stack) == 3280
    test_every_table_is_row_by_row_what_the_file_holds(receipt, stack)
    assert [landing["run_id"] for landing in stack.json("landings", "--customer", "acme")] == [anew["run_id"], receipt["run_id"]]
