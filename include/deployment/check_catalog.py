"""The Iceberg catalog, step by step: the database, its tables, and whether a commit could be written. What is written is taken back."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, inspect, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from include.deployment.checkup import PATIENCE, Check, Misconfigured, connects, number_of, resolves
from include.deployment.deployment import Deployment

TABLE = "iceberg_tables"
OWN = "landfall doctor"  # no catalog has this name
PORTS = {"postgresql": 5432, "mysql": 3306}
FIXES = [
    ("password|authentication", "Correct the user and password in {where}."),
    ("pg_hba", "Let this machine in: pg_hba.conf of the database's server."),
    ("database .* does not exist", "Correct the database's name in {where}, or create it."),
    ("role .* does not exist", "Correct the user in {where}, or create the role."),
    ("timeout|timed out", "Correct host and port in {where}: what listens there is no such database."),
]


def checks(uri: str, deployment: Deployment, customers: Iterable[str]) -> list[Check]:
    where = f"the catalog's URI in {deployment.origin}"
    try:
        uris = list(dict.fromkeys(uri.format(customer=name) for name in customers)) or [uri.format(customer="customer")]
        at = [make_url(each) for each in uris]
    except (ArgumentError, KeyError, IndexError, ValueError):
        return [
            ("address", _fails(f"{where} is none of SQLAlchemy's", f"Correct {where}: postgresql+psycopg2://USER:PASSWORD@HOST/DATABASE"))
        ]
    if at[0].get_backend_name() == "sqlite":
        return _of_files([Path(each.database or "") for each in at], uris, where)
    host, port = at[0].host or "localhost", at[0].port or PORTS.get(at[0].get_backend_name(), 0)
    return [
        ("name", lambda: resolves([host], where)),
        ("TCP", lambda: connects([(host, port)], where)),
        ("login", lambda: _login(at[0], where)),
        ("list", lambda: _listed(at, where)),
        ("write", lambda: ", ".join(dict.fromkeys(_write(each, where) for each in at))),
    ]


def _fails(message: str, fix: str) -> Callable[[], str]:
    def fail() -> str:
        raise Misconfigured(message, fix)

    return fail


def _of_files(paths: list[Path], uris: list[str], where: str) -> list[Check]:
    """SQLite makes a file that is asked for: only those that are there are opened."""
    there = [make_url(uri) for path, uri in zip(paths, uris, strict=True) if path.is_file()]
    folders = list(dict.fromkeys(path.parent for path in paths))
    return [
        ("folder", lambda: _folders(folders, where)),
        ("list", lambda: _listed(there, where)),
        ("write", lambda: ", ".join(dict.fromkeys(_write(each, where) for each in there)) or "nothing to be written yet"),
    ]


def _folders(folders: list[Path], where: str) -> str:
    for folder in folders:
        if not folder.is_dir():
            raise Misconfigured(f"there is no folder {folder}", f"Correct {where}, or make the folder.")
        if not os.access(folder, os.W_OK):
            raise Misconfigured(f"{folder} cannot be written by this user", f"chown or chmod {folder}.")
    return ", ".join(map(str, folders))


def _login(at: URL, where: str) -> str:
    with _connected(at, where) as connection:
        connection.execute(text("select 1"))
    return f"as {at.username} of {at.database}"


def _listed(at: list[URL], where: str) -> str:
    tables = [_tables(each, where) for each in at]
    if not sum(tables):
        return "no table yet: a customer's first landing makes them"
    return number_of(sum(tables), "table") + (f" in {len(at)} databases" if len(at) > 1 else "")


def _tables(at: URL, where: str) -> int:
    """How many there are."""
    with _connected(at, where) as connection:
        try:
            if TABLE not in inspect(connection).get_table_names():
                return 0
            return int(connection.execute(text(f"select count(*) from {TABLE}")).scalar_one())
        except SQLAlchemyError as error:
            raise Misconfigured(_said(error), f"Let {at.username} select from {TABLE} and iceberg_namespace_properties.") from error


def _write(at: URL, where: str) -> str:
    """What a commit does to the catalog, in a transaction that is taken back."""
    with _connected(at, where) as connection:
        there = TABLE in inspect(connection).get_table_names()
        try:
            if at.get_backend_name() == "sqlite":  # whose transactions would not hold the making of a table
                connection.exec_driver_sql("begin immediate")
            elif there:
                of = f"where catalog_name = '{OWN}'"
                columns = "catalog_name, table_namespace, table_name, metadata_location"
                connection.execute(text(f"insert into {TABLE} ({columns}) values ('{OWN}', 'x', 'x', 'x')"))
                connection.execute(text(f"update {TABLE} set metadata_location = 'y' {of}"))
                connection.execute(text(f"delete from {TABLE} {of}"))
            else:
                connection.execute(text("create table landfall_doctor (n integer)"))
        except SQLAlchemyError as error:
            fix = (
                f"Let {at.username} insert, update and delete in {TABLE}: a deployment writes as the owner."
                if there
                else "Let it create tables."
            )
            raise Misconfigured(_said(error), fix) from error
        finally:
            connection.rollback()
    return "rows can be written; they were taken back" if there else "tables can be made; it was taken back"


@contextmanager
def _connected(at: URL, where: str) -> Iterator[Connection]:
    patience = {"connect_timeout": int(PATIENCE)} if at.get_backend_name() in PORTS else {}
    try:
        engine: Engine = create_engine(at, connect_args=patience, poolclass=NullPool)
        connection = engine.connect()
    except (SQLAlchemyError, ModuleNotFoundError) as error:
        if isinstance(error, NoSuchModuleError | ModuleNotFoundError):
            raise Misconfigured(str(error), f"Correct the driver in {where}: postgresql+psycopg2.") from error
        said = _said(error)
        fix = next((fix for pattern, fix in FIXES if re.search(pattern, said, re.IGNORECASE)), "Look at the database's log.")
        raise Misconfigured(said, fix.format(where=where)) from error
    with connection:
        yield connection


def _said(error: Exception) -> str:
    """The database's own words, without the statement and its password."""
    return " ".join(str(getattr(error, "orig", None) or error).split())
