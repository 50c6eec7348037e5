"""Where files lie: the local disk, HDFS, HTTP, or whatever else fsspec reads, each asked in the same few ways.

A name is taken character for character: of a location only what stands before its path (`hdfs://namenode:8020`) is read as a URL, so that a
file whose name holds `#`, `?`, `%20` or `::` is that file and no other. HTTP alone has its names written as URLs are.
"""

import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

import fsspec

from include.errors import LandfallError, Refused
from include.storage.http_files import HttpFiles
from include.storage.webhdfs import filesystem

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
HTTP = ("http", "https")
WEBHDFS_PORTS = {"webhdfs": 9870, "swebhdfs": 9871}
CHANGED = ("mtime", "modificationTime", "LastModified", "last_modified")  # what filesystems call the moment of the last change
STAMPS = (*CHANGED, "ETag", "fileId")


class SourceRefused(Refused):
    """The files of a day are missing, damaged or not what was described. The message names file and place."""


@dataclass(frozen=True)
class Entry:
    """What a store says of one name. `kind` is "file", "directory" or what else it is, in words.

    `size` is in bytes; `age` is in seconds by the store's own clock, since the last change at `changed` (seconds since 1970). `identity` is
    the same for two names of one file. Each of them is None where the store does not know it. `stamp` changes with the file.
    """

    uri: str
    name: str
    kind: str
    size: int | None
    changed: float | None = None
    age: float | None = None
    identity: str | None = None
    stamp: str = ""


class Store(Protocol):
    """Paths are as `locate` returns them; errors are OSErrors."""

    def entry(self, path: str) -> Entry: ...
    def entries(self, path: str, wanted: Callable[[str], bool] = lambda _: True) -> Iterator[Entry]:
        """What the directory holds under the names that are wanted; nothing where there is no directory."""

    def open(self, path: str) -> BinaryIO: ...
    def being_written(self, path: str) -> bool:
        """Whether the store says that a writer has not closed the file yet."""


_served: dict[str, tuple[str, Any]] = {}  # scheme to host (with port) and filesystem


def serve(address: str, filesystem: Any) -> None:
    """From now on this filesystem opens the URIs of this address's scheme and host, such as hdfs://namenode:8020, or without a host.

    fsspec's own `hdfs` needs a JVM and knows nothing of a deployment's connections. Another host is refused: it is another cluster.
    """
    scheme, host, _ = split(address)
    _served[scheme] = (host, filesystem)


def is_uri(location: str) -> bool:
    """Whether this is a URI; else it is a path of this machine."""
    return SCHEME.match(location) is not None


def split(uri: str) -> tuple[str, str, str]:
    """Scheme in small letters, authority, and the path as it is written; scheme and authority are empty for a local path."""
    match = SCHEME.match(uri)
    if match is None:
        return "", "", uri
    authority, slash, path = uri[match.end() :].partition("/")
    return match[1].lower(), authority, slash + path


def locate(uri: str) -> tuple[Store, str]:
    """The store that has this location, and the path to ask it for. Raises SourceRefused where nothing here can open it."""
    scheme, authority, path = split(uri)
    if scheme in ("", "file"):
        return LocalStore(), path
    if scheme in HTTP:
        if "#" in uri:
            raise SourceRefused(f"{uri}: a # ends the address of what a web server is asked for. Nothing was published. Write %23.")
        return FsspecStore(HttpFiles(), ""), uri
    if scheme in _served:
        return _served_store(uri, authority, path, *_served[scheme])
    if scheme in WEBHDFS_PORTS:
        return _webhdfs(uri, scheme, authority), path
    return _other(uri, scheme, path)


def _served_store(uri: str, authority: str, path: str, host: str, filesystem: Any) -> tuple[Store, str]:
    scheme = split(uri)[0]
    if authority not in ("", host):
        raise SourceRefused(
            f"{uri}: is on {authority}, the connection leads to {scheme}://{host}. Nothing was published. "
            f"Name that host or none ({scheme}://{path}), or use webhdfs:// for another cluster."
        )
    return FsspecStore(filesystem, f"{scheme}://"), path


def _webhdfs(uri: str, scheme: str, authority: str) -> Store:
    """Another cluster, asked as the user that the URI names, or as the one of the HDFS connection."""
    user, _, address = authority.rpartition("@")
    host, _, port = address.partition(":")
    if not host or not (port.isdigit() or not port):
        raise SourceRefused(f"{uri}: expected {scheme}://[user@]host[:port]/path. Nothing was published. Name the NameNode.")
    ours = next((str(served.user) for _, served in _served.values() if hasattr(served, "user")), "landfall")
    options = {"use_https": True} if scheme == "swebhdfs" else {}
    cluster = filesystem(host, int(port or WEBHDFS_PORTS[scheme]), user or ours, **options)
    return FsspecStore(cluster, f"{scheme}://{authority}")


def _other(uri: str, scheme: str, path: str) -> tuple[Store, str]:
    try:
        kind = fsspec.get_filesystem_class(scheme)
        found = kind(**kind._get_kwargs_from_urls(uri), use_listings_cache=False)
        own = kind._strip_protocol(uri)
    except (ValueError, TypeError, ImportError, OSError) as error:  # a scheme that nobody knows, or whose package or library is not there
        said = next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")  # a missing library tells every place it looked at
        raise SourceRefused(
            f"{uri}: {scheme}:// cannot be opened here: {said}. Nothing was published. Add the package that fsspec needs for it to "
            "requirements.in, or deliver by file, http, https or hdfs."
        ) from error
    if not uri.endswith(own.lstrip("/")):
        raise SourceRefused(f"{uri}: {scheme}:// takes a part of {path} for something else. Nothing was published. Rename it.")
    return FsspecStore(found, None), own


def _any(_: str) -> bool:
    return True


class LocalStore:
    """This machine's disks. Links are followed; nothing but a regular file is ever opened, for a pipe would wait for its writer."""

    def entry(self, path: str) -> Entry:
        return self._entry(path, os.path.basename(path.rstrip("/")))

    def entries(self, path: str, wanted: Callable[[str], bool] = _any) -> Iterator[Entry]:
        try:
            names = sorted(filter(wanted, os.listdir(path)))
        except FileNotFoundError as error:
            _refuse_broken_link(path, error)
            return
        except NotADirectoryError:
            return
        for name in names:
            try:
                yield self._entry(f"{path.rstrip('/')}/{name}", name)
            except FileNotFoundError:
                continue  # renamed since it was listed

    def open(self, path: str) -> BinaryIO:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        kind = _kind(os.fstat(handle).st_mode)
        if kind != "file":
            os.close(handle)
            raise IsADirectoryError(21, "Is a directory" if kind == "directory" else f"Is no regular file but {kind}", path)
        return cast(BinaryIO, FileIO(handle))

    def being_written(self, path: str) -> bool:
        return False  # no operating system says so for sure

    def _entry(self, path: str, name: str) -> Entry:
        _refuse_unwritable_name(path)
        try:
            own = os.lstat(path)
        except FileNotFoundError as error:
            _refuse_broken_link(path, error)
            raise
        try:
            status = os.stat(path) if stat.S_ISLNK(own.st_mode) else own
        except PermissionError:
            raise
        except OSError:  # also of links in a circle
            return Entry(path, name, f"a link that leads nowhere ({os.readlink(path)})", None)
        size, kind = status.st_size, _kind(status.st_mode)
        stamp = f"{size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"
        changed = status.st_mtime
        return Entry(path, name, kind, size, changed, time.time() - changed, f"{status.st_dev} {status.st_ino}", stamp)


def _refuse_broken_link(path: str, error: FileNotFoundError) -> None:
    """Raises SourceRefused where a directory on the way is a link that leads nowhere, as to a disk that is not mounted."""
    for above in map(str, [*Path(path).parents[::-1], Path(path)]):
        if os.path.islink(above) and not os.path.exists(above):
            raise SourceRefused(
                f"{above} is a link that leads nowhere ({os.readlink(above)}), expected a directory. Nothing was published. Mount or make "
                "what it leads to."
            ) from error


def _refuse_unwritable_name(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise SourceRefused(
            f"{os.fsencode(path)!r}: the name is no UTF-8, so no receipt can say it. Nothing was published. Rename the file."
        ) from error


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}.get(stat.S_IFMT(mode), "a device")


class FsspecStore:
    """A filesystem of fsspec's. `prefix` before a path makes the URI that `locate` takes; None for the filesystem's own way to do so."""

    def __init__(self, filesystem: Any, prefix: str | None) -> None:
        self._filesystem, self._prefix = filesystem, prefix

    def entry(self, path: str) -> Entry:
        return self._entry(path.rstrip("/").rpartition("/")[2], self._filesystem.info(path))

    def entries(self, path: str, wanted: Callable[[str], bool] = _any) -> Iterator[Entry]:
        try:
            infos = self._filesystem.ls(path, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return
        below = path.rstrip("/") + "/"
        for info in sorted(infos, key=lambda info: str(info["name"])):
            name = info["name"][len(below) :].rstrip("/")
            if info["name"].startswith(below) and wanted(name):  # a file is listed as what it holds itself
                yield self._entry(name, info)

    def open(self, path: str) -> BinaryIO:
        return cast(BinaryIO, self._filesystem.open(path, "rb"))

    def being_written(self, path: str) -> bool:
        ask = getattr(self._filesystem, "being_written", None)
        return bool(ask and ask(path))

    def _entry(self, name: str, info: dict[str, Any]) -> Entry:
        path, size = info["name"], info["size"]
        uri = self._filesystem.unstrip_protocol(path) if self._prefix is None else f"{self._prefix}{path}"
        changed = next((_moment(info[each]) for each in CHANGED if info.get(each)), None)
        age = None if changed is None else info.get("asked_at", time.time()) - changed
        age = 0.0 if age is not None and -1 < age < 0 else age  # HTTP tells the time in whole seconds
        kind = info["type"] if info["type"] in ("file", "directory") else f"no regular file but {info['type']}"
        identity = str(info["fileId"]) if info.get("fileId") else None
        stamp = " ".join([str(size), *(str(info[each]) for each in STAMPS if each in info)])
        return Entry(uri, name, kind, None if size is None else int(size), changed, age, identity, stamp)


def _moment(value: Any) -> float | None:
    """Seconds since 1970 of what a filesystem says: seconds, milliseconds (HDFS), a datetime, or a date of HTTP."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, (int, float)):
        return value / 1000 if value > 1e11 else float(value)
    try:
        return parsedate_to_datetime(str(value)).timestamp()
    except (TypeError, ValueError):
        return None


def entry(uri: str) -> Entry:
    """What the store says of this location. Raises SourceRefused when there is nothing, LandfallError when the store does not answer."""
    store, path = locate(uri)
    try:
        return store.entry(path)
    except (OSError, ValueError) as error:
        raise unreadable(uri, error) from error


def open_file(uri: str) -> BinaryIO:
    """The file, to be read from its beginning. Raises as `entry` does, and SourceRefused for what is no regular file."""
    store, path = locate(uri)
    try:
        return store.open(path)
    except (OSError, ValueError) as error:
        raise unreadable(uri, error) from error


def unreadable(uri: str, error: Exception) -> LandfallError:
    """What to raise for a file that could not be had: a refusal where another try cannot help."""
    if isinstance(error, (FileNotFoundError, NotADirectoryError, PermissionError, IsADirectoryError, ValueError)):
        said = getattr(error, "strerror", None) or (str(error) if isinstance(error, ValueError) else type(error).__name__)
        return SourceRefused(f"{uri} cannot be read: {said}. Deliver it, or name another source.")
    return LandfallError(f"{uri} cannot be read: {error}")
