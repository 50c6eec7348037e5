"""Which records land and which do not: one table of cases, whose rows say why they exist."""

import json
from typing import Any, NamedTuple

import pytest

from json_text import DETAIL_LENGTH, MOST_LEVELS
from judging import Judge
from tests.oracle.recount import judge as recounted

DEEP = 900


class Case(NamedTuple):
    why: str
    value: bytes | str | dict[str, Any]
    reason: str | None
    detail: str = ""  # what the detail must contain

    @property
    def bytes(self) -> bytes:
        if isinstance(self.value, dict):
            return json.dumps(self.value).encode()
        return self.value.encode() if isinstance(self.value, str) else self.value


def attempt(**fields: Any) -> dict[str, Any]:
    """A good record with some fields changed."""
    return {"keen_id": "k", "exam_name": "Soup", "started_at": "2018-01-28T10:00:00.000Z", "max_attempts": "1.0", **fields}


def sequences(**fields: Any) -> dict[str, Any]:
    return attempt(sequences={"id": "s", "attempt": 1, **fields})


def option(**fields: Any) -> dict[str, Any]:
    return sequences(questions=[{"id": "q0", "options": []}, {"id": "q1", "options": [{"id": "o0"}, {"id": "o1", **fields}]}])


def nested(levels: int) -> str:
    """A record with so many levels below its own."""
    return '{"keen_id":"k","x":' + "[" * levels + "]" * levels + "}"


FIT = [
    Case("a plain record", attempt(), None),
    Case("everything at once", option(checked=True, correct=False, at="2018-01-28T10:00:01.5Z", submitted=1), None),
    Case("white space around the record belongs to JSON", ' \t\r\n{"keen_id" : "k" }\n ', None),
    Case("fields may be missing", {"keen_id": "k"}, None),
    Case("null is allowed wherever it stands", attempt(exam_name=None, started_at=None, max_attempts=None, sequences=None), None),
    Case("null within", sequences(id=None, attempt=None, counts=None, questions=[None, {"id": None, "options": [None]}]), None),
    Case("empty objects and arrays", sequences(counts={}, questions=[{}, {"options": []}, {"options": [{}]}]), None),
    Case("unknown fields are ignored", attempt(extra={"a": [1, {"b": None}]}, rating=4.5), None),
    Case(
        "a field of that name elsewhere is an unknown field",
        attempt(id=7, at=8, user_result=[], extra={"keen_id": 6, "exam_name": {}}),
        None,
    ),
    Case("the same, inside known objects", sequences(exam_name=5, counts={"id": 1, "started_at": 3}), None),
    Case("an unknown `at` need not be a moment", attempt(at="yesterday", extra={"started_at": ""}), None),
    Case("names are case-sensitive: another field", attempt(EXAM_NAME=5), None),
    Case("keys may repeat in different objects", sequences(questions=[{"id": "a"}, {"id": "a"}]), None),
    Case("JSON in a string is a string", attempt(exam_name='{"id": 5, "at": "never"}'), None),
    Case("not ASCII", attempt(exam_name="Кэши 🌌"), None),
    Case("the same as it stands in UTF-8", '{"keen_id":"k","exam_name":"Кэши 🌌"}', None),
    Case("escaped ASCII in a value", '{"keen_id":"\\u006b","started_at":"2018-01-28T10:00:00\\u005a"}', None),
    Case("escaped slash", '{"keen_id":"a\\/b"}', None),
    Case("half a surrogate pair is grammatical", '{"keen_id":"k","exam_name":"\\ud800"}', None),
    Case("NUL as an escape", '{"keen_id":"k","exam_name":"\\u0000"}', None),
    Case("the largest int", sequences(counts={"total": 2**31 - 1}), None),
    Case("an unknown number of 400 digits", '{"keen_id":"k","x":' + "9" * 400 + "}", None),
    Case("an unknown number beyond a double", '{"keen_id":"k","x":1e999}', None),
    Case(f"{DEEP} levels of an unknown field", nested(DEEP), None),
    Case("990 levels, at which other parsers stop", nested(990), None),
    Case("as many levels as may be", nested(MOST_LEVELS - 1), None),
    Case("as many objects within each other", '{"keen_id":"k","x":' + '{"x":' * 999 + "1" + "}" * 1000, None),
    Case("many brackets are not deep, nor are those in texts", '{"keen_id":"k","x":[' + "[]," * 2000 + '"' + "[" * 2000 + '\\""]}', None),
    Case("an unknown number of 5,000 digits", '{"keen_id":"k","x":-' + "9" * 5000 + "}", None),
    Case("an unknown fraction of 5,000 digits", '{"keen_id":"k","x":0.' + "9" * 5000 + "}", None),
    Case("a key of 60,000 characters", '{"keen_id":"k","' + "x" * 60_000 + '":1}', None),
    Case("a text of 21 million characters", '{"keen_id":"k","exam_name":"' + "x" * 21_000_000 + '"}', None),
    Case("U+2028 in a text", '{"keen_id":"k","exam_name":"a\u2028b"}', None),
    Case("minus zero", '{"keen_id":"k","sequences":{"attempt":-0}}', None),
    Case("keys that differ by more than escapes", '{"keen_id":"k","\\u0061":1,"A":2}', None),
    Case("quotation mark and colon within texts", '{"keen_id":"k","exam_name":"\\":\\":","x" : "\\":"}', None),
    Case("text may be empty where it is only text", attempt(exam_name="", certification=""), None),
    Case("an offset instead of Z", attempt(started_at="2018-01-28T11:00:00+01:00"), None),
]

UNFIT = [
    Case("a byte that no UTF-8 has", b'{"keen_id":"k","exam_name":"Caf\xe9"}', "not_utf8", "Caf\ufffd"),
    Case("cut off within a character", b'{"keen_id":"k","exam_name":"\xe2\x82"}', "not_utf8"),
    Case("a surrogate half as bytes", b'{"keen_id":"k","exam_name":"\xed\xa0\x80"}', "not_utf8"),
    Case("overlong: a slash in two bytes", b'{"keen_id":"k","exam_name":"\xc0\xaf"}', "not_utf8"),
    Case("not UTF-8 comes before not JSON", b"{\xff", "not_utf8"),
    Case("no bytes", b"", "blank", "0 bytes"),
    Case("white space", b" \t\r\n", "blank", "4 bytes"),
    Case("white space of another script", "\u00a0\u2003", "blank"),
    Case("trailing text, which from_json ignores", '{"keen_id":"k"} x', "invalid_json", "text after the end"),
    Case("two objects", '{"keen_id":"k"}{"keen_id":"l"}', "invalid_json", "text after the end"),
    Case("two objects with a comma: an array's inside", '{"keen_id":"k"},{"keen_id":"l"}', "invalid_json"),
    Case("a bracket that could close the seal", '{"keen_id":"k"}] junk', "invalid_json"),
    Case("a brace that could", '{"keen_id":"k"}} junk', "invalid_json"),
    Case("one that brings a seal of its own", '{"keen_id":"k"},42]', "invalid_json"),
    Case("single quotes, which from_json takes", "{'keen_id':'k'}", "invalid_json", "not JSON: {'keen_id'"),
    Case("unquoted name", '{keen_id:"k"}', "invalid_json"),
    Case("NaN, which from_json takes", '{"keen_id":"k","x":NaN}', "invalid_json"),
    Case("Infinity", '{"keen_id":"k","x":-Infinity}', "invalid_json"),
    Case("a comma too many", '{"keen_id":"k",}', "invalid_json"),
    Case("cut off", '{"keen_id":"k","exam_name":"So', "invalid_json", "(Unterminated string starting at: byte 27)"),
    Case("at which byte, not at which character", '{"keen_id":"ключ",}', "invalid_json", "double quotes: byte 22)"),
    Case("NaN: where", '{"keen_id":"NaN","x":[1,NaN]}', "invalid_json", "NaN is no value of JSON: byte 24"),
    Case("too deep", nested(MOST_LEVELS), "too_deep", "nested deeper than 1,000 levels, at byte 1,018"),
    Case("too deep, whatever follows", '{"keen_id":"k","x":' + "[" * 100_000, "too_deep"),
    Case("a tab in a string", '{"keen_id":"k","exam_name":"a\tb"}', "invalid_json"),
    Case("a control character in a string", '{"keen_id":"k\x01"}', "invalid_json"),
    Case("an escape that there is not", '{"keen_id":"\\x6b"}', "invalid_json"),
    Case("a leading zero", '{"keen_id":"k","x":01}', "invalid_json"),
    Case("a plus sign", '{"keen_id":"k","x":+1}', "invalid_json"),
    Case("a comment", '{"keen_id":"k"/* */}', "invalid_json"),
    Case("a byte order mark within the file", '\ufeff{"keen_id":"k"}', "invalid_json"),
    Case("a wrong type and broken at the end: the syntax comes first", '{"keen_id":6} x', "invalid_json"),
    Case("two keys and broken", '{"keen_id":"k","keen_id":"l"', "invalid_json"),
    Case("null", "null", "not_an_object", "found null"),
    Case("a string", '"keen_id"', "not_an_object"),
    Case("a number", "5", "not_an_object", "found 5"),
    Case("an array", '[{"keen_id":"k"}]', "not_an_object"),
    Case("an array in which a key repeats: not an object first", '[{"a":1,"a":1}]', "not_an_object"),
    Case("a key twice", '{"keen_id":"k","keen_id":"l"}', "duplicate_key", "key keen_id stands more than once in the record"),
    Case("an unknown key twice", '{"x":1,"keen_id":"k","x":1}', "duplicate_key", "key x "),
    Case("twice, once escaped", '{"keen_id":"k","\\u006been_id":"k"}', "duplicate_key"),
    Case("within sequences", '{"keen_id":"k","sequences":{"id":"s","id":"t"}}', "duplicate_key", "in sequences"),
    Case(
        "within counts",
        '{"keen_id":"k","sequences":{"counts":{"total":1,"total":2}}}',
        "duplicate_key",
        "key total stands more than once in sequences.counts",
    ),
    Case(
        "deep down",
        '{"keen_id":"k","sequences":{"questions":[{"options":[{"id":"a","id":"b"}]}]}}',
        "duplicate_key",
        "key id stands more than once in sequences.questions[0].options[0]",
    ),
    Case("deep in an unknown field", '{"keen_id":"k","x":[[{"a":1,"a":1}]]}', "duplicate_key", "key a stands more than once in x[0][0]"),
    Case("twice, with space behind the name", '{"keen_id":"k","x" :1,"y":"\\":","x" :2}', "duplicate_key", "key x "),
    Case("within an element of a wrong type", '{"keen_id":"k","sequences":[{"a":1,"a":1}]}', "duplicate_key", "sequences[0]"),
    Case("twice and no keen_id: the key comes first", '{"x":1,"x":1}', "duplicate_key"),
    Case("no keen_id", {"exam_name": "Soup"}, "missing_keen_id", "found nothing"),
    Case("an empty object", "{}", "missing_keen_id"),
    Case("keen_id null", {"keen_id": None}, "missing_keen_id"),
    Case("keen_id empty", {"keen_id": ""}, "missing_keen_id", 'found ""'),
    Case("keen_id blank", {"keen_id": " \t"}, "missing_keen_id"),
    Case("another case: not keen_id", {"KEEN_ID": "k"}, "missing_keen_id"),
    Case("no keen_id and a wrong type: keen_id first", {"exam_name": 5}, "missing_keen_id"),
    Case("no keen_id and a corrupt count", {"sequences": {"attempt": "one"}}, "missing_keen_id"),
    Case("keen_id a number, which from_json makes a string", {"keen_id": 6}, "wrong_type", "keen_id: expected string, found 6"),
    Case("keen_id an object", {"keen_id": {}}, "wrong_type", "keen_id"),
    Case("a number for a string", attempt(exam_name=5), "wrong_type", "exam_name: expected string, found 5"),
    Case("a boolean for a string", attempt(certification=False), "wrong_type", "certification: expected string, found false"),
    Case("an object for a string", attempt(base_exam_id={"a": 1}), "wrong_type", 'base_exam_id: expected string, found {"a":1}'),
    Case("an array for a string", attempt(user_exam_id=["a"]), "wrong_type", "user_exam_id"),
    Case("a number for a number in a string", attempt(max_attempts=1.0), "wrong_type", "max_attempts: expected string, found 1"),
    Case("a number for Unix seconds in a string", attempt(keen_timestamp=1514210979.4), "wrong_type", "keen_timestamp"),
    Case(
        "a number for a moment, which from_json takes as seconds",
        attempt(started_at=1514210979),
        "wrong_type",
        "started_at: expected string",
    ),
    Case("the name escaped", '{"keen_id":"k","exam\\u005fname":5}', "wrong_type", "exam_name"),
    Case("space around the colon", '{"keen_id":"k","exam_name" \n:\t 5}', "wrong_type", "exam_name"),
    Case(
        "a word for an int",
        sequences(counts={"total": "four"}),
        "wrong_type",
        'sequences.counts.total: expected whole number, found "four"',
    ),
    Case("digits in a string for an int", sequences(attempt="1"), "wrong_type", "sequences.attempt"),
    Case("a fraction for an int", sequences(counts={"correct": 1.5}), "wrong_type", "found 1.5"),
    Case(
        "1.0 for an int",
        '{"keen_id":"k","sequences":{"attempt":1.0}}',
        "wrong_type",
        "sequences.attempt: expected whole number without decimal point or exponent, found 1.0",
    ),
    Case("1e2 for an int", '{"keen_id":"k","sequences":{"attempt":1e2}}', "wrong_type", "without decimal point or exponent, found 1e2"),
    Case("1e400 for an int", '{"keen_id":"k","sequences":{"attempt":1e400}}', "wrong_type", "found 1e400"),
    Case("5,000 digits for an int", '{"keen_id":"k","sequences":{"attempt":' + "7" * 5000 + "}}", "wrong_type", "2147483647, found 777"),
    Case("beyond int32", sequences(counts={"total": 2**31}), "wrong_type", "found 2147483648"),
    Case("beyond int64", sequences(counts={"total": 10**20}), "wrong_type"),
    Case("a boolean for an int", sequences(attempt=True), "wrong_type"),
    Case("an int for a boolean", sequences(counts={"all_correct": 1}), "wrong_type", "expected boolean, found 1"),
    Case("a string for a boolean", option(checked="true"), "wrong_type", "sequences.questions[1].options[1].checked"),
    Case("an object for an array", sequences(questions={"id": "q"}), "wrong_type", "sequences.questions: expected array"),
    Case("an array for an object", attempt(sequences=[]), "wrong_type", "sequences: expected object, found []"),
    Case("a string for an object", sequences(counts="none"), "wrong_type", "sequences.counts: expected object"),
    Case("a string for a question", sequences(questions=[None, "q"]), "wrong_type", "sequences.questions[1]: expected object"),
    Case(
        "a number for an option",
        sequences(questions=[{"options": [7]}]),
        "wrong_type",
        "sequences.questions[0].options[0]: expected object",
    ),
    Case("an array for a question", sequences(questions=[[]]), "wrong_type", "sequences.questions[0]"),
    Case("a number for a string deep down", option(id=7), "wrong_type", "sequences.questions[1].options[1].id: expected string, found 7"),
    Case("a number for a result", sequences(questions=[{"user_result": 1}]), "wrong_type", "sequences.questions[0].user_result"),
    Case("a number for a moment deep down", option(at=1514210979), "wrong_type", "options[1].at"),
    Case("beyond int32 deep down", option(submitted=2**40), "wrong_type", "submitted"),
    Case("a wrong type and an unreadable value: the type comes first", attempt(started_at="?", exam_name=5), "wrong_type"),
    Case("no moment", attempt(started_at="yesterday"), "unreadable_value", 'started_at: cannot be read as moment, found "yesterday"'),
    Case("month 13", attempt(started_at="2018-13-01T00:00:00Z"), "unreadable_value"),
    Case("a date, which a cast takes", attempt(started_at="2018-01-28"), "unreadable_value"),
    Case("a time of day, which a cast takes", attempt(started_at="12:00:00"), "unreadable_value"),
    Case("no zone", attempt(started_at="2018-01-28T10:00:00"), "unreadable_value"),
    Case("an empty string is not null", attempt(started_at=""), "unreadable_value", 'found ""'),
    Case(
        "no Unix seconds",
        attempt(keen_timestamp="2018-01-28T10:00:00Z"),
        "unreadable_value",
        "keen_timestamp: cannot be read as unix seconds",
    ),
    Case("no number", attempt(max_attempts="many"), "unreadable_value", "max_attempts: cannot be read as number"),
    Case("a number that is none", attempt(max_attempts="NaN"), "unreadable_value"),
    Case("the other Unix seconds", attempt(keen_created_at=""), "unreadable_value", "keen_created_at"),
    Case("no moment deep down", option(at="later"), "unreadable_value", "sequences.questions[1].options[1].at"),
    Case("30 February deep down: only the parser notices", option(at="2018-02-30T00:00:00Z"), "unreadable_value", "options[1].at"),
    Case("a detail is cut", attempt(exam_name=["x" * 1000]), "wrong_type", "x" * 100),
]


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge()


def test_every_case_has_a_reason_of_its_own_to_exist() -> None:
    names = [case.why for case in [*FIT, *UNFIT]]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("case", FIT, ids=lambda case: case.why)
def test_fit(judge: Judge, case: Case) -> None:
    verdict = judge.judge(case.bytes)
    assert verdict
    assert verdict[:2] == (None, None)
    assert verdict.attempt is not None


@pytest.mark.parametrize("case", UNFIT, ids=lambda case: case.why)
def test_unfit(judge: Judge, case: Case) -> None:
    verdict = judge.judge(case.bytes)
    assert verdict
    assert verdict.reason == case.reason, verdict.detail
    assert verdict.detail is not None
    assert case.detail in verdict.detail
    assert len(verdict.detail) <= DETAIL_LENGTH
    assert verdict.attempt is None


@pytest.mark.parametrize("case", [*FIT, *UNFIT], ids=lambda case: case.why)
def test_independent_code_says_the_same(case: Case) -> None:
    assert recounted(case.bytes)[0] == case.reason


def test_every_reason_is_tried() -> None:
    assert {case.reason for case in UNFIT} == {
        "not_utf8",
        "blank",
        "too_deep",
        "invalid_json",
        "not_an_object",
        "duplicate_key",
        "missing_keen_id",
        "wrong_type",
        "unreadable_value",
    }
