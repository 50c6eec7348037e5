"""Repairs a lake whose newest landing names snapshots that are gone, although its data files are all there.

Versions that moved one table after the other could bring a lake there: a forgetting that waited set the tables back to what it had read
before, and expired what a landing had brought meanwhile. What the rows of `landings` say is still true, and every landing has directories
of its own, so the tables are made anew from the directories of the landings in force, each file looked at first, as one commit.
"""

import re
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from include import receipts
from include.errors import LandfallError, Refused
from include.lake.lake import Lake
from include.maintenance.cleanup import listed
from include.receipts import Landing, TransformReceipt
from include.schemas import LANDED

MARK = "-repair-"  # in the id of a landing that is another one's, named anew by a repair
AT_A_TIME = 8


@dataclass(frozen=True)
class Repair:
    """What is wrong with a lake, and what it can be made of; nothing is wrong where `wrong` is empty.

    `days` maps a day to its landing in force, `files` and `rows` count what these have. `missing` says which of that is not there: then the
    lake cannot be repaired. `landing` is the id of the landing that the repair committed, None if it has not, or there was nothing to do.
    """

    customer: str
    wrong: tuple[str, ...]
    missing: tuple[str, ...]
    days: dict[str, str]
    files: int
    rows: int
    landing: str | None = None


@dataclass(frozen=True)
class _Files:
    """The files of one table of one landing, by path, with what is wrong with them as sentences."""

    table: str
    paths: tuple[str, ...]
    rows: int
    problems: tuple[str, ...]


def repair(lake: Lake, do_it: bool = False) -> Repair:
    """Says what is wrong, and with `do_it` mends it. Raises Refused if nothing has landed, or if files are missing that it takes."""
    newest = lake.newest()
    if newest is None:
        raise Refused(f"{lake.customer}: nothing has landed, so there is nothing to repair. Land a day.")
    in_force = {row.day: row for row in lake.landings()}
    found = [files for row in in_force.values() for files in _files(lake, row)]
    paths = {table: [path for files in found if files.table == table for path in files.paths] for table in LANDED}
    seen = Repair(
        customer=lake.customer,
        wrong=tuple(_wrong(lake, newest, paths)),
        missing=tuple(problem for files in found for problem in files.problems),
        days={day: row.landing for day, row in sorted(in_force.items())},
        files=sum(map(len, paths.values())),
        rows=sum(files.rows for files in found),
    )
    if not do_it or not seen.wrong:
        return seen
    if seen.missing:
        raise Refused(
            f"{lake.customer}: it cannot be repaired, and nothing was changed, for files of landings in force are not there or not whole: "
            f"{'; '.join(seen.missing)}. Bring them back, from a copy or a snapshot of HDFS, and run this again."
        )
    landing = f"{_directory(newest.landing)}{MARK}{secrets.token_hex(3)}"
    lake.rebuild(replace(newest, landing=landing, committed_at="", snapshots={}), paths, replacing=newest.landing)
    return replace(seen, landing=landing)


def _wrong(lake: Lake, newest: Landing, paths: dict[str, list[str]]) -> list[str]:
    """Of each table, what keeps readers from the files of the landings in force."""
    wrong = []
    for table, snapshot_id in newest.snapshots.items():
        try:
            there = set(lake.files(table, snapshot_id))
        except LandfallError as error:
            gone = lake.metadata(table).snapshot_by_id(snapshot_id) is None
            why = f"snapshot {snapshot_id}, which landing {newest.landing} names, is gone" if gone else str(error)
            wrong.append(f"{table}: {why}")
            continue
        lacks, others = sorted(set(paths[table]) - there), sorted(there - set(paths[table]))
        wrong += [f"{table}: {len(lacks)} files of landings in force are not in its snapshot, such as {lacks[0]}"] if lacks else []
        wrong += [f"{table}: {len(others)} files in its snapshot are not of landings in force, such as {others[0]}"] if others else []
    return wrong


def _files(lake: Lake, row: Landing) -> list[_Files]:
    """What lies in the directories of the landing, by table, held against its row, and against the receipt of Spark where that is kept."""
    directory = _directory(row.landing)
    receipt = _receipt(lake, directory)
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return list(pool.map(lambda table: _of_table(lake, row, table, f"{lake.path}/{table}/landing={directory}", receipt), LANDED))


def _of_table(lake: Lake, row: Landing, table: str, folder: str, receipt: TransformReceipt | None) -> _Files:
    where, problems = f"{row.customer} {row.day}: {table}", list[str]()
    sizes = {str(each["name"]): int(each["size"]) for each in listed(lake.fs, folder) if str(each["name"]).endswith(".parquet")}
    written = {file.path: file.bytes for file in receipt.tables[table].files} if receipt and table in receipt.tables else sizes
    for path in sorted({*sizes, *written}):
        if sizes.get(path) != written.get(path):
            problems.append(f"{where}: {path}: expected {written.get(path, 'no')} bytes, found {sizes.get(path, 'no file')}")
    counts = [_rows(lake.fs, path, problems.append) for path in sizes]
    if sum(counts) != row.tables.get(table, 0):
        problems.append(f"{where}: {folder}: expected {row.tables.get(table, 0)} rows of landing {row.landing}, found {sum(counts)}")
    return _Files(table, tuple(sorted(sizes)), sum(counts), tuple(problems))


def _rows(fs: Any, path: str, say: Callable[[str], None]) -> int:
    try:
        with fs.open(path, "rb") as file:
            return int(pq.ParquetFile(file).metadata.num_rows)
    except (pa.ArrowException, FileNotFoundError) as error:
        say(f"{path}: {str(error).splitlines()[0]}")
        return 0


def _receipt(lake: Lake, directory: str) -> TransformReceipt | None:
    """That of the landing; forgetting and compacting leave none, and those of landings long gone are tidied away."""
    path = f"{lake.path}/receipts/landing={directory}.json"
    try:
        return receipts.read(TransformReceipt, lake.fs.cat_file(path), path)
    except FileNotFoundError:
        return None


def _directory(landing: str) -> str:
    """The landing whose directories the files of this one are in."""
    return re.sub(rf"{MARK}[0-9a-f]{{6}}$", "", landing)
