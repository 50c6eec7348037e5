"""Which snapshots of a customer's tables stay: a snapshot of a table does as long as a snapshot of `landings` that stays names it."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import pairwise
from urllib.parse import urlsplit

from pyiceberg.manifest import DataFile as IcebergDataFile
from pyiceberg.manifest import ManifestFile
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot

from include import receipts
from include.errors import LandfallError
from include.lake.staging import Version
from include.receipts import Landing
from include.schemas import LANDED, LANDINGS

LANDING_ROW = "landfall.row"  # snapshot property of `landings`: the row itself, so that the newest is read without opening a data file
MANIFESTS_AT_A_TIME = 8


def snapshot_id_of(metadata: TableMetadata, name: str) -> int:
    """The snapshot that the table is at. Raises LandfallError if it has none."""
    if metadata.current_snapshot_id is None:
        raise LandfallError(f"{name} has no snapshot")
    return int(metadata.current_snapshot_id)


def landing_of(snapshot: Snapshot) -> Landing:
    """The row that this snapshot of `landings` has come with."""
    row = snapshot.summary[LANDING_ROW] if snapshot.summary else None
    return receipts.read(Landing, row, f"snapshot {snapshot.snapshot_id} of {LANDINGS.name}")


def readable(version: Version) -> dict[int, Landing]:
    """Snapshot of `landings` to the landing that was the newest there, oldest first, of those that can be read as of: the tables have all
    snapshots that it names.
    """
    table = version.tables.get(LANDINGS.name)
    rows = {each.snapshot_id: landing_of(each) for each in _ordered(table)} if table else {}
    return {number: row for number, row in rows.items() if all(version.has(*named) for named in row.snapshots.items())}


def followed_since(version: Version, before: datetime) -> dict[int, Landing]:
    """Of the readable, those that no other one had followed before this moment; the newest is one of them."""
    rows = readable(version)
    followed = {
        old.snapshot_id
        for old, following in pairwise(_ordered(version.tables[LANDINGS.name]) if rows else [])
        if following.timestamp_ms < before.timestamp() * 1000
    }
    return {number: row for number, row in rows.items() if number not in followed}


def snapshots_of(rows: dict[int, Landing]) -> dict[str, set[int]]:
    """Table to the snapshots at which these landings are read."""
    landed = {name: {row.snapshots[name] for row in rows.values() if name in row.snapshots} for name in LANDED}
    return {**landed, LANDINGS.name: set(rows)}


def others(version: Version, kept: dict[str, set[int]]) -> dict[str, list[int]]:
    """Table to its snapshots that are not kept, for tables that have such."""
    found = {
        name: [each.snapshot_id for each in _ordered(table) if each.snapshot_id not in kept[name]] for name, table in version.tables.items()
    }
    return {name: ids for name, ids in found.items() if ids}


def _ordered(table: IcebergTable) -> list[Snapshot]:
    return sorted(table.metadata.snapshots, key=lambda snapshot: snapshot.sequence_number or 0)


def named_files(table: IcebergTable, but: set[int]) -> set[str]:
    """Paths of all files of metadata that the table names, but for those of these snapshots only."""
    kept = {each.snapshot_id for each in table.metadata.snapshots} - but
    logged = {urlsplit(entry.metadata_file).path for entry in table.metadata.metadata_log}
    return {urlsplit(table.metadata_location).path, *logged, *_lists_and_manifests(table, kept)}


def metadata_files(table: IcebergTable, but: set[int]) -> set[str]:
    """Paths of the manifest lists and manifests that no snapshot needs but those that are not among these."""
    return _lists_and_manifests(table, {each.snapshot_id for each in table.metadata.snapshots} - but) - _lists_and_manifests(table, but)


def _lists_and_manifests(table: IcebergTable, snapshots: set[int]) -> set[str]:
    there = [each for each in table.metadata.snapshots if each.snapshot_id in snapshots]
    with ThreadPoolExecutor(MANIFESTS_AT_A_TIME) as pool:
        manifests = pool.map(lambda each: each.manifests(table.io), there)
        uris = {*(each.manifest_list for each in there), *(manifest.manifest_path for each in manifests for manifest in each)}
    return {urlsplit(uri).path for uri in uris}


def files_of(table: IcebergTable, manifests: Iterable[ManifestFile]) -> list[IcebergDataFile]:
    """The data files that these manifests list; the manifests are fetched several at a time."""
    with ThreadPoolExecutor(MANIFESTS_AT_A_TIME) as pool:
        fetched = pool.map(lambda manifest: manifest.fetch_manifest_entry(table.io, discard_deleted=True), manifests)
        return [entry.data_file for entries in fetched for entry in entries]
