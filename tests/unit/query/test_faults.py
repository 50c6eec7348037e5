"""The part of a record that is shown is the one at fault, wherever in the record it is."""

import pytest

from include.query.faults import BEFORE, SHOWN_BYTES, excerpt, place_of, places
from tests.oracle.built_landing import attempt

LONG = attempt(1, results=("correct",) * 30)
DEEP = LONG.replace(b'"total": 30', b'"total": "thirty"')
OPTION = LONG.replace(b'"id": "question 17"', b'"id": {"no": "string"}')
FOUND = 'found "x"'
CASES = [
    ("a count that is a text", DEEP, "wrong_type", 'sequences.counts.total: expected whole number, found "thirty"', b'"total": "thirty"'),
    ("an id in an array", OPTION, "wrong_type", "sequences.questions[17].id: expected string, found {}", b'"id": {"no": "string"}'),
    ("an element that is no object", b'{"sequences": {"questions": [{}, 7]}}', "wrong_type",
     "sequences.questions[1]: expected object, found 7", b"7]}}"),
    ("a moment at the end", b'{"a": "' + b"b" * 500 + b'", "started_at": "yesterday"}', "unreadable_value",
     f"started_at: cannot be read as moment, {FOUND}", b'"started_at": "yesterday"'),
    ("a keen_id that is a number, not at the beginning", b'{"exam_name": "a", "keen_id": 6}', "missing_keen_id",
     f"keen_id: expected a string that is not blank, {FOUND}", b'"keen_id": 6'),
    ("a key with an escape in it", rb'{"a": 1, "st\u0061rted_at": 7}', "wrong_type", "started_at: expected string, found 7", b'"st\\u0061'),
    ("braces and quotes within a text", rb'{"exam_name": "}\"{[,:", "started_at": 7}', "wrong_type", "started_at: x", b'"started_at"'),
    ("a key twice", LONG[:-1] + b', "exam_name": "again"}', "duplicate_key", "key exam_name twice", b'"exam_name": "again"'),
    ("the same key in two objects is no fault", b'{"sequences": {"id": 1}, "id": 2, "id": 3}', "duplicate_key", "a key", b'"id": 3'),
    ("a comma too many", b'{"a": 1,' + b" " * 300 + b", }", "invalid_json", "not JSON", b", }"),
    ("text after the end", LONG + b" and more", "invalid_json", "text after the end of the object", b"nd more"),
    ("bytes that are not UTF-8", LONG[:-1] + b', "b": "\xff"}', "not_utf8", "bytes that are not UTF-8", b'\xff"}'),
]  # fmt: skip


@pytest.mark.parametrize(("why", "value", "reason", "detail", "fault"), CASES, ids=[row[0] for row in CASES])
def test_the_fault_is_found_in_the_bytes(why: str, value: bytes, reason: str, detail: str, fault: bytes) -> None:
    assert place_of(value, reason, detail) == value.rindex(fault), why
    assert fault.decode("utf-8", "replace") in excerpt(value, reason, detail), why


WITHOUT = [
    ("the whole record", LONG, "blank", "5 bytes, nothing but white space"),
    ("no object", b"[1, 2]", "not_an_object", "a record is a JSON object, found [1, 2]"),
    ("what is not there has no place", b'{"exam_name": "a"}', "missing_keen_id", "keen_id: expected a string, found nothing"),
    ("another parser's opinion", LONG, "invalid_json", "not JSON"),
    ("a detail that names nothing", LONG, "wrong_type", "the record contradicts the written schema"),
    ("no detail", LONG, "wrong_type", None),
    ("no bytes", b"", "blank", "0 bytes"),
    ("what a file lost", b"", "wrong_type", "started_at: expected string, found 7"),
]


@pytest.mark.parametrize(("why", "value", "reason", "detail"), WITHOUT, ids=[row[0] for row in WITHOUT])
def test_without_a_place_the_beginning_is_shown(why: str, value: bytes, reason: str, detail: str | None) -> None:
    assert place_of(value, reason, detail or "") is None, why
    assert excerpt(value, reason, detail).rstrip("…") == value[:SHOWN_BYTES].decode(), why


def test_a_record_that_ends_too_early_shows_its_end() -> None:
    assert excerpt(LONG[:700], "invalid_json", "not JSON") == "…" + LONG[700 - SHOWN_BYTES : 700].decode()


def test_an_excerpt_has_its_length_and_says_where_more_is() -> None:
    at = DEEP.index(b'"total"')
    assert excerpt(DEEP, "wrong_type", 'sequences.counts.total: expected x, found "y"') == (
        "…" + DEEP[at - BEFORE : at - BEFORE + SHOWN_BYTES].decode() + "…"
    )


def test_a_cut_through_a_character_leaves_none_of_it() -> None:
    for filler in range(4):
        value = b'{"a": "' + b"x" * filler + "ä€😀".encode() * 40 + b'", "started_at": 7, "b": "' + b"z" * 200 + b'"}'
        assert "\ufffd" not in excerpt(value, "wrong_type", "started_at: expected string, found 7")


@pytest.mark.parametrize("value", [b"}]},:", b"[[[", b'{"a', b'"', b"{" * 5000, b'{"a": [1, {"b": 2}, [3]]}', bytes(range(256))])
def test_whatever_the_bytes_are_the_places_come_to_an_end(value: bytes) -> None:
    assert all(0 <= place.begin < len(value) for place in places(value))


def test_paths_are_written_as_spark_writes_them() -> None:
    found = [place.path for place in places(b'{"a": [1, {"b": 2}, [3, 4]], "c": {"d": null}}')]
    assert found == ["a", "a[0]", "a[1]", "a[1].b", "a[2]", "a[2][0]", "a[2][1]", "c", "c.d"]
