"""The sample: the same everywhere, splittable, and holding every irregularity that it says it holds."""

import json
from collections import Counter

import pytest

from include.source.record_key import key_of
from include.source.records import Records
from include.stack.sample_exams import EXAMS
from include.stack.samples import TEST_EXAM, TEST_ID, Sample, make, write

DAY = "2018-01-28"
ALL = {  # at least so many records of each
    "exact copy": 10,
    "conflicting version": 3,
    "test exam": 3,
    "missing sequences": 1,
    "null sequences": 1,
    "missing counts": 1,
    "empty counts": 1,
    "null counts": 1,
    "one count missing": 1,
    "counts that do not tally": 1,
    "missing questions": 1,
    "null questions": 1,
    "empty questions": 1,
    "null question": 1,
    "question without user_result": 1,
    "null user_result": 1,
    "missing options": 1,
    "empty options": 1,
    "missing exam_name": 1,
    "missing started_at": 1,
    "unknown field": 1,
    "certification null": 10,
    "non-ASCII name": 10,
    "name of two exams": 2,
    "exam of twenty questions": 1,
    "time with seven decimals": 100,
    "record over several lines": 1,
    "not an object": 1,
    "missing keen_id": 1,
    "null keen_id": 1,
    "empty keen_id": 1,
    "keen_id a number": 1,
    "wrong type": 3,
    "unreadable version of a landed attempt": 1,
    "duplicate keys": 2,
    "unreadable time": 1,
    "invalid UTF-8": 2,
    "broken line": 1,
    "trailing text": 1,
    "single quotes": 1,
}


@pytest.fixture(scope="module")
def sample() -> Sample:
    return make(DAY)


def test_the_same_day_gives_the_same_bytes_and_another_day_others(tmp_path, sample):
    first, again, other = (write(tmp_path / name, day) for name, day in (("x", DAY), ("y", DAY), ("z", "2018-01-29")))
    assert [path.name for path in first] == [f"assessments-{DAY}-a.json", f"assessments-{DAY}-b.ndjson"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    assert not set(make("2018-01-29").records) & set(sample.records) - {b"17"}
    assert len(other) == 2


def test_the_files_split_into_the_records(tmp_path, sample):
    with Records.open(write(tmp_path, DAY)) as records:
        assert tuple(records.slice(0, len(records))) == sample.records
        assert [len(record) for record in sample.records] == list(records.sizes())


def test_every_irregularity_is_there(sample):
    assert set(sample.planted) == set(ALL)
    for mark, times in ALL.items():
        assert len(sample.planted[mark]) >= times, mark
    assert 1100 <= len(sample.records) <= 1300


def parsed(record: bytes) -> object:
    try:
        return json.loads(record)
    except ValueError:  # neither JSON nor, perhaps, UTF-8
        return None


def test_the_records_are_what_their_marks_say(sample):
    def of(mark: str) -> list[bytes]:
        return [sample.records[number] for number in sample.planted[mark]]

    times = Counter(sample.records)
    ids = Counter(key_of(record) for record in set(sample.records))
    rows = [
        ("exact copy", lambda record: times[record] > 1),
        ("conflicting version", lambda record: ids[key_of(record)] > 1),
        ("test exam", lambda record: TEST_EXAM in parsed(record)["exam_name"] or parsed(record)["base_exam_id"] == TEST_ID),
        ("missing sequences", lambda record: "sequences" not in parsed(record)),
        ("missing counts", lambda record: "counts" not in parsed(record)["sequences"]),
        ("empty counts", lambda record: parsed(record)["sequences"]["counts"] == {}),
        ("missing questions", lambda record: "questions" not in parsed(record)["sequences"]),
        ("question without user_result", lambda record: any("user_result" not in one for one in parsed(record)["sequences"]["questions"])),
        ("certification null", lambda record: parsed(record)["certification"] is None),
        ("counts that do not tally", lambda record: (lambda s: s["counts"]["total"] != len(s["questions"]))(parsed(record)["sequences"])),
        ("non-ASCII name", lambda record: not parsed(record)["exam_name"].isascii()),
        ("not an object", lambda record: not isinstance(parsed(record), dict) and parsed(record) is not None),
        ("missing keen_id", lambda record: "keen_id" not in parsed(record)),
        ("keen_id a number", lambda record: isinstance(parsed(record)["keen_id"], int)),
        ("invalid UTF-8", lambda record: b"\xff" in record),
        ("broken line", lambda record: parsed(record) is None and parsed(record + b"}") is None),
        ("trailing text", lambda record: parsed(record) is None and record.endswith(b"end of attempt")),
        ("record over several lines", lambda record: b"\n" in record),
    ]
    for mark, is_so in rows:
        assert all(is_so(record) for record in of(mark)), mark


def test_what_only_lines_can_hold_is_in_the_lines_and_the_rest_in_both(sample):
    cut = len(sample.array)
    for mark in ("broken line", "trailing text", "single quotes"):
        assert all(number >= cut for number in sample.planted[mark]), mark
    assert [number >= cut for number in sample.planted["invalid UTF-8"]] == [False, True]


def test_ranks_are_tied_where_ten_are_cut_off():
    """Under EXAMS as written; what is planted besides goes to exams that are far from both cuts."""
    times = sorted(EXAMS.values())
    assert times[9] == times[10], "the ten least common"
    assert times[-10] == times[-11], "the ten most common"
