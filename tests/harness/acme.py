"""A customer of a test's own on a real Kafka: a source to publish, publishers to kill, and what a `read_committed` reader sees."""

import gzip
import json
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

import xxhash
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from include.contracts import TopicSpec
from include.kafka import ledger
from include.kafka.client import Admin
from include.kafka.publish import LandedBefore, publish
from include.kafka.topics import described, ensure_topic
from include.receipts import PublishReceipt, Source
from include.source.files import describe
from include.source.record_key import key_of
from tests.harness.private_landfall import wait_for

ROOT = Path(__file__).parents[2]
DAY = "2018-01-28"


@dataclass(frozen=True)
class Row:
    """One message as a `read_committed` reader sees it."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes
    ingest: str
    number: int


def committed(servers: str, topic: str) -> list[Row]:
    """Every committed record of the topic, by record number."""
    settings = {"isolation.level": "read_committed", "enable.partition.eof": True, "auto.offset.reset": "earliest"}
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "test", **settings})
    partitions = consumer.list_topics(topic).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    rows, ended = [], 0
    while ended < len(partitions):
        message = consumer.poll(20)
        assert message is not None, f"{topic} cannot be read to its end"
        if message.error():
            ended += 1
            continue
        headers = dict(message.headers() or [])
        assert list(headers) == ["ingest", "record"]
        rows.append(
            Row(message.partition(), message.offset(), message.key(), message.value(), headers["ingest"].decode(), int(headers["record"]))
        )
    consumer.close()
    return sorted(rows, key=lambda row: row.number)


def entries(servers: str, topic: TopicSpec) -> list[ledger.Written]:
    low, high = ledger.offsets_now(Admin({"bootstrap.servers": servers}), [TopicPartition(topic.ledger, 0)])[topic.ledger, 0]
    return ledger.read({"bootstrap.servers": servers}, topic.ledger, low, high)


def content_hash(values: list[bytes]) -> str:
    return f"{sum(xxhash.xxh64_intdigest(value, 42) for value in values) % 2**64:016x}"


def attempts(count: int, size: int = 100) -> list[bytes]:
    return [json.dumps({"keen_id": f"id{number}", "text": "é" * (size // 6)}).encode() for number in range(count)]


class Acme:
    """A customer of one's own: topics, a file to publish, and a publish of it."""

    def __init__(self, servers: str, folder: Path) -> None:
        self.servers, self.folder = servers, folder
        self.kafka = {"bootstrap.servers": servers}
        self.customer = f"acme{uuid.uuid4().hex[:8]}"
        self.topic = TopicSpec(f"assessments.{self.customer}", chunk_records=10, max_message_bytes=20_000)
        ensure_topic(Admin(self.kafka), self.topic)

    def delete_topics(self, *names: str) -> None:
        """Deletes them by hand. The broker's metadata shows them for a moment longer: waits for that too."""
        admin = Admin(self.kafka)
        for deleted in admin.delete_topics(list(names)).values():
            deleted.result(60)
        Retrying(retry=retry_if_result(bool), wait=wait_fixed(0.05), stop=stop_after_delay(60))(described, admin, list(names))

    def deliver(self, records: list[bytes], name: str = "a.json") -> Source:
        file = self.folder / name
        content = b"[" + b", ".join(records) + b"]" if "ndjson" not in name else b"".join(record + b"\n" for record in records)
        file.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return self.describe(file)

    def describe(self, *files: Path) -> Source:
        return describe(self.customer, DAY, [str(file) for file in files], "2018-01-29T00:00:00Z")

    def publish(self, source: Source, **changes: object) -> PublishReceipt:
        return publish(source, replace(self.topic, **changes), self.kafka, self.folder / "spool")

    def publish_again(self, source: Source, landed: LandedBefore) -> PublishReceipt:
        return publish(source, self.topic, self.kafka, self.folder / "spool", landed=landed)

    def committed(self) -> list[Row]:
        return committed(self.servers, self.topic.name)

    def write_ledger(self, key: bytes, value: bytes | None) -> None:
        producer = Producer(self.kafka)
        producer.produce(self.topic.ledger, value, key)
        producer.flush()

    def publish_elsewhere(self, source: Source, *, kill: str = "", before: str = "", **changes: object) -> subprocess.Popen[str]:
        """A publish in a process of its own, which kills itself at the fault `kill`; `before` is Python that it runs first."""
        program = f"""
import os, signal
from pathlib import Path
from include.kafka import producer
from include.kafka.publish import publish
from include.receipts import Source, SourceFile
from include.contracts import TopicSpec
from include.source.records import Records
{before}
publish({source!r}, {replace(self.topic, **changes)!r}, {self.kafka!r}, Path({str(self.folder / "spool")!r}))
"""
        environment = {**os.environ, "LANDFALL_FAULT": kill, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen([sys.executable, "-c", program], env=environment, stderr=subprocess.PIPE, text=True)


def alter(admin: Admin, topic: str, **configs: str) -> None:
    """Returns when the broker says so itself: it answers a change before it has taken it in."""
    values = [ConfigEntry(name.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET) for name, value in configs.items()]
    for future in admin.incremental_alter_configs([ConfigResource(ResourceType.TOPIC, topic, incremental_configs=values)]).values():
        future.result(20)

    def shown() -> dict[str, str]:
        [asked] = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)], request_timeout=20).values()
        return {name: asked.result()[name.replace("_", ".")].value for name in configs}

    assert wait_for(lambda: shown() == configs, 60), shown()


def refuse_difference(receipt: PublishReceipt, rows: list[Row], records: list[bytes]) -> None:
    """The records are in the topic once each, byte for byte, and where the receipt says; so is nothing else."""
    assert [row.value for row in rows] == records
    assert [row.number for row in rows] == list(range(len(records)))
    assert {row.ingest for row in rows} == {receipt.ingest}
    assert [row.key for row in rows] == [key_of(record) for record in records]
    ranges = {}
    for row in rows:
        first, last = ranges.get(row.partition, (row.offset, row.offset))
        ranges[row.partition] = (min(first, row.offset), max(last, row.offset))
    assert receipt.offsets == ranges
    assert (receipt.published, receipt.content_hash) == (len(records), content_hash(records))
