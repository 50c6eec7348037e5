"""A real broker and our publisher, killed, stopped, damaged and overtaken: every record is in the topic once, or an error says why not."""

import os
import re
import signal
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import NewPartitions

from include.kafka import ledger
from include.kafka.client import Admin
from include.kafka.ledger import LedgerRefused
from include.kafka.producer import Publisher
from include.kafka.retention import RecordsLost, require_readable
from include.kafka.topics import TopicDrift, ensure_topic
from tests.harness.acme import Acme, alter, attempts, entries, refuse_difference
from tests.harness.broker import Broker


@pytest.fixture
def acme(broker: Broker, tmp_path: Path) -> Acme:
    return Acme(broker.servers, tmp_path)


class Reader(threading.Thread):
    """Reads the topic `read_committed` while it is written, brokers that come and go included; `seen` is what it got, in its order."""

    def __init__(self, servers: str, topic: str, partitions: int) -> None:
        super().__init__(daemon=True)
        self.seen: list[tuple[int, int, bytes]] = []
        self.over = threading.Event()
        self.consumer = Consumer(
            {"bootstrap.servers": servers, "group.id": "reader", "isolation.level": "read_committed", "log_level": 0}
            | {"reconnect.backoff.max.ms": 500}
        )
        self.consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])

    def run(self) -> None:
        while not self.over.is_set():
            for message in self.consumer.consume(1000, 0.2):
                if not message.error():
                    self.seen.append((message.partition(), message.offset(), message.value()))
        self.consumer.close()

    def wait_for(self, records: int, seconds: float) -> int:
        """How many there are once there are so many, and a second more for what would be one too many."""
        deadline = time.monotonic() + seconds
        while len(self.seen) < records and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1)
        return len(self.seen)

    def end(self) -> None:
        self.over.set()
        self.join(20)


def test_r2_three_publishers_and_a_broker_are_killed(broker: Broker, acme: Acme, figures: list[str], long: bool) -> None:
    """As Kafka's own transactions_test: 100,000 records in transactions of 750, each kill after at least a fifth of them."""
    acme.topic = replace(acme.topic, chunk_records=750)
    records = attempts(100_000 if long else 30_000)
    chunks = -(-len(records) // 750)
    source = acme.deliver(records)
    reader = Reader(broker.servers, acme.topic.name, acme.topic.partitions)
    reader.start()
    fifth = chunks // 5 + 1
    kills = (f"after:commit_transaction:{fifth}", f"before:commit_transaction:{fifth + 1}", f"after:send_chunk:{fifth + 1}")
    for tries, kill in enumerate(kills, start=1):
        assert acme.publish_elsewhere(source, kill=kill).wait(300) == -signal.SIGKILL
        assert reader.wait_for(tries * fifth * 750, 120) == tries * fifth * 750, "each try goes on where the one before was killed"
    last = acme.publish_elsewhere(source)
    deadline = time.monotonic() + 120
    while len(reader.seen) <= 3 * fifth * 750 and last.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    broker.kill()
    killed_at = len(reader.seen)
    broker.start()
    last.wait(300)
    receipt = acme.publish(source)
    reader.wait_for(len(records), 180)
    reader.end()
    figures.append(
        f"R2: {len(records):,} records in {chunks} transactions, publisher killed 3 times after {fifth} each, broker killed once "
        f"when a reader had {killed_at:,}; the reader got {len(reader.seen):,}, {len(set(reader.seen)):,} different"
    )
    assert killed_at < len(records), "the broker was killed when everything was published: the test is too small"
    refuse_difference(receipt, acme.committed(), records)
    assert Counter(value for _, _, value in reader.seen) == Counter(records)


PAUSE = """
send = producer.Publisher._send_records
def send_and_pause(self, chunk, records, when_read):
    entry = send(self, chunk, records, when_read)
    if chunk.chunk == 2:
        os.kill(os.getpid(), signal.SIGSTOP)
    return entry
producer.Publisher._send_records = send_and_pause
"""


def test_r3_a_publisher_that_wakes_up_is_fenced_and_fences_nobody(acme: Acme, figures: list[str]) -> None:
    records = attempts(60)
    source, next_source = acme.deliver(records), acme.deliver(attempts(20, 300), "next.json")
    zombie = acme.publish_elsewhere(source, before=PAUSE)
    try:
        os.waitid(os.P_PID, zombie.pid, os.WSTOPPED)
        before = len(acme.committed())
        receipt = acme.publish(source)
        refuse_difference(receipt, acme.committed(), records)
        with Publisher(acme.customer, acme.topic, acme.kafka) as successor:
            successor.fence()
            zombie.send_signal(signal.SIGCONT)
            _, said = zombie.communicate(timeout=120)
            successor._producer.begin_transaction()  # still the one that may write
            successor._producer.commit_transaction(30)
    finally:
        zombie.kill()
    figures.append(
        f"R3: a publisher stopped in chunk 3 with {before} records committed; the next try sent {receipt.sent}; the first one then said: "
        + said.strip().splitlines()[-1][:150]
    )
    assert zombie.returncode == 1
    assert "PublisherFenced" in said
    assert "fences nobody" in said
    refuse_difference(receipt, acme.committed(), records)
    assert acme.publish(next_source).sent == 20


DAMAGES = {
    "empty": lambda text: b"",
    "cut off": lambda text: text[:-30],
    "not JSON": lambda text: b"<entry/>",
    "not an object": lambda text: b"[1]",
    "not UTF-8": lambda text: text.replace(b"acme", b"\xff\xfe\xfd\xfc", 1),
    "a field missing": lambda text: re.sub(rb'"chunks":\d+,', b"", text),
    "a field of another type": lambda text: re.sub(rb'"chunks":(\d+)', rb'"chunks":"\1"', text),
    "an unknown field": lambda text: text.replace(b'{"', b'{"x":1,"', 1),
    "a version to come": lambda text: text.replace(b'"version":1', b'"version":2'),
    "a number changed": lambda text: text.replace(b'"records":10', b'"records":9'),
    "an offset changed": lambda text: re.sub(rb"\[(\d+),(\d+)\]", lambda found: b"[%s,%d]" % (found[1], int(found[2]) + 1), text, count=1),
    "another chunk's": lambda text: text,
    "twice": lambda text: text,
}


def test_r5_damaged_ledger_entries_are_refused_by_name(acme: Acme, figures: list[str]) -> None:
    records = attempts(45)
    source = acme.deliver(records)
    acme.publish(source)
    whole = {entry.key: entry.value for entry in entries(acme.servers, acme.topic)}
    keys = sorted(key for key in whole if key)
    assert len(keys) == 5
    for damage, change in DAMAGES.items():
        key, text = keys[1], whole[keys[2] if damage == "another chunk's" else keys[1]]
        assert text
        damaged = change(text)
        assert damaged != whole[key] or damage == "twice", damage
        if damage != "twice":
            acme.write_ledger(key, None)
        acme.write_ledger(key, damaged)
        with pytest.raises(LedgerRefused, match=rf"{acme.topic.ledger}: entry {key.decode()} ") as refused:
            acme.publish(source)
        figures.append(f"R5: ledger entry {damage}: {str(refused.value).partition(': entry ')[2][:110]}")
        acme.write_ledger(key, None)
        acme.write_ledger(key, whole[key])
    assert acme.publish(source).sent == 0
    assert len(acme.committed()) == len(records), "nothing was sent"


def test_r6_records_that_age_out_are_named_and_go_out_again_whole(acme: Acme, figures: list[str]) -> None:
    """Segments as small as Kafka makes them, and a broker that looks for old ones twice a second."""
    admin = Admin(acme.kafka)
    alter(admin, acme.topic.name, segment_bytes=str(1024 * 1024))
    records = [b'{"keen_id": "%d", "t": "%s"}' % (number, os.urandom(4000).hex().encode()) for number in range(600)]
    source = acme.deliver(records)
    first = acme.publish(source)
    require_readable(admin, first, patience=60)
    alter(admin, acme.topic.name, retention_ms="1000")
    lost = wait_for_loss(admin, acme)
    alter(admin, acme.topic.name, retention_ms=str(acme.topic.retention_hours * 3_600_000))
    with pytest.raises(RecordsLost, match=r"partition \d: offsets \d+ to \d+ have aged out. Clear publish") as named:
        require_readable(admin, first, patience=60)
    second = acme.publish(source)
    figures.append(
        f"R6: {lost} records aged out: {str(named.value)[:140]}; published again as generation {second.generation}, {second.sent} sent"
    )
    assert (second.generation, second.sent) == (2, len(records))
    require_readable(admin, second, patience=60)
    refuse_difference(second, [row for row in acme.committed() if row.ingest == second.ingest], records)


def wait_for_loss(admin: Admin, acme: Acme) -> int:
    partitions = [TopicPartition(acme.topic.name, number) for number in range(acme.topic.partitions)]
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        lows = [low for low, _ in ledger.offsets_now(admin, partitions).values()]
        if any(lows):
            return sum(lows)
        time.sleep(0.2)
    raise AssertionError("nothing aged out within three minutes")


def test_r9_a_broker_that_pauses_loses_and_doubles_nothing(broker: Broker, acme: Acme, figures: list[str], long: bool) -> None:
    seconds = 60 if long else 20
    records = attempts(4000)
    source = acme.deliver(records)
    publisher = acme.publish_elsewhere(source)
    deadline = time.monotonic() + 60
    while not entries(broker.servers, acme.topic) and time.monotonic() < deadline:
        time.sleep(0.05)
    broker.process.suspend()
    try:
        assert publisher.poll() is None, "everything was published before the broker paused: the test is too small"
        time.sleep(seconds)
    finally:
        broker.process.resume()
    code = publisher.wait(300)
    receipt = acme.publish(source)
    figures.append(
        f"R9: broker paused for {seconds} s; the publisher ended with exit code {code}; the next try sent {receipt.sent:,} "
        f"of {len(records):,} records"
    )
    assert code == 0, "a try outlasts such a pause"
    assert receipt.sent == 0
    refuse_difference(receipt, acme.committed(), records)


def test_r10_a_topic_changed_by_hand_is_refused_with_every_difference(acme: Acme, figures: list[str]) -> None:
    admin = Admin(acme.kafka)
    source = acme.deliver(attempts(20))
    receipt = acme.publish(source)
    name = acme.topic.name
    admin.create_partitions([NewPartitions(name, 5)])[name].result(20)
    alter(admin, name, retention_ms="60000", retention_bytes="1000000", max_message_bytes="999", cleanup_policy="compact")
    alter(admin, acme.topic.ledger, cleanup_policy="delete")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with pytest.raises(TopicDrift) as drift:
            ensure_topic(admin, acme.topic)
        if str(drift.value).count("the contract says") == 6:
            break
    figures.append(f"R10: {drift.value}")
    for said in (
        "partitions is 5",
        "retention.ms is 60000",
        "retention.bytes is 1000000",
        "max.message.bytes is 999",
        "cleanup.policy is compact",
        f"{acme.topic.ledger}: cleanup.policy is delete, the contract says compact",
    ):
        assert said in str(drift.value)
    acme.delete_topics(name, acme.topic.ledger)
    made = ensure_topic(admin, acme.topic)
    again = acme.publish(source)
    assert made == [name, acme.topic.ledger]
    assert again.sent == receipt.sent == 20
    refuse_difference(again, acme.committed(), attempts(20))


def test_r10_a_topic_made_anew_by_hand_is_noticed_by_its_id(acme: Acme, figures: list[str]) -> None:
    admin = Admin(acme.kafka)
    source = acme.deliver(attempts(20))
    first = acme.publish(source)
    acme.delete_topics(acme.topic.name)
    ensure_topic(admin, acme.topic)
    admin = Admin(acme.kafka)  # as a task's is: one that knew the topic before asks with the old one's leader epoch
    with pytest.raises(RecordsLost, match="does not hold what was published"):
        require_readable(admin, first, patience=60)
    again = acme.publish(source)
    figures.append(f"R10: {again.warnings[0][:200]}")
    assert (again.generation, again.sent) == (2, 20)
    assert "was deleted and made anew" in again.warnings[0]
    producer = Producer(acme.kafka)  # a stranger's record in the topic disturbs nobody
    producer.produce(acme.topic.name, b"{}")
    producer.flush(20)
    require_readable(admin, again, patience=60)
