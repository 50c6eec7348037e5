"""Files behind HTTP, from a real server on this machine: names as they are, bytes as they are stored, no way to the inside."""

import gzip
import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from include.source import listing
from include.source.files import SourceRefused, describe, find, gone, spool
from include.storage import http_files, stores
from tests.harness.file_names import NAMES

DAY = "2018-01-28"
NOW = "2018-01-29T02:00:00Z"
CONTENT = b'[{"keen_id": "a"}]' * 500


class _Server(SimpleHTTPRequestHandler):
    """Also as Apache with AddEncoding (encoded/), as one that packs unasked (packed/), and as one that sends elsewhere (moved/)."""

    def log_message(self, *_: Any) -> None:
        """Not into the tests' output."""

    def end_headers(self) -> None:
        if self.path.startswith("/encoded/"):
            self.send_header("Content-Encoding", "gzip")
        super().end_headers()

    def do_GET(self) -> None:
        if self.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/moved"))
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path.startswith("/packed/"):
            body = gzip.compress(CONTENT)
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        else:
            super().do_GET()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    root = tmp_path / "web"
    root.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Server, directory=str(root))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", root
        server.shutdown()
        thread.join()


def test_names_are_names_behind_http_too(web: tuple[str, Path], tmp_path: Path) -> None:
    address, root = web
    (root / "in #1%20").mkdir()
    for number, name in enumerate(NAMES):
        (root / "in #1%20" / name).write_bytes(b"[%d]" % number)
    uris = find(f"{address}/in%20%231%2520/D*", DAY, tmp_path)
    assert len(uris) == len(NAMES)
    source = describe("acme", DAY, uris, NOW)
    contents = {path.read_bytes() for path in spool(source, tmp_path).paths}
    assert contents == {b"[%d]" % number for number in range(len(NAMES))}, "each once"
    assert not any(gone([uri]) for uri in uris)
    assert find(f"{address}/in%20%231%2520/D a*", DAY, tmp_path) == [f"{address}/in%20%231%2520/D%20a.json"], (
        "a name may be written plainly"
    )
    [entry] = listing.find(f"{address}/in%20%231%2520/D%20a.json", DAY, tmp_path).files
    assert (entry.size, entry.kind) == (3, "file")
    assert entry.age is not None, "by the server's Date"
    with pytest.raises(SourceRefused, match="Write %23"):
        find(f"{address}/in/D.ndjson#part2", DAY, tmp_path)


class _Page(_Server):
    def do_GET(self) -> None:
        body = b"".join(
            b'<a href="%s">x</a>' % link for link in (b"?C=N;O=D", b"a.json?v=1", b"a.json?v=2", b"b.json#top", b"/other", b"c/")
        )
        body = body if self.path == "/in/" else self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_a_link_with_a_query_is_a_file_of_its_own(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        try:
            uris = find(f"{address}/in/*.json*", DAY, tmp_path)
            assert uris == [f"{address}/in/{name}" for name in ("a.json?v=1", "a.json?v=2", "b.json")]
            assert [path.read_bytes() for path in spool(describe("acme", DAY, uris, NOW), tmp_path).paths] == [
                b"/in/a.json?v=1", b"/in/a.json?v=2", b"/in/b.json",
            ]  # fmt: skip
        finally:
            server.shutdown()
            thread.join()


def test_a_packed_file_is_described_as_it_is_stored(web: tuple[str, Path], tmp_path: Path) -> None:
    address, root = web
    (root / "encoded").mkdir()
    stored = gzip.compress(CONTENT)
    (root / "encoded" / "a.json.gz").write_bytes(stored)
    rows = [
        ("stored packed, and said so", "/encoded/a.json.gz", stored),
        ("packed on the way, unasked", "/packed/a.json", CONTENT),
        ("sent on", "/moved/encoded/a.json.gz", stored),
    ]
    for number, (why, path, delivered) in enumerate(rows):
        source = describe("acme", DAY, [address + path], NOW)
        assert (source.bytes, source.sha256) == (len(delivered), hashlib.sha256(delivered).hexdigest()), why
        assert stores.entry(address + path).size in (len(delivered), None), why
        (folder := tmp_path / str(number)).mkdir()
        assert spool(source, folder).paths[0].read_bytes() == CONTENT, why


def test_no_redirect_leads_from_the_public_network_to_the_inside(web: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    address, root = web
    (root / "a.json").write_bytes(b"[]")
    assert describe("acme", DAY, [f"{address}/moved/a.json"], NOW).bytes == 2, "from one inside address to another"
    inside = iter([True, False])  # where it leads, where it came from
    monkeypatch.setattr(http_files, "is_inside", lambda _: next(inside))
    with pytest.raises(SourceRefused, match="an address of the inside network"):
        describe("acme", DAY, [f"{address}/moved/a.json"], NOW)
