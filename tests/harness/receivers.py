"""Real servers of the tests' own that keep what they were sent: SMTP and HTTP, on 127.0.0.1."""

import email
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller

from tests.harness.ports import free_port


@dataclass
class Mailbox:
    """Mails with their recipients, in the order in which they came; also aiosmtpd's handler."""

    port: int
    mails: list[tuple[list[str], Message]] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append((envelope.rcpt_tos, email.message_from_bytes(envelope.content)))
        return "250 OK"

    @property
    def connection(self) -> str:
        """Airflow's connection to it, as JSON."""
        extra = {"from_email": "landfall@example.com", "disable_ssl": True, "disable_tls": True}
        return json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": self.port, "extra": extra})


def body(mail: Message) -> str:
    part: Any = mail.get_payload(0) if mail.is_multipart() else mail
    return str(part.get_payload(decode=True).decode())


@contextmanager
def smtp() -> Iterator[Mailbox]:
    box = Mailbox(free_port())
    server = Controller(box, hostname="127.0.0.1", port=box.port)
    server.start()
    try:
        yield box
    finally:
        server.stop()


@dataclass
class Posted:
    """(path, JSON) of what came. A path with `broken` in it is answered by an error."""

    url: str
    received: list[tuple[str, Any]] = field(default_factory=list)


@contextmanager
def http() -> Iterator[Posted]:
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.received.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(500 if "broken" in self.path else 200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *args: Any) -> None:
            """Nothing: pytest shows what matters."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    posted = Posted(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield posted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
