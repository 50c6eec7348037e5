"""The files of a customer and day: found, hashed, and brought to the local disk unchanged.

Every location is either a local path or a URI: http, https, hdfs (through the filesystem given to `serve`), webhdfs, or any other that
fsspec understands and whose package is installed (s3, sftp ...). See `include/storage/stores.py` for how they are asked.
"""

import hashlib
import mmap
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import BinaryIO, Protocol

import zstandard

from include.effects import Effect, effect
from include.errors import LandfallError
from include.receipts import Source, SourceFile
from include.source import listing
from include.storage.stores import HTTP, SourceRefused, entry, is_uri, open_file, serve, split, unreadable

__all__ = ["SourceRefused", "Spooled", "describe", "find", "gone", "serve", "spool"]

UTF16 = (b"\xff\xfe", b"\xfe\xff")
BLOCK = 1 << 18  # small, because a compressed block may grow a thousandfold


def find(patterns: str | Sequence[str], day: str, root: Path) -> list[str]:
    """The files of a day, sorted by name; none if there are none yet. As `listing.find`, which says more of each."""
    return [entry.uri for entry in listing.find(patterns, day, root).files]


def gone(uris: Sequence[str]) -> bool:
    """Whether none of the files is there any more. Raises LandfallError when their store does not answer."""
    return not any(_exists(uri) for uri in uris)


def _exists(uri: str) -> bool:
    try:
        return entry(uri).kind == "file"
    except SourceRefused as error:
        if isinstance(error.__cause__, (FileNotFoundError, NotADirectoryError)):
            return False
        raise


def describe(customer: str, day: str, uris: Sequence[str], found_at: str, listed: Mapping[str, int | None] | None = None) -> Source:
    """Reads each file once for its length and sha256. `found_at` is ISO 8601, UTC; `listed` maps a URI to its length as the store lists it.

    Raises SourceRefused when there is no file, one is missing or unreadable, or two are the same; LandfallError when its store does not
    answer or the listing has other lengths.
    """
    if not uris:
        raise SourceRefused(f"{customer} {day}: there is no source file to describe.")
    files = tuple(_describe_file(uri) for uri in uris)
    _refuse_other_lengths(files, listed or {})
    _refuse_the_same(files)
    lines = "".join(f"{file.sha256}\n" for file in files)
    sha256 = files[0].sha256 if len(files) == 1 else hashlib.sha256(lines.encode()).hexdigest()
    return Source(customer, day, files, sum(file.bytes for file in files), sha256, found_at)


def _refuse_other_lengths(files: Sequence[SourceFile], listed: Mapping[str, int | None]) -> None:
    for file in files:
        expected = listed.get(file.uri)
        if expected not in (None, file.bytes):
            raise LandfallError(
                f"{file.uri}: {file.bytes:,} bytes were read, its listing says {expected:,}: it changed meanwhile, or another file was "
                "opened. Nothing was published. Try again."
            )


def _refuse_the_same(files: Sequence[SourceFile]) -> None:
    """Raises SourceRefused for two names behind one file, where the store has no other way to tell: then it is one file read twice."""
    read: dict[tuple[int, str], SourceFile] = {}
    for file in files:
        other = read.setdefault((file.bytes, file.sha256), file)
        if other is not file and file.bytes > 0 and _identity(other.uri) == _identity(file.uri):
            raise SourceRefused(
                f"{other.uri} and {file.uri} come out as the same {file.bytes:,} bytes, and nothing says that they are two files. "
                "Nothing was published. Take one of them away."
            )


def _identity(uri: str) -> str | None:
    return entry(uri).identity


class Spooled:
    """Local, uncompressed files with the content of a source, in its order. Nothing may be made of them before `confirm` returned.

    `names` says of each what was delivered, for messages.
    """

    def __init__(self, paths: list[Path], source: Source) -> None:
        self.paths = paths
        files = list(zip(source.files, paths, strict=True))
        self.names = [file.uri + (" (unpacked)" if _is_packed(file.uri) else "") for file, _ in files]
        self._in_place = [file for file, path in files if str(path) == file.uri]
        self._pool = ThreadPoolExecutor(1, "sha256")
        begun = Event()
        self._confirmations = [self._pool.submit(_refuse_change, file, begun) for file in self._in_place]
        if self._in_place:
            begun.wait()  # else the caller's first long call would keep Python's lock, and hashing would wait for its end

    def confirm(self) -> None:
        """Waits for the hashes of the files that are used where they lie. Raises SourceRefused when one is not as described."""
        self._pool.shutdown()
        for confirmation in self._confirmations:
            confirmation.result()

    def confirm_again(self, digest: Callable[[Path], tuple[int, str]]) -> None:
        """To be called when all has been read: whether the files that are used where they lie are still as described.

        `digest` returns length and sha256 of a path's content. Times of change do not do: a copy that keeps them, or a writer through a
        memory map, leaves them as they were. Raises SourceRefused.
        """
        for file in self._in_place:
            _refuse_other_bytes(file, SourceFile(file.uri, *digest(Path(file.uri))), "Its last chunk was not published")


def spool(source: Source, folder: Path) -> Spooled:
    """Writes remote and compressed files into `folder`, which must exist; a local uncompressed file is used where it lies.

    The latter are hashed again by another thread, while the caller may begin to look at them. Raises SourceRefused when the delivered bytes
    are no longer those described or a compressed file is cut or damaged.
    """
    return Spooled([_spool_file(file, folder / f"{number:04d}") for number, file in enumerate(source.files)], source)


def _refuse_change(file: SourceFile, begun: Event) -> None:
    _refuse_other_bytes(file, _describe_local(file.uri, begun))


def _describe_local(path: str, begun: Event) -> SourceFile:
    """As `_describe_file`, by one call that leaves Python's lock to others. Sets `begun` right before it, or if it will not come to it."""
    try:
        with open_file(path) as file:
            size = os.fstat(file.fileno()).st_size
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""  # an empty file cannot be mapped
        begun.set()
        return SourceFile(path, size, hashlib.sha256(data).hexdigest())
    except OSError as error:
        raise unreadable(path, error) from error
    finally:
        begun.set()


def _spool_file(file: SourceFile, folder: Path) -> Path:
    name = _name(file.uri)
    decompressor = DECOMPRESSORS.get(Path(name).suffix.lower())
    if decompressor is None and not is_uri(file.uri):
        return Path(file.uri)
    folder.mkdir()
    spooled = folder / _short(name if decompressor is None else name.removesuffix(Path(name).suffix))
    with effect(Effect.WRITE_FILE, path=spooled, source=file.uri), open_file(file.uri) as delivered, spooled.open("wb") as out:
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
    with open_file(uri) as file:
        for _ in tally.count(_blocks(file, uri)):
            pass
    return tally.file


def _refuse_other_bytes(described: SourceFile, delivered: SourceFile, undone: str = "Nothing of it was published") -> None:
    if delivered == described:
        return
    found = f"{delivered.bytes:,} bytes with sha256 {delivered.sha256[:16]}…"
    expected = f"{described.bytes:,} bytes with sha256 {described.sha256[:16]}…"
    sentence = f"{described.uri} is not what was found for this day: now {found}, then {expected}. {undone}."
    if is_uri(described.uri):  # a cut connection looks the same as a changed file: another try may tell
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
    return zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()  # all that zstd --long=31 needs


PACKED_TIMES = 10
DECOMPRESSORS: dict[str, Callable[[], _Decompressor]] = {".gz": _gzip, ".zst": _zstd}
KINDS = {_gzip: ("gzip", re.compile(rb"\x1f\x8b")), _zstd: ("Zstandard", re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"))}


def _inflate(blocks: Iterator[bytes], new: Callable[[], _Decompressor], uri: str) -> Iterator[bytes]:
    """The content of a compressed file, frame after frame. Unlike a library's file reader it notices a last frame that was cut.

    Zeros after a frame of gzip are padding, which tapes and block devices leave.
    """
    frame, begun, read, written = new(), False, 0, 0
    for block in _of_kind(blocks, new, uri):
        rest = block
        while rest:
            if frame.eof:
                rest = rest.lstrip(b"\0") if new is _gzip else rest
                if not rest:
                    break
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


def _of_kind(blocks: Iterator[bytes], new: Callable[[], _Decompressor], uri: str) -> Iterator[bytes]:
    """The same blocks. Raises SourceRefused where the first does not begin as a file of this compression does: it is named wrongly."""
    kind, magic = KINDS[new]
    first = b""
    while len(first) < 4 and (block := next(blocks, b"")):
        first += block
    if len(first) >= 4 and not magic.match(first):
        raise SourceRefused(
            f"{uri} is named as {kind} and is none: it begins with {kind_of(first)}. Nothing of it was published. "
            f"Deliver it compressed, or under a name without {Path(_name(uri)).suffix}."
        )
    if first:
        yield first
    yield from blocks


def kind_of(text: bytes) -> str:
    """What this text begins with, as an error may say it where everybody reads it: punctuation as it is, of all else the kind alone."""
    if text.startswith(UTF16):
        return "the mark of UTF-16"
    first = text[:1]
    if first.isalnum():
        return "a digit" if first.isdigit() else "a letter"
    return repr(first)[1:] if b" " < first < b"\x7f" else f"the byte {first.hex()}" if first < b"\x80" else "a byte that is not ASCII"


def _blocks(file: BinaryIO, uri: str) -> Iterator[bytes]:
    try:
        while block := file.read(BLOCK):
            yield block
    except OSError as error:
        raise LandfallError(f"{uri} could not be read to its end: {error}") from error


def unpacked_bytes(files: Iterable[SourceFile]) -> int:
    """About how many bytes of records are in the files: JSON shrinks to a tenth when it is packed."""
    return sum(file.bytes * (PACKED_TIMES if _is_packed(file.uri) else 1) for file in files)


def _is_packed(uri: str) -> bool:
    return Path(_name(uri)).suffix.lower() in DECOMPRESSORS


def _name(uri: str) -> str:
    """The last part of the path; behind HTTP without the query that a signed URL carries."""
    return (uri.partition("?")[0] if split(uri)[0] in HTTP else uri).rpartition("/")[2]


def _short(name: str) -> str:
    """The name as a local file may have it: it says what kind of file this is, and no more, and a store may take longer ones."""
    return name if len(name.encode()) <= 200 else f"spooled{Path(name).suffix[-16:]}"
