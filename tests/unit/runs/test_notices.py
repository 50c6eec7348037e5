"""What is said of a landing: the right figures, and nothing that came from a record."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from include.receipts import Source, SourceFile, conservation
from include.run_identity import TASKS
from include.runs import notices
from include.validation import checks
from tests.oracle.built_landing import Built, build


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
    read = checks.read_landed(built.fs, built.transform)
    assert read.facts is not None
    found = checks.found_on_hdfs(read.facts, built.transform)
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


LINK = "http://airflow/dags/land_assessments_acme/runs/r/tasks/publish"


def test_a_failure_names_customer_day_step_what_is_visible_what_to_do_and_the_link() -> None:
    notice = notices.failed("acme", "2018-01-28", "publish", 4, LINK)
    assert (notice.event, notice.subject) == ("failed", "[landfall] acme 2018-01-28: publish failed")
    assert notice.text.startswith("acme 2018-01-28: publish failed, at try 4. Nothing of this run is visible to readers;")
    assert notice.text.endswith(f"a retry sends only what is missing.\n{LINK}")


def test_a_failure_after_the_commit_does_not_say_that_nothing_is_visible() -> None:
    notice = notices.failed("acme", "", "answer", 1, LINK)
    assert notice.text.startswith("acme (day not known): answer failed, at try 1. The day is landed and visible all the same.")


@pytest.mark.parametrize("step", TASKS)
def test_every_step_has_something_to_do(step: str) -> None:
    assert notices.WHAT_TO_DO[step]


SHARES = [("below", 0.2, False), ("exactly", 2 / 12, False), ("above", 0.16, True), ("any at all", 0.0, True)]


@pytest.mark.parametrize(("why", "above", "told"), SHARES, ids=[row[0] for row in SHARES])
def test_quarantine_is_told_of_above_a_share(built: Built, why: str, above: float, told: bool) -> None:
    notice = notices.quarantined("acme", built.transform, above, "validate", LINK)
    assert (notice is not None) == told, why
    if notice:
        assert notice.subject == "[landfall] acme 2018-01-28: 2 of 12 records (16.67%) cannot be read"
        assert "By reason: invalid_json 1, missing_keen_id 1." in notice.text


def test_a_day_without_records_has_no_share(built: Built) -> None:
    assert notices.quarantined("acme", replace(built.transform, read=0, quarantined=0), 0, "validate", LINK) is None


LATE = [("at a step", "transform", "the run is at transform"), ("no run", "", "no run of it has begun")]


@pytest.mark.parametrize(("why", "step", "said"), LATE, ids=[row[0] for row in LATE])
def test_a_late_day_says_since_when_and_what_is_missing(why: str, step: str, said: str) -> None:
    notice = notices.late("acme", "2018-01-28", datetime(2018, 1, 29, 5, 30, tzinfo=UTC), step, LINK)
    assert notice.text.startswith(f"acme 2018-01-28 is late: expected by 2018-01-29 05:30 UTC, and not landed; {said}")
    assert notice.text.endswith(LINK)
    assert notice.subject == f"[landfall] acme 2018-01-28 is late, {step or 'no run'}"
