"""The door for notebooks: opens as a reader, changes nothing, refuses an address that leads nowhere. tests/integration reads with it."""

from pathlib import Path

import pytest
from pyiceberg.catalog.sql import SqlCatalog
from sqlalchemy.exc import OperationalError

from include.errors import Refused
from include.query.notebook import open_catalog


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A catalog as its owner has made it."""
    uri = f"sqlite:///{tmp_path}/demo.sqlite"
    SqlCatalog("demo", uri=uri).create_namespace("lake")
    return uri


def test_a_reader_sees_the_catalog_and_cannot_change_it(database: str) -> None:
    catalog = open_catalog("demo", "alice", "127.0.0.1:29870", database)
    assert catalog.list_namespaces() == [("lake",)]
    with pytest.raises(OperationalError, match="readonly database"):
        catalog.create_namespace("mine")


def test_tables_are_read_from_the_address_and_as_the_user_that_were_named(database: str) -> None:
    properties = open_catalog("demo", "alice", "namenode.example:9870", database).properties
    assert {name.rpartition(".")[2]: value for name, value in properties.items() if name.startswith("landfall.webhdfs.")}.items() >= {
        "host": "namenode.example",
        "port": "9870",
        "user": "alice",
    }.items()


@pytest.mark.parametrize("webhdfs", ["127.0.0.1", ":29870", "127.0.0.1:", "hdfs://127.0.0.1"])
def test_an_address_without_host_or_port_is_refused(webhdfs: str, database: str) -> None:
    with pytest.raises(Refused, match="expected host:port"):
        open_catalog("demo", "alice", webhdfs, database)


def test_a_catalog_that_is_not_there_is_refused_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="there is no catalog"):
        open_catalog("demo", "alice", "127.0.0.1:29870", f"sqlite:///{tmp_path}/none.sqlite")
    assert list(tmp_path.iterdir()) == []
