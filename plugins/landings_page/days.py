"""The page's answers: a customer's days, and all that is known of one of them."""

import logging
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import connections
from include import receipts
from include.contracts import Contract
from include.errors import LandfallError, Refused
from include.figures import Place, shown
from include.lake.day_index import landed_days
from include.lake.lake import Lake
from include.query.quarantine import quarantined, quarantined_by
from include.receipts import Landing
from include.runs import backfill, day_states
from include.runs.day_states import Day, NotRight, Run, State
from include.runs.run import LandingRun, dag_of
from include.runs.seen import failure, mark_seen, seen_failures, who_saw
from include.source.delivery import Expected, changed_since
from include.source.inbox import of_deployment
from landings_page.inside_airflow import InsideAirflow

log = logging.getLogger(__name__)

REASONS = 10  # of so many failed runs a customer's row says why; each costs the reading of a log
CHANGED = "changed"  # beside the states: a day that is landed, and whose files are others by now
ALL_DAYS = "all_days"
LOOK_SECONDS = 10  # after so many no further day's files are looked at in one request


@dataclass(frozen=True)
class Customer:
    """A customer as a user sees it: contract, tables, runs."""

    contract: Contract
    lake: Lake
    airflow: InsideAirflow

    @classmethod
    def open(cls, contract: Contract, airflow: InsideAirflow) -> "Customer":
        return cls(contract, connections.lake(contract.customer), airflow)

    @property
    def dag_id(self) -> str:
        return dag_of(self.contract.customer)

    def row(self, first: date, last: date) -> dict[str, Any]:
        """The days from `first` to `last`, and what is not right on any day."""
        found = self.days()
        landed = [day.day for day in found.values() if day.landed]
        return {
            "customer": self.contract.customer,
            "newest": max(landed).isoformat() if landed else None,
            "days": {each.isoformat(): _cell(day) for each, day in found.items() if first <= each <= last},
            "not_right": self.told(day_states.not_right(found)),
        }

    def days(self) -> dict[date, Day]:
        found = day_states.days(self.contract, landed_days(self.lake), self.airflow.runs_of(self.contract), datetime.now(UTC))
        if not any(day.failed for day in found.values()):
            return found
        seen = seen_failures(self.lake)
        return day_states.with_seen(found, lambda run: failure(run) in seen)

    def told(self, found: list[NotRight]) -> list[dict[str, Any]]:
        """What is not right, each with its reason as a sentence."""
        red = [each.run.run_id for each in found if each.run]
        failed = self.airflow.failed_tasks(self.contract.customer, red)
        explained = set(red[:REASONS])
        return [
            {
                "state": each.state.value,
                "first": each.first.isoformat(),
                "last": each.last.isoformat(),
                "days": each.days,
                "reason": self._failure(each.run, failed, each.run.run_id in explained) if each.run else _missing(each),
            }
            for each in found
        ]

    def _failure(self, run: Run, failed: dict[str, tuple[str, int]], explained: bool) -> str:
        if run.run_id not in failed:
            return "The run was marked as failed; none of its tasks did."
        task, number = failed[run.run_id]
        return f"{task}: {self.airflow.reason(self.dag_id, run.run_id, task, number)}" if explained else f"{task} failed."

    def day(self, day: date) -> dict[str, Any]:
        """All that is known of one day but for its quarantined records.

        `receipt` is of the run that the day's state comes from, `in_force` what readers see, `failure` the newest run if that has failed:
        its receipt, and who has seen it. `figures` names those of a receipt, or of a landing, that are to be shown.
        """
        landings = self.lake.landings(day.isoformat())
        found = self.days().get(day, Day(day, State.NOT_DUE))
        in_force = landings[-1] if landings else None
        run_id, failed = self._run_of(found, in_force), self._failed(found)
        return {
            "customer": self.contract.customer,
            "day": day.isoformat(),
            "state": found.state.value,
            "run_id": run_id,
            "dag_id": self.dag_id,
            "receipt": failed["receipt"] if failed and failed["run_id"] == run_id else self._receipt(found, in_force),
            "failure": failed,
            "in_force": receipts.plain(in_force) if in_force else None,
            "figures": shown(Place.RUN),
            "landings": len(landings),
            "tasks": self._tasks(run_id),
            "reports": [name for name in (day.isoformat(), ALL_DAYS) if self.lake.fs.exists(self.report(name))],
        }

    def landed_day(self, day: date) -> list[Day]:
        """The day, if it has landed and no run is looking at it now; its files may be looked at."""
        found = self.days().get(day)
        return [found] if found and found.landed and found.state is not State.RUNNING else []

    def freshly_landed(self) -> list[Day]:
        """The days that landed lately; their files may be looked at."""
        return day_states.freshly_landed(self.days(), datetime.now(UTC))

    def changed(self, days: list[Day]) -> list[tuple[Day, list[str]]]:
        """The days whose files have changed since they landed, with what has become of them in sentences.

        A store that is away from here has changed nothing, and is not asked again for the other days; nor is one that takes its time.
        """
        changed: list[tuple[Day, list[str]]] = []
        if not days:
            return changed
        until = time.monotonic() + LOOK_SECONDS
        try:
            connections.serve_sources()
            expected, where = Expected.by(self.contract), of_deployment(self.contract.customer, self.lake.path)
            for day in days:
                if time.monotonic() > until:
                    break
                landing = self.lake.in_force(day.day.isoformat())
                checked = day.run.began if day.run and day.run.state == "success" else None
                if landing and (sentences := changed_since(landing, expected, where, checked)):
                    changed.append((day, sentences))
        except (LandfallError, OSError) as error:
            log.info("%s: whether files of its landed days have changed is not known: %s", self.contract.customer, error)
        return changed

    def _run_of(self, day: Day, in_force: Landing | None) -> str | None:
        if day.state is State.LANDED and in_force:
            return in_force.run_id
        return day.run.run_id if day.run else None

    def _failed(self, day: Day) -> dict[str, Any] | None:
        if day.failed is None:
            return None
        seen = who_saw(self.lake, day.failed) if day.seen else None
        run = self._run(day.failed.run_id)
        return {"run_id": run.run_id, "receipt": run.receipt(), "seen": receipts.plain(seen) if seen else None}

    def seen(self, day: date, run_id: str, by: str) -> dict[str, Any]:
        """Notes that `by` has seen the failure of the day's newest run. Raises Refused where that is not this run."""
        found = self.days().get(day)
        if found is None or found.failed is None or found.failed.run_id != run_id:
            raise Refused(f"{self.contract.customer} {day}: the newest run is not {run_id}, or has not failed. Look again at the day.")
        return receipts.plain(mark_seen(self.lake, found.failed, by))

    def _receipt(self, day: Day, in_force: Landing | None) -> dict[str, Any] | None:
        """Of a landed day the landing's, of any other as much as its run has come to."""
        if day.state is State.LANDED and in_force:
            return {**receipts.plain(in_force), "problems": []}
        return self._run(day.run.run_id).receipt() if day.run else None

    def _tasks(self, run_id: str | None) -> list[dict[str, Any]]:
        """The run's tasks in their order; none if Airflow has forgotten the run."""
        tasks = self._run(run_id).tasks() if run_id else []
        return [{"task": task["task_id"], **{name: task[name] for name in ("state", "duration", "try_number")}} for task in tasks]

    def _run(self, run_id: str) -> LandingRun:
        return LandingRun(self.airflow, self.contract.customer, run_id)

    def quarantine(self, day: date, run_id: str | None = None) -> list[dict[str, Any]]:
        """Why records of the day could not be read, with examples: of the landing in force, or of a run, whatever came of it."""
        of_run = quarantined_by(self.lake, self._run(run_id).transformed()) if run_id else None
        return [receipts.plain(reason) for reason in (quarantined(self.lake, day.isoformat()) if of_run is None else of_run)]

    def extent(self, first: date, last: date) -> dict[str, Any]:
        """How many days a backfill of the span runs, and how many seconds that takes, null if nobody can know."""
        number = day_states.days_to_run(self.contract, first, last, datetime.now(UTC))
        seconds = day_states.seconds_to_run(self.airflow.runs_of(self.contract), number, backfill.AT_ONCE)
        return {"days": number, "seconds": seconds, "at_once": backfill.AT_ONCE}

    def report(self, name: str) -> str:
        """Where the answers of a day, or of all days, lie on HDFS as a page."""
        return f"{self.lake.path}/answers/{name}.html"


def _cell(day: Day) -> dict[str, Any]:
    """`landed` is there where readers see a landing, `seen` where somebody has seen a failure."""
    seen = {"seen": True} if day.seen else {}
    if day.landed is None:
        return {"state": day.state.value, **seen}
    figures = {name: getattr(day.landed, name) for name in ("published", "landed", "quarantined", "has_warnings")}
    return {"state": day.state.value, "landed": figures, **seen}


def _missing(found: NotRight) -> str:
    if found.days == 1:
        return "Its deadline has passed: no landing, and no run that is under way."
    return f"{found.days:,} days whose deadlines have passed: no landing, and no run that is under way."
