"""HDFS from Python without a JVM: fsspec's WebHDFS, made honest.

What fsspec's own lacks, and a landing cannot do without: time-outs, the DataNode's status and length checked before its answer counts as
a file's bytes, one request per written file, `exists` that says no only when the NameNode says no, and the NameNode's own words in errors.

Errors are Python's: FileNotFoundError, PermissionError, FileExistsError, NotADirectoryError, ValueError for what was asked wrongly;
TimeoutError and ConnectionError for what another try may mend; HdfsError, an OSError too, for the rest. What may be done twice is tried
again, a few times within seconds, and the NameNode names another DataNode if one has died: reads, and the writing of a whole file that
replaces what is there, or whose name nobody else can choose.
"""

import io
import secrets
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from fsspec.implementations.webhdfs import WebHDFile
from fsspec.implementations.webhdfs import WebHDFS as FsspecWebHDFS
from pyiceberg.io.fsspec import SCHEME_TO_FS
from requests.adapters import HTTPAdapter

from include.effects import Effect, effect
from include.storage.hdfs_errors import HdfsError, cause, error_of, repeating
from include.storage.http_files import asked_at, raise_outage
from include.storage.iceberg_files import HdfsFileIO

CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
SCHEMES = ("hdfs", "webhdfs", "swebhdfs")


def filesystem(
    host: str, port: int, user: str, connect_seconds: float = CONNECT_SECONDS, read_seconds: float = READ_SECONDS, use_https: bool = False
) -> "WebHDFS":
    """The filesystem that the NameNode at this WebHDFS address serves, as this user sees it. Connects at the first call, not here."""
    https = {"use_https": True} if use_https else {}
    return WebHDFS(host=host, port=port, user=user, connect_seconds=connect_seconds, read_seconds=read_seconds, **https)


def register(fs: "WebHDFS") -> dict[str, str]:
    """Teaches PyIceberg the scheme `hdfs` and returns the catalog properties that lead its `hdfs://` paths to this filesystem."""
    SCHEME_TO_FS["hdfs"] = _from_catalog
    options = {f"{_PROPERTY}{name}": str(value) for name, value in fs.storage_options.items()}
    return {**options, "py-io-impl": f"{HdfsFileIO.__module__}.{HdfsFileIO.__name__}"}


_PROPERTY = "landfall.webhdfs."
_OPTIONS: dict[str, Callable[[str], Any]] = {"host": str, "port": int, "user": str, "connect_seconds": float, "read_seconds": float}


def _from_catalog(properties: dict[str, Any]) -> "WebHDFS":
    return WebHDFS(**{name: kind(properties[_PROPERTY + name]) for name, kind in _OPTIONS.items() if _PROPERTY + name in properties})


def write_file(fs: Any, path: str, content: bytes) -> None:
    """The whole file at once, replacing what was there."""
    with effect(Effect.WRITE_FILE, path=path, bytes=len(content)), fs.open(path, "wb") as file:
        file.write(content)


def make_file(fs: Any, path: str, content: bytes) -> bool:
    """The file, whole or not at all; False if the name is taken. To be called within an effect."""
    aside = f"{path}.{secrets.token_hex(8)}"
    with fs.open(aside, "xb") as file:
        file.write(content)
    try:
        fs.mv(aside, path)
    except OSError:
        fs.rm_file(aside)
        if fs.exists(path):
            return False
        raise
    return True


def make_directory(fs: Any, path: str, permission: str = "750") -> None:
    """The directory, made with this mode if it is not there; one that is there keeps the mode that somebody gave it."""
    if not fs.exists(path):
        with effect(Effect.MAKE_DIRECTORY, path=path):
            fs.makedirs(path, exist_ok=True, **({"permission": permission} if isinstance(fs, WebHDFS) else {}))


class WebHDFS(FsspecWebHDFS):  # type: ignore[misc]
    """One user's view of one HDFS. Paths may carry `hdfs://host:port` in front: only the path counts. Threads may share it."""

    protocol = "hdfs"

    def __init__(
        self, host: str, port: int, user: str, connect_seconds: float = CONNECT_SECONDS, read_seconds: float = READ_SECONDS, **kwargs: Any
    ) -> None:
        self.timeouts = (connect_seconds, read_seconds)
        self._sessions = threading.local()
        super().__init__(host=host, port=port, user=user, **kwargs)

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        """The path, character for character: fsspec's own reads it as a URL, and takes what follows a `#` or `?` from a name."""
        if isinstance(path, list):
            return [cls._strip_protocol(one) for one in path]
        scheme, _, rest = str(path).partition("://")
        return f"/{rest.partition('/')[2]}" if scheme in SCHEMES else str(path)

    def _connect(self) -> None:
        """Nothing to do: every thread gets a session of its own at its first call."""

    @property
    def session(self) -> requests.Session:
        if not hasattr(self._sessions, "session"):
            session = requests.Session()
            session.trust_env = False  # a proxy from the environment has no business between us and the cluster
            session.mount("http://", _TimedAdapter(self.timeouts))
            session.mount("https://", _TimedAdapter(self.timeouts))
            self._sessions.session = session
        return self._sessions.session  # type: ignore[no-any-return]

    # ---- calls

    def _call(
        self, op: str, method: str = "get", path: str | None = None, data: bytes | None = None, redirect: bool = True, **arguments: Any
    ) -> requests.Response:
        """One WebHDFS operation; a `get` is tried again if it failed for a passing reason."""

        def call() -> requests.Response:
            return self.call_once(op, method, path, data, redirect, **arguments)

        return repeating(call) if method.lower() == "get" else call()

    def call_once(
        self, op: str, method: str = "get", path: str | None = None, data: bytes | None = None, redirect: bool = True, **arguments: Any
    ) -> requests.Response:
        """One WebHDFS operation, tried once; a redirect to a DataNode is followed if `redirect`."""
        path = self._strip_protocol(path) if path is not None else ""
        url = self._apply_proxy(self.url + quote(path, safe="/="))
        params = {**arguments, **self.pars, "op": op}
        return self.send(f"{op} {path} as {self.user}", method, url, params=params, data=data, allow_redirects=redirect)

    def send(self, what: str, method: str, url: str, **request: Any) -> requests.Response:
        """One HTTP request and its answer, or the error that it stands for."""
        try:
            answer = self.session.request(method.upper(), url, **request)
        except requests.RequestException as error:
            raise self._unanswered(error, what, url) from error
        if answer.status_code >= 400:
            raise error_of(answer, what)
        return answer

    def _unanswered(self, error: requests.RequestException, what: str, url: str) -> OSError:
        """What to say of a request without an answer. Names the daemon last spoken to: after a redirect that is a DataNode."""
        asked = error.request.url if error.request is not None else None
        daemon = urlsplit(str(asked or url)).netloc
        reason = cause(error)
        if isinstance(error, requests.Timeout) or isinstance(reason, TimeoutError):
            connect, read = self.timeouts
            return TimeoutError(f"{what}: {daemon} did not answer within {connect:g} s (connect) or {read:g} s (read)")
        return ConnectionError(f"{what}: {daemon}: {reason}")

    def _agree(self, answer: requests.Response, what: str) -> None:
        """HDFS says `{"boolean": false}` with status 200 for what it did not do."""
        if answer.json() != {"boolean": True}:
            raise HdfsError(f"{what}: the NameNode answered {answer.text}, so it was not done")

    # ---- what is there

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """As fsspec has it, and `asked_at`: the moment of the answer by the NameNode's clock, in seconds since 1970, if it gives one."""
        answer = self._call("GETFILESTATUS", path=path)
        return self._process_info({**answer.json()["FileStatus"], "name": self._strip_protocol(path), **asked_at(answer)})  # type: ignore[no-any-return]

    def exists(self, path: str, **_: Any) -> bool:
        """False only if the NameNode says so; an unreachable NameNode is an error, not an absence."""
        try:
            self.info(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def isdir(self, path: str) -> bool:
        return self._kind(path) == "directory"

    def isfile(self, path: str) -> bool:
        return self._kind(path) == "file"

    def _kind(self, path: str) -> str | None:
        try:
            return str(self.info(path)["type"])
        except (FileNotFoundError, NotADirectoryError):
            return None

    def ls(self, path: str, detail: bool = False, **_: Any) -> list[Any]:
        path = self._strip_protocol(path)
        answer = self._call("LISTSTATUS", path=path)
        found, moment = answer.json()["FileStatuses"]["FileStatus"], asked_at(answer)
        infos = sorted(
            (self._process_info({**info, "name": f"{path.rstrip('/')}/{info['pathSuffix']}".rstrip("/"), **moment}) for info in found),
            key=lambda info: info["name"],
        )
        return infos if detail else [info["name"] for info in infos]

    def being_written(self, path: str) -> bool:
        """Whether somebody has the file open for writing: its length, until then, is that of its last whole block.

        The public operations do not say so. This one is older than they are, though documented as HDFS's own; a gateway may lack it.
        """
        try:
            blocks = self._call("GET_BLOCK_LOCATIONS", path=path).json()["LocatedBlocks"]
        except (ValueError, KeyError, HdfsError):
            return False
        return bool(blocks.get("isUnderConstruction"))

    def acl_status(self, path: str) -> dict[str, Any]:
        """`entries` (but for owner, mask and others, which are in the mode), `owner`, `group`, `permission`."""
        return self._call("GETACLSTATUS", path=path).json()["AclStatus"]  # type: ignore[no-any-return]

    def walk(self, path: str, maxdepth: int | None = None, topdown: bool = True, on_error: Any = raise_outage, **options: Any) -> Any:
        return super().walk(path, maxdepth, topdown, on_error, **options)

    # ---- what changes something: files aside, never tried again here

    def mkdir(self, path: str, create_parents: bool = True, permission: str | None = None, **_: Any) -> None:
        """Makes the directory and its parents, all with this mode (octal digits, such as "750")."""
        mode: dict[str, Any] = {"permission": permission} if permission else {}
        self._agree(self._call("MKDIRS", method="put", path=path, **mode), f"MKDIRS {path}")

    def makedirs(self, path: str, exist_ok: bool = False, permission: str | None = None) -> None:
        if self.exists(path):
            if not exist_ok:
                raise FileExistsError(f"{path} exists")
            return
        self.mkdir(path, permission=permission)

    def set_acl(self, path: str, spec: str) -> None:
        """Puts these entries, such as `user::rwx,user:alice:r-x,group::r-x,mask::r-x,other::---`, in place of all that are there."""
        self._call("SETACL", method="put", path=path, aclspec=spec)

    def mv(self, path1: str, path2: str, **_: Any) -> None:
        destination = self._strip_protocol(path2)
        self._agree(self._call("RENAME", method="put", path=path1, destination=destination), f"RENAME {path1} to {destination}")

    def rm(self, path: str | list[str], recursive: bool = False, **_: Any) -> None:
        for one in [path] if isinstance(path, str) else path:
            answer = self._call("DELETE", method="delete", path=one, recursive="true" if recursive else "false")
            if answer.json() != {"boolean": True}:
                raise FileNotFoundError(f"DELETE {one}: no such file or directory")

    def rm_file(self, path: str, **_: Any) -> None:
        self.rm(path)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **options: Any) -> bytes:
        """The file's bytes. A whole file is one question: its length is the DataNode's word, kept by the HTTP library."""
        if start is not None or end is not None:
            return super().cat_file(path, start, end, **options)  # type: ignore[no-any-return]
        answer = self._call("OPEN", path=path)
        if "Content-Length" not in answer.headers:
            return super().cat_file(path, **options)  # type: ignore[no-any-return]
        return answer.content

    def _open(self, path: str, mode: str = "rb", block_size: int | None = None, autocommit: bool = True, **options: Any) -> "WebHDFSFile":
        """`own_name=True` says of a new file (mode xb) that nobody else can choose its name, so that writing it may be tried again."""
        if mode not in ("rb", "wb", "xb"):
            raise ValueError(f"{path}: mode {mode} is not offered, only rb, wb and xb: files of a lake are written once")
        if not autocommit:
            raise ValueError(f"{path}: transactions of fsspec are not offered")
        known = {name: options[name] for name in ("size", "cache_type", "cache_options", "own_name") if name in options}
        return WebHDFSFile(self, path, mode=mode, block_size=block_size or self.blocksize, autocommit=True, tempdir="", **known)


class WebHDFSFile(WebHDFile):  # type: ignore[misc]
    """A file being read by ranges, or being collected in memory and written with one PUT at close."""

    def _initiate_upload(self) -> None:
        """Nothing goes out before the end is known."""

    def _upload_chunk(self, final: bool = False) -> bool:
        if not final:
            return False  # fsspec then keeps the buffer
        own_name = self.kwargs.get("own_name", False)
        first = True

        def attempt() -> None:
            nonlocal first
            overwrite = self.mode == "wb" or (own_name and not first)  # what an unanswered try left is ours
            first = False
            self._write_whole(self.buffer.getvalue(), overwrite)

        if self.mode == "wb" or own_name:
            repeating(attempt)
        else:
            attempt()
        return True

    def _write_whole(self, content: bytes, overwrite: bool) -> None:
        where = self.fs._call("CREATE", "put", self.path, redirect=False, overwrite="true" if overwrite else "false")
        location = self.fs._apply_proxy(where.headers["Location"])
        what = f"CREATE {self.path} ({len(content)} bytes) as {self.fs.user}"
        # As a stream: it goes out in blocks, and the time-out is for each of them; for bytes it would be for all together.
        self.fs.send(what, "put", location, data=io.BytesIO(content), headers={"Content-Type": "application/octet-stream"})

    def _fetch_range(self, start: int, end: int) -> bytes:
        start, end = max(start, 0), min(end, self.size)
        if start >= end:
            return b""

        def fetch() -> bytes:
            content: bytes = self.fs.call_once("OPEN", path=self.path, offset=start, length=end - start).content
            if len(content) != end - start:
                raise ConnectionError(f"{self.path}: bytes {start} to {end}: {end - start} bytes expected, {len(content)} received")
            return content

        return repeating(fetch)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """What a `with` block did not finish is not written: half a file under its final name would look like a whole one."""
        if kind is not None and self.writable():
            self.closed = True
        self.close()


class _TimedAdapter(HTTPAdapter):
    """Gives every request the time-outs, whoever sends it."""

    def __init__(self, timeouts: tuple[float, float]) -> None:
        self.timeouts = timeouts
        super().__init__()

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        return super().send(request, **{**kwargs, "timeout": kwargs.get("timeout") or self.timeouts})
