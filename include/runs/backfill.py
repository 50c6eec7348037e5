"""Landing the days of a span by Airflow's own backfill, followed from outside: one run per day, each finding its own files."""

import math
import statistics
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any
from zoneinfo import ZoneInfo

from include.contracts import Contract
from include.errors import Refused
from include.figures import Place, shown
from include.receipts import Landing
from include.runs import waiting
from include.runs.airflow_client import OVER, AirflowApi
from include.runs.day_states import scheduled_days
from include.runs.run import LandingRun, Waiting, dag_of

POLL_SECONDS = 2.0
WAIT_SECONDS = 10.0
UNASKED = 31  # days that are landed without asking
MEASURED = 10  # landings, by whose time that of a backfill is foretold
AT_ONCE = 2  # days under way at a time, if nobody says otherwise
SHOWN = (
    *shown(Place.SPAN),
    "content_hash",
    "unknown_fields",
    "landing",
    "already_landed",
    "warnings",
    "problems",
    "failed_task",
    "reason",
)


@dataclass(frozen=True)
class DayRun:
    """The run of one day, as it stands."""

    day: str
    run_id: str
    state: str

    @property
    def over(self) -> bool:
        return self.state in OVER


@dataclass(frozen=True)
class Backfill:
    """A backfill that Airflow has taken."""

    api: AirflowApi
    contract: Contract
    number: int
    first: datetime
    last: datetime

    @property
    def dag_id(self) -> str:
        return dag_of(self.contract.customer)

    def follow(self) -> Iterator[list[DayRun]]:
        """How all its days stand, in order, every few seconds until all are over.

        Airflow makes the runs of all days before it answers, and finds up to half a minute late that a backfill is complete.
        """
        while True:
            days = self.days()
            yield days
            if all(day.over for day in days):
                return
            time.sleep(POLL_SECONDS)

    def days(self) -> list[DayRun]:
        zone = ZoneInfo(self.contract.time_zone)
        runs = self.api.runs(self.dag_id, self.first, self.last)
        found = [(datetime.fromisoformat(run["logical_date"]).astimezone(zone).date().isoformat(), run) for run in runs]
        return [DayRun(day, run["dag_run_id"], run["state"]) for day, run in sorted(found, key=lambda each: each[0])]

    def not_run(self, ran: Collection[str]) -> list[str]:
        """The days of the span that are not among those that ran: they are not over yet, or the customer's schedule has none for them."""
        first = self.first.date()
        span = [(first + timedelta(days=number)).isoformat() for number in range((self.last.date() - first).days + 1)]
        return [day for day in span if day not in ran]

    def receipts(self) -> list[dict[str, Any]]:
        """Day by day what came of it."""
        return [self._receipt(day) for day in self.days()]

    def _receipt(self, day: DayRun) -> dict[str, Any]:
        receipt = LandingRun(self.api, self.contract.customer, day.run_id, day.day).receipt()
        return {"day": day.day, "state": day.state, "run_id": day.run_id, **{key: receipt[key] for key in SHOWN if key in receipt}}


@dataclass
class Waits:
    """What days wait for that do not go on; asked for every few seconds only, so that the asking slows nothing down."""

    backfill: Backfill
    began: float = field(default_factory=time.monotonic)
    next: float = 0.0

    def __call__(self, days: list[DayRun]) -> list[Waiting]:
        """At most one sentence a day; where no day is under way, one for all of them."""
        if time.monotonic() < self.next:
            return []
        self.next = time.monotonic() + WAIT_SECONDS
        begun = [day for day in days if day.state == "running"]
        queued = [day for day in days if day.state == "queued"]
        reasons = [f"{day.day}: {reason}" for day in begun if (reason := self._reason(day))]
        if not begun and queued:
            reasons = [reason] if (reason := self._reason(queued[0])) else []
        return [Waiting(reason, time.monotonic() - self.began) for reason in reasons]

    def _reason(self, day: DayRun) -> str:
        api, dag_id = self.backfill.api, self.backfill.dag_id
        return waiting.reason(api, dag_id, {"dag_run_id": day.run_id, "state": day.state}, api.tasks(dag_id, day.run_id))


def start(api: AirflowApi, contract: Contract, first: date, last: date, at_once: int, again: bool = False) -> Backfill:
    """Has Airflow run every day from `first` to `last`: a day whose bytes are landed already ends at once, unless `again`.

    Raises Refused for a span that `moments` refuses, and with Airflow's own reason, such as another backfill of this customer that is
    under way.
    """
    begin, end = moments(contract, first, last)
    number = api.backfill(dag_of(contract.customer), begin, end, at_once, {"again": True} if again else None)
    return Backfill(api, contract, number, begin, end)


def days_of(contract: Contract, first: date, last: date, now: datetime) -> list[date]:
    """The days of a span that a backfill runs: those of the schedule that are over. Raises Refused for a span that `moments` refuses."""
    moments(contract, first, last)
    today = now.astimezone(ZoneInfo(contract.time_zone)).date()
    return list(scheduled_days(contract.schedule, first, min(last + timedelta(days=1), today)))


def warning(contract: Contract, days: Sequence[date], at_once: int, landings: Sequence[Landing]) -> str:
    """What a backfill of so many days means, and how long it takes by the newest of these landings (the newest last)."""
    took = [sum(landing.seconds.values()) for landing in landings[-MEASURED:] if landing.seconds]
    span = f"{len(days):,} days of {contract.customer}, from {days[0]} to {days[-1]}, {at_once} at a time"
    if not took:
        return f"{span}. How long that takes is not known: no day of {contract.customer} has landed yet."
    seconds = statistics.median(took)
    return f"{span}: about {duration(len(days) * seconds / at_once)}, if each takes {seconds:.0f} s as the newest landings did."


def duration(seconds: float) -> str:
    """Such as 45 min or 3 h 20 min, rounded up to whole minutes."""
    hours, minutes = divmod(math.ceil(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def moments(contract: Contract, first: date, last: date) -> tuple[datetime, datetime]:
    """The first and the last moment of a span of days, as Airflow wants a backfill's.

    Raises Refused for a span that is backwards or begins before the contract's first day.
    """
    if first > last:
        raise Refused(f"the span begins on {first}, which is after its last day, {last}")
    if first < contract.first_day:
        raise Refused(
            f"{contract.customer}: its contract begins with first_day {contract.first_day}, {first} is before that. "
            f"Set first_day in include/customers/{contract.customer}.yaml to {first} or earlier."
        )
    zone = ZoneInfo(contract.time_zone)
    end = datetime.combine(last + timedelta(days=1), time_of_day(), zone)
    return datetime.combine(first, time_of_day(), zone), end - timedelta(seconds=1)
