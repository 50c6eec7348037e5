"""Tombstones: what says that an attempt is to be forgotten, a file each in the customer's directory `forgotten`.

A tombstone is the sha256 of the customer's salt and the id, never the id itself: the name of the file. What the file holds is for the
forgetting, which may be stopped and run again: who asked, when, and what files that are deleted by now said of Kafka and of the sources.
"""

import hashlib
import json
import secrets
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from include.effects import Effect, effect
from include.lake.catalog import CustomerTables
from include.storage.webhdfs import make_directory, make_file, write_file

FORGOTTEN = "forgotten"  # directory of the tombstones, in the customer's


def tombstones(fs: Any, path: str) -> list[str]:
    """Hashes of the ids that this lake is to forget, sorted; `include/maintenance/forget.py` makes them."""
    try:
        found = fs.ls(f"{path}/{FORGOTTEN}", detail=False)
    except FileNotFoundError:
        return []
    return sorted(name.rsplit("/", 1)[-1].removesuffix(".json") for name in found if name.endswith(".json"))


def salted(lake: CustomerTables) -> tuple[str, list[str]]:
    """The salt, and the tombstones that are hashes with it; empty texts and lists where nothing is to be forgotten."""
    hashes = tombstones(lake.fs, lake.path)
    return (_salt(lake), hashes) if hashes else ("", [])


def bury(lake: CustomerTables, keen_id: str, asked_by: str) -> str:
    """The tombstone of this id; one that is there already keeps who asked first."""
    make_directory(lake.fs, lake.path)
    make_directory(lake.fs, f"{lake.path}/{FORGOTTEN}")
    if not lake.fs.exists(_salt_path(lake)):
        with effect(Effect.WRITE_FILE, path=_salt_path(lake)):  # whole: nobody may ever hash with a part of it
            make_file(lake.fs, _salt_path(lake), secrets.token_hex(16).encode())
    tombstone = _hash(_salt(lake), keen_id)
    with suppress(FileNotFoundError, ValueError):  # its name is what keeps the attempt out; what is in it may have been cut off
        read(lake, tombstone)
        return tombstone
    asked = {"asked_by": asked_by, "asked_at": datetime.now(UTC).isoformat(timespec="seconds")}
    write_file(lake.fs, _path(lake, tombstone), json.dumps({**asked, "newest": None, "landings": {}}).encode())
    return tombstone


def is_buried(lake: CustomerTables, keen_id: str) -> bool:
    """Whether this id has a tombstone; makes none."""
    salt, hashes = salted(lake)
    return bool(hashes) and _hash(salt, keen_id) in hashes


def note(
    lake: CustomerTables, tombstone: str, newest: datetime | None, landings: dict[str, int] | None = None, **other: Any
) -> dict[str, Any]:
    """Adds this to what the tombstone's file holds, and returns all of that. What an earlier forgetting found may be deleted by now: of two
    moments or numbers the larger one stays. Nothing is written that is not news: the files that it was read from may be gone.
    """
    before = read(lake, tombstone)  # as it is now: another forgetting may be under way
    moments = [datetime.fromisoformat(before["newest"])] if before.get("newest") else []
    known = Counter(before.get("landings", {}))
    after = {
        **before,
        **other,
        "newest": max([*moments, *([newest] if newest else [])]).isoformat() if newest or moments else None,
        "landings": {each: max(number, known[each]) for each, number in sorted({**known, **(landings or {})}.items())},
    }
    if after != before:
        write_file(lake.fs, _path(lake, tombstone), json.dumps(after).encode())
    return after


def read(lake: CustomerTables, tombstone: str) -> dict[str, Any]:
    """What the tombstone's file holds. Raises FileNotFoundError or ValueError if there is none, or it was cut off."""
    return dict(json.loads(lake.fs.cat_file(_path(lake, tombstone))))


def _hash(salt: str, keen_id: str) -> str:
    return hashlib.sha256((salt + keen_id).encode()).hexdigest()


def _salt(lake: CustomerTables) -> str:
    return str(lake.fs.cat_file(_salt_path(lake)).decode())


def _salt_path(lake: CustomerTables) -> str:
    return f"{lake.path}/{FORGOTTEN}/salt"


def _path(lake: CustomerTables, tombstone: str) -> str:
    return f"{lake.path}/{FORGOTTEN}/{tombstone}.json"
