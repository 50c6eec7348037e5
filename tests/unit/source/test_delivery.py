"""Whether a day's files are whole: by their age, by a marker, by what lies beside them; and what has become of them since."""

import os
import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.receipts import Landing
from include.source import delivery
from include.source.delivery import Expected, changed_since, look
from include.source.files import SourceRefused, describe
from include.source.inbox import NotThisCustomers, Places, places
from include.source.listing import Listing
from include.storage import stores

DAY = "2018-01-28"
NOW = "2018-01-29T02:00:00+00:00"
MINUTE = Expected("acme/{day}*", 60)
MARKED = Expected("acme/{day}/*", 60, "acme/{day}/_SUCCESS")


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    monkeypatch.setattr(delivery, "SETTLE_SECONDS", 0.05)
    (tmp_path / "acme" / DAY).mkdir(parents=True)
    return places("acme", tmp_path, None)


def write(acme: Places, name: str, age: float, content: str = "[{}]") -> Path:
    path = acme.inbox / "acme" / name
    path.write_text(content)
    os.utime(path, (time.time() - age,) * 2)
    return path


AGES: list[tuple[str, Expected, dict[str, float], str]] = [
    ("quiet", MINUTE, {"a.json": 61}, ""),
    ("a line every 25 s", MINUTE, {"a.json": 25}, r"1 file, of which \S+a\.json changed less than 60 s ago \(the last 25 s ago\)"),
    ("one of two", MINUTE, {"a.json": 300, "b.json": 3}, r"2 files, of which \S+b\.json changed less than 60 s ago"),
    ("a clock that is ahead", MINUTE, {"a.json": -300}, "by a clock that is ahead of the store's"),
    ("no patience asked for, at once", Expected("acme/{day}*", 0), {"a.json": 0}, ""),
    ("another is being brought", MINUTE, {"a.json": 300, "b.json.part": 5}, r"1 file, of which \S+b\.json\.part changed"),
    ("another was brought half and left", MINUTE, {"a.json": 300, "b.json.part": 5000}, ""),
    ("nothing", MINUTE, {}, r"no files at acme/2018-01-28\* in"),
    ("nothing whole", MINUTE, {"a.json.part": 5000}, r"no files at .* left out as what a writer leaves: \S+a\.json\.part"),
]  # fmt: skip


@pytest.mark.parametrize(("why", "expected", "ages", "awaited"), AGES, ids=[row[0] for row in AGES])
def test_files_are_whole_when_they_are_quiet(acme: Places, why: str, expected: Expected, ages: dict[str, float], awaited: str) -> None:
    (acme.inbox / "acme" / DAY).rmdir()
    for name, age in ages.items():
        write(acme, f"{DAY}-{name}", age)
    found = look(expected, DAY, [], acme)
    assert_awaits(found.awaited, awaited)
    assert found.nothing == (not ages), "what is there, whole or not, is never nothing"


def assert_awaits(sentence: str, pattern: str) -> None:
    assert re.search(pattern, sentence) if pattern else sentence == "", sentence


MARKERS: list[tuple[str, dict[str, float], str]] = [
    ("no marker yet", {"a.json": 500}, r"1 file, but no marker at acme/2018-01-28/_SUCCESS"),
    ("a marker after the files: nobody need wait", {"a.json": 3, "_SUCCESS": 2}, ""),
    ("a file after the marker, quiet", {"a.json": 100, "_SUCCESS": 200}, ""),
    ("a file after the marker, just now", {"a.json": 3, "_SUCCESS": 200}, "changed less than 60 s ago"),
    ("a marker alone", {"_SUCCESS": 200}, "no files at"),
]


@pytest.mark.parametrize(("why", "ages", "awaited"), MARKERS, ids=[row[0] for row in MARKERS])
def test_a_marker_is_what_a_writer_leaves_last(acme: Places, why: str, ages: dict[str, float], awaited: str) -> None:
    for name, age in ages.items():
        write(acme, f"{DAY}/{name}", age)
    found = look(MARKED, DAY, [], acme)
    assert_awaits(found.awaited, awaited)
    assert [Path(uri).name for uri in found.uris] == [name for name in ages if name != "_SUCCESS"], "the marker is no source"


def test_a_marker_of_any_name_is_no_source(acme: Places) -> None:
    (acme.inbox / "acme" / DAY).rmdir()
    write(acme, f"{DAY}.json", 500)
    done = write(acme, f"{DAY}.done", 100)
    expected = Expected("acme/{day}*", 60, "acme/{day}.done")
    assert [Path(uri).suffix for uri in look(expected, DAY, [], acme).uris] == [".json"]
    done.unlink()
    assert "no marker" in look(expected, DAY, [], acme).awaited


def test_a_file_that_changes_while_we_look_is_awaited_whatever_its_time_says(acme: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    (acme.inbox / "acme" / DAY).rmdir()
    path = write(acme, f"{DAY}.json", 0)
    monkeypatch.setattr(time, "sleep", lambda _: path.write_text("[{}, {}]"))
    for named in ([], [str(path)]):
        path.write_text("[{}]")
        assert "still growing" in look(Expected("acme/{day}*", 0), DAY, named, acme).awaited


def test_files_that_a_person_names_are_taken_at_once(acme: Places) -> None:
    path = write(acme, "other name.json", 5)
    for name in (str(path), "acme/other name.json", f"file://{path}"):
        found = look(MINUTE, DAY, [name], acme)
        assert (found.uris, found.awaited, found.sizes) == ([str(path)], "", {str(path): 4}), name
    with pytest.raises(SourceRefused, match=r"nowhere\.json cannot be read"):
        look(MINUTE, DAY, ["acme/nowhere.json"], acme)
    assert look(MINUTE, DAY, ["acme/nowhere.json"], acme, may_be_gone=True).uris == []


def test_what_lies_elsewhere_is_not_even_asked_for(acme: Places, tmp_path: Path) -> None:
    (tmp_path / "beta").mkdir()
    (tmp_path / "beta" / f"{DAY}.json").write_text("[{}]")
    (tmp_path / "acme" / "link").symlink_to(tmp_path / "beta")
    rows: list[tuple[str, list[str]]] = [
        ("beta/{day}*", []), ("acme/link/{day}*", []), ("*/{day}*.json", []), ("acme/{day}*", ["beta/2018-01-28.json"]),
        ("http://127.0.0.1:1/{day}*", []), ("hdfs:///lake/beta/{day}*", []), ("acme/{day}*", ["http://127.0.0.1:1/a.json"]),
    ]  # fmt: skip
    for source, named in rows:
        with pytest.raises(NotThisCustomers):
            look(Expected(source, 0), DAY, named, acme)


def landed(acme: Places, *paths: Path) -> Landing:
    source = describe("acme", DAY, [str(path) for path in paths], NOW)
    return Landing(
        landing="one", customer="acme", day=DAY, run_id="r", found_at=source.found_at, committed_at=NOW, source=tuple(source.uris),
        bytes=source.bytes, sha256=source.sha256, topic="assessments.acme", ingest="0" * 16, generation=1, offsets={0: (0, 0)}, published=1,
        landed=1, duplicates=0, quarantined=0, test=0, conflicts=0, content_hash="1" * 16, reasons={}, tables={}, snapshots={},
        seconds={}, warnings=(),
    )  # fmt: skip


def test_a_store_whose_clock_is_ahead_has_changed_nothing(acme: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    (acme.inbox / "acme" / DAY).rmdir()
    path, ahead = write(acme, f"{DAY}.json", 90), 600
    landing = replace(landed(acme, path), found_at=datetime.now(UTC).isoformat())
    at_the_store = replace(stores.entry(str(path)), changed=time.time() - 90 + ahead)
    monkeypatch.setattr(delivery, "_find", lambda *_: Listing((at_the_store,)))
    assert changed_since(landing, MINUTE, acme) == []
    monkeypatch.setattr(delivery, "_find", lambda *_: Listing((replace(at_the_store, age=-10.0),)))
    assert changed_since(landing, MINUTE, acme) == [f"Written to since they were landed, and as long as before: {path}."]


def test_a_file_that_was_delivered_again_as_it_was_has_not_changed_for_who_reads_it(acme: Places) -> None:
    (acme.inbox / "acme" / DAY).rmdir()
    path = write(acme, f"{DAY}.json", 0)
    landing = landed(acme, path)
    assert changed_since(landing, MINUTE, acme) == [f"Written to since they were landed, and as long as before: {path}."]
    assert changed_since(landing, MINUTE, acme, read=True) == []
    two = replace(landing, source=(str(path), str(path.with_name(f"{DAY}-gone.json"))))
    assert changed_since(two, MINUTE, acme, read=True) == [f"Written to since they were landed: {path}."], "the hash is of both files"


def test_a_landed_day_whose_files_changed_says_so(acme: Places) -> None:
    (acme.inbox / "acme" / DAY).rmdir()
    before = time.time() - 1_516_000_000  # long before it was found
    path = write(acme, f"{DAY}.json", before)
    landing = landed(acme, path)
    expected = Expected("acme/{day}*", 60)
    assert changed_since(landing, expected, acme) == []
    path.write_text("[{}, {}]")
    assert changed_since(landing, expected, acme) == [f"The landed files have 8 bytes now, 4 were landed: {path}."]
    path.write_text("[{ }")
    assert changed_since(landing, expected, acme) == [f"Written to since they were landed, and as long as before: {path}."]
    assert changed_since(landing, expected, acme, read=True) == [f"Written to since they were landed, with other content: {path}."]
    assert changed_since(landing, expected, acme, datetime.now(UTC) + timedelta(hours=1)) == [], "a run has found the landed bytes since"
    write(acme, path.name, before, "[{}, {}]")
    assert changed_since(landing, expected, acme) == [f"The landed files have 8 bytes now, 4 were landed: {path}."]
    write(acme, path.name, before)
    other = write(acme, f"{DAY}-2.json", before)
    assert changed_since(landing, expected, acme) == [f"Joined since by files that are not landed: {other}."]
    by_name = landed(acme, write(acme, "by name.json", before))
    assert changed_since(by_name, expected, acme) == [], "what the pattern finds was not what was landed"
    (acme.inbox / "acme" / "by name.json").unlink()
    assert changed_since(by_name, expected, acme) == [], "an inbox is emptied once its days have landed"
    elsewhere = replace(by_name, source=("/etc/hostname",))
    with pytest.raises(NotThisCustomers):
        changed_since(elsewhere, expected, acme)
