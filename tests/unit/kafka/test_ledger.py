"""What the ledger says of a source, and every kind of entry that must not be believed."""

import msgspec
import pytest

from include.kafka.ledger import Entry, LedgerRefused, Written, encode, entries_of, ingest_id, lost, refuse_other_records, sealed
from include.receipts import Source

SOURCE = Source("acme", "2018-01-28", (), 9, "ab" * 32, "2018-01-29T00:00:00Z")
OTHER = Source("acme", "2018-01-27", (), 9, "cd" * 32, "2018-01-28T00:00:00Z")


def entry(chunk: int = 0, source: Source = SOURCE, generation: int = 1, **changes: object) -> Entry:
    """Chunk `chunk` of three, of 10 records each and 5 in the last."""
    whole = Entry(
        customer=source.customer,
        day=source.day,
        source_sha256=source.sha256,
        topic_id="topic-1",
        ingest=ingest_id(source.customer, source.day, source.sha256, generation),
        generation=generation,
        chunk=chunk,
        chunks=3,
        chunk_records=10,
        first_record=chunk * 10,
        records=5 if chunk == 2 else 10,
        content_hash=f"{chunk:016x}",
        offsets={0: (chunk * 12, chunk * 12 + 9)},
    )
    return sealed(msgspec.structs.replace(whole, **changes))


def messages(*entries: Entry) -> list[Written]:
    return [Written(offset, one.key, encode(one)) for offset, one in enumerate(entries)]


def read(*entries: Entry) -> list[Entry]:
    return entries_of(SOURCE, messages(*entries), "assessments.acme.ledger")


def test_an_ingest_is_named_by_customer_day_bytes_and_generation():
    ids = [
        ingest_id("acme", "2018-01-28", "ab", 1),
        ingest_id("bmce", "2018-01-28", "ab", 1),
        ingest_id("acme", "2018-01-29", "ab", 1),
        ingest_id("acme", "2018-01-28", "cd", 1),
        ingest_id("acme", "2018-01-28", "ab", 2),
    ]
    assert len(set(ids)) == 5
    assert all(len(bytes.fromhex(one)) == 8 for one in ids)


def test_entries_are_those_of_the_newest_generation_in_order():
    rows = [
        ("an empty ledger", [], []),
        ("another day's entries", [entry(0, OTHER), entry(1, OTHER)], []),
        ("in the order of chunks, whatever the ledger's", [entry(2), entry(0), entry(0, OTHER)], [entry(0), entry(2)]),
        ("the newest generation only", [entry(0), entry(1), entry(0, generation=2)], [entry(0, generation=2)]),
    ]
    for why, written, expected in rows:
        assert read(*written) == expected, why


def test_an_entry_can_be_taken_back():
    first, second = messages(entry(0), entry(1))
    taken_back = [Written(2, first.key, None), Written(3, second.key, None)]
    assert entries_of(SOURCE, [first, second, *taken_back], "ledger") == []
    assert entries_of(SOURCE, [first, second, *taken_back, Written(4, first.key, first.value)], "ledger") == [entry(0)]


KEY = entry().key
TEXT = encode(entry())
DAMAGED = [
    ("cut", KEY, TEXT[:-30], "is torn: Input data was truncated"),
    ("empty", KEY, b"", "is torn"),
    ("not JSON", KEY, b"<entry/>", "is torn: JSON is malformed"),
    ("no object", KEY, b"[1]", "is torn: Expected `object`"),
    ("not UTF-8", KEY, TEXT.replace(b"acme", b"\xff\xfe\xfd\xfc"), "is torn"),
    ("a field missing", KEY, TEXT.replace(b'"chunks":3,', b""), "is torn: Object missing required field `chunks`"),
    ("a field of another type", KEY, TEXT.replace(b'"chunks":3', b'"chunks":"3"'), "is torn: Expected `int`, got `str`"),
    ("a field that nobody knows", KEY, TEXT.replace(b'"chunks":3', b'"chunks":3,"x":1'), "is torn: Object contains unknown field `x`"),
    ("a version to come", KEY, TEXT.replace(b'"version":1', b'"version":2'), "is of version 2, this program knows version 1"),
    ("a number changed", KEY, TEXT.replace(b'"records":10,"content', b'"records":9,"content'), "was changed after it was written"),
    ("an offset changed", KEY, TEXT.replace(b"[0,9]", b"[0,8]"), "was changed after it was written"),
    ("under another chunk's key", entry(1).key, TEXT, "which its key contradicts"),
    ("under a key of another kind", b"chunk zero", TEXT, "entry chunk zero at offset 7 is for chunk"),
    ("without a key", None, b"{}", "entry without a key at offset 7 is torn"),
]


@pytest.mark.parametrize(("why", "key", "value", "message"), DAMAGED, ids=[row[0] for row in DAMAGED])
def test_a_damaged_entry_is_refused_by_name(why, key, value, message):
    with pytest.raises(LedgerRefused, match=message) as caught:
        entries_of(SOURCE, [Written(7, key, value)], "assessments.acme.ledger")
    assert "assessments.acme.ledger: entry" in str(caught.value), why
    assert "Nothing was published" in str(caught.value), why


def test_damage_to_another_source_is_not_ours():
    torn = Written(0, entry(0, OTHER).key, b"{")
    assert entries_of(SOURCE, [torn, *messages(entry(0))], "ledger") == [entry(0)]


def test_a_damaged_entry_of_the_next_generation_is_ours():
    with pytest.raises(LedgerRefused, match="is torn"):
        entries_of(SOURCE, [*messages(entry(0)), Written(1, entry(1, generation=2).key, b"{")], "ledger")


CONTRADICTIONS = [
    ("another ingest's id", [entry(0, ingest="0" * 16)], "is of ingest 0000000000000000, this source's generation 1 is"),
    ("another plan, chunks", [entry(0), entry(1, chunks=4)], "another"),
    ("another plan, size", [entry(0), entry(1, chunk_records=11, first_record=11)], "another"),
    ("another topic", [entry(0), entry(1, topic_id="topic-2")], "another"),
    ("a chunk too many", [entry(3)], "is chunk 3 of only 3"),
    ("a gap in the records", [entry(1, first_record=11)], "begins with record 11"),
    ("too many records", [entry(0, records=11)], "has 11 records, a chunk has 10"),
    ("too few in the middle", [entry(1, records=9)], "only the last chunk may have fewer"),
    ("offsets backwards", [entry(0, offsets={0: (9, 0)})], "run backwards"),
    ("more records than offsets", [entry(0, offsets={0: (0, 4), 1: (0, 3)})], "has 10 records on 9 offsets"),
]


@pytest.mark.parametrize(("why", "entries", "message"), CONTRADICTIONS, ids=[row[0] for row in CONTRADICTIONS])
def test_a_contradicting_entry_is_refused_by_name(why, entries, message):
    with pytest.raises(LedgerRefused, match=message) as caught:
        read(*entries)
    assert entries[-1].key.decode() in str(caught.value), why


def test_a_chunk_written_twice_is_in_the_topic_twice():
    with pytest.raises(LedgerRefused, match="was written twice, at offsets 0 and 1"):
        read(entry(0), entry(0))


def test_a_chunk_written_twice_can_be_taken_back_and_is_no_other_source_s_affair():
    twice = messages(entry(0), entry(0))
    back = [*twice, Written(2, twice[0].key, None)]
    assert entries_of(SOURCE, back, "ledger") == []
    assert entries_of(SOURCE, [*back, Written(3, twice[0].key, twice[0].value)], "ledger") == [entry(0)]
    assert read(entry(0, OTHER), entry(0, OTHER), entry(1)) == [entry(1)]


def test_records_other_than_published_are_refused():
    refuse_other_records(entry(0), 10, "0" * 16, "ledger")
    for records, content_hash in ((9, "0" * 16), (10, "0" * 15 + "1")):
        with pytest.raises(LedgerRefused, match="contradicts the source"):
            refuse_other_records(entry(0), records, content_hash, "ledger")


def test_lost_records_are_named():
    written = [entry(0, offsets={0: (5, 14), 1: (0, 0)}), entry(1, offsets={0: (20, 29)})]
    rows = [
        ("all there", "topic-1", {("t", 0): (0, 30), ("t", 1): (0, 5)}, []),
        ("there from the first one on", "topic-1", {("t", 0): (5, 30), ("t", 1): (0, 5)}, []),
        ("one aged out", "topic-1", {("t", 0): (6, 30), ("t", 1): (0, 5)}, ["partition 0 of t: offsets 5 to 5 have aged out"]),
        (
            "everything aged out",
            "topic-1",
            {("t", 0): (40, 40), ("t", 1): (5, 5)},
            ["partition 0 of t: offsets 5 to 39 have aged out", "partition 1 of t: offsets 0 to 4 have aged out"],
        ),
        ("another topic of that name", "topic-2", {("t", 0): (0, 30)}, ["topic t was deleted and made anew since"]),
    ]
    for why, topic_id, now, expected in rows:
        assert lost(written, "t", topic_id, now) == expected, why
    assert lost([], "t", "topic-1", {}) == []
