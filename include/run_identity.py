"""What a run is about: which day, until when it waits for files, and what its landing is called."""

import hashlib
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from include import channels
from include.errors import Refused

TASKS = ("find_source", "ensure_topic", "publish", "transform", "validate", "commit", "answer")
"""The tasks of a landing, in their order."""
WAITS_FOR = "waits_for"
"""The XCom in which a task that waits without a slot says for what."""


OF_AN_INTERVAL = ("scheduled", "backfill")


class RunRefused(Refused):
    """The run was asked for something that would do harm."""


def day_of_run(*, asked: str | None, logical_date: datetime | None, run_after: datetime, run_type: str, time_zone: str) -> date:
    """The day a run lands: the one asked for, else the day of its logical date, else the last one that was over when it was started.

    A day that is not over when a run is started by hand is never meant unless it is asked for: a form that fills in the present moment as
    the logical date means the last complete day, too. A run of the schedule or of a backfill has an interval, which begins on its day.
    `run_type` is Airflow's word. Dates are taken in the contract's time zone. Raises RunRefused for a day that is not YYYY-MM-DD.
    """
    if asked:
        try:
            return date.fromisoformat(asked)
        except ValueError as error:
            raise RunRefused(f"day: expected a date such as 2018-01-28, found {asked!r}") from error
    zone = ZoneInfo(time_zone)
    if logical_date and run_type in OF_AN_INTERVAL:
        return logical_date.astimezone(zone).date()
    complete = run_after.astimezone(zone).date() - timedelta(days=1)
    return min(logical_date.astimezone(zone).date(), complete) if logical_date else complete


def refuse_in_backfill(run_type: str, *, day: str | None, source: object, accept_problems: str | None = None) -> None:
    """All runs of one backfill share their params: with a fixed day or source every day would land the same files, and a reason to land
    one day in spite of its problems would hold for days that nobody has looked at.
    """
    if run_type != "backfill":
        return
    given = [name for name, value in (("day", day), ("source", source)) if value]
    if given:
        raise RunRefused(
            f"a backfill was started with {' and '.join(given)}, which would land the same files for every one of its days. "
            "Start the backfill without them; each day then finds its own files."
        )
    if accept_problems:
        raise RunRefused(
            "a backfill was started with accept_problems, which would land every one of its days whatever is wrong with it. "
            "Start the backfill without it, and a run of its own for the day that is to be landed all the same."
        )


def deadline(day: date, hours: float, time_zone: str) -> datetime:
    """The moment (UTC) until which the files of `day` may be late: so many hours after the day's end."""
    end = datetime.combine(day + timedelta(days=1), time(), tzinfo=ZoneInfo(time_zone))
    return end.astimezone(UTC) + timedelta(hours=hours)


def late_from(day: date, expected_by: str, time_zone: str) -> datetime:
    """The moment (UTC) from which `day` is late, by the contract's `expected_by`."""
    days, clock = channels.expected_by(expected_by)
    return datetime.combine(day + timedelta(days=days), clock, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


def landing_id(day: str, try_id: object) -> str:
    """The name of one try's landing. `try_id` is Airflow's own id of the task instance, a UUID that is new for every try: run id and number
    of the try come again once Airflow's database was cleaned. 16 hex digits of its hash, for it is to be read and typed.
    """
    return f"{day}-{hashlib.sha256(str(try_id).encode()).hexdigest()[:16]}"
