"""SQL over a customer's lake: DuckDB, every table by its plain name, all of them as of the newest landing, nothing writable.

answer = ask(lake, "select exam_name, sum(attempts) as attempts from exam_scores group by all order by 2 desc limit 3")
answer.columns, answer.rows
"""

import functools
import io
import posixpath
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, unquote

import duckdb
import pyarrow as pa
from fsspec import AbstractFileSystem

from include.errors import LandfallError, Refused
from include.lake.aggregates import AGGREGATES, aggregate
from include.lake.lake import Lake, State
from include.query import statistics
from include.schemas import LANDINGS, TABLES, VIEWS
from include.storage.spool import spool_folder

READING = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN, duckdb.StatementType.MULTI}  # MULTI is what `pivot` becomes
SMALL_BYTES, SMALL_FILES = 2_000_000, 100  # so at most 200 MB are held in memory
BATCH_ROWS = 10_000
# An attempt that came on several days, byte for byte, in the tables of its first day only; what is summed up of them likewise.
# `all_<table>` is the table with all of them, whichever way the session is asked.
FIRST = "first_deliveries"
FIRST_ROWS = "select min(day) as day, keen_id, hash from all_assessments group by keen_id, hash"
ONCE = {
    "assessments": f"select * from all_assessments semi join {FIRST} using (day, keen_id, hash)",
    "questions": f"select * from all_questions semi join {FIRST} using (day, keen_id, hash)",
    "options": f"select * from all_options semi join {FIRST} using (day, keen_id, hash)",
    **{name: aggregate(name) for name in AGGREGATES},
}
SMALL_ONCE = tuple(AGGREGATES)
# Of each data file's rows alone, and few however many attempts a day has, so that `rollups.py` can keep those of all days.
# Part of a day may be in one file and part in another: sum them up once more.
SUMS = {
    "attempt_hours": (
        "assessments",
        """select day, date_trunc('hour', started_at) as began, is_test, count(*) as attempts, sum(copies)::bigint as copies
           from assessments group by all""",
    ),
    "attempt_flaws": (
        "assessments",
        """select day, exam_name, is_test, is_conflict, tallies, copies > 1 as is_copied, score is null as is_unscored,
               coalesce(question_count, 0) = 0 as is_without_questions, count(*) as attempts, sum(copies)::bigint as copies,
               sum((copies - 1) * incomplete)::bigint as more_incomplete, sum((copies - 1) * unanswered)::bigint as more_unanswered
           from assessments group by all""",
    ),
    "quarantine_reasons": ("quarantine", "select day, reason, count(*) as records from quarantine group by all"),
}
CATALOG = r"show\b|information_schema\b|duckdb_"  # a question about the tables names all of them
DATED = re.compile(r"day=\d{4}-\d\d-\d\d/(.+)")
NUMBERS = re.compile(r".*INT(EGER)?|DOUBLE|FLOAT|DECIMAL[^\[]*")  # of DuckDB's types
ALL = "all_"
RESERVED = ("at", "offset")  # column names that DuckDB's parser takes for keywords


@dataclass(frozen=True)
class Result:
    """Rows under their columns. Values are Python's: datetimes in UTC, Decimal for decimals, int however large, None for null."""

    columns: list[str]
    types: list[str]  # DuckDB's names
    rows: list[list[Any]]


@dataclass(frozen=True)
class Rows:
    """The whole answer to a query as Arrow has it, for those who read it by batches or write it down; `types` are DuckDB's names."""

    types: list[str]
    table: pa.Table

    @property
    def numeric(self) -> list[bool]:
        return [bool(NUMBERS.fullmatch(kind)) for kind in self.types]

    def head(self, limit: int | None) -> "Rows":
        """The first rows alone, None for all."""
        return Rows(self.types, self.table.slice(0, limit))

    def each(self) -> Iterator[list[Any]]:
        """Row by row with Python's values, as `Result` has them."""
        # Arrow has no integers beyond 64 bits, so a sum of integers comes as a decimal.
        whole = {index for index, kind in enumerate(self.types) if kind in ("HUGEINT", "UHUGEINT")}
        for batch in self.table.to_batches():
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                yield [int(cell) if index in whole and cell is not None else cell for index, cell in enumerate(row)]

    def result(self) -> Result:
        return Result(list(self.table.column_names), self.types, list(self.each()))


class NotAnswered(Refused):
    """The question cannot be answered as it was asked."""


def ask(lake: Lake, sql: str, state: State | None = None) -> Result:
    """The answer to one query, as of the newest landing or of an earlier state.

    Raises NotAnswered for a question that is wrong, or has nothing to ask about.
    """
    return rows(lake, sql, state).result()


def rows(lake: Lake, sql: str, state: State | None = None) -> Rows:
    """The same as `ask`, without making Python's values of it."""
    with Session(lake, state) as session:
        return session.rows(sql)


class Session:
    """Several questions to one moment of a lake. Only tables that a question names are looked up.

    Reads through the lake's own filesystem and nowhere else: no file of this machine, no network, no writing. With `once`, an attempt that
    came again on later days is there on its first day only, and small sums are made from the rows that are left.
    """

    def __init__(self, lake: Lake, state: State | None = None, once: bool = False) -> None:
        found = state or lake.state()
        if found is None:
            raise NotAnswered(
                f"{lake.customer}: nothing has landed yet, so there is nothing to ask. Land a day first: "
                f"./landfall land --customer {lake.customer} --day YYYY-MM-DD"
            )
        self.lake = lake
        self.state: State = found
        self.once = once
        self._shown: set[str] = set()
        self._spill = ExitStack()
        spill = self._spill.enter_context(spool_folder("query"))
        self._duckdb = duckdb.connect(
            config={"autoinstall_known_extensions": False, "autoload_known_extensions": False, "temp_directory": str(spill)}
        )
        self._duckdb.register_filesystem(_LakeFiles(lake.fs, lake.path))
        self._duckdb.execute("set TimeZone = 'UTC'")
        statistics.define(self._duckdb)
        self._duckdb.execute(f"set allowed_directories = [{_quoted(_address(lake.path) + '/')}]")
        self._duckdb.execute("set enable_external_access = false")
        self._duckdb.execute("set lock_configuration = true")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._duckdb.close()
        self._spill.close()

    def ask(self, sql: str, parameters: dict[str, Any] | None = None) -> Result:
        """The answer to one query; `parameters` are its `$name`s."""
        return self.rows(sql, parameters).result()

    def rows(self, sql: str, parameters: dict[str, Any] | None = None) -> Rows:
        """The same as `ask`, without making Python's values of it."""
        with self._explained():
            self._prepare(sql)
            return _rows(self._duckdb.sql(sql, params=parameters))

    def each(self, sql: str, parameters: dict[str, Any] | None = None) -> Iterator[list[Any]]:
        """The rows of `ask`, some at a time, for answers that are too large for memory. Ask nothing else until they are read."""
        with self._explained():
            self._prepare(sql)
            relation = self._duckdb.sql(sql, params=parameters)
            types = [str(kind) for kind in relation.types]
            for batch in relation.to_arrow_reader(BATCH_ROWS):
                yield from Rows(types, pa.Table.from_batches([batch])).each()

    def keep(self, name: str, sql: str, parameters: dict[str, Any] | None = None) -> None:
        """Answers later questions about `name` from this query's rows, which are looked up now; those kept by this name before are gone."""
        with self._explained():
            self._prepare(sql)
            self._duckdb.execute(f'create or replace temp table "{name}" as {sql}', parameters)

    def _prepare(self, sql: str) -> None:
        """Refuses what is no query, and makes the tables, views and functions that it names ones that can be asked."""
        self._check(sql)
        for name in (*TABLES, *VIEWS):
            if re.search(rf"\b({name}\b|{CATALOG})", sql, re.IGNORECASE):
                self._show(name)
        for name in (*SUMS, *(f"{ALL}{table}" for table in ONCE)):
            if re.search(rf"\b{name}\b", sql):
                self._show(name)
        if statistics.F_QUANTILE in sql and statistics.F_QUANTILE not in self._shown:
            statistics.define_f_quantile(self._duckdb)
            self._shown.add(statistics.F_QUANTILE)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Errors of DuckDB as ours, which say whose lake it was."""
        try:
            yield
        except (duckdb.IOException, duckdb.HTTPException) as error:
            raise LandfallError(f"{self.lake.customer}: the lake could not be read: {error}") from error
        except duckdb.Error as error:
            if type(error) is duckdb.Error:  # what our filesystem raised within DuckDB; its own errors have a kind
                raise LandfallError(f"{self.lake.customer}: the lake could not be read: {_raised_within(error)}") from error
            raise NotAnswered(f"{self.lake.customer}: {_explained(error)}") from error

    def give(self, name: str, rows: pa.Table) -> None:
        """Answers questions about this table or view from these rows, which whoever gives them has read at the session's snapshot.

        With `once`, rows of a table with repeats are those that it leaves repeats out of; sums with repeats it cannot use.
        """
        if self.once and name in SUMS and SUMS[name][0] in ONCE:
            return
        self._duckdb.register(f"given_{name}", rows)
        chosen = ", ".join(f'"{column}"::{kind} as "{column}"' for column, kind in TABLES[name].duckdb.items()) if name in TABLES else "*"
        self._create(f"{ALL}{name}" if self.once and name in ONCE else name, f"select {chosen} from given_{name}")

    def _check(self, sql: str) -> None:
        statements = self._duckdb.extract_statements(sql)
        if len(statements) != 1:
            raise NotAnswered(f"one query is expected, found {len(statements)}. Ask one after the other.")
        if statements[0].type not in READING:
            raise NotAnswered(f"a lake is read here, never changed: a select is expected, found {statements[0].type.name.lower()}.")

    def _show(self, name: str) -> None:
        """Makes the table or view one that can be asked, if it is not yet."""
        if name in self._shown:
            return
        if name in VIEWS:
            self._show(VIEWS[name].table)
            self._create(name, VIEWS[name].rows)
        elif name in SUMS:
            table, rows = SUMS[name]
            self._show(table)
            self._create(name, rows)
        elif self.once and name in ONCE:
            self._show_once(name)
        elif name.startswith(ALL):
            self._show_all(name.removeprefix(ALL))
        else:
            self._create(name, self._rows(name))

    def _show_all(self, table: str) -> None:
        if self.once:
            self._create(f"{ALL}{table}", self._rows(table))
        else:
            self._show(table)
            self._create(f"{ALL}{table}", f"select * from {table}")

    def _show_once(self, name: str) -> None:
        self._show(f"{ALL}assessments")
        if FIRST not in self._shown:
            self._create(FIRST, FIRST_ROWS, kind="table")  # looked for once, not by every question
        for table in ONCE:
            if table != name and re.search(rf"\b{table}\b", ONCE[name]):
                self._show(table)
        if name in SMALL_ONCE:
            self._create(name, ONCE[name], kind="table")
        else:
            self._show(f"{ALL}{name}")
            self._create(name, ONCE[name])

    def _create(self, name: str, rows: str, kind: str = "view") -> None:
        self._duckdb.execute(f'create {kind} "{name}" as {rows}')
        self._shown.add(name)

    def _rows(self, table: str) -> str:
        """A query for the rows in the files of the table's snapshot."""
        columns = TABLES[table].duckdb
        files = self.lake.dated_files(table, self.state.snapshots[table]) if table in self.state.snapshots else []
        no_rows = "select " + ", ".join(f'null::{kind} as "{column}"' for column, kind in columns.items()) + " where false"
        if not files:
            return no_rows
        chosen = ", ".join(f'"{column}"::{kind} as "{column}"' for column, kind in columns.items())
        listed = ", ".join(_quoted(_address_of_day(self.lake.path, day, path)) for day, path in files)
        of_files = f"read_parquet([{listed}], hive_partitioning = true, hive_types = {{'day': date}}"
        if table == LANDINGS.name and self._has_older_rows(table):  # looks into every file, of whatever day
            return f"select {chosen} from ({no_rows} union all by name select * from {of_files}, union_by_name = true))"
        return f"select {chosen} from {of_files})"

    def _has_older_rows(self, table: str) -> bool:
        """Whether the table was made, or last written, without some of today's columns, which are null in those rows."""
        schemas = self.lake.metadata(table).schemas
        return any(not TABLES[table].duckdb.keys() <= {field.name for field in schema.fields} for schema in schemas)


class _LakeFiles(AbstractFileSystem):  # type: ignore[misc]
    """The files under one lake's root, to be read; for DuckDB they are `lake://` plus their path, or an address with their day.

    DuckDB opens a file several times for one query. Data files never change, so what is known of them is asked once per session,
    and small ones are fetched once.
    """

    protocol = "lake"
    cachable = False

    def __init__(self, fs: Any, root: str) -> None:
        super().__init__()
        self.fs = fs
        self.root = root
        self._info = functools.cache(fs.info)
        self._content = functools.lru_cache(SMALL_FILES)(fs.cat_file)
        self._path = functools.cache(self._within)  # DuckDB names every file of a table several times

    def _within(self, path: str) -> str:
        plain = posixpath.normpath("/" + path.removeprefix("lake://").lstrip("/"))
        if dated := DATED.fullmatch(plain.removeprefix(self.root + "/")):
            plain = posixpath.normpath(f"{self.root}/{unquote(dated[1])}")
        if not plain.startswith(self.root + "/"):
            raise PermissionError(f"{plain} is not in this lake")
        return plain

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        return self._info(self._path(path))  # type: ignore[no-any-return]

    def ls(self, path: str, detail: bool = True, **_: Any) -> Any:
        return self.fs.ls(self._path(path), detail=detail)

    def modified(self, path: str) -> datetime:
        return datetime.fromtimestamp(0, UTC)

    def glob(self, path: str, **options: Any) -> Any:
        """DuckDB asks this for every file, patterns or not; a file without one was listed by the snapshot and is there."""
        plain = self._path(path)
        return self.fs.glob(plain, **options) if re.search(r"[*?\[]", plain) else [path]

    def open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        if mode != "rb":
            raise PermissionError(f"{path}: a lake is read here, never written")
        plain = self._path(path)
        size = self._info(plain)["size"]
        return io.BytesIO(self._content(plain)) if size <= SMALL_BYTES else self.fs.open(plain, "rb", size=size)


def _address(path: str) -> str:
    return f"lake://{path}"


def _address_of_day(root: str, day: str, path: str) -> str:
    """A file's address for DuckDB, with its day where Hive would have it: of a question about some days the other files stay closed.

    The file's own path is quoted, because it has `=` too, and not in every file for the same thing.
    """
    return _address(f"{root}/day={day}/{quote(path.removeprefix(root + '/'))}")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _rows(relation: Any) -> Rows:
    if relation is None:
        raise NotAnswered("that is not a query: it has no rows to answer with.")
    return Rows([str(kind) for kind in relation.types], relation.to_arrow_table())


def _raised_within(error: duckdb.Error) -> str:
    """The line that names the error, of the whole traceback that DuckDB makes its message of."""
    raised = re.findall(r"^\w+(?:Error|Exception): .*$", str(error), re.MULTILINE)
    return raised[-1] if raised else str(error)


def _explained(error: duckdb.Error) -> str:
    told = str(error).strip()
    if isinstance(error, duckdb.CatalogException) and (missing := re.search(r"Table with name (\S+) does not exist", told)):
        return f"there is no table {missing[1]}. There are: {', '.join([*TABLES, *VIEWS])}."
    if isinstance(error, duckdb.ParserException) and any(re.search(rf"\b{word}\b", told) for word in RESERVED):
        return f"{told}\nThe columns {' and '.join(RESERVED)} are keywords of SQL: write them in double quotes."
    return told
