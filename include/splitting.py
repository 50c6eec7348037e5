"""An export of months, cut into the files of its days, so that it can be backfilled like any other history."""

import os
import shutil
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from include.errors import Refused
from include.records import Records
from include.source import describe, spool
from include.spooling import spool_folder
from include.stores import entry

UNDATED = "undated"
BUFFER_BYTES = 64 * 1024 * 1024
PORTION = 1000  # records


@dataclass(frozen=True)
class Day:
    """One file that was written; `day` is YYYY-MM-DD, or `undated` for the records without a moment that can be read."""

    day: str
    path: str
    records: int
    bytes: int


def split(uri: str, by: str, out: Path, time_zone: ZoneInfo) -> list[Day]:
    """Writes `<out>/<day>.ndjson` (`.json`, an array, if a record goes over several lines) and returns the files in order.

    Every record stands in one of them, byte for byte, in the order of the source. `by` is a field of the record that holds a moment: ISO
    8601 with its zone, or seconds since 1970. Nothing is at `out` before all of it is. Raises Refused for a source that cannot be read and
    for an `out` that is not empty.
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
            files = _write(records, by, part, time_zone)
            _date_back(part, entry(uri).changed)
    if out.exists():
        out.rmdir()  # it is empty
    part.replace(out)
    return [Day(day, str(out / name), count, (out / name).stat().st_size) for day, (name, count) in sorted(files.items())]


def _date_back(folder: Path, changed: float | None) -> None:
    """Gives the files the age of what they were cut from: they are as whole as that is, and nobody need wait until they are quiet."""
    if changed is not None:
        for path in folder.iterdir():
            os.utime(path, (changed, changed))


def _write(records: Records, by: str, folder: Path, time_zone: ZoneInfo) -> dict[str, tuple[str, int]]:
    lines = not any(b"\n" in record for record in _all(records))
    suffix, before, between, after = (".ndjson", b"", b"\n", b"\n") if lines else (".json", b"[", b",\n", b"]\n")
    counts: dict[str, int] = defaultdict(int)
    buffers: dict[str, list[bytes]] = defaultdict(list)
    held = 0

    def flush() -> None:
        for day, parts in buffers.items():
            with (folder / f"{day}{suffix}").open("ab") as file:
                file.writelines(parts)
        buffers.clear()

    for record in _all(records):
        day = _day(record, by, time_zone)
        buffers[day] += [between if counts[day] else before, record]
        counts[day] += 1
        held += len(record)
        if held >= BUFFER_BYTES:
            flush()
            held = 0
    for day in counts:
        buffers[day].append(after)
    flush()
    return {day: (f"{day}{suffix}", count) for day, count in counts.items()}


def _all(records: Records) -> Iterator[bytes]:
    for first in range(0, len(records), PORTION):
        yield from records.slice(first, min(PORTION, len(records) - first))


def _day(record: bytes, by: str, time_zone: ZoneInfo) -> str:
    """The day of the record's moment in this time zone, or UNDATED."""
    with suppress(msgspec.MsgspecError, RecursionError, ValueError, OverflowError, KeyError, TypeError):
        fields = msgspec.json.decode(record, type=dict[str, msgspec.Raw])
        return _moment(msgspec.json.decode(fields[by])).astimezone(time_zone).date().isoformat()
    return UNDATED


def _moment(value: str | float) -> datetime:
    with suppress(ValueError):
        return datetime.fromtimestamp(float(value), UTC)
    moment = datetime.fromisoformat(str(value))
    if moment.tzinfo is None:
        raise ValueError(f"{value} names no zone")
    return moment
