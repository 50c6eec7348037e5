"""Texts that hold times and numbers: read exactly, or not at all."""

from datetime import UTC, datetime
from typing import Any

import pytest

from record import READERS


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


MOMENTS = [
    ("as the real file has it", "2018-01-28T19:17:53.796Z", utc(2018, 1, 28, 19, 17, 53, 796000)),
    ("no fraction", "2018-01-28T19:17:53Z", utc(2018, 1, 28, 19, 17, 53)),
    ("six decimals", "2018-01-28T19:17:53.123456Z", utc(2018, 1, 28, 19, 17, 53, 123456)),
    ("an offset is a zone too", "2018-01-28T20:17:53.5+01:00", utc(2018, 1, 28, 19, 17, 53, 500000)),
    ("29 February of a leap year", "2016-02-29T00:00:00Z", utc(2016, 2, 29)),
    ("the first moment Python can hold", "0001-01-01T00:00:00Z", utc(1, 1, 1)),
    ("the last one", "9999-12-31T23:59:59.999999Z", utc(9999, 12, 31, 23, 59, 59, 999999)),
    ("29 February of another year", "2018-02-29T00:00:00Z", None),
    ("month 13", "2018-13-01T00:00:00Z", None),
    ("hour 24", "2018-01-28T24:00:00Z", None),
    ("a leap second", "2016-12-31T23:59:60Z", None),
    ("no zone: which moment is it?", "2018-01-28T19:17:53", None),
    ("nothing beyond the microsecond is thrown away", "2018-01-28T19:17:53.1234567Z", None),
    ("a date", "2018-01-28", None),
    ("a year: a cast would take it", "2018", None),
    ("a time of day: a cast would make it today's", "T12:00:00Z", None),
    ("a region", "2018-01-28T19:17:53 Europe/Vienna", None),
    ("space around it", " 2018-01-28T19:17:53Z ", None),
    ("a line after it", "2018-01-28T19:17:53Z\n", None),
    ("Unix seconds", "1517167073", None),
    ("year 10000 in UTC, which no reader can hold", "9999-12-31T23:59:59-01:00", None),
    ("year 0", "0000-01-01T00:00:00Z", None),
    ("digits of another script", "２０18-01-28T19:17:53Z", None),
    ("empty", "", None),
]

SECONDS = [
    ("seven decimals, rounded up", "1514210979.4121809", utc(2017, 12, 25, 14, 9, 39, 412181)),
    ("seven decimals, rounded down", "1514210979.4121804", utc(2017, 12, 25, 14, 9, 39, 412180)),
    ("a half goes up", "1514210979.4121805", utc(2017, 12, 25, 14, 9, 39, 412181)),
    ("rounded once, not digit by digit", "1514210979.41218049", utc(2017, 12, 25, 14, 9, 39, 412180)),
    ("up into the next second", "1514210979.9999999", utc(2017, 12, 25, 14, 9, 40)),
    ("five decimals", "1511225025.32363", utc(2017, 11, 21, 0, 43, 45, 323630)),
    ("no decimals", "1511225025", utc(2017, 11, 21, 0, 43, 45)),
    ("thirty decimals", "0." + "1" * 30, utc(1970, 1, 1, 0, 0, 0, 111111)),
    ("before 1970", "-0.5", utc(1969, 12, 31, 23, 59, 59, 500000)),
    ("the last moment of year 9999", "253402300799.999999", utc(9999, 12, 31, 23, 59, 59, 999999)),
    ("rounded into year 10000", "253402300799.9999999", None),
    ("year 10000", "253402300800", None),
    ("before year 1", "-62135596801", None),
    ("thirteen digits: milliseconds, not seconds", "1514210979412", None),
    ("an exponent", "1.5e9", None),
    ("a bare point", "1514210979.", None),
    ("hexadecimal", "0x5A410000", None),
    ("space", " 1514210979", None),
    ("a line after it", "1514210979\n", None),
    ("text", "now", None),
    ("empty", "", None),
]

NUMBERS = [
    ("as the real file has it", "1.0", 1.0),
    ("whole", "3", 3.0),
    ("negative", "-2.5", -2.5),
    ("exponent", "1e3", 1000.0),
    ("Java's suffix is no number", "1.0d", None),
    ("NaN", "NaN", None),
    ("Infinity", "Infinity", None),
    ("too large for a double", "1e999", None),
    ("text", "one", None),
    ("space", " 1.0", None),
    ("a line after it", "1.0\n", None),
    ("empty", "", None),
]


@pytest.mark.parametrize(
    ("kind", "why", "text", "expected"),
    [
        pytest.param(kind, *case, id=f"{kind}: {case[0]}")
        for kind, cases in {"moment": MOMENTS, "unix seconds": SECONDS, "number": NUMBERS}.items()
        for case in cases
    ],
)
def test_reads_exactly_or_not_at_all(kind: str, why: str, text: str, expected: Any) -> None:
    assert READERS[kind](text) == expected, why
