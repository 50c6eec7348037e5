"""A customer's days: which are landed, failed, under way or missing, worked out from landings, Airflow's runs and the contract."""

import math
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from croniter import croniter

from include import run_identity
from include.contracts import Contract
from include.lake.day_index import LandedDay

UNDER_WAY = ("queued", "running")
RECENT = 20  # runs that tell how long one takes
LOOKED_AT = 7  # landed days whose files are compared with what landed, where all days are listed
FRESH = timedelta(days=7)  # since its commit; files that are older no longer change
FAR_BACK = datetime.min.replace(tzinfo=UTC)


class State(StrEnum):
    """How a day stands. `red`, `landed_failed` and `missing` are not right; all others are."""

    LANDED = "landed"
    LANDED_FAILED = "landed_failed"  # landed, and the newest attempt since, such as a correction, has failed
    RED = "red"
    RUNNING = "running"
    MISSING = "missing"
    SKIPPED = "skipped"  # a run found no files, and the contract says that such a day is none
    NOT_RUN = "not_run"  # the same contract, but no run has looked for files
    NOT_DUE = "not_due"


@dataclass(frozen=True)
class Run:
    """A run of the customer's DAG: the day it lands, Airflow's state of it, and when it began and ended (None: not yet)."""

    run_id: str
    day: date
    state: str
    began: datetime | None
    ended: datetime | None

    @property
    def under_way(self) -> bool:
        return self.state in UNDER_WAY


@dataclass(frozen=True)
class Day:
    """One day. `landed` is what readers see of it, also while a run is under way or has failed; `run` is the newest run that has a say.

    `seen` is whether somebody has seen that this run failed: a landed day is then as good as if it had not.
    """

    day: date
    state: State
    landed: LandedDay | None = None
    run: Run | None = None
    seen: bool = False

    @property
    def failed(self) -> Run | None:
        """The newest run, if it failed and nothing has landed since."""
        return self.run if self.run and self.run.state == "failed" and not _landed_since(self.landed, self.run) else None


@dataclass(frozen=True)
class NotRight:
    """A day whose newest run failed, or all missing days that follow each other in the schedule."""

    state: State
    first: date
    last: date
    days: int
    run: Run | None = None


def days(contract: Contract, landed: Mapping[date, LandedDay], found: Iterable[Run], now: datetime) -> dict[date, Day]:
    """Every day that is due, has landed, or has a run, in order."""
    newest = _newest(found)
    overdue = set(overdue_days(contract, now))
    return {day: _day(contract, day, landed.get(day), newest.get(day), day in overdue) for day in sorted({*overdue, *landed, *newest})}


def not_right(found: Mapping[date, Day]) -> list[NotRight]:
    """What wants a person: failures that nobody has seen, first those without a landing, then missing days; each with the newest first."""
    red, landed = (
        [NotRight(state, day.day, day.day, 1, day.run) for day in found.values() if day.state is state and not day.seen]
        for state in (State.RED, State.LANDED_FAILED)
    )
    missing: list[NotRight] = []
    before: Day | None = None
    for day in found.values():
        if day.state is State.MISSING:
            goes_on = before is not None and before.state is State.MISSING
            span = missing.pop() if goes_on else NotRight(day.state, day.day, day.day, 0)
            missing.append(NotRight(day.state, span.first, day.day, span.days + 1))
        before = day
    return [*reversed(red), *reversed(landed), *reversed(missing)]


def freshly_landed(found: Mapping[date, Day], now: datetime) -> list[Day]:
    """The days that landed within a week, at most seven, the newest commit first; none with a run since that failed or is under way."""
    landed = [(day.landed.committed_at, day) for day in found.values() if day.landed and day.state is State.LANDED]
    fresh = [each for each in landed if now - each[0] <= FRESH]
    return [day for _, day in sorted(fresh, key=lambda each: each[0], reverse=True)][:LOOKED_AT]


def with_seen(found: Mapping[date, Day], is_seen: Callable[[Run], bool]) -> dict[date, Day]:
    """The same days, those whose failure somebody has seen marked so: what is landed is then just landed, what is not stays red."""

    def marked(day: Day) -> Day:
        if day.failed is None or not is_seen(day.failed):
            return day
        return replace(day, seen=True, state=State.LANDED if day.state is State.LANDED_FAILED else day.state)

    return {date: marked(day) for date, day in found.items()}


def days_to_run(contract: Contract, first: date, last: date, now: datetime) -> int:
    """How many days of a span a backfill runs: those of the schedule that are over."""
    today = now.astimezone(ZoneInfo(contract.time_zone)).date()
    due = scheduled_days(contract.schedule, contract.first_day, today)
    return sum(first <= day <= last for day in due)


def seconds_to_run(found: Iterable[Run], number: int, at_once: int) -> float | None:
    """How long so many days take, by the median of the newest runs that succeeded; None while there is none."""
    over = sorted((run for run in found if run.state == "success" and run.began and run.ended), key=lambda run: run.ended or FAR_BACK)
    seconds = [(run.ended - run.began).total_seconds() for run in over[-RECENT:] if run.began and run.ended]
    return statistics.median(seconds) * math.ceil(number / at_once) if seconds else None


def overdue_days(contract: Contract, now: datetime) -> tuple[date, ...]:
    """The days of the contract's schedule whose deadline has passed, from its first day on."""
    today = now.astimezone(ZoneInfo(contract.time_zone)).date()
    due = scheduled_days(contract.schedule, contract.first_day, today)
    return tuple(day for day in due if run_identity.deadline(day, contract.deadline_hours, contract.time_zone) <= now)


@lru_cache(maxsize=256)  # eight years of a daily schedule take a third of a second
def scheduled_days(schedule: str, first: date, until: date) -> tuple[date, ...]:
    """The days from `first` on, before `until`, on which an interval of the schedule (cron) begins: a run is about that day.

    By the clock on the wall, so without a time zone. The schedule is a contract's, which has days.
    """
    found: dict[date, None] = {}
    ticks = croniter(schedule, datetime.combine(first, time()) - timedelta(seconds=1), ret_type=datetime)
    while (day := ticks.get_next().date()) < until:
        found[day] = None
    return tuple(found)


def _newest(found: Iterable[Run]) -> dict[date, Run]:
    """The run that tells how a day stands: one that is under way, else the one that ended last."""
    return {run.day: run for run in sorted(found, key=lambda run: (run.under_way, run.ended or run.began or FAR_BACK))}


def _day(contract: Contract, day: date, landed: LandedDay | None, run: Run | None, overdue: bool) -> Day:
    if run and run.under_way:
        return Day(day, State.RUNNING, landed, run)
    if run and run.state == "failed" and not _landed_since(landed, run):
        return Day(day, State.LANDED_FAILED if landed else State.RED, landed, run)
    if landed:
        return Day(day, State.LANDED, landed, run)
    if contract.missing_source == "skip":
        return Day(day, State.SKIPPED if run else State.NOT_RUN, None, run)
    return Day(day, State.MISSING if overdue else State.NOT_DUE, None, run)


def _landed_since(landed: LandedDay | None, run: Run) -> bool:
    """Whether the day landed after this run had ended: then its failure is history."""
    return landed is not None and run.ended is not None and landed.committed_at > run.ended
