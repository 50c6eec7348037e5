"""What is said of a landing: the right figures, and nothing that came from a record."""

from dataclasses import replace
from pathlib import Path

import pytest

from include import landing, notices
from include.receipts import Source, SourceFile, conservation
from tests.built_landing import Built, build


@pytest.fixture
def built(tmp_path: Path) -> Built:
    return build(tmp_path)


FILES = [
    ("one", 1, 1, None),
    ("as many as are named", 10, 10, None),
    ("more than are named", 13, 11, "  and 3 more"),
]


@pytest.mark.parametrize(("why", "count", "lines", "last"), FILES, ids=[row[0] for row in FILES])
def test_files_are_named_up_to_ten(why: str, count: int, lines: int, last: str | None) -> None:
    files = tuple(SourceFile(f"/in/100%/{number}.json", number, f"{number:064x}") for number in range(count))
    said = notices.files(Source("acme", "2018-01-28", files, 0, "", ""))
    assert said[0] == f"  /in/100%/0.json: 0 bytes, sha256 {0:064x}"
    assert len(said) == lines, why
    assert last is None or said[-1] == last


def test_the_proof_is_four_columns_the_reasons_and_the_rows(built: Built) -> None:
    read = landing.read_landed(built.fs, built.transform)
    assert read.facts is not None
    found = landing.found_on_hdfs(read.facts, built.transform)
    total = built.publish.content_hash
    said = notices.proof(built.publish, built.transform, found, 0, 1.234)
    assert said[:5] == [
        f"acme 2018-01-28, landing {built.transform.landing}: no problems, looked at in 1.2 s",
        f"  source 12 records, content hash {total}",
        f"  topic  12 records, content hash {total}",
        f"  spark  12 records, content hash {total}: 8 landed, 2 duplicates, 2 quarantined, 0 forgotten",
        f"  hdfs   12 records, content hash {total}: 8 landed, 2 duplicates, 2 quarantined, 0 forgotten",
    ]
    assert said[5] == f"  quarantined for: {', '.join(f'{reason} {count}' for reason, count in built.transform.reasons.items())}"
    assert said[6].startswith("  rows: raw_assessments 12, assessments 8, ")
    assert len(said) == 7


def test_a_proof_that_failed_says_how_many_problems_and_lacks_what_could_not_be_read(built: Built) -> None:
    said = notices.proof(built.publish, built.transform, None, 3, 0.5)
    assert said[0].endswith("3 problems, looked at in 0.5 s")
    assert not [line for line in said if line.startswith("  hdfs")]


def test_what_became_visible_is_said_with_snapshots_and_the_seconds_of_every_step(built: Built) -> None:
    counted = conservation(built.publish, built.transform, None)
    row = replace(
        built.landing,
        committed_at="2018-01-29T06:00:01+00:00",
        snapshots={"assessments": 2**62},
        seconds={"find_source": 1.5, "publish": 2.0},
        conservation=counted,
    )
    said = notices.visible(row, 0.456)
    assert said[0] == f"acme 2018-01-28: landing {row.landing} is what readers see, since 2018-01-29T06:00:01+00:00"
    assert [line.split()[0] for line in said[1:]] == ["source", "topic", "spark", "rows:", "snapshots:", "seconds:"]
    assert said[-2:] == [f"  snapshots: assessments {2**62}", "  seconds: find_source 1.5, publish 2.0, commit 0.46"]
