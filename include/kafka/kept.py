"""Whether Kafka still holds a landed record: its topic may have been deleted or made anew since, and records age out."""

from collections.abc import Mapping
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, TopicPartition

from include import content_hash
from include.kafka.client import Admin, client_settings, reason
from include.kafka.ledger import offsets_now
from include.kafka.topics import described

PATIENCE = 5  # seconds; a person waits, and the rest of the answer does not need Kafka
THERE = "there"


@dataclass(frozen=True)
class Spot:
    """Where a record was published, and the signed hash of its bytes (include/content_hash.py)."""

    partition: int
    offset: int
    hash: int


def kept(kafka: Mapping[str, str], topic: str, spots: list[Spot]) -> list[str]:
    """For each record THERE, or a sentence that says why it is not, or why nobody knows. Raises nothing for brokers that do not answer.

    What stands at an offset is compared by its bytes, for a topic of the same name made anew counts from 0 again.
    """
    admin = Admin(kafka)
    try:
        there = described(admin, [topic], PATIENCE)
        if topic not in there:
            return [f"no longer there: the topic {topic} was deleted"] * len(spots)
        partitions = {partition.id for partition in there[topic].partitions}
        asked = sorted({spot.partition for spot in spots} & partitions)
        bounds = offsets_now(admin, [TopicPartition(topic, partition) for partition in asked])
        held = {partition: bounds[topic, partition] for partition in asked}
        return [_kept(kafka, topic, str(there[topic].topic_id), spot, held.get(spot.partition, (0, 0))) for spot in spots]
    except KafkaException as error:
        return [f"nobody knows whether it is still there: {reason(error, admin)}"] * len(spots)


def _kept(kafka: Mapping[str, str], topic: str, topic_id: str, spot: Spot, held: tuple[int, int]) -> str:
    first, end = held
    if spot.offset >= end:
        return f"no longer there: partition {spot.partition} ends at offset {end}, so {topic} (topic id {topic_id}) was made anew since"
    if spot.offset < first:
        return f"no longer there: it has aged out, partition {spot.partition} begins at offset {first}"
    value = _value(kafka, topic, spot)
    if value is not None and content_hash.of_record(value) == content_hash.unsigned(spot.hash):
        return THERE
    return f"no longer there: another record is at this offset, so {topic} (topic id {topic_id}) was made anew since"


def _value(kafka: Mapping[str, str], topic: str, spot: Spot) -> bytes | None:
    """The bytes of the record at this offset, null if there is none, such as where a transaction ended."""
    settings = {"group.id": "landfall-explain", "enable.auto.commit": False, "enable.partition.eof": True, "auto.offset.reset": "error"}
    consumer = Consumer({**client_settings(kafka), **settings})
    try:
        consumer.assign([TopicPartition(topic, spot.partition, spot.offset)])
        message = consumer.poll(PATIENCE)
        if message is None or message.error():
            return None
        return message.value() if message.offset() == spot.offset else None
    finally:
        consumer.close()
