"""What a record may say: the written schema, and how the texts in it are read. Plain Python, for the driver and for Spark's workers.

A field holds one of the KINDS, an object (a dictionary of fields) or an array of objects (a list of the one dictionary). Fields that are
not written here are unknown: counted, and otherwise ignored.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from math import isfinite
from typing import Any

Fields = dict[str, Any]

_OPTION: Fields = {"id": "text", "checked": "boolean", "correct": "boolean", "at": "moment", "submitted": "whole number"}
_QUESTION: Fields = {
    "id": "text",
    "user_result": "text",
    "user_correct": "boolean",
    "user_incomplete": "boolean",
    "user_submitted": "boolean",
    "options": [_OPTION],
}
COUNTS: Fields = dict.fromkeys(("incomplete", "submitted", "incorrect", "correct", "total", "unanswered"), "whole number")
COUNTS["all_correct"] = "boolean"
RECORD: Fields = {
    **dict.fromkeys(("keen_id", "exam_name", "base_exam_id", "user_exam_id", "certification"), "text"),
    "max_attempts": "number",
    "started_at": "moment",
    "keen_timestamp": "unix seconds",
    "keen_created_at": "unix seconds",
    "sequences": {"id": "text", "attempt": "whole number", "counts": COUNTS, "questions": [_QUESTION]},
}

LEAST_INT, MOST_INT = -(2**31), 2**31 - 1

# --- Readers: text -> value, None where it cannot be read

# A moment needs its zone: `Z` or an offset. Years stay within 1 to 9999 in UTC, what Python and SQL engines can hold.
_TIME = r"-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?"
_is_moment = re.compile(rf"(?:(?!0000)\d{{4}}{_TIME}Z|(?!0000|0001|9999)\d{{4}}{_TIME}[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII).fullmatch
_is_unix_seconds = re.compile(r"-?\d{1,12}(?:\.\d+)?", re.ASCII).fullmatch
_is_number = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII).fullmatch
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(text: str) -> datetime | None:
    """ISO 8601 with `Z` or an offset and up to six decimals."""
    try:
        return datetime.fromisoformat(text) if _is_moment(text) else None
    except ValueError:  # 30 February
        return None


def unix_seconds(text: str) -> datetime | None:
    """Seconds since 1970 with any number of decimals, rounded half up to the microsecond: exact, as a double would not be."""
    if not _is_unix_seconds(text):
        return None
    micros = Decimal(text).scaleb(6, Context(prec=len(text) + 6)).to_integral_value(ROUND_HALF_UP)
    try:
        return _EPOCH + timedelta(microseconds=int(micros))
    except OverflowError:
        return None


def number(text: str) -> float | None:
    """A decimal number; what is too large for a double is None, never Infinity."""
    value = float(text) if _is_number(text) else None
    return value if value is not None and isfinite(value) else None


READERS: dict[str, Callable[[str], Any]] = {"moment": moment, "unix seconds": unix_seconds, "number": number}
"""The kinds of text that hold something else."""

KINDS: dict[str, type] = {"text": str, "boolean": bool, "whole number": int, **dict.fromkeys(READERS, str)}
"""What JSON must have in place of each: a time or number in a string is never a number that could pass for one."""
