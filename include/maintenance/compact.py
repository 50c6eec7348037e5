"""Days of more small files than the contract allows: written anew as few, each committed as a landing of the same source."""

import secrets
from collections import Counter
from dataclasses import dataclass, replace

from include.lake.aggregates import AGGREGATES
from include.lake.lake import Lake, State
from include.lake.tombstones import tombstones
from include.maintenance.rewrite import FILE_BYTES, Rewriting, beginning_again, commit
from include.schemas import LANDED

MARK = "-compact-"  # in the id of a landing that is another one's in fewer files
SMALL = FILE_BYTES // 4


@dataclass(frozen=True)
class Compacted:
    """One day: how many files its tables had, and have now. In a dry run `after` is None."""

    day: str
    before: int
    after: int | None


def compact(lake: Lake, max_files: int, dry_run: bool = False) -> list[Compacted]:
    """Writes anew the days that have a table of more than `max_files` small files; the rows stay what they are.

    A day that landed before there was one of the small tables gets its rows of it.
    Where a landing of the day comes in between, the day begins again with that one. Raises LandfallError where it does again and again;
    what is done by then stays.
    """
    state = lake.state()
    if state is None:
        return []
    return [
        Compacted(day, files, None if dry_run else _compact(lake, day)) for day, files in sorted(crowded(lake, state, max_files).items())
    ]


def crowded(lake: Lake, state: State, max_files: int) -> dict[str, int]:
    """Day to number of files of all tables, for days of which some table has more than so many small ones."""
    files, too_many = Counter[str](), set()
    for table in LANDED:
        sizes = lake.sizes(table, state.snapshots[table]) if table in state.snapshots else []  # of a table that came later
        files.update(day for day, _ in sizes)
        small = Counter(day for day, size in sizes if size < SMALL)
        too_many |= {day for day, number in small.items() if number > max_files}
    return {day: files[day] for day in too_many}


@beginning_again
def _compact(lake: Lake, day: str) -> int:
    known = tombstones(lake.fs, lake.path)  # before the rows are read: an attempt that is forgotten later is in them
    old, state = lake.in_force(day), lake.state()  # in this order: a landing in between makes the commit fail
    assert old is not None
    assert state is not None
    landing = f"{old.landing.partition(MARK)[0]}{MARK}{secrets.token_hex(3)}"
    with Rewriting(lake, state, old, landing) as rewriting:
        came_later = [table for table in AGGREGATES if table not in old.tables]
        for table in LANDED:
            if table not in came_later:
                rewriting.fill(table, rewriting.rows(table))
        if came_later:
            rewriting.sum_up(came_later)
        rows = {table: files.rows for table, files in rewriting.files.items()}
        commit(lake, old, replace(old, landing=landing, committed_at="", snapshots={}, tables=rows), rewriting.receipt(known))
    return sum(len(table.files) for table in rewriting.files.values())
