"""Topics made, compared and refused by a real broker."""

import threading
import time
import uuid

import pytest
from confluent_kafka.admin import NewTopic

from include.contracts import TopicSpec
from include.errors import LandfallError, Refused
from include.kafka import topics
from include.kafka.client import Admin
from include.kafka.topics import TopicDrift, ensure_topic


@pytest.fixture
def admin(kafka: str) -> Admin:
    return Admin({"bootstrap.servers": kafka})


@pytest.fixture
def spec() -> TopicSpec:
    return TopicSpec(f"assessments.{uuid.uuid4().hex}", partitions=2, retention_hours=5, max_message_bytes=70_000)


def make(admin: Admin, name: str, partitions: int, **configs: str) -> None:
    settings = {key.replace("_", "."): value for key, value in configs.items()}
    admin.create_topics([NewTopic(name, partitions, 1, config=settings)])[name].result()
    while name not in admin.list_topics(timeout=10).topics:  # it is to be seen a moment later
        time.sleep(0.05)


def test_both_topics_are_made_once_and_as_the_contract_says(admin, spec):
    assert ensure_topic(admin, spec) == [spec.name, spec.ledger]
    assert ensure_topic(admin, spec) == []


def test_a_missing_ledger_is_made_beside_its_topic(admin, spec):
    make(admin, spec.name, 2, retention_ms="18000000", max_message_bytes="70000", retention_bytes="-1")
    assert ensure_topic(admin, spec) == [spec.ledger]


def test_drift_lists_every_difference_of_both_topics_and_makes_nothing(admin, spec):
    make(admin, spec.name, 1, retention_ms="60000", max_message_bytes="2000", cleanup_policy="compact")
    make(admin, spec.ledger, 3)
    with pytest.raises(TopicDrift) as caught:
        ensure_topic(admin, spec)
    for part in (
        f"{spec.name}: partitions is 1, the contract says 2",
        f"{spec.name}: retention.ms is 60000, the contract says 18000000",
        f"{spec.name}: max.message.bytes is 2000, the contract says 70000",
        f"{spec.name}: cleanup.policy is compact, the contract says delete",
        f"{spec.ledger}: partitions is 3, the contract says 1",
        f"{spec.ledger}: cleanup.policy is delete, the contract says compact",
        "Nothing was published",
    ):
        assert part in str(caught.value)


def test_drift_of_one_topic_keeps_the_other_from_being_made(admin, spec):
    make(admin, spec.name, 1)
    with pytest.raises(TopicDrift):
        ensure_topic(admin, spec)
    assert spec.ledger not in admin.list_topics(timeout=10).topics


def test_whoever_comes_second_finds_the_topic_made(kafka, spec):
    """Four at once: each topic is made by exactly one of them, and nobody fails."""
    made: list[list[str]] = []
    together = threading.Barrier(4)

    def ensure() -> None:
        admin = Admin({"bootstrap.servers": kafka})
        together.wait()
        made.append(ensure_topic(admin, spec))

    threads = [threading.Thread(target=ensure) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    assert sorted(name for names in made for name in names) == [spec.name, spec.ledger]


def test_brokers_that_refuse_are_quoted(admin, spec):
    with pytest.raises(Refused, match="replication factor of 3"):
        ensure_topic(admin, TopicSpec(spec.name, replication=3))


def test_a_dead_broker_is_named_with_the_cause_in_bounded_time(spec, monkeypatch):
    monkeypatch.setattr(topics, "ANSWER_SECONDS", 4)
    began = time.monotonic()
    with pytest.raises(LandfallError, match=r"127\.0\.0\.1:1 did not answer: .*Connection refused") as caught:
        ensure_topic(Admin({"bootstrap.servers": "127.0.0.1:1"}), spec)
    assert time.monotonic() - began < 120
    assert not isinstance(caught.value, Refused), "another try may find the broker up"
