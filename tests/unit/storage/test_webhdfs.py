"""WebHDFS against a server that answers as NameNode and DataNode do, and fails as they fail."""

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest

from include.storage import hdfs_errors, webhdfs
from include.storage.hdfs_errors import HdfsError
from include.storage.iceberg_files import HdfsFileIO
from include.storage.webhdfs import WebHDFS, filesystem, make_directory, write_file


class Cluster(ThreadingHTTPServer):
    """A NameNode and its DataNode in one: `files` are what it holds, `faults` what goes wrong next, `asked` what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.faults: list[Any] = []
        self.asked: list[tuple[str, str, str]] = []
        self.datanode: str | None = None
        self.released = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the test."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Cluster

    def log_message(self, *_: Any) -> None:
        pass

    def respond(self) -> None:
        at = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(at.query).items()}
        path = unquote(at.path).removeprefix("/webhdfs/v1").removeprefix("/datanode")
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        on_datanode = at.path.startswith("/datanode")
        self.server.asked.append((query["op"], path, "datanode" if on_datanode else query.get("user.name", "")))
        fault = self.server.faults.pop(0) if self.server.faults else None
        if fault == "hang":
            self.server.released.wait(10)
        elif fault == "hang up":
            self.close_connection = True
        elif fault == "hang up in the middle":
            self.answer(200, b"PAR1", length=1000)
            self.close_connection = True
        elif fault == "done, unanswered":
            self.server.files[path] = content
            self.close_connection = True
        elif fault is not None:
            self.answer(*fault)
        else:
            getattr(self, query["op"])(path, query, content, on_datanode)

    do_GET = do_PUT = do_DELETE = respond

    def answer(self, status: int, body: Any = b"", length: int | None = None, location: str | None = None) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(content)

    def to_datanode(self, path: str, query: dict[str, str]) -> None:
        host = self.server.datanode or f"127.0.0.1:{self.server.server_port}"
        self.answer(307, location=f"http://{host}/datanode{quote(path)}?" + "&".join(f"{name}={value}" for name, value in query.items()))

    def status(self, path: str) -> dict[str, Any] | None:
        if path in self.server.files:
            return {"type": "FILE", "length": len(self.server.files[path]), "pathSuffix": ""}
        inside = any(name.startswith(path.rstrip("/") + "/") for name in self.server.files)
        return {"type": "DIRECTORY", "length": 0, "pathSuffix": ""} if inside else None

    def GETFILESTATUS(self, path: str, *_: Any) -> None:
        status = self.status(path)
        self.answer(200, {"FileStatus": status}) if status else self.answer(
            404, remote("FileNotFoundException", f"File does not exist: {path}")
        )

    def LISTSTATUS(self, path: str, *_: Any) -> None:
        names = sorted({name.removeprefix(path + "/").split("/")[0] for name in self.server.files if name.startswith(path + "/")})
        self.answer(
            200, {"FileStatuses": {"FileStatus": [{**(self.status(f"{path}/{name}") or {}), "pathSuffix": name} for name in names]}}
        )

    def OPEN(self, path: str, query: dict[str, str], _: bytes, on_datanode: bool) -> None:
        if not on_datanode:
            return self.to_datanode(path, query)
        start = int(query.get("offset", 0))
        return self.answer(200, self.server.files[path][start : start + int(query.get("length", 10**9))])

    def CREATE(self, path: str, query: dict[str, str], content: bytes, on_datanode: bool) -> None:
        if not on_datanode:
            return self.to_datanode(path, query)
        if query["overwrite"] == "false" and path in self.server.files:
            return self.answer(403, remote("FileAlreadyExistsException", f"{path} already exists"))
        self.server.files[path] = content
        return self.answer(201)

    def MKDIRS(self, path: str, *_: Any) -> None:
        self.server.files[f"{path}/.made"] = b""
        self.answer(200, {"boolean": True})

    def DELETE(self, path: str, *_: Any) -> None:
        self.answer(200, {"boolean": self.server.files.pop(path, None) is not None})

    def RENAME(self, path: str, query: dict[str, str], *_: Any) -> None:
        self.answer(200, {"boolean": False})


def remote(exception: str, message: str) -> dict[str, Any]:
    return {"RemoteException": {"exception": exception, "javaClassName": f"org.apache.hadoop.{exception}", "message": message}}


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    server = Cluster()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def fs(cluster: Cluster) -> WebHDFS:
    WebHDFS.clear_instance_cache()
    return filesystem("127.0.0.1", cluster.server_port, "landfall", connect_seconds=1, read_seconds=0.3)


def test_a_file_is_written_with_one_request_and_read_back_whole_and_by_ranges(cluster: Cluster, fs: WebHDFS) -> None:
    content = bytes(range(256)) * 50_000  # 12.8 MB: more than fsspec's blocks
    with fs.open("/lake/acme/a b+ü=1.parquet", "wb") as file:
        for start in range(0, len(content), 1_000_000):
            file.write(content[start : start + 1_000_000])
    assert cluster.asked == [("CREATE", "/lake/acme/a b+ü=1.parquet", "landfall"), ("CREATE", "/lake/acme/a b+ü=1.parquet", "datanode")]
    with fs.open("hdfs://namenode:8020/lake/acme/a b+ü=1.parquet") as file:
        file.seek(6_000_000)
        assert file.read(1000) == content[6_000_000:6_001_000]
        file.seek(0)
        assert file.read() == content
        assert file.read() == b""


def test_an_empty_file_is_a_file(cluster: Cluster, fs: WebHDFS) -> None:
    write_file(fs, "/empty", b"")
    assert cluster.files["/empty"] == b""
    assert fs.cat_file("/empty") == b""


def test_what_a_with_block_did_not_finish_is_not_written(cluster: Cluster, fs: WebHDFS) -> None:
    file = fs.open("/half", "wb")

    def stop_half_way() -> None:
        with file:
            file.write(b"half of it")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stop_half_way()
    assert cluster.asked == []


def test_listing_gives_names_sizes_and_kinds_and_is_never_remembered(cluster: Cluster, fs: WebHDFS) -> None:
    cluster.files |= {"/lake/b.parquet": b"12345", "/lake/a/x": b""}
    assert [(found["name"], found["type"], found["size"]) for found in fs.ls("hdfs://any:1/lake", detail=True)] == [
        ("/lake/a", "directory", 0),
        ("/lake/b.parquet", "file", 5),
    ]
    cluster.files["/lake/c"] = b""
    assert fs.ls("/lake") == ["/lake/a", "/lake/b.parquet", "/lake/c"]
    assert fs.info("hdfs://any:1/lake/b.parquet")["name"] == "/lake/b.parquet"


def test_exists_says_no_only_if_the_namenode_says_no(cluster: Cluster, fs: WebHDFS) -> None:
    cluster.files["/here/file"] = b""
    answers = [(fs.exists(path), fs.isdir(path), fs.isfile(path)) for path in ("/here/file", "/here", "/gone")]
    assert answers == [(True, False, True), (True, True, False), (False, False, False)]
    for question in (fs.exists, fs.isdir, fs.isfile, fs.lexists):
        cluster.faults = [(403, remote("AccessControlException", "Permission denied: user=bob, access=EXECUTE"))]
        with pytest.raises(PermissionError, match="user=bob"):
            question("/here")


# status and body of the answer, what Python is to raise, what it is to say
REFUSALS = [
    ("no right", 403, remote("AccessControlException", "Permission denied: user=bob"), PermissionError,
     "GETFILESTATUS /x as landfall: Permission denied: user=bob"),
    ("not there", 404, remote("FileNotFoundException", "File does not exist: /x"), FileNotFoundError, "File does not exist: /x"),
    ("parent is a file", 403, remote("ParentNotDirectoryException", "/a is not a directory"), NotADirectoryError, "/a is not a directory"),
    ("there already", 403, remote("FileAlreadyExistsException", "/x exists"), FileExistsError, "/x exists"),
    ("asked wrongly", 400, remote("IllegalArgumentException", "Invalid path name"), ValueError, "Invalid path name"),
    ("over quota", 403, remote("DSQuotaExceededException", "The DiskSpace quota is exceeded"), HdfsError, "quota is exceeded"),
    ("anything else", 500, remote("RuntimeException", "boom"), HdfsError, "boom"),
    ("no WebHDFS there", 404, b"<html>Not Found</html>", FileNotFoundError, "HTTP 404 Not Found from 127.0.0.1"),
    ("a login page", 401, b"<html>who are you</html>", PermissionError, "HTTP 401 Unauthorized from 127.0.0.1"),
    ("JSON of something else", 404, ["no", "exception"], FileNotFoundError, "HTTP 404"),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "status", "body", "kind", "sentence"), REFUSALS, ids=[row[0] for row in REFUSALS])
def test_a_refusal_is_pythons_exception_in_the_namenodes_words_and_not_tried_again(
    cluster: Cluster, fs: WebHDFS, reason: str, status: int, body: Any, kind: type[Exception], sentence: str
) -> None:
    cluster.faults = [(status, body)]
    with pytest.raises(kind) as raised:
        fs.info("/x")
    assert type(raised.value) is kind, reason
    assert sentence in str(raised.value), reason
    assert len(cluster.asked) == 1, reason


PASSING = [
    ("the NameNode is overloaded", (503, b"busy")),
    ("a gateway has lost it", (502, b"")),
    ("something on the way failed, not HDFS", (500, ["no", "exception"])),
    ("it is starting", (403, remote("RetriableException", "Server is in startup mode"))),
    ("it is not the active one now", (403, remote("StandbyException", "Operation category READ is not supported in state standby"))),
    ("it hangs up", "hang up"),
    ("it hangs", "hang"),
]


@pytest.mark.parametrize(("reason", "fault"), PASSING, ids=[row[0] for row in PASSING])
def test_a_read_is_tried_again_when_the_failure_may_pass(cluster: Cluster, fs: WebHDFS, reason: str, fault: Any) -> None:
    cluster.files["/x"] = b"12345"
    cluster.faults = [fault]
    assert fs.info("/x")["size"] == 5, reason
    assert len(cluster.asked) == 2, reason


CONTENT_FAULTS = [
    ("the DataNode's error page is not the file", (500, b"<html>" + b"x" * 94)),
    ("too few bytes", (200, b"1234")),
    ("too many bytes", (200, b"x" * 101)),
    ("the stream breaks off", "hang up in the middle"),
    ("the DataNode hangs up", "hang up"),
]


@pytest.mark.parametrize(("reason", "fault"), CONTENT_FAULTS, ids=[row[0] for row in CONTENT_FAULTS])
def test_bytes_are_the_files_or_an_error(cluster: Cluster, fs: WebHDFS, reason: str, fault: Any) -> None:
    cluster.files["/x"] = b"y" * 100
    with fs.open("/x") as file:
        redirect = None
        cluster.faults = [redirect, fault, redirect, fault, redirect, fault]
        with pytest.raises(OSError, match=r"/x") as raised:
            file.read()
    assert "OPEN /x" in str(raised.value) or "bytes 0 to 100: 100 bytes expected" in str(raised.value), reason


def test_a_short_answer_of_one_datanode_is_mended_by_the_next(cluster: Cluster, fs: WebHDFS) -> None:
    cluster.files["/x"] = b"y" * 100
    with fs.open("/x") as file:
        cluster.faults = [None, (200, b"y" * 7)]
        assert file.read() == b"y" * 100


def test_what_must_not_be_done_twice_is_never_tried_again(cluster: Cluster, fs: WebHDFS) -> None:
    def new_file() -> None:
        with fs.open("/new", "xb") as file:
            file.write(b"abc")

    for change in (lambda: fs.mkdir("/x"), lambda: fs.rm("/x"), lambda: fs.mv("/x", "/y"), new_file):
        cluster.asked.clear()
        cluster.faults = ["hang up"]
        with pytest.raises(ConnectionError):
            change()
        assert len(cluster.asked) == 1


@pytest.mark.parametrize("fault", [(503, b""), (500, b"<html>"), "hang", "hang up"])
@pytest.mark.parametrize("at", ["NameNode", "DataNode"])
def test_a_whole_file_is_written_again_where_that_replaces_nobody_elses(cluster: Cluster, fs: WebHDFS, at: str, fault: Any) -> None:
    faults = [fault] if at == "NameNode" else [None, fault]
    cluster.files["/there"] = b"before"
    cluster.faults = list(faults)
    write_file(fs, "/there", b"abc")
    cluster.faults = list(faults)
    with fs.open("/v1-5d0c.json", "xb", own_name=True) as file:
        file.write(b"{}")
    assert (cluster.files["/there"], cluster.files["/v1-5d0c.json"]) == (b"abc", b"{}")


def test_a_new_file_that_is_there_after_an_unanswered_try_is_our_own(cluster: Cluster, fs: WebHDFS) -> None:
    with fs.open("/v1-5d0c.json", "xb", own_name=True) as file:
        cluster.faults = [None, "done, unanswered"]
        file.write(b"{}")
    assert cluster.files["/v1-5d0c.json"] == b"{}"
    with pytest.raises(FileExistsError), fs.open("/v1-5d0c.json", "xb", own_name=True) as file:
        file.write(b"other")


def test_a_write_that_keeps_failing_says_so(cluster: Cluster, fs: WebHDFS) -> None:
    cluster.faults = [None, (503, b"")] * hdfs_errors.TRIES
    with pytest.raises(ConnectionError, match=r"CREATE /x \(3 bytes\) as landfall: HTTP 503"):
        write_file(fs, "/x", b"abc")
    assert len(cluster.asked) == 2 * hdfs_errors.TRIES


def test_what_hdfs_did_not_do_is_an_error_though_it_answers_200(cluster: Cluster, fs: WebHDFS) -> None:
    with pytest.raises(OSError, match="RENAME /x to /y: the NameNode answered"):
        fs.mv("/x", "/y")
    with pytest.raises(FileNotFoundError, match="DELETE /x"):
        fs.rm("/x")
    cluster.faults = [(200, {"boolean": False})]
    with pytest.raises(OSError, match="MKDIRS /x"):
        fs.mkdir("/x")


def test_time_outs_name_the_daemon_and_the_time(cluster: Cluster, fs: WebHDFS) -> None:
    cluster.faults = ["hang"] * 3
    with pytest.raises(
        TimeoutError, match=rf"GETFILESTATUS /x as landfall: 127.0.0.1:{cluster.server_port} did not answer within 1 s .* 0.3 s"
    ):
        fs.info("/x")
    assert len(cluster.asked) == hdfs_errors.TRIES


def test_nobody_there_and_a_datanode_with_a_name_that_nobody_knows(cluster: Cluster, fs: WebHDFS) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(ConnectionError, match=rf"127.0.0.1:{port}: .*refused"):
        filesystem("127.0.0.1", port, "landfall").info("/x")
    cluster.files["/x"] = b"12345"
    cluster.datanode = "datanode.invalid:9864"
    with pytest.raises(ConnectionError, match=r"OPEN /x as landfall: datanode.invalid:9864: "):
        fs.cat_file("/x")


def test_threads_may_share_it(cluster: Cluster, fs: WebHDFS) -> None:
    cluster.files |= {f"/lake/{number}": str(number).encode() * 1000 for number in range(40)}
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: fs.cat_file(f"/lake/{number}"), range(40)))
    assert found == [str(number).encode() * 1000 for number in range(40)]


def test_a_directory_is_made_once_with_its_mode(cluster: Cluster, fs: WebHDFS) -> None:
    make_directory(fs, "/lake/acme")
    make_directory(fs, "/lake/acme")
    assert [op for op, _, _ in cluster.asked] == ["GETFILESTATUS", "GETFILESTATUS", "MKDIRS", "GETFILESTATUS"]
    with pytest.raises(FileExistsError):
        fs.makedirs("/lake/acme")


def test_a_proxy_of_the_environment_is_not_asked(cluster: Cluster, fs: WebHDFS, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert fs.exists("/x") is False


def test_a_whole_file_is_one_question_and_a_broken_stream_is_no_file(cluster: Cluster, fs: WebHDFS) -> None:
    cluster.files["/x"] = b"12345"
    assert fs.cat_file("/x") == b"12345"
    assert [op for op, _, _ in cluster.asked] == ["OPEN", "OPEN"]  # NameNode, DataNode
    assert fs.cat_file("/x", 1, 3) == b"23"
    cluster.faults = [None, "hang up in the middle"] * hdfs_errors.TRIES
    with pytest.raises(ConnectionError, match="OPEN /x"):
        fs.cat_file("/x")


def test_a_new_file_takes_no_others_place(cluster: Cluster, fs: WebHDFS) -> None:
    """What PyIceberg asks for, and checks itself one question too early."""
    io = HdfsFileIO(webhdfs.register(fs))
    location = "hdfs://namenode:8020/lake/acme/questions/metadata/1.metadata.json"
    for overwrite, content in ((False, b"first"), (True, b"second")):
        with io.new_output(location).create(overwrite=overwrite) as file:
            file.write(content)
        assert io.new_input(location).open().read() == content
    file = io.new_output(location).create()
    file.write(b"third")
    with pytest.raises(FileExistsError, match="already exists"):
        file.close()
    assert {op for op, _, _ in cluster.asked} == {"CREATE", "OPEN"}
    assert len(io.new_input(location)) == 6
    io.delete(location)
    assert not io.new_input(location).exists()


@pytest.mark.parametrize("mode", ["ab", "r+b"])
def test_files_are_written_once(fs: WebHDFS, mode: str) -> None:
    with pytest.raises(ValueError, match="only rb, wb and xb"):
        fs.open("/x", mode)
