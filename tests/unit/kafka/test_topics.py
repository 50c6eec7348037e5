"""The comparison of a topic with its contract: each difference a sentence, none left out."""

from concurrent.futures import Future
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import TopicCollection
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from include.contracts import TopicSpec
from include.kafka.topics import Layout, differences, ensure_topic, layouts
from tests.harness.admin_answers import answer, configs

SPEC = TopicSpec("assessments.acme", partitions=3, replication=1, retention_hours=2, max_message_bytes=4096)
RECORDS, LEDGER = layouts(SPEC)


def test_the_ledger_is_named_after_its_topic_and_compacted():
    assert (LEDGER.name, LEDGER.partitions, LEDGER.configs) == (
        "assessments.acme.ledger",
        1,
        {"cleanup.policy": "compact", "min.insync.replicas": "1"},
    )


def test_the_contract_in_kafkas_words():
    assert RECORDS.configs["retention.ms"] == "7200000"
    assert RECORDS.configs["max.message.bytes"] == "4096"


@pytest.mark.parametrize(("replication", "in_sync"), [(1, "1"), (2, "2"), (3, "2"), (5, "2")])
def test_no_record_of_several_replicas_is_acknowledged_by_one(replication: int, in_sync: str) -> None:
    assert [each.configs["min.insync.replicas"] for each in layouts(replace(SPEC, replication=replication))] == [in_sync] * 2


@pytest.mark.parametrize(("in_sync", "is_told"), [("1", True), ("2", False), ("3", False), ("4", True), ("", True)])
def test_a_topic_that_may_keep_one_copy_is_told_and_one_that_is_stricter_is_not(in_sync: str, is_told: bool) -> None:
    wanted = layouts(replace(SPEC, replication=3))[0]
    told = [f"assessments.acme: min.insync.replicas is {in_sync}, the contract says 2"]
    assert differences(wanted, found(wanted, configs={"min.insync.replicas": in_sync})) == (told if is_told else [])


def found(layout: Layout, **changes: object) -> Layout:
    configs = {**layout.configs, "segment.bytes": "1073741824", **changes.pop("configs", {})}
    return Layout(layout.name, changes.get("partitions", layout.partitions), changes.get("replication", layout.replication), configs)


def test_every_difference_is_a_sentence():
    rows = [
        ("as the contract says; settings it is silent about do not count", RECORDS, found(RECORDS), []),
        ("partitions", RECORDS, found(RECORDS, partitions=1), ["assessments.acme: partitions is 1, the contract says 3"]),
        ("replication", RECORDS, found(RECORDS, replication=(2,)), ["assessments.acme: replication is 2, the contract says 1"]),
        (
            "uneven replication",
            RECORDS,
            found(RECORDS, replication=(1, 2)),
            ["assessments.acme: replication is 1 and 2, the contract says 1"],
        ),
        (
            "the ledger's policy",
            LEDGER,
            found(LEDGER, configs={"cleanup.policy": "delete"}),
            ["assessments.acme.ledger: cleanup.policy is delete, the contract says compact"],
        ),
        (
            "a setting that the broker does not tell",
            RECORDS,
            Layout(RECORDS.name, 3, (1,), {k: v for k, v in RECORDS.configs.items() if k != "retention.ms"}),
            ["assessments.acme: retention.ms is not set, the contract says 7200000"],
        ),
        (
            "all at once",
            RECORDS,
            found(
                RECORDS,
                partitions=4,
                replication=(3,),
                configs={"retention.ms": "1", "max.message.bytes": "2", "cleanup.policy": "compact", "retention.bytes": "5"},
            ),
            [
                "assessments.acme: partitions is 4, the contract says 3",
                "assessments.acme: replication is 3, the contract says 1",
                "assessments.acme: cleanup.policy is compact, the contract says delete",
                "assessments.acme: retention.ms is 1, the contract says 7200000",
                "assessments.acme: retention.bytes is 5, the contract says -1",
                "assessments.acme: max.message.bytes is 2, the contract says 4096",
            ],
        ),
    ]
    for why, wanted, is_, expected in rows:
        assert differences(wanted, is_) == expected, why


class Brokers:
    """What an Admin answers while `deleted` is still in the metadata of the broker that is asked first, and gone from all others."""

    def __init__(self, deleted: Layout) -> None:
        self.shown, self.held = {deleted.name: deleted}, dict[str, Layout]()

    def describe_topics(self, asked: TopicCollection, request_timeout: float) -> dict[str, Future[Any]]:
        return {name: answer(self.shown, name, _description) for name in asked.topic_names}

    def describe_configs(self, asked: list[ConfigResource], request_timeout: float) -> dict[ConfigResource, Future[dict[str, Any]]]:
        return {resource: answer(self.held, resource.name, lambda layout: configs(layout.configs)) for resource in asked}

    def create_topics(self, topics: list[NewTopic], request_timeout: float, operation_timeout: float) -> dict[str, Future[None]]:
        made = {topic.topic: Layout(topic.topic, topic.num_partitions, (topic.replication_factor,), topic.config) for topic in topics}
        self.held |= made
        self.shown |= made
        return {name: answer(made, name, lambda layout: None) for name in made}


def _description(layout: Layout) -> Any:
    replicas = list(range(layout.replication[0]))
    return SimpleNamespace(name=layout.name, partitions=[SimpleNamespace(replicas=replicas)] * layout.partitions)


def test_a_topic_that_was_deleted_while_it_was_looked_at_is_made_anew():
    brokers = Brokers(deleted=found(RECORDS, partitions=5))
    assert ensure_topic(cast(AdminClient, brokers), SPEC) == [RECORDS.name, LEDGER.name]
    assert {name: layout.partitions for name, layout in brokers.held.items()} == {RECORDS.name: 3, LEDGER.name: 1}
    assert ensure_topic(cast(AdminClient, brokers), SPEC) == []
