"""Tombstones: what says that an attempt is to be forgotten, a file each in the customer's directory `forgotten`."""

from typing import Any

FORGOTTEN = "forgotten"  # directory of the tombstones, in the customer's


def tombstones(fs: Any, path: str) -> list[str]:
    """Hashes of the ids that this lake is to forget, sorted; `include/maintenance/forget.py` makes them."""
    try:
        found = fs.ls(f"{path}/{FORGOTTEN}", detail=False)
    except FileNotFoundError:
        return []
    return sorted(name.rsplit("/", 1)[-1].removesuffix(".json") for name in found if name.endswith(".json"))
