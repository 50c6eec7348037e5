"""A record's bytes as a JSON value: strict (RFC 8259), each key once, and where the fault is in what is none.

A path is written as `sequences.questions[].options[].at`; `[]` is an element of an array. A name that is not plain stands in brackets
and quotes: `["a.b"]`.
"""

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

DETAIL_LENGTH = 200
NEAR = 40  # characters shown before and after a fault
NAME_LENGTH = 200
MOST_LEVELS = 1000  # of arrays and objects within each other


class Unfit(Exception):
    """The record cannot land; its arguments are reason and detail."""


_BLANKS = "".join(chr(code) for code in range(0x3001) if chr(code).isspace() and not 0x1C <= code <= 0x1F)  # Unicode's White_Space
_ESCAPE = re.compile(  # from left to right, so that an escaped backslash begins none
    r"(?xs) \\u[dD][89abAB][0-9a-fA-F]{2} \\u[dD][c-fC-F][0-9a-fA-F]{2} | (?P<half> \\u[dD][89a-fA-F][0-9a-fA-F]{2} ) | \\."
)
_TOKEN = re.compile(r'(?s)"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]|NaN|-?Infinity')
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
decode_as_written = _as_written().decode
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
    if "\\" in text and ("\\ud" in text or "\\uD" in text):  # one character is found much faster than three
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
            return parsed(text, decode_as_written)  # too many digits for an int
        place = next(token.start() for token in _TOKEN.finditer(text) if token[0] == str(error))
        raise Unfit("invalid_json", _syntax(text, f"{error} is no value of JSON", place)) from None


def _syntax(text: str, problem: str, place: int) -> str:
    near, byte = text[max(0, place - NEAR) : place + NEAR], _byte(text, place)
    if problem == "Extra data":
        return f"text after the end of the value, from byte {byte:,} on: {text[place : place + NEAR]}"
    return f"not JSON: {near} ({problem}: byte {byte:,})"


def gap_after_quote(text: str) -> bool:
    """Whether white space stands behind a quotation mark, where the colon of a name is else."""
    return any(blank in text and f'"{blank}' in text for blank in " \t\r\n")


def key_twice(text: str) -> str | None:
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


def mentioned_keen_id(text: str) -> str | None:
    """The keen_id that a text which is no JSON names."""
    found = _KEEN_ID.search(text)
    return found[1] if found else None


def shown(value: Any) -> str:
    if isinstance(value, Written):
        return value.text[:DETAIL_LENGTH]
    if isinstance(value, str):
        value = value[:DETAIL_LENGTH]
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))[:DETAIL_LENGTH]
