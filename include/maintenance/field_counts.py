"""The table `holes` after some of its records are gone: what they had and lacked is counted here, record by record, and subtracted."""

import json
from collections import Counter
from dataclasses import fields
from typing import Any

import pyarrow as pa

from include.errors import LandfallError
from include.schemas import BOOL, INT, LANDED, READ_FROM
from include.validation.holes import OBJECTS, Counts


def without(rows: pa.Table, values: list[bytes]) -> pa.Table:
    """The table `holes` without what these records had counted to it."""
    names = [field.name for field in fields(Counts)]
    gone = held(values)
    left: list[dict[str, Any]] = [{**row, **{name: row[name] - gone[row["path"], name] for name in names}} for row in rows.to_pylist()]
    if any(row[name] < 0 for row in left for name in names):
        raise LandfallError("holes counts fewer fields than the attempt has. Nothing was changed. Land the day again, which leaves it out.")
    return pa.Table.from_pylist(left, schema=LANDED["holes"].arrow)


def held(values: list[bytes]) -> Counter[tuple[str, str]]:
    """(path, kind) to how often, `parents` being the sum of the kinds: of those records that are one strict JSON object."""
    counted: Counter[tuple[str, str]] = Counter()
    for value in values:
        try:
            record = json.loads(value.decode(), object_pairs_hook=_unrepeated, parse_constant=_refuse)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            _look_into(record, "", counted)
    return counted


def _kinds() -> dict[str, type]:
    """Path to the type that JSON has for it; times and numbers that are held in text are texts."""
    kinds: dict[str, type] = dict.fromkeys(OBJECTS, dict)
    for table, paths in READ_FROM.items():
        of = {name: kind for name, kind, _ in LANDED[table].columns}
        for path, column in paths.items():
            kinds[path] = list if column.endswith("_count") else {INT: int, BOOL: bool}.get(of[column], str)
    return kinds


KINDS = _kinds()


def _look_into(parent: dict[str, Any], prefix: str, counted: Counter[tuple[str, str]]) -> None:
    for path in KINDS:
        name = path.removeprefix(prefix)
        if not path.startswith(prefix) or not name or "." in name or name.endswith("[]"):
            continue
        if name not in parent:
            counted.update([(path, "parents"), (path, "missing")])
            continue
        _count(parent[name], path, counted)


def _count(value: Any, path: str, counted: Counter[tuple[str, str]]) -> None:
    counted.update([(path, "parents"), (path, _kind(value, KINDS[path]))])
    if isinstance(value, dict) and KINDS[path] is dict:
        _look_into(value, f"{path}.", counted)
    if isinstance(value, list) and KINDS[path] is list:
        for element in value:
            _count(element, f"{path}[]", counted)


def _kind(value: Any, expected: type) -> str:
    if value is None:
        return "nulls"
    if type(value) is not expected or (isinstance(value, int) and not -(2**63) <= value < 2**63):
        return "wrong_type"
    return "empty" if expected in (str, list, dict) and not value else "present"


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands more than once")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
