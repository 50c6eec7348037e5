"""A WebHDFS that fails one request in N: a proxy before the real NameNode and DataNode.

    with flaky(hdfs.host, hdfs.port, one_in=10, seed=1) as proxy:
        fs = filesystem("127.0.0.1", proxy.port, user, read_seconds=1)

Redirects to DataNodes are led through it as well. Which requests fail, and how, follows from the seed and their order.
"""

import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import requests

FAULTS = ("500", "500 though it was done", "cut off", "hangs")


class FlakyWebHDFS(ThreadingHTTPServer):
    """`requests` counts what came, `failed` what failed, by kind."""

    daemon_threads = True

    def __init__(self, namenode: str, one_in: int, seed: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.namenode, self.one_in = namenode, one_in
        self.chance = random.Random(seed)
        self.lock = threading.Lock()
        self.requests = 0
        self.failed: Counter[str] = Counter()
        self.over = threading.Event()

    @property
    def port(self) -> int:
        return self.server_port

    def fault(self) -> str | None:
        with self.lock:
            self.requests += 1
            if self.chance.randrange(self.one_in):
                return None
            kind = self.chance.choice(FAULTS)
            self.failed[kind] += 1
            return kind

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the test."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FlakyWebHDFS

    def log_message(self, *_: Any) -> None:
        """A test's output is its own."""

    def pass_on(self) -> None:
        body = self.read_body()
        fault = self.server.fault()
        if fault == "hangs":
            self.server.over.wait(30)
            self.close_connection = True
            return
        if fault == "500":
            self.answer(500, b"<html>the proxy failed</html>", {})
            return
        # `/datanode/<host>:<port>/...` is where a redirect of the NameNode was led to.
        _, first, rest = self.path.split("/", 2)
        host, path = rest.split("/", 1) if first == "datanode" else (self.server.namenode, self.path[1:])
        given = requests.request(
            self.command, f"http://{host}/{path}", data=body, headers={"Content-Type": "application/octet-stream"}, timeout=60,
            allow_redirects=False,
        )  # fmt: skip
        headers = {"Content-Type": given.headers.get("Content-Type", "application/json")}
        if "Location" in given.headers:
            there = urlsplit(given.headers["Location"])
            headers["Location"] = f"http://127.0.0.1:{self.server.port}/datanode/{there.netloc}{there.path}?{there.query}"
        if fault == "500 though it was done":
            self.answer(500, b"<html>the proxy failed</html>", {})
        elif fault == "cut off":
            self.answer(given.status_code, given.content, headers, cut=True)
            self.close_connection = True
        else:
            self.answer(given.status_code, given.content, headers)

    do_GET = do_PUT = do_DELETE = do_POST = pass_on

    def read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def answer(self, status: int, content: bytes, headers: dict[str, str], cut: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) + (100 if cut and not content else 0)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)


@contextmanager
def flaky(host: str, port: int, one_in: int, seed: int) -> Iterator[FlakyWebHDFS]:
    server = FlakyWebHDFS(f"{host}:{port}", one_in, seed)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
