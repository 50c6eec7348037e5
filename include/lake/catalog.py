"""A customer's tables, opened: the catalog, which names the metadata of each, and what changes them in the one commit of `staging.py`.

Knows what tables there are and of which columns; what a landing is stands in `lake.py` and `commit.py`.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException, NamespaceAlreadyExistsError, TableAlreadyExistsError, ValidationException
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.snapshots import Snapshot
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError
from tenacity import Retrying, retry, retry_if_exception_type, stop_after_attempt, wait_random

from include.effects import Effect, effect
from include.errors import LandfallError, Refused
from include.lake import landing_rows
from include.lake.staging import NAMESPACE, Version, look, staging
from include.lake.table_changes import COMMENT, describe, is_outdated
from include.receipts import Landing
from include.schemas import LANDINGS, TABLES, Table
from include.storage.webhdfs import WebHDFS, make_directory, register

T = TypeVar("T")

TRIES = 8  # of a change that other commits come before
PROPERTIES = {
    # A conflict is another landing under way: building on its half-way state is wrong, so nothing is tried again down here.
    "commit.retry.num-retries": "0",
    # Without these a commit slows down with every landing that came before it.
    "commit.manifest-merge.enabled": "true",
    "commit.manifest.min-count-to-merge": "20",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    # Else manifests would name the lowest and highest id of every file, and go on doing so after an attempt is forgotten.
    "write.metadata.metrics.column.keen_id": "counts",
}


class Overtaken(LandfallError):
    """Another commit, or a tidying, has changed or removed what this one began with: begin again with what it has left."""


class CustomerTables:
    """One customer's catalog and files. To open it makes nothing; `create_tables` does."""

    def __init__(self, customer: str, catalog: SqlCatalog, location: str, fs: Any) -> None:
        self.customer = customer
        self.catalog = catalog
        self.location = location
        self.fs = fs

    @classmethod
    def open(cls, customer: str, catalog_uri: str, hdfs_uri: str, fs: Any) -> Self:
        """The lake under `<hdfs_uri>/lake/<customer>`, reached through `fs`; its catalog is at `catalog_uri` (SQLAlchemy's form)."""
        logging.getLogger("pyiceberg.io").setLevel(logging.WARNING)  # else it names its class at every look at a table
        location = f"{hdfs_uri.rstrip('/')}/lake/{customer}"
        properties = {"uri": catalog_uri, "warehouse": location, "pool_pre_ping": "true", "py-io-impl": "pyiceberg.io.fsspec.FsspecFileIO"}
        if isinstance(fs, WebHDFS):
            properties |= register(fs)
        with outside(f"{customer}: the lake's catalog cannot be opened"):
            return cls(customer, _open_catalog(customer, properties), location, fs)

    @property
    def path(self) -> str:
        """The lake's directory on its filesystem, without scheme and host."""
        return urlsplit(self.location).path

    def uri(self, path: str) -> str:
        """The path with the scheme and host of the lake's filesystem."""
        at = urlsplit(self.location)
        return f"{at.scheme}://{at.netloc}{path}"

    # ---- the tables as they are

    def look(self) -> Version:
        """All tables as they are now."""
        return look(self.catalog, TABLES)

    def on_fresh_tables(self, change: Callable[[Version], T]) -> T:
        """What the change makes of the tables; where another commit comes before it, of what that one has left."""
        overtaken, pause = retry_if_exception_type(CommitFailedException), wait_random(0.05, 0.3)
        return Retrying(retry=overtaken, stop=stop_after_attempt(TRIES), wait=pause, reraise=True)(lambda: change(self.look()))

    def newest_of(self, version: Version) -> Landing | None:
        """The newest landing. Raises Refused if a snapshot that it names is gone."""
        newest = landing_rows.newest(version.tables[LANDINGS.name]) if LANDINGS.name in version.tables else None
        gone = [f"{number} of {name}" for name, number in newest.snapshots.items() if not version.has(name, number)] if newest else []
        if newest and gone:
            raise Refused(
                f"{self.customer}: the tables are not what landing {newest.landing} says: snapshot {', '.join(gone)} is gone. Nothing was "
                f"changed. ./landfall repair --customer {self.customer} says what is wrong, and mends it with --yes."
            )
        return newest

    def _exists(self, table: Table) -> bool:
        with outside(f"{self.customer}: the lake's catalog cannot be read"):
            return bool(self.catalog.table_exists((NAMESPACE, table.name)))

    def _load(self, name: str) -> IcebergTable:
        with outside(f"{self.customer}: table {name} cannot be loaded"):
            return self.catalog.load_table((NAMESPACE, name))

    def _at(self, table: str, snapshot_id: int) -> tuple[IcebergTable, Snapshot]:
        loaded = self._load(table)
        snapshot = loaded.metadata.snapshot_by_id(snapshot_id)
        if snapshot is None:
            raise Overtaken(
                f"{self.customer}: snapshot {snapshot_id} of {table} is gone: read again, at the newest landing. If this is said again, "
                f"./landfall repair --customer {self.customer} says what is wrong."
            )
        return loaded, snapshot

    # ---- tables that are missing, or of an earlier version

    def create_tables(self) -> list[str]:
        """Makes the customer's directory (mode 750) and the tables that are missing; returns the names of those it made.

        Tables of an earlier version get the columns that they lack, null in their rows, and today's descriptions; no snapshot changes.
        """
        with outside(f"{self.customer}: the tables cannot be made"):
            make_directory(self.fs, self.path)
            missing = [table for name, table in TABLES.items() if name not in self.look().tables]
            if missing and not self.catalog.namespace_exists(NAMESPACE):
                # Another process may make it between this question and the insert.
                with suppress(NamespaceAlreadyExistsError, DBAPIError), effect(Effect.CREATE_NAMESPACE, namespace=NAMESPACE):
                    self.catalog.create_namespace(NAMESPACE)
            for table in missing:
                self._create(table)
            self.on_fresh_tables(self._describe)
        return [table.name for table in missing]

    def _create(self, table: Table) -> None:
        with suppress(TableAlreadyExistsError), effect(Effect.CREATE_TABLE, table=table.name):
            self.catalog.create_table(
                (NAMESPACE, table.name),
                table.iceberg,
                location=f"{self.location}/{table.name}",
                partition_spec=table.partitioning,
                # Spark's files carry no field ids: columns are found by name.
                properties={
                    **PROPERTIES,
                    COMMENT: table.description,
                    "schema.name-mapping.default": table.iceberg.name_mapping.model_dump_json(),
                },
            )

    def up_to_date(self, version: Version) -> Version:
        """The version, or, where it lacks tables, columns or descriptions of today's, the one that has them."""
        if version.tables.keys() == TABLES.keys() and not self._outdated(version):
            return version
        self.create_tables()
        return self.look()

    def _outdated(self, version: Version) -> list[str]:
        return [name for name, loaded in version.tables.items() if is_outdated(loaded, TABLES[name])]

    def _describe(self, version: Version) -> None:
        if changes := {name: partial(describe, table=TABLES[name]) for name in self._outdated(version)}:
            with staging(self.catalog, version) as staged:
                staged.stage(changes)
                staged.swap()


def read_only(catalog_uri: str) -> str:
    """The address of a catalog as its readers open it: a SQLite file that cannot be written; another database's own rights decide there.

    Raises Refused if there is no such file: it is made by the owner.
    """
    at = make_url(catalog_uri)
    if at.get_backend_name() != "sqlite" or at.database is None:
        return catalog_uri
    if not Path(at.database).exists():
        raise Refused(f"there is no catalog {at.database}: nothing has landed there yet, so there is nothing to read. Land a day first.")
    return at.set(database=f"file:{at.database}").update_query_dict({"mode": "ro", "uri": "true"}).render_as_string(hide_password=False)


@retry(retry=retry_if_exception_type(DBAPIError), stop=stop_after_attempt(3), wait=wait_random(0.05, 0.3), reraise=True)
def _open_catalog(customer: str, properties: dict[str, str]) -> SqlCatalog:
    """Opening makes the catalog's own two tables if they are missing; of two processes at once, one fails and then finds them."""
    return SqlCatalog(customer, **properties)


@contextmanager
def outside(what: str) -> Iterator[None]:
    """What the catalog and HDFS raise, as an error that says what did not happen; trying again is safe."""
    try:
        yield
    except (CommitFailedException, ValidationException) as error:
        raise LandfallError(f"{what}: another commit came in between: {error}") from error
    except FileNotFoundError as error:
        raise Overtaken(f"{what}: {type(error).__name__}: {error}") from error
    except (DBAPIError, OSError) as error:
        raise LandfallError(f"{what}: {type(error).__name__}: {error}") from error
