"""Publishing to a real broker: every record once, whatever happens to a try."""

import gzip
import os
import random
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import Producer, TopicPartition

from include.contracts import TopicSpec
from include.errors import LandfallError, Refused
from include.kafka import ledger
from include.kafka.client import Admin
from include.kafka.ledger import Entry, LedgerRefused, ingest_id
from include.kafka.producer import Publisher, PublisherFenced
from include.kafka.publish import OVERHEAD, LandedBefore, RecordTooLarge, message_bytes, publish
from include.kafka.retention import require_readable
from include.kafka.topics import ensure_topic
from include.receipts import Landing, PublishReceipt, Source, source_of
from include.source.files import SourceRefused
from include.source.records import Records, _Stamp
from tests.harness.acme import Acme, attempts, committed, content_hash, entries, refuse_difference


@pytest.fixture
def acme(kafka: str, tmp_path: Path) -> Acme:
    return Acme(kafka, tmp_path)


def test_records_arrive_byte_for_byte_keyed_and_numbered(acme):
    odd = [
        b'{"keen_id": 6}',
        b"17",
        b"null",
        b'{"x": "\xff\xfe"}',
        b'{\n "keen_id" :"z"\n}',
        '{"keen_id": "ключ"}'.encode(),
        b'{"keen_id": ""}',
    ]
    records = odd + attempts(28)
    receipt = acme.publish(acme.deliver(records))
    refuse_difference(receipt, acme.committed(), records)
    assert (receipt.sent, receipt.chunks, receipt.chunk_records, receipt.generation, receipt.warnings) == (35, 4, 10, 1, ())
    assert len(entries(acme.servers, acme.topic)) == 4


def test_several_files_are_one_source(acme):
    records = attempts(23)
    for name, part in (("a.json", records[:9]), ("b.ndjson.gz", records[9:20]), ("c.json", records[20:])):
        acme.deliver(part, name)
    source = acme.describe(*sorted(acme.folder.iterdir()))
    refuse_difference(acme.publish(source), acme.committed(), records)
    assert not list((acme.folder / "spool").iterdir()), "what was spooled is removed"


def test_a_complete_ledger_sends_nothing_and_needs_no_file(acme):
    source = acme.deliver(attempts(25))
    first = acme.publish(source)
    before = acme.committed()
    Path(source.uris[0]).unlink()
    again = acme.publish(source)
    assert again == replace(first, sent=0)
    assert acme.committed() == before


def test_days_and_sources_do_not_disturb_each_other(acme):
    first, second = acme.deliver(attempts(15)), acme.deliver(attempts(12, 200), "b.json")
    receipts = [acme.publish(first), acme.publish(second), acme.publish(replace(first, day="2018-01-29"))]
    assert len({receipt.ingest for receipt in receipts}) == 3
    rows = acme.committed()
    for receipt in receipts:
        mine = [row for row in rows if row.ingest == receipt.ingest]
        assert len(mine) == receipt.published
        assert content_hash([row.value for row in mine]) == receipt.content_hash


KILLS = [
    f"{moment}:{effect}:{nth}"
    for moment in ("before", "after")
    for effect, nth in (
        ("init_transactions", 1),
        ("send_chunk", 1),
        ("send_chunk", 3),
        ("commit_transaction", 2),
        ("commit_transaction", 5),
    )
]


@pytest.mark.parametrize("kill", KILLS)
def test_a_killed_try_is_finished_by_the_next(acme, kill):
    records = attempts(45)
    source = acme.deliver(records)
    assert acme.publish_elsewhere(source, kill=kill).wait(120) == -signal.SIGKILL
    done = len(acme.committed())
    receipt = acme.publish(source, chunk_records=7)  # the plan of the first try stays, once anything of it is committed
    refuse_difference(receipt, acme.committed(), records)
    assert receipt.sent == 45 - done
    assert receipt.chunk_records == (10 if done else 7)
    assert acme.publish(source).sent == 0


@pytest.mark.parametrize("times", [True, False], ids=["times of change are seen", "times of change say nothing"])
def test_a_file_rewritten_in_place_is_never_landed(acme, monkeypatch, times):
    """Same size and mtime, as some copies leave it, while the third of five chunks is sent."""
    old, new = attempts(45), [record.replace(b"id", b"ID") for record in attempts(45)]
    source = acme.deliver(old)
    file = Path(source.uris[0])
    status, keyed = file.stat(), Records.keyed

    def rewrite_at_22(self, first, count, keys=True):
        for number, item in enumerate(keyed(self, first, count, keys), first):
            if number == 22:
                with file.open("r+b") as same:
                    same.write(b"[" + b", ".join(new) + b"]")
                os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
            yield item

    monkeypatch.setattr(Records, "keyed", rewrite_at_22)
    if not times:
        monkeypatch.setattr("include.source.records._stamp", lambda file: _Stamp(os.fstat(file.fileno()).st_size, 0, 0, 0, 1))
    said = "its times, owner or mode were set" if times else "is not what was found for this day.*Its last chunk was not published"
    with pytest.raises(LandfallError, match=said):
        acme.publish(source)
    assert len(acme.committed()) == (20 if times else 40), "the last chunk is not there, so nothing can land"
    with pytest.raises(SourceRefused, match="is not what was found for this day"):
        acme.publish(source)


def test_a_fenced_publisher_says_so_and_fences_nobody(acme):
    source = acme.deliver(attempts(10))
    [entry] = [_entry(acme, source, 10)]
    with (
        Records.open([Path(source.uris[0])]) as records,
        Publisher(acme.customer, acme.topic, acme.kafka) as zombie,
        Publisher(acme.customer, acme.topic, acme.kafka) as successor,
    ):
        zombie.fence()
        successor.fence()
        for _ in range(2):  # it stays fenced, whatever it tries
            with pytest.raises(PublisherFenced, match="fences nobody"):
                zombie.send(entry, records)
        successor.send(entry, records)
    assert len(acme.committed()) == 10


def test_a_publisher_fenced_within_a_transaction_leaves_nothing_behind(acme):
    source = acme.deliver(attempts(10))
    entry = _entry(acme, source, 10)

    class Overtaken(Records):
        def keyed(self, first, count, keys=True):
            for number, item in enumerate(super().keyed(first, count, keys)):
                if number == 5:
                    refuse_difference(acme.publish(source), acme.committed(), attempts(10))
                yield item

    with Overtaken.open([Path(source.uris[0])]) as records, Publisher(acme.customer, acme.topic, acme.kafka) as zombie:
        zombie.fence()
        with pytest.raises(PublisherFenced, match="fenced at chunk 0"):
            zombie.send(entry, records)
    assert len(acme.committed()) == 10
    assert acme.publish(source).sent == 0


def _entry(acme: Acme, source: Source, records: int) -> Entry:
    return Entry(
        customer=source.customer,
        day=source.day,
        source_sha256=source.sha256,
        topic_id="t",
        ingest=ingest_id(source.customer, source.day, source.sha256, 1),
        generation=1,
        chunk=0,
        chunks=1,
        chunk_records=acme.topic.chunk_records,
        first_record=0,
        records=records,
        content_hash="0" * 16,
        offsets={},
    )


def test_a_record_too_large_is_named_and_nothing_is_sent(acme):
    source = acme.deliver([*attempts(30), b'{"keen_id": "large", "text": "%s"}' % (b"x" * 20_000)])
    with pytest.raises(RecordTooLarge, match=r"record 30 .* takes 20,\d\d\d bytes .* at most 20,000"):
        acme.publish(source)
    assert acme.committed() == []


def test_a_record_of_exactly_the_maximum_is_taken(acme):
    """Random letters, so that compression does not hide what the broker sees."""
    generator = random.Random(1)
    size = 20_000 - (message_bytes(b"{}", 0) - 2) - len("k")
    text = bytes(generator.choices(bytes(byte for byte in range(128, 256)), k=size - len(b'{"keen_id": "k", "t": ""}')))
    records = [b'{"keen_id": "k", "t": "%s"}' % text] * 10
    assert message_bytes(records[0], 0) == 20_000
    refuse_difference(acme.publish(acme.deliver(records)), acme.committed(), records)


def test_many_records_of_a_topic_with_a_tiny_maximum(kafka, tmp_path):
    """A batch counts against the maximum as a whole; a ledger entry must fit beside it."""
    acme = Acme(kafka, tmp_path)
    tiny = TopicSpec(f"{acme.topic.name}.tiny", max_message_bytes=1024, chunk_records=500)
    ensure_topic(Admin(acme.kafka), tiny)
    generator = random.Random(2)
    records = [b'{"keen_id": "%d", "t": "%s"}' % (number, generator.randbytes(200).hex().encode()) for number in range(1000)]
    receipt = publish(acme.deliver(records), tiny, acme.kafka, tmp_path / "spool")
    refuse_difference(receipt, committed(kafka, tiny.name), records)


def test_an_unknown_topic_is_named(acme):
    with pytest.raises(Refused, match=r"there is no topic nosuch and no topic nosuch\.ledger on .* Clear ensure_topic"):
        publish(acme.deliver(attempts(1)), TopicSpec("nosuch"), acme.kafka, acme.folder / "spool")


def test_a_dead_broker_is_named_with_the_cause_in_bounded_time(acme, monkeypatch):
    monkeypatch.setattr("include.kafka.topics.ANSWER_SECONDS", 4)
    began = time.monotonic()
    with pytest.raises(LandfallError, match=r"127\.0\.0\.1:1 did not answer: .*Connection refused.*Nothing was published") as caught:
        publish(acme.deliver(attempts(1)), acme.topic, {"bootstrap.servers": "127.0.0.1:1"}, acme.folder / "spool")
    assert time.monotonic() - began < 120
    assert not isinstance(caught.value, Refused), "another try may find the broker up"


def test_a_wrong_source_publishes_nothing(acme):
    bad = acme.folder / "bad.json"
    bad.write_bytes(b"[" + b", ".join(attempts(30)) + b', {"keen_id"')
    with pytest.raises(SourceRefused, match=r"bad\.json is truncated"):
        acme.publish(acme.describe(bad))
    changed = acme.deliver(attempts(30))
    Path(changed.uris[0]).write_bytes(b"[{}]")
    with pytest.raises(SourceRefused, match="is not what was found for this day"):
        acme.publish(changed)
    assert acme.committed() == []


def test_a_file_written_to_in_the_middle_keeps_what_was_committed_and_nothing_more(acme, monkeypatch):
    records = attempts(30)
    source = acme.deliver(records, "a.ndjson")
    send = Publisher.send

    def send_and_grow(publisher: Publisher, chunk: Entry, found: Records) -> Entry:
        if chunk.chunk == 1:
            with Path(source.uris[0]).open("ab") as file:
                file.write(b"{}\n")
        return send(publisher, chunk, found)

    monkeypatch.setattr(Publisher, "send", send_and_grow)
    with pytest.raises(SourceRefused, match="was written to while it was being published"):
        acme.publish(source)
    assert len(acme.committed()) == 10


def test_an_aged_out_ingest_goes_out_whole_as_the_next_generation(acme):
    records = attempts(35)
    source = acme.deliver(records)
    first = acme.publish(source)
    partition, (_, last) = next(iter(first.offsets.items()))
    admin = Admin(acme.kafka)  # to be kept: the futures of a client that is gone never end
    admin.delete_records([TopicPartition(acme.topic.name, partition, last)])[TopicPartition(acme.topic.name, partition)].result(30)
    second = acme.publish(source)
    assert (second.generation, second.sent) == (2, 35)
    assert second.ingest != first.ingest
    assert f"partition {partition} of {acme.topic.name}: offsets" in second.warnings[0]
    assert "was published again as generation 2" in second.warnings[0]
    refuse_difference(second, [row for row in acme.committed() if row.ingest == second.ingest], records)
    third = acme.publish(source)
    assert third == replace(second, sent=0, warnings=third.warnings)
    assert "was published again as generation 2" in third.warnings[0], "the try that began it may have been killed"


def forget(acme: Acme, receipt: PublishReceipt) -> None:
    """As retention does: the records before the last of each partition are no longer there."""
    admin = Admin(acme.kafka)  # to be kept: the futures of a client that is gone never end
    for partition, (_, last) in receipt.offsets.items():
        where = TopicPartition(acme.topic.name, partition, last)
        admin.delete_records([where])[where].result(30)


def landing_of(source: Source, receipt: PublishReceipt) -> Landing:
    """What `landings` would say of this publishing, as far as it matters here."""
    names = {name: getattr(receipt, name) for name in ("customer", "day", "topic", "ingest", "generation", "offsets", "published")}
    return Landing(
        landing="one", run_id="r", found_at=source.found_at, committed_at="2018-01-29T01:00:00Z", source=tuple(source.uris),
        bytes=source.bytes, sha256=source.sha256, landed=receipt.published, duplicates=0, quarantined=0, test=0, conflicts=0,
        content_hash=receipt.content_hash, reasons={}, tables={}, snapshots={}, seconds={}, warnings=(), **names,
    )  # fmt: skip


RAW = ("hdfs://n:1/lake/acme/raw_assessments/landing=one/part-0.parquet",)


@pytest.mark.parametrize("kept", [True, False], ids=["the file is there", "the file is gone"])
def test_a_landed_day_that_kafka_forgot_is_read_from_the_lake_and_not_published_again(acme, kept):
    source = acme.deliver(attempts(25))
    first = acme.publish(source)
    landing = landing_of(source, first)
    if not kept:
        Path(source.uris[0]).unlink()
        source = source_of(landing)
    landed = LandedBefore(landing, lambda: RAW)
    assert acme.publish_again(source, landed) == replace(first, sent=0), "as long as Kafka has it, from there"
    forget(acme, first)
    ends = len(acme.committed())
    again = acme.publish_again(source, landed)
    assert again == replace(first, sent=0, chunks=0, chunk_records=0, raw=RAW, warnings=again.warnings)
    [warning] = again.warnings
    assert "landed again from HDFS: Kafka has forgotten records of landing one: partition" in warning
    assert acme.publish_again(source, landed) == again, "a second try says the same"
    assert len(acme.committed()) == ends, "nothing was sent"
    require_readable(Admin({"bootstrap.servers": "127.0.0.1:1"}), again)  # asks nothing of Kafka


def test_a_landed_day_of_a_topic_and_ledger_made_anew_is_read_from_the_lake(acme):
    source = acme.deliver(attempts(5))
    landing = landing_of(source, acme.publish(source))
    admin = Admin(acme.kafka)
    acme.delete_topics(acme.topic.name, acme.topic.ledger)
    ensure_topic(admin, acme.topic)
    again = acme.publish_again(source, LandedBefore(landing, lambda: RAW))
    assert (again.raw, again.ingest, again.published) == (RAW, landing.ingest, 5)
    assert "does not know all of it any more" in again.warnings[0]
    with pytest.raises(LandfallError, match="landing one has no file in raw_assessments"):
        acme.publish_again(source, LandedBefore(landing, tuple))
    assert acme.committed() == []


EMPTY = [("an empty file", b""), ("an empty array", b"[]"), ("blank lines", b"\n \r\n\n"), ("packed", gzip.compress(b"[ ]"))]


@pytest.mark.parametrize(("why", "content"), EMPTY, ids=[row[0] for row in EMPTY])
def test_a_source_without_records_is_refused_or_a_receipt_of_nothing(acme, why, content):
    file = acme.folder / ("a.json.gz" if why == "packed" else "a.json")
    file.write_bytes(content)
    source = acme.describe(file)
    with pytest.raises(SourceRefused, match=r"a\.json.* holds no record: .*Nothing of the source was published.*empty_source: accept"):
        acme.publish(source)
    for _ in range(2):
        receipt = publish(source, acme.topic, acme.kafka, acme.folder / "spool", accept_empty=True)
        assert (receipt.published, receipt.source_records, receipt.sent, receipt.offsets, receipt.chunks) == (0, 0, 0, {}, 0), why
        assert receipt.content_hash == receipt.source_hash == "0" * 16
        assert "the source holds no record" in receipt.warnings[0]
    require_readable(Admin({"bootstrap.servers": "127.0.0.1:1"}), receipt)  # there is nothing to ask for
    again = acme.publish_again(source, LandedBefore(landing_of(source, receipt), lambda: RAW))
    assert (again.published, again.raw, again.warnings) == (0, (), ())
    assert acme.committed() == []
    assert entries(acme.servers, acme.topic) == []


def test_a_topic_made_anew_is_no_place_where_records_lie(acme):
    records = attempts(12)
    source = acme.deliver(records)
    acme.publish(source)
    admin = Admin(acme.kafka)
    acme.delete_topics(acme.topic.name)
    assert ensure_topic(admin, acme.topic) == [acme.topic.name]
    receipt = acme.publish(source)
    assert "was deleted and made anew" in receipt.warnings[0]
    refuse_difference(receipt, acme.committed(), records)


def test_a_torn_ledger_entry_is_refused_until_the_ingest_is_taken_back(acme):
    records = attempts(25)
    source = acme.deliver(records)
    receipt = acme.publish(source)
    keys = [f"{receipt.ingest}/{chunk}".encode() for chunk in range(3)]
    acme.write_ledger(keys[1], None)
    acme.write_ledger(keys[1], b'{"version": 1, "custo')
    with pytest.raises(LedgerRefused, match=rf"{acme.topic.ledger}: entry {receipt.ingest}/1 at offset \d+ is torn"):
        acme.publish(source)
    assert len(acme.committed()) == 25, "nothing was sent"
    for key in keys:  # as the error says
        acme.write_ledger(key, None)
    again = acme.publish(source)
    assert (again.generation, again.sent) == (1, 25)
    inside = [row for row in acme.committed() if again.offsets[row.partition][0] <= row.offset <= again.offsets[row.partition][1]]
    refuse_difference(again, inside, records)


def test_an_entry_that_contradicts_the_source_is_refused(acme):
    source = acme.deliver(attempts(25))
    entry = ledger.sealed(
        Entry(
            **{field: getattr(_entry(acme, source, 10), field) for field in Entry.__struct_fields__}
            | {"chunks": 3, "offsets": {0: (0, 9)}, "topic_id": _topic_id(acme)}
        )
    )
    acme.write_ledger(entry.key, ledger.encode(entry))
    with pytest.raises(LedgerRefused, match=f"entry {entry.ingest}/0 contradicts the source: it says 10 records with hash 0000"):
        acme.publish(source)
    assert acme.committed() == []


def _topic_id(acme: Acme) -> str:
    from include.kafka.topics import described

    return str(described(Admin(acme.kafka), [acme.topic.name])[acme.topic.name].topic_id)


def test_entries_hidden_by_another_open_transaction_are_not_taken_for_missing(acme):
    source = acme.deliver(attempts(5))
    stranger = Producer({**acme.kafka, "transactional.id": f"stranger.{acme.customer}"})
    stranger.init_transactions(20)
    stranger.begin_transaction()
    stranger.produce(acme.topic.ledger, b"{}", f"{'0' * 16}/0".encode())
    stranger.flush()
    with pytest.raises(LandfallError, match="another transaction is open"):
        acme.publish(source)
    stranger.abort_transaction(20)
    assert acme.publish(source).sent == 5


def test_the_overhead_covers_what_a_batch_adds():
    """61 bytes of a batch; 36 of a record at most, and 4 of its two headers' lengths (Kafka's message format, version 2)."""
    assert OVERHEAD >= 61 + 36 + 4
