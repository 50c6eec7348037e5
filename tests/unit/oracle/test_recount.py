"""The recount itself, against values worked out by hand: it judges Spark's tables, so nothing but a reader judges it."""

import gzip
import json
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.oracle.recount import COLUMNS, KEYS, SourceUnreadable, compare, content_hash, hash_of, judge, kafka_key, records_of, recount

REAL_FILE = Path(__file__).parents[3].parent / "shared/data/assessment-attempts-20180128-121051-nested.json"
DAY = "2018-01-28"


def landed(tmp_path, *attempts, test_names=(), test_ids=()):
    file = tmp_path / "attempts.json"
    file.write_text(json.dumps(attempts))
    return recount([file], DAY, test_names, test_ids)


# ---------------------------------------------------------------- records

FILES = [
    ("an array on one line", b'[{"a":1},{"a":2}]', [b'{"a":1}', b'{"a":2}']),
    ("white space around elements is not theirs, inside it is", b' [\n {"a" : 1}\t,\r\n{ }\n]\n', [b'{"a" : 1}', b"{ }"]),
    ("brackets, commas and quotes inside strings", rb'[{"a":"],[\"}{"},{"b":"\\"}]', [rb'{"a":"],[\"}{"}', rb'{"b":"\\"}']),
    ("elements of any kind", b'[1,"x",null,[2,[3]],true]', [b"1", b'"x"', b"null", b"[2,[3]]", b"true"]),
    ("bytes that are not UTF-8 stay as they are", b'[{"a":"\xff\xe2"},{"b":1}]', [b'{"a":"\xff\xe2"}', b'{"b":1}']),
    ("a byte order mark belongs to no record", b'\xef\xbb\xbf[{"a":1}]', [b'{"a":1}']),
    ("lines", b'{"a":1}\n{"b":2}\n', [b'{"a":1}', b'{"b":2}']),
    ("the last line without an end", b'{"a":1}\n{"b":2}', [b'{"a":1}', b'{"b":2}']),
    ("CRLF, blank lines and a mark", b'\xef\xbb\xbf{"a":1}\r\n\r\n  \n\n{"b":2}\r\n', [b'{"a":1}', b'{"b":2}']),
    ("spaces within a line stay", b' {"a":1} \n', [b' {"a":1} ']),
    ("a broken line is a record all the same", b'{"a":1}\n{"b":\n{"c":3} x\n', [b'{"a":1}', b'{"b":', b'{"c":3} x']),
]


@pytest.mark.parametrize(("content", "records"), [row[1:] for row in FILES], ids=[row[0] for row in FILES])
@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gz"])
def test_records_are_cut_out_byte_for_byte(tmp_path, content, records, compressed):
    file = tmp_path / ("day.json.gz" if compressed else "day.json")
    file.write_bytes(gzip.compress(content) if compressed else content)
    assert list(records_of(file)) == records


UNREADABLE = [
    ("nothing at all", b"", "empty"),
    ("only white space", b" \r\n", "empty"),
    ("no element", b"[ ]", "an empty array"),
    ("truncated in an object", b'[{"a":1},{"b"', "byte 13: the array is not closed"),
    ("truncated in a string", b'[{"a":"x', "byte 6: a string that never ends"),
    ("a second array", b"[1] [2]", "byte 3: text after the array"),
    ("an element missing in the middle", b"[1,,2]", "byte 3: an element is missing"),
    ("a trailing comma", b"[1,]", "byte 3: an element is missing"),
    ("only a comma", b"[,]", "byte 1: an element is missing"),
    ("brackets crossed", b'[{"a":[1}]]', "byte 8: } closes nothing"),
    ("a syntax error inside an element", b"[{'a':1}]", "element at byte 1"),
    ("NaN", b'[{"a":NaN}]', "NaN is not JSON"),
]


@pytest.mark.parametrize(("content", "says"), [row[1:] for row in UNREADABLE], ids=[row[0] for row in UNREADABLE])
def test_a_file_that_cannot_be_cut_is_refused_and_says_where(tmp_path, content, says):
    file = tmp_path / "day.json"
    file.write_bytes(content)
    with pytest.raises(SourceUnreadable) as refused:
        list(records_of(file))
    assert says in str(refused.value)


def test_files_are_numbered_on(tmp_path):
    (tmp_path / "a.json").write_text('[{"keen_id":"a"},{"keen_id":"b"}]')
    (tmp_path / "b.ndjson").write_text('{"keen_id":"c"}\n')
    again = recount([tmp_path / "a.json", tmp_path / "b.ndjson"], DAY)
    assert [(row["record"], row["keen_id"]) for row in again.tables["raw_assessments"]] == [(0, "a"), (1, "b"), (2, "c")]


# ---------------------------------------------------------------- judgement

# (why, record, reason or None, Kafka key)
JUDGED = [
    ("only a keen_id: everything else may be missing", b'{"keen_id":"a"}', None, "a"),
    (
        "null is allowed anywhere else",
        b'{"keen_id":"a","sequences":{"questions":[null,{"options":[null]}],"counts":null},"started_at":null}',
        None,
        "a",
    ),
    ("unknown fields are ignored", b'{"keen_id":"a","KEEN_ID":6,"extra":{"attempt":1.5}}', None, "a"),
    ("surrounding white space is JSON", b' {"keen_id":"a"} ', None, "a"),
    ("a number no double holds, in a field nobody reads", b'{"keen_id":"a","extra":[1e999,' + b"9" * 5000 + b"]}", None, "a"),
    ("a lone byte", b'{"keen_id":"a","exam_name":"\xff"}', "not_utf8", "a"),
    ("the keen_id itself", b'{"keen_id":"\xff"}', "not_utf8", None),
    ("half a surrogate pair is JSON, and a question mark", rb'{"keen_id":"a\ud800"}', None, "a?"),
    ("not UTF-8 comes before every other reason", b"{'keen_id':\xff", "not_utf8", None),
    ("a surrogate written as UTF-8", b'{"keen_id":"a","x":"\xed\xa0\x80"}', "not_utf8", "a"),
    ("nothing", b"", "blank", None),
    ("white space", b" \r\n\t", "blank", None),
    ("cut off", b'{"keen_id":"a","exam_', "invalid_json", None),
    ("trailing text", b'{"keen_id":"a"} x', "invalid_json", None),
    ("two objects", b'{"keen_id":"a"}{"keen_id":"b"}', "invalid_json", None),
    ("two objects and a comma", b'{"keen_id":"a"},{"keen_id":"b"}', "invalid_json", None),
    ("single quotes", b"{'keen_id':'a'}", "invalid_json", None),
    ("a key without quotes", b'{keen_id:"a"}', "invalid_json", None),
    ("a trailing comma in an object", b'{"keen_id":"a",}', "invalid_json", None),
    ("a trailing comma in an array", b'{"keen_id":"a","x":[1,]}', "invalid_json", None),
    ("a comment", b'{"keen_id":"a" /* x */}', "invalid_json", None),
    ("NaN", b'{"keen_id":"a","x":NaN}', "invalid_json", None),
    ("minus Infinity", b'{"keen_id":"a","x":-Infinity}', "invalid_json", None),
    ("a leading zero", b'{"keen_id":"a","x":01}', "invalid_json", None),
    ("a leading plus", b'{"keen_id":"a","x":+1}', "invalid_json", None),
    ("no digit after the point", b'{"keen_id":"a","x":1.}', "invalid_json", None),
    ("True", b'{"keen_id":"a","x":True}', "invalid_json", None),
    ("a tab inside a string", b'{"keen_id":"a","x":"\t"}', "invalid_json", None),
    ("an escape that is none", rb'{"keen_id":"a","x":"\x41"}', "invalid_json", None),
    ("a byte order mark in the middle of a file", b'\xef\xbb\xbf{"keen_id":"a"}', "invalid_json", None),
    ("null", b"null", "not_an_object", None),
    ("a number", b"42", "not_an_object", None),
    ("a string", b'"keen_id"', "not_an_object", None),
    ("an array, whatever is in it", b'[{"keen_id":"a","keen_id":"a"}]', "not_an_object", None),
    ("a key twice with one value", b'{"keen_id":"a","x":1,"x":1}', "duplicate_key", "a"),
    ("a key twice deep down", b'{"keen_id":"a","x":[{"y":{"z":1,"z":2}}]}', "duplicate_key", "a"),
    ("a key twice, once escaped", rb'{"keen_id":"a","\u0078":1,"x":1}', "duplicate_key", "a"),
    ("a repeated key in a record without keen_id", b'{"x":1,"x":1}', "duplicate_key", None),
    ("no keen_id", b"{}", "missing_keen_id", None),
    ("keen_id in other letters", b'{"Keen_id":"a"}', "missing_keen_id", None),
    ("keen_id null", b'{"keen_id":null}', "missing_keen_id", None),
    ("keen_id empty", b'{"keen_id":""}', "missing_keen_id", ""),
    ("keen_id blank", b'{"keen_id":" \\t"}', "missing_keen_id", " \t"),
    ("keen_id a no-break space", b'{"keen_id":"\xc2\xa0"}', "missing_keen_id", "\xa0"),
    ("no keen_id and a wrong type: the earlier reason", b'{"exam_name":6}', "missing_keen_id", None),
    ("keen_id a number", b'{"keen_id":6}', "wrong_type", None),
    ("a word for an int", b'{"keen_id":"a","sequences":{"attempt":"four"}}', "wrong_type", "a"),
    ("digits in a string for an int", b'{"keen_id":"a","sequences":{"attempt":"4"}}', "wrong_type", "a"),
    ("a fraction for an int", b'{"keen_id":"a","sequences":{"counts":{"total":1.5}}}', "wrong_type", "a"),
    ("a fraction of zero is one", b'{"keen_id":"a","sequences":{"counts":{"total":4.0}}}', "wrong_type", "a"),
    ("an exponent", b'{"keen_id":"a","sequences":{"counts":{"total":1e0}}}', "wrong_type", "a"),
    ("true for an int", b'{"keen_id":"a","sequences":{"attempt":true}}', "wrong_type", "a"),
    ("the largest int32", b'{"keen_id":"a","sequences":{"attempt":2147483647}}', None, "a"),
    ("one more", b'{"keen_id":"a","sequences":{"attempt":2147483648}}', "wrong_type", "a"),
    ("the smallest int32", b'{"keen_id":"a","sequences":{"attempt":-2147483648}}', None, "a"),
    ("thousands of digits", b'{"keen_id":"a","sequences":{"attempt":' + b"1" * 5000 + b"}}", "wrong_type", "a"),
    ("1 for a boolean", b'{"keen_id":"a","sequences":{"counts":{"all_correct":1}}}', "wrong_type", "a"),
    ("a word for a boolean", b'{"keen_id":"a","sequences":{"questions":[{"user_correct":"true"}]}}', "wrong_type", "a"),
    ("a boolean for a string", b'{"keen_id":"a","certification":false}', "wrong_type", "a"),
    ("a number for a string that holds a number", b'{"keen_id":"a","max_attempts":1.0}', "wrong_type", "a"),
    ("an object for a string", b'{"keen_id":"a","exam_name":{}}', "wrong_type", "a"),
    ("an object for an array", b'{"keen_id":"a","sequences":{"questions":{}}}', "wrong_type", "a"),
    ("an array for an object", b'{"keen_id":"a","sequences":[]}', "wrong_type", "a"),
    ("a number among the questions", b'{"keen_id":"a","sequences":{"questions":[1]}}', "wrong_type", "a"),
    ("a string among the options", b'{"keen_id":"a","sequences":{"questions":[{"options":["x"]}]}}', "wrong_type", "a"),
    (
        "a wrong type beats an unreadable value before it",
        b'{"keen_id":"a","started_at":"x","sequences":{"attempt":"1"}}',
        "wrong_type",
        "a",
    ),
    ("a time in words", b'{"keen_id":"a","started_at":"yesterday"}', "unreadable_value", "a"),
    ("an empty time", b'{"keen_id":"a","started_at":""}', "unreadable_value", "a"),
    ("a day that no month has", b'{"keen_id":"a","started_at":"2018-02-30T00:00:00Z"}', "unreadable_value", "a"),
    ("Unix seconds in words", b'{"keen_id":"a","keen_timestamp":"soon"}', "unreadable_value", "a"),
    ("an ISO time for Unix seconds", b'{"keen_id":"a","keen_created_at":"2018-01-28T00:00:00Z"}', "unreadable_value", "a"),
    ("attempts in words", b'{"keen_id":"a","max_attempts":"one"}', "unreadable_value", "a"),
    ("a line end after a number", b'{"keen_id":"a","max_attempts":"1.0\\n"}', "unreadable_value", "a"),
    ("an option's time", b'{"keen_id":"a","sequences":{"questions":[{"options":[{"at":"now"}]}]}}', "unreadable_value", "a"),
]


@pytest.mark.parametrize(("value", "reason", "key"), [row[1:] for row in JUDGED], ids=[row[0] for row in JUDGED])
def test_each_record_is_accepted_or_quarantined_with_the_first_reason(value, reason, key):
    assert (judge(value)[0], kafka_key(value)) == (reason, key)


def test_quarantine_names_the_record(tmp_path):
    file = tmp_path / "day.ndjson"
    file.write_bytes(b'{"keen_id":"a"}\nABC\n')
    again = recount([file], DAY)
    assert again.tables["quarantine"] == [
        {"day": date(2018, 1, 28), "record": 1, "hash": 4105715581806190027, "keen_id": None, "reason": "invalid_json"}
    ]
    assert again.tables["raw_assessments"][1] == {
        "day": date(2018, 1, 28),
        "record": 1,
        "keen_id": None,
        "hash": 4105715581806190027,
        "value": b"ABC",
    }
    assert again.figures.reasons == {"invalid_json": 1}


# ---------------------------------------------------------------- hashes


def test_the_hash_is_the_one_in_sparks_own_documentation():
    assert hash_of(b"ABC") == 4105715581806190027  # xxhash64('ABC')


def test_the_content_hash_wraps_at_64_bits_and_knows_no_order():
    rows = [
        ("nothing", [], "0000000000000000"),
        ("a negative hash is its unsigned twin", [-1], "ffffffffffffffff"),
        ("wraps", [-1, 2], "0000000000000001"),
        ("any order", [2, -1], "0000000000000001"),
        ("leading zeros and lower case", [5, 5], "000000000000000a"),
    ]
    assert [(why, content_hash(hashes)) for why, hashes, _ in rows] == [(why, expected) for why, _, expected in rows]


# ---------------------------------------------------------------- tables


def test_every_column_of_an_attempt(tmp_path):
    attempt = {
        "keen_timestamp": "1514210979.4121809",
        "max_attempts": "1.0",
        "started_at": "2017-12-25T14:08:26.602Z",
        "base_exam_id": "exam-1",
        "user_exam_id": "user-1",
        "sequences": {
            "questions": [
                {
                    "user_incomplete": False,
                    "user_correct": True,
                    "options": [
                        {"checked": True, "at": "2017-12-25T14:08:44.711Z", "id": "o1", "submitted": 1, "correct": True},
                        {"id": "o2"},
                    ],
                    "user_submitted": True,
                    "id": "q1",
                    "user_result": "correct",
                },
                {"id": "q2", "options": []},
                None,
            ],
            "attempt": 1,
            "id": "sequence-1",
            "counts": {"incomplete": 0, "submitted": 1, "incorrect": 0, "all_correct": False, "correct": 1, "total": 3, "unanswered": 0},
        },
        "keen_created_at": "1514210979.412",
        "certification": None,
        "keen_id": "k1",
        "exam_name": "Größe & Maß",
    }
    again = landed(tmp_path, attempt)
    [assessment] = again.tables["assessments"]
    hash_ = assessment.pop("hash")
    assert assessment == {
        "day": date(2018, 1, 28),
        "keen_id": "k1",
        "record": 0,
        "copies": 1,
        "is_test": False,
        "is_conflict": False,
        "exam_name": "Größe & Maß",
        "base_exam_id": "exam-1",
        "user_exam_id": "user-1",
        "certification": None,
        "max_attempts": 1.0,
        "started_at": datetime(2017, 12, 25, 14, 8, 26, 602000, tzinfo=UTC),
        "keen_timestamp": datetime(2017, 12, 25, 14, 9, 39, 412181, tzinfo=UTC),
        "keen_created_at": datetime(2017, 12, 25, 14, 9, 39, 412000, tzinfo=UTC),
        "sequence_id": "sequence-1",
        "attempt": 1,
        "incomplete": 0,
        "submitted": 1,
        "incorrect": 0,
        "correct": 1,
        "total": 3,
        "unanswered": 0,
        "all_correct": False,
        "score": 1 / 3,
        "question_count": 3,
        "tallies": True,
    }
    of_the_version = {"day": date(2018, 1, 28), "keen_id": "k1", "hash": hash_}
    no_answer = {"user_result": None, "user_correct": None, "user_incomplete": None, "user_submitted": None}
    answer = {"user_result": "correct", "user_correct": True, "user_incomplete": False, "user_submitted": True}
    assert again.tables["questions"] == [
        {**of_the_version, "position": 0, "question_id": "q1", **answer, "option_count": 2},
        {**of_the_version, "position": 1, "question_id": "q2", **no_answer, "option_count": 0},
        {**of_the_version, "position": 2, "question_id": None, **no_answer, "option_count": None},
    ]
    checked_at = datetime(2017, 12, 25, 14, 8, 44, 711000, tzinfo=UTC)
    of_the_question = {**of_the_version, "question_position": 0, "question_id": "q1"}
    assert again.tables["options"] == [
        {**of_the_question, "position": 0, "option_id": "o1", "checked": True, "correct": True, "at": checked_at, "submitted": 1},
        {**of_the_question, "position": 1, "option_id": "o2", "checked": None, "correct": None, "at": None, "submitted": None},
    ]
    of_the_exam = {"day": date(2018, 1, 28), "base_exam_id": "exam-1", "exam_name": "Größe & Maß", "is_test": False}
    assert again.tables["exam_scores"] == [
        {
            **of_the_exam,
            "correct": 1,
            "total": 3,
            "attempts": 1,
            "copies": 1,
            "conflicts": 0,
            "incomplete": 0,
            "incorrect": 0,
            "unanswered": 0,
            "last_taken": datetime(2017, 12, 25, 14, 8, 26, 602000, tzinfo=UTC),
        }
    ]
    unanswered = {"asked": 1, "correct": 0, "incorrect": 0, "missed": 0, "unanswered": 0}
    assert again.tables["question_days"] == [
        {**of_the_exam, "question_id": "q1", **unanswered, "correct": 1},
        {**of_the_exam, "question_id": "q2", **unanswered},
        {**of_the_exam, "question_id": None, **unanswered},
    ]


TIMES = [
    ("three decimals", "1514210979.412", datetime(2017, 12, 25, 14, 9, 39, 412000, tzinfo=UTC)),
    ("no decimals", "1514210979", datetime(2017, 12, 25, 14, 9, 39, tzinfo=UTC)),
    ("a seventh decimal below a half", "1514210979.4121804", datetime(2017, 12, 25, 14, 9, 39, 412180, tzinfo=UTC)),
    ("exactly a half goes up, also from an even digit", "1514210979.4121805", datetime(2017, 12, 25, 14, 9, 39, 412181, tzinfo=UTC)),
    (
        "below a half by less than a double or 28 digits can tell",
        "1514210979.1234564999999999999999",
        datetime(2017, 12, 25, 14, 9, 39, 123456, tzinfo=UTC),
    ),
    ("before 1970, a half goes away from zero", "-1.0000005", datetime(1969, 12, 31, 23, 59, 58, 999999, tzinfo=UTC)),
    ("up into the next second", "1514210979.9999995", datetime(2017, 12, 25, 14, 9, 40, tzinfo=UTC)),
]


@pytest.mark.parametrize(("seconds", "moment"), [row[1:] for row in TIMES], ids=[row[0] for row in TIMES])
def test_unix_seconds_are_rounded_half_up_exactly(tmp_path, seconds, moment):
    [row] = landed(tmp_path, {"keen_id": "a", "keen_timestamp": seconds}).tables["assessments"]
    assert row["keen_timestamp"] == moment


def counts(total=2, correct=1, incorrect=1, incomplete=0, unanswered=0, submitted=2, all_correct=False):
    return {name: value for name, value in locals().items() if value != "absent"}


RIGHT = {"user_result": "correct", "user_submitted": True}
WRONG = {"user_result": "incorrect", "user_submitted": True}

# (why, sequences, score, question_count, tallies)
COUNTED = [
    ("no sequences", None, None, None, None),
    ("no counts", {"questions": [RIGHT]}, None, 1, None),
    ("empty counts are no counts", {"counts": {}, "questions": [RIGHT]}, None, 1, None),
    ("counts of nothing but null are none either", {"counts": dict.fromkeys(counts()), "questions": []}, None, 0, None),
    ("they tally", {"counts": counts(), "questions": [RIGHT, WRONG]}, 0.5, 2, True),
    ("a total too high", {"counts": counts(total=3), "questions": [RIGHT, WRONG]}, 1 / 3, 2, False),
    ("one count absent", {"counts": counts(submitted="absent"), "questions": [RIGHT, WRONG]}, 0.5, 2, False),
    ("correct absent: no score", {"counts": counts(correct="absent"), "questions": [RIGHT, WRONG]}, None, 2, False),
    ("all_correct against the questions", {"counts": counts(all_correct=True), "questions": [RIGHT, WRONG]}, 0.5, 2, False),
    ("questions missing count as none", {"counts": counts()}, 0.5, None, False),
    ("no questions, and all zero", {"counts": counts(0, 0, 0, 0, 0, 0, True), "questions": []}, None, 0, True),
    ("no questions field, and all zero", {"counts": counts(0, 0, 0, 0, 0, 0, True)}, None, None, True),
    ("a null question counts in the total only", {"counts": counts(2, 1, 0, 0, 0, 1), "questions": [RIGHT, None]}, 0.5, 2, True),
    ("perfect", {"counts": counts(1, 1, 0, 0, 0, 1, True), "questions": [RIGHT]}, 1.0, 1, True),
    (
        "missed_some is incomplete, unanswered is not submitted",
        {
            "counts": counts(2, 0, 0, 1, 1, 1),
            "questions": [{"user_result": "missed_some", "user_submitted": True}, {"user_result": "unanswered"}],
        },
        0.0,
        2,
        True,
    ),
]


@pytest.mark.parametrize(("sequences", "score", "question_count", "tallies"), [row[1:] for row in COUNTED], ids=[row[0] for row in COUNTED])
def test_counts_score_and_tallies(tmp_path, sequences, score, question_count, tallies):
    [row] = landed(tmp_path, {"keen_id": "a", "sequences": sequences}).tables["assessments"]
    assert (row["score"], row["question_count"], row["tallies"]) == (score, question_count, tallies)


def test_copies_conflicts_and_tests(tmp_path):
    once = {"keen_id": "once", "exam_name": "Git", "base_exam_id": "g", "started_at": "2018-01-01T00:00:00Z"}
    twice = {**once, "keen_id": "twice", "started_at": "2018-01-02T00:00:00Z"}
    other_version = {**twice, "started_at": "2018-01-03T00:00:00Z"}
    by_name = {"keen_id": "name", "exam_name": "An Exam of yeahsdf kind"}
    by_id = {"keen_id": "id", "base_exam_id": "example-id"}
    again = landed(tmp_path, once, twice, other_version, twice, by_name, by_id, 7, test_names=["yeahsdf"], test_ids=["^example-"])
    rows = [(row["keen_id"], row["record"], row["copies"], row["is_conflict"], row["is_test"]) for row in again.tables["assessments"]]
    assert rows == [
        ("once", 0, 1, False, False),
        ("twice", 1, 2, True, False),
        ("twice", 2, 1, True, False),
        ("name", 4, 1, False, True),
        ("id", 5, 1, False, True),
    ]
    figures = again.figures
    assert (figures.published, figures.landed, figures.duplicates, figures.quarantined) == (7, 5, 1, 1)
    assert (figures.test, figures.conflicts, figures.conflicting_keen_ids, figures.keen_ids_with_copies) == (2, 2, 1, 1)
    assert (figures.exam_ids, figures.exam_names, figures.exam_ids_without_test, figures.exam_names_without_test) == (2, 2, 1, 1)
    assert (figures.attempts_by_exam["Git"], figures.copies_by_exam["Git"]) == (3, 4)
    [git] = [row for row in again.tables["exam_scores"] if row["exam_name"] == "Git"]
    assert (git["attempts"], git["copies"], git["conflicts"], git["last_taken"]) == (3, 4, 2, datetime(2018, 1, 3, tzinfo=UTC))
    assert (git["correct"], git["total"], git["incomplete"]) == (None, None, None)


def test_an_attempt_whose_keen_id_also_stands_in_quarantine_is_no_conflict(tmp_path):
    again = landed(tmp_path, {"keen_id": "a"}, {"keen_id": "a", "exam_name": 6})
    assert [row["is_conflict"] for row in again.tables["assessments"]] == [False]


def test_exam_scores_drop_the_points_of_attempts_without_score_but_sum_their_counts(tmp_path):
    no_correct = {"keen_id": "a", "sequences": {"counts": counts(correct="absent", incorrect=2)}}
    no_total = {"keen_id": "b", "sequences": {"counts": counts(correct=0, total=0, incorrect=3)}}
    [row] = landed(tmp_path, no_correct, no_total).tables["exam_scores"]
    assert (row["correct"], row["total"], row["attempts"], row["incorrect"]) == (None, None, 2, 5)


# ---------------------------------------------------------------- comparing

ONE = {
    "day": date(2018, 1, 28),
    "base_exam_id": None,
    "exam_name": "Git",
    "question_id": "q",
    "is_test": False,
    "asked": 2,
    "correct": 1,
    "incorrect": 1,
    "missed": 0,
    "unanswered": 0,
}
NAME = "question_days base_exam_id=None, exam_name='Git', question_id='q', is_test=False"

COMPARED = [
    ("equal", [ONE], [ONE], []),
    ("nothing and nothing", [], [], []),
    ("missing", [ONE], [], ["question_days: 1 rows expected, 0 found", f"{NAME}: expected, not there"]),
    ("too many", [ONE], [ONE, ONE], ["question_days: 1 rows expected, 2 found", f"{NAME}: there, not expected"]),
    ("one cell", [ONE], [{**ONE, "asked": 3}], [f"{NAME}: asked expected 2, found 3"]),
    ("null is not 0", [{**ONE, "missed": None}], [ONE], [f"{NAME}: missed expected None, found 0"]),
    ("1 is not true", [ONE], [{**ONE, "correct": True}], [f"{NAME}: correct expected 1, found True"]),
    ("1 is not 1.0", [ONE], [{**ONE, "correct": 1.0}], [f"{NAME}: correct expected 1, found 1.0"]),
    (
        "one lost and another doubled",
        [ONE, {**ONE, "asked": 3}],
        [ONE, ONE],
        [f"{NAME}: asked expected 3, found 2"],
    ),
    (
        "a column too few",
        [ONE],
        [{name: value for name, value in ONE.items() if name != "missed"}],
        [
            "question_days: columns day, base_exam_id, exam_name, question_id, is_test, asked, correct, incorrect, missed, unanswered"
            " expected, day, base_exam_id, exam_name, question_id, is_test, asked, correct, incorrect, unanswered found"
        ],
    ),
]


@pytest.mark.parametrize(("expected", "actual", "problems"), [row[1:] for row in COMPARED], ids=[row[0] for row in COMPARED])
def test_compare_names_what_differs(expected, actual, problems):
    assert compare(expected, actual, KEYS["question_days"], "question_days") == problems


def test_compare_forgives_only_what_means_the_same(tmp_path):
    attempt = {"keen_id": "a", "started_at": "2018-01-01T00:00:00Z", "sequences": {"counts": counts(3)}}
    [row] = landed(tmp_path, attempt).tables["assessments"]
    in_berlin = row["started_at"].astimezone(timezone(timedelta(hours=1)))
    rows = [
        ("a float's last digit", {"score": row["score"] + 1e-15}, 0),
        ("more than that", {"score": row["score"] + 1e-9}, 1),
        ("a datetime without zone is UTC", {"started_at": row["started_at"].replace(tzinfo=None)}, 0),
        ("the same moment elsewhere", {"started_at": in_berlin}, 0),
        ("another moment", {"started_at": in_berlin.replace(tzinfo=None)}, 1),
    ]
    found = [(why, len(compare([row], [{**row, **change}], KEYS["assessments"], "assessments"))) for why, change, _ in rows]
    assert found == [(why, problems) for why, _, problems in rows]


def test_compare_leaves_out_what_a_file_cannot_tell(tmp_path):
    [raw] = landed(tmp_path, {"keen_id": "a"}).tables["raw_assessments"]
    of_kafka = {"ingest": "0123456789abcdef", "partition": 1, "offset": 7, "timestamp": datetime(2026, 1, 1)}
    row = {column: {**raw, **of_kafka}[column] for column in COLUMNS["raw_assessments"]}
    assert compare([raw], [{**row, "value": bytearray(row["value"])}], KEYS["raw_assessments"], "raw_assessments") == []
    assert len(compare([raw], [{**row, "value": b"{}"}], KEYS["raw_assessments"], "raw_assessments")) == 1


def test_compare_stops_after_a_few():
    many = [{**ONE, "question_id": f"q{number}"} for number in range(9)]
    problems = compare(many, [], KEYS["question_days"], "question_days", show=2)
    assert len(problems) == 4
    assert problems[-1] == "question_days: and 7 more such rows"


# ---------------------------------------------------------------- the real file


@pytest.mark.skipif(not REAL_FILE.exists(), reason=f"{REAL_FILE.name} is not in ../shared/data")
@pytest.mark.not_quick("many records; the built ones are recounted too")
def test_the_real_file_gives_the_known_figures():
    again = recount([REAL_FILE], DAY, test_exam_names=["yeahsdf"])
    figures = again.figures
    assert (figures.published, figures.landed, figures.duplicates, figures.quarantined, figures.test) == (3280, 3242, 38, 0, 5)
    assert (figures.questions, figures.options) == (14555, 55112)
    assert (figures.exam_ids, figures.exam_names, figures.exam_ids_without_test, figures.exam_names_without_test) == (107, 103, 106, 102)
    assert (figures.scored, round(figures.mean_score, 6)) == (3237, 0.625693)
    assert (figures.scored_by_copies, round(figures.mean_score_by_copies, 6)) == (3275, 0.626570)
    assert (figures.attempts_by_exam["Learning Git"], figures.copies_by_exam["Learning Git"]) == (390, 394)
    assert (figures.keen_ids_with_copies, figures.conflicts, figures.conflicting_keen_ids) == (20, 0, 0)
    assert figures.tallies == {True: 3237, None: 5}
    assert figures.reasons == {}
    # What PROFILE.md says of the values below the counts.
    assessments, questions, options = (again.tables[table] for table in ("assessments", "questions", "options"))
    assert sum(row["certification"] is None for row in assessments) == 132
    assert (sum(row["correct"] or 0 for row in assessments), sum(row["total"] or 0 for row in assessments)) == (9099, 14540)
    assert sum(row["all_correct"] is True for row in assessments) == 827
    assert sum(row["user_result"] is None for row in questions) == 15
    assert min(row["started_at"] for row in assessments) == datetime(2017, 11, 21, 0, 42, 8, 990000, tzinfo=UTC)
    assert max(row["at"] for row in options if row["at"]) == datetime(2018, 1, 28, 19, 19, 8, 968000, tzinfo=UTC)
    assert sum(row["correct"] is False for row in options) == 60


def test_holes_by_hand(tmp_path: Path) -> None:
    option = {"id": "a", "checked": None, "at": "", "submitted": "1"}
    again = landed(
        tmp_path,
        {"keen_id": "a", "exam_name": "", "sequences": {"questions": [{"id": "q", "options": [option, 3]}, None], "counts": {}}},
        {"keen_id": 7, "max_attempts": None, "sequences": {"questions": []}},
        {"keen_id": "c", "sequences": None},
        [],
    )
    expected = {
        "keen_id": (3, 2, 0, 0, 0, 1),
        "exam_name": (3, 0, 0, 2, 1, 0),
        "max_attempts": (3, 0, 1, 2, 0, 0),
        "sequences": (3, 2, 1, 0, 0, 0),
        "sequences.counts": (2, 0, 0, 1, 1, 0),
        "sequences.counts.total": (1, 0, 0, 1, 0, 0),
        "sequences.questions": (2, 1, 0, 0, 1, 0),
        "sequences.questions[]": (2, 1, 1, 0, 0, 0),
        "sequences.questions[].id": (1, 1, 0, 0, 0, 0),
        "sequences.questions[].options[]": (2, 1, 0, 0, 0, 1),
        "sequences.questions[].options[].checked": (1, 0, 1, 0, 0, 0),
        "sequences.questions[].options[].at": (1, 0, 0, 0, 1, 0),
        "sequences.questions[].options[].submitted": (1, 0, 0, 0, 0, 1),
    }
    kinds = ("parents", "present", "nulls", "missing", "empty", "wrong_type")
    found = {row["path"]: tuple(row[kind] for kind in kinds) for row in again.tables["holes"]}
    assert len(found) == 34
    assert {path: found[path] for path in expected} == expected


@pytest.mark.parametrize("wrong", [{"correct": 9}, {"correct": -1}, {"total": -4}, {"unanswered": -1}], ids=str)
def test_impossible_counts_make_no_score_and_are_in_no_sum(tmp_path, wrong):
    right = {"keen_id": "a", "sequences": {"counts": counts(incorrect=2)}}
    impossible = {"keen_id": "b", "sequences": {"counts": counts(**{"incorrect": 50, **wrong})}}
    tables = landed(tmp_path, right, impossible).tables
    assert [row["score"] for row in tables["assessments"]] == [0.5, None]
    assert sorted((row["correct"] or 0, row["attempts"], row["incorrect"]) for row in tables["exam_scores"]) == [(0, 1, None), (1, 1, 2)]
