"""An export of months, cut into the files of its days, so that it can be backfilled like any other history."""

import json
import os
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from include.errors import Refused
from include.source.files import describe, spool
from include.source.records import Records
from include.storage.spool import spool_folder
from include.storage.stores import entry

UNDATED = "undated"
BUFFER_BYTES = 64 * 1024 * 1024
PORTION = 1000  # records
SHOWN_BYTES = 100  # of a value that is no moment
SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?([eE]\+?[0-9]{1,2})?")
FIRST_SECOND = 1_000_000_000  # 2001-09-09


@dataclass(frozen=True)
class Example:
    """One undated record: its number in the source, from 0, and what it has in place of a moment, such as `has started_at true`."""

    record: int
    reason: str


@dataclass(frozen=True)
class Day:
    """One file that was written; `day` is YYYY-MM-DD, or `undated` for the records without a moment that is certain.

    `example` is the first of the undated records.
    """

    day: str
    path: str
    records: int
    bytes: int
    example: Example | None = None


def split(uri: str, by: str, out: Path, time_zone: ZoneInfo) -> list[Day]:
    """Writes `<out>/<day>.ndjson` (`.json`, an array, if a record goes over several lines) and returns the files in order.

    Every record stands in one of them, byte for byte, in the order of the source. `by` is a field of the record that holds a moment: ISO
    8601 with its zone, or seconds since 1970; a record whose moment is not certain is undated. Nothing is at `out` before all of it is.
    Raises Refused for a source that cannot be read and for an `out` that is not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Refused(f"{out} is there and not empty. Nothing was written. Name a new folder, or empty this one.")
    source = describe("", "", [uri], datetime.now(UTC).isoformat())
    part = out.with_name(f".{out.name}.part")
    with spool_folder("split") as folder:
        spooled = spool(source, folder)
        spooled.confirm()
        with Records.open(spooled.paths) as records:
            shutil.rmtree(part, ignore_errors=True)  # of a split that was killed
            part.mkdir(parents=True)
            files, example = _write(records, by, part, time_zone)
            _date_back(part, entry(uri).changed)
    if out.exists():
        out.rmdir()  # it is empty
    part.replace(out)
    return [
        Day(day, str(out / name), count, (out / name).stat().st_size, example if day == UNDATED else None)
        for day, (name, count) in sorted(files.items())
    ]


def _date_back(folder: Path, changed: float | None) -> None:
    """Gives the files the age of what they were cut from: they are as whole as that is, and nobody need wait until they are quiet."""
    if changed is not None:
        for path in folder.iterdir():
            os.utime(path, (changed, changed))


def _write(records: Records, by: str, folder: Path, time_zone: ZoneInfo) -> tuple[dict[str, tuple[str, int]], Example | None]:
    """Day to its file's name and records, and the first undated record."""
    lines = not any(b"\n" in record for record in _all(records))
    suffix, before, between, after = (".ndjson", b"", b"\n", b"\n") if lines else (".json", b"[", b",\n", b"]\n")
    counts: dict[str, int] = defaultdict(int)
    buffers: dict[str, list[bytes]] = defaultdict(list)
    held, example = 0, None

    def flush() -> None:
        for day, parts in buffers.items():
            with (folder / f"{day}{suffix}").open("ab") as file:
                file.writelines(parts)
        buffers.clear()

    for number, record in enumerate(_all(records)):
        day, reason = _day(record, by, time_zone)
        if reason and example is None:
            example = Example(number, reason)
        buffers[day] += [between if counts[day] else before, record]
        counts[day] += 1
        held += len(record)
        if held >= BUFFER_BYTES:
            flush()
            held = 0
    for day in counts:
        buffers[day].append(after)
    flush()
    return {day: (f"{day}{suffix}", count) for day, count in counts.items()}, example


def _all(records: Records) -> Iterator[bytes]:
    for first in range(0, len(records), PORTION):
        yield from records.slice(first, min(PORTION, len(records) - first))


def _day(record: bytes, by: str, time_zone: ZoneInfo) -> tuple[str, str]:
    """The day of the record's moment in this time zone and "", or UNDATED and why it has none, as a sentence about the record."""
    try:
        fields = msgspec.json.decode(record, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return UNDATED, "is not a JSON object"
    if by not in fields:
        return UNDATED, f"has no {by}"
    if record.count(b'"' + by.encode() + b'"') > 1 and (times := _times(record, by)) > 1:
        return UNDATED, f"has {by} {times} times"
    value = bytes(fields[by])
    with suppress(msgspec.MsgspecError, ValueError, OverflowError):
        return _moment(value).astimezone(time_zone).date().isoformat(), ""
    return UNDATED, f"has {by} {value[:SHOWN_BYTES].decode(errors='replace')}{'...' if len(value) > SHOWN_BYTES else ''}"


def _times(record: bytes, by: str) -> int:
    """How often the record itself has this key, not the objects within it."""
    pairs = json.loads(record.decode(errors="replace"), object_pairs_hook=list)
    return sum(key == by for key, _ in pairs)


def _moment(value: bytes) -> datetime:
    """The moment that a JSON value certainly is. Raises ValueError for anything that could as well be something else.

    Seconds may be a string or a number, from 2001 (ten digits) to tomorrow: 20180128 is a date and 1517167151279 are milliseconds. Only
    whole seconds count, for as a float 23:59:59.9999999 is the next day's.
    """
    text = msgspec.json.decode(value, type=str) if value.startswith(b'"') else value.decode()
    if not SECONDS.fullmatch(text):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError(f"{text} names no zone")
        return moment
    seconds = Decimal(text)
    if not FIRST_SECOND <= seconds < (datetime.now(UTC) + timedelta(days=1)).timestamp():
        raise ValueError(f"{text} are no seconds since 1970")
    return datetime.fromtimestamp(int(seconds), UTC)
