"""Where `explain` finds a record in its source: in the file that was landed, whatever its name."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest
import zstandard

from include.lake.lake import Lake
from include.query.trace import Place, explain
from include.source.files import describe, serve
from tests.harness.file_names import NAMES
from tests.harness.lakes import open_lake
from tests.oracle.built_landing import CUSTOMER, DAY, attempt, build

ALL = [*NAMES, "D{day}.json", "D trailing ", "De\u0301.json", "D" + "é" * 120, "D%", "D#", "D?", "D::", "D.gz#part2"]
RECORDS = [attempt(1, exam=f"exam {number}") for number, _ in enumerate(ALL)]  # one keen_id: asked for together
PACKED: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".ZST": zstandard.compress}


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setattr("include.storage.stores._served", {})
    serve("hdfs://namenode:8020", fsspec.filesystem("file"))
    return open_lake(tmp_path)


def landed(lake: Lake, folder: Path, suffix: str = "", prefix: str = "") -> list[str]:
    """A day with a file of one record for each name; returns their locations."""
    inbox = folder / "in #1?%20::{day}"
    inbox.mkdir()
    for name, record in zip(ALL, RECORDS, strict=True):
        (inbox / f"{name}{suffix}").write_bytes(PACKED[suffix](b"\n" + record + b"\n"))
    uris = [f"{prefix}{inbox}/{name}{suffix}" for name in ALL]
    built, source = build(folder, records=RECORDS), describe(CUSTOMER, DAY, uris, "2018-01-29T06:00:00+00:00")
    lake.commit(replace(built.landing, source=tuple(uris), bytes=source.bytes, sha256=source.sha256), built.transform)
    return uris


@pytest.mark.parametrize("suffix", PACKED)
@pytest.mark.parametrize("prefix", ["", "file://", "hdfs://namenode:8020"])
def test_a_record_is_found_in_a_file_of_any_name(lake: Lake, tmp_path: Path, prefix: str, suffix: str) -> None:
    uris = landed(lake, tmp_path, suffix, prefix)
    explanation = explain(lake, DAY, keen_id="keen 1")
    assert explanation.no_place == ""
    assert [way.place for way in explanation.ways] == [Place(uri, 1, 1 + len(record)) for uri, record in zip(uris, RECORDS, strict=True)]


def test_a_file_that_is_another_by_now_is_not_shown(lake: Lake, tmp_path: Path) -> None:
    path = Path(landed(lake, tmp_path)[ALL.index("D#")])
    path.unlink()
    explanation = explain(lake, DAY, record=0)
    assert (explanation.ways[0].place, explanation.no_place.startswith("the source cannot be read any more: ")) == (None, True)
    path.write_bytes(b"{}")
    assert explain(lake, DAY, record=0).no_place.startswith("the source's bytes are no longer those that were landed")
