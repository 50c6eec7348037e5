"""Customers apart on a real HDFS: who is no reader is denied, by WebHDFS, by PyIceberg and by Spark; nobody but the owner writes."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from include.errors import LandfallError
from include.lake.catalog import read_only
from include.lake.lake import Lake
from include.query.session import ask
from include.storage.acl import grant
from include.storage.webhdfs import WebHDFS, filesystem
from tests.oracle.built_landing import build

READ = """
import sys
from pyspark.sql import SparkSession
spark = (SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.driver.host", "127.0.0.1").config("spark.sql.warehouse.dir", "file://" + sys.argv[1] + "/warehouse").getOrCreate())
for path in sys.argv[2:]:
    try:
        print("rows", spark.read.parquet(path).count())
    except Exception as error:
        print("denied" if "Permission denied: user=alice" in str(error) else repr(error))
"""


@pytest.fixture(scope="module")
def landed(hdfs: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Lake]:
    """Two customers with a day each; alice reads the one, bob the other. acme's landing is older than its readers."""
    fs = filesystem(hdfs.host, hdfs.port, hdfs.user)
    lakes = {}
    for customer, readers in (("acme", ["alice"]), ("beta", ["bob"])):
        catalog = tmp_path_factory.mktemp("catalog") / f"{customer}.sqlite"
        lake = lakes[customer] = Lake.open(customer, f"sqlite:///{catalog}?timeout=60", hdfs.uri, fs)
        if customer == "beta":
            grant(fs, lake.path, readers)
        lake.create_tables()
        built = build(tmp_path_factory.mktemp("landing"), fs=fs, root=lake.path, customer=customer)
        lake.commit(built.landing, built.transform)
        grant(fs, lake.path, readers)
    return lakes


@pytest.fixture
def seen_by(hdfs: Any) -> Callable[[str], WebHDFS]:
    return lambda user: filesystem(hdfs.host, hdfs.port, user)


def everything(fs: WebHDFS, root: str) -> list[str]:
    return [root, *fs.find(root, withdirs=True)]


def as_seen_by(lake: Lake, user: WebHDFS) -> Lake:
    """The customer's catalog, opened read-only, with the files as this user sees them."""
    return Lake.open(lake.customer, read_only(str(lake.catalog.engine.url)), lake.location.split("/lake/")[0], user)


def test_the_directory_says_who_reads(landed: dict[str, Lake]) -> None:
    lake = landed["acme"]
    status = lake.fs.acl_status(lake.path)
    assert (status["owner"], status["permission"]) == ("landfall", "750")
    assert {"user:alice:r-x", "default:user:alice:r-x", "default:other::---"} <= set(status["entries"])
    assert grant(lake.fs, lake.path, ["alice"]) == 0, "nothing to do"


def test_a_reader_reads_every_file_of_the_customer_and_nothing_of_another(
    landed: dict[str, Lake], seen_by: Callable[[str], WebHDFS]
) -> None:
    for reader, own, other in (("alice", "acme", "beta"), ("bob", "beta", "acme"), ("nobody", None, "acme")):
        fs, theirs = seen_by(reader), landed[other]
        if own:
            paths = everything(fs, landed[own].path)
            assert len([fs.cat_file(path) for path in paths if fs.isfile(path)]) > 20, "metadata and data files"
        denied = everything(theirs.fs, theirs.path)
        for path in denied:
            for look in (fs.info, fs.ls) if path != theirs.path else (fs.ls,):
                with pytest.raises(PermissionError, match=f"user={reader}"):
                    look(path)


def test_nobody_but_the_owner_writes(landed: dict[str, Lake], seen_by: Callable[[str], WebHDFS]) -> None:
    root = landed["acme"].path
    file = next(path for path in landed["acme"].fs.find(root) if path.endswith(".parquet"))
    for user in ("alice", "bob"):
        fs = seen_by(user)
        for attempt in (
            lambda fs=fs: fs.pipe_file(f"{root}/assessments/mine.parquet", b"x"),
            lambda fs=fs: fs.pipe_file(file, b"x"),
            lambda fs=fs: fs.rm(file),
            lambda fs=fs: fs.mkdir(f"{root}/mine"),
            lambda fs=fs: fs.mv(file, f"{root}/moved"),
            lambda fs=fs: fs.set_acl(root, "user::rwx,group::rwx,other::rwx"),
            lambda fs=fs: fs.mkdir("/lake/mine"),
        ):
            with pytest.raises(PermissionError):
                attempt()


def test_pyiceberg_reads_as_a_reader_and_cannot_write(landed: dict[str, Lake], seen_by: Callable[[str], WebHDFS]) -> None:
    mine = as_seen_by(landed["acme"], seen_by("alice"))
    assert mine.catalog.load_table("lake.assessments").scan().to_arrow().num_rows == 8
    assert ask(mine, "select count(*) from raw_assessments").rows == [[12]]
    with pytest.raises(OperationalError, match="readonly database"):
        mine.catalog.drop_table("lake.assessments")
    theirs = as_seen_by(landed["beta"], seen_by("alice"))
    with pytest.raises(LandfallError, match="Permission denied: user=alice"):
        theirs.state()
    with pytest.raises(PermissionError, match="user=alice"):
        theirs.catalog.load_table("lake.assessments")


@pytest.mark.long("tests/integration/test_for_data_scientists.py: a reader's Spark, and what it is denied")
def test_spark_reads_as_a_reader_and_is_denied_the_rest(hdfs: Any, landed: dict[str, Lake], tmp_path: Path) -> None:
    paths = [f"{hdfs.uri}/lake/{customer}/assessments/*/*.parquet" for customer in ("acme", "beta")]
    files = [
        landed[name].uri(next(iter(landed[name].fs.find(f"/lake/{name}/assessments/landing=2018-01-28-5f3a9c1e-1")))) for name in landed
    ]
    done = subprocess.run(
        [sys.executable, "-c", READ, str(tmp_path), *files, paths[1]],
        env={**os.environ, "HADOOP_USER_NAME": "alice"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.split("\n")[:3] == ["rows 8", "denied", "denied"], done.stdout + done.stderr[-2000:]


def test_readers_change_with_the_contract(landed: dict[str, Lake], seen_by: Callable[[str], WebHDFS]) -> None:
    lake = landed["beta"]
    old = next(path for path in lake.fs.find(lake.path) if path.endswith(".parquet"))
    assert grant(lake.fs, lake.path, ["carol"]) > 20
    assert seen_by("carol").cat_file(old) == lake.fs.cat_file(old)
    with pytest.raises(PermissionError):
        seen_by("bob").cat_file(old)
    lake.fs.pipe_file(f"{lake.path}/assessments/new", b"inherits")
    assert seen_by("carol").cat_file(f"{lake.path}/assessments/new") == b"inherits"
    lake.fs.rm(f"{lake.path}/assessments/new")
    assert grant(lake.fs, lake.path, []) > 20
    with pytest.raises(PermissionError):
        seen_by("carol").ls(lake.path)
    entries = {entry for path in everything(lake.fs, lake.path) for entry in lake.fs.acl_status(path)["entries"]}
    assert not [entry for entry in entries if re.search(r"user:\w", entry)]


class Killed(BaseException):
    pass


def test_a_change_of_readers_that_was_cut_off_is_gone_on_with(
    landed: dict[str, Lake], seen_by: Callable[[str], WebHDFS], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = landed["acme"]
    file = sorted(path for path in lake.fs.find(lake.path) if path.endswith(".parquet"))[-1]
    calls = iter(range(100))

    def dies(fs: WebHDFS, path: str, spec: str) -> None:
        if next(calls) == 5:
            raise Killed
        WebHDFS._call(fs, "SETACL", method="put", path=path, aclspec=spec)

    with monkeypatch.context() as patched:
        patched.setattr(WebHDFS, "set_acl", dies)
        with pytest.raises(Killed):
            grant(lake.fs, lake.path, ["dora"])
    for user in ("alice", "dora"):
        with pytest.raises(PermissionError):
            seen_by(user).cat_file(file)
    assert grant(lake.fs, lake.path, ["dora"]) > 20
    assert seen_by("dora").cat_file(file)
    grant(lake.fs, lake.path, ["alice"])
