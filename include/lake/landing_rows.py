"""The rows of the table `landings`: a landing as a row, and back."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
from pyiceberg.expressions import AlwaysTrue, BooleanExpression, EqualTo
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table import Transaction

from include import receipts
from include.lake.snapshots import LANDING_ROW, landing_of
from include.lake.table_changes import LANDING_ID, keep_snapshots
from include.receipts import Landing
from include.schemas import LANDINGS

JSON_COLUMNS = ("source", "offsets", "reasons", "tables", "snapshots", "seconds", "warnings", "conservation", "unknown_fields", "override")
TIME_COLUMNS = ("found_at", "committed_at")


def newest(landings: IcebergTable) -> Landing | None:
    """The landing committed last; None if nothing has landed. Opens no data file."""
    snapshot = landings.current_snapshot()
    return landing_of(snapshot) if snapshot else None


def rows(landings: IcebergTable, day: str | None, snapshot_id: int | None = None) -> list[Landing]:
    """The landings of this day, or of all, in the order they were committed; now or as of this snapshot of `landings`."""
    scan = landings.scan(of_day(day) if day else AlwaysTrue(), snapshot_id=snapshot_id)
    selected = scan.to_arrow().to_pylist() if landings.current_snapshot() else []
    return sorted((from_row(row) for row in selected), key=lambda landing: landing.committed_at)


def of_day(day: str) -> BooleanExpression:
    """Selects the rows and files of this day, of whatever table."""
    return EqualTo("day", date.fromisoformat(day))  # type: ignore[call-arg, arg-type]  # pydantic's plugin does not see its __init__


def append(transaction: Transaction, landing: Landing, kept: set[int]) -> None:
    """Adds the landing's row to a change of `landings`, and takes all snapshots out of it but the kept ones and the new one."""
    row = pa.Table.from_pylist([as_row(landing)], schema=LANDINGS.arrow)
    transaction.append(row, snapshot_properties={LANDING_ID: landing.landing, LANDING_ROW: json.dumps(receipts.plain(landing))})
    keep_snapshots(transaction, kept)


def as_row(landing: Landing) -> dict[str, Any]:
    """The landing by the columns of `landings`."""
    values = receipts.plain(landing)
    return {
        **values,
        "day": date.fromisoformat(landing.day),
        **{name: moment(values[name]) for name in TIME_COLUMNS},
        **{name: None if values[name] is None else json.dumps(values[name]) for name in JSON_COLUMNS},
    }


def from_row(row: dict[str, Any]) -> Landing:
    """The landing that a row of `landings` holds. Raises Refused if it holds none."""
    values = {
        **row,
        "day": row["day"].isoformat(),
        **{name: row[name].isoformat() for name in TIME_COLUMNS},
        **{name: json.loads(row[name]) for name in JSON_COLUMNS if row.get(name) is not None},
    }
    values = {name: value for name, value in values.items() if value is not None}  # a column that came later
    return receipts.read(Landing, values, f"landing {row['landing']} in {LANDINGS.name}")


def moment(iso: str) -> datetime:
    """The moment that a receipt or a row says, in UTC."""
    return datetime.fromisoformat(iso).astimezone(UTC)
