"""The main job from nothing, as a person meets it, on the sample with every irregularity."""

from pathlib import Path

import pytest
import xxhash

from include.cli.stack import DEMO_DAY
from include.contracts import customer
from tests.harness import readme
from tests.harness.private_landfall import Landfall
from tests.oracle.landed import differences
from tests.oracle.recount import Recount, recount


@pytest.fixture(scope="module")
def first(landfall: Landfall) -> str:
    return landfall("demo").stdout


@pytest.fixture(scope="module")
def expected(first: str, landfall: Landfall) -> Recount:
    paths = sorted((landfall.settings.inbox / "demo" / DEMO_DAY).iterdir())
    tests = customer("demo").test_exams
    return recount(paths, DEMO_DAY, tests.exam_name, tests.base_exam_id)


def test_the_demo_prints_what_landed_and_where_to_look(first: str, expected: Recount, landfall: Landfall) -> None:
    at = landfall.settings.endpoints
    for said in (f"{expected.figures.published:,}", expected.figures.content_hash, at.airflow_url, at.namenode_url, "admin"):
        assert said in first


def test_every_table_is_row_by_row_what_the_files_hold(first: str, expected: Recount, landfall: Landfall) -> None:
    assert differences(landfall.lake("demo"), DEMO_DAY, expected) == []


def test_the_receipt_is_what_the_files_hold(first: str, expected: Recount, landfall: Landfall) -> None:
    [landing] = landfall.json("landings", "--customer", "demo")
    figures = expected.figures
    for key in ("published", "landed", "duplicates", "quarantined", "test", "content_hash", "conflicts", "reasons"):
        assert landing[key] == getattr(figures, key), key
    assert landing["tables"] == {name: len(rows) for name, rows in expected.tables.items()}


def test_a_second_demo_says_what_is_landed_already_and_by_which_run(first: str, landfall: Landfall) -> None:
    [landing] = landfall.json("landings", "--customer", "demo")
    again = landfall("demo").stdout
    assert "already landed" in again
    assert landing["run_id"] in again
    assert len(landfall.json("landings", "--customer", "demo")) == 1


def test_the_report_lies_on_hdfs_and_here(first: str, landfall: Landfall) -> None:
    fs, copies = landfall.lake("demo").fs, landfall.settings.reports / "demo"
    for page in (f"{DEMO_DAY}.html", "all_days.html"):
        assert fs.cat_file(f"/lake/demo/answers/{page}") == (copies / page).read_bytes()
        assert fs.isfile(f"/lake/demo/answers/{page.replace('html', 'json')}")
    assert str(copies / f"{DEMO_DAY}.html") in first


def test_the_quarantine_is_what_the_files_hold_and_none_of_it_would_pass_now(first: str, expected: Recount, landfall: Landfall) -> None:
    reasons = {each["reason"]: each["records"] for each in landfall.json("quarantine", "--customer", "demo")}
    assert reasons == expected.figures.reasons
    judged = landfall.json("replay", "--customer", "demo", "--day", DEMO_DAY, "--dry-run")
    assert judged == {
        "customer": "demo", "day": DEMO_DAY, "quarantined": expected.figures.quarantined, "passing": 0, "reasons": reasons,
    }  # fmt: skip


def test_a_record_is_explained_to_the_byte(first: str, landfall: Landfall) -> None:
    found = landfall.json("explain", "--customer", "demo", "--day", DEMO_DAY, "--record", "0")
    [way] = found["ways"]
    place = way["place"]
    record = Path(place["uri"]).read_bytes()[place["begin"] : place["end"]]
    assert xxhash.xxh64_intdigest(record, 42) == way["hash"] % 2**64
    shown = landfall("explain", "--customer", "demo", "--day", DEMO_DAY, "--record", "0").stdout
    assert f"partition {way['partition']}, offset {way['offset']}" in shown


def test_what_each_place_counted_is_shown_for_a_day(first: str, expected: Recount, landfall: Landfall) -> None:
    shown = landfall("landings", "--customer", "demo", "--day", DEMO_DAY).stdout
    assert shown.count(expected.figures.content_hash) == 4  # that of each of four places; the landing's own is a column of --wide


ASKING = ("query", "tables", "landings", "explain", "quarantine", "replay")


@pytest.mark.parametrize("command", [each for each in readme.commands() if each[0] in ASKING], ids=lambda each: each[0])
def test_what_the_readme_asks_has_an_answer(first: str, command: list[str], landfall: Landfall) -> None:
    rows = landfall.json(*command)
    assert rows["rows"] if command[0] == "query" else rows
