"""A customer's days: which are landed, red, under way or missing, worked out from landings, Airflow's runs and the contract."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from croniter import croniter

from include import runs
from include.customers import Contract
from include.landed_days import LandedDay

UNDER_WAY = ("queued", "running")
FAR_BACK = datetime.min.replace(tzinfo=UTC)


class State(StrEnum):
    """How a day stands. `red` and `missing` are not right; all others are."""

    LANDED = "landed"
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
    """One day. `landed` is what readers see of it, also while it is red or running; `run` is the run that its state comes from."""

    day: date
    state: State
    landed: LandedDay | None = None
    run: Run | None = None


@dataclass(frozen=True)
class NotRight:
    """A red day, or all missing days that follow each other in the schedule."""

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
    """What wants a person: red days first, then missing ones, each with the newest first."""
    red = [NotRight(day.state, day.day, day.day, 1, day.run) for day in found.values() if day.state is State.RED]
    missing: list[NotRight] = []
    before: Day | None = None
    for day in found.values():
        if day.state is State.MISSING:
            goes_on = before is not None and before.state is State.MISSING
            span = missing.pop() if goes_on else NotRight(day.state, day.day, day.day, 0)
            missing.append(NotRight(day.state, span.first, day.day, span.days + 1))
        before = day
    return [*reversed(red), *reversed(missing)]


def overdue_days(contract: Contract, now: datetime) -> tuple[date, ...]:
    """The days of the contract's schedule whose deadline has passed, from its first day on."""
    today = now.astimezone(ZoneInfo(contract.time_zone)).date()
    due = scheduled_days(contract.schedule, contract.first_day, today)
    return tuple(day for day in due if runs.deadline(day, contract.deadline_hours, contract.time_zone) <= now)


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
        return Day(day, State.RED, landed, run)
    if landed:
        return Day(day, State.LANDED, landed, run)
    if contract.missing_source == "skip":
        return Day(day, State.SKIPPED if run else State.NOT_RUN, None, run)
    return Day(day, State.MISSING if overdue else State.NOT_DUE, None, run)


def _landed_since(landed: LandedDay | None, run: Run) -> bool:
    """Whether the day landed after this run had ended: then its failure is history."""
    return landed is not None and run.ended is not None and landed.committed_at > run.ended
