"""The whole job by its command line: a real Kafka, spark-submit, files on disk; then how it fails, with the cause in the last line.

Where the start of Spark is not the subject, `main` runs in the Spark of all tests, which has Kafka's jars for it.
"""

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Any

import fsspec
import pyarrow.parquet as pq
import pytest
import xxhash
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from pyspark.sql import SparkSession

import progress
import transform_assessments
from include import receipts
from include.figures import COUNTED, counted
from include.stack import samples
from include.stack.java import find_java
from include.stack.settings import Settings
from include.stack.spark import archive_classes, configure_spark, properties_file, spark_environment, spark_submit
from include.transform_command import SMALL_BYTES, tuning
from include.validation.checks import found_on_hdfs, problems, read_landed
from tests.harness.image import without_what_is_left_out
from tests.oracle.recount import COLUMNS, KEYS, Recount, compare, kafka_key, recount_records

JOB = Path(__file__).parents[2] / "spark_jobs" / "transform_assessments.py"
DAY = "2018-01-28"
INGEST = "0123456789abcdef"
PATTERNS = ["--test-exam-name", samples.TEST_EXAM, "--test-base-exam-id", f"^{samples.TEST_ID}$"]


@dataclass(frozen=True)
class Run:
    code: int
    output: str  # of both streams: spark-submit sends the driver's stderr to its own stdout
    seconds: float

    @property
    def failure(self) -> str:
        """The job's own last word. Spark's threads may say something after it."""
        return [line for line in self.output.splitlines() if "transform_assessments failed:" in line][-1]


Submit = Callable[..., Run]


def given(options: dict[str, str]) -> list[str]:
    """The job's options as its command line has them."""
    return [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)]


@pytest.fixture(scope="module")
def submit(jars: None, tmp_path_factory: pytest.TempPathFactory) -> Submit:
    """Runs the job as Airflow does for a day of `size` bytes, with the deployment's own settings; other keywords are the job's options.

    Its Python has only what is in the image too: PySpark imports by itself what no file of ours names, such as pandas for `mapInArrow`.
    """
    settings = Settings.private(tmp_path_factory.mktemp("deployment"))
    java = find_java(tmp_path_factory.mktemp("java"))
    configure_spark(settings, java)
    archive_classes(settings, java, print)
    as_in_the_image = {"PYTHONPATH": without_what_is_left_out(tmp_path_factory.mktemp("image"))}

    def run(*more: str, size: int = 0, **options: str) -> Run:
        asked = tuning(size, os.environ)
        environment = {**os.environ, **spark_environment(settings, java), **asked.environment, **as_in_the_image}
        command = [*spark_submit(properties_file(settings), {**asked.conf, progress.INTERVAL: "0.5"}), str(JOB)]
        began = time.monotonic()
        done = subprocess.run(
            [*command, *given(options), *more], env=environment, stdout=PIPE, stderr=STDOUT, text=True, timeout=400, check=False
        )
        return Run(done.returncode, done.stdout, time.monotonic() - began)

    return run


@pytest.fixture
def here(spark: SparkSession, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Submit:
    """Runs the job's `main` in the Spark that is up, which goes on afterwards."""
    monkeypatch.setattr(SparkSession, "stop", lambda session: None)

    def run(*more: str, **options: str) -> Run:
        monkeypatch.setattr("sys.argv", [str(JOB), *given(options), *more])
        began = time.monotonic()
        code = transform_assessments.main()
        return Run(code, capsys.readouterr().err, time.monotonic() - began)

    return run


@dataclass(frozen=True)
class Published:
    topic: str
    bootstrap_servers: str
    values: list[bytes]
    offsets: dict[int, list[int]]

    def options(self, lake: Path, landing: str, **changed: str) -> dict[str, str]:
        return {
            "bootstrap_servers": self.bootstrap_servers,
            "topic": self.topic,
            "offsets": json.dumps(self.offsets),
            "ingest": INGEST,
            "day": DAY,
            "landing": landing,
            "lake": lake.as_uri(),
            "receipt": f"{lake.as_uri()}/receipts/landing={landing}.json",
            **changed,
        }


@pytest.fixture(scope="module")
def published(kafka: str) -> Published:
    """The sample, in transactions, among messages of another ingest and of a transaction that was aborted."""
    topic = "assessments.transform"
    admin = AdminClient({"bootstrap.servers": kafka})  # a name of its own: a collected client cancels its futures
    admin.create_topics([NewTopic(topic, 3, 1)])[topic].result()
    producer = Producer({"bootstrap.servers": kafka, "transactional.id": topic, "linger.ms": 20})
    producer.init_transactions(30)
    values = list(samples.make(DAY).records)
    offsets: dict[int, list[int]] = {}

    def send(ingest: str, numbers: range, commit: bool) -> None:
        producer.begin_transaction()
        for number in numbers:
            headers = [("ingest", ingest.encode()), ("record", str(number).encode())]
            producer.produce(topic, value=values[number], partition=number % 3, headers=headers, on_delivery=noted(ingest, commit))
        producer.flush()
        producer.commit_transaction() if commit else producer.abort_transaction()

    def noted(ingest: str, commit: bool) -> Callable[[Any, Any], None]:
        def delivered(error: Any, message: Any) -> None:
            assert error is None, error
            if commit and ingest == INGEST:
                first, last = offsets.get(message.partition(), [message.offset()] * 2)
                offsets[message.partition()] = [min(first, message.offset()), max(last, message.offset())]

        return delivered

    half = len(values) // 2
    send("another", range(50), commit=True)
    send(INGEST, range(half), commit=True)
    send(INGEST, range(half), commit=False)
    send("another", range(50), commit=True)
    send(INGEST, range(half, len(values)), commit=True)
    send("another", range(50), commit=True)
    return Published(topic, kafka, values, offsets)


@pytest.fixture(scope="module")
def landed(submit: Submit, published: Published, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with one landing of the sample."""
    lake = tmp_path_factory.mktemp("lake")
    run = submit(*PATTERNS, **published.options(lake, "one"))
    assert run.code == 0, run.output[-3000:]
    return lake


@pytest.fixture(scope="module")
def expected(published: Published) -> Recount:
    return recount_records(published.values, DAY, [samples.TEST_EXAM], [f"^{samples.TEST_ID}$"])


@pytest.fixture(scope="module")
def receipt(landed: Path) -> receipts.TransformReceipt:
    path = landed / "receipts" / "landing=one.json"
    return receipts.read(receipts.TransformReceipt, path.read_bytes(), str(path))


@pytest.mark.parametrize("table", COLUMNS)
def test_tables_are_what_independent_code_counts(landed: Path, expected: Recount, table: str) -> None:
    rows = expected.tables[table]
    if table in ("raw_assessments", "quarantine"):
        rows = [{**row, "keen_id": None} for row in rows]  # published without keys here
    found = [row for file in files_of(landed, table) for row in pq.ParquetFile(file).read().to_pylist()]
    assert compare(rows, found, KEYS[table], table) == []


def test_receipt_says_what_was_read_and_written(
    landed: Path, published: Published, expected: Recount, receipt: receipts.TransformReceipt
) -> None:
    figures = expected.figures
    assert (receipt.landing, receipt.day, receipt.topic, receipt.ingest) == ("one", DAY, published.topic, INGEST)
    assert (receipt.read, receipt.distinct, receipt.duplicates) == (figures.published, figures.landed, figures.duplicates)
    assert (receipt.quarantined, receipt.reasons) == (figures.quarantined, figures.reasons)
    assert counted(receipt) == {name: getattr(figures, name) for name in COUNTED}
    assert receipt.content_hash == f"{sum(xxhash.xxh64_intdigest(value, seed=42) for value in published.values) % 2**64:016x}"
    assert {"start", "read", "judge", "write"} <= set(receipt.seconds)
    for table, written in receipt.tables.items():
        assert [Path(file.path) for file in written.files] == files_of(landed, table)
        assert [file.bytes for file in written.files] == [Path(file.path).stat().st_size for file in written.files]
        assert written.rows == sum(pq.ParquetFile(file.path).metadata.num_rows for file in written.files)
        assert 1 <= len(written.files) <= 4, table


def test_files_are_plain_parquet_and_nothing_else(landed: Path) -> None:
    others = [path for path in landed.rglob("*") if path.is_file() and path.suffix not in (".parquet", ".crc", ".json")]
    assert others == []  # no _SUCCESS; .crc are of Hadoop's local filesystem only
    for table, columns in COLUMNS.items():
        for file in files_of(landed, table):
            parquet = pq.ParquetFile(file)
            assert parquet.schema_arrow.names == list(columns)
            assert parquet.metadata.row_group(0).column(0).compression == "ZSTD"
            assert "INT96" not in {parquet.schema.column(i).physical_type for i in range(len(columns))}


def test_a_landing_read_from_its_own_raw_records_is_the_same_landing(
    submit: Submit, landed: Path, published: Published, receipt: receipts.TransformReceipt, tmp_path: Path
) -> None:
    """No broker is named: Kafka may have forgotten all of it. Queries are compiled here, as for a large day: the rows are the same."""
    options = published.options(tmp_path, "again")
    del options["bootstrap_servers"], options["offsets"]
    raw = [part for file in files_of(landed, "raw_assessments") for part in ("--raw", f"file://{file}")]
    run = submit(*PATTERNS, *raw, size=SMALL_BYTES + 1, **options)
    assert run.code == 0, run.output[-3000:]
    assert "s so far; start" in run.output, "a job that takes longer than an interval says how far it is"
    path = tmp_path / "receipts" / "landing=again.json"
    again = receipts.read(receipts.TransformReceipt, path.read_bytes(), str(path))
    same = {"landing": "one", "tables": receipt.tables, "seconds": receipt.seconds}
    assert replace(again, **same) == receipt
    for table in COLUMNS:
        assert again.tables[table].rows == receipt.tables[table].rows
        assert rows_of(tmp_path, table, "again") == rows_of(landed, table), table


def test_raw_records_of_another_ingest_or_gone_are_an_error(here: Submit, landed: Path, published: Published, tmp_path: Path) -> None:
    options = published.options(tmp_path, "stranger", ingest="f" * 16)
    del options["bootstrap_servers"], options["offsets"]
    run = here("--raw", f"file://{files_of(landed, 'raw_assessments')[0]}", "--raw", f"{landed.as_uri()}/nowhere.parquet", **options)
    assert run.code == 1
    assert "nowhere.parquet" in run.failure
    run = here("--raw", f"file://{files_of(landed, 'raw_assessments')[0]}", **options)
    assert run.code == 1
    assert f"no message of ingest {'f' * 16}" in run.failure
    assert list(tmp_path.iterdir()) == []


def test_a_day_without_records_is_tables_without_rows(here: Submit, published: Published, tmp_path: Path) -> None:
    """And every later step copes: what lies there is proven to be nothing, where the contract accepts it and nowhere else."""
    run = here(*PATTERNS, **published.options(tmp_path, "empty", offsets="{}"))
    assert run.code == 0, run.output[-3000:]
    path = tmp_path / "receipts" / "landing=empty.json"
    empty = receipts.read(receipts.TransformReceipt, path.read_bytes(), str(path))
    assert (empty.read, empty.distinct, empty.duplicates, empty.quarantined, empty.content_hash) == (0, 0, 0, 0, "0" * 16)
    assert {table for table, written in empty.tables.items() if written.rows} == {"holes"}
    landed = read_landed(fsspec.filesystem("file"), empty)
    nothing = receipts.PublishReceipt(
        customer="acme", day=DAY, topic=published.topic, source_sha256="e" * 64, ingest=INGEST, generation=1, published=0,
        content_hash="0" * 16, offsets={}, chunks=0, chunk_records=10, sent=0, source_records=0, source_hash="0" * 16,
    )  # fmt: skip
    assert problems(nothing, empty, landed, max_quarantined=0, accept_empty=True) == []
    [problem] = problems(nothing, empty, landed, max_quarantined=0)
    assert problem.startswith("nothing landed")
    assert landed.facts is not None
    assert found_on_hdfs(landed.facts, empty) == receipts.Found(0, "0" * 16, 0, 0, 0)


def test_forgotten_attempts_are_left_out_and_counted(here: Submit, published: Published, expected: Recount, tmp_path: Path) -> None:
    quarantined = expected.tables["quarantine"]
    ids = [most_copied(expected), next(row["keen_id"] for row in quarantined if row["reason"] == "wrong_type" and row["keen_id"])]
    hashes = [part for each in ids for part in ("--forgotten", sha256(f"salt{each}".encode()).hexdigest())]
    run = here(*PATTERNS, "--forgotten-salt", "salt", *hashes, **published.options(tmp_path, "one"))
    assert run.code == 0, run.output[-3000:]
    path = tmp_path / "receipts" / "landing=one.json"
    receipt = receipts.read(receipts.TransformReceipt, path.read_bytes(), str(path))
    gone = [value for value in published.values if kafka_key(value) in ids]
    # Messages have no keys here; what is in quarantine is known by the id that Spark could read in it.
    stays = [(number, value) for number, value in enumerate(published.values) if value not in gone]
    without = recount_records([value for _, value in stays], DAY, [samples.TEST_EXAM], [f"^{samples.TEST_ID}$"])
    assert (receipt.read, receipt.forgotten, receipt.tombstones) == (len(published.values), len(gone), tuple(hashes[1::2]))
    assert receipt.forgotten_hash == f"{sum(xxhash.xxh64_intdigest(value, seed=42) for value in gone) % 2**64:016x}"
    figures = without.figures
    assert (receipt.distinct, receipt.duplicates, receipt.quarantined) == (figures.landed, figures.duplicates, figures.quarantined)
    for table, rows in without.tables.items():
        renumbered = [{**row, "record": stays[row["record"]][0]} if "record" in row else row for row in rows]
        nameless = {"keen_id": None} if table in ("raw_assessments", "quarantine") else {}
        found = [row for file in files_of(tmp_path, table) for row in pq.ParquetFile(file).read().to_pylist()]
        assert compare([{**row, **nameless} for row in renumbered], found, KEYS[table], table) == []


def most_copied(expected: Recount) -> str:
    """The id of the attempt with the most copies: every one of them is to go."""
    return str(max(expected.tables["assessments"], key=lambda row: row["copies"])["keen_id"])


def test_the_same_try_again_is_refused(here: Submit, landed: Path, published: Published) -> None:
    before = {path: path.stat().st_mtime_ns for path in landed.rglob("*") if path.is_file()}
    run = here(**published.options(landed, "one"))
    assert run.code == 1
    assert run.failure.startswith("transform_assessments failed: check lake ")
    assert "raw_assessments/landing=one exists already" in run.failure
    assert {path: path.stat().st_mtime_ns for path in landed.rglob("*") if path.is_file()} == before


def test_another_ingest_s_messages_are_not_taken(here: Submit, published: Published, tmp_path: Path) -> None:
    run = here(**published.options(tmp_path, "two", ingest="f" * 16))
    assert run.code == 1
    assert f"no message of ingest {'f' * 16}" in run.failure
    assert list(tmp_path.iterdir()) == []


def test_a_dead_broker_is_an_error_within_a_minute(submit: Submit, published: Published, tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        dead = f"127.0.0.1:{nobody.getsockname()[1]}"
        run = submit(**published.options(tmp_path, "three", bootstrap_servers=dead))
    assert run.code == 1
    assert f"at {dead}: org.apache.kafka.common.errors.TimeoutException" in run.failure
    assert run.seconds < 120  # 22 s for the broker, the rest is Spark's start on a busy machine


def test_offsets_that_are_gone_are_an_error(here: Submit, published: Published, tmp_path: Path) -> None:
    """Last: it deletes. Retention would do the same; a reader must neither jump to the earliest offset nor land what is left."""
    gone = TopicPartition(published.topic, 0, published.offsets[0][0] + 10)
    admin = AdminClient({"bootstrap.servers": published.bootstrap_servers})
    admin.delete_records([gone])[gone].result()
    run = here(**published.options(tmp_path, "four"))
    assert run.code == 1
    assert "OffsetOutOfRangeException" in run.failure
    assert "Publish the day again" in run.failure
    assert list(tmp_path.iterdir()) == []


def files_of(lake: Path, table: str, landing: str = "one") -> list[Path]:
    return sorted((lake / table / f"landing={landing}").glob("*.parquet"))


def rows_of(lake: Path, table: str, landing: str = "one") -> list[dict[str, Any]]:
    """All rows, in an order of their own."""
    rows = [row for file in files_of(lake, table, landing) for row in pq.ParquetFile(file).read().to_pylist()]
    return sorted(rows, key=repr)
