"""Airflow's REST API, as far as landing a day needs it."""

import itertools
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import httpx
from tenacity import RetryError, Retrying, retry, retry_if_exception_type, retry_if_result, stop_after_delay, wait_fixed, wait_random

from include.errors import LandfallError, Refused
from include.runs import run_names

PAGE = 100  # runs
ERROR_LEVELS = ("error", "critical")


class AirflowUnreachable(LandfallError):
    """Airflow does not answer, or answers that it has failed itself. Another try may be answered."""


class NotThereYet(LandfallError):
    """The DAG is not known to Airflow, perhaps because its file has not been parsed yet."""


OVER = ("success", "failed")

_patiently = retry(retry=retry_if_exception_type(AirflowUnreachable), stop=stop_after_delay(10), wait=wait_fixed(1), reraise=True)


@dataclass
class AirflowApi:
    """A client of one Airflow, as a user with password, or with a token that somebody made. `ca` is a file of certificates to trust.

    Raises AirflowUnreachable, with the `advice` what to do, or Refused with Airflow's own reason for a request it does not take.
    """

    url: str
    user: str
    password: str = field(repr=False)
    token: str = field(default="", repr=False)
    ca: str = ""
    advice: str = "Start the stack with: ./landfall up"

    @cached_property
    def _client(self) -> httpx.Client:
        """Kept, so that following a run does not cost a connection, and the reading of all certificates, at every look."""
        try:
            verify = ssl.create_default_context(cafile=self.ca) if self.ca else True
        except OSError as error:  # no such file, or none of certificates: ssl's own errors are OSErrors too
            raise Refused(f"{self.ca}: the certificates to trust for {self.url} cannot be read: {error}. Name another file.") from error
        return httpx.Client(base_url=self.url, timeout=30, trust_env=False, verify=verify)

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Starts one run and returns its id. A DAG that has not been parsed yet is asked for, and waited for up to half a minute.

        The id is made here, so that asking again after a lost or broken answer finds the run that was started instead of starting another.
        """
        self._wait_for(dag_id)
        run = run_of(dag_id, conf)
        self._start(dag_id, run)
        return str(run["dag_run_id"])

    @_patiently
    def _start(self, dag_id: str, run: dict[str, Any]) -> None:
        answer = self._request("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=run)
        if answer.status_code != httpx.codes.CONFLICT:  # there already: it was taken when the answer was lost
            self._result(answer)

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")
        return found

    def backfill(self, dag_id: str, first: datetime, last: datetime, at_once: int, conf: dict[str, Any] | None = None) -> int:
        """Starts a backfill of the intervals between two moments; those that have a run already run again, unless they are under way.

        With SQLite Airflow gives up when another process writes meanwhile: what it made by then is taken back, and asked for again.
        """
        self._wait_for(dag_id)
        if self._is_backfilling(dag_id):
            raise Refused(
                f"Airflow has a backfill of {dag_id} under way, and takes one at a time. Look at it: {self.url}/dags/{dag_id}/backfills"
            )
        wanted = backfill_of(dag_id, first, last, at_once, conf)
        patience = Retrying(
            retry=retry_if_exception_type(AirflowUnreachable), stop=stop_after_delay(60), wait=wait_random(0.1, 1), reraise=True
        )
        tries = itertools.count()

        def create() -> int:
            if next(tries):
                self._cancel_half_made(dag_id, first, last)
            return int(self._result(self._request("POST", "/api/v2/backfills", json=wanted))["id"])

        return patience(create)

    def _cancel_half_made(self, dag_id: str, first: datetime, last: datetime) -> None:
        """A run that stayed queued for a backfill that is cancelled would never start, and keep the next backfill from its day.

        Another span's backfill, which somebody began meanwhile, is left alone; Airflow then says that it is under way.
        """
        active = self._active_backfills(dag_id)
        ours = [each for each in active if _span(each) == (first, last)]
        for each in ours:
            self._call("PUT", f"/api/v2/backfills/{each['id']}/cancel", missing={})
        if active and not ours:
            return
        for run in self.runs(dag_id, first, last):
            if run["state"] == "queued":
                self._call("PATCH", f"/api/v2/dags/{dag_id}/dagRuns/{run['dag_run_id']}", json={"state": "failed"})

    def _is_backfilling(self, dag_id: str) -> bool:
        """Airflow sees only every half a minute that a backfill is complete: that is waited for, runs that are not over are not."""
        for active in self._active_backfills(dag_id):
            if any(run["state"] not in OVER for run in self.runs(dag_id, *_span(active))):
                return True
        try:
            Retrying(retry=retry_if_result(bool), stop=stop_after_delay(60), wait=wait_fixed(1))(self._active_backfills, dag_id)
        except RetryError:
            return True
        return False

    def _active_backfills(self, dag_id: str) -> list[dict[str, Any]]:
        found = self._call("GET", "/api/v2/backfills", params={"dag_id": dag_id, "order_by": "-id"})["backfills"]  # the newest page of them
        return [each for each in found if each["completed_at"] is None]

    def runs(self, dag_id: str, first: datetime, last: datetime) -> list[dict[str, Any]]:
        """The runs whose logical date lies between two moments, both included."""
        span = {"logical_date_gte": first.isoformat(), "logical_date_lte": last.isoformat(), "order_by": "logical_date"}
        found: list[dict[str, Any]] = []
        while True:
            page = self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns", params={**span, "limit": PAGE, "offset": len(found)})["dag_runs"]
            found += page
            if len(page) < PAGE:
                return found

    def dag(self, dag_id: str) -> dict[str, Any]:
        """What Airflow knows of a DAG: is_paused, max_active_runs..."""
        found: dict[str, Any] = self._call("GET", f"/api/v2/dags/{dag_id}")
        return found

    def count_runs(self, dag_id: str, state: str) -> int:
        """How many runs of the DAG are in this state."""
        return int(self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns", params={"state": state, "limit": 1})["total_entries"])

    def running_tasks(self, dag_id: str) -> list[dict[str, Any]]:
        """The task instances of all the DAG's runs that are being run."""
        found = self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns/~/taskInstances", params={"state": "running"})["task_instances"]
        return list(found)

    def get(self, path: str, **params: Any) -> Any:
        """What is at a path below /api/v2."""
        return self._call("GET", f"/api/v2/{path}", params=params)

    def public(self, path: str) -> Any:
        """The same, of what nobody need sign in for."""
        return self._result(self._send("GET", f"/api/v2/{path}"))

    def refusal_to_trigger(self, dag_id: str) -> str:
        """Why this user may not start runs of the DAG, "" if they may. Starts none: Airflow looks at rights before the request."""
        answer = self._request("POST", f"/api/v2/dags/{dag_id}/dagRuns", json={"logical_date": "no date, so no run"})
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            return _detail(answer)
        if answer.status_code != httpx.codes.UNPROCESSABLE_ENTITY:
            self._result(answer)
        return ""

    def scheduler_is_healthy(self) -> bool:
        """Whether Airflow's scheduler has given a sign of life lately."""
        return bool(self._call("GET", "/api/v2/monitor/health")["scheduler"]["status"] == "healthy")

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """The run's task instances: task_id, state, try_number, start_date, end_date, duration..."""
        found: list[dict[str, Any]] = self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return found

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        """What a task handed on, or None."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        found = self._call("GET", path, missing={}, params={"deserialize": "true"})
        return found.get("value")

    def reason(self, dag_id: str, run_id: str, task_id: str, try_number: int) -> str:
        """Why a try failed: the last exception in its log, else the last errors that it logged."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{try_number}"
        log = self._call("GET", path, missing={"content": []}, params={"full_content": "true"}, headers={"accept": "application/json"})
        return cause(log["content"], task_id, try_number)

    def _wait_for(self, dag_id: str) -> None:
        if not self._knows(dag_id):
            self._parse_anew()
            self._wait_until_known(dag_id)

    def _knows(self, dag_id: str) -> bool:
        return bool(self._call("GET", f"/api/v2/dags/{dag_id}", missing={}))

    def _parse_anew(self) -> None:
        """Has Airflow parse the file of all customers' DAGs now rather than when its turn comes; a new contract does not change it."""
        of_customers = {"dag_id_pattern": run_names.PREFIX, "order_by": "dag_id", "limit": 1}
        for neighbour in self._call("GET", "/api/v2/dags", params=of_customers)["dags"]:
            with suppress(AirflowUnreachable):  # whatever comes of it: the file's turn comes soon
                self._request("PUT", f"/api/v2/parseDagFile/{neighbour['file_token']}")

    @retry(retry=retry_if_exception_type(NotThereYet), stop=stop_after_delay(30), wait=wait_fixed(0.5), reraise=True)
    def _wait_until_known(self, dag_id: str) -> None:
        if not self._knows(dag_id):
            raise NotThereYet(f"Airflow knows no DAG {dag_id}. Look at its import errors: {self.url}/dags")

    @_patiently
    def _call(self, method: str, path: str, *, missing: Any = None, **more: Any) -> Any:
        """A request that may be made twice. `missing` is what to return where Airflow knows no such thing."""
        answer = self._request(method, path, **more)
        return missing if answer.status_code == httpx.codes.NOT_FOUND and missing is not None else self._result(answer)

    def _request(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.sign_in()}", **more.pop("headers", {})}
        return self._send(method, path, headers=headers, **more)

    def sign_in(self) -> str:
        """The token that further requests have; asks for one where there is none yet."""
        if not self.token:
            answer = self._send("POST", "/auth/token", json={"username": self.user, "password": self.password})
            if answer.is_client_error:
                raise Refused(f"Airflow at {self.url} does not let {self.user} in: {_detail(answer)}")
            self.token = self._result(answer)["access_token"]
        return self.token

    def _result(self, answer: httpx.Response) -> Any:
        what = f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {_detail(answer)}"
        if answer.is_server_error:  # such as a database that was busy for too long
            raise AirflowUnreachable(f"Airflow at {self.url} failed at {what}. Its api-server's log says more.")
        if answer.is_error:
            raise Refused(f"Airflow refused {what}")
        return answer.json()

    def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            return self._client.request(method, path, **more)
        except httpx.ConnectError as error:
            raise AirflowUnreachable(f"Airflow does not answer at {self.url} ({error}). {self.advice}") from error
        except httpx.TransportError as error:
            raise AirflowUnreachable(f"Airflow at {self.url} broke off at {method} {path}: {error}") from error


def run_of(dag_id: str, conf: dict[str, Any]) -> dict[str, Any]:
    """What Airflow is asked for one run, by whoever asks. The id is made here: see `AirflowApi.trigger`."""
    day, customer = conf.get("day"), run_names.customer_of(dag_id)
    run = {"dag_run_id": run_names.manual_run_id(day, datetime.now(UTC)), "logical_date": None, "conf": conf}
    return {**run, "note": run_names.note(customer, day)} if customer and day else run


def _span(backfill: dict[str, Any]) -> tuple[datetime, datetime]:
    """The first and the last moment of a backfill."""
    return datetime.fromisoformat(backfill["from_date"]), datetime.fromisoformat(backfill["to_date"])


def backfill_of(dag_id: str, first: datetime, last: datetime, at_once: int, conf: dict[str, Any] | None = None) -> dict[str, Any]:
    """What Airflow is asked for a backfill of the intervals between two moments; `at_once` is how many may be under way at a time."""
    span = {"dag_id": dag_id, "from_date": first.isoformat(), "to_date": last.isoformat()}
    options = {"reprocess_behavior": "completed", "max_active_runs": at_once, "run_backwards": False, "dag_run_conf": conf or {}}
    return {**span, **options}


def cause(log: list[Any], task_id: str, try_number: int) -> str:
    """Why a try failed, from its structured log (a dictionary a line)."""
    return _reason(log) or f"the log of {task_id}, try {try_number}, holds no error: the task was killed from outside"


def _detail(answer: httpx.Response) -> str:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return answer.text[:500]
    return detail if isinstance(detail, str) else str(detail)


def _reason(log: list[Any]) -> str:
    """Airflow's structured log, line by line: {event, level, error_detail: [{exc_type, exc_value, ...}]}, causes after effects."""
    lines = [line for line in log if isinstance(line, dict)]
    raised = [line["error_detail"] for line in lines if line.get("error_detail")]
    if raised:
        return str(raised[-1][0].get("exc_value") or raised[-1][0].get("exc_type"))
    return "\n".join(str(line["event"]) for line in lines if line.get("level") in ERROR_LEVELS)
