"""Readers that load all tables of a lake at their newest, again and again, in a process of their own, while a writer commits.

One look is one transaction of the catalog: what PyIceberg's own `load_table` finds there of every table, one after the other. A plain look
is the same without the transaction: each table is loaded at a moment of its own, so tables may differ, but none may be older than one that
was loaded before.
"""

import itertools
import json
import multiprocessing
import random
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table as IcebergTable

from include.lake.snapshots import LANDING_ROW
from include.lake.table_changes import LANDING_ID
from include.schemas import LANDED, TABLES
from tests.harness.deeds import DEEDS, FEW, landing
from tests.harness.lakes import catalog_uri, forget_what_things_mean, open_lake, scattered
from tests.oracle.built_landing import CUSTOMER, build

FORKS = multiprocessing.get_context("forkserver")
FIRST_DAY = date(2019, 1, 1)
PLAIN = 10  # every so many looks one is plain


@dataclass
class Seen:
    """What a reader has seen: how many looks, of how many landings, and those that were wrong."""

    looks: int = 0
    plain: int = 0
    gone: int = 0  # a metadata file that twenty commits or a forgetting have removed since the catalog named it: looked again
    landings: Counter[str] = field(default_factory=Counter)
    mixed: list[Any] = field(default_factory=list)
    orders: set[tuple[str, ...]] = field(default_factory=set)  # of plain looks: the landings, in the order in which they were seen


def landing_of(table: IcebergTable) -> str:
    snapshot = table.current_snapshot()
    assert snapshot is not None
    assert snapshot.summary is not None
    return str(snapshot.summary[LANDING_ID])


def mixed(tables: dict[str, IcebergTable]) -> list[str]:
    """Tables that are not at the snapshot that the newest row of `landings` names."""
    snapshot = tables["landings"].current_snapshot()
    assert snapshot is not None
    assert snapshot.summary is not None
    named = json.loads(snapshot.summary[LANDING_ROW])["snapshots"]
    return [name for name in LANDED if tables[name].metadata.current_snapshot_id != named[name]]


@contextmanager
def one_look(catalog: SqlCatalog) -> Iterator[None]:
    """All that is read of the catalog within is of one moment."""
    engine = catalog.engine
    of_one_moment = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with engine.connect().execution_options(**of_one_moment) as connection:
        connection.begin()  # else every session of PyIceberg's begins and ends one of its own
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("begin")  # Python's driver begins one only to write
        catalog.engine = connection  # type: ignore[assignment]
        try:
            yield
        finally:
            catalog.engine = engine


def look(catalog: SqlCatalog, seen: Seen) -> None:
    names = random.sample(list(TABLES), len(TABLES))
    if (seen.looks + 1) % PLAIN == 0 and seen.plain * PLAIN <= seen.looks:
        order = [landing_of(catalog.load_table(f"lake.{name}")) for name in names]
        seen.orders.add(tuple(dict.fromkeys(order)))
        seen.plain += 1
        return
    with one_look(catalog):
        tables = {name: catalog.load_table(f"lake.{name}") for name in names}
    if wrong := mixed(tables):
        seen.mixed.append({name: landing_of(table) for name, table in tables.items()} | {"wrong": wrong})
    seen.looks += 1
    seen.landings[landing_of(tables["landings"])] += 1


def read(folder: Path, looks: int, number: Any, over: Any, answer: Connection) -> None:
    """Looks so many times, and until it is over; hands on what it has seen. `number` counts the looks meanwhile."""
    warnings.simplefilter("ignore")
    location = f"file://{folder}/lake/{CUSTOMER}"
    catalog, seen = SqlCatalog(CUSTOMER, uri=catalog_uri(folder), warehouse=location, init_catalog_tables="false"), Seen()
    while seen.looks < looks or not over.value:
        try:
            look(catalog, seen)
        except FileNotFoundError:
            seen.gone += 1
        number.value = seen.looks
    answer.send(seen)


@contextmanager
def reading(folder: Path, looks: int) -> Iterator[tuple[Any, Any, Connection]]:
    """A reader under way: how many looks it has made, what says that it is over, and where it hands on what it has seen."""
    FORKS.set_forkserver_preload([__name__])
    ours, theirs = FORKS.Pipe(duplex=False)
    number, over = FORKS.Value("i", 0, lock=False), FORKS.Value("i", 0, lock=False)
    process = FORKS.Process(target=read, args=(folder, looks, number, over, theirs))
    process.start()
    theirs.close()
    try:
        yield number, over, ours
    finally:
        process.terminate()
        process.join()


OTHERS = ("compaction", "forgetting", "expiry", "tidying", "descriptions")


def land_meanwhile(folder: Path, landings: int, wait: Callable[[float], None]) -> list[str]:
    """So many landings, every fourth a correction, and whatever else commits to a lake in between; `wait` is called after each of them with
    the part that is done. Returns all landings, also those of compactions and forgettings, in the order of their commits.
    """
    lake, others = open_lake(folder), itertools.cycle(OTHERS)
    for number in range(landings):
        correction = number % 4 == 3
        day = (FIRST_DAY + timedelta(days=number - correction)).isoformat()
        other = next(others) if number % max(5, landings // 20) == 1 else None
        built = build(folder, FEW, day, try_number=1 + correction)
        landing(lake, scattered(built) if other == "compaction" else built)
        if other:
            if other == "descriptions":
                forget_what_things_mean(lake)
            DEEDS[other].do(open_lake(folder), built)
        wait((number + 1) / landings)
    return [each.landing for each in lake.landings()]


def goes_back(orders: Iterable[tuple[str, ...]], landings: list[str]) -> list[tuple[str, ...]]:
    """Plain looks at which a table was older than one that had been loaded before."""
    place = {landing: number for number, landing in enumerate(landings)}
    return [order for order in orders if [place[each] for each in order] != sorted(place[each] for each in order)]
