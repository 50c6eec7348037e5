"""Readers of what the records hold in strings: Column -> Column, null where the text cannot be read. Null stays null."""

from collections.abc import Callable

from pyspark.sql import Column
from pyspark.sql import functions as F

_TIME = r"-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?"
# A moment needs its zone: `Z` or an offset. Years stay within 1 to 9999 in UTC, what Python and SQL engines can hold.
ISO_MOMENT = rf"(?:(?!0000)\d{{4}}{_TIME}Z|(?!0000|0001|9999)\d{{4}}{_TIME}[+-]\d\d:\d\d)"
_UNIX_SECONDS = r"^-?\d{1,12}(\.\d+)?\z"  # not `$`: Java lets that match before a last line feed
_NUMBER = r"^-?\d+(\.\d+)?([eE][+-]?\d+)?\z"
_YEAR_1, _YEAR_10000 = -62_135_596_800, 253_402_300_800  # seconds since 1970


def moment(text: Column) -> Column:
    """ISO 8601 with `Z` or an offset and up to six decimals, as a TIMESTAMP.

    The shape is asked for first, because a cast would also take `2018`, and `T12:00` as noon of the day the job runs.
    """
    return F.when(text.rlike(rf"^{ISO_MOMENT}\z"), text.try_cast("timestamp"))


def unix_seconds(text: Column) -> Column:
    """Seconds since 1970 with any number of decimals, as a TIMESTAMP rounded half up to the microsecond.

    Exact: a double holds 1514210979.4121809 only to about a quarter of a microsecond.
    """
    seconds = F.when(text.rlike(_UNIX_SECONDS), text.try_cast("decimal(18,6)"))
    return F.when((seconds >= _YEAR_1) & (seconds < _YEAR_10000), F.timestamp_micros((seconds * 1_000_000).cast("bigint")))


def number(text: Column) -> Column:
    """A decimal number as a DOUBLE; what is too large for one is null, never Infinity."""
    value = F.when(text.rlike(_NUMBER), text.try_cast("double"))
    return F.when(F.abs(value) < float("inf"), value)


READERS: dict[str, Callable[[Column], Column]] = {"moment": moment, "unix seconds": unix_seconds, "number": number}
