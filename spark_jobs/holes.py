"""What the records have and lack: per path of the written schema, and of every field that it does not know.

What is counted is the source as it came: every record that is one strict JSON object, copies and quarantined ones too, for a wrong type
is a reason for quarantine. `judging.py` counts; here it becomes the rows of the table.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

import pyarrow as pa

from judging import Tally
from record import RECORD, Fields
from schemas import TABLES

MOST_UNKNOWN = 100


def _paths(fields: Fields, above: str) -> Iterator[tuple[str, str]]:
    for name, holds in fields.items():
        path = f"{above}.{name}" if above else name
        yield path, above
        if isinstance(holds, list):
            path, holds = f"{path}[]", holds[0]
            yield path, path
        if isinstance(holds, dict):
            yield from _paths(holds, path)


# Path -> path of the objects that it is a field of. An element of an array is its own parent: it cannot be missing.
PATHS = dict(_paths(RECORD, ""))


def rows(day: date, tally: Tally) -> pa.Table:
    """The table `holes`: one row for each path of the written schema."""
    columns = zip(*(_row(day, path, above, tally) for path, above in PATHS.items()), strict=True)
    return pa.table(list(map(list, columns)), TABLES["holes"])


def _row(day: date, path: str, above: str, tally: Tally) -> tuple[Any, ...]:
    nulls, empty, wrong = (tally[path, what] for what in ("nulls", "empty", "wrong_type"))
    if path == above:
        there = parents = tally[path, "objects"] + nulls + wrong
    else:
        there, parents = tally[path, "there"], tally[above, "objects"]
    return day, path, parents, there - nulls - empty - wrong, nulls, parents - there, empty, wrong


def unknown_fields(unknown: Counter[str]) -> dict[str, int]:
    """Path -> how often it was there, the most frequent first; `...` for those beyond MOST_UNKNOWN, which are not counted."""
    by_number = sorted(unknown.items(), key=lambda item: (-item[1], item[0]))
    return {**dict(by_number[:MOST_UNKNOWN]), **({"...": 0} if len(by_number) > MOST_UNKNOWN else {})}
