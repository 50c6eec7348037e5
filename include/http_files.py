"""Files behind HTTP: a plain URL, or those that a directory listing links to. Over `requests`, which Landfall has anyway.

Read from the beginning to the end as a stream, for many servers know no ranges. Errors are OSErrors, as `requests` has them, but
FileNotFoundError and PermissionError where the server says so.
"""

import io
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

import requests
from fsspec import AbstractFileSystem

TIMEOUTS = (5.0, 60.0)  # seconds: to connect, and between two blocks
BLOCK = 1 << 18
# As stored: a server must not pack what we hash, and what is packed already must not be unpacked on the way.
HEADERS = {"Accept-Encoding": "identity"}


def raise_outage(error: OSError) -> None:
    """For fsspec's `walk`, which takes whatever cannot be listed for empty: only what is not there is."""
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        raise error


class HttpFiles(AbstractFileSystem):  # type: ignore[misc]
    """Paths are whole URLs, written as a URL is. `ls` reads the page at the URL for links to what lies right below it."""

    protocol = ("http", "https")
    cachable = False

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path

    def unstrip_protocol(self, name: str) -> str:
        return name

    def glob(self, path: str, maxdepth: int | None = None, **_: Any) -> list[str]:
        """The URL itself if it is there; with wildcards, which may stand in its path only, the files that match."""
        parts = urlsplit(path)
        if "*" not in parts.path and "[" not in parts.path:
            return [path] if self.exists(path) else []
        return sorted(super().glob(path, maxdepth=maxdepth))

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        with _request(path) as answer:  # not HEAD: a signed URL is often good for GET alone
            headers = answer.headers
        size = headers.get("Content-Length")
        stamps = {"ETag": headers.get("ETag"), "LastModified": headers.get("Last-Modified")}
        kind = "directory" if urlsplit(path).path.endswith("/") else "file"
        return {"name": path, "size": int(size) if size else None, "type": kind, **stamps}

    def exists(self, path: str, **_: Any) -> bool:
        try:
            self.info(path)
        except FileNotFoundError:
            return False
        return True

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        base = path.rstrip("/") + "/"
        with _request(base) as answer:
            links = _Links()
            links.feed(answer.text)
        below = {_plain(urljoin(answer.url, link)) for link in links.found}
        found = sorted(url for url in below if url.startswith(base) and url != base and "/" not in url[len(base) :].rstrip("/"))
        kinds = {url: "directory" if url.endswith("/") else "file" for url in found}
        return [{"name": url.rstrip("/"), "size": None, "type": kind} for url, kind in kinds.items()] if detail else list(kinds)

    def walk(self, path: str, maxdepth: int | None = None, topdown: bool = True, on_error: Any = raise_outage, **options: Any) -> Any:
        return super().walk(path, maxdepth, topdown, on_error, **options)

    def _open(self, path: str, mode: str = "rb", **_: Any) -> io.RawIOBase:
        if mode != "rb":
            raise ValueError(f"{path}: files behind HTTP can be read only")
        return _Stream(_request(path))


class _Stream(io.RawIOBase):
    """An answer's bytes, in order, as they come."""

    def __init__(self, answer: requests.Response) -> None:
        self._answer, self._blocks, self._rest = answer, answer.iter_content(BLOCK), b""

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


class _Links(HTMLParser):
    """The targets of a page's links."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def _plain(url: str) -> str:
    """Without the part behind # or ?, by which listings offer other orders."""
    return urldefrag(url).url.partition("?")[0]


def _request(url: str) -> requests.Response:
    """The answer to a GET; its headers are there, its bytes come when they are asked for."""
    answer = requests.get(url, headers=HEADERS, timeout=TIMEOUTS, stream=True)
    if answer.status_code >= 400:
        answer.close()
    if answer.status_code in (404, 410):
        raise FileNotFoundError(2, f"HTTP {answer.status_code} {answer.reason}", url)
    if answer.status_code in (401, 403):
        raise PermissionError(13, f"HTTP {answer.status_code} {answer.reason}", url)
    answer.raise_for_status()
    return answer
