"""The records of a source: where each one begins and ends in its file, byte for byte as it was delivered.

A file is a JSON array or NDJSON (one JSON value on each line). Only what makes a file unreadable as a whole is refused here. A record that
is no object, or an NDJSON line that is no JSON, is a record like any other: it is published, and lands in quarantine with its reason.
"""

import hashlib
import mmap
import os
import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, chain
from operator import sub
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

import msgspec

from include.errors import LandfallError
from include.source.files import SourceRefused

BOM = b"\xef\xbb\xbf"
WHITE = re.compile(rb"[ \t\r\n]*")
WHITE_OR_COMMA = frozenset(b" \t\r\n,")
LINE_SUFFIXES = (".ndjson", ".jsonl")
EMPTY_REMEDY = "Have it delivered again; where a day may be without attempts, say `empty_source: accept` in the contract and clear publish."
OPEN = 64  # files at once
NEAR = 24  # bytes of the file shown before and after the place of an error

# Decoding to Raw checks the syntax and copies nothing. It does not check UTF-8: one bad byte is a matter for quarantine.
_array = msgspec.json.Decoder(list[msgspec.Raw])
_value = msgspec.json.Decoder(msgspec.Raw)


# One half of a surrogate pair, as whoever cuts a text within an emoji leaves it. JSON's grammar allows that (RFC 8259, section 8.2), and it
# lands as `?`, which is what Java makes of it in UTF-8; msgspec refuses it.
_half = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_escape = re.compile(  # from left to right, so that an escaped backslash begins none
    rb"""(?xs) \\u[dD][89abAB][0-9a-fA-F]{2} \\u[dD][c-fC-F][0-9a-fA-F]{2} | (?P<half> \\u[dD][89a-fA-F][0-9a-fA-F]{2} ) | \\."""
)
QUESTION_MARK = rb"\u003f"  # as long as what it stands for


def _without_halves(text: bytes) -> bytes:
    """JSON text with `?` in place of every half of a surrogate pair that has no other half; every byte stays where it is."""
    return _escape.sub(lambda found: QUESTION_MARK if found["half"] else found[0], text)


class _Keyed(msgspec.Struct):
    keen_id: str | None = None


_keyed = msgspec.json.Decoder(_Keyed)


def key_of(record: bytes) -> bytes | None:
    """The record's `keen_id` in UTF-8 if it is a JSON object with a string there, else None."""
    try:
        keen_id = _keyed.decode(record).keen_id
    except (msgspec.MsgspecError, UnicodeError, RecursionError):  # not JSON, not an object, not a string, not UTF-8, too deep
        return key_of(whole) if _half.search(record) and (whole := _without_halves(record)) != record else None
    return None if keen_id is None else keen_id.encode()


# A last `keen_id` with nothing but flat members between it and the brace that ends the record, and so surely the record's own.
_tail = re.compile(  # possessive throughout, so that it fails as fast as it matches
    rb"""(?x) (?<!\\) "keen_id" \s*+:\s*+ "([^"\\]*+)" (?: \s*+,\s*+ "[^"\\]*+" \s*+:\s*+ (?: "[^"\\]*+" | [^"\\{}\[\],]++ ) )*+ \s*+ }\Z"""
)


def key_of_valid(record: bytes) -> bytes | None:
    """As `key_of`, for a record that is known to be valid JSON: mostly without parsing it a second time, which took a third of the time.

    If a record repeats the key, the last string is taken.
    """
    place = record.rfind(b'"keen_id"')
    tail = _tail.match(record, place) if place > 0 else None
    return tail[1] if tail is not None and tail[1].isascii() else key_of(record)


class Spans:
    """Begin and end (exclusive) of each record in a file: 16 bytes per record, however long the record."""

    def __init__(self) -> None:
        self.starts, self.ends = array("Q"), array("Q")

    def add(self, start: int, end: int) -> None:
        self.starts.append(start)
        self.ends.append(end)

    def __len__(self) -> int:
        return len(self.starts)


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
        spans, valid = split(opened.data, path) if opened.stamp.size else (Spans(), False)
        if not spans and not accept_empty:
            raise _refused(path, f"holds no record: {_emptiness(opened.data, opened.stamp.size)}", EMPTY_REMEDY)
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
    raise _refused(file.name, "was written to while it was being published", "Clear find_source once it is complete.")


def split(data: mmap.mmap, path: Path) -> tuple[Spans, bool]:
    """Where the records of a file lie, and whether each is known to be valid JSON.

    The first byte that is not white decides: `[` is an array, `{` is NDJSON. Anything else is NDJSON only if the file is named so: its
    first line may be damaged. Raises SourceRefused.
    """
    begin = len(BOM) if data[: len(BOM)] == BOM else 0
    first = _skip(WHITE, data, begin)
    if first == len(data):
        return Spans(), False
    top = data[first : first + 1]
    if top == b"[":
        return _split_array(data, first, path), True
    if top == b"{" or path.suffix.lower() in LINE_SUFFIXES:
        return _split_lines(data, begin, path), False
    raise _refused(
        path,
        f"is neither a JSON array nor NDJSON: expected [ or {{ at byte {first:,}, found {_found(data, first)}",
        "Deliver one of the two.",
    )


def _split_array(data: mmap.mmap, begin: int, path: Path) -> Spans:
    with memoryview(data) as whole, whole[begin:] as text:
        try:
            lengths = _lengths(text)
        except msgspec.DecodeError as error:
            lengths = _lengths_with_halves(data, begin, path, error)
        except RecursionError:
            raise _refused(path, "nests arrays or objects deeper than Python can follow") from None
    return _spans(data, begin + 1, lengths)


def _lengths(array: memoryview) -> list[int]:
    """Of the elements of an array, in bytes. Raises DecodeError."""
    return [memoryview(raw).nbytes for raw in _array.decode(array)]  # none may stay: each of them holds the map open


def _lengths_with_halves(data: mmap.mmap, begin: int, path: Path, error: msgspec.DecodeError) -> list[int]:
    """The same where halves of surrogate pairs are all that is wrong; raises SourceRefused where they are not.

    Replaces them in a copy of which only the pages that change take memory; pairs too, for only lengths are wanted.
    """
    if not _half.search(data, begin):
        raise _syntax_error(data, begin, path, error) from None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as own:
        for half in _half.finditer(own, begin):
            own[half.start() : half.end()] = QUESTION_MARK
        with memoryview(own) as whole, whole[begin:] as text:
            try:
                return _lengths(text)
            except msgspec.DecodeError as other:
                raise _syntax_error(data, begin, path, other) from None


def _spans(data: mmap.mmap, begin: int, lengths: list[int]) -> Spans:
    """Where elements of these lengths lie, in an array whose syntax is right: between two are only white space and a comma."""
    spans, end = Spans(), begin
    add_start, add_end = spans.starts.append, spans.ends.append
    for length in lengths:
        while data[end] in WHITE_OR_COMMA:
            end += 1
        add_start(end)
        end += length
        add_end(end)
    return spans


def _split_lines(data: mmap.mmap, begin: int, path: Path) -> Spans:
    spans, size = Spans(), len(data)
    start = begin
    while start < size:
        newline = data.find(b"\n", start)
        end = size if newline < 0 else newline
        stop = end - 1 if data[end - 1 : end] == b"\r" and end > start else end
        if _skip(WHITE, data, start) < stop:
            spans.add(start, stop)
        start = end + 1
    _refuse_one_object(data, begin, spans, path)
    _refuse_cut_line(data, spans, path)
    return spans


def _refuse_one_object(data: mmap.mmap, begin: int, spans: Spans, path: Path) -> None:
    """One object written over several lines would otherwise be published line by line."""
    if not _is_json(data, spans.starts[0], spans.ends[0]) and _is_json(data, begin, len(data)):
        raise _refused(
            path, f"is one JSON object over several lines, from byte {spans.starts[0]:,}", "Deliver an array, or one object per line."
        )


def _refuse_cut_line(data: mmap.mmap, spans: Spans, path: Path) -> None:
    """A last line without a line end is whole only if it is JSON; any other line is, whatever it holds."""
    start, end = spans.starts[-1], spans.ends[-1]
    if start <= data.rfind(b"\n") or _is_json(data, start, end):
        return
    record = f"its last line (record {len(spans) - 1:,}, from byte {start:,})"
    place = _first_fault(data, start, end)
    if place is None:
        if not _is_closed(data, start, end):
            shown = _found(data, max(start, end - NEAR))
            raise _refused(path, f"is truncated: {record} has no line end and is no whole JSON value, it ends {shown}")
        return  # deeper than msgspec can follow, and whole
    cr = data.find(b"\r", start, place + 1)
    if cr >= 0 and _skip(WHITE, data, cr) >= place:  # nothing but white space between the CR and where it goes wrong
        raise _refused(path, f"has lines that end in CR alone, the first at byte {cr:,}", "Deliver lines that end in LF or CR LF.")
    raise _refused(path, f"is not NDJSON: {record} is not one JSON value, it goes wrong at byte {place:,}, {_found(data, place)}")


def _first_fault(data: mmap.mmap, start: int, end: int) -> int | None:
    """The byte at which this text stops being one JSON value; None if it only lacks its end, or is too deep to tell."""
    with memoryview(data) as whole, whole[start:end] as text:
        try:
            _value.decode(_without_halves(bytes(text)) if _half.search(text) else text)
        except msgspec.DecodeError as error:
            place = re.search(r" \(byte (\d+)\)$", str(error))
            byte = start + int(place[1]) if place else end
            byte -= "trailing characters" in str(error)  # of these msgspec names the byte behind the first
            return byte if byte < end else None
        except RecursionError:
            return None
    return None


_bracket = re.compile(rb"""(?xs) " (?: [^"\\]++ | \\. )*+ (?P<cut> " )?+ | [\[{] | (?P<close> [\]}] )""")


def _is_closed(data: mmap.mmap, start: int, end: int) -> bool:
    """Whether every string and bracket that begins in this text ends in it: for values that are deeper than a parser follows."""
    depth = 0
    for token in _bracket.finditer(data, start, end):
        if token[0].startswith(b'"'):
            if token["cut"] is None:
                return False
        else:
            depth += -1 if token["close"] else 1
    return depth == 0


def _is_json(data: mmap.mmap, start: int, end: int) -> bool:
    with memoryview(data) as whole, whole[start:end] as text:
        return _is_value(text) or (bool(_half.search(text)) and _is_value(_without_halves(bytes(text))))


def _is_value(text: memoryview | bytes) -> bool:
    try:
        _value.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _syntax_error(data: mmap.mmap, begin: int, path: Path, error: msgspec.DecodeError) -> SourceRefused:
    said = str(error).removeprefix("JSON is malformed: ")
    place = re.search(r" \(byte (\d+)\)$", said)
    byte = begin + int(place[1]) if place else len(data)  # msgspec gives no byte when the text ended too soon
    byte -= said.startswith("trailing characters")  # of these it names the byte behind the first
    if place is None or byte >= len(data):
        return _refused(
            path, f"is truncated: the array that begins at byte {begin:,} is still open where the file ends, at byte {len(data):,}"
        )
    before, after = data[max(begin, byte - NEAR) : byte], data[byte : byte + NEAR]
    return _refused(path, f"is not valid JSON: {said[: place.start()]} at byte {byte:,}, after {_shown(before)}, at {_shown(after)}")


def _refused(path: Path | str, what: str, remedy: str = "Have it delivered again.") -> SourceRefused:
    return SourceRefused(f"{path} {what}. Nothing of the source was published. {remedy}")


def _skip(what: re.Pattern[bytes], data: mmap.mmap, place: int) -> int:
    match = what.match(data, place)
    assert match is not None  # both patterns match the empty string
    return match.end()


def _found(data: mmap.mmap, place: int) -> str:
    return _shown(data[place : place + NEAR])


def _shown(text: bytes) -> str:
    return repr(text)[1:]
