"""Records that are gone, or not to be seen yet, are named before Spark is started."""

from dataclasses import replace
from datetime import timedelta

import pytest
from confluent_kafka import Producer, TopicPartition

from include.errors import LandfallError
from include.kafka.client import Admin
from include.kafka.retention import RecordsLost, RetentionTooShort, refuse_short_retention, require_readable
from include.kafka.topics import ensure_topic
from include.receipts import PublishReceipt
from tests.harness.acme import Acme, alter, attempts


@pytest.fixture
def acme(kafka, tmp_path):
    return Acme(kafka, tmp_path)


@pytest.fixture
def admin(acme):
    return Admin(acme.kafka)


@pytest.fixture
def receipt(acme) -> PublishReceipt:
    return acme.publish(acme.deliver(attempts(35)))


def test_a_batch_that_is_there_may_be_read(admin, receipt):
    require_readable(admin, receipt, patience=60)


def test_records_that_have_aged_out_are_named_by_partition_and_offsets(acme, admin, receipt):
    partition, (first, last) = next(iter(receipt.offsets.items()))
    where = TopicPartition(acme.topic.name, partition, last)
    admin.delete_records([where])[where].result(20)
    with pytest.raises(RecordsLost, match=rf"partition {partition}: offsets {first} to {last - 1} have aged out. Clear publish"):
        require_readable(admin, receipt, patience=5)
    again = acme.publish(acme.describe(acme.folder / "a.json"))
    assert (again.generation, again.sent) == (2, 35)
    require_readable(admin, again, patience=60)


def test_a_topic_made_anew_does_not_hold_the_batch(acme, admin, receipt):
    acme.delete_topics(acme.topic.name)
    with pytest.raises(RecordsLost, match="is no longer there"):
        require_readable(admin, receipt, patience=5)
    ensure_topic(admin, acme.topic)
    anew = Admin(acme.kafka)  # as a task's is: one that knew the topic before asks with the old one's leader epoch
    with pytest.raises(RecordsLost, match="does not hold what was published: partition 0 ends at offset 0"):
        require_readable(anew, receipt, patience=5)


def test_an_open_transaction_before_the_end_is_waited_for_and_then_named(acme, admin, receipt):
    stranger = Producer({**acme.kafka, "transactional.id": f"stranger.{acme.customer}"})
    stranger.init_transactions(20)
    stranger.begin_transaction()
    for partition in receipt.offsets:
        stranger.produce(acme.topic.name, b"{}", partition=partition)
    stranger.flush()
    later = acme.publish(acme.deliver(attempts(40), "b.json"))
    require_readable(admin, receipt, patience=60)
    with pytest.raises(LandfallError, match="for 2 s a transaction has been open before the end of the batch"):
        require_readable(admin, later, patience=2)
    stranger.abort_transaction(20)
    require_readable(admin, later, patience=60)


def test_a_broker_that_is_away_is_named(receipt, monkeypatch):
    monkeypatch.setattr("include.kafka.topics.ANSWER_SECONDS", 4)
    with pytest.raises(LandfallError, match=r"127.0.0.1:1 did not answer"):
        require_readable(Admin({"bootstrap.servers": "127.0.0.1:1"}), replace(receipt, offsets={0: (0, 1)}), patience=2)


def test_a_topic_that_keeps_records_for_less_than_a_run_takes_is_refused(acme, admin):
    refuse_short_retention(admin, acme.topic.name, timedelta(hours=100))
    with pytest.raises(RetentionTooShort, match="keeps records for 168 hours; a run with all its retries may take 200 hours"):
        refuse_short_retention(admin, acme.topic.name, timedelta(hours=200))
    alter(admin, acme.topic.name, retention_ms="-1", retention_bytes="1000000")
    with pytest.raises(RetentionTooShort, match="keeps only 1,000,000 bytes of each partition"):
        refuse_short_retention(admin, acme.topic.name, timedelta(hours=1))
    alter(admin, acme.topic.name, retention_bytes="-1")
    refuse_short_retention(admin, acme.topic.name, timedelta(days=10_000))
