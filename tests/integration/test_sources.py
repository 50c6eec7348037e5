"""A day's files wherever fsspec leads: found by pattern, described, brought here unchanged, and published."""

import gzip
import http.client
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import zstandard

from include.errors import LandfallError
from include.kafka.publish import publish
from include.source import delivery, listing
from include.source import files as source
from include.source.delivery import Expected
from include.source.files import SourceRefused
from include.source.inbox import places
from include.storage.webhdfs import WebHDFS, filesystem, make_directory, write_file
from tests.harness.acme import DAY, Acme, attempts, refuse_difference
from tests.harness.file_names import NAMES

NOW = "2018-01-29T00:00:00Z"
RECORDS = attempts(30, 60_000)  # together larger than what is read at once
PLAIN = b"".join(record + b"\n" for record in RECORDS)
FILES = {
    "a.ndjson": b"".join(record + b"\n" for record in RECORDS[:10]),
    "b.ndjson.gz": gzip.compress(b"".join(record + b"\n" for record in RECORDS[10:20])),
    "c.json.zst": zstandard.ZstdCompressor().compress(b"[" + b",".join(RECORDS[20:]) + b"]"),
}


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Not into the tests' output."""

    def do_GET(self) -> None:
        refusals = {"/forbidden": 403, "/broken": 500}
        if self.path in refusals:
            self.send_error(refusals[self.path])
        elif self.path == "/cut.json":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"[1, 2")
        else:
            super().do_GET()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a plain web server with a listing for each folder, and its root."""
    root = tmp_path / "web"
    root.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(root))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", root
        server.shutdown()
        thread.join()


Deliver = Callable[[dict[str, bytes]], str]


@pytest.fixture(params=["file", "http", "hdfs"])
def deliver(request: pytest.FixtureRequest, tmp_path: Path) -> Deliver:
    """Puts files of the day there, and one of the day after; returns the pattern of a day's files."""
    if request.param == "hdfs":
        fs = served(request.getfixturevalue("hdfs"))

        def to_hdfs(files: dict[str, bytes]) -> str:
            for day, content in ((DAY, files), ("2018-01-29", {"z.json": b"[{}]"})):
                make_directory(fs, f"/lake/drop/{tmp_path.name}/{day}")
                for name, each in content.items():
                    write_file(fs, f"/lake/drop/{tmp_path.name}/{day}/{name}", each)
            return f"hdfs:///lake/drop/{tmp_path.name}/{{day}}/*"

        return to_hdfs
    address, root = request.getfixturevalue("web") if request.param == "http" else (f"file://{tmp_path}/in", tmp_path / "in")

    def to_folder(files: dict[str, bytes]) -> str:
        for day, content in ((DAY, files), ("2018-01-29", {"z.json": b"[{}]"})):
            (root / day).mkdir(parents=True)
            for name, each in content.items():
                (root / day / name).write_bytes(each)
        return f"{address}/{{day}}/*"

    return to_folder


def served(hdfs: Any) -> WebHDFS:
    """As a step of a run has it: hdfs:// is the cluster of the connection."""
    fs = filesystem(hdfs.host, hdfs.port, hdfs.user)
    source.serve(hdfs.uri, fs)
    return fs


def test_a_day_is_found_described_and_published_byte_for_byte(kafka: str, tmp_path: Path, deliver: Deliver) -> None:
    acme = Acme(kafka, tmp_path)
    pattern = deliver(FILES)
    uris = source.find(pattern, DAY, tmp_path)
    assert [uri.rpartition("/")[2] for uri in uris] == list(FILES)
    assert source.find(pattern.replace("*", "b*"), DAY, tmp_path) == uris[1:2]
    assert source.find(pattern, "2018-01-27", tmp_path) == []
    assert source.find(uris[0], DAY, tmp_path) == uris[:1], "without a wildcard too"
    assert source.find(f"{uris[0]}.nowhere", DAY, tmp_path) == []
    assert (source.gone(uris), source.gone([f"{uris[0]}.nowhere"])) == (False, True)
    described = source.describe(acme.customer, DAY, uris, NOW)
    assert [file.bytes for file in described.files] == [len(content) for content in FILES.values()]
    refuse_difference(acme.publish(described, max_message_bytes=200_000), acme.committed(), RECORDS)


NOT_ON_HDFS = ":"  # which HDFS takes in no name


def test_names_are_names_on_hdfs_too(hdfs: Any, kafka: str, tmp_path: Path) -> None:
    """Each file once, under whatever name; by the cluster of the connection, and by webhdfs."""
    fs, acme = served(hdfs), Acme(kafka, tmp_path)
    folder = "/lake/names/in [1]#?%20é*{2}"
    names = sorted(name for name in NAMES if NOT_ON_HDFS not in name)
    records = [b'{"keen_id": "%d"}' % number for number in range(len(names))]
    for name, record in zip(names, records, strict=True):
        write_file(fs, f"{folder}/{name}", record + b"\n" if ".ndjson" in name else b"[" + record + b"]")
    for prefix in ("hdfs://", hdfs.uri, f"webhdfs://{hdfs.user}@{hdfs.host}:{hdfs.port}", f"webhdfs://{hdfs.host}:{hdfs.port}"):
        uris = source.find(f"{prefix}/lake/names/in [[]1]*/D*", DAY, tmp_path)
        assert [uri.rpartition("/")[2] for uri in uris] == names, prefix
        assert source.describe(acme.customer, DAY, uris, NOW).bytes == sum(entry.size or 0 for entry in listing.named(uris).files)
        assert not any(source.gone([uri]) for uri in uris)
        assert source.gone([f"{uris[0]}#more", f"{uris[0]}?x"])
        assert [uri[-8:] for uri in source.find(f"{prefix}/lake/names/in*/D.?djson", DAY, tmp_path)] == ["D.ndjson"]
    described = source.describe(acme.customer, DAY, source.find("hdfs:///lake/names/*/D*", DAY, tmp_path), NOW)
    refuse_difference(acme.publish(described), acme.committed(), records)


def test_a_file_that_is_open_for_writing_is_not_there_yet(hdfs: Any, tmp_path: Path) -> None:
    fs = served(hdfs)
    where = fs.call_once("CREATE", "put", f"/lake/acme/open/{DAY}.json", redirect=False).headers["Location"]
    to = urlsplit(where)
    writer = http.client.HTTPConnection(to.netloc)
    writer.putrequest("PUT", f"{to.path}?{to.query}")
    writer.putheader("Transfer-Encoding", "chunked")
    writer.endheaders()
    writer.send(b"5\r\n[{},\n\r\n")
    wait_until(lambda: fs.exists(f"/lake/acme/open/{DAY}.json"))
    expected, ours = Expected("hdfs:///lake/acme/open/{day}*", 0), places("acme", tmp_path, '{"acme": ["hdfs:///lake/acme"]}')
    assert "is still open for writing" in delivery.look(expected, DAY, [], ours).awaited
    assert "is still open for writing" in delivery.look(expected, DAY, [f"hdfs:///lake/acme/open/{DAY}.json"], ours).awaited
    writer.send(b"3\r\n{}]\r\n0\r\n\r\n")
    assert writer.getresponse().status == 201
    writer.close()
    found = delivery.look(expected, DAY, [], ours)
    assert (found.awaited, list(found.sizes.values())) == ("", [8])
    young = delivery.look(Expected(expected.source, 60), DAY, [], ours).awaited
    assert "changed less than 60 s ago" in young, "by the NameNode's clock"


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_file_of_hdfs_may_name_its_cluster_and_no_other(hdfs: Any, tmp_path: Path) -> None:
    fs = served(hdfs)
    write_file(fs, "/lake/named.json", b"[{}]")
    for address in (hdfs.uri, "hdfs://", f"webhdfs://{hdfs.user}@{hdfs.host}:{hdfs.port}"):
        described = source.describe("acme", DAY, [f"{address}/lake/named.json"], NOW)
        assert described.bytes == 4
    with pytest.raises(SourceRefused, match=r"is on other:8020, the connection leads to hdfs://127"):
        source.describe("acme", DAY, ["hdfs://other:8020/lake/named.json"], NOW)


def test_an_hdfs_that_is_away_is_not_a_day_without_files(hdfs: Any, tmp_path: Path) -> None:
    source.serve("hdfs://127.0.0.1:1", filesystem("127.0.0.1", 1, hdfs.user))
    with pytest.raises(LandfallError, match="could not be listed"):
        source.find("hdfs:///lake/drop/{day}/*", DAY, tmp_path)


def test_what_a_web_server_refuses_is_named(web: tuple[str, Path]) -> None:
    address, _ = web
    rows: list[tuple[str, str, type[LandfallError], str]] = [
        ("not there", "/nowhere.json", SourceRefused, "HTTP 404"),
        ("not allowed", "/forbidden", SourceRefused, "HTTP 403"),
        ("its own fault: try again", "/broken", LandfallError, "500 Server Error"),
        ("a cut connection", "/cut.json", LandfallError, r"could not be read to its end"),
    ]
    for why, path, kind, said in rows:
        with pytest.raises(LandfallError, match=said) as caught:
            source.describe("acme", DAY, [f"{address}{path}"], NOW)
        assert type(caught.value) is kind, why
    with pytest.raises(LandfallError, match="could not be listed"):
        source.find("http://127.0.0.1:1/{day}/*", DAY, Path("/"))
    with pytest.raises(LandfallError, match="cannot be read"):
        source.gone(["http://127.0.0.1:1/a.json"])


def test_a_file_changed_between_finding_and_publishing_is_not_published(kafka: str, tmp_path: Path, web: tuple[str, Path]) -> None:
    acme = Acme(kafka, tmp_path)
    address, root = web
    (root / "a.json").write_bytes(b"[{}]")
    described = source.describe(acme.customer, DAY, [f"{address}/a.json"], NOW)
    (root / "a.json").write_bytes(b"[[]]")
    with pytest.raises(LandfallError, match="is not what was found for this day"):
        publish(described, acme.topic, acme.kafka, tmp_path / "spool")
    assert acme.committed() == []
