"""The small tables of all days, each in one file: what questions about years of landings are asked of.

A table has a file for every landed day, and opening hundreds of them takes longer than anything that is asked of them. So `gather` keeps
their rows together, in `answers/small/<table>.parquet` of the lake, each row with the file that it is from. Data files never change, so
what is kept stays true: rows of files that a snapshot has not are left out, files that are not kept yet are read. What is kept can be
lost, half written or overtaken by another landing at any time: what is missing is read again.
"""

from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.asking import Session
from include.hdfs import make_directory, write_file
from include.lake import Lake
from include.tables import LANDINGS, TABLES

SMALL = ("exam_scores", "question_days", "holes", LANDINGS.name)  # they grow with days and exams, not with attempts
FILE = "of_file"
AT_A_TIME = 8


def gather(session: Session) -> None:
    """Lets the session answer questions about the small tables from what is kept, which is brought up to date."""
    for table in SMALL:
        session.give(table, _rows(session.lake, table, session.state.snapshots[table]))


def _rows(lake: Lake, table: str, snapshot_id: int) -> pa.Table:
    """The table's rows at this snapshot, all days."""
    files = pa.array(lake.files(table, snapshot_id), pa.string())
    kept = _kept(lake, table)
    needed = kept.filter(pc.is_in(kept[FILE], files))
    missing = files.filter(pc.invert(pc.is_in(files, kept[FILE].combine_chunks()))).to_pylist()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        rows = pa.concat_tables([needed, *pool.map(lambda path: _read(lake, table, path), missing)])
    if missing or len(needed) < len(kept):
        _keep(lake, table, rows)
    return rows.drop_columns([FILE])


def _schema(table: str) -> pa.Schema:
    return TABLES[table].arrow.append(pa.field(FILE, pa.string()))


def _read(lake: Lake, table: str, path: str) -> pa.Table:
    """One data file; a column that came to the table after it is null."""
    rows = pq.read_table(pa.BufferReader(lake.fs.cat_file(path)))
    columns = {FILE: pa.repeat(path, len(rows)), **{name: rows[name] for name in rows.column_names}}
    schema = _schema(table)
    return pa.table([columns.get(field.name, pa.nulls(len(rows), field.type)) for field in schema], names=schema.names).cast(schema)


def _kept(lake: Lake, table: str) -> pa.Table:
    """Nothing, if there is no such file, or one that was written otherwise or not to its end."""
    schema = _schema(table)
    try:
        kept = pq.read_table(pa.BufferReader(lake.fs.cat_file(_path(lake, table))))
        return kept.cast(schema)
    except (FileNotFoundError, pa.ArrowException, ValueError):
        return schema.empty_table()


def _keep(lake: Lake, table: str, rows: pa.Table) -> None:
    content = pa.BufferOutputStream()
    pq.write_table(rows, content, compression="zstd")
    for folder in (f"{lake.path}/answers", f"{lake.path}/answers/small"):
        make_directory(lake.fs, folder)
    write_file(lake.fs, _path(lake, table), content.getvalue().to_pybytes())


def _path(lake: Lake, table: str) -> str:
    return f"{lake.path}/answers/small/{table}.parquet"
