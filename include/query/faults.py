"""Where in a record the fault is for which it is in quarantine: what stands there says more than how the record begins.

Spark names a fault by its reason and a detail such as `sequences.counts.total: expected a whole number, found "four"`; here the same place
is looked for in the record's bytes.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

SHOWN_BYTES = 160
BEFORE = 40  # of them, what stands before the fault
LOOKED_AT = 1_000_000  # bytes of a record
TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"?|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
NAMED = re.compile(r"([\w.\[\]-]+): ")


def excerpt(value: bytes, reason: str, detail: str | None) -> str:
    """The part of the record around its fault, what is not UTF-8 as U+FFFD, `…` where more comes before or after.

    The beginning where the fault is the whole record, something that is not there, or beyond the first million bytes.
    """
    place = place_of(value[:LOOKED_AT], reason, detail or "")
    begin = 0 if place is None or len(value) <= SHOWN_BYTES else max(0, min(place - BEFORE, len(value) - SHOWN_BYTES))
    shown = value[begin : begin + SHOWN_BYTES]
    if begin:
        shown = shown.lstrip(bytes(range(0x80, 0xC0)))  # what is left of a character that the cut goes through
    text = shown.decode("utf-8", "replace")
    return f"{'…' if begin else ''}{text}{'…' if begin + SHOWN_BYTES < len(value) else ''}"


def place_of(value: bytes, reason: str, detail: str) -> int | None:
    """The byte where the fault begins, None where there is none to show."""
    if reason == "not_utf8":
        return _undecodable(value)
    if reason == "invalid_json":
        return _syntax(value)
    if reason == "duplicate_key":
        seen: Counter[str] = Counter()
        return next((place for path, place in _keys(value, seen) if seen[path] > 1), None)
    named = NAMED.match(detail)
    return next((each.begin for each in places(value) if each.path == named[1]), None) if named else None


def _undecodable(value: bytes) -> int | None:
    try:
        value.decode()
    except UnicodeDecodeError as error:
        return error.start
    return None


def _syntax(value: bytes) -> int | None:
    """Where a strict parser stops; of a record that ends too early its end."""
    try:
        msgspec.json.decode(value, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        stopped = re.search(r"\(byte (\d+)\)", str(error))
        return int(stopped[1]) if stopped else len(value)
    return None


def _keys(value: bytes, seen: Counter[str]) -> Iterator[tuple[str, int]]:
    for each in places(value):
        if each.is_key:
            seen[each.path] += 1
            yield each.path, each.begin


@dataclass(frozen=True)
class Place:
    """Where a key of an object, or an element of an array, begins. `path` is as Spark writes it: `sequences.questions[0].id`."""

    path: str
    begin: int
    is_key: bool


@dataclass
class _Container:
    """An object or array that is open; `index` counts an array's elements, `key` is the object's that waits for its value."""

    path: str
    is_array: bool
    index: int = 0
    key: str | None = None

    @property
    def inner(self) -> str:
        """The path of what comes next."""
        if self.is_array:
            return f"{self.path}[{self.index}]"
        return f"{self.path}.{self.key}" if self.path else f"{self.key}"


def places(value: bytes) -> Iterator[Place]:
    """All keys and elements in their order, as far as the text is JSON; nothing is checked."""
    open_containers: list[_Container] = []
    for token in TOKEN.finditer(value):
        here, text = open_containers[-1] if open_containers else None, token[0]
        if text in (b"]", b"}"):
            del open_containers[-1:]
        elif text == b",":
            if here:
                here.index, here.key = here.index + 1, None
        elif here and not here.is_array and here.key is None:
            here.key = _key(text)
            yield Place(here.inner, token.start(), is_key=True)
        elif text != b":":
            if here and here.is_array:
                yield Place(here.inner, token.start(), is_key=False)
            if text in (b"[", b"{"):
                open_containers.append(_Container(here.inner if here else "", text == b"["))


def _key(text: bytes) -> str:
    try:
        return str(msgspec.json.decode(text))
    except (msgspec.DecodeError, UnicodeError):
        return text.decode("utf-8", "replace")
