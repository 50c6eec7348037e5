"""Which days are late, whose run failed already, and that one of many tells of it. On a real HDFS: tests/integration/test_claims.py."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import fsspec
import pytest

from include.contracts import Contract, NotifyTerms
from include.run_identity import TASKS, late_from
from include.runs import lateness
from include.runs.lateness import Late, begins, due_days, judge


def contract(**terms: Any) -> Contract:
    given = {"first_day": date(2018, 1, 1), "expected_by": "06:30", "notify": NotifyTerms(late=("slack",)), **terms}
    return Contract(customer="acme", source="{day}.json", **given)


def test_a_day_is_late_from_the_time_of_the_day_after_in_its_zone() -> None:
    assert late_from(date(2018, 1, 28), "06:30", "UTC") == datetime(2018, 1, 29, 6, 30, tzinfo=UTC)
    assert late_from(date(2018, 1, 28), "06:30+2", "Europe/Berlin") == datetime(2018, 1, 31, 5, 30, tzinfo=UTC)
    assert late_from(date(2018, 7, 28), "00:00", "Europe/Berlin") == datetime(2018, 7, 28, 22, tzinfo=UTC)


DUE = [
    ("a second before", datetime(2018, 1, 29, 6, 29, 59, tzinfo=UTC), {}, [25, 26, 27]),
    ("just now", datetime(2018, 1, 29, 6, 30, tzinfo=UTC), {}, [26, 27, 28]),
    ("its first day", datetime(2018, 1, 29, 6, 30, tzinfo=UTC), {"first_day": date(2018, 1, 28)}, [28]),
    ("not of the schedule", datetime(2018, 1, 29, 6, 30, tzinfo=UTC), {"schedule": "0 0 * * 1-5", "days": "scheduled"}, [26]),
    ("later by days", datetime(2018, 1, 31, 6, 30, tzinfo=UTC), {"expected_by": "06:30+2"}, [26, 27, 28]),
]


@pytest.mark.parametrize(("why", "now", "terms", "days"), DUE, ids=[row[0] for row in DUE])
def test_days_are_due_from_that_moment_and_for_three_days(why: str, now: datetime, terms: dict[str, Any], days: list[int]) -> None:
    assert [day.day for day in due_days(contract(**terms), now)] == days, why


def test_a_run_of_a_day_begins_when_the_schedule_says_in_its_zone() -> None:
    berlin = contract(schedule="30 2 * * *", time_zone="Europe/Berlin")
    assert begins(berlin, date(2018, 1, 28)) == [datetime(2018, 1, 28, 1, 30, tzinfo=UTC)]
    assert begins(contract(schedule="0 0 * * 1-5", days="scheduled"), date(2018, 1, 28)) == [], "a Sunday"


def states(*given: str | None) -> dict[str, str | None]:
    return dict(zip(TASKS, [*given, *[None] * len(TASKS)], strict=False))


FAILED = states("success", "success", "failed", *["upstream_failed"] * 4)
WAITING = states("up_for_reschedule")
AT_TRANSFORM = states("success", "success", "success", "running")
JUDGED: list[tuple[str, dict[str, Any], Late | None]] = [
    ("no run has begun", {}, Late()),
    ("a run waits for its file", {"r": WAITING}, Late("r", "find_source")),
    ("a run that has not begun", {"r": states()}, Late("r", "find_source")),
    ("a run is slow", {"r": AT_TRANSFORM}, Late("r", "transform")),
    ("a task is to be tried again", {"r": states("success", "success", "up_for_retry")}, Late("r", "publish")),
    ("the run failed, and that was told", {"r": FAILED}, None),
    ("a failed one is being tried again by another", {"r": FAILED, "s": AT_TRANSFORM}, Late("s", "transform")),
    ("of two, the one that is further", {"r": WAITING, "s": AT_TRANSFORM}, Late("s", "transform")),
    ("a day without files, as the contract allows", {"r": states(*["skipped"] * 7)}, None),
    ("all marked as success by hand", {"r": states(*["success"] * 7)}, Late("r", "commit")),
]


@pytest.mark.parametrize(("why", "runs_of_day", "late"), JUDGED, ids=[row[0] for row in JUDGED])
def test_how_a_day_without_a_landing_is_late(why: str, runs_of_day: dict[str, Any], late: Late | None) -> None:
    assert judge(runs_of_day) == late, why


def test_a_day_is_told_of_once_unless_nobody_could_be_told(tmp_path: Path) -> None:
    fs = fsspec.filesystem("file")
    claim = lateness.claim(fs, str(tmp_path), "2018-01-28")
    assert claim
    assert lateness.claim(fs, str(tmp_path), "2018-01-28") is None
    assert lateness.claim(fs, str(tmp_path), "2018-01-29")
    lateness.give_back(fs, claim)
    assert lateness.claim(fs, str(tmp_path), "2018-01-28")
