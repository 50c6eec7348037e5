"""A customer's tables: Iceberg over the Parquet files that Spark wrote, and `landings`, which says what readers see.

Iceberg commits one table at a time; a landing has eight. So the truth is one row: readers take every table at the snapshot that the
newest row of `landings` names, and appending that row is what makes a landing visible. A commit may die at any moment, be repeated, or
meet another one:

* died before its row: the tables have moved on, readers have not; the next commit, of whatever day, first sets them back.
* died after its row, or its answer was lost: the repeated commit finds the row and is done.
* two at once: each builds on the snapshots that the newest row names, and the row goes in only if `landings` is still as it was found
  at the start. So one of them wins, and the other one fails and is tried again.
"""

import json
import logging
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import pyarrow as pa
from pyiceberg.catalog.sql import IcebergTables, SqlCatalog
from pyiceberg.exceptions import CommitFailedException, NamespaceAlreadyExistsError, TableAlreadyExistsError, ValidationException
from pyiceberg.expressions import AlwaysTrue, BooleanExpression, EqualTo
from pyiceberg.manifest import DataFile as IcebergDataFile
from pyiceberg.manifest import ManifestFile
from pyiceberg.schema import Schema
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table import Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.table.update.snapshot import ExpireSnapshots
from sqlalchemy import make_url, select
from sqlalchemy.exc import DBAPIError
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random

from include import claims, proofs, receipts
from include.effects import Effect, effect
from include.errors import LandfallError, Refused
from include.hdfs import WebHDFS, make_directory, register
from include.receipts import Landing, TransformReceipt
from include.tables import LANDED, LANDINGS, TABLES, Table

log = logging.getLogger(__name__)

NAMESPACE = "lake"
FORGOTTEN = "forgotten"  # directory of the tombstones, in the customer's
LANDING_ID = "landfall.landing"  # snapshot property of every table: which landing made it
LANDING_ROW = "landfall.row"  # snapshot property of `landings`: the row itself, so that the newest is read without opening a data file
COMMENT = "comment"  # table property of its description, by the name that Spark's `describe table extended` knows

KEPT_SNAPSHOTS = 20
MANIFESTS_AT_A_TIME = 8
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
JSON_COLUMNS = ("source", "offsets", "reasons", "tables", "snapshots", "seconds", "warnings", "conservation", "unknown_fields", "override")
TIME_COLUMNS = ("found_at", "committed_at")


class LandingSuperseded(Refused):
    """The day has a landing whose source was read later, or a run that reads another one."""


@dataclass(frozen=True)
class State:
    """What readers see at one moment: the newest landing, and the snapshot of every table, `landings` included."""

    landing: Landing
    snapshots: dict[str, int]


class Lake:
    """One customer's catalog and files. Reading makes nothing; only `create_tables` and `commit` change something."""

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
        with _outside(f"{customer}: the lake's catalog cannot be opened"):
            return cls(customer, _open_catalog(customer, properties), location, fs)

    @property
    def path(self) -> str:
        """The lake's directory on its filesystem, without scheme and host."""
        return urlsplit(self.location).path

    # ---- reading

    def state(self) -> State | None:
        """What readers see now, None if nothing has landed yet. Opens no data file."""
        if not self._exists(LANDINGS):
            return None
        table = self._load(LANDINGS.name)
        landing = _newest(table)
        if landing is None:
            return None
        return State(landing, {**landing.snapshots, LANDINGS.name: _snapshot_id(table)})

    def state_of(self, landing: str) -> State:
        """What readers saw while this landing was the newest. Raises Refused, naming those that can be read, if it cannot be. Opens no
        data file; whether the tables still have their snapshots shows when they are read.
        """
        kept = {_landing(each).landing: each for each in self.metadata(LANDINGS.name).snapshots} if self._exists(LANDINGS) else {}
        if landing not in kept:
            raise Refused(
                f"{self.customer}: landing {landing!r} cannot be read: there is none of this name, or its snapshots are gone. "
                f"Those to be read, oldest first: {', '.join(kept) or 'none'}."
            )
        found = _landing(kept[landing])
        return State(found, {**found.snapshots, LANDINGS.name: kept[landing].snapshot_id})

    def metadata(self, table: str) -> TableMetadata:
        """The table as its catalog describes it: columns, properties, snapshots."""
        return self._load(table).metadata

    def newest(self) -> Landing | None:
        """The landing committed last, of whatever day. Opens no data file."""
        state = self.state()
        return state.landing if state else None

    def landings(self, day: str | None = None) -> list[Landing]:
        """All landings, of one day or of all, in the order they were committed."""
        if not self._exists(LANDINGS):
            return []
        loaded = self._load(LANDINGS.name)
        with _outside(f"{self.customer}: {LANDINGS.name} cannot be read"):
            return _rows(loaded, day)

    def in_force(self, day: str, state: State | None = None) -> Landing | None:
        """The landing that the day's rows come from, now or as of that state."""
        if state is None:
            return next(reversed(self.landings(day)), None)
        return next(reversed(_rows(self._load(LANDINGS.name), day, state.snapshots[LANDINGS.name])), None)

    def files(self, table: str, snapshot_id: int, day: str | None = None) -> list[str]:
        """Paths (without scheme and host, sorted) of the table's data files at this snapshot, of one day or of all."""
        return [path for _, path in self.dated_files(table, snapshot_id, day)]

    def dated_files(self, table: str, snapshot_id: int, day: str | None = None) -> list[tuple[str, str]]:
        """(day, path) of the same files, sorted by path: a file has rows of one day."""
        return sorted(
            ((_day_of(file), urlsplit(file.file_path).path) for file in self._data_files(table, snapshot_id, day)), key=itemgetter(1)
        )

    def sizes(self, table: str, snapshot_id: int) -> list[tuple[str, int]]:
        """(day, bytes) of each of the table's data files at this snapshot."""
        return [(_day_of(file), file.file_size_in_bytes) for file in self._data_files(table, snapshot_id)]

    def _data_files(self, table: str, snapshot_id: int, day: str | None = None) -> list[IcebergDataFile]:
        loaded = self._load(table)
        snapshot = loaded.metadata.snapshot_by_id(snapshot_id)
        if snapshot is None:
            raise LandfallError(f"{self.customer}: snapshot {snapshot_id} of {table} is gone: read again, at the newest landing")
        with _outside(f"{self.customer}: {table} cannot be read"):
            if day:
                return [task.file for task in loaded.scan(_of(day), snapshot_id=snapshot_id).plan_files()]
            return _files_of(loaded, snapshot.manifests(loaded.io))  # a scan weighs every file of a long history; here all of them count

    def files_in_force(self, table: str, landing: Landing) -> list[str]:
        """The table's files of the landing's day. Raises LandingSuperseded if the day has another landing by now.

        One that holds the same rows in fewer files is no other: it is of the same run.
        """
        state = self.state()
        files = self.files(table, state.snapshots[table], landing.day) if state else []
        in_force = self.in_force(landing.day)  # after the files were found: then they are of this landing, or not given out
        if in_force is None or _rows_of(in_force) != _rows_of(landing):
            raise LandingSuperseded(
                f"{landing.customer} {landing.day}: landing {landing.landing} was to be landed again, but it is no longer in force: "
                "the day has been landed since. Nothing was published. Start a new run."
            )
        return files

    def days(self, table: str, snapshot_id: int) -> list[str]:
        """Days of which the table has rows at this snapshot, sorted. Opens no data file."""
        with _outside(f"{self.customer}: {table} cannot be read"):
            return sorted({_day_of(task.file) for task in self._load(table).scan(snapshot_id=snapshot_id).plan_files()})

    def manifest_entries(self, table: Table) -> tuple[list[IcebergDataFile], Schema]:
        """What the manifests say of the table's data files now, with the schema of their columns; none if there is no such table yet."""
        if not self._exists(table):
            return [], table.iceberg
        loaded = self._load(table.name)
        snapshot = loaded.current_snapshot()
        with _outside(f"{self.customer}: {table.name} cannot be read"):
            return _files_of(loaded, snapshot.manifests(loaded.io)) if snapshot else [], loaded.schema()

    # ---- writing

    def create_tables(self) -> list[str]:
        """Makes the customer's directory (mode 750) and the tables that are missing; returns the names of those it made."""
        with _outside(f"{self.customer}: the tables cannot be made"):
            make_directory(self.fs, self.path)
            if not self.catalog.namespace_exists(NAMESPACE):
                # Another process may make it between this question and the insert.
                with suppress(NamespaceAlreadyExistsError, DBAPIError), effect(Effect.CREATE_NAMESPACE, namespace=NAMESPACE):
                    self.catalog.create_namespace(NAMESPACE)
            missing = [table for table in TABLES.values() if not self._exists(table)]
            for table in missing:
                self._create(table)
            self._up_to_date(LANDINGS)
        return [table.name for table in missing]

    def commit(self, landing: Landing, transform: TransformReceipt, replacing: str | None = None) -> Landing:
        """Makes the landing visible and returns it with its snapshots and the moment; repeated, it returns what stands already.

        `landing` comes without `snapshots` and `committed_at`, and says by what proof it is there (include/proofs.py). Raises
        LandingSuperseded if the day has a landing of a later source, or another run has claimed it since; Refused if the files on HDFS are
        not those that were proven, or another landing of this name stands already; and LandfallError for whatever another try may mend:
        nothing is visible then, and that try sets back what this one left.
        With `replacing`, the day's landing in force must still be that one. Tables of an earlier version get today's descriptions.
        """
        self._check(landing, transform)
        self.create_tables()
        with _outside(f"{landing.customer} {landing.day}: landing {landing.landing} was not committed"):
            landings = self._load(LANDINGS.name)
            before = _rows(landings, landing.day)
            done = next((row for row in before if row.landing == landing.landing), None)
            if done:
                _refuse_another(landing, done)
                log.info("%s is committed already, at %s", done.landing, done.committed_at)
                return done
            self._refuse_changed(transform)
            _refuse_older(landing, before)
            if not replacing:  # what takes the place of a landing is as old as that
                self._refuse_taken_over(landing)
            if replacing and before[-1].landing != replacing:
                raise CommitFailedException(f"{before[-1].landing} has taken the place of {replacing}")
            self._refuse_unforgotten(transform)
            newest = _newest(landings)
            tables = {name: self._as_of(newest, name) for name in LANDED}
            snapshots = {name: self._replace_day(table, landing, transform, name) for name, table in tables.items()}
            self._verify(tables)
            self._refuse_unforgotten(transform)
            found_at, committed_at = _moment(landing.found_at), _later(newest)
            done = replace(landing, snapshots=snapshots, found_at=found_at.isoformat(), committed_at=committed_at.isoformat())
            return self._append(landings, done)

    # ---- tidying

    def unneeded_snapshots(self, table: str, before: datetime) -> list[int]:
        """Snapshots that readers do not read, and that another one has followed before this moment. Readers may still be at later ones."""
        state = self.state()
        if state is None:
            return []
        metadata = self._load(table).metadata
        kept = {state.snapshots.get(table), metadata.current_snapshot_id}
        snapshots = sorted(metadata.snapshots, key=lambda snapshot: snapshot.sequence_number or 0)
        return [
            old.snapshot_id
            for old, following in pairwise(snapshots)
            if following.timestamp_ms < before.timestamp() * 1000 and old.snapshot_id not in kept
        ]

    def expire(self, table: str, snapshot_ids: list[int]) -> None:
        """Takes the snapshots out of the table's metadata. A commit under way fails then, and is tried again."""
        with _outside(f"{self.customer}: snapshots of {table} were not expired"):
            loaded = self._load(table)
            there = [each for each in snapshot_ids if loaded.metadata.snapshot_by_id(each)]
            if there:
                with effect(Effect.EXPIRE_SNAPSHOTS, table=table, snapshots=len(there)), loaded.transaction() as transaction:
                    ExpireSnapshots(transaction).by_ids(there).commit()

    def needed(self, table: str, but: Iterable[int] = ()) -> set[str]:
        """Paths of all files that any snapshot of the table has, but for these snapshots."""
        without = set(but)
        loaded = self._load(table)
        with _outside(f"{self.customer}: {table} cannot be read"):
            snapshots = [snapshot for snapshot in loaded.metadata.snapshots if snapshot.snapshot_id not in without]
            manifests = {manifest.manifest_path: manifest for snapshot in snapshots for manifest in snapshot.manifests(loaded.io)}
            return {urlsplit(file.file_path).path for file in _files_of(loaded, manifests.values())}

    def fence(self) -> None:
        """Lets every commit that is under way fail at its last step: `landings` gets a snapshot that says what the one before said."""
        with _outside(f"{self.customer}: {LANDINGS.name} cannot be moved on"):
            landings = self._load(LANDINGS.name)
            newest = _newest(landings)
            if newest is None:
                return
            properties = {LANDING_ID: newest.landing, LANDING_ROW: json.dumps(receipts.plain(newest))}
            with effect(Effect.FENCE, table=LANDINGS.name), landings.transaction() as transaction:
                with transaction.update_snapshot(snapshot_properties=properties).fast_append():
                    pass
                _trim(transaction, landings.metadata.current_snapshot_id)

    def _check(self, landing: Landing, transform: TransformReceipt) -> None:
        wrong = [
            f"{what} is {found!r}, expected {expected!r}"
            for what, expected, found in (
                ("customer", self.customer, landing.customer),
                ("landing", landing.landing, transform.landing),
                ("day", landing.day, transform.day),
                ("tables", sorted(LANDED), sorted(transform.tables)),
            )
            if expected != found
        ]
        wrong += [
            f"{file.path} is not of this landing"
            for name, files in transform.tables.items()
            for file in files.files
            if not file.path.startswith(f"{self.path}/{name}/landing={landing.landing}/")
        ]
        if wrong:
            raise Refused(f"{self.customer}: receipts that do not belong together: {'; '.join(wrong)}. Run the transform again.")
        if not landing.proof:
            raise proofs.Unproven(f"{self.customer} {landing.day}: landing {landing.landing} comes without a proof. Nothing was changed.")

    def _refuse_changed(self, transform: TransformReceipt) -> None:
        """A try that went on as a zombie, or a person, may have touched the files since `validate` read them."""
        wrong = proofs.changed_files(self.fs, self.path, transform)
        if wrong:
            raise proofs.Unproven(
                f"{self.customer} {transform.day}: the files of landing {transform.landing} are no longer those that were proven: "
                f"{'; '.join(wrong)}. Nothing was changed. Clear transform and the tasks after it."
            )

    def _refuse_taken_over(self, landing: Landing) -> None:
        """Called after `landings` was loaded: a run that claims the day later lands later too, or lets this one's last step fail."""
        claim = claims.in_force(self.fs, self.path, landing.day)
        if claim and landing.claim is not None and claim.number != landing.claim:
            raise LandingSuperseded(
                f"{landing.customer} {landing.day}: since find_source of this run, run {claim.run_id} has claimed the day (claim "
                f"{claim.number}, this run's was {landing.claim}) and read its source, so this landing might undo a newer one. Nothing was "
                "changed. To land this run's source all the same, clear find_source and the tasks after it."
            )

    def _refuse_unforgotten(self, transform: TransformReceipt) -> None:
        """What was to be forgotten while Spark was reading must not land. Called after `landings` was loaded: a forgetting that begins
        later than this sees the landing, or lets its last step fail.
        """
        unknown = set(tombstones(self.fs, self.path)) - set(transform.tombstones)
        if unknown:
            raise Refused(
                f"{self.customer} {transform.day}: {len(unknown)} attempts were to be forgotten after Spark had begun to read, so this "
                "landing may hold them. Nothing is visible. Clear transform and the tasks after it to run them again."
            )

    def expire_all_but(self, state: State) -> list[str]:
        """Takes all snapshots but those that readers see out of the tables, and returns the metadata files that only those had needed."""
        freed = []
        with _outside(f"{self.customer}: old snapshots were not expired"):
            for name in LANDED:
                table = self._as_of(state.landing, name)
                old = [each.snapshot_id for each in table.metadata.snapshots if each.snapshot_id != table.metadata.current_snapshot_id]
                if old:
                    before = _metadata_files(table)
                    self.expire(name, old)
                    freed += sorted(before - _metadata_files(self._load(name)))
        return freed

    def _as_of(self, newest: Landing | None, name: str) -> IcebergTable:
        """The table as the newest landing names it; what a commit that stopped half-way left is set back."""
        table = self._up_to_date(TABLES[name])
        wanted = newest.snapshots.get(name) if newest else None
        current = table.metadata.current_snapshot_id
        if wanted is None and current is not None and any(True for _ in table.scan().plan_files()):
            log.warning("%s: no landing names a snapshot of %s, but it holds rows: a commit stopped half-way; they go", self.customer, name)
            with effect(Effect.RESTORE_TABLE, table=name, found=current, restored=None):
                table.delete(AlwaysTrue())
        elif wanted is not None and wanted != current:
            log.warning("%s: %s is at %s, landings says %s: a commit stopped half-way; set back", self.customer, name, current, wanted)
            with effect(Effect.RESTORE_TABLE, table=name, found=current, restored=wanted):
                table.manage_snapshots().set_current_snapshot(wanted).commit()
        return table

    def _replace_day(self, table: IcebergTable, landing: Landing, transform: TransformReceipt, name: str) -> int:
        """Takes the day's old files out of the table and puts the landing's in; metadata only. Returns the snapshot after that."""
        paths = [self.uri(file.path) for file in transform.tables[name].files]
        properties = {LANDING_ID: landing.landing}
        with effect(Effect.REPLACE_DAY, table=name, day=landing.day, files=len(paths)), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Delete operation did not match any records")
            with table.transaction() as transaction:
                # Also for a new day: the delete is what asserts that the table is still as it was found.
                transaction.delete(_of(landing.day), snapshot_properties=properties)
                if paths:
                    transaction.add_files(paths, snapshot_properties=properties, check_duplicate_files=False)
                else:
                    with transaction.update_snapshot(snapshot_properties=properties).fast_append():
                        pass  # an empty snapshot, so that the landing can name one, and no longer the files that went
                _trim(transaction, table.metadata.current_snapshot_id)
        return _snapshot_id(table)

    def _verify(self, tables: dict[str, IcebergTable]) -> None:
        """Every table is still as this commit left it; one look at the catalog, which names each table's metadata file."""
        query = select(IcebergTables.table_name, IcebergTables.metadata_location).where(
            IcebergTables.catalog_name == self.customer, IcebergTables.table_namespace == NAMESPACE
        )
        with self.catalog.engine.connect() as connection:
            there = dict(connection.execute(query).tuples().all())
        moved = [name for name, table in tables.items() if there.get(name) != table.metadata_location]
        if moved:
            raise CommitFailedException(f"another commit moved {', '.join(moved)} meanwhile")

    def _append(self, landings: IcebergTable, landing: Landing) -> Landing:
        """One row, if `landings` is still what was loaded at the start: this is the moment the landing becomes visible."""
        row = pa.Table.from_pylist([_as_row(landing)], schema=LANDINGS.arrow)
        properties = {LANDING_ID: landing.landing, LANDING_ROW: json.dumps(receipts.plain(landing))}
        with effect(Effect.APPEND_LANDING, landing=landing.landing), landings.transaction() as transaction:
            transaction.append(row, snapshot_properties=properties)
            _trim(transaction, landings.metadata.current_snapshot_id)
        return landing

    # ---- the catalog

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

    @retry(retry=retry_if_exception_type(CommitFailedException), stop=stop_after_attempt(5), wait=wait_random(0.05, 0.3), reraise=True)
    def _up_to_date(self, table: Table) -> IcebergTable:
        """The table, with the columns that an earlier version lacked, null in its rows, and with today's descriptions.

        A change is a commit of its own and makes no snapshot: readers see what they saw. When another one came first, looks again.
        """
        loaded = self._load(table.name)
        schema, there = table.iceberg, {field.name: field.doc for field in loaded.schema().fields}
        outdated = [field.name for field in schema.fields if there.get(field.name) != field.doc]
        if not outdated and loaded.properties.get(COMMENT) == table.description:
            return loaded
        with effect(Effect.UPDATE_TABLE, table=table.name, columns=",".join(outdated)), loaded.transaction() as transaction:
            with transaction.update_schema() as update:
                update.union_by_name(schema)
            transaction.set_properties({COMMENT: table.description})
        return loaded

    def _exists(self, table: Table) -> bool:
        with _outside(f"{self.customer}: the lake's catalog cannot be read"):
            return bool(self.catalog.table_exists((NAMESPACE, table.name)))

    def _load(self, name: str) -> IcebergTable:
        with _outside(f"{self.customer}: table {name} cannot be loaded"):
            return self.catalog.load_table((NAMESPACE, name))

    def uri(self, path: str) -> str:
        """The path with the scheme and host of the lake's filesystem."""
        at = urlsplit(self.location)
        return f"{at.scheme}://{at.netloc}{path}"


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
def _outside(what: str) -> Iterator[None]:
    """What the catalog and HDFS raise, as an error that says what did not happen; trying again is safe."""
    try:
        yield
    except (CommitFailedException, ValidationException) as error:
        raise LandfallError(f"{what}: another commit came in between: {error}") from error
    except (DBAPIError, OSError) as error:
        raise LandfallError(f"{what}: {type(error).__name__}: {error}") from error


def _newest(landings: IcebergTable) -> Landing | None:
    snapshot = landings.current_snapshot()
    return _landing(snapshot) if snapshot else None


def _landing(snapshot: Snapshot) -> Landing:
    """The row that this snapshot of `landings` has come with."""
    row = snapshot.summary[LANDING_ROW] if snapshot.summary else None
    return receipts.read(Landing, row, f"snapshot {snapshot.snapshot_id} of {LANDINGS.name}")


def _rows(landings: IcebergTable, day: str | None, snapshot_id: int | None = None) -> list[Landing]:
    scan = landings.scan(_of(day) if day else AlwaysTrue(), snapshot_id=snapshot_id)
    rows = scan.to_arrow().to_pylist() if landings.current_snapshot() else []
    return sorted((_from_row(row) for row in rows), key=lambda landing: landing.committed_at)


def _of(day: str) -> BooleanExpression:
    return EqualTo("day", date.fromisoformat(day))  # type: ignore[call-arg, arg-type]  # pydantic's plugin does not see its __init__


def _rows_of(landing: Landing) -> tuple[object, ...]:
    """What tells the rows of two landings of a day apart: who landed what, and what was forgotten of it since."""
    return landing.run_id, landing.sha256, landing.found_at, landing.landed, landing.forgotten


def _refuse_another(landing: Landing, done: Landing) -> None:
    """A landing of this name stands already. It is this one only if its source, its publishing and what was proven are the same."""
    differ = [
        f"{what} {getattr(done, what) or 'none'}, now {getattr(landing, what)}"
        for what in ("sha256", "ingest", "proof")
        if getattr(done, what) != getattr(landing, what)
    ]
    if differ:
        raise Refused(
            f"{landing.customer} {landing.day}: landing {landing.landing} was committed at {done.committed_at} by run {done.run_id} for "
            f"other records: {'; '.join(differ)}. Nothing was changed. Clear transform and the tasks after it: that makes another landing."
        )


def _refuse_older(landing: Landing, before: list[Landing]) -> None:
    """The day's landing in force gives way only to a source that was not read earlier than its own."""
    in_force = next(reversed(before), None)
    if in_force and _is_older(landing, in_force):
        raise LandingSuperseded(
            f"{landing.customer} {landing.day}: run {in_force.run_id} has landed a source that was found at {in_force.found_at}"
            f"{_claimed(in_force)}, later than this run's ({landing.found_at}{_claimed(landing)}), so this landing would undo a newer one. "
            "Nothing was changed. "
            "To land this run's source all the same, start a new run with it."
        )


def _is_older(landing: Landing, in_force: Landing) -> bool:
    """By their claims, which all workers share. A landing of an earlier version has none: then by the clocks of their workers, unless the
    claim of the other one is the day's last (`_refuse_taken_over`).
    """
    if landing.claim is not None:
        return landing.claim < (in_force.claim or 0)
    return in_force.claim is not None or _moment(in_force.found_at) > _moment(landing.found_at)


def _claimed(landing: Landing) -> str:
    return "" if landing.claim is None else f" under claim {landing.claim}"


def _later(newest: Landing | None) -> datetime:
    """Now, but later than every landing before: clocks differ, the order of commits does not."""
    now = datetime.now(UTC)
    return max(now, _moment(newest.committed_at) + timedelta(microseconds=1)) if newest else now


def _trim(transaction: Transaction, base: int | None) -> None:
    """Forgets all but the last snapshots; a table's metadata grows with them, and every commit writes it anew.

    `base` stays whatever its age: until the landing's row is in, readers are there.
    """
    metadata = transaction.table_metadata  # worked out anew at every look
    snapshots = sorted(metadata.snapshots, key=lambda snapshot: snapshot.sequence_number or 0)
    needed = {base, metadata.current_snapshot_id}
    old = [snapshot.snapshot_id for snapshot in snapshots[:-KEPT_SNAPSHOTS] if snapshot.snapshot_id not in needed]
    if old:
        ExpireSnapshots(transaction).by_ids(old).commit()


def tombstones(fs: Any, path: str) -> list[str]:
    """Hashes of the ids that this lake is to forget, sorted; `include/forgetting.py` makes them."""
    try:
        found = fs.ls(f"{path}/{FORGOTTEN}", detail=False)
    except FileNotFoundError:
        return []
    return sorted(name.rsplit("/", 1)[-1].removesuffix(".json") for name in found if name.endswith(".json"))


def _metadata_files(table: IcebergTable) -> set[str]:
    """Paths of the manifest lists and manifests of all snapshots that the table has."""
    found: set[str] = set()
    for snapshot in table.metadata.snapshots:
        found |= {snapshot.manifest_list, *(manifest.manifest_path for manifest in snapshot.manifests(table.io))}
    return {urlsplit(uri).path for uri in found}


def _snapshot_id(table: IcebergTable) -> int:
    snapshot_id = table.metadata.current_snapshot_id
    if snapshot_id is None:
        raise LandfallError(f"{'.'.join(table.name())} has no snapshot")
    return int(snapshot_id)


def _files_of(table: IcebergTable, manifests: Iterable[ManifestFile]) -> list[IcebergDataFile]:
    """The data files that these manifests list; the manifests are fetched several at a time."""
    with ThreadPoolExecutor(MANIFESTS_AT_A_TIME) as pool:
        fetched = pool.map(lambda manifest: manifest.fetch_manifest_entry(table.io, discard_deleted=True), manifests)
        return [entry.data_file for entries in fetched for entry in entries]


def _day_of(file: IcebergDataFile) -> str:
    """PyIceberg gives the value of a partition as Avro has it: days since 1970."""
    value = file.partition[0]
    return (value if isinstance(value, date) else date(1970, 1, 1) + timedelta(days=value)).isoformat()


def _moment(iso: str) -> datetime:
    return datetime.fromisoformat(iso).astimezone(UTC)


def _as_row(landing: Landing) -> dict[str, Any]:
    given = receipts.plain(landing)
    return {
        **given,
        "day": date.fromisoformat(landing.day),
        **{name: _moment(given[name]) for name in TIME_COLUMNS},
        **{name: None if given[name] is None else json.dumps(given[name]) for name in JSON_COLUMNS},
    }


def _from_row(row: dict[str, Any]) -> Landing:
    given = {
        **row,
        "day": row["day"].isoformat(),
        **{name: row[name].isoformat() for name in TIME_COLUMNS},
        **{name: json.loads(row[name]) for name in JSON_COLUMNS if row.get(name) is not None},
    }
    given = {name: value for name, value in given.items() if value is not None}  # a column that came later
    return receipts.read(Landing, given, f"landing {row['landing']} in {LANDINGS.name}")
