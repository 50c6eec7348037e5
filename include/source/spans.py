"""Where each record begins and ends in a file, byte for byte as it was delivered.

A file is a JSON array or NDJSON (one JSON value on each line). Only what makes a file unreadable as a whole is refused here.
Errors name the byte and the kind of fault, and nothing that is written there: they are in Airflow's logs, which every login sees.
"""

import mmap
import re
from array import array
from pathlib import Path

import msgspec

from include.source.files import SourceRefused, kind_of
from include.source.surrogates import HALF, QUESTION_MARK, without_halves

BOM = b"\xef\xbb\xbf"
WHITE = re.compile(rb"[ \t\r\n]*")
WHITE_OR_COMMA = frozenset(b" \t\r\n,")
LINE_SUFFIXES = (".ndjson", ".jsonl")

# Decoding to Raw checks the syntax and copies nothing. It does not check UTF-8: one bad byte is a matter for quarantine.
_array = msgspec.json.Decoder(list[msgspec.Raw])
_value = msgspec.json.Decoder(msgspec.Raw)


class Spans:
    """Begin and end (exclusive) of each record in a file: 16 bytes per record, however long the record."""

    def __init__(self) -> None:
        self.starts, self.ends = array("Q"), array("Q")

    def add(self, start: int, end: int) -> None:
        self.starts.append(start)
        self.ends.append(end)

    def __len__(self) -> int:
        return len(self.starts)


def spans_of(data: mmap.mmap, path: Path) -> tuple[Spans, bool]:
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
    raise refused(
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
            raise refused(path, "nests arrays or objects deeper than Python can follow") from None
    return _spans(data, begin + 1, lengths)


def _lengths(array: memoryview) -> list[int]:
    """Of the elements of an array, in bytes. Raises DecodeError."""
    return [memoryview(raw).nbytes for raw in _array.decode(array)]  # none may stay: each of them holds the map open


def _lengths_with_halves(data: mmap.mmap, begin: int, path: Path, error: msgspec.DecodeError) -> list[int]:
    """The same where halves of surrogate pairs are all that is wrong; raises SourceRefused where they are not.

    Replaces them in a copy of which only the pages that change take memory; pairs too, for only lengths are wanted.
    """
    if not HALF.search(data, begin):
        raise _syntax_error(data, begin, path, error) from None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as own:
        for half in HALF.finditer(own, begin):
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
        raise refused(
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
            raise refused(path, f"is truncated: {record} has no line end and is no whole JSON value, it ends at byte {end:,}")
        return  # deeper than msgspec can follow, and whole
    cr = data.find(b"\r", start, place + 1)
    if cr >= 0 and _skip(WHITE, data, cr) >= place:  # nothing but white space between the CR and where it goes wrong
        raise refused(path, f"has lines that end in CR alone, the first at byte {cr:,}", "Deliver lines that end in LF or CR LF.")
    raise refused(path, f"is not NDJSON: {record} is not one JSON value, it goes wrong at byte {place:,}, at {_found(data, place)}")


def _first_fault(data: mmap.mmap, start: int, end: int) -> int | None:
    """The byte at which this text stops being one JSON value; None if it only lacks its end, or is too deep to tell."""
    with memoryview(data) as whole, whole[start:end] as text:
        try:
            _value.decode(without_halves(bytes(text)) if HALF.search(text) else text)
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
        return _is_value(text) or (bool(HALF.search(text)) and _is_value(without_halves(bytes(text))))


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
        return refused(
            path, f"is truncated: the array that begins at byte {begin:,} is still open where the file ends, at byte {len(data):,}"
        )
    return refused(path, f"is not valid JSON: {said[: place.start()]} at byte {byte:,}, found {_found(data, byte)}")


def refused(path: Path | str, what: str, remedy: str = "Have it delivered again.") -> SourceRefused:
    """The error for a source that is wrong: where, what is wrong, what was not done, what to do."""
    return SourceRefused(f"{path} {what}. Nothing of the source was published. {remedy}")


def _skip(what: re.Pattern[bytes], data: mmap.mmap, place: int) -> int:
    match = what.match(data, place)
    assert match is not None  # both patterns match the empty string
    return match.end()


def _found(data: mmap.mmap, place: int) -> str:
    return kind_of(data[place : place + 2])
