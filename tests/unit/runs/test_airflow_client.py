"""Airflow's REST API as a client sees it: refusals with Airflow's reason, an Airflow that is not there, causes in its logs."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import HTTPServer
from typing import ClassVar

import pytest
from tenacity import stop_after_attempt

from include.errors import Refused
from include.runs import airflow_client
from include.runs.airflow_client import AirflowApi, AirflowUnreachable, NotThereYet
from tests.harness.airflow_server import FIRST, LAST, Airflow, serving

ANSWERS = {
    "/api/v2/dags": (200, {"dags": []}),
    "/api/v2/dags/land_assessments_acme": (200, {"dag_id": "land_assessments_acme"}),
    "/api/v2/dags/land_assessments_acme/dagRuns": (400, {"detail": "day: '28.1.' is not a 'date'"}),
    "/api/v2/dags/land_assessments_acme/dagRuns/r": (403, {"detail": "Forbidden"}),
}


class Answering(Airflow):
    def do_GET(self) -> None:
        self.answer(*ANSWERS.get(self.path.partition("?")[0], (404, {"detail": "not found"})))

    def post(self, body: dict) -> None:
        self.do_GET()


@pytest.fixture(scope="module")
def api() -> Iterator[AirflowApi]:
    with serving(Answering) as api:
        yield api


def test_a_refused_trigger_carries_airflows_reason(api: AirflowApi) -> None:
    with pytest.raises(Refused, match=r"400 day: '28.1.' is not a 'date'"):
        api.trigger("land_assessments_acme", {"day": "28.1."})


def test_a_user_without_rights_is_told_so(api: AirflowApi) -> None:
    with pytest.raises(Refused, match="403 Forbidden"):
        api.run("land_assessments_acme", "r")


def test_what_a_task_did_not_hand_on_is_none(api: AirflowApi) -> None:
    assert api.xcom("land_assessments_acme", "r", "publish") is None


def test_an_airflow_that_is_not_up_says_how_to_start_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AirflowApi._call.retry, "stop", stop_after_attempt(2))  # type: ignore[attr-defined]
    server = HTTPServer(("127.0.0.1", 0), Answering)
    server.server_close()
    with pytest.raises(AirflowUnreachable, match="./landfall up"):
        AirflowApi(f"http://127.0.0.1:{server.server_port}", "admin", "admin").run("d", "r")


class Failing(Airflow):
    """Starts each run that it is asked for, but loses the first answer: by a 500, or by hanging up."""

    started: ClassVar[list[str]] = []
    hang_up = False

    def do_GET(self) -> None:
        self.answer(200, {"dag_id": "d"})

    def post(self, body: dict) -> None:
        if body["dag_run_id"] in self.started:
            self.answer(409, {"detail": "exists already"})
        else:
            self.started.append(body["dag_run_id"])
            if not self.hang_up:
                self.answer(500, {"detail": {"reason": "Database error"}})


@pytest.mark.parametrize("hang_up", [False, True])
def test_a_run_whose_answer_was_lost_is_found_not_started_twice(hang_up: bool) -> None:
    handler = type("Handler", (Failing,), {"started": [], "hang_up": hang_up})
    with serving(handler) as api:
        run_id = api.trigger("d", {})
    assert handler.started == [run_id]


class Parsing(Airflow):
    """Knows a customer's DAG only once it was asked to parse the file of another one's."""

    parsed: ClassVar[list[str]] = []
    refuses = False

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/api/v2/dags":
            assert query == "dag_id_pattern=land_assessments_&order_by=dag_id&limit=1", "other DAGs are in files of their own"
            self.answer(200, {"dags": [{"dag_id": "land_assessments_acme", "file_token": "of.the-file"}]})
        elif self.parsed:
            self.answer(200, {"dag_id": "land_assessments_new"})
        else:
            self.answer(404, {"detail": "not found"})

    def do_PUT(self) -> None:
        self.parsed.append(self.path)
        self.answer(403 if self.refuses else 201, {})


@pytest.mark.parametrize("refuses", [False, True])
def test_a_dag_that_is_not_known_yet_is_asked_for_once(refuses: bool) -> None:
    """A user who may not ask for it waits until its turn comes."""
    handler = type("Handler", (Parsing,), {"parsed": [], "refuses": refuses})
    with serving(handler) as api:
        api.trigger("land_assessments_new", {})
    assert handler.parsed == ["/api/v2/parseDagFile/of.the-file"]


def test_a_dag_that_does_not_come_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AirflowApi._wait_until_known.retry, "stop", stop_after_attempt(2))
    with (
        serving(Answering) as api,
        pytest.raises(NotThereYet, match="knows no DAG land_assessments_nobody. Look at its import"),
    ):
        api.trigger("land_assessments_nobody", {})


def failed(*chain: tuple[str, str]) -> dict:
    """A line of Airflow's structured log with an exception and its causes."""
    return {"event": "Task failed", "level": "error", "error_detail": [{"exc_type": kind, "exc_value": said} for kind, said in chain]}


LOGS = [
    ("nothing was logged", [], ""),
    ("information is no reason", [{"event": "began", "level": "info"}], ""),
    ("the last exception wins, and its own message, not its cause's", [failed(("A", "1st")), failed(("B", "2nd"), ("C", "cause"))], "2nd"),
    ("an exception without words has a name", [failed(("MemoryError", ""))], "MemoryError"),
    ("errors without an exception", [{"event": "killed", "level": "error"}, {"event": "bye", "level": "info"}], "killed"),
]


@pytest.mark.parametrize(("why", "log", "reason"), LOGS, ids=[row[0] for row in LOGS])
def test_the_reason_in_a_log(why: str, log: list, reason: str) -> None:
    assert airflow_client._reason(log) == reason, why


class Backfilling(Airflow):
    """An Airflow with these backfills and runs of one DAG; the first `failing` requests for a backfill make one, and fail."""

    backfills: list[dict]
    runs: list[dict]
    failing = 0
    changed: list[str]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.endswith("/backfills"):
            self.answer(200, {"backfills": [dict(each) for each in self.backfills]})
            for each in self.backfills:  # Airflow notices late
                each["completed_at"] = each["completed_at"] or each.pop("noticed", None)
        elif path.endswith("/dagRuns"):
            self.answer(200, {"dag_runs": self.runs})
        else:
            self.answer(200, {"dag_id": "d"})

    def post(self, body: dict) -> None:
        if any(each["completed_at"] is None for each in self.backfills):
            self.answer(409, {"detail": "There is already a running backfill for dag d"})
        else:
            made = {"id": len(self.backfills) + 1, "from_date": body["from_date"], "to_date": body["to_date"], "completed_at": None}
            self.backfills.append(made)
            if type(self).failing:
                type(self).failing -= 1
                self.backfills += [dict(each) for each in type(self).meanwhile]
                self.answer(503, {"detail": "database is locked"})
            else:
                self.answer(200, made)

    meanwhile: ClassVar[list[dict]] = []

    def do_PUT(self) -> None:
        self.changed.append(self.path)
        number = int(self.path.split("/")[-2])
        next(each for each in self.backfills if each["id"] == number)["completed_at"] = "now"
        self.answer(200, {})

    def do_PATCH(self) -> None:
        self.asked()
        self.changed.append(self.path)
        self.answer(200, {})


def a_backfill(number: int, **told: object) -> dict:
    return {"id": number, "from_date": "2018-01-01T00:00:00Z", "to_date": "2018-01-05T23:59:59Z", "completed_at": None, **told}


@contextmanager
def backfilling(**state: object) -> Iterator[tuple[AirflowApi, type[Backfilling]]]:
    handler = type("Handler", (Backfilling,), {"backfills": [], "runs": [], "changed": [], **state})
    with serving(handler) as api:
        yield api, handler


def test_a_backfill_whose_runs_are_over_is_waited_for_until_airflow_notices() -> None:
    with backfilling(backfills=[a_backfill(1, noticed="now")], runs=[{"state": "success"}]) as (api, airflow):
        assert api.backfill("d", FIRST, LAST, 2) == 2
        assert airflow.changed == []


def test_a_backfill_that_is_under_way_is_not_waited_for() -> None:
    with backfilling(backfills=[a_backfill(1)], runs=[{"state": "running"}]) as (api, _), pytest.raises(Refused, match="under way"):
        api.backfill("d", FIRST, LAST, 2)


def test_what_a_failed_request_for_a_backfill_made_is_taken_back() -> None:
    runs = [{"state": "queued", "dag_run_id": "r1"}, {"state": "running", "dag_run_id": "r2"}]
    with backfilling(failing=1, runs=runs) as (api, airflow):
        assert api.backfill("d", FIRST, LAST, 2) == 2
        assert airflow.changed == ["/api/v2/backfills/1/cancel", "/api/v2/dags/d/dagRuns/r1"]


def test_somebody_else_s_backfill_is_left_alone_when_ours_failed() -> None:
    other = a_backfill(2, from_date="2018-02-01T00:00:00Z")
    with backfilling(failing=1, meanwhile=[other]) as (api, airflow):
        with pytest.raises(Refused, match="already a running backfill"):
            api.backfill("d", FIRST, LAST, 2)
        assert airflow.changed == ["/api/v2/backfills/1/cancel"]
