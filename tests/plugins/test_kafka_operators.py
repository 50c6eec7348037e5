"""Before a record is published the broker is asked how long it keeps it. What the broker's answer is worth: tests/integration."""

from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from confluent_kafka.admin import ConfigEntry, ConfigResource

import connections
import kafka_operators
from include import receipts
from include.contracts import TopicSpec
from include.receipts import Source
from include.source.files import describe
from kafka_operators import PublishJsonOperator
from tests.harness.admin_answers import answer, configs
from tests.oracle.built_landing import DAY, build

TOPIC = TopicSpec("assessments.acme")
KAFKA = {"bootstrap.servers": "127.0.0.1:1"}


class Broker:
    """What an Admin answers about topics: how many hours each keeps its records; of any other name that there is no such topic."""

    def __init__(self, hours: dict[str, int]) -> None:
        self.hours = hours

    def describe_configs(self, asked: list[ConfigResource], request_timeout: float) -> dict[ConfigResource, Future[dict[str, ConfigEntry]]]:
        return {resource: answer(self.hours, resource.name, self._kept) for resource in asked}

    @staticmethod
    def _kept(hours: int) -> dict[str, ConfigEntry]:
        return configs({"retention.ms": str(hours * 3_600_000), "retention.bytes": "-1"})


@dataclass
class Run:
    """One try of `publish`, with what it handed to the publisher."""

    source: Source
    landed_again: dict[str, Any] | None = None
    published: list[dict[str, Any]] = field(default_factory=list)

    def publish(self, *, read_within: timedelta, **more: Any) -> dict[str, Any]:
        operator = PublishJsonOperator(task_id="publish", topic=TOPIC, read_within=read_within, **more)
        pulled = {"return_value": receipts.plain(self.source), "landed_again": self.landed_again}
        ti = SimpleNamespace(xcom_pull=lambda task_ids, key: pulled[key], xcom_push=lambda key, value: None)
        return operator.execute({"ti": ti})  # type: ignore[typeddict-item]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    path = tmp_path / f"{DAY}.json"
    path.write_text('[{"keen_id": "one"}]')
    run = Run(describe("acme", DAY, [str(path)], "2018-01-28T12:00:00+00:00"))
    receipt = build(tmp_path).publish

    def publish(source: Source, **given: Any) -> receipts.PublishReceipt:
        run.published.append({"source": source, **given})
        return receipt

    monkeypatch.setattr(connections, "kafka_config", lambda: KAFKA)
    monkeypatch.setattr(connections, "kafka_admin", lambda: Broker({TOPIC.name: 168, "assessments.other": 1000}))
    monkeypatch.setattr(connections, "serve_sources", lambda: None)  # wants a NameNode: tests/integration
    monkeypatch.setattr(kafka_operators, "publish", publish)  # wants a broker: tests/integration
    return run


def test_a_topic_that_keeps_records_for_less_than_a_run_may_take_is_refused_before_anything_is_published(run: Run) -> None:
    with pytest.raises(AirflowFailException, match=r"assessments.acme keeps records for 168 hours; a run .* may take 169 hours. Nothing"):
        run.publish(read_within=timedelta(hours=169))
    assert run.published == []


def test_a_topic_that_keeps_them_long_enough_gets_the_source(run: Run) -> None:
    handed_on = run.publish(read_within=timedelta(hours=168), accept_empty=True)
    [given] = run.published
    assert (given["source"], given["topic"], given["kafka"]) == (run.source, TOPIC, KAFKA)
    assert (given["accept_empty"], given["landed"]) == (True, None)
    assert receipts.read(receipts.PublishReceipt, handed_on, "here").topic == TOPIC.name


def test_a_landed_day_is_landed_again_whatever_the_topic_keeps(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kafka may have forgotten its records already: then they are read from the files in force."""
    landing = build(tmp_path).landing
    run.landed_again = receipts.plain(landing)
    lake = SimpleNamespace(uri=lambda path: f"hdfs://n{path}", files_in_force=lambda table, of: [f"/{table}/{of.landing}"])
    monkeypatch.setattr(connections, "lake", lambda customer: lake)
    run.publish(read_within=timedelta(hours=169))
    [given] = run.published
    assert given["landed"].landing == landing
    assert given["landed"].raw() == [f"hdfs://n/raw_assessments/{landing.landing}"]
