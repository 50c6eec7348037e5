"""What can be asked of a lake: its tables as the catalog describes them to readers of every engine, and the views of `./landfall query`."""

from dataclasses import dataclass

from include.lake.lake import Lake
from include.lake.table_changes import COMMENT
from include.query.session import NotAnswered, Session
from include.schemas import TABLES, VIEWS


@dataclass(frozen=True)
class Column:
    """One column; `type` is Iceberg's name. `description` is null in a catalog of a version that had none."""

    name: str
    type: str
    description: str | None


@dataclass(frozen=True)
class Described:
    """A table or view: what a row is, how many are in force, and its columns in order."""

    customer: str
    name: str
    kind: str  # table, or view: computed when asked for
    description: str | None
    rows: int
    columns: list[Column]


def described(lake: Lake, name: str | None = None) -> list[Described]:
    """Every table and view as of the newest landing, or the one of this name; of files, only those are opened that a view is counted from.

    Raises NotAnswered if there is none of this name, or if nothing has landed yet.
    """
    if name is not None and name not in {*TABLES, *VIEWS}:
        raise NotAnswered(f"there is no table {name}. There are: {', '.join([*TABLES, *VIEWS])}.")
    with Session(lake) as session:
        tables = [_table(session, each) for each in TABLES if name in (None, each)]
        return tables + [_view(session, each) for each in VIEWS if name in (None, each)]


def _table(session: Session, name: str) -> Described:
    if name not in session.state.snapshots:  # it came later than the newest landing, and the next one makes it
        to_come = [Column(field.name, str(field.field_type), field.doc) for field in TABLES[name].iceberg.fields]
        return Described(session.lake.customer, name, "table", TABLES[name].description, 0, to_come)
    metadata = session.lake.metadata(name)
    snapshot = metadata.snapshot_by_id(session.state.snapshots[name])
    rows = int(snapshot.summary["total-records"] or 0) if snapshot and snapshot.summary else 0
    columns = [Column(field.name, str(field.field_type), field.doc) for field in metadata.schema().fields]
    return Described(session.lake.customer, name, "table", metadata.properties.get(COMMENT), rows, columns)


def _view(session: Session, name: str) -> Described:
    view = VIEWS[name]
    [[rows]] = session.ask(f"select count(*) from {name}").rows
    columns = [Column(column, str(kind), meaning) for column, kind, meaning in view.columns]
    return Described(session.lake.customer, name, "view", view.description, rows, columns)
