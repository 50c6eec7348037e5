"""What a lake no longer needs: old snapshots, and files that no snapshot has, once they are as old as the contract says.

A landing writes its directories hours before its commit names them, and a commit may meet a tidying at any moment. So a directory

1. is only looked at when nothing in it is younger than `unneeded_days`, and no remaining snapshot has a file of it;
2. is set aside first, under `tidied/`, where no commit finds it;
3. goes after an empty snapshot of `landings`, at which every commit that began before fails, to be tried again, and only if no
   snapshot has come to need it: else it is put back.

Killed anywhere, the next tidying finds what lies under `tidied/` and goes on with 3.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from include.effects import Effect, effect
from include.hdfs import make_directory
from include.lake import Lake
from include.receipts import Landing
from include.tables import LANDED, TABLES

log = logging.getLogger(__name__)

ASIDE = "tidied"


@dataclass(frozen=True)
class Amount:
    """How many, and how many bytes."""

    count: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Tidied:
    """What a tidying took away, or in a dry run would take away."""

    customer: str
    dry_run: bool
    snapshots: int = 0
    landings: Amount = field(default_factory=Amount)
    receipts: Amount = field(default_factory=Amount)


@dataclass(frozen=True)
class Removable:
    """A directory or file that nothing needs, by its path within the lake."""

    name: str
    bytes: int


def tidy(lake: Lake, unneeded_days: int, dry_run: bool = False, now: datetime | None = None) -> Tidied:
    """Takes away what no landing in force needs and has not needed for so many days. Raises LandfallError if a commit came in between."""
    if lake.state() is None:
        return Tidied(lake.customer, dry_run)  # of a lake without a landing everything is still to come
    before = (now or datetime.now(UTC)) - timedelta(days=unneeded_days)
    expired = {table: ids for table in TABLES if (ids := lake.unneeded_snapshots(table, before))}
    if not dry_run:
        put_back_or_remove(lake)
        for table, ids in expired.items():
            lake.expire(table, ids)
    landings = [each for table in LANDED for each in unneeded_directories(lake, table, lake.needed(table, expired.get(table, [])), before)]
    receipts = list(unneeded_receipts(lake, before))
    if not dry_run:
        for each in landings:
            set_aside(lake, each)
        put_back_or_remove(lake)
        for each in receipts:
            remove(lake, each.name)
    return Tidied(lake.customer, dry_run, sum(map(len, expired.values())), amount(landings), amount(receipts))


def unneeded_directories(lake: Lake, table: str, needed: set[str], before: datetime) -> Iterator[Removable]:
    """Directories of landings without a needed file that were last written, and last in force, before this moment."""
    kept = {path.rpartition("/")[0] for path in needed}
    rows = lake.landings()
    for each in listed(lake.fs, f"{lake.path}/{table}"):
        landing = landing_of(each["name"])
        if landing is None or path_of(each) in kept or last_named(rows, landing) >= before:
            continue
        files = listed(lake.fs, path_of(each))
        if all(modified(one) < before for one in [each, *files]):
            yield Removable(f"{table}/landing={landing}", sum(one["size"] or 0 for one in files))


def unneeded_receipts(lake: Lake, before: datetime) -> Iterator[Removable]:
    """Spark's receipts of landings that are not in force and were written before this moment."""
    rows = lake.landings()
    in_force = {row.day: row.landing for row in rows}.values()
    for each in listed(lake.fs, f"{lake.path}/receipts"):
        landing = landing_of(each["name"].removesuffix(".json"))
        if landing and landing not in in_force and max(modified(each), last_named(rows, landing)) < before:
            yield Removable(f"receipts/landing={landing}.json", each["size"] or 0)


def last_named(rows: list[Landing], landing: str) -> datetime:
    """Until when, at least, readers may have been at this landing: its day's newest commit. Of one that never landed: long ago."""
    days = {row.day for row in rows if row.landing == landing}
    return max((datetime.fromisoformat(row.committed_at) for row in rows if row.day in days), default=datetime.min.replace(tzinfo=UTC))


def set_aside(lake: Lake, directory: Removable) -> None:
    """Moves the directory to where no commit finds it."""
    source, target = f"{lake.path}/{directory.name}", f"{lake.path}/{ASIDE}/{directory.name}"
    make_directory(lake.fs, target.rpartition("/")[0])
    with effect(Effect.SET_ASIDE, path=source):
        lake.fs.mv(source, target, recursive=True)


def put_back_or_remove(lake: Lake) -> None:
    """What was set aside goes for good, unless a commit came to name it before it was moved."""
    aside = [f"{table}/{path_of(each).rpartition('/')[2]}" for table in LANDED for each in listed(lake.fs, f"{lake.path}/{ASIDE}/{table}")]
    if not aside:
        return
    lake.fence()
    for table in {name.partition("/")[0] for name in aside}:
        kept = {path.rpartition("/")[0] for path in lake.needed(table)}
        for name in (name for name in aside if name.startswith(f"{table}/")):
            if f"{lake.path}/{name}" in kept:
                log.warning("%s: a commit has named %s meanwhile; put back", lake.customer, name)
                with effect(Effect.SET_ASIDE, path=f"{lake.path}/{name}", back=True):
                    lake.fs.mv(f"{lake.path}/{ASIDE}/{name}", f"{lake.path}/{name}", recursive=True)
            else:
                remove(lake, f"{ASIDE}/{name}")


def remove(lake: Lake, name: str) -> None:
    with effect(Effect.REMOVE, path=f"{lake.path}/{name}"):
        lake.fs.rm(f"{lake.path}/{name}", recursive=True)


def listed(fs: Any, path: str) -> list[dict[str, Any]]:
    """What lies in the directory, nothing if there is none."""
    try:
        return list(fs.ls(path, detail=True))
    except FileNotFoundError:
        return []


def modified(info: dict[str, Any]) -> datetime:
    """HDFS counts milliseconds, a local filesystem seconds."""
    seconds = info["modificationTime"] / 1000 if "modificationTime" in info else info["mtime"]
    return datetime.fromtimestamp(seconds, UTC)


def path_of(info: dict[str, Any]) -> str:
    return str(info["name"]).rstrip("/")


def landing_of(path: str) -> str | None:
    """The id of the landing that the directory or receipt belongs to; None for whatever else lies there."""
    name = path.rstrip("/").rpartition("/")[2]
    return name.removeprefix("landing=") if name.startswith("landing=") else None


def amount(removable: Iterable[Removable]) -> Amount:
    found = list(removable)
    return Amount(len(found), sum(each.bytes for each in found))
