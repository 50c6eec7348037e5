"""What a commit makes of one table: each of these adds to a PyIceberg transaction, which `staging.py` stages with the others."""

import logging

from pyiceberg.expressions import BooleanExpression
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table import Transaction
from pyiceberg.table.refs import MAIN_BRANCH
from pyiceberg.table.update import AssertRefSnapshotId, RemoveSnapshotRefUpdate
from pyiceberg.table.update.snapshot import ExpireSnapshots, ManageSnapshots

from include.errors import LandfallError
from include.schemas import Table

log = logging.getLogger(__name__)

LANDING_ID = "landfall.landing"  # snapshot property of every table: which landing made it
COMMENT = "comment"  # table property of its description, by the name that Spark's `describe table extended` knows


def replace_day(transaction: Transaction, day: BooleanExpression, paths: list[str], landing: str) -> None:
    """Takes the files of the day out of the table and puts the landing's in; metadata only."""
    properties = {LANDING_ID: landing}
    with transaction.update_snapshot(snapshot_properties=properties).delete() as old:
        old.delete_by_predicate(day)
        if old.rewrites_needed:
            raise LandfallError(f"{transaction._table.name()[-1]}: a file has rows of other days too, where {day}")
    add(transaction, paths, landing)


def add(transaction: Transaction, paths: list[str], landing: str) -> None:
    """Puts the files in. Without any the table gets a snapshot all the same, so that the landing can name one."""
    properties = {LANDING_ID: landing}
    if paths:
        transaction.add_files(paths, snapshot_properties=properties, check_duplicate_files=False)
    else:
        with transaction.update_snapshot(snapshot_properties=properties).fast_append():
            pass


def set_back(transaction: Transaction, snapshot_id: int | None) -> None:
    """Lets the table be what this snapshot says, or empty: an earlier version of this program moved one table after the other, and may
    have been stopped on its way.
    """
    current = transaction.table_metadata.current_snapshot_id
    if current == snapshot_id:
        return
    log.warning("%s is at snapshot %s, landings says %s: set back", transaction._table.name()[-1], current, snapshot_id)
    if snapshot_id is None:
        clear(transaction)
    else:
        ManageSnapshots(transaction).set_current_snapshot(snapshot_id).commit()


def clear(transaction: Transaction) -> None:
    """Lets the table be empty, without a look at what it holds."""
    current = transaction.table_metadata.current_snapshot_id
    if current is not None:
        ours = AssertRefSnapshotId(ref=MAIN_BRANCH, snapshot_id=current)  # type: ignore[call-arg]  # pydantic's alias
        transaction._apply((RemoveSnapshotRefUpdate(ref_name=MAIN_BRANCH),), (ours,))  # type: ignore[call-arg]


def keep_snapshots(transaction: Transaction, kept: set[int]) -> None:
    """Takes all snapshots out of the table but these and the current one. Files stay."""
    metadata = transaction.table_metadata  # worked out anew at every look
    kept = {*kept, *(ref.snapshot_id for ref in metadata.refs.values())}
    if old := [each.snapshot_id for each in metadata.snapshots if each.snapshot_id not in kept]:
        ExpireSnapshots(transaction).by_ids(old).commit()


def describe(transaction: Transaction, table: Table) -> None:
    """The columns that an earlier version lacked, null in its rows, and today's descriptions; makes no snapshot."""
    with transaction.update_schema() as update:
        update.union_by_name(table.iceberg)
    transaction.set_properties({COMMENT: table.description})


def is_outdated(loaded: IcebergTable, table: Table) -> bool:
    """Whether the table lacks columns or descriptions of today's."""
    described = {field.name: field.doc for field in loaded.schema().fields}
    return loaded.properties.get(COMMENT) != table.description or any(
        described.get(field.name) != field.doc for field in table.iceberg.fields
    )
