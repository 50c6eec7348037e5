"""One run of a customer's DAG, from outside: start it, follow its tasks, and say in one receipt what came of it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from include import receipts
from include.errors import Refused
from include.figures import Place, shown
from include.receipts import Found, PublishReceipt, TransformReceipt
from include.run_identity import TASKS
from include.runs import waiting
from include.runs.airflow_client import OVER, AirflowApi
from include.runs.run_names import PREFIX

IDLE_SECONDS = 5.0
POLL_SECONDS = 1.0  # each look costs Airflow tens of milliseconds, which the run itself could use
FROM_LANDING = (
    "landing", "run_id", "customer", "day", "source", "bytes", "sha256", "generation", *shown(Place.RUN), "content_hash",
    "conservation", "unknown_fields", "tables", "seconds", "warnings", "override",
)  # fmt: skip


class Runs(Protocol):
    """What can be asked about runs: of the REST API from outside of Airflow, of its database from within the api-server."""

    @property
    def url(self) -> str:
        """Where Airflow's pages begin."""

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]: ...

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]: ...

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any: ...

    def reason(self, dag_id: str, run_id: str, task_id: str, try_number: int) -> str: ...


@dataclass(frozen=True)
class TaskChange:
    """A task came to a state. `reason` is set where a try failed."""

    task: str
    state: str
    try_number: int
    seconds: float | None
    reason: str = ""


@dataclass(frozen=True)
class Waiting:
    """The run does not go on. `reason` is a sentence; `seconds` is how long it has not gone on."""

    reason: str
    seconds: float


@dataclass(frozen=True)
class LandingRun:
    """A run that has been started; `day` is the one it was started for, which its tasks may not come far enough to say."""

    api: Runs
    customer: str
    run_id: str
    day: str | None = None

    @property
    def dag_id(self) -> str:
        return dag_of(self.customer)

    @property
    def page(self) -> str:
        return f"{self.api.url}/dags/{self.dag_id}/runs/{self.run_id}"

    def tasks(self) -> list[dict[str, Any]]:
        """The run's task instances as they stand, in the order of the DAG."""
        return sorted(self.api.tasks(self.dag_id, self.run_id), key=_position)

    def follow(self) -> Iterator[TaskChange | Waiting]:
        """Each task's changes, in the order of the DAG, until the run is over; while it waits, for what, at once and every few seconds."""
        seen: set[tuple[str, str, int]] = set()
        idle = Idleness()
        while True:
            run = self.api.run(self.dag_id, self.run_id)
            tasks = self.tasks()
            for task in tasks:
                key = (task["task_id"], task["state"], task["try_number"])
                if task["state"] and key not in seen:
                    seen.add(key)
                    yield self._change(task)
            if run["state"] in OVER:
                return
            if idle.is_to_be_explained(run, tasks) and (reason := waiting.reason(cast(AirflowApi, self.api), self.dag_id, run, tasks)):
                yield Waiting(reason, idle.seconds)
            time.sleep(POLL_SECONDS)

    def receipt(self) -> dict[str, Any]:
        """What the run did, with every key that a receipt has, also after a failure: then what is not known is null."""
        tasks = self.tasks()
        state = self.api.run(self.dag_id, self.run_id)["state"]
        already = self._xcom("find_source", "already_landed")
        known = already or self._xcom("commit") or self._known_before_commit()
        receipt = {"state": state, **{key: known.get(key) for key in FROM_LANDING}, "already_landed": bool(already)}
        receipt["problems"] = self._xcom("validate", "problems") or []
        if not already:
            receipt["run_id"] = self.run_id
            receipt["seconds"] = {task["task_id"]: round(task["duration"], 2) for task in tasks if task["duration"]}
        failed = [task for task in tasks if task["state"] == "failed"]
        if failed:
            receipt |= {"failed_task": failed[0]["task_id"], "reason": self._reason(failed[0])}
        return receipt

    def transformed(self) -> TransformReceipt:
        """What the run's Spark job wrote. Raises Refused where it has not come so far, or Airflow has forgotten it."""
        receipt = self._xcom("transform")
        if not receipt:
            raise Refused(
                f"{self.customer}: Airflow has no receipt of transform of a run {self.run_id!r}: there is no such run, it has not come so "
                f"far, or its try is being made again. Its runs: {self.api.url}/dags/{self.dag_id}/runs"
            )
        return receipts.read(TransformReceipt, receipt, "the receipt of transform")

    def _known_before_commit(self) -> dict[str, Any]:
        source = self._xcom("find_source") or {}
        published = self._xcom("publish") or {}
        transformed = self._xcom("transform") or {}
        return {
            "customer": self.customer,
            "day": source.get("day") or self.day,
            **{key: source.get(key) for key in ("bytes", "sha256")},
            "source": [file["uri"] for file in source.get("files", [])] or None,
            **{key: transformed.get(key) for key in (*shown(Place.RUN), "unknown_fields")},
            **{key: published.get(key) for key in ("published", "content_hash")},
            "conservation": self._conservation(published, transformed),
            "landed": 0,
            "warnings": self._xcom("validate") or [],
        }

    def _conservation(self, published: dict[str, Any], transformed: dict[str, Any]) -> receipts.Conservation | None:
        if not published:
            return None
        found = self._xcom("validate", "found")
        return receipts.conservation(
            receipts.read(PublishReceipt, published, "the receipt of publish"),
            receipts.read(TransformReceipt, transformed, "the receipt of transform") if transformed else None,
            receipts.read(Found, found, "what validate found") if found else None,
        )

    def _xcom(self, task: str, key: str = "return_value") -> Any:
        return self.api.xcom(self.dag_id, self.run_id, task, key)

    def _change(self, task: dict[str, Any]) -> TaskChange:
        failed = task["state"] in ("failed", "up_for_retry")
        return TaskChange(task["task_id"], task["state"], task["try_number"], task["duration"], self._reason(task) if failed else "")

    def _reason(self, task: dict[str, Any]) -> str:
        return self.api.reason(self.dag_id, self.run_id, task["task_id"], task["try_number"])


@dataclass
class Idleness:
    """For how long no task of a run has been run. Between two tasks a second or two pass; only more wants an explanation."""

    since: float = field(default_factory=time.monotonic)
    explained: float = 0.0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.since

    def is_to_be_explained(self, run: dict[str, Any], tasks: list[dict[str, Any]]) -> bool:
        """At once where nothing has begun or a task looks again later, otherwise after some seconds; then every few seconds."""
        if not waiting.is_idle(tasks):
            self.since = time.monotonic()
            return False
        at_once = run["state"] == "queued" or any(task["state"] == "up_for_reschedule" for task in tasks)
        due = (at_once or self.seconds > IDLE_SECONDS) and time.monotonic() > self.explained
        if due:
            self.explained = time.monotonic() + IDLE_SECONDS
        return due


def dag_of(customer: str) -> str:
    """The id of the customer's DAG."""
    return f"{PREFIX}{customer}"


def start(
    api: AirflowApi,
    customer: str,
    *,
    day: str,
    source: list[str],
    again: bool,
    max_quarantined: float | None = None,
    accept_problems: str | None = None,
) -> LandingRun:
    """Triggers the customer's DAG. `source` is empty for the files that the contract's pattern finds.

    `max_quarantined` is a share of the records, 0 to 1; None for what the contract says. `accept_problems` is the reason to land the day
    although it breaks limits.
    """
    conf = conf_of(day, again)
    if source:
        conf["source"] = source
    if max_quarantined is not None:
        conf["max_quarantined"] = max_quarantined
    if accept_problems:
        conf["accept_problems"] = accept_problems
    return LandingRun(api, customer, api.trigger(dag_of(customer), conf), day)


def conf_of(day: str, again: bool) -> dict[str, Any]:
    """What the trigger form of the DAG takes to land one day."""
    return {"day": day, "again": again}


def _position(task: dict[str, Any]) -> int:
    return TASKS.index(task["task_id"]) if task["task_id"] in TASKS else len(TASKS)
