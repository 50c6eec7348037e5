"""A customer's tables: Iceberg over the Parquet files that Spark wrote, and `landings`, which says what was landed when.

All tables move in one step (`commit.py`): the commit of a landing stages the new state of every table and of `landings`, with a
row that names the snapshots, and swaps them in together. So the newest of every table is the newest landing, and a commit may die at any
moment, be repeated, or meet another one:

* died before the swap: nothing has happened.
* died after it, or its answer was lost: the repeated commit finds the row and is done.
* two at once: one wins, and the other begins again with what that one has left.

Whatever expires snapshots does so in the same way, and by one rule: a snapshot of a table stays as long as a snapshot of `landings` that
stays names it. Readers that want several tables or questions as of one landing take the snapshots that its row names.
"""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException, NamespaceAlreadyExistsError, TableAlreadyExistsError, ValidationException
from pyiceberg.expressions import AlwaysTrue, BooleanExpression, EqualTo
from pyiceberg.manifest import DataFile as IcebergDataFile
from pyiceberg.schema import Schema
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table import Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError
from tenacity import Retrying, retry, retry_if_exception_type, stop_after_attempt, wait_random

from include import receipts
from include.effects import Effect, effect
from include.errors import LandfallError, Refused
from include.lake import proofs
from include.lake.commit import NAMESPACE, Change, Version, look, staging
from include.lake.snapshots import LANDING_ROW, files_of, landing_of, readable, snapshots_of
from include.lake.table_changes import COMMENT, LANDING_ID, add, clear, describe, is_outdated, keep_snapshots, replace_day, set_back
from include.receipts import Landing, TransformReceipt
from include.schemas import LANDED, LANDINGS, TABLES, Table
from include.storage import claims
from include.storage.webhdfs import WebHDFS, make_directory, register

log = logging.getLogger(__name__)
T = TypeVar("T")

FORGOTTEN = "forgotten"  # directory of the tombstones, in the customer's
FENCED_AT = "landfall.fenced-at"  # table property of `landings`, which `fence` changes

KEPT_LANDINGS = 20  # that can be read as of, the newest included
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
JSON_COLUMNS = ("source", "offsets", "reasons", "tables", "snapshots", "seconds", "warnings", "conservation", "unknown_fields", "override")
TIME_COLUMNS = ("found_at", "committed_at")


class LandingSuperseded(Refused):
    """The day has a landing whose source was read later, or a run that reads another one."""


class Overtaken(LandfallError):
    """Another commit, or a tidying, has changed or removed what this one began with: begin again with what it has left."""


class NotForgotten(Refused):
    """An attempt that is to be forgotten may be in the files of a landing."""


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
        with outside(f"{customer}: the lake's catalog cannot be opened"):
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
        data file.
        """
        with outside(f"{self.customer}: the tables cannot be read"):
            kept = {row.landing: (number, row) for number, row in readable(self.look()).items()}
        if landing not in kept:
            raise Refused(
                f"{self.customer}: landing {landing!r} cannot be read: there is none of this name, or its snapshots are gone. "
                f"Those to be read, oldest first: {', '.join(kept) or 'none'}."
            )
        number, row = kept[landing]
        return State(row, {**row.snapshots, LANDINGS.name: number})

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
        with outside(f"{self.customer}: {LANDINGS.name} cannot be read"):
            return _rows(loaded, day)

    def in_force(self, day: str, state: State | None = None) -> Landing | None:
        """The landing that the day's rows come from, now or as of that state."""
        if state is None:
            return next(reversed(self.landings(day)), None)
        loaded, snapshot = self._at(LANDINGS.name, state.snapshots[LANDINGS.name])
        return next(reversed(_rows(loaded, day, snapshot.snapshot_id)), None)

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
        loaded, snapshot = self._at(table, snapshot_id)
        with outside(f"{self.customer}: {table} cannot be read"):
            if day:
                return [task.file for task in loaded.scan(_of(day), snapshot_id=snapshot_id).plan_files()]
            return files_of(loaded, snapshot.manifests(loaded.io))  # a scan weighs every file of a long history; here all of them count

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
        return sorted({_day_of(file) for file in self._data_files(table, snapshot_id)})

    def manifest_entries(self, table: Table) -> tuple[list[IcebergDataFile], Schema]:
        """What the manifests say of the table's data files now, with the schema of their columns; none if there is no such table yet."""
        if not self._exists(table):
            return [], table.iceberg
        loaded = self._load(table.name)
        snapshot = loaded.current_snapshot()
        with outside(f"{self.customer}: {table.name} cannot be read"):
            return files_of(loaded, snapshot.manifests(loaded.io)) if snapshot else [], loaded.schema()

    # ---- writing

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

    def commit(self, landing: Landing, transform: TransformReceipt, replacing: str | None = None) -> Landing:
        """Makes the landing visible and returns it with its snapshots and the moment; repeated, it returns what stands already.

        `landing` comes without `snapshots` and `committed_at`, and says by what proof it is there (include/lake/proofs.py). Raises
        LandingSuperseded if the day has a landing of a later source, or another run has claimed it since; Refused if the files on HDFS are
        not those that were proven, or another landing of this name stands already; NotForgotten if it may hold what is to be forgotten;
        and LandfallError for whatever another try may mend. Nothing has changed then.
        With `replacing`, the day's landing in force must still be that one; else it raises Overtaken. Where another commit comes in
        between, it begins again by itself.
        """
        self._check(landing, transform)
        with outside(f"{landing.customer} {landing.day}: landing {landing.landing} was not committed"):
            return self.on_fresh_tables(lambda version: self._commit(self._up_to_date(version), landing, transform, replacing))

    def _commit(self, version: Version, landing: Landing, transform: TransformReceipt, replacing: str | None) -> Landing:
        before = _rows(version.tables[LANDINGS.name], landing.day)
        done = next((row for row in before if row.landing == landing.landing), None)
        if done:
            _refuse_another(landing, done)
            log.info("%s is committed already, at %s", done.landing, done.committed_at)
            return done
        _refuse_older(landing, before)
        if not replacing:  # what takes the place of a landing is as old as that
            self._refuse_taken_over(landing)
        if replacing and before[-1].landing != replacing:
            raise Overtaken(
                f"{landing.customer} {landing.day}: {before[-1].landing} has taken the place of {replacing}. Nothing was changed."
            )
        self._refuse_unforgotten(transform)
        self._refuse_changed(transform, Overtaken if replacing else proofs.Unproven)  # a rewriting that a tidying swept begins again
        newest = self.newest_of(version)

        def change(name: str, transaction: Transaction) -> None:
            set_back(transaction, newest.snapshots.get(name) if newest else None)
            replace_day(transaction, _of(landing.day), [self.uri(file.path) for file in transform.tables[name].files], landing.landing)

        return self._swap_in(version, landing, newest, {name: partial(change, name) for name in LANDED})

    def rebuild(self, landing: Landing, paths: dict[str, list[str]], replacing: str) -> Landing:
        """Makes these files, and no others, all that each table has, with this landing's row; what the tables held is not looked at.

        `replacing` must still be the newest landing; else it raises Overtaken.
        """

        def commit(version: Version) -> Landing:
            newest = _newest(version.tables[LANDINGS.name])
            if newest is None or newest.landing != replacing:
                raise Overtaken(f"{self.customer}: {newest.landing if newest else 'nothing'} has taken the place of {replacing}")

            def change(name: str, transaction: Transaction) -> None:
                clear(transaction)
                add(transaction, [self.uri(path) for path in paths[name]], landing.landing)

            return self._swap_in(version, landing, newest, {name: partial(change, name) for name in LANDED})

        with outside(f"{self.customer}: the tables were not rebuilt"):
            return self.on_fresh_tables(lambda version: commit(self._up_to_date(version)))

    def _swap_in(self, version: Version, landing: Landing, newest: Landing | None, changes: dict[str, Change]) -> Landing:
        """The tables with these changes, and in one step with them the landing's row, which names the snapshots that they made."""
        kept = dict(list(readable(version).items())[1 - KEPT_LANDINGS :])
        needed = snapshots_of(kept)

        def change(name: str, transaction: Transaction) -> None:
            changes[name](transaction)
            keep_snapshots(transaction, needed[name])

        with staging(self.catalog, version) as staged:
            tables = staged.stage({name: partial(change, name) for name in changes})
            snapshots = {name: _current(metadata, name) for name, metadata in tables.items()}
            found_at, committed_at = _moment(landing.found_at), _later(newest)
            done = replace(landing, snapshots=snapshots, found_at=found_at.isoformat(), committed_at=committed_at.isoformat())
            staged.stage({LANDINGS.name: partial(_append, landing=done, kept=set(kept))})
            staged.swap()
        return done

    def fence(self) -> None:
        """Lets every commit that is under way begin again: what it has read of the lake may have changed. Makes no snapshot."""

        def move_on(version: Version) -> None:
            if LANDINGS.name in version.tables:
                with staging(self.catalog, version) as staged:
                    staged.stage(
                        {LANDINGS.name: lambda transaction: transaction.set_properties({FENCED_AT: datetime.now(UTC).isoformat()})}
                    )
                    staged.swap()

        with outside(f"{self.customer}: {LANDINGS.name} cannot be moved on"):
            self.on_fresh_tables(move_on)

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

    def _refuse_changed(self, transform: TransformReceipt, refusal: type[LandfallError]) -> None:
        """A try that went on as a zombie, or a person, may have touched the files since `validate` read them."""
        wrong = proofs.changed_files(self.fs, self.path, transform)
        if wrong:
            raise refusal(
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
        """What was to be forgotten while Spark was reading must not land. Called after the look at the tables: a forgetting that writes its
        tombstone later lets this commit begin again, by a fence.
        """
        unknown = set(tombstones(self.fs, self.path)) - set(transform.tombstones)
        if unknown:
            raise NotForgotten(
                f"{self.customer} {transform.day}: {len(unknown)} attempts were to be forgotten after Spark had begun to read, so this "
                "landing may hold them. Nothing is visible. Clear transform and the tasks after it to run them again."
            )

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

    def look(self) -> Version:
        """All tables as they are now."""
        return look(self.catalog, TABLES)

    def on_fresh_tables(self, change: Callable[[Version], T]) -> T:
        """What the change makes of the tables; where another commit comes before it, of what that one has left."""
        overtaken, pause = retry_if_exception_type(CommitFailedException), wait_random(0.05, 0.3)
        return Retrying(retry=overtaken, stop=stop_after_attempt(TRIES), wait=pause, reraise=True)(lambda: change(self.look()))

    def _up_to_date(self, version: Version) -> Version:
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

    def newest_of(self, version: Version) -> Landing | None:
        """The newest landing. Raises Refused if a snapshot that it names is gone."""
        newest = _newest(version.tables[LANDINGS.name]) if LANDINGS.name in version.tables else None
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


def _newest(landings: IcebergTable) -> Landing | None:
    snapshot = landings.current_snapshot()
    return landing_of(snapshot) if snapshot else None


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


def _append(transaction: Transaction, landing: Landing, kept: set[int]) -> None:
    row = pa.Table.from_pylist([_as_row(landing)], schema=LANDINGS.arrow)
    transaction.append(row, snapshot_properties={LANDING_ID: landing.landing, LANDING_ROW: json.dumps(receipts.plain(landing))})
    keep_snapshots(transaction, kept)


def tombstones(fs: Any, path: str) -> list[str]:
    """Hashes of the ids that this lake is to forget, sorted; `include/maintenance/forget.py` makes them."""
    try:
        found = fs.ls(f"{path}/{FORGOTTEN}", detail=False)
    except FileNotFoundError:
        return []
    return sorted(name.rsplit("/", 1)[-1].removesuffix(".json") for name in found if name.endswith(".json"))


def _snapshot_id(table: IcebergTable) -> int:
    return _current(table.metadata, table.name()[-1])


def _current(metadata: TableMetadata, name: str) -> int:
    if metadata.current_snapshot_id is None:
        raise LandfallError(f"{name} has no snapshot")
    return int(metadata.current_snapshot_id)


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
