"""The records of a source, numbered through all of its files, byte for byte as they were delivered.

What makes a file unreadable as a whole is refused (`spans.py`). A record that is no object, or an NDJSON line that is no JSON, is a record
like any other: it is published, and lands in quarantine with its reason.
"""

import hashlib
import mmap
import os
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, chain
from operator import sub
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

from include.errors import LandfallError
from include.source.files import SourceRefused
from include.source.record_key import key_of, key_of_valid
from include.source.spans import Spans, refused, spans_of

EMPTY_REMEDY = "Have it delivered again; where a day may be without attempts, say `empty_source: accept` in the contract and clear publish."
OPEN = 64  # files at once


@dataclass(frozen=True)
class _File:
    """A file and its records. `stamp` is what it was when it was split, `key_of` tells a record's key, `name` stands for it in messages."""

    path: Path
    name: str
    spans: Spans
    stamp: "_Stamp"
    key_of: Callable[[bytes], bytes | None]


class _Stamp(NamedTuple):
    """What changes when a file is written to. `changed` also does where a copy sets `modified` back; and with owner, mode and `links`."""

    size: int
    modified: int
    inode: int
    changed: int
    links: int


class _Opened:
    """An open file, mapped into memory; two descriptors."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("rb")
        try:
            self.stamp = _stamp(self.file)
            # An empty file cannot be mapped.
            self.data = mmap.mmap(self.file.fileno(), 0, access=mmap.ACCESS_READ) if self.stamp.size else mmap.mmap(-1, 1)
        except BaseException:
            self.file.close()
            raise

    def close(self) -> None:
        self.data.close()
        self.file.close()


class _OpenFiles:
    """The files that are open now: at most OPEN of those that nobody is reading from, the latest."""

    def __init__(self) -> None:
        self._idle: dict[Path, _Opened] = {}

    @contextmanager
    def using(self, file: _File) -> Iterator[_Opened]:
        """The file, opened again if it was closed. Raises SourceRefused where it is another one by now."""
        opened = self._idle.pop(file.path, None) or _Opened(file.path)
        try:
            _refuse_change(file, opened)
            yield opened
            _refuse_change(file, opened)
        finally:
            self.keep(file.path, opened)

    def keep(self, path: Path, opened: _Opened) -> None:
        if path in self._idle:  # two were reading from it
            opened.close()
        else:
            self._idle[path] = opened
        while len(self._idle) > OPEN:
            self._idle.pop(next(iter(self._idle))).close()

    def close(self) -> None:
        for opened in self._idle.values():
            opened.close()
        self._idle.clear()


class Records:
    """The records of several files, numbered on from file to file, beginning with 0.

    A few files stay memory-mapped until `close` (or the end of a `with`); a day may have more of them than a process may have open.
    """

    def __init__(self, files: Sequence[_File], open_files: _OpenFiles) -> None:
        self._files = files
        self._open_files = open_files
        self._firsts = list(accumulate((len(file.spans) for file in files), initial=0))

    @classmethod
    def open(cls, paths: Sequence[Path], accept_empty: bool = False, names: Sequence[str] | None = None) -> Self:
        """Splits every file and so checks all of them. Raises SourceRefused for the first that cannot be read, naming the place.

        A file without a single record (empty, blank, or `[]`) is refused too, unless `accept_empty`. `names` stand for the files in
        messages: what was delivered, where the file is a copy of it.
        """
        open_files = _OpenFiles()
        try:
            files = [_open(path, name, accept_empty, open_files) for path, name in zip(paths, names or map(str, paths), strict=True)]
        except BaseException:
            open_files.close()
            raise
        return cls(files, open_files)

    def __len__(self) -> int:
        return self._firsts[-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._open_files.close()

    def digest(self, path: Path) -> tuple[int, str]:
        """Length and sha256 of what this file holds now, as it was opened: another in its place is another. Raises as `keyed` does."""
        file = next(file for file in self._files if file.path == path)
        with self._open_files.using(file) as opened:
            return file.stamp.size, hashlib.sha256(opened.data if file.stamp.size else b"").hexdigest()

    def sizes(self) -> Iterator[int]:
        """The length of every record in bytes, in order."""
        return chain.from_iterable(map(sub, file.spans.ends, file.spans.starts) for file in self._files)

    def where(self, number: int) -> tuple[str, int, int]:
        """Name of the file, begin and end (exclusive) of a record; for a compressed file within its content."""
        if not 0 <= number < len(self):
            raise IndexError(f"there is no record {number}, the source has {len(self)}")
        index = bisect_right(self._firsts, number) - 1
        file, place = self._files[index], number - self._firsts[index]
        return file.name, file.spans.starts[place], file.spans.ends[place]

    def __getitem__(self, number: int) -> bytes:
        return next(self.slice(number, 1))

    def slice(self, first: int, count: int) -> Iterator[bytes]:
        """`count` records from number `first` on. Raises SourceRefused as `keyed` does."""
        return (record for record, _ in self.keyed(first, count, keys=False))

    def keyed(self, first: int, count: int, keys: bool = True) -> Iterator[tuple[bytes, bytes | None]]:
        """`count` records from number `first` on, each with its key.

        Raises SourceRefused before the first and after the last of a file if that file was written to since it was split:
        what was read then may be neither the old nor the new content.
        """
        if first < 0 or count < 0 or first + count > len(self):
            raise IndexError(f"there are no records {first} to {first + count - 1}, the source has {len(self)}")
        for file, begin in zip(self._files, self._firsts, strict=False):
            here = slice(max(first - begin, 0), max(first + count - begin, 0))
            starts, ends = file.spans.starts[here], file.spans.ends[here]
            if starts:
                with self._open_files.using(file) as opened:
                    key_of, data = file.key_of if keys else _no_key, opened.data
                    for start, end in zip(starts, ends, strict=True):
                        record = data[start:end]
                        yield record, key_of(record)


def _no_key(_: bytes) -> None:
    return None


def _open(path: Path, name: str, accept_empty: bool, open_files: _OpenFiles) -> _File:
    opened = _Opened(path)
    try:
        spans, valid = spans_of(opened.data, path) if opened.stamp.size else (Spans(), False)
        if not spans and not accept_empty:
            raise refused(path, f"holds no record: {_emptiness(opened.data, opened.stamp.size)}", EMPTY_REMEDY)
    except SourceRefused as error:
        opened.file.close()  # the map, which a traceback still holds, ends with it
        raise SourceRefused(name + str(error).removeprefix(str(path))) from error.__cause__
    except BaseException:
        opened.file.close()
        raise
    open_files.keep(path, opened)
    return _File(path, name, spans, opened.stamp, key_of_valid if valid else key_of)


def _emptiness(data: mmap.mmap, size: int) -> str:
    if not size:
        return "it is empty"
    return "it is an empty array" if data.find(b"[") >= 0 else "it holds nothing but white space"


def _stamp(file: BinaryIO) -> _Stamp:
    status = os.fstat(file.fileno())
    return _Stamp(status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns, status.st_nlink)


def _refuse_change(file: _File, opened: _Opened) -> None:
    now, then = _stamp(opened.file), file.stamp
    if now[:3] == then[:3] and (now.changed == then.changed or now.links != then.links):  # one that another took the place of has no link
        return
    if now[:3] == then[:3]:
        raise LandfallError(
            f"{file.name}: its times, owner or mode were set while it was being published, so it may have been written to as well. Nothing "
            "of this chunk was published. The next try compares the file with what was found for this day."
        )
    raise refused(file.name, "was written to while it was being published", "Clear find_source once it is complete.")
