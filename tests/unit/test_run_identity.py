"""Which day a run is about, until when it waits, what its landing is called."""

import re
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from include import run_identity
from include.run_identity import RunRefused

EVENING = datetime(2018, 1, 28, 23, 30, tzinfo=UTC)
LATER = datetime(2018, 2, 3, 1, 0, tzinfo=UTC)

DAYS = [
    ("the day asked for wins", "2018-01-05", EVENING, "UTC", date(2018, 1, 5)),
    ("a scheduled run lands its logical date", None, EVENING, "UTC", date(2018, 1, 28)),
    ("a run from the UI may have no logical date: the last day that is over", None, None, "UTC", date(2018, 2, 2)),
    ("which day that is, the customer's clock says", None, None, "America/New_York", date(2018, 2, 1)),
    ("the form fills in now as the logical date: the last day that is over", None, LATER, "UTC", date(2018, 2, 2)),
    ("a day that is not over is landed by whoever asks for it", "2018-02-03", LATER, "UTC", date(2018, 2, 3)),
    ("days end at the customer's midnight, not at ours", None, EVENING, "Europe/Berlin", date(2018, 1, 29)),
]


@pytest.mark.parametrize(("why", "asked", "logical", "zone", "day"), DAYS, ids=[row[0] for row in DAYS])
def test_the_day_of_a_run(why: str, asked: str | None, logical: datetime | None, zone: str, day: date) -> None:
    assert run_identity.day_of_run(asked=asked, logical_date=logical, run_after=LATER, run_type="manual", time_zone=zone) == day, why


def test_a_scheduled_run_lands_the_day_that_ends_as_it_starts() -> None:
    """Of a schedule at midnight, in a zone whose midnight is not ours."""
    midnight = datetime(2018, 1, 28, 23, tzinfo=UTC)
    logical = datetime(2018, 1, 27, 23, tzinfo=UTC)
    assert run_identity.day_of_run(
        asked=None, logical_date=logical, run_after=midnight, run_type="scheduled", time_zone="Europe/Berlin"
    ) == date(2018, 1, 28)


def test_a_backfilled_run_lands_the_day_that_it_is_of_whenever_it_may_start() -> None:
    """The timetable lets it start at the beginning of its interval: Airflow makes its id of that moment."""
    begin = datetime(2018, 1, 28, tzinfo=UTC)
    assert run_identity.day_of_run(asked=None, logical_date=begin, run_after=begin, run_type="backfill", time_zone="UTC") == date(
        2018, 1, 28
    )


def test_a_day_that_is_no_date_is_refused() -> None:
    with pytest.raises(RunRefused, match="found '28.1.2018'"):
        run_identity.day_of_run(asked="28.1.2018", logical_date=None, run_after=LATER, run_type="manual", time_zone="UTC")


def test_a_backfill_with_one_day_for_all_is_refused() -> None:
    with pytest.raises(RunRefused, match="day and source"):
        run_identity.refuse_in_backfill("backfill", day="2018-01-28", source=["a.json"])
    run_identity.refuse_in_backfill("backfill", day=None, source=None)
    run_identity.refuse_in_backfill("manual", day="2018-01-28", source=None)


def test_a_deadline_is_hours_after_the_customers_midnight() -> None:
    assert run_identity.deadline(date(2018, 1, 28), 6, "UTC") == datetime(2018, 1, 29, 6, tzinfo=UTC)
    assert run_identity.deadline(date(2018, 1, 28), 0, "Europe/Berlin") == datetime(2018, 1, 28, 23, tzinfo=UTC)


def test_a_backfill_with_one_reason_for_all_its_days_is_refused() -> None:
    with pytest.raises(RunRefused, match="accept_problems"):
        run_identity.refuse_in_backfill("backfill", day=None, source=None, accept_problems="as agreed")
    run_identity.refuse_in_backfill("manual", day=None, source=None, accept_problems="as agreed")


def test_no_two_tries_share_a_landing_and_its_name_suits_hdfs() -> None:
    """Each try of a task has a UUID of its own, also where run id and try come again."""
    tries = [UUID(int=number) for number in range(1000)]
    names = {run_identity.landing_id("2018-01-28", each) for each in tries}
    assert len(names) == len(tries)
    assert all(re.fullmatch(r"2018-01-28-[0-9a-f]{16}", name) for name in names)
