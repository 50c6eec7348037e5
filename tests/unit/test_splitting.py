"""A file of many days becomes files of one day each; no record is lost, changed or in two of them."""

import gzip
import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from include.errors import Refused
from include.records import Records
from include.splitting import UNDATED, split
from tests.private_landfall import REAL_FILE

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


def test_a_compressed_file_and_one_larger_than_the_buffer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("include.splitting.BUFFER_BYTES", 100)
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
