"""A topic of three replicas on three real brokers: nothing is acknowledged of which there is one copy."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, Message, Producer
from confluent_kafka.admin import ConfigResource, NewTopic, ResourceType

from include.contracts import TopicSpec
from include.kafka.client import Admin
from include.kafka.topics import TopicDrift, ensure_topic
from include.stack import kafka as service
from include.stack import lifecycle
from include.stack.settings import HOST, Settings

pytestmark = pytest.mark.long("tests/unit/kafka/test_topics.py and tests/integration/test_topics.py, with the one broker of the stack")
SPEC = TopicSpec("assessments.three", partitions=2, replication=3)
IN_SYNC = "min.insync.replicas"


@dataclass
class Brokers:
    """The first is the controller too. `stop` ends one of the others."""

    bootstrap_servers: str
    stops: list[ExitStack] = field(default_factory=list)

    def stop(self) -> None:
        self.stops.pop().close()


@pytest.fixture
def brokers(jars: None, tmp_path: Path) -> Iterator[Brokers]:
    nodes = [Settings.private(tmp_path / f"node{number}") for number in (1, 2, 3)]
    usual, cluster = service.server_properties, service.cluster_id()

    def of_three(settings: Settings, data: Path) -> dict[str, object]:
        number = nodes.index(settings) + 1
        own = {"node.id": number, "controller.quorum.voters": f"1@{HOST}:{nodes[0].ports.kafka_controller}"}
        if number > 1:
            own |= {"process.roles": "broker", "listeners": f"PLAINTEXT://{HOST}:{settings.ports.kafka}"}
        return {**usual(settings, data), **own}

    with pytest.MonkeyPatch.context() as patch, ExitStack() as all_of_them:
        patch.setattr(service, "server_properties", of_three)
        patch.setattr(service, "cluster_id", lambda: cluster)
        running = Brokers(nodes[0].endpoints.bootstrap_servers)
        for node in nodes:
            one = all_of_them.enter_context(ExitStack())
            one.enter_context(lifecycle.running(node, lifecycle.KAFKA))
            running.stops.append(one)
        yield running


def in_sync(admin: Admin, name: str) -> str:
    [asked] = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name)], request_timeout=20).values()
    return str(asked.result()[IN_SYNC].value)


def send(brokers: Brokers) -> KafkaError | None:
    """What became of one record that all replicas in sync are to have, within twenty seconds."""
    became: list[KafkaError | None] = []
    producer = Producer({"bootstrap.servers": brokers.bootstrap_servers, "acks": "all", "delivery.timeout.ms": 20_000, "retries": 3})

    def note(error: KafkaError | None, message: Message) -> None:
        became.append(error)

    producer.produce(SPEC.name, b"{}", partition=0, on_delivery=note)
    assert producer.flush(40) == 0
    [error] = became
    return error


def test_a_record_of_which_there_would_be_one_copy_is_not_acknowledged(brokers: Brokers) -> None:
    admin = Admin({"bootstrap.servers": brokers.bootstrap_servers})
    assert ensure_topic(admin, SPEC) == [SPEC.name, SPEC.ledger]
    assert [in_sync(admin, name) for name in (SPEC.name, SPEC.ledger)] == ["2", "2"]
    assert ensure_topic(admin, SPEC) == []
    loose = TopicSpec("assessments.loose", partitions=1, replication=3)
    admin.create_topics([NewTopic(loose.name, 1, 3, config={IN_SYNC: "1", "retention.bytes": "-1"})])[loose.name].result()
    with pytest.raises(TopicDrift, match="min.insync.replicas is 1, the contract says 2"):
        ensure_topic(admin, loose)

    assert send(brokers) is None
    brokers.stop()
    assert send(brokers) is None, "two of three have it"
    brokers.stop()
    error = send(brokers)
    assert error is not None, "one broker alone has acknowledged a record"
