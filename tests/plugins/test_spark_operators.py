"""Around spark-submit: what must hold before it starts, its cause of failure, and the end of everything it started."""

import subprocess
import sys
import time
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import psutil
import pytest
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk.exceptions import AirflowFailException
from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition, Uuid
from confluent_kafka.admin import ListOffsetsResultInfo, OffsetSpec, TopicDescription

import connections
from include import receipts, run_identity
from include.contracts import Contract
from include.kafka import retention
from include.lake.tombstones import FORGOTTEN
from include.receipts import PublishReceipt, TransformReceipt, source_of
from spark_operators import TransformOperator, cause, end_tree, path_of
from tests.harness.lakes import open_lake
from tests.oracle.built_landing import Built, build

FAILURES = [
    (
        "the driver said why",
        "Cannot execute: spark-submit. Error code is: 1.\nLast spark-submit output:\nERROR x\n"
        "transform_assessments failed: offsets 0-10 of partition 1 are gone\n26/11/22 INFO ShutdownHookManager: bye",
        "Spark: offsets 0-10 of partition 1 are gone",
    ),
    (
        "the driver never started: all that there is",
        "Cannot execute: spark-submit. Error code is: 1.\nLast spark-submit output:\njava.lang.ClassNotFoundException: x.Y",
        "Cannot execute: spark-submit. Error code is: 1.\nLast spark-submit output:\njava.lang.ClassNotFoundException: x.Y",
    ),
]


@pytest.mark.parametrize(("why", "failure", "said"), FAILURES, ids=[row[0] for row in FAILURES])
def test_the_real_cause_is_found(why: str, failure: str, said: str) -> None:
    assert cause(failure) == said, why


def test_the_path_of_an_address() -> None:
    assert path_of("hdfs://127.0.0.1:9820/lake/acme/receipts/x.json") == "/lake/acme/receipts/x.json"


STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
PARENT = f"import subprocess, sys; c = subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]); c.wait()"


def test_killing_ends_the_whole_process_tree_within_ten_seconds() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    parent.stdout.readline()  # the grandchild is up and deaf to SIGTERM
    tree = [psutil.Process(parent.pid), *psutil.Process(parent.pid).children(recursive=True)]
    began = time.monotonic()
    end_tree(parent.pid)
    parent.wait(timeout=1)
    assert len(tree) == 2
    assert time.monotonic() - began < 10
    assert not [each for each in tree if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def test_ending_what_has_ended_is_no_error() -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    end_tree(done.pid)


# ---------------------------------------------------------------- before Spark is started


@dataclass
class Broker:
    """What an Admin answers about a topic: the offsets of its partitions that are there, (first, end); none is no such topic."""

    topic: str
    offsets: dict[int, tuple[int, int]]

    def describe_topics(self, names: TopicCollection, request_timeout: float) -> dict[str, Future[TopicDescription]]:
        answer: Future[TopicDescription] = Future()
        if self.offsets:
            answer.set_result(TopicDescription(self.topic, Uuid(1, 1), False, []))
        else:
            answer.set_exception(KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)))
        return {self.topic: answer}

    def list_offsets(self, asked: dict[TopicPartition, OffsetSpec], **how: Any) -> dict[TopicPartition, Future[ListOffsetsResultInfo]]:
        return {partition: self._answer(self.offsets[partition.partition], spec) for partition, spec in asked.items()}

    @staticmethod
    def _answer(offsets: tuple[int, int], spec: OffsetSpec) -> Future[ListOffsetsResultInfo]:
        answer: Future[ListOffsetsResultInfo] = Future()
        answer.set_result(ListOffsetsResultInfo(offsets[0 if spec is retention.EARLIEST else 1], -1, -1))
        return answer


@dataclass
class Run:
    """One try of `transform`, in a lake of local files, with a Spark that leaves the receipt of `built` where its arguments say."""

    folder: Path
    built: Built
    published: PublishReceipt
    spark_says: TransformReceipt  # without a landing: that of the arguments
    submitted: list[list[str]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)

    def transform(self) -> dict[str, Any]:
        operator = TransformOperator(task_id="transform", contract=Contract(customer="acme", source="{day}.json"))
        source = source_of(self.built.landing)
        pulled = {
            "find_source": receipts.plain(source),
            "publish": receipts.plain(replace(self.published, builds_on=receipts.digest(source))),
        }
        context = {
            "ti": SimpleNamespace(
                id="a try", xcom_push=lambda key, value: None, xcom_pull=lambda task_ids, key="return_value": pulled[task_ids]
            ),
            "landing_id": run_identity.landing_id,
            "conn": SimpleNamespace(
                spark_default=SimpleNamespace(extra_dejson={}),
                kafka_default=SimpleNamespace(extra_dejson={"bootstrap.servers": "b:9092"}),
                hdfs_default=SimpleNamespace(extra_dejson=SimpleNamespace(fs=f"hdfs://n{self.folder}"), login="landfall"),
            ),
        }
        operator.render_template_fields(context)  # type: ignore[arg-type]
        return operator.execute(context)  # type: ignore[arg-type]

    def spark(self, operator: TransformOperator, context: object) -> None:
        arguments = operator.application_args
        self.submitted.append(arguments)
        self.settings, self.environment = dict(operator.conf or {}), dict(operator.env_vars or {})
        path = Path(path_of(arguments[arguments.index("--receipt") + 1]))
        path.parent.mkdir(parents=True)
        self.spark_says = replace(self.spark_says, landing=self.spark_says.landing or arguments[arguments.index("--landing") + 1])
        receipts.write(self.spark_says, path)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """What was published is there, and may be read."""
    built = build(tmp_path)
    run = Run(tmp_path, built, built.publish, replace(built.transform, landing=""))
    serve(monkeypatch, {partition: (first, last + 1) for partition, (first, last) in built.publish.offsets.items()})
    monkeypatch.setattr(connections, "lake", lambda customer: open_lake(tmp_path))
    monkeypatch.setattr(connections, "hdfs", lambda: fsspec.filesystem("file"))
    monkeypatch.setattr(SparkSubmitOperator, "execute", lambda operator, context: run.spark(operator, context))
    monkeypatch.setenv("JDK_JAVA_OPTIONS", "-Xss4m")
    monkeypatch.setattr(connections, "spark", lambda: SimpleNamespace(host="local[*]", extra_dejson={}))
    return run


CONNECTIONS = [
    ("here", "local[*]", {}, True, "-Xss4m -XX:TieredStopAtLevel=1"),
    ("on a cluster, with a Java of its own", "yarn", {}, True, "-XX:TieredStopAtLevel=1"),
    ("switched off by the deployment", "local[*]", {"tuning": False}, False, None),
]


@pytest.mark.parametrize(("why", "master", "extra", "interpreted", "java"), CONNECTIONS, ids=[row[0] for row in CONNECTIONS])
def test_for_a_small_day_nothing_is_compiled(
    run: Run, monkeypatch: pytest.MonkeyPatch, why: str, master: str, extra: dict[str, Any], interpreted: bool, java: str | None
) -> None:
    monkeypatch.setattr(connections, "spark", lambda: SimpleNamespace(host=master, extra_dejson=extra))
    run.transform()
    assert (run.settings.get("spark.sql.codegen.wholeStage") == "false") is interpreted, why
    assert run.environment.get("JDK_JAVA_OPTIONS") == java, why
    assert run.environment["HADOOP_USER_NAME"] == "landfall"


def serve(monkeypatch: pytest.MonkeyPatch, offsets: dict[int, tuple[int, int]]) -> None:
    monkeypatch.setattr(connections, "kafka_admin", lambda: Broker("assessments.acme", offsets))


LOST = [
    ("aged out", {0: (1002, 1004), 1: (1000, 1004), 2: (1000, 1004)}, r"partition 0: offsets 1000 to 1001 have aged out. Clear publish"),
    ("cut off", {0: (1000, 1004), 1: (1000, 1001), 2: (1000, 1004)}, r"partition 1 ends at offset 1001, the batch at 1004"),
    ("no such topic", {}, r"assessments.acme is no longer there. Clear publish"),
]


@pytest.mark.parametrize(("why", "there", "said"), LOST, ids=[row[0] for row in LOST])
def test_records_that_are_gone_fail_the_task_for_good_and_spark_never_starts(
    run: Run, monkeypatch: pytest.MonkeyPatch, why: str, there: dict[int, tuple[int, int]], said: str
) -> None:
    serve(monkeypatch, there)
    with pytest.raises(AirflowFailException, match=said):
        run.transform()
    assert run.submitted == [], why
    assert not Path(run.built.root, "landings").exists(), "nothing was made either"


def test_records_that_are_there_are_submitted_once_and_the_receipt_is_what_spark_wrote(run: Run) -> None:
    handed_on = run.transform()
    [submitted] = run.submitted
    given = dict(zip(submitted[::2], submitted[1::2], strict=True))
    assert receipts.read(dict[int, tuple[int, int]], given["--offsets"], "here") == run.published.offsets
    published = replace(run.published, builds_on=receipts.digest(source_of(run.built.landing)))
    assert receipts.read(TransformReceipt, handed_on, "here") == replace(
        run.spark_says, builds_on=receipts.digest(published), unknown_fields={"...": len(run.spark_says.unknown_fields)}
    )
    assert Path(run.built.root, "landings").exists(), "the tables' folders, before Spark would make them"


def test_a_day_that_kafka_has_forgotten_is_read_from_its_files_without_asking_kafka(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, {})
    run.published = replace(run.published, raw=("hdfs://n/a", "hdfs://n/b"))
    run.transform()
    [submitted] = run.submitted
    assert submitted[:4] == ["--raw", "hdfs://n/a", "--raw", "hdfs://n/b"]
    assert not {"--bootstrap-servers", "--offsets"} & set(submitted)


def test_spark_is_told_what_is_to_be_forgotten(run: Run) -> None:
    forgotten = Path(run.built.root, FORGOTTEN)
    forgotten.mkdir()
    (forgotten / f"{'ab' * 32}.json").write_text("{}")
    (forgotten / "salt").write_text("5a17")
    run.transform()
    [submitted] = run.submitted
    assert submitted[-4:] == ["--forgotten-salt", "5a17", "--forgotten", "ab" * 32]


ANOTHER = [
    ("another landing", {"landing": "2018-01-28-of-another-try"}, "landing '2018-01-28-"),
    ("another publishing", {"ingest": "f" * 16}, "ingest '0123456789abcdef' expected"),
    ("another day", {"day": "2018-01-29"}, "day '2018-01-28' expected, '2018-01-29' found"),
]


@pytest.mark.parametrize(("why", "changed", "said"), ANOTHER, ids=[row[0] for row in ANOTHER])
def test_a_receipt_of_another_try_is_refused(run: Run, why: str, changed: dict[str, Any], said: str) -> None:
    run.spark_says = replace(run.spark_says, **changed)
    with pytest.raises(AirflowFailException, match="is another try's receipt") as refused:
        run.transform()
    assert said in str(refused.value), why


def test_what_was_published_before_the_source_was_found_again_is_not_read(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.published = replace(run.published, source_sha256="cd" * 32)
    with pytest.raises(AirflowFailException, match=r"publish has published sha256 cdcd.*find_source has found abab.*Clear publish"):
        run.transform()
    assert run.submitted == []
