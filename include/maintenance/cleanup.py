"""What a lake no longer needs: old snapshots, and files that no snapshot has, once they are as old as the contract says.

A landing writes its directories hours before its commit names them, and a commit may meet a tidying at any moment. So a directory

1. is only looked at when nothing in it is younger than `unneeded_days`, and no remaining snapshot has a file of it;
2. is set aside first, under `tidied/`, where no commit finds it;
3. goes after a fence, at which every commit that began before has to begin again, and only if no snapshot has come to need it: else it
   is put back.

Killed anywhere, the next tidying finds what lies under `tidied/` and goes on with 3.

Metadata files that no table names any more, of expired snapshots and of commits that were killed or lost, go by the same age and fence.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from include.effects import Effect, effect
from include.lake.expiry import expire, named, needed, unneeded_snapshots
from include.lake.lake import Lake
from include.receipts import Landing
from include.schemas import LANDED, LANDINGS, TABLES
from include.storage.webhdfs import make_directory

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
    metadata: Amount = field(default_factory=Amount)


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
    if not dry_run:
        put_back_or_remove(lake)
    expired = unneeded_snapshots(lake, before) if dry_run else expire(lake, before)
    tables = [name for name in lake.look().tables if name in LANDED]  # one that came later is made by the next landing
    landings = [each for table in tables for each in unneeded_directories(lake, table, needed(lake, table, expired.get(table, [])), before)]
    receipts = list(unneeded_receipts(lake, before))
    metadata = unneeded_metadata(lake, before, expired)
    if metadata and not dry_run:
        lake.fence()  # a commit that began before may be about to name one of them
        still = {each.name for each in unneeded_metadata(lake, before, expired)}
        metadata = [each for each in metadata if each.name in still]
    if not dry_run:
        for each in landings:
            set_aside(lake, each)
        put_back_or_remove(lake)
        for each in [*receipts, *metadata]:
            remove(lake, each.name)
    return Tidied(lake.customer, dry_run, sum(map(len, expired.values())), amount(landings), amount(receipts), amount(metadata))


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


def unneeded_metadata(lake: Lake, before: datetime, expired: dict[str, list[int]]) -> list[Removable]:
    """Files of metadata, and of rows of `landings`, that were written before this moment and that only these snapshots name, or none."""
    folders = [(name, f"{lake.path}/{name}/metadata") for name in TABLES] + [(LANDINGS.name, f"{lake.path}/{LANDINGS.name}/data")]
    old = [(name, info) for name, folder in folders for info in found(lake.fs, folder) if modified(info) < before]
    names = {name: named(lake, name, expired.get(name, [])) for name in {name for name, _ in old}}
    files = [info for name, info in old if path_of(info) not in names[name]]
    return [Removable(path_of(info).removeprefix(f"{lake.path}/"), info["size"] or 0) for info in files]


def last_named(rows: list[Landing], landing: str) -> datetime:
    """Until when, at least, readers may have been at this landing: its day's newest commit. Of one that never landed: long ago."""
    days = {row.day for row in rows if row.landing == landing}
    return max((datetime.fromisoformat(row.committed_at) for row in rows if row.day in days), default=datetime.min.replace(tzinfo=UTC))


def set_aside(lake: Lake, directory: Removable) -> None:
    """Moves the directory to where no commit finds it."""
    make_directory(lake.fs, f"{lake.path}/{ASIDE}/{directory.name}".rpartition("/")[0])
    move(lake, directory.name, f"{ASIDE}/{directory.name}")


def put_back_or_remove(lake: Lake) -> None:
    """What was set aside goes for good, unless a commit came to name it before it was moved."""
    aside = [f"{table}/{path_of(each).rpartition('/')[2]}" for table in LANDED for each in listed(lake.fs, f"{lake.path}/{ASIDE}/{table}")]
    if not aside:
        return
    lake.fence()
    for table in {name.partition("/")[0] for name in aside}:
        kept = {path.rpartition("/")[0] for path in needed(lake, table)}
        for name in (name for name in aside if name.startswith(f"{table}/")):
            if f"{lake.path}/{name}" in kept:
                log.warning("%s: a commit has named %s meanwhile; put back", lake.customer, name)
                move(lake, f"{ASIDE}/{name}", name)
            else:
                remove(lake, f"{ASIDE}/{name}")


def move(lake: Lake, source: str, target: str) -> None:
    """Within the lake; nothing if another tidying has moved or removed it already."""
    with effect(Effect.SET_ASIDE, path=f"{lake.path}/{source}", target=target):
        if lake.fs.exists(f"{lake.path}/{source}"):
            lake.fs.mv(f"{lake.path}/{source}", f"{lake.path}/{target}", recursive=True)


def remove(lake: Lake, name: str) -> None:
    """Nothing if another tidying has removed it already."""
    with suppress(FileNotFoundError), effect(Effect.REMOVE, path=f"{lake.path}/{name}"):
        lake.fs.rm(f"{lake.path}/{name}", recursive=True)


def listed(fs: Any, path: str) -> list[dict[str, Any]]:
    """What lies in the directory, nothing if there is none."""
    try:
        return list(fs.ls(path, detail=True))
    except FileNotFoundError:
        return []


def found(fs: Any, folder: str) -> list[dict[str, Any]]:
    """All files in the folder and below, nothing if there is none."""
    return list(fs.find(folder, detail=True).values())


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
