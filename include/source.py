"""The files of a customer and day: found, hashed, and brought to the local disk unchanged.

Every location is either a local path or a URI: http, https, hdfs (through the filesystem given to `serve`), or any other that fsspec
understands and whose package is installed (webhdfs, s3 ...).
"""

import hashlib
import mmap
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any, BinaryIO, Protocol
from urllib.parse import urlsplit

import fsspec
import zstandard
from fsspec.implementations.local import LocalFileSystem

from include.effects import Effect, effect
from include.errors import LandfallError, Refused
from include.http_files import HttpFiles
from include.receipts import Source, SourceFile

BLOCK = 1 << 18  # small, because a compressed block may grow a thousandfold
STAMPS = ("mtime", "modificationTime", "LastModified", "last_modified", "ETag")  # what filesystems call the moment of the last change


class SourceRefused(Refused):
    """The files of a day are missing, damaged or not what was described. The message names file and place."""


_served: dict[str, tuple[str, Any]] = {}  # scheme to host (with port) and filesystem


def serve(address: str, filesystem: Any) -> None:
    """From now on this filesystem opens the URIs of this address's scheme and host, such as hdfs://namenode:8020, or without a host.

    fsspec's own `hdfs` needs a JVM and knows nothing of a deployment's connections. Another host is refused: it is another cluster.
    """
    parts = urlsplit(address)
    _served[parts.scheme] = (parts.netloc, filesystem)


def find(patterns: str | Sequence[str], day: str, root: Path) -> list[str]:
    """The files of a day, sorted by name; none if there are none yet.

    Each pattern may hold `{day}` (YYYY-MM-DD) and wildcards. A local one may be relative to `root`, the project;
    what comes back is an absolute path, or a URI.
    """
    patterns = [patterns] if isinstance(patterns, str) else patterns
    return sorted({uri for pattern in patterns for uri in _glob(pattern.replace("{day}", day), root)})


def _glob(pattern: str, root: Path) -> list[str]:
    pattern = pattern.removeprefix("file://")
    filesystem, path = _open_filesystem(pattern if _is_uri(pattern) else str(root / Path(pattern).expanduser()))
    try:
        found = [path for path in filesystem.glob(path) if filesystem.isfile(path)]
    except OSError as error:
        raise LandfallError(f"{pattern} could not be listed: {error}") from error
    return [path if isinstance(filesystem, LocalFileSystem) else filesystem.unstrip_protocol(path) for path in found]


def gone(uris: Sequence[str]) -> bool:
    """Whether none of the files is there any more. Raises LandfallError when their store does not answer."""
    return not any(_exists(uri) for uri in uris)


def _exists(uri: str) -> bool:
    try:
        _info(uri)
    except SourceRefused as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return False
        raise
    return True


def fingerprint(uris: Sequence[str]) -> str:
    """Sizes and times of change, as one string: while it differs from one look to the next, a file is still growing.

    Raises SourceRefused when a file is gone.
    """
    found = {uri: _info(uri) for uri in uris}
    return "\n".join(f"{uri} {info['size']} {_changed(info)}" for uri, info in found.items())


def describe(customer: str, day: str, uris: Sequence[str], found_at: str) -> Source:
    """Reads each file once for its length and sha256. `found_at` is ISO 8601, UTC.

    Raises SourceRefused when there is no file or one is missing or unreadable, LandfallError when its store does not answer.
    """
    if not uris:
        raise SourceRefused(f"{customer} {day}: there is no source file to describe.")
    files = tuple(_describe_file(uri) for uri in uris)
    lines = "".join(f"{file.sha256}\n" for file in files)
    sha256 = files[0].sha256 if len(files) == 1 else hashlib.sha256(lines.encode()).hexdigest()
    return Source(customer, day, files, sum(file.bytes for file in files), sha256, found_at)


class Spooled:
    """Local, uncompressed files with the content of a source, in its order. Nothing may be made of them before `confirm` returned."""

    def __init__(self, paths: list[Path], in_place: list[SourceFile]) -> None:
        self.paths = paths
        self._pool = ThreadPoolExecutor(1, "sha256")
        begun = Event()
        self._confirmations = [self._pool.submit(_refuse_change, file, begun) for file in in_place]
        if in_place:
            begun.wait()  # else the caller's first long call would keep Python's lock, and hashing would wait for its end

    def confirm(self) -> None:
        """Waits for the hashes of the files that are used where they lie. Raises SourceRefused when one is not as described."""
        self._pool.shutdown()
        for confirmation in self._confirmations:
            confirmation.result()


def spool(source: Source, folder: Path) -> Spooled:
    """Writes remote and compressed files into `folder`, which must exist; a local uncompressed file is used where it lies.

    The latter are hashed again by another thread, while the caller may begin to look at them. Raises SourceRefused when the delivered bytes
    are no longer those described or a compressed file is cut or damaged.
    """
    paths = [_spool_file(file, folder / f"{number:04d}") for number, file in enumerate(source.files)]
    return Spooled(paths, [file for file, path in zip(source.files, paths, strict=True) if str(path) == file.uri])


def _refuse_change(file: SourceFile, begun: Event) -> None:
    _refuse_other_bytes(file, _describe_local(file.uri, begun))


def _describe_local(path: str, begun: Event) -> SourceFile:
    """As `_describe_file`, by one call that leaves Python's lock to others. Sets `begun` right before it, or if it will not come to it."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""  # an empty file cannot be mapped
        begun.set()
        return SourceFile(path, size, hashlib.sha256(data).hexdigest())
    except OSError as error:
        raise _unreadable(path, error) from error
    finally:
        begun.set()


def _spool_file(file: SourceFile, folder: Path) -> Path:
    name = _name(file.uri)
    decompressor = DECOMPRESSORS.get(Path(name).suffix.lower())
    if decompressor is None and not _is_uri(file.uri):
        return Path(file.uri)
    folder.mkdir()
    spooled = folder / (name if decompressor is None else name.removesuffix(Path(name).suffix))
    with effect(Effect.WRITE_FILE, path=spooled, source=file.uri), _open(file.uri) as delivered, spooled.open("wb") as out:
        tally = _Tally(file.uri)
        blocks = tally.count(_blocks(delivered, file.uri))
        out.writelines(blocks if decompressor is None else _inflate(blocks, decompressor, file.uri))
    _refuse_other_bytes(file, tally.file)
    return spooled


class _Tally:
    """Counts and hashes the blocks that pass through it."""

    def __init__(self, uri: str) -> None:
        self._uri, self._bytes, self._sha256 = uri, 0, hashlib.sha256()

    def count(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        for block in blocks:
            self._bytes += len(block)
            self._sha256.update(block)
            yield block

    @property
    def file(self) -> SourceFile:
        return SourceFile(self._uri, self._bytes, self._sha256.hexdigest())


def _describe_file(uri: str) -> SourceFile:
    tally = _Tally(uri)
    with _open(uri) as file:
        for _ in tally.count(_blocks(file, uri)):
            pass
    return tally.file


def _refuse_other_bytes(described: SourceFile, delivered: SourceFile) -> None:
    if delivered == described:
        return
    found = f"{delivered.bytes:,} bytes with sha256 {delivered.sha256[:16]}…"
    expected = f"{described.bytes:,} bytes with sha256 {described.sha256[:16]}…"
    sentence = f"{described.uri} is not what was found for this day: now {found}, then {expected}. Nothing of it was published."
    if _is_uri(described.uri):  # a cut connection looks the same as a changed file: another try may tell
        raise LandfallError(f"{sentence} Try again; if it stays so, clear find_source.")
    raise SourceRefused(f"{sentence} Clear find_source to take the file as it is now.")


class _Decompressor(Protocol):
    """One compressed frame; `zlib` and `zstandard` agree on these three."""

    def decompress(self, data: bytes, /) -> bytes: ...
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...


def _gzip() -> _Decompressor:
    return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)


def _zstd() -> _Decompressor:
    return zstandard.ZstdDecompressor().decompressobj()


DECOMPRESSORS: dict[str, Callable[[], _Decompressor]] = {".gz": _gzip, ".zst": _zstd}


def _inflate(blocks: Iterator[bytes], new: Callable[[], _Decompressor], uri: str) -> Iterator[bytes]:
    """The content of a compressed file, frame after frame. Unlike a library's file reader it notices a last frame that was cut."""
    frame, begun, read, written = new(), False, 0, 0
    for block in blocks:
        rest = block
        while rest:
            if frame.eof:
                frame = new()
            try:
                content = frame.decompress(rest)
            except (zlib.error, zstandard.ZstdError) as error:
                raise SourceRefused(
                    f"{uri} is damaged between bytes {read:,} and {read + len(block):,}, after {written:,} bytes of content: {error}. "
                    "Nothing of it was published. Have it delivered again."
                ) from error
            begun, rest = True, frame.unused_data if frame.eof else b""
            written += len(content)
            yield content
        read += len(block)
    if begun and not frame.eof:
        raise SourceRefused(
            f"{uri} is truncated: it ends at byte {read:,} in the middle of a compressed frame, after {written:,} bytes of content. "
            "Nothing of it was published. Have it delivered again."
        )


def _blocks(file: BinaryIO, uri: str) -> Iterator[bytes]:
    try:
        while block := file.read(BLOCK):
            yield block
    except OSError as error:
        raise LandfallError(f"{uri} could not be read to its end: {error}") from error


def _open(uri: str) -> BinaryIO:
    filesystem, path = _open_filesystem(uri)
    try:
        return filesystem.open(path, "rb")  # type: ignore[no-any-return]
    except OSError as error:
        raise _unreadable(uri, error) from error


def _info(uri: str) -> dict[str, Any]:
    filesystem, path = _open_filesystem(uri)
    try:
        return filesystem.info(path)  # type: ignore[no-any-return]
    except OSError as error:
        raise _unreadable(uri, error) from error


def _unreadable(uri: str, error: OSError) -> LandfallError:
    if isinstance(error, (FileNotFoundError, PermissionError, IsADirectoryError)):
        return SourceRefused(f"{uri} cannot be read: {error.strerror or type(error).__name__}. Deliver it, or name another source.")
    return LandfallError(f"{uri} cannot be read: {error}")


def _changed(info: dict[str, Any]) -> str:
    return " ".join(str(info[stamp]) for stamp in STAMPS if stamp in info)


def _open_filesystem(uri: str) -> tuple[Any, str]:
    scheme = uri.partition("://")[0].lower() if _is_uri(uri) else ""
    if scheme in ("http", "https"):
        return HttpFiles(), uri
    if scheme in _served:
        return _served_filesystem(uri, *_served[scheme])
    try:
        filesystem, path = fsspec.core.url_to_fs(uri, **({"use_listings_cache": False} if _is_uri(uri) else {}))
        return filesystem, path
    except (ValueError, ImportError, OSError) as error:  # a scheme that nobody knows, or whose package or library is not installed
        said = next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")  # a missing library tells every place it looked at
        raise SourceRefused(
            f"{uri}: {scheme}:// cannot be opened here: {said}. Nothing was published. Add the package that fsspec needs for it to "
            "requirements.in, or deliver by file, http, https or hdfs."
        ) from error


def _served_filesystem(uri: str, host: str, filesystem: Any) -> tuple[Any, str]:
    parts = urlsplit(uri)
    if parts.netloc not in ("", host):
        raise SourceRefused(
            f"{uri}: is on {parts.netloc}, the connection leads to {parts.scheme}://{host}. Nothing was published. "
            f"Name that host or none ({parts.scheme}://{parts.path}), or use webhdfs:// for another cluster."
        )
    return filesystem, parts.path


def _is_uri(location: str) -> bool:
    return "://" in location


def _name(uri: str) -> str:
    """The last part of the path, without the query that a signed URI carries."""
    return uri.partition("?")[0].rpartition("/")[2] if _is_uri(uri) else Path(uri).name
