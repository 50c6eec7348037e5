"""Fields that are null, missing, empty or of another type: how often, whether the count is right, and whether it moved.

The table `holes` has one row per day and path. `READ_FROM` says in which column of which table each path ended up, so that the counts can
be compared with rows that came another way.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import pyarrow.parquet as pq

from include.lake import Lake
from include.tables import READ_FROM

OBJECTS = ("sequences", "sequences.counts", "sequences.questions[]", "sequences.questions[].options[]")
PATHS = frozenset([*OBJECTS, *(path for paths in READ_FROM.values() for path in paths)])
SHOWN = 20


@dataclass(frozen=True)
class Counts:
    """One path of one day: of `parents` that could have it so many did, and so many did not."""

    parents: int
    present: int
    nulls: int
    missing: int
    empty: int
    wrong_type: int


Holes = dict[str, Counts]
KINDS = ("nulls", "missing", "empty", "wrong_type", "present")
_IN_WORDS = {"nulls": "null", "wrong_type": "of another type"}


def nearest_earlier(lake: Lake, day: str) -> tuple[str, Holes] | None:
    """The landed day before this one that has records, as of the newest landing, and its holes; None if there is none."""
    state = lake.state()
    snapshot = state.snapshots.get("holes") if state else None
    if snapshot is None:
        return None
    names = [field.name for field in fields(Counts)]
    for before in sorted((each for each in lake.days("holes", snapshot) if each < day), reverse=True):
        rows = [row for path in lake.files("holes", snapshot, before) for row in pq.read_table(path, filesystem=lake.fs).to_pylist()]
        if any(row["parents"] for row in rows):
            return before, {row["path"]: Counts(**{name: row[name] for name in names}) for row in rows}
    return None


def moved(holes: Holes, before: Holes, day: str, points: float) -> list[str]:
    """Sentences about paths whose share of any kind is more than `points` percentage points away from that of `day`, the day before."""
    found = [sentence for path in sorted(holes) if path in before for sentence in _moved(path, holes[path], before[path], day, points)]
    more = [f"and {len(found) - SHOWN} more fields that moved by more than {points:g} points"] if len(found) > SHOWN else []
    return [*found[:SHOWN], *more]


def _moved(path: str, now: Counts, then: Counts, day: str, points: float) -> Iterator[str]:
    if not now.parents or not then.parents:
        return
    shares = {kind: (100 * getattr(then, kind) / then.parents, 100 * getattr(now, kind) / now.parents) for kind in KINDS}
    far = [kind for kind, (old, new) in shares.items() if abs(new - old) > points]
    # What is present less often is something else more often; that is the better sentence.
    for kind in [kind for kind in far if kind != "present"] or far:
        old, new = shares[kind]
        yield f"{path} is {_IN_WORDS.get(kind, kind)} in {new:.1f} % of {now.parents:,}; on {day} it was in {old:.1f} % of {then.parents:,}"
