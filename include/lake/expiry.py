"""Takes old snapshots out of a customer's tables, and says which files the tables name.

What stays is decided on the tables that are changed, in the one commit of all (`staging.py`): whoever waits meanwhile decides anew.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from urllib.parse import urlsplit

from pyiceberg.table import Transaction

from include.lake.catalog import outside
from include.lake.lake import Lake
from include.lake.snapshots import files_of, followed_since, metadata_files, named_files, others, readable, snapshots_of
from include.lake.staging import Version, staging
from include.lake.table_changes import keep_snapshots, set_back
from include.schemas import LANDED, LANDINGS


def unneeded_snapshots(lake: Lake, before: datetime) -> dict[str, list[int]]:
    """Table to the snapshots that `expire` would take out; changes nothing."""
    with outside(f"{lake.customer}: the tables cannot be read"):
        version = lake.look()
        return others(version, snapshots_of(followed_since(version, before)))


def expire(lake: Lake, before: datetime) -> dict[str, list[int]]:
    """Takes out the landings that another one followed before this moment, so that nobody reads as of them any more, and all snapshots
    that no landing names which is left. Returns them by table. What is newest stays, and the rows of all landings do.
    """

    def expire(version: Version) -> dict[str, list[int]]:
        kept = snapshots_of(followed_since(version, before))
        _expire(lake, version, kept)
        return others(version, kept)

    with outside(f"{lake.customer}: old snapshots were not expired"):
        return lake.on_fresh_tables(expire)


def expire_all_but_newest(lake: Lake) -> list[str]:
    """Takes all snapshots out of the tables but those of the newest landing, whichever that is by then. Returns the metadata files that
    only those had needed.
    """

    def expire(version: Version) -> list[str]:
        newest = list(readable(version).items())[-1:]
        kept = snapshots_of(dict(newest))
        freed = {path for name in others(version, kept) for path in metadata_files(version.tables[name], but=kept[name])}
        _expire(lake, version, kept)
        return sorted(freed)

    with outside(f"{lake.customer}: old snapshots were not expired"):
        return lake.on_fresh_tables(expire)


def _expire(lake: Lake, version: Version, kept: dict[str, set[int]]) -> None:
    newest = lake.newest_of(version)

    def change(name: str, transaction: Transaction) -> None:
        if name in LANDED:
            set_back(transaction, newest.snapshots.get(name) if newest else None)
        keep_snapshots(transaction, kept[name])

    changes = {name: partial(change, name) for name in others(version, kept)}
    if changes:
        with staging(lake.catalog, version) as staged:
            staged.stage(changes)
            staged.swap()


def needed(lake: Lake, table: str, but: Iterable[int] = ()) -> set[str]:
    """Paths of all files that any snapshot of the table has, but for these snapshots."""
    without = set(but)
    loaded = lake._load(table)
    with outside(f"{lake.customer}: {table} cannot be read"):
        snapshots = [snapshot for snapshot in loaded.metadata.snapshots if snapshot.snapshot_id not in without]
        manifests = {manifest.manifest_path: manifest for snapshot in snapshots for manifest in snapshot.manifests(loaded.io)}
        return {urlsplit(file.file_path).path for file in files_of(loaded, manifests.values())}


def named(lake: Lake, table: str, but: Iterable[int] = ()) -> set[str]:
    """Paths of the table's metadata files, and of the data files of `landings`, that it names; not what only these snapshots need."""
    loaded, without = lake._load(table), set(but)
    with outside(f"{lake.customer}: {table} cannot be read"):
        rows = needed(lake, table, without) if table == LANDINGS.name else set[str]()
        return named_files(loaded, without) | rows
