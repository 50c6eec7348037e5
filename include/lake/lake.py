"""A customer's tables: Iceberg over the Parquet files that Spark wrote, and `landings`, which says what was landed when.

All tables move in one step (`staging.py`), with the row of `landings` that names their snapshots. So the newest of every table is the
newest landing; what a commit does is in `commit.py`.

Whatever expires snapshots does so in the same way, and by one rule: a snapshot of a table stays as long as a snapshot of `landings` that
stays names it. Readers that want several tables or questions as of one landing take the snapshots that its row names.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from operator import itemgetter
from urllib.parse import urlsplit

from pyiceberg.manifest import DataFile as IcebergDataFile
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata

from include.errors import Refused
from include.lake import commit, landing_rows
from include.lake.catalog import CustomerTables, outside
from include.lake.commit import LandingSuperseded
from include.lake.snapshots import files_of, readable, snapshot_id_of
from include.receipts import Landing, TransformReceipt
from include.schemas import LANDINGS, Table


@dataclass(frozen=True)
class State:
    """What readers see at one moment: the newest landing, and the snapshot of every table, `landings` included."""

    landing: Landing
    snapshots: dict[str, int]


class Lake(CustomerTables):
    """One customer's landings. Reading makes nothing; only what is under `writing`, and `create_tables`, change something."""

    # ---- reading

    def state(self) -> State | None:
        """What readers see now, None if nothing has landed yet. Opens no data file."""
        if not self._exists(LANDINGS):
            return None
        table = self._load(LANDINGS.name)
        landing = landing_rows.newest(table)
        if landing is None:
            return None
        return State(landing, {**landing.snapshots, LANDINGS.name: snapshot_id_of(table.metadata, LANDINGS.name)})

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
            return landing_rows.rows(loaded, day)

    def in_force(self, day: str, state: State | None = None) -> Landing | None:
        """The landing that the day's rows come from, now or as of that state."""
        if state is None:
            return next(reversed(self.landings(day)), None)
        loaded, snapshot = self._at(LANDINGS.name, state.snapshots[LANDINGS.name])
        return next(reversed(landing_rows.rows(loaded, day, snapshot.snapshot_id)), None)

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
                return [task.file for task in loaded.scan(landing_rows.of_day(day), snapshot_id=snapshot_id).plan_files()]
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

    def commit(self, landing: Landing, transform: TransformReceipt, replacing: str | None = None) -> Landing:
        """Makes the landing visible: `commit.commit`."""
        return commit.commit(self, landing, transform, replacing)

    def rebuild(self, landing: Landing, paths: dict[str, list[str]], replacing: str) -> Landing:
        """Makes these files, and no others, all that each table has: `commit.rebuild`."""
        return commit.rebuild(self, landing, paths, replacing)

    def fence(self) -> None:
        """Lets every commit that is under way begin again: `commit.fence`."""
        commit.fence(self)


def _rows_of(landing: Landing) -> tuple[object, ...]:
    """What tells the rows of two landings of a day apart: who landed what, and what was forgotten of it since."""
    return landing.run_id, landing.sha256, landing.found_at, landing.landed, landing.forgotten


def _day_of(file: IcebergDataFile) -> str:
    """PyIceberg gives the value of a partition as Avro has it: days since 1970."""
    value = file.partition[0]
    return (value if isinstance(value, date) else date(1970, 1, 1) + timedelta(days=value)).isoformat()
