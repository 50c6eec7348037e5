"""The transform's command line, case by case; tests/spark/test_arguments.py parses the same options."""

from typing import Any

import pytest

from include.transform_command import SMALL_BYTES, Batch, FromKafka, FromLake, transform_arguments, tuning

BATCH = Batch(
    topic="assessments.acme", ingest="0123456789012345", day="2018-01-28", landing="2018-01-28-5f3a", lake="hdfs://n:9820/lake/acme",
    receipt="hdfs://n:9820/lake/acme/receipts/landing=2018-01-28-5f3a.json",
)  # fmt: skip
WRITTEN = """\
--ingest 0123456789012345
--day 2018-01-28
--landing 2018-01-28-5f3a
--lake hdfs://n:9820/lake/acme
--receipt hdfs://n:9820/lake/acme/receipts/landing=2018-01-28-5f3a.json
"""
KAFKA = FromKafka("b:9092", '{"0": [0, 41], "2": [7, 7]}')
OF_KAFKA = """\
--bootstrap-servers b:9092
--topic assessments.acme
--offsets {"0": [0, 41], "2": [7, 7]}
"""
RAW = ("hdfs://n/a", "hdfs://n/b")
OF_RAW = """\
--raw hdfs://n/a
--raw hdfs://n/b
"""
TOPIC = "--topic assessments.acme\n"

CASES: list[tuple[str, FromKafka | FromLake, dict[str, Any], str]] = [
    ("from Kafka", KAFKA, {}, OF_KAFKA + WRITTEN),
    ("from the lake", FromLake(RAW), {}, OF_RAW + TOPIC + WRITTEN),
    (
        "from the lake, after some were forgotten",
        FromLake(RAW, 2, "00000000000000ff"),
        {},
        OF_RAW + "--forgotten-before 2:00000000000000ff\n" + TOPIC + WRITTEN,
    ),
    (
        "test exams",
        KAFKA,
        {"test_exam_names": ("Example Exam", "^Draft"), "test_base_exam_ids": ("^example-id$",)},
        OF_KAFKA + WRITTEN + "--test-exam-name Example Exam\n--test-exam-name ^Draft\n--test-base-exam-id ^example-id$\n",
    ),
    (
        "attempts to be left out, after what else there is",
        FromLake(RAW[:1]),
        {"test_exam_names": ("Example Exam",), "salt": "5a17", "tombstones": ("ab" * 32, "cd" * 32)},
        f"--raw hdfs://n/a\n{TOPIC}{WRITTEN}--test-exam-name Example Exam\n--forgotten-salt 5a17\n"
        f"--forgotten {'ab' * 32}\n--forgotten {'cd' * 32}\n",
    ),
    ("a salt alone leaves nothing out", KAFKA, {"salt": "5a17"}, OF_KAFKA + WRITTEN),
]


@pytest.mark.parametrize(("why", "records", "options", "command"), CASES, ids=[row[0] for row in CASES])
def test_the_command(why: str, records: FromKafka | FromLake, options: dict[str, Any], command: str) -> None:
    parts = transform_arguments(BATCH, records, **options)
    assert parts == [part for line in command.splitlines() for part in line.split(" ", 1)], why


def test_a_batch_is_read_back_from_its_options() -> None:
    parts = transform_arguments(BATCH, KAFKA)
    assert Batch.of(dict(zip(parts[::2], parts[1::2], strict=True))) == BATCH


SIZES = [
    ("a small day", SMALL_BYTES, {}, "-XX:TieredStopAtLevel=1"),
    ("what the deployment says comes before", 1, {"JDK_JAVA_OPTIONS": "-Xss4m"}, "-Xss4m -XX:TieredStopAtLevel=1"),
    ("a large day has Spark's own defaults", SMALL_BYTES + 1, {"JDK_JAVA_OPTIONS": "-Xss4m"}, None),
]


@pytest.mark.parametrize(("why", "size", "environment", "java"), SIZES, ids=[row[0] for row in SIZES])
def test_what_a_day_s_bytes_ask_of_spark(why: str, size: int, environment: dict[str, str], java: str | None) -> None:
    asked = tuning(size, environment)
    assert asked.environment == ({"JDK_JAVA_OPTIONS": java} if java else {}), why
    assert bool(asked.conf) is (java is not None), why
