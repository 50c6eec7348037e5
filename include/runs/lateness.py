"""Whether a day is late: not landed by the contract's `expected_by`, with nobody told that its run failed.

`claim` makes a message one, however many look at once: a file that only one of them can make.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from croniter import croniter

from include import run_identity
from include.contracts import Contract
from include.effects import Effect, effect
from include.run_identity import TASKS
from include.runs.day_states import scheduled_days
from include.storage.webhdfs import make_directory, make_file

LOOK_BACK = timedelta(days=3)  # for days that nobody looked at when they were due, as with a scheduler that was down
FAILED = {"failed", "upstream_failed"}
DONE = {"success", "skipped"}

Tasks = Mapping[str, str | None]
"""Task to its state, None before it has one: of one run."""


@dataclass(frozen=True)
class Late:
    """`step` is the first task that is not done, of the run that is furthest; both are "" where no run has begun."""

    run_id: str = ""
    step: str = ""


def due_days(contract: Contract, now: datetime) -> dict[date, datetime]:
    """The days of the schedule that should be landed by now, with the moment since when; not those of long ago."""
    today = now.astimezone(ZoneInfo(contract.time_zone)).date()
    days = scheduled_days(contract.schedule, contract.first_day, today)
    moments = {day: run_identity.late_from(day, contract.expected_by, contract.time_zone) for day in days}
    return {day: moment for day, moment in moments.items() if now - LOOK_BACK < moment <= now}


def begins(contract: Contract, day: date) -> list[datetime]:
    """The moments at which the scheduled runs of this day begin: their logical dates."""
    zone = ZoneInfo(contract.time_zone)
    midnight = datetime(day.year, day.month, day.day)
    ticks = croniter(contract.schedule, midnight - timedelta(seconds=1), ret_type=datetime)
    found = []
    while (tick := ticks.get_next()) < midnight + timedelta(days=1):
        found.append(tick.replace(tzinfo=zone))
    return found


def judge(runs_of_day: Mapping[str, Tasks]) -> Late | None:
    """How a day without a landing is late, by the states of its runs' tasks; None where it is not, or a failure has been told.

    A run under way counts before one that failed: somebody is trying again. A day that a run skipped has no files, as its contract allows.
    """
    if not runs_of_day:
        return Late()
    going_on = {run: tasks for run, tasks in runs_of_day.items() if not _failed(tasks)}
    late = [Late(run, _missing(tasks)) for run, tasks in going_on.items() if tasks.get("find_source") != "skipped"]
    return max(late, key=lambda each: TASKS.index(each.step)) if late else None


def claim(fs: Any, root: str, day: str) -> str | None:
    """Path of the claim if it is ours to tell of this day, None if somebody has told. Giving it back is removing the file."""
    make_directory(fs, f"{root}/notices")
    path = f"{root}/notices/late-{day}"
    if fs.exists(path):
        return None
    with effect(Effect.CLAIM_DAY, day=day, late=True):
        return path if make_file(fs, path, b"") else None


def give_back(fs: Any, path: str) -> None:
    """For whoever claimed and could tell nobody, so that another try can."""
    with effect(Effect.REMOVE, path=path):
        fs.rm_file(path)


def _failed(tasks: Tasks) -> bool:
    return not FAILED.isdisjoint(tasks.values())


def _missing(tasks: Tasks) -> str:
    """The first task that is not done; `commit` where all are, for then it is its landing that is missing."""
    return next((task for task in TASKS if tasks.get(task) not in DONE), "commit")
