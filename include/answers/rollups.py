"""The small tables and sums of all days, each in one file: what questions about years of landings are asked of.

A table has a file for every landed day, and opening hundreds of them takes longer than anything that is asked of them. So `gather` keeps
their rows together, in `answers/small/<name>.parquet` of the lake, each row with the file that it is from. Data files never change, so
what is kept stays true: rows of files that a snapshot has not are left out, files that are not kept yet are read. What is kept can be
lost, half written or overtaken by another landing at any time: what is missing is read again.
"""

import functools
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.lake.aggregates import AGGREGATES
from include.lake.lake import Lake
from include.query.session import SUMS, Session
from include.schemas import LANDINGS, TABLES
from include.storage.webhdfs import make_directory, write_file

SMALL = (*AGGREGATES, "holes", LANDINGS.name, *SUMS)  # they grow with days and exams, not with attempts
FILE = "of_file"
AT_A_TIME = 8


def gather(session: Session) -> dict[str, pa.Table]:
    """Lets the session answer questions about the small tables and sums from what is kept, which is brought up to date.

    Returns these rows by their names, for other sessions at the same moment: `give`.
    """
    # Of a table that came later the session knows that it is empty.
    snapshots = {name: number for name in SMALL if (number := session.state.snapshots.get(_table(name)))}
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        rows = dict(zip(snapshots, pool.map(lambda item: _rows(session.lake, *item), snapshots.items()), strict=True))
    give(session, rows)
    return rows


def give(session: Session, gathered: Mapping[str, pa.Table]) -> None:
    """The same for a session at the same moment as that for which they were gathered."""
    for name, rows in gathered.items():
        session.give(name, rows)


def _rows(lake: Lake, name: str, snapshot_id: int) -> pa.Table:
    """The rows of all days at this snapshot."""
    files = pa.array(lake.files(_table(name), snapshot_id), pa.string())
    kept = _kept(lake, name)
    needed = kept.filter(pc.is_in(kept[FILE], files))
    missing = files.filter(pc.invert(pc.is_in(files, kept[FILE].combine_chunks()))).to_pylist()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        rows = pa.concat_tables([needed, *pool.map(lambda path: _read(lake, name, path), missing)])
    if missing or len(needed) < len(kept):
        _keep(lake, name, rows)
    return rows.drop_columns([FILE])


def _table(name: str) -> str:
    """The table whose files these rows are from."""
    return SUMS[name][0] if name in SUMS else name


def _read(lake: Lake, name: str, path: str) -> pa.Table:
    """Of one data file; a column that came to the table after it is null."""
    rows = pq.read_table(pa.BufferReader(lake.fs.cat_file(path)))
    schema = TABLES[_table(name)].arrow
    columns = [rows[field.name] if field.name in rows.column_names else pa.nulls(len(rows), field.type) for field in schema]
    made = _made(name, pa.table(columns, names=schema.names).cast(schema))
    return made.append_column(FILE, pa.repeat(path, len(made)))


def _made(name: str, rows: pa.Table) -> pa.Table:
    """The sum of this name over rows of its table; a table is its own."""
    if name not in SUMS:
        return rows
    table, sql = SUMS[name]
    with duckdb.connect(config={"threads": 1}) as memory:
        memory.execute("set TimeZone = 'UTC'")
        memory.register(table, rows)
        return memory.sql(sql).to_arrow_table()


def _kept(lake: Lake, name: str) -> pa.Table:
    """Nothing, if there is no such file, or one that was written otherwise or not to its end."""
    schema = _schema(name)
    try:
        return pq.read_table(pa.BufferReader(lake.fs.cat_file(_path(lake, name)))).cast(schema)
    except (FileNotFoundError, pa.ArrowException, ValueError):
        return schema.empty_table()


@functools.cache
def _schema(name: str) -> pa.Schema:
    """Of what is kept: the rows' columns, and the file that they are from. The same for every lake, and DuckDB has to be asked for sums."""
    return _made(name, TABLES[_table(name)].arrow.empty_table()).schema.append(pa.field(FILE, pa.string()))


def _keep(lake: Lake, name: str, rows: pa.Table) -> None:
    content = pa.BufferOutputStream()
    pq.write_table(rows, content, compression="zstd")
    for folder in (f"{lake.path}/answers", f"{lake.path}/answers/small"):
        make_directory(lake.fs, folder)
    write_file(lake.fs, _path(lake, name), content.getvalue().to_pybytes())


def _path(lake: Lake, name: str) -> str:
    return f"{lake.path}/answers/small/{name}.parquet"
