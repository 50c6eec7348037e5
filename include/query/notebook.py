"""The one public door for notebooks and programs of data scientists: a customer's tables, opened as a reader and unable to change anything.

    demo = open_catalog("demo", "alice", "127.0.0.1:29870", "sqlite:///.local/lake/demo.sqlite")
    attempts = demo.load_table("lake.assessments").scan().to_pandas()

docs/for_data_scientists.md uses this module and nothing else of `include`. Other names may move between versions; these stay.
"""

from pyiceberg.catalog.sql import SqlCatalog

from include.errors import Refused
from include.lake.catalog import read_only
from include.storage.webhdfs import filesystem, register

__all__ = ["open_catalog"]


def open_catalog(customer: str, user: str, webhdfs: str, catalog: str) -> SqlCatalog:
    """PyIceberg's catalog of the customer's tables, `lake.assessments` and so on, as this user of HDFS reads them.

    `webhdfs` is the NameNode's `host:port`; `catalog` is the database in SQLAlchemy's form. A SQLite file is opened read-only; in another
    database the rights of its role decide. Raises Refused for an address without a port, and where there is no such file.
    """
    host, _, port = webhdfs.rpartition(":")
    if not (host and port.isdecimal()):
        raise Refused(f"webhdfs: expected host:port, such as 127.0.0.1:29870, found {webhdfs!r}. Nothing was opened.")
    return SqlCatalog(customer, uri=read_only(catalog), **register(filesystem(host, int(port), user)))
