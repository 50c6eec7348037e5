"""Which records are fit to land, why the others are not, and which fields all of them have: from one decode of a record's bytes.

Plain Python without Spark, so that a quarantine can be judged again without starting it. What the bytes say is read here and nowhere
else: a landed attempt is the very object that was judged.

A path is written as `sequences.questions[].options[].at`; `[]` is an element of an array. A name that is not plain stands in brackets
and quotes: `["a.b"]`.
"""

import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from record import KINDS, LEAST_INT, MOST_INT, READERS, RECORD, Fields

DETAIL_LENGTH = 200
NEAR = 40  # characters shown before and after a fault
NAME_LENGTH = 200
MOST_LEVELS = 1000  # of arrays and objects within each other
MOST_NAMES = 10_000  # unknown fields that are counted at once; beyond, the rarest are dropped

Tally = Counter[tuple[str, str]]
"""(path, `nulls`, `empty` or `wrong_type`) -> how often; (path, `there`) how often at all; (path, `objects`) how many there are."""


class Verdict(NamedTuple):
    """`reason` and `detail` are None for a record that is fit; `attempt` is then its object, with times and numbers read."""

    reason: str | None
    detail: str | None = None
    attempt: dict[str, Any] | None = None
    keen_id: str | None = None


class Unfit(Exception):
    """The record cannot land; its arguments are reason and detail."""


# --- From bytes to a JSON value

_BLANKS = "".join(chr(code) for code in range(0x3001) if chr(code).isspace() and not 0x1C <= code <= 0x1F)  # Unicode's White_Space
_ESCAPE = re.compile(  # from left to right, so that an escaped backslash begins none
    r"(?xs) \\u[dD][89abAB][0-9a-fA-F]{2} \\u[dD][c-fC-F][0-9a-fA-F]{2} | (?P<half> \\u[dD][89a-fA-F][0-9a-fA-F]{2} ) | \\."
)
_TOKEN = re.compile(r'(?s)"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]|NaN|-?Infinity')
_AFTER_NAME = ('" ', '"\t', '"\r', '"\n')
_KEEN_ID = re.compile(r'"keen_id"\s*:\s*"([^"\\]*)"')


class Written(float):
    """A number that is no whole one of ordinary size, as it is written."""

    text: str

    @classmethod
    def of(cls, text: str) -> "Written":
        value = cls(text)
        value.text = text
        return value


class _Pairs(list[tuple[str, Any]]):
    """An object as it is written, repeated keys and all."""


class _Repeated(Exception):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise _Repeated
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _integer(text: str) -> Any:
    """Python does not convert thousands of digits, which is no fault of the text."""
    return int(text) if len(text) < 20 else Written.of(text)


_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode
_as_written = partial(json.JSONDecoder, parse_constant=_refuse_constant, parse_float=Written.of, parse_int=_integer)
_decode_as_written = _as_written().decode
_decode_once = _as_written(object_pairs_hook=_once).decode
_decode_pairs = _as_written(object_pairs_hook=_Pairs).decode


def text_of(value: bytes) -> str:
    """The record's text, with `?` in place of each half of a surrogate pair, as Java writes it. Raises Unfit."""
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        near = value[max(0, error.start - NEAR) : error.start + NEAR].decode(errors="replace")
        raise Unfit("not_utf8", f"byte {error.start:,} begins no UTF-8, shown as \ufffd: {near}") from None
    if is_blank(text):
        raise Unfit("blank", f"{len(value)} bytes, nothing but white space")
    if text.count("[") + text.count("{") > MOST_LEVELS:
        _refuse_depth(text)
    if "\\ud" in text or "\\uD" in text:
        text = _ESCAPE.sub(lambda found: r"\u003f" if found["half"] else found[0], text)
    return text


def is_blank(text: str | None) -> bool:
    """None, empty, or white space of any script."""
    return text is None or not text.strip(_BLANKS)


def _refuse_depth(text: str) -> None:
    level = 0
    for token in _TOKEN.finditer(text):
        level += (token[0] in "[{") - (token[0] in "]}")
        if level > MOST_LEVELS:
            place = _byte(text, token.start())
            raise Unfit("too_deep", f"arrays and objects are nested deeper than {MOST_LEVELS:,} levels, at byte {place:,}")


def _byte(text: str, place: int) -> int:
    return len(text[:place].encode())


def parsed(text: str, decode: Callable[[str], Any] = _decode) -> Any:
    """The value of one strict JSON text (RFC 8259). Raises Unfit."""
    try:
        return decode(text)
    except json.JSONDecodeError as error:
        raise Unfit("invalid_json", _syntax(text, error.msg, error.pos)) from None
    except ValueError as error:
        if decode is _decode and str(error) not in ("NaN", "Infinity", "-Infinity"):
            return parsed(text, _decode_as_written)  # too many digits for an int
        place = next(token.start() for token in _TOKEN.finditer(text) if token[0] == str(error))
        raise Unfit("invalid_json", _syntax(text, f"{error} is no value of JSON", place)) from None


def _syntax(text: str, problem: str, place: int) -> str:
    near, byte = text[max(0, place - NEAR) : place + NEAR], _byte(text, place)
    if problem == "Extra data":
        return f"text after the end of the value, from byte {byte:,} on: {text[place : place + NEAR]}"
    return f"not JSON: {near} ({problem}: byte {byte:,})"


def _key_twice(text: str) -> str | None:
    """Which key stands more than once, and where, outermost first; None if none does."""
    try:
        parsed(text, _decode_once)
        return None
    except _Repeated:
        pass
    waiting: list[tuple[str, Any]] = [("", parsed(text, _decode_pairs))]
    for path, value in waiting:
        if isinstance(value, _Pairs):
            keys: set[str] = set()
            for key, below in value:
                if key in keys:
                    return f"key {key[: NAME_LENGTH // 2]} stands more than once in {path[-NAME_LENGTH // 3 :] or 'the record'}"
                keys.add(key)
                waiting.append((_joined(path, key), below))
        elif isinstance(value, list):
            waiting += ((f"{path}[{place}]", below) for place, below in enumerate(value))
    return None


def _joined(path: str, key: str) -> str:
    return f"{path}.{named(key)}" if path else named(key)


def named(key: str) -> str:
    """A field's name as a path has it."""
    if len(key) <= NAME_LENGTH and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", key):
        return key
    return '["' + re.sub(r'(["\\])', r"\\\1", key[:NAME_LENGTH]) + '"]'


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
        if self.tombstones and self._is_forgotten(key, verdict.keen_id or _mentioned(text)):
            return None
        if self._seen:
            self._counts.update(self._seen)
            if len(self._counts) > MOST_NAMES:
                self.fold()
        return verdict

    def _attempt(self, text: str, record: Any) -> dict[str, Any]:
        """The object with its texts read. Leaves in `_seen` what it has. Raises Unfit."""
        if type(record) is not dict:
            raise Unfit("not_an_object", f"a record is a JSON object, found {_shown(record)}")
        keen_id = record.get("keen_id")
        names = self._object(record, self._root)
        # Every key is a quotation mark and a colon, in strings too there may be such; so no key stands twice if there are no more.
        if (names != text.count('":') or any(gap in text for gap in _AFTER_NAME)) and (twice := _key_twice(text)):
            self._seen = []
            raise Unfit("duplicate_key", twice)
        if keen_id is None or (isinstance(keen_id, str) and is_blank(keen_id)):
            found = "nothing" if keen_id is None else json.dumps(keen_id)
            raise Unfit("missing_keen_id", f"keen_id: expected a string that is not blank, found {found}")
        if self._faulty:
            raise Unfit(*next(_sorted_faults(parsed(text, _decode_as_written))))
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
                    if not one:
                        self._seen.append(known.empty)
                    if known.read is not None:
                        read = value[known.name] = known.read(one)
                        if read is None:
                            self._faulty = True
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


def _mentioned(text: str) -> str | None:
    """The keen_id that a text which is no JSON names."""
    found = _KEEN_ID.search(text)
    return found[1] if found else None


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
                    yield "wrong_type", f"{path}[{place}]: expected object, found {_shown(element)}"


def _fault(path: str, value: Any, holds: Any) -> tuple[str, str] | None:
    kind: Any = _type(holds)
    if type(value) is kind:
        if kind is int and not LEAST_INT <= value <= MOST_INT:
            return "wrong_type", f"{path}: expected whole number from {LEAST_INT} to {MOST_INT}, found {value}"
        if kind is str and holds in READERS and READERS[holds](value) is None:
            return "unreadable_value", f"{path}: cannot be read as {holds}, found {_shown(value)}"
        return None
    expected = {dict: "object", list: "array", str: "string"}.get(kind, holds)
    if isinstance(value, Written) and kind is int:
        digits = value.text.removeprefix("-").isdecimal()
        expected += f" from {LEAST_INT} to {MOST_INT}" if digits else " without decimal point or exponent"
    return "wrong_type", f"{path}: expected {expected}, found {_shown(value)}"


def _shown(value: Any) -> str:
    if isinstance(value, Written):
        return value.text[:DETAIL_LENGTH]
    if isinstance(value, str):
        value = value[:DETAIL_LENGTH]
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))[:DETAIL_LENGTH]
