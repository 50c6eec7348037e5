"""Airflow's REST API as a client sees it: refusals with Airflow's reason, an Airflow that is not there, causes in its logs."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from include import airflow_api
from include.airflow_api import AirflowApi, AirflowUnreachable
from include.errors import Refused

ANSWERS = {
    "/auth/token": (201, {"access_token": "t"}),
    "/api/v2/dags/land_assessments_acme": (200, {"dag_id": "land_assessments_acme"}),
    "/api/v2/dags/land_assessments_acme/dagRuns": (400, {"detail": "day: '28.1.' is not a 'date'"}),
    "/api/v2/dags/land_assessments_acme/dagRuns/r": (403, {"detail": "Forbidden"}),
}


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        status, body = ANSWERS.get(self.path.partition("?")[0], (404, {"detail": "not found"}))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def api() -> Iterator[AirflowApi]:
    server = HTTPServer(("127.0.0.1", 0), Answering)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield AirflowApi(f"http://127.0.0.1:{server.server_port}", "admin", "admin")
    server.shutdown()
    server.server_close()


def test_a_refused_trigger_carries_airflows_reason(api: AirflowApi) -> None:
    with pytest.raises(Refused, match=r"400 day: '28.1.' is not a 'date'"):
        api.trigger("land_assessments_acme", {"day": "28.1."})


def test_a_user_without_rights_is_told_so(api: AirflowApi) -> None:
    with pytest.raises(Refused, match="403 Forbidden"):
        api.run("land_assessments_acme", "r")


def test_what_a_task_did_not_hand_on_is_none(api: AirflowApi) -> None:
    assert api.xcom("land_assessments_acme", "r", "publish") is None


def test_an_airflow_that_is_not_up_says_how_to_start_it() -> None:
    server = HTTPServer(("127.0.0.1", 0), Answering)
    server.server_close()
    with pytest.raises(AirflowUnreachable, match="./landfall up"):
        AirflowApi(f"http://127.0.0.1:{server.server_port}", "admin", "admin").run("d", "r")


class Failing(BaseHTTPRequestHandler):
    """Starts each run that it is asked for, but loses the first answer: by a 500, or by hanging up."""

    started: ClassVar[list[str]] = []
    hang_up = False

    def do_GET(self) -> None:
        self.answer(200, {"dag_id": "d"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/auth/token":
            self.answer(201, {"access_token": "t"})
        elif body["dag_run_id"] in self.started:
            self.answer(409, {"detail": "exists already"})
        else:
            self.started.append(body["dag_run_id"])
            if not self.hang_up:
                self.answer(500, {"detail": {"reason": "Database error"}})

    def answer(self, status: int, body: dict) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.mark.parametrize("hang_up", [False, True])
def test_a_run_whose_answer_was_lost_is_found_not_started_twice(hang_up: bool) -> None:
    handler = type("Handler", (Failing,), {"started": [], "hang_up": hang_up})
    server = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    run_id = AirflowApi(f"http://127.0.0.1:{server.server_port}", "admin", "admin").trigger("d", {})
    server.shutdown()
    server.server_close()
    assert handler.started == [run_id]


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
    assert airflow_api._reason(log) == reason, why
