"""The records of a source: where each one begins and ends in its file, byte for byte as it was delivered.

A file is a JSON array or NDJSON (one JSON value on each line). Only what makes a file unreadable as a whole is refused here. A record that
is no object, or an NDJSON line that is no JSON, is a record like any other: it is published, and lands in quarantine with its reason.
"""

import mmap
import os
import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from operator import sub
from pathlib import Path
from typing import BinaryIO, Self

import msgspec

from include.source import SourceRefused

BOM = b"\xef\xbb\xbf"
WHITE = re.compile(rb"[ \t\r\n]*")
WHITE_OR_COMMA = frozenset(b" \t\r\n,")
LINE_SUFFIXES = (".ndjson", ".jsonl")
EMPTY_REMEDY = "Have it delivered again; where a day may be without attempts, say `empty_source: accept` in the contract and clear publish."
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
    """An open file and its records. `stamp` is size and time of change when it was split, `key_of` tells a record's key."""

    path: Path
    file: BinaryIO
    data: mmap.mmap
    spans: Spans
    stamp: tuple[int, int]
    key_of: Callable[[bytes], bytes | None]


class Records:
    """The records of several files, numbered on from file to file, beginning with 0.

    Files stay memory-mapped until `close` (or the end of a `with`).
    """

    def __init__(self, files: Sequence[_File]) -> None:
        self._files = files
        self._firsts = list(accumulate((len(file.spans) for file in files), initial=0))

    @classmethod
    def open(cls, paths: Sequence[Path], accept_empty: bool = False) -> Self:
        """Splits every file and so checks all of them. Raises SourceRefused for the first that cannot be read, naming the place.

        A file without a single record (empty, blank, or `[]`) is refused too, unless `accept_empty`.
        """
        files: list[_File] = []
        try:
            for path in paths:
                files.append(_open(path, accept_empty))
        except BaseException:
            cls(files).close()
            raise
        return cls(files)

    def __len__(self) -> int:
        return self._firsts[-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for file in self._files:
            file.data.close()
            file.file.close()

    def sizes(self) -> Iterator[int]:
        """The length of every record in bytes, in order."""
        return chain.from_iterable(map(sub, file.spans.ends, file.spans.starts) for file in self._files)

    def where(self, number: int) -> tuple[Path, int, int]:
        """File, begin and end (exclusive) of a record; for a compressed file within its content."""
        if not 0 <= number < len(self):
            raise IndexError(f"there is no record {number}, the source has {len(self)}")
        index = bisect_right(self._firsts, number) - 1
        file, place = self._files[index], number - self._firsts[index]
        return file.path, file.spans.starts[place], file.spans.ends[place]

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
            starts, ends, data = file.spans.starts[here], file.spans.ends[here], file.data
            if starts:
                _refuse_change(file)
                key_of = file.key_of if keys else _no_key
                for start, end in zip(starts, ends, strict=True):
                    record = data[start:end]
                    yield record, key_of(record)
                _refuse_change(file)


def _no_key(_: bytes) -> None:
    return None


def _open(path: Path, accept_empty: bool) -> _File:
    file = path.open("rb")
    try:
        stamp = _stamp(file)
        if stamp[0]:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            spans, valid = split(data, path)
        else:
            data, spans, valid = mmap.mmap(-1, 1), Spans(), False  # an empty file cannot be mapped
        if not spans and not accept_empty:
            raise _refused(path, f"holds no record: {_emptiness(data, stamp[0])}", EMPTY_REMEDY)
        return _File(path, file, data, spans, stamp, key_of_valid if valid else key_of)
    except BaseException:
        file.close()  # a map that a traceback still holds ends with it
        raise


def _emptiness(data: mmap.mmap, size: int) -> str:
    if not size:
        return "it is empty"
    return "it is an empty array" if data.find(b"[") >= 0 else "it holds nothing but white space"


def _stamp(file: BinaryIO) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


def _refuse_change(file: _File) -> None:
    if _stamp(file.file) != file.stamp:
        raise _refused(file.path, "was written to while it was being published", "Clear find_source once it is complete.")


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
    if start > data.rfind(b"\n") and not _is_json(data, start, end):
        raise _refused(
            path,
            f"is truncated: its last line (record {len(spans) - 1:,}, from byte {start:,}) has no line end and is no whole JSON value, "
            f"it ends {_found(data, max(start, end - NEAR))}",
        )


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


def _refused(path: Path, what: str, remedy: str = "Have it delivered again.") -> SourceRefused:
    return SourceRefused(f"{path} {what}. Nothing of the source was published. {remedy}")


def _skip(what: re.Pattern[bytes], data: mmap.mmap, place: int) -> int:
    match = what.match(data, place)
    assert match is not None  # both patterns match the empty string
    return match.end()


def _found(data: mmap.mmap, place: int) -> str:
    return _shown(data[place : place + NEAR])


def _shown(text: bytes) -> str:
    return repr(text)[1:]
