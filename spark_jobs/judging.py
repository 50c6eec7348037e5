"""Which records are fit to land, why the others are not, and which fields all of them have: from one decode of a record's bytes.

Plain Python without Spark, so that a quarantine can be judged again without starting it. What the bytes say is read here and nowhere
else: a landed attempt is the very object that was judged.
"""

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from json_text import (
    DETAIL_LENGTH,
    MOST_LEVELS,
    Unfit,
    Written,
    decode_as_written,
    gap_after_quote,
    is_blank,
    key_twice,
    mentioned_keen_id,
    named,
    parsed,
    shown,
    text_of,
)
from record import KINDS, LEAST_INT, MOST_INT, READERS, RECORD, Fields

MOST_NAMES = 10_000  # unknown fields that are counted at once; beyond, the rarest are dropped

Tally = Counter[tuple[str, str]]
"""(path, `nulls`, `empty` or `wrong_type`) -> how often; (path, `there`) how often at all; (path, `objects`) how many there are."""


class Verdict(NamedTuple):
    """`reason` and `detail` are None for a record that is fit; `attempt` is then its object, with times and numbers read."""

    reason: str | None
    detail: str | None = None
    attempt: dict[str, Any] | None = None
    keen_id: str | None = None


# --- One walk along the written schema


def _type(holds: Any) -> type:
    """Python's type of what the written schema says, as JSON holds it."""
    return KINDS[holds] if isinstance(holds, str) else type(holds)


class _Field:
    """A field of the written schema. What is said of it in a tally stands ready, for it is said often."""

    def __init__(self, path: str, name: str, holds: Any) -> None:
        self.path, self.name = path, name
        kind = self.type = _type(holds)
        self.read = READERS.get(holds) if kind is str else None
        self.nulls, self.empty, self.wrong = (path, "nulls"), (path, "empty"), (path, "wrong_type")
        self.element = _Field(f"{path}[]", "", holds[0]) if kind is list else None
        self.objects = _Objects(path, holds) if kind is dict else None


@dataclass(eq=False)
class _Shape:
    """The fields of an object in their order, None for an unknown one."""

    objects: "_Objects"
    fields: tuple[_Field | None, ...]
    unknown: tuple[str, ...]


class _Objects:
    """The objects at one place of the schema. Few shapes are many objects: their fields are looked up once for each shape."""

    def __init__(self, path: str, holds: Fields) -> None:
        self.path = path
        prefix = f"{path}." if path else ""
        self.prefix, self.fields = prefix, {name: _Field(prefix + name, name, below) for name, below in holds.items()}
        self.shapes: dict[tuple[str, ...], _Shape] = {}

    def shape(self, names: tuple[str, ...]) -> _Shape:
        unknown = tuple(self.prefix + named(name) for name in names if name not in self.fields)
        shape = self.shapes[names] = _Shape(self, tuple(map(self.fields.get, names)), unknown)
        return shape

    def all(self) -> Iterator["_Objects"]:
        """These, and those of all places below."""
        yield self
        for each in self.fields.values():
            below = each.element.objects if each.element else each.objects
            if below:
                yield from below.all()


@dataclass
class Judge:
    """Judges records one after the other, and counts the fields of those that are one JSON object.

    A record whose key or keen_id gives, behind `salt`, one of the `tombstones` (sha256, hex) is forgotten: judged as None, not counted.
    """

    salt: str = ""
    tombstones: Collection[str] = ()
    tally: Tally = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        sys.setrecursionlimit(max(sys.getrecursionlimit(), 4 * MOST_LEVELS))
        self._root = _Objects("", RECORD)
        self._counts: Counter[Any] = Counter()  # of shapes, and of what is said of fields
        self._seen: list[Any] = []  # the same of the record at hand
        self._faulty = False

    def judge(self, value: bytes, key: str | None = None) -> Verdict | None:
        """The first reason that applies, in the order of this function's steps; None for a record that is to be forgotten."""
        record: Any = None
        text, self._seen, self._faulty = "", [], False
        try:
            text = text_of(value)
            record = parsed(text)
            attempt = self._attempt(text, record)
            verdict = Verdict(None, None, attempt, attempt["keen_id"])
        except Unfit as unfit:
            reason, detail = unfit.args
            keen_id = record.get("keen_id") if isinstance(record, dict) else None
            verdict = Verdict(reason, detail[:DETAIL_LENGTH], None, keen_id if isinstance(keen_id, str) else None)
        if self.tombstones and self._is_forgotten(key, verdict.keen_id or mentioned_keen_id(text)):
            return None
        if self._seen:
            self._counts.update(self._seen)
            if len(self._counts) > MOST_NAMES:
                self.fold()
        return verdict

    def _attempt(self, text: str, record: Any) -> dict[str, Any]:
        """The object with its texts read. Leaves in `_seen` what it has. Raises Unfit."""
        if type(record) is not dict:
            raise Unfit("not_an_object", f"a record is a JSON object, found {shown(record)}")
        keen_id = record.get("keen_id")
        names = self._object(record, self._root)
        # Every key is a quotation mark and a colon, in strings too there may be such; so no key stands twice if there are no more.
        if (names != text.count('":') or gap_after_quote(text)) and (twice := key_twice(text)):
            self._seen = []
            raise Unfit("duplicate_key", twice)
        if keen_id is None or (isinstance(keen_id, str) and is_blank(keen_id)):
            found = "nothing" if keen_id is None else json.dumps(keen_id)
            raise Unfit("missing_keen_id", f"keen_id: expected a string that is not blank, found {found}")
        if self._faulty:
            raise Unfit(*next(_sorted_faults(parsed(text, decode_as_written))))
        return record

    def _object(self, value: dict[str, Any], objects: _Objects) -> int:
        """Looks at each field once, puts what is read in place of texts, and returns how many keys there are, at any depth."""
        names = tuple(value)
        shape = objects.shapes.get(names) or objects.shape(names)
        self._seen.append(shape)
        keys = len(names)
        for one, known in zip(value.values(), shape.fields, strict=True):
            kind = type(one)
            if known is not None and kind is known.type:
                if kind is str:
                    if known.read is not None or not one:
                        value[known.name] = self._text(one, known)
                elif kind is int:
                    if not LEAST_INT <= one <= MOST_INT:
                        self._wrong(known)
                elif kind is not bool:
                    keys += self._below(one, known)
            elif known is not None and one is None:
                self._seen.append(known.nulls)
            else:
                if known is not None:
                    self._wrong(known)
                if kind is dict or kind is list:
                    keys += _keys(one)
        return keys

    def _text(self, text: str, known: _Field) -> Any:
        if not text:
            self._seen.append(known.empty)
        if known.read is None:
            return text
        value = known.read(text)
        if value is None:
            self._faulty = True
        return value

    def _below(self, value: Any, known: _Field) -> int:
        """The same for an object or array."""
        if not value:
            self._seen.append(known.empty)
        if known.objects is not None:
            return self._object(value, known.objects)
        element = known.element
        assert element is not None
        assert element.objects is not None
        keys = 0
        for one in value:
            if type(one) is dict:
                if not one:
                    self._seen.append(element.empty)
                keys += self._object(one, element.objects)
            elif one is None:
                self._seen.append(element.nulls)
            else:
                self._wrong(element)
                keys += _keys(one)
        return keys

    def _wrong(self, known: _Field) -> None:
        self._seen.append(known.wrong)
        self._faulty = True

    def _is_forgotten(self, *ids: str | None) -> bool:
        return any(one is not None and hashlib.sha256((self.salt + one).encode()).hexdigest() in self.tombstones for one in ids)

    def fold(self) -> None:
        """Brings `tally` and `unknown` up to date."""
        for what, number in self._counts.items():
            if not isinstance(what, _Shape):
                self.tally[what] += number
                continue
            self.tally[what.objects.path, "objects"] += number
            for known in what.fields:
                if known is not None:
                    self.tally[known.path, "there"] += number
            for path in what.unknown:
                self.unknown[path] += number
        self._counts.clear()
        for objects in self._root.all():
            objects.shapes.clear()
        if len(self.unknown) > 2 * MOST_NAMES:
            self.unknown = Counter(dict(self.unknown.most_common(MOST_NAMES)))


def _keys(value: Any) -> int:
    """Keys of all objects in a value that the schema does not know."""
    keys, waiting = 0, [value]
    while waiting:
        one = waiting.pop()
        if type(one) is dict:
            keys += len(one)
            waiting += one.values()
        elif type(one) is list:
            waiting += one
    return keys


# --- What is wrong with a record of which something is


def _sorted_faults(record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(reason, detail) of each fault: wrong types before texts that cannot be read, and what lies further out before what lies within."""
    yield from sorted(_faults(record, RECORD, ""), key=lambda fault: fault[0] != "wrong_type")


def _faults(value: dict[str, Any], fields: Fields, prefix: str) -> Iterator[tuple[str, str]]:
    known = [(prefix + name, one, fields[name]) for name, one in value.items() if name in fields and one is not None]
    for path, one, holds in known:
        if fault := _fault(path, one, holds):
            yield fault
    for path, one, holds in known:
        if isinstance(holds, dict) and isinstance(one, dict):
            yield from _faults(one, holds, f"{path}.")
        elif isinstance(holds, list) and isinstance(one, list):
            for place, element in enumerate(one):
                if isinstance(element, dict):
                    yield from _faults(element, holds[0], f"{path}[{place}].")
                elif element is not None:
                    yield "wrong_type", f"{path}[{place}]: expected object, found {shown(element)}"


def _fault(path: str, value: Any, holds: Any) -> tuple[str, str] | None:
    kind: Any = _type(holds)
    if type(value) is kind:
        if kind is int and not LEAST_INT <= value <= MOST_INT:
            return "wrong_type", f"{path}: expected whole number from {LEAST_INT} to {MOST_INT}, found {value}"
        if kind is str and holds in READERS and READERS[holds](value) is None:
            return "unreadable_value", f"{path}: cannot be read as {holds}, found {shown(value)}"
        return None
    expected = {dict: "object", list: "array", str: "string"}.get(kind, holds)
    if isinstance(value, Written) and kind is int:
        digits = value.text.removeprefix("-").isdecimal()
        expected += f" from {LEAST_INT} to {MOST_INT}" if digits else " without decimal point or exponent"
    return "wrong_type", f"{path}: expected {expected}, found {shown(value)}"
