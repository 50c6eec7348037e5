"""What `explain` says of Kafka: the record is there, or why it is not, asked of a real broker."""

from dataclasses import replace

import fsspec
import pytest
import xxhash
from confluent_kafka import TopicPartition

from include.kafka.client import Admin
from include.kafka.kept import THERE, Spot, kept
from include.kafka.topics import ensure_topic
from include.lake.lake import Lake
from include.query.trace import explain
from tests.harness.acme import Acme, attempts, committed
from tests.oracle.built_landing import DAY, RECORDS, build


@pytest.fixture
def acme(kafka, tmp_path):
    return Acme(kafka, tmp_path)


@pytest.fixture
def published(acme) -> list[Spot]:
    acme.publish(acme.deliver(attempts(35)))
    return [spot(row) for row in committed(acme.kafka["bootstrap.servers"], acme.topic.name)]


def spot(row) -> Spot:
    unsigned = xxhash.xxh64_intdigest(row.value, seed=42)
    return Spot(row.partition, row.offset, unsigned - 2**64 if unsigned >= 2**63 else unsigned)


def test_a_record_that_is_there_is_there(acme, published):
    assert kept(acme.kafka, acme.topic.name, published[:3]) == [THERE] * 3


def test_a_topic_that_was_deleted_holds_nothing(acme, published):
    acme.delete_topics(acme.topic.name)
    assert kept(acme.kafka, acme.topic.name, published[:1]) == [f"no longer there: the topic {acme.topic.name} was deleted"]


def test_a_topic_made_anew_is_another_one_though_its_offsets_are_the_same(acme, published):
    acme.delete_topics(acme.topic.name)
    ensure_topic(Admin(acme.kafka), acme.topic)
    [shorter] = kept(acme.kafka, acme.topic.name, published[:1])
    assert "ends at offset 0" in shorter
    assert "was made anew since" in shorter
    again = acme.publish(acme.deliver(attempts(200)[40:]))
    assert again.sent == 160
    [other] = kept(acme.kafka, acme.topic.name, published[:1])
    assert other.startswith("no longer there: another record is at this offset")
    assert "topic id" in other


def test_a_record_that_has_aged_out_is_named_with_where_its_partition_begins(acme, published):
    first = published[0]
    where = TopicPartition(acme.topic.name, first.partition, first.offset + 1)
    admin = Admin(acme.kafka)
    admin.delete_records([where])[where].result(60)
    [said] = kept(acme.kafka, acme.topic.name, [first])
    assert said == f"no longer there: it has aged out, partition {first.partition} begins at offset {first.offset + 1}"


def test_brokers_that_do_not_answer_leave_the_rest_of_the_explanation(tmp_path):
    lake = Lake.open("acme", f"sqlite:///{tmp_path}/catalog.sqlite", f"file://{tmp_path}", fsspec.filesystem("file"))
    built = build(tmp_path)
    lake.commit(replace(built.landing, source=("file:///nowhere",)), built.transform)
    [way] = explain(lake, DAY, record=RECORDS.index(RECORDS[1]), kafka={"bootstrap.servers": "127.0.0.1:1"}).ways
    assert way.outcome == "landed"
    assert way.in_kafka.startswith("nobody knows whether it is still there: 127.0.0.1:1 did not answer")
