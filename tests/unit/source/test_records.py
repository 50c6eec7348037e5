"""Splitting files into records, byte for byte; what is refused as a whole, and where the error says it is."""

import gzip
import itertools
import json
import os
import random
import resource
import traceback
from pathlib import Path

import pytest

from include.errors import LandfallError
from include.source.files import SourceRefused, describe, spool
from include.source.record_key import key_of, key_of_valid
from include.source.records import Records

BOM = b"\xef\xbb\xbf"


def split(tmp_path, content: bytes, name: str = "a.json") -> list[bytes]:
    file = tmp_path / name
    file.write_bytes(content)
    with Records.open([file]) as records:
        return list(records.slice(0, len(records)))


ARRAYS = [
    ("one line", b'[{"a": 1}, {"b": 2}]', [b'{"a": 1}', b'{"b": 2}']),
    ("no space at all", b'[{"a":1},{"b":2}]', [b'{"a":1}', b'{"b":2}']),
    ("any white space between, none lost inside", b' \r\n\t[\n{"a" :\n1}\t,\r\n \n{}\n]\n\n', [b'{"a" :\n1}', b"{}"]),
    ("a byte order mark", BOM + b"[{}]", [b"{}"]),
    ("elements that are no objects are records", b'[1, "x", null, [2, 3], -4.5e6]', [b"1", b'"x"', b"null", b"[2, 3]", b"-4.5e6"]),
    ("commas and brackets in strings", rb'["a,]\"", {"],[": "{"}]', [rb'"a,]\""', b'{"],[": "{"}']),
    ("invalid UTF-8 is a record's own affair", b'[{"a": "\xff\xfe"}]', [b'{"a": "\xff\xfe"}']),
    ("duplicate keys too", b'[{"a": 1, "a": 2}]', [b'{"a": 1, "a": 2}']),
    (
        "half a surrogate pair too",
        rb'[{"a": "\ud83d"}, {"b": "\ud83d\ude00 \udE00", "c": 1}]',
        [rb'{"a": "\ud83d"}', rb'{"b": "\ud83d\ude00 \udE00", "c": 1}'],
    ),
]

LINES = [
    ("line ends", b'{"a": 1}\n{"b": 2}\n', [b'{"a": 1}', b'{"b": 2}']),
    ("no line end after the last", b'{"a": 1}\n{"b": 2}', [b'{"a": 1}', b'{"b": 2}']),
    ("CRLF, and both kinds mixed", b'{"a": 1}\r\n{"b": 2}\n{}\r\n', [b'{"a": 1}', b'{"b": 2}', b"{}"]),
    ("a byte order mark", BOM + b"{}\n", [b"{}"]),
    ("blank lines are no records", b'\n\n{"a": 1}\n \t\r\n\r\n{"b": 2}\n\n', [b'{"a": 1}', b'{"b": 2}']),
    ("spaces of a line are its own", b' {"a": 1} \n{}\n', [b' {"a": 1} ', b"{}"]),
    ("a broken line in the middle is a record", b'{"a": 1}\n{"b": \n{}\n', [b'{"a": 1}', b'{"b": ', b"{}"]),
    ("a broken line at the end, if the line ends", b'{"a": 1}\n{"b": \n', [b'{"a": 1}', b'{"b": ']),
    ("a broken first line", b'{"a": \n{"b": 1}\n', [b'{"a": ', b'{"b": 1}']),
    ("lines that are no objects", b'{"a": 1}\n[2]\nnull\n', [b'{"a": 1}', b"[2]", b"null"]),
    ("trailing text and two objects on a line", b"{} x\n{} {}\n", [b"{} x", b"{} {}"]),
    ("invalid UTF-8, also at the end", b'{"a": "\xff"}\n{"b": "\xff"}', [b'{"a": "\xff"}', b'{"b": "\xff"}']),
    ("half a surrogate pair in a line that does not end", rb'{"a": "\ud83d"}', [rb'{"a": "\ud83d"}']),
    ("one object on one line", b'{"a": {"b": [1, 2]}}', [b'{"a": {"b": [1, 2]}}']),
]


@pytest.mark.parametrize(("why", "content", "expected"), ARRAYS + LINES, ids=[row[0] for row in ARRAYS + LINES])
def test_records_are_the_bytes_of_the_file(tmp_path, why, content, expected):
    assert split(tmp_path, content) == expected, why


def test_the_name_decides_only_when_the_first_byte_does_not(tmp_path):
    content = b"junk\n{}\n"
    for name in ("a.ndjson", "a.jsonl", "A.NDJSON"):
        assert split(tmp_path, content, name) == [b"junk", b"{}"], name
    assert split(tmp_path, b"[1,\n2]", "a.ndjson") == [b"1", b"2"], "an array is one whatever its name"


REFUSED = [
    ("empty", b"", "is empty"),
    ("only a byte order mark", BOM, "nothing but white space"),
    ("only white space", b" \r\n\t\n", "nothing but white space"),
    ("empty array", b" [ \n ] ", "is an empty array"),
    ("a string at the top", b'  "abc"', r"expected \[ or \{ at byte 2, found '\"'\."),
    ("a number at the top", b"17", r"expected \[ or \{ at byte 0, found a digit\."),
    ("UTF-16", '[{"a": 1}]'.encode("utf-16"), r"expected \[ or \{ at byte 0, found the mark of UTF-16"),
    ("one object over several lines", b'{\n  "a": 1,\n  "b": [2]\n}\n', "is one JSON object over several lines, from byte 0"),
    ("the same behind blank lines", b'\n\n{\n "a": 1\n}', "is one JSON object over several lines, from byte 2"),
    ("a syntax error in an array", b'[{"a": 1}, {"b": nul}]', r"invalid character at byte 18, found a letter\."),
    ("the byte counts from the file's begin", BOM + b"  [1,,2]", "at byte 8, found ','"),
    ("a comma too many", b"[1,]", "trailing comma in array at byte 3"),
    ("single quotes", b"[{'a': 1}]", "at byte 2"),
    ("text behind the array", b"[1] 2", "trailing characters at byte 4"),
    ("two arrays", b"[1]\n[2]\n", "trailing characters at byte 4"),
    (
        "an array that ends early",
        b'[{"a": 1}, {"b": ',
        "is truncated: the array that begins at byte 0 is still open where the file ends, at byte 17",
    ),
    ("an array that ends within a string", b'[{"a": "x', "is truncated.* at byte 9"),
    ("a syntax error behind half a surrogate pair", rb'[{"a": "\ud83d"}, {"b": nul}]', "invalid character at byte 25"),
    ("an array that ends early, behind one", rb'[{"a": "\ud83d"}, {"b": ', "is truncated.* at byte 24"),
    ("half a surrogate pair outside of a text", rb"[\ud83d]", "invalid character at byte 1"),
    ("an array of 100,000 arrays", b"[" * 100_000, "deeper than Python can follow"),
    ("a cut last line", b'{"a": 1}\n{"b": ', r"is truncated: its last line \(record 1, from byte 9\)"),
    (
        "two values on one line",
        b'{"a": 1}\n{"b": 2} {"c": 3}',
        r"is not NDJSON: its last line \(record 1, from byte 9\) .* wrong at byte 18",
    ),
    ("lines that end in CR alone", b'{"a": 1}\r{"b": 2}', "has lines that end in CR alone, the first at byte 8"),
    ("a last line that is cut, too deep to follow", b'{"a": ' + b"[" * 3000 + b"]" * 3000, r"is truncated: its last line"),
    ("a cut last line after CRLF", b'{"a": 1}\r\n{"b": "\r', r"is truncated: its last line \(record 1, from byte 10\)"),
]


SENTINEL = b"SENTINEL"
FAULTS = [
    ("at the top", SENTINEL),
    ("a text at the top", b'"' + SENTINEL + b'"'),
    ("in an array", b'[{"keen_id": "SENTINEL" "a", "b": "SENTINEL"}]'),
    ("in an array, a word", b'[{"keen_id": SENTINEL}]'),
    ("behind an array", b"[1] SENTINEL"),
    ("an array that ends within a text", b'[{"keen_id": "SENTINEL'),
    ("a cut last line", b'{"a": 1}\n{"keen_id": "SENTINEL'),
    ("a last line of two values", b'{"a": 1}\n{"keen_id": "SENTINEL"} {"keen_id": "SENTINEL"}'),
    ("one object over several lines", b'{\n"keen_id": "SENTINEL"\n}'),
    ("lines that end in CR alone", b'{"keen_id": "SENTINEL"}\r{"keen_id": "SENTINEL"}'),
]


@pytest.mark.parametrize(("why", "content"), FAULTS, ids=[row[0] for row in FAULTS])
def test_an_error_names_the_place_and_nothing_that_is_written_there(tmp_path: Path, why: str, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(SourceRefused, match=r"\d") as caught:
        Records.open([tmp_path / "a.json"])
    assert not [line for line in traceback.format_exception(caught.value) if "SENTINEL" in line and "test_records.py" not in line]


@pytest.mark.parametrize(("why", "content", "message"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_file_that_cannot_be_read_as_a_whole_is_refused(tmp_path, why, content, message):
    with pytest.raises(SourceRefused, match=message) as caught:
        split(tmp_path, content)
    assert "a.json" in str(caught.value), why
    assert "Nothing of the source was published" in str(caught.value), why


def test_no_cut_of_an_array_is_taken_for_a_whole_file(tmp_path):
    whole = b' [{"a": "x\\u00e9", "b": [1, 2.5e3, true]},\n {}] '
    for end in range(whole.rindex(b"]") + 1):
        with pytest.raises(SourceRefused, match=r"truncated|empty|white space"):
            split(tmp_path, whole[:end])


EMPTY = [(why, content) for why, content, _ in REFUSED[:4]]


@pytest.mark.parametrize(("why", "content"), EMPTY, ids=[row[0] for row in EMPTY])
def test_files_without_a_record_are_accepted_where_that_is_said(tmp_path, why, content):
    (tmp_path / "a.json").write_bytes(content)
    (tmp_path / "b.ndjson").write_bytes(b"{}\n")
    with pytest.raises(SourceRefused, match=r"a\.json holds no record: .* say `empty_source: accept` in the contract"):
        Records.open([tmp_path / "a.json"])
    with Records.open([tmp_path / "a.json"], accept_empty=True) as records:
        assert (len(records), list(records.slice(0, 0))) == (0, []), why
    with Records.open([tmp_path / "a.json", tmp_path / "b.ndjson"], accept_empty=True) as records:
        assert list(records.keyed(0, 1)) == [(b"{}", None)], why


def test_records_are_numbered_through_all_files(tmp_path):
    for name, content in (("a.json", b"[1,2,3]"), ("b.ndjson", b'{"b": 1}\r\n\n{"b": 2}\n'), ("c.json", b"[4]")):
        (tmp_path / name).write_bytes(content)
    paths = [tmp_path / name for name in ("a.json", "b.ndjson", "c.json")]
    everything = [b"1", b"2", b"3", b'{"b": 1}', b'{"b": 2}', b"4"]
    with Records.open(paths) as records:
        assert len(records) == 6
        assert list(records.sizes()) == [len(record) for record in everything]
        for first, last in itertools.combinations(range(7), 2):
            assert list(records.slice(first, last - first)) == everything[first:last]
        assert list(records.slice(2, 0)) == []
        assert [records[number] for number in range(6)] == everything
        assert records.where(4) == (str(paths[1]), 11, 19)
        for number in (-1, 6):
            with pytest.raises(IndexError):
                records.where(number)
        with pytest.raises(IndexError):
            list(records.slice(5, 2))


def test_one_bad_file_refuses_the_source(tmp_path):
    (tmp_path / "a.json").write_bytes(b"[1]")
    (tmp_path / "b.json").write_bytes(b"[2")
    with pytest.raises(SourceRefused, match=r"b\.json is truncated"):
        Records.open([tmp_path / "a.json", tmp_path / "b.json"])


def test_a_file_written_to_while_it_is_read_is_noticed(tmp_path):
    file = tmp_path / "a.ndjson"
    file.write_bytes(b"{}\n" * 3)
    with Records.open([file]) as records:
        reading = records.slice(0, 3)
        next(reading)
        with file.open("ab") as more:
            more.write(b"{}\n")
        with pytest.raises(SourceRefused, match="was written to while it was being published"):
            list(reading)


def test_a_file_rewritten_with_its_size_and_times_set_back_is_noticed(tmp_path):
    file = tmp_path / "a.json"
    file.write_bytes(b"[1, 2]")
    times = os.stat(file)
    with Records.open([file]) as records:
        reading = records.slice(0, 2)
        next(reading)
        with file.open("r+b") as same:
            same.write(b"[3, 4]")
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
        with pytest.raises(LandfallError, match="its times, owner or mode were set"):
            list(reading)


def test_more_files_than_a_process_may_have_open(tmp_path):
    paths = [tmp_path / f"{number:04d}.json" for number in range(520)]
    for number, path in enumerate(paths):
        path.write_bytes(b"[%d]" % number)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 200, hard))
    try:
        source = describe("acme", "2018-01-28", [str(path) for path in paths], "2018-01-29T00:00:00Z")
        spooled = spool(source, tmp_path)
        spooled.confirm()
        with Records.open(spooled.paths) as records:
            assert list(records.slice(0, 520)) == [b"%d" % number for number in range(520)]
            assert [records[number] for number in (519, 0, 300)] == [b"519", b"0", b"300"]
            spooled.confirm_again(records.digest)
            paths[7].write_bytes(b"[8]")
            with pytest.raises(LandfallError, match=r"0007\.json"):
                records[7]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_an_error_names_what_was_delivered(tmp_path):
    for name, packed, said in (("a.json", False, "a.json is truncated"), ("b.json.gz", True, r"b.json.gz \(unpacked\) is truncated")):
        (tmp_path / name).write_bytes(gzip.compress(b"[1") if packed else b"[1")
        (folder := tmp_path / f"spool {name}").mkdir()
        spooled = spool(describe("acme", "2018-01-28", [str(tmp_path / name)], "2018-01-29T00:00:00Z"), folder)
        with pytest.raises(SourceRefused, match=f"^{tmp_path}/{said}") as caught:
            Records.open(spooled.paths, names=spooled.names)
        assert "spool" not in str(caught.value)


def test_a_file_replaced_by_another_goes_on_being_read(tmp_path):
    file = tmp_path / "a.json"
    file.write_bytes(b"[1, 2]")
    with Records.open([file]) as records:
        (tmp_path / "new").write_bytes(b"[3, 4]")
        os.replace(tmp_path / "new", file)
        assert list(records.slice(0, 2)) == [b"1", b"2"]


KEYS = [
    ("a string", b'{"keen_id": "5a6745820eb8ab00016be1f1"}', b"5a6745820eb8ab00016be1f1"),
    ("in UTF-8", '{"keen_id": "é😀"}'.encode(), "é😀".encode()),
    ("escaped", rb'{"keen_id": "\u00e9\ud83d\ude00\n"}', "é😀\n".encode()),
    ("empty is a string", b'{"keen_id": ""}', b""),
    ("its name escaped", rb'{"keen\u005fid": "a"}', b"a"),
    ("last member", b'{"x": {"y": [1]}, "keen_id": "a", "z": 1, "s": "}", "n": null}', b"a"),
    ("followed by what is not flat", b'{"keen_id": "a", "z": {"keen_id": "b"}}', b"a"),
    ("only deeper down", b'{"z": {"keen_id": "b"}}', None),
    ("only in a string", rb'{"z": "\"keen_id\": \"b\"", "y": "{, \"keen_id"}', None),
    ("in an array of objects", b'[{"keen_id": "b"}]', None),
    ("as a value", b'{"a": "keen_id", "b": "c"}', None),
    ("another case", b'{"KEEN_ID": "a"}', None),
    ("a number", b'{"keen_id": 6}', None),
    ("null", b'{"keen_id": null}', None),
    ("an object", b'{"keen_id": {"keen_id": "a"}}', None),
    ("no object", b'"keen_id"', None),
    ("not UTF-8", b'{"keen_id": "\xff"}', None),
    ("other fields not UTF-8", b'{"x": "\xff", "keen_id": "a"}', b"a"),
]
BROKEN = [
    ("trailing text", b'{"keen_id": "a"} x', None),
    ("cut", b'{"keen_id": "a"', None),
    ("blank", b"  ", None),
    ("too deep", b'{"a":' * 100_000, None),
]
# msgspec refuses them, JSON's grammar does not.
HALVES = [
    ("in another field", rb'{"keen_id": "a", "name": "cut \ud83d"}', b"a"),
    ("a second half", rb'{"name": "\ude00 cut", "keen_id": "a"}', b"a"),
    ("in the key", rb'{"keen_id": "a\uD83D"}', b"a?"),
    ("beside whole pairs, which stay", rb'{"keen_id": "\ud83d\ude00\ud83d", "n": "\ud83d\ude00"}', "😀?".encode()),
    ("two first halves", rb'{"keen_id": "\ud83d\ud83d\ude00"}', "?😀".encode()),
    ("after an escaped backslash", rb'{"keen_id": "\\\ud83d\\ud83d"}', rb"\?\ud83d"),
    ("and broken", rb'{"keen_id": "a", "name": "\ud83d"', None),
    ("and no object", rb'["\ud83d"]', None),
]


def test_the_key_is_the_keen_id_of_an_object():
    for why, record, expected in KEYS + BROKEN + HALVES:
        assert key_of(record) == expected, why
    for why, record, expected in KEYS + HALVES[:-2]:
        assert key_of_valid(record) == expected, f"{why}, known to be valid"


def test_the_short_way_to_the_key_agrees_with_the_parser():
    """On 3,000 generated records; whatever JSON it is, the two may differ only where the key is repeated."""
    generator = random.Random(7)
    texts = ['"keen_id"', '"keen_id": "no"', "{", "}", '\\"keen_id', "a", "é", ",", '", "keen_id": "no"']

    def value(depth: int) -> object:
        kind = generator.randrange(6 if depth < 3 else 4)
        if kind == 4:
            return [value(depth + 1) for _ in range(generator.randrange(3))]
        if kind == 5:
            return members(depth + 1)
        return [generator.choice(texts), generator.random(), None, True][kind]

    def members(depth: int) -> dict[str, object]:
        return {generator.choice([*texts, "keen_id", "keen_id"]): value(depth) for _ in range(generator.randrange(5))}

    for _ in range(3000):
        record = json.dumps(members(0), ensure_ascii=generator.random() < 0.5, indent=generator.choice([None, 1])).encode()
        assert key_of_valid(record) == key_of(record), record
