"""A file of many days becomes files of one day each; no record is lost, changed or in two of them."""

import gzip
import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from include.errors import Refused
from include.source.records import Records
from include.source.split import UNDATED, Example, split
from tests.harness.private_landfall import REAL_FILE

UTC, BERLIN = ZoneInfo("UTC"), ZoneInfo("Europe/Berlin")
RECORDS = [
    b'{"keen_id": "a", "started_at": "2018-01-28T22:59:59.999Z"}',
    b'{ "keen_id" : "b","started_at":"2018-01-28T23:00:00Z" }',
    b'{"keen_id": "c", "started_at": "2018-01-29T00:30:00+02:00", "note": "\xc3\xa9\xff"}',
    b'{"keen_id": "d", "started_at": "2018-01-30T00:00:00.123456Z"}',
]
UNREADABLE = [
    b'{"keen_id": "e"}',
    b'{"started_at": null}',
    b'{"started_at": "yesterday"}',
    b'{"started_at": "2018-01-28T10:00:00"}',
    b"[1]",
    b"null",
    b'{"started_at": "2018-01-28T22:59:59.999Z"',
    b"not JSON",
]


def written(path: Path, records: list[bytes], array: bool = False) -> str:
    path.write_bytes(b"[" + b",".join(records) + b"]" if array else b"".join(record + b"\n" for record in records))
    return str(path)


def content(path: str) -> list[bytes]:
    with Records.open([Path(path)]) as records:
        return [bytes(records[number]) for number in range(len(records))]


def test_each_record_is_in_the_file_of_its_day_byte_for_byte(tmp_path: Path) -> None:
    days = split(written(tmp_path / "all.json", RECORDS, array=True), "started_at", tmp_path / "out", UTC)
    assert {day.day: content(day.path) for day in days} == {"2018-01-28": RECORDS[:3], "2018-01-30": RECORDS[3:]}
    assert [(day.records, day.bytes) for day in days] == [(3, Path(days[0].path).stat().st_size), (1, len(RECORDS[3]) + 1)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.json", "out"]


def test_the_days_are_of_the_time_zone_that_is_asked_for(tmp_path: Path) -> None:
    days = split(written(tmp_path / "all.json", RECORDS, array=True), "started_at", tmp_path / "out", BERLIN)
    assert {day.day: content(day.path) for day in days} == {
        "2018-01-28": [RECORDS[0], RECORDS[2]], "2018-01-29": [RECORDS[1]], "2018-01-30": [RECORDS[3]],
    }  # fmt: skip


def test_records_without_a_moment_are_kept_aside(tmp_path: Path) -> None:
    days = split(written(tmp_path / "all.ndjson", [*RECORDS, *UNREADABLE]), "started_at", tmp_path / "out", UTC)
    assert days[-1].day == UNDATED
    assert content(days[-1].path) == UNREADABLE
    assert sum(day.records for day in days) == len(RECORDS) + len(UNREADABLE)


def test_records_over_several_lines_make_arrays(tmp_path: Path) -> None:
    pretty = [json.dumps(json.loads(record), indent=1).encode() for record in (RECORDS[0], RECORDS[3], RECORDS[1])]
    days = split(written(tmp_path / "all.json", pretty, array=True), "started_at", tmp_path / "out", UTC)
    assert [Path(day.path).name for day in days] == ["2018-01-28.json", "2018-01-30.json"]
    assert content(days[0].path) == [pretty[0], pretty[2]]


def test_seconds_since_1970_are_moments_too(tmp_path: Path) -> None:
    records = [b'{"at": "1517167151.2798369"}', b'{"at": 1517270400}']
    days = split(written(tmp_path / "all.ndjson", records), "at", tmp_path / "out", UTC)
    assert [day.day for day in days] == ["2018-01-28", "2018-01-30"]


NO_MOMENTS = [  # each looks like one, and could as well be something else
    (b'{"at": "20180128"}', 'has at "20180128"'),
    (b'{"at": 20180128}', "has at 20180128"),
    (b'{"at": 2018}', "has at 2018"),
    (b'{"at": "2018"}', 'has at "2018"'),
    (b'{"at": true}', "has at true"),
    (b'{"at": null}', "has at null"),
    (b'{"at": "2018-01-28"}', 'has at "2018-01-28"'),
    (b'{"at": 1517167151279}', "has at 1517167151279"),  # milliseconds
    (b'{"at": "2018012812"}', 'has at "2018012812"'),  # the hour of a day; as seconds it is in 2033
    (b'{"at": -1517167151}', "has at -1517167151"),
    (b'{"at": "1_517_167_151"}', 'has at "1_517_167_151"'),
    (b'{"at": "nan"}', 'has at "nan"'),
    (b'{"at": 1e400}', "has at 1e400"),
    (b'{"at": [1517167151]}', "has at [1517167151]"),
    (b'{"at": "2018-01-28T10:00:00Z", "at": "2018-01-29T10:00:00Z"}', "has at 2 times"),
    (b'{"is": 1517167151}', "has no at"),
    (b"[1517167151]", "is not a JSON object"),
]


@pytest.mark.parametrize(("record", "reason"), NO_MOMENTS, ids=[reason for _, reason in NO_MOMENTS])
def test_what_is_not_certainly_a_moment_is_undated_and_the_first_one_named(tmp_path: Path, record: bytes, reason: str) -> None:
    records = [b'{"at": "2018-01-28T10:00:00Z"}', record, b'{"at": false}']
    days = split(written(tmp_path / "all.ndjson", records), "at", tmp_path / "out", UTC)
    assert [(day.day, day.records, day.example) for day in days] == [("2018-01-28", 1, None), (UNDATED, 2, Example(1, reason))]


SURE_MOMENTS = [
    (b'{"at": 1517183999.9999999}', "2018-01-28"),  # as a float it is the next day's
    (b'{"at": "1517183999.9999999"}', "2018-01-28"),
    (b'{"at": "2018-01-28T23:59:59.999999999Z"}', "2018-01-28"),
    (b'{"at": 1.5171672E9}', "2018-01-28"),
    (b'{"at": "2018-01-28T10:00:00Z", "in": {"at": 1, "and": {"at": 2}}}', "2018-01-28"),
    (b'{"at": "20180128T235959Z"}', "2018-01-28"),
]


@pytest.mark.parametrize(("record", "day"), SURE_MOMENTS, ids=[record.decode() for record, _ in SURE_MOMENTS])
def test_a_moment_is_of_its_own_day_to_the_last_digit(tmp_path: Path, record: bytes, day: str) -> None:
    assert [each.day for each in split(written(tmp_path / "all.ndjson", [record]), "at", tmp_path / "out", UTC)] == [day]


def test_a_long_value_that_is_no_moment_is_cut_short(tmp_path: Path) -> None:
    [day] = split(written(tmp_path / "all.ndjson", [b'{"at": "' + b"x" * 5000 + b'"}']), "at", tmp_path / "out", UTC)
    assert day.example == Example(0, 'has at "' + "x" * 99 + "...")


def test_a_compressed_file_and_one_larger_than_the_buffer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("include.source.split.BUFFER_BYTES", 100)
    (tmp_path / "all.json.gz").write_bytes(gzip.compress(b"[" + b",".join(RECORDS * 50) + b"]"))
    days = split(str(tmp_path / "all.json.gz"), "started_at", tmp_path / "out", UTC)
    assert {day.day: content(day.path) for day in days} == {"2018-01-28": RECORDS[:3] * 50, "2018-01-30": RECORDS[3:] * 50}


def test_nothing_is_overwritten_and_what_a_killed_split_left_is_in_nobodys_way(tmp_path: Path) -> None:
    source = written(tmp_path / "all.ndjson", RECORDS)
    (tmp_path / ".out.part").mkdir()
    (tmp_path / ".out.part" / "2018-01-28.ndjson").write_bytes(b"half")
    (tmp_path / "out").mkdir()
    days = split(source, "started_at", tmp_path / "out", UTC)
    assert content(days[0].path) == RECORDS[:3]
    with pytest.raises(Refused, match="is there and not empty"):
        split(source, "started_at", tmp_path / "out", UTC)
    assert content(days[0].path) == RECORDS[:3]


def test_a_source_that_cannot_be_read_leaves_no_folder(tmp_path: Path) -> None:
    cut = tmp_path / "cut.json"
    cut.write_bytes(b'[{"keen_id": "a"}, {"kee')
    with pytest.raises(Refused, match="is truncated"):
        split(str(cut), "started_at", tmp_path / "out", UTC)
    assert [path.name for path in tmp_path.iterdir()] == ["cut.json"]


@pytest.mark.skipif(not REAL_FILE.exists(), reason=f"the real file is not at {REAL_FILE}")
def test_the_real_file_has_69_days(tmp_path: Path) -> None:
    days = split(str(REAL_FILE), "started_at", tmp_path / "out", UTC)
    assert (len(days), days[0].day, days[-1].day) == (69, "2017-11-21", "2018-01-28")
    assert sum(day.records for day in days) == 3280
    assert sorted(record for day in days for record in content(day.path)) == sorted(content(str(REAL_FILE)))
