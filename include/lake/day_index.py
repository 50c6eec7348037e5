"""Which days have landed and with which figures, without opening a data file: for calendars of years.

A commit writes each row of `landings` as a file of its own, and Iceberg keeps every column's lowest and highest value in the manifest:
of one row these are its values, texts cut after 16 letters.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self

from pyiceberg.conversions import from_bytes
from pyiceberg.manifest import DataFile
from pyiceberg.types import NestedField, PrimitiveType

from include.lake.lake import Lake
from include.receipts import Landing
from include.schemas import LANDINGS

NO_WARNINGS = "[]"  # as JSON
COLUMNS = ("day", "committed_at", "published", "landed", "duplicates", "quarantined", "warnings")


@dataclass(frozen=True)
class LandedDay:
    """The figures of a day's landing in force; records and distinct attempts."""

    day: date
    committed_at: datetime
    published: int
    landed: int
    duplicates: int
    quarantined: int
    has_warnings: bool

    @classmethod
    def of(cls, landing: Landing) -> Self:
        return cls(
            day=date.fromisoformat(landing.day),
            committed_at=datetime.fromisoformat(landing.committed_at),
            published=landing.published,
            landed=landing.landed,
            duplicates=landing.duplicates,
            quarantined=landing.quarantined,
            has_warnings=bool(landing.warnings),
        )


def landed_days(lake: Lake) -> dict[date, LandedDay]:
    """Every landed day as its landing in force has it. Raises LandfallError if the catalog or HDFS does not answer."""
    files, schema = lake.manifest_entries(LANDINGS)
    columns = {name: schema.find_field(name) for name in COLUMNS}
    found = [_from_bounds(file, columns) for file in files]
    known = [day for day in found if day]
    if len(known) < len(found):  # a file of several rows, or one whose bounds say too little
        known = [LandedDay.of(landing) for landing in lake.landings()]
    return _in_force(known)


def _in_force(days: Iterable[LandedDay]) -> dict[date, LandedDay]:
    return {each.day: each for each in sorted(days, key=lambda each: each.committed_at)}


def _from_bounds(file: DataFile, columns: Mapping[str, NestedField]) -> LandedDay | None:
    if file.record_count != 1:
        return None
    row = {name: _only_value(file, column) for name, column in columns.items()}
    if any(value is None for value in row.values()):
        return None
    return LandedDay(
        day=_date(row["day"]),
        committed_at=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=row["committed_at"]),
        published=row["published"],
        landed=row["landed"],
        duplicates=row["duplicates"],
        quarantined=row["quarantined"],
        has_warnings=row["warnings"] != NO_WARNINGS,
    )


def _only_value(file: DataFile, column: NestedField) -> Any:
    """The column's lower bound, which in a file of one row is its value; None if there is none."""
    bound = (file.lower_bounds or {}).get(column.field_id)
    return from_bytes(column.field_type, bound) if bound is not None and isinstance(column.field_type, PrimitiveType) else None


def _date(days: int) -> date:
    """Bounds have dates as days since 1970."""
    return date(1970, 1, 1) + timedelta(days=days)
