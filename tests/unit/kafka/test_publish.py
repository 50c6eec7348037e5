"""What publishing decides before it sends anything: the plan, and records that are too large."""

from pathlib import Path

import pytest

from include.contracts import TopicSpec
from include.kafka.ledger import Entry, ingest_id, sealed
from include.kafka.producer import settings
from include.kafka.publish import OVERHEAD, Plan, RecordTooLarge, message_bytes, refuse_too_large, resume
from include.receipts import Source
from include.source.records import Records

SOURCE = Source("acme", "2018-01-28", (), 9, "ab" * 32, "2018-01-29T00:00:00Z")
TOPIC = TopicSpec("assessments.acme", chunk_records=100)


def ingest(generation: int) -> str:
    return ingest_id("acme", "2018-01-28", "ab" * 32, generation)


def entry(chunk: int, generation: int = 1) -> Entry:
    return sealed(
        Entry(
            customer="acme",
            day="2018-01-28",
            source_sha256="ab" * 32,
            topic_id="t",
            ingest=ingest(generation),
            generation=generation,
            chunk=chunk,
            chunks=2,
            chunk_records=10,
            first_record=chunk * 10,
            records=10,
            content_hash="0" * 16,
            offsets={0: (0, 9)},
        )
    )


def test_the_plan_of_the_first_try_stays():
    gone = ["partition 0 of assessments.acme: offsets 0 to 9 have aged out"]
    warning = f"acme 2018-01-28: {gone[0]}: the whole source was published again as generation 3"
    both = {0: entry(0), 1: entry(1)}
    rows = [
        ("nothing published yet: the contract's chunks", [], [], Plan(ingest(1), 1, 100, None, {}), False),
        ("half published: the ledger's chunks", [entry(0)], [], Plan(ingest(1), 1, 10, 2, {0: entry(0)}), False),
        ("all published", [entry(0), entry(1)], [], Plan(ingest(1), 1, 10, 2, both), True),
        ("aged out: the next generation, whole", [entry(0, 2)], gone, Plan(ingest(3), 3, 100, None, {}, (warning,)), False),
    ]
    for why, entries, lost, expected, complete in rows:
        plan = resume(SOURCE, TOPIC, entries, lost)
        assert plan == expected, why
        assert plan.complete == complete, why


def records_of(folder: Path, *records: bytes) -> Records:
    file = folder / "a.json"
    file.write_bytes(b"[" + b",".join(records) + b"]")
    return Records.open([file])


def record(size: int, key: str = "k") -> bytes:
    head, tail = b'{"keen_id":"%s","x":"' % key.encode(), b'"}'
    return head + b"x" * (size - len(head) - len(tail)) + tail


def test_a_record_takes_its_key_its_headers_and_a_share_of_the_batch():
    headers = len("ingest") + 16 + len("record") + len("1234")
    assert message_bytes(record(300, "abc"), 1234) == 300 + 3 + headers + OVERHEAD
    assert message_bytes(b"17", 0) == 2 + len("ingest") + 16 + len("record") + 1 + OVERHEAD


def test_too_large_records_are_found_before_anything_is_sent(tmp_path):
    topic = TopicSpec("assessments.acme", max_message_bytes=2000)
    limit = 2000 - (message_bytes(record(300), 1) - 300)
    with records_of(tmp_path, record(100), record(limit)) as records:
        refuse_too_large(records, topic)
    with records_of(tmp_path, record(100), record(limit + 1), record(5000)) as records, pytest.raises(RecordTooLarge) as caught:
        refuse_too_large(records, topic)
    begin = 1 + 100 + 1
    for part in (f"record 1 (bytes {begin} to {begin + limit + 1:,})", "takes 2,001 bytes", "at most 2,000", "1 other records"):
        assert part in str(caught.value)


def test_a_long_key_counts(tmp_path):
    """Half of the maximum in the value, the other half once more as the key."""
    with records_of(tmp_path, record(1100, "k" * 1000)) as records, pytest.raises(RecordTooLarge):
        refuse_too_large(records, TopicSpec("assessments.acme", max_message_bytes=2000))


def test_a_connection_cannot_switch_off_what_correctness_hangs_on():
    given = {
        "bootstrap.servers": "b:9092",
        "acks": "0",
        "enable.idempotence": "false",
        "transactional.id": "mine",
        "group.id": "g",
        "compression.type": "zstd",
    }
    made = settings("acme", TOPIC, given)
    assert (made["acks"], made["enable.idempotence"], made["transactional.id"]) == ("all", True, "landfall.acme")
    assert (made["bootstrap.servers"], made["compression.type"]) == ("b:9092", "zstd")
    assert "group.id" not in made, "a producer complains about a consumer's settings"
    assert made["message.timeout.ms"] <= made["transaction.timeout.ms"], "librdkafka refuses the opposite"
