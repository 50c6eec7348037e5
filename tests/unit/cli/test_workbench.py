"""Explaining a record and listing the quarantine, on a landing in a local lake."""

import gzip
import hashlib
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import fsspec
import pytest

from include.errors import Refused
from include.lake.lake import Lake
from include.query.faults import SHOWN_BYTES
from include.query.quarantine import in_words, quarantined, quarantined_by
from include.query.session import NotAnswered
from include.query.trace import explain
from tests.oracle.built_landing import CUSTOMER, DAY, RECORDS, build


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(CUSTOMER, f"sqlite:///{tmp_path}/catalog.sqlite", f"file://{tmp_path}", fsspec.filesystem("file"))


def land(lake: Lake, folder: Path, content: bytes = b"\n".join(RECORDS) + b"\n", name: str = "day.ndjson") -> Path:
    """Lands RECORDS, which the file is said to hold."""
    source = folder / name
    source.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    built = build(folder)
    sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
    lake.commit(replace(built.landing, source=(str(source),), sha256=sha256), built.transform)
    return source


@pytest.mark.parametrize("name", ["day.ndjson", "day.ndjson.gz"])
def test_a_landed_record_and_its_copies_are_told_apart_and_found_in_the_source(lake: Lake, tmp_path: Path, name: str) -> None:
    source = land(lake, tmp_path, name=name)
    found = explain(lake, DAY, keen_id="keen 1")
    assert [(way.record, way.outcome) for way in found.ways] == [(0, "landed"), (2, "copy"), (4, "copy")]
    assert found.ways[1].said == "an exact copy of record 0, which has landed"
    for way in found.ways:
        assert way.place
        assert way.place.uri == str(source)
        whole = gzip.decompress(source.read_bytes()) if name.endswith(".gz") else source.read_bytes()
        assert whole[way.place.begin : way.place.end] == RECORDS[way.record]
        assert (way.partition, way.offset) == (way.record % 3, 1000 + way.record // 3)
        assert [len(way.rows[table]) for table in ("assessments", "questions", "options")] == [1, 2, 4]


def test_every_version_of_a_conflict_is_explained_with_its_own_rows(lake: Lake, tmp_path: Path) -> None:
    land(lake, tmp_path)
    ways = explain(lake, DAY, keen_id="keen 6").ways
    assert [way.outcome for way in ways] == ["landed", "landed"]
    assert [way.rows["questions"][0]["user_result"] for way in ways] == ["correct", "incorrect"]


def test_a_quarantined_record_is_explained_by_its_reason(lake: Lake, tmp_path: Path) -> None:
    land(lake, tmp_path)
    [way] = explain(lake, DAY, record=10).ways
    assert (way.keen_id, way.outcome, way.said) == (None, "quarantined", "quarantined as missing_keen_id: planted")
    assert list(way.rows) == ["quarantine"]


def test_a_source_that_has_changed_or_gone_is_said_and_the_rest_explained(lake: Lake, tmp_path: Path) -> None:
    source = land(lake, tmp_path)
    source.write_bytes(source.read_bytes() + b"\n")
    found = explain(lake, DAY, record=0)
    assert found.ways[0].place is None
    assert found.no_place.startswith("the source's bytes are no longer those that were landed")
    source.unlink()
    assert "cannot be read: No such file" in explain(lake, DAY, record=0).no_place


def test_what_is_not_there_is_said_with_what_to_do(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="nothing has landed for this day. See which days have: ./landfall landings"):
        explain(lake, DAY, record=0)
    land(lake, tmp_path)
    with pytest.raises(Refused, match="none of the 12 records of this day has keen_id 'nobody'"):
        explain(lake, DAY, keen_id="nobody")


def test_the_quarantine_is_listed_by_reason_with_the_bytes_of_a_few(lake: Lake, tmp_path: Path) -> None:
    land(lake, tmp_path)
    found = {reason.reason: reason for reason in quarantined(lake)}
    assert {name: (reason.records, reason.days) for name, reason in found.items()} == {
        "invalid_json": (1, [date.fromisoformat(DAY)]),
        "missing_keen_id": (1, [date.fromisoformat(DAY)]),
    }
    [example] = found["invalid_json"].examples
    assert (example.record, example.value) == (9, '{"keen_id": "keen 7", ')
    assert quarantined(lake, "2018-01-29") == []


def test_of_many_only_the_first_few_are_shown_cut_short(lake: Lake, tmp_path: Path) -> None:
    built = build(tmp_path, records=(RECORDS[0], *[b"\xff" * (200 + number) for number in range(5)]))
    lake.commit(built.landing, built.transform)
    [reason] = quarantined(lake, DAY)
    assert (reason.reason, reason.records, [example.record for example in reason.examples]) == ("not_utf8", 5, [1, 2, 3])
    assert {example.value for example in reason.examples} == {"\ufffd" * SHOWN_BYTES + "…"}


def test_what_a_try_could_not_read_is_listed_though_nothing_of_it_landed(lake: Lake, tmp_path: Path) -> None:
    built = build(tmp_path)
    assert quarantined(lake) == [], "nothing has landed"
    of_try = quarantined_by(lake, built.transform)
    assert [(reason.reason, reason.records, reason.days) for reason in of_try] == [
        ("invalid_json", 1, [date.fromisoformat(DAY)]), ("missing_keen_id", 1, [date.fromisoformat(DAY)]),
    ]  # fmt: skip
    lake.commit(built.landing, built.transform)
    assert of_try == quarantined(lake), "and the same as when it has landed"
    clean = build(tmp_path, records=RECORDS[:2], day="2018-01-29")
    assert quarantined_by(lake, clean.transform) == []


def test_of_many_unreadable_records_of_a_try_the_most_frequent_reason_comes_first(lake: Lake, tmp_path: Path) -> None:
    built = build(tmp_path, records=(RECORDS[0], b"{", *[b"[%d]" % number for number in range(5)]))
    first, second = quarantined_by(lake, built.transform)
    assert (first.reason, first.records, [example.value for example in first.examples]) == ("not_an_object", 5, ["[0]", "[1]", "[2]"])
    assert (second.reason, second.records) == ("invalid_json", 1)


def test_files_that_a_tidying_has_removed_are_said(lake: Lake, tmp_path: Path) -> None:
    built = build(tmp_path)
    for table in ("quarantine", "raw_assessments"):
        Path(built.path(table)).unlink()
    with pytest.raises(NotAnswered, match="are not there any more.*tidy_lake_acme after the contract's tidy.unneeded_days"):
        quarantined_by(lake, built.transform)


def test_a_log_says_which_records_and_what_is_wrong_but_not_what_stands_in_them(lake: Lake, tmp_path: Path) -> None:
    def detailed(rows: dict[str, list[dict[str, Any]]]) -> None:
        rows["quarantine"][0]["detail"] = "not JSON: a secret"
        rows["quarantine"][1]["detail"] = 'keen_id: expected a string that is not blank, found "a secret"'

    built = build(tmp_path, plant=detailed)
    assert list(in_words(lake, built.transform, "manual__1")) == [
        "unreadable: invalid_json: 1 records, such as record 9",
        "unreadable: missing_keen_id: 1 records, such as record 10: keen_id: expected a string that is not blank",
        "Their faulty parts are on the Landing tab of this run and the Landings page, or: "
        "./landfall quarantine --customer acme --run manual__1",
    ]
    Path(built.path("raw_assessments")).unlink()
    assert "are not there any more" in next(in_words(lake, built.transform, "manual__1"))
    assert list(in_words(lake, build(tmp_path, records=RECORDS[:2]).transform, "manual__1")) == []
