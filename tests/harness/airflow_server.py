"""A server that answers as Airflow does, as far as a client of ours asks."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

from include.runs.airflow_client import AirflowApi


class Airflow(BaseHTTPRequestHandler):
    """One that answers in JSON, and lets everybody in."""

    def answer(self, status: int, body: dict) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def do_POST(self) -> None:
        body = self.asked()
        if self.path == "/auth/token":
            self.answer(201, {"access_token": "t"})
        else:
            self.post(body)

    def post(self, body: dict) -> None:
        """Anything but signing in."""
        self.answer(200, {})

    def asked(self) -> dict:
        """The body of the request."""
        return json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def serving(handler: type[Airflow]) -> Iterator[AirflowApi]:
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield AirflowApi(f"http://127.0.0.1:{server.server_port}", "admin", "admin")
        server.shutdown()


FIRST, LAST = datetime(2018, 1, 1, tzinfo=UTC), datetime(2018, 1, 5, 23, 59, 59, tzinfo=UTC)
