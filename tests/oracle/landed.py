"""What lies in the lake, compared with an independent count of the source files."""

import pyarrow.parquet as pq

from include.lake.lake import Lake
from tests.oracle.recount import KEYS, Recount, compare


def differences(lake: Lake, day: str, expected: Recount) -> list[str]:
    """Every difference between the day's rows in every table, as of the newest landing, and the expected ones."""
    newest = lake.newest()
    assert newest, "nothing has landed"
    found = []
    for table, rows in expected.tables.items():
        landed = [row for path in lake.files(table, newest.snapshots[table]) for row in pq.read_table(path, filesystem=lake.fs).to_pylist()]
        found += compare(rows, [row for row in landed if row["day"].isoformat() == day], KEYS[table], table)
    return found
