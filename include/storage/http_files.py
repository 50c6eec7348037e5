"""Files behind HTTP: a plain URL, or those that a directory listing links to. Over `requests`, which Landfall has anyway.

Read from the beginning to the end as a stream, for many servers know no ranges. Errors are OSErrors, as `requests` has them, but
FileNotFoundError and PermissionError where the server says so.
"""

import io
import ipaddress
import socket
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

import requests
import urllib3
from fsspec import AbstractFileSystem

TIMEOUTS = (5.0, 60.0)  # seconds: to connect, and between two blocks
BLOCK = 1 << 18
# As stored: a server must not pack what we hash, and what is packed already must not be unpacked on the way.
HEADERS = {"Accept-Encoding": "identity"}
PACKED = {"gzip": ".gz", "x-gzip": ".gz", "zstd": ".zst"}  # what servers say of a file that is stored packed


def raise_outage(error: OSError) -> None:
    """For fsspec's `walk`, which takes whatever cannot be listed for empty: only what is not there is."""
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        raise error


def asked_at(answer: requests.Response) -> dict[str, float]:
    """`asked_at`: the moment of the answer by the server's own clock, in seconds since 1970; nothing where it gives none."""
    try:
        date = answer.headers["Date"].partition(" GMT")[0]  # HDFS says it twice
        return {"asked_at": parsedate_to_datetime(f"{date} GMT").timestamp()}
    except (KeyError, ValueError, TypeError):
        return {}


def is_inside(host: str) -> bool:
    """Whether an address of this host is loopback, private or otherwise none of the public network. False if nothing resolves it."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    addresses = [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]
    return any(not (getattr(each, "ipv4_mapped", None) or each).is_global for each in addresses)


class HttpFiles(AbstractFileSystem):  # type: ignore[misc]
    """Paths are whole URLs, written as a URL is. `ls` reads the page at the URL for links to what lies right below it."""

    protocol = ("http", "https")
    cachable = False

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path

    def unstrip_protocol(self, name: str) -> str:
        return name

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        with _request(path) as answer:  # not HEAD: a signed URL is often good for GET alone
            headers = answer.headers
        size = None if _is_unpacked_on_the_way(answer, path) else headers.get("Content-Length")
        stamps = {"ETag": headers.get("ETag"), "LastModified": headers.get("Last-Modified"), **asked_at(answer)}
        kind = "directory" if urlsplit(path).path.endswith("/") else "file"
        return {"name": path, "size": int(size) if size else None, "type": kind, **stamps}

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        base = path.rstrip("/") + "/"
        with _request(base) as answer:
            links = _Links()
            links.feed(answer.text)
        below = {urldefrag(urljoin(answer.url, link)).url for link in links.found}
        names = sorted(url[len(base) :] for url in below if url.startswith(base))
        kinds = {name: _kind(name) for name in names if _kind(name)}
        return [{"name": (base + name).rstrip("/"), "size": None, "type": kind} for name, kind in kinds.items()] if detail else list(kinds)

    def _open(self, path: str, mode: str = "rb", **_: Any) -> io.RawIOBase:
        if mode != "rb":
            raise ValueError(f"{path}: files behind HTTP can be read only")
        return _Stream(path)


def _kind(name: str) -> str:
    """What a link leads to by its name below the listed page; empty where that is not right below it, as another order of the page."""
    plain = name.partition("?")[0]
    if not plain or "/" in plain.rstrip("/"):
        return ""
    return "directory" if plain.endswith("/") else "file"


class _Stream(io.RawIOBase):
    """A file's bytes as the server stores them, in order, as they come."""

    def __init__(self, url: str) -> None:
        self._answer = _request(url)
        unpack = _is_unpacked_on_the_way(self._answer, url)
        self._blocks, self._rest = self._answer.iter_content(BLOCK) if unpack else _as_stored(self._answer), b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._rest = self._rest or next(self._blocks, b"")
        taken, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)

    def close(self) -> None:
        self._answer.close()
        super().close()


def _is_unpacked_on_the_way(answer: requests.Response, url: str) -> bool:
    """Whether a server packed the file for the way, though it was asked not to. Of a.json.gz, `gzip` only says how it is stored."""
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    suffix = PACKED.get(encoding)
    return encoding != "identity" and not (suffix and urlsplit(url).path.lower().endswith(suffix))


def _as_stored(answer: requests.Response) -> Iterator[bytes]:
    try:
        yield from answer.raw.stream(BLOCK, decode_content=False)
    except urllib3.exceptions.HTTPError as error:  # as `requests` does for content that it decodes
        raise requests.exceptions.ChunkedEncodingError(error) from error


class _Links(HTMLParser):
    """The targets of a page's links."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


class _Session(requests.Session):
    """Follows no redirect from the public network to an address of the inside one, which only its own machines are to reach."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target is not None:
            there = urljoin(resp.url, target)
            if is_inside(urlsplit(there).hostname or "") and not is_inside(urlsplit(resp.url).hostname or ""):
                raise PermissionError(13, f"it redirects to {there}, an address of the inside network", resp.url)
        return target


def _request(url: str) -> requests.Response:
    """The answer to a GET; its headers are there, its bytes come when they are asked for."""
    with _Session() as session:
        answer = session.get(url, headers=HEADERS, timeout=TIMEOUTS, stream=True)
    if answer.status_code >= 400:
        answer.close()
    if answer.status_code in (404, 410):
        raise FileNotFoundError(2, f"HTTP {answer.status_code} {answer.reason}", url)
    if answer.status_code in (401, 403):
        raise PermissionError(13, f"HTTP {answer.status_code} {answer.reason}", url)
    answer.raise_for_status()
    return answer
