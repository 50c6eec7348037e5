"""An export of months, cut into days and landed by Airflow's backfill: as many rows, in their days, as the file holds."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from include.customers import customer
from tests.built_landing import attempt
from tests.landed import differences
from tests.private_landfall import REAL_FILE, Landfall
from tests.recount import recount

FIRST, DAYS = date(2018, 1, 23), 5
pytestmark = pytest.mark.skipif(not REAL_FILE.exists(), reason=f"the real file is not at {REAL_FILE}")


def days() -> list[str]:
    return [(FIRST + timedelta(days=number)).isoformat() for number in range(DAYS)]


@pytest.fixture(scope="module")
def files(stack: Landfall, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The daily files of the span in the customer's inbox, by day."""
    out = tmp_path_factory.mktemp("split") / "daily"
    told = stack.json("split", "--source", str(REAL_FILE), "--out", str(out))
    assert (told["records"], len(told["days"])) == (3280, 69)
    inbox = stack.settings.inbox / "acme"
    inbox.mkdir(parents=True, exist_ok=True)
    return {day["day"]: Path(day["path"]).rename(inbox / Path(day["path"]).name) for day in told["days"] if day["day"] in days()}


def test_every_day_lands_what_its_file_holds(stack: Landfall, files: dict[str, Path]) -> None:
    told = stack.json("backfill", "--customer", "acme", "--from", days()[0], "--to", days()[-1])
    assert [(day["day"], day["state"]) for day in told["days"]] == [(day, "success") for day in days()]
    tests = customer("acme").test_exams
    lake = stack.lake("acme")
    for day, receipt in zip(days(), told["days"], strict=True):
        expected = recount([files[day]], day, tests.exam_name, tests.base_exam_id)
        assert (receipt["published"], receipt["landed"]) == (expected.figures.published, expected.figures.landed)
        assert receipt["content_hash"] == expected.figures.content_hash
        assert differences(lake, day, expected) == []
        assert len(lake.landings(day)) == 1


def test_the_span_again_replaces_a_corrected_day_leaves_the_others_and_skips_days_without_a_file(
    stack: Landfall, files: dict[str, Path]
) -> None:
    corrected = days()[2]
    before = {day: stack.lake("acme").in_force(day) for day in days()}
    files[corrected].write_bytes(b"[" + attempt(1) + b"]")
    told = stack("backfill", "--customer", "acme", "--from", days()[0], "--to", "2018-01-30").stdout
    assert [line.split()[:2] for line in told.splitlines() if line.startswith("  2018")] == [
        [day, "success"] for day in [*days(), "2018-01-28", "2018-01-29", "2018-01-30"]
    ]
    after = {day: stack.lake("acme").in_force(day) for day in days()}
    assert [day for day in days() if before[day] != after[day]] == [corrected]
    assert after[corrected].landed == 1


def test_again_lands_every_day_of_the_span_anew(stack: Landfall, files: dict[str, Path]) -> None:
    day = days()[2]
    told = stack.json("backfill", "--customer", "acme", "--from", day, "--to", day, "--again")
    assert [(each["state"], each["already_landed"]) for each in told["days"]] == [("success", False)]
    assert [landing.landed for landing in stack.lake("acme").landings(day)][-2:] == [1, 1]
