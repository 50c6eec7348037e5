"""One commit for all tables of a customer: every pointer of the catalog moves in one database transaction, or none does.

What a table is at a moment stands in a metadata file, and the catalog's row of the table says which. So a change

1. looks: one `select` gives the metadata files of all tables at one moment (`look`);
2. stages: new metadata files are written beside the old ones, of all changed tables at a time (`Staging.stage`); nothing names them yet;
3. swaps: one transaction updates the row of each table where it still names the file that was looked at (`Staging.swap`). The tables that
   do not change are held to that too, so whatever was decided by the look is still so. One row that has moved: nothing is changed.

Whoever waits between 1 and 3, however long, loses to whoever swaps first: CommitFailedException, and what was staged is removed again. A
process that is killed there leaves files that nothing names; tidying sweeps them. It is plain SQL, the same in SQLite and Postgres: the
update takes the lock of each row, in one order.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from pyiceberg.catalog.sql import IcebergTables, SqlCatalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import StagedTable, Transaction
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.metadata import TableMetadata
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from tenacity import retry, retry_if_exception_type, stop_after_attempt

from include.effects import Effect, effect

log = logging.getLogger(__name__)

NAMESPACE = "lake"
AT_A_TIME = 12  # tables of a customer

Change = Callable[[Transaction], object]  # builds the change of one table
Row = dict[str, str]


@dataclass(frozen=True)
class Version:
    """All tables of a customer, by name, as one look at the catalog found them."""

    tables: dict[str, IcebergTable]

    def current(self, name: str) -> int | None:
        """The snapshot at which a plain `select` reads the table; None before its first."""
        return self.tables[name].metadata.current_snapshot_id

    def has(self, name: str, snapshot_id: int) -> bool:
        return name in self.tables and self.tables[name].metadata.snapshot_by_id(snapshot_id) is not None


# A metadata file may be gone by the time it is opened: twenty commits have come since the look.
@retry(retry=retry_if_exception_type(FileNotFoundError), stop=stop_after_attempt(3), reraise=True)
def look(catalog: SqlCatalog, names: Iterable[str]) -> Version:
    """Those of these tables that there are, all at one moment."""
    with Session(catalog.engine) as session:
        rows = session.scalars(select(IcebergTables).where(*_of(catalog), IcebergTables.table_name.in_(names))).all()
        session.expunge_all()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        tables = pool.map(catalog._convert_orm_to_iceberg, rows)
        return Version({row.table_name: table for row, table in zip(rows, tables, strict=True)})


class _Transaction(Transaction):
    """PyIceberg's, but it works the metadata out once after each update, and not at each of thirty looks: that copies every snapshot, and
    took three quarters of a commit's time.
    """

    _worked_out: tuple[int, TableMetadata] | None = None

    @property
    def table_metadata(self) -> TableMetadata:
        if self._worked_out is None or self._worked_out[0] != len(self._updates):
            self._worked_out = len(self._updates), super().table_metadata
        return self._worked_out[1]


class Staging:
    """Changes of some tables of a version, staged and then swapped in as one."""

    def __init__(self, catalog: SqlCatalog, version: Version) -> None:
        self.catalog, self.version = catalog, version
        self.may_be_in_force = False  # from the moment when the database is asked to commit: its answer may get lost
        self._staged: dict[str, StagedTable] = {}
        self._transactions: list[Transaction] = []
        self._lock = threading.Lock()

    def stage(self, changes: Mapping[str, Change]) -> dict[str, TableMetadata]:
        """Writes the new metadata of these tables, several at a time, and returns it. Readers see nothing of it."""
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            return dict(zip(changes, pool.map(self._stage, changes, changes.values()), strict=True))

    def _stage(self, name: str, change: Change) -> TableMetadata:
        table = self.version.tables[name]
        with effect(Effect.STAGE_TABLE, table=name):
            transaction = _Transaction(table)
            with self._lock:
                self._transactions.append(transaction)
            change(transaction)
            if not transaction._updates:
                return table.metadata
            staged = self.catalog._update_and_stage_table(table, table.name(), transaction._requirements, transaction._updates)
            with self._lock:
                self._staged[name] = staged
            self.catalog._write_metadata(staged.metadata, staged.io, staged.metadata_location)
        return staged.metadata

    def swap(self) -> None:
        """Every table that was staged gets its new metadata, if every table of the version is still what it was; else none does.

        Raises CommitFailedException if one has moved.
        """
        with effect(Effect.SWAP_TABLES, tables=",".join(sorted(self._staged))), self.catalog.engine.connect() as connection:
            for name, table in sorted(self.version.tables.items()):
                before, after = table.metadata_location, self._staged.get(name)
                new: Row = {"metadata_location": before}  # as it is; but now nobody else can move it before this transaction ends
                if after:
                    new = {"metadata_location": after.metadata_location, "previous_metadata_location": before}
                there = [*_of(self.catalog), IcebergTables.table_name == name, IcebergTables.metadata_location == before]
                if connection.execute(update(IcebergTables).where(*there).values(new)).rowcount != 1:
                    raise CommitFailedException(f"another commit has moved {name}")
            self.may_be_in_force = True
            connection.commit()
        self._each(self._delete_what_the_table_no_longer_names)

    def discard(self) -> None:
        """Removes what was staged; the data files of Spark stay."""
        written = [path for transaction in self._transactions for path in _written_by(transaction)]
        written += [staged.metadata_location for staged in self._staged.values()]
        io = next(iter(self.version.tables.values())).io
        for path in written:
            with suppress(OSError), effect(Effect.DELETE_FILES, path=path):
                io.delete(path)

    def _delete_what_the_table_no_longer_names(self, name: str, staged: StagedTable) -> None:
        """Metadata files before the last ones. What fails here nobody needs any more: tidying sweeps it."""
        table = self.version.tables[name]
        try:
            self.catalog._delete_old_metadata(staged.io, table.metadata, staged.metadata)
        except OSError as error:
            log.warning("old metadata files of %s were not deleted: %s", name, error)

    def _each(self, do: Callable[[str, StagedTable], None]) -> None:
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            list(pool.map(do, self._staged, self._staged.values()))


@contextmanager
def staging(catalog: SqlCatalog, version: Version) -> Iterator[Staging]:
    """A staging of this version, whose files go again unless it was swapped in."""
    changes = Staging(catalog, version)
    try:
        yield changes
    except Exception:
        if not changes.may_be_in_force:
            changes.discard()
        raise


def _written_by(transaction: Transaction) -> Iterator[str]:
    """Manifests and their lists that the transaction has written, and the data files, if they are its own: in the table's `data`."""
    data = f"{transaction._table.location()}/data/"
    for producer in transaction._snapshot_producers:
        yield from producer._written_manifests
        yield from producer._written_manifest_lists
        yield from (file.file_path for file in producer._added_data_files if file.file_path.startswith(data))


def _of(catalog: SqlCatalog) -> list[Any]:
    return [IcebergTables.catalog_name == catalog.name, IcebergTables.table_namespace == NAMESPACE]
