"""Spark reads a lake by the settings of docs/for_data_scientists.md, with Iceberg's JDBC catalog, while days land: no look mixes landings.

On local files, with a SQLite catalog and with a Postgres one; HDFS has no part in it.
"""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import make_url

from include.lake import commit as committing
from include.schemas import LANDED, TABLES
from include.stack.java import find_java
from include.stack.settings import Settings
from include.stack.spark import spark_environment
from tests.harness.for_data_scientists import ON_POSTGRES, PROGRAMS
from tests.harness.lakes import CATALOG, catalog_uri, commit, open_lake
from tests.harness.looks import PLAIN, goes_back, land_meanwhile
from tests.harness.postgres import Postgres
from tests.oracle.built_landing import CUSTOMER, build

ROOT = Path(__file__).parents[2]
LOOKS = """
import random
from pathlib import Path

spark.sparkContext.setLogLevel("WARN")
tables, landed, folder, looks, every = @TABLES@, @LANDED@, Path("@FOLDER@"), @LOOKS@, @EVERY@
jvm = spark._jvm
identifiers = {name: jvm.org.apache.iceberg.catalog.TableIdentifier.parse(f"lake.{name}") for name in tables}
catalog = spark._jsparkSession.sessionState().catalogManager().catalog("acme").icebergCatalog()
assert catalog.getClass().getSimpleName() == "JdbcCatalog", "nothing between Spark and the catalog keeps tables"


def field(of, kind, name):
    field = kind.getDeclaredField(name)
    field.setAccessible(True)
    return field.get(of)


catalog.loadTable(identifiers["landings"])  # opens its one connection
pool = field(catalog, catalog.getClass(), "connections")
connection = field(pool, pool.getClass().getSuperclass(), "clients").peekFirst()


def one_look():
    connection.setAutoCommit(False)
    if "postgresql" in connection.getMetaData().getURL():
        connection.setTransactionIsolation(4)  # java.sql.Connection.TRANSACTION_REPEATABLE_READ
    loaded = {name: catalog.loadTable(identifiers[name]) for name in random.sample(tables, len(tables))}
    connection.commit()
    connection.setAutoCommit(True)
    summary = loaded["landings"].currentSnapshot().summary()
    named = json.loads(summary.get("landfall.row"))["snapshots"]
    wrong = [name for name in landed if loaded[name].currentSnapshot().snapshotId() != named[name]]
    return summary.get("landfall.landing"), wrong


def plain_look():
    loaded = [catalog.loadTable(identifiers[name]) for name in random.sample(tables, len(tables))]
    return [table.currentSnapshot().summary().get("landfall.landing") for table in loaded]


def plain_select():
    one = "select {} as place, committed_at, summary['landfall.landing'] from acme.lake.{}.snapshots"
    names = random.sample(tables, len(tables))
    rows = spark.sql(" union all ".join(one.format(place, name) for place, name in enumerate(names))).collect()
    return list({place: landing for place, _, landing in sorted(rows)}.values())


seen, mixed, orders, number = set(), [], [], 0
while number < looks or not (folder / "over").exists():
    landing, wrong = one_look()
    number += 1
    seen.add(landing)
    if wrong:
        mixed.append([landing, wrong])
    if number % every == 0:
        orders.append(plain_look())
    if number % (every * 20) == 0:
        orders.append(plain_select())
    if number % 5 == 0:
        (folder / "number").write_text(str(number))
(folder / "number").write_text(str(number))
print(json.dumps({"looks": number, "mixed": mixed, "landings": len(seen), "orders": [list(dict.fromkeys(each)) for each in orders]}))
"""


@pytest.fixture(params=["SQLite", "Postgres"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A lake's, with one landing."""
    if request.param == "Postgres":
        server: Postgres = request.getfixturevalue("postgres")
        (tmp_path / CATALOG).write_text(server.database())
    commit(open_lake(tmp_path), build(tmp_path))
    return tmp_path


def program(folder: Path, jars: Path, looks: int) -> str:
    """The page's, up to its first question, with the addresses of this lake; then the looks."""
    at = make_url(catalog_uri(folder))
    on_postgres = at.get_backend_name() == "postgresql"
    begun, question, _ = (ON_POSTGRES if on_postgres else PROGRAMS["Spark SQL"]).partition("question =")
    assert question
    ours = {
        "hdfs://127.0.0.1:29820/lake/demo": f"file://{folder}/lake/{CUSTOMER}",
        ".local/lake/demo.sqlite": f"{folder}/catalog.sqlite",
        "postgres-host/lake_demo": f"{at.host}:{at.port}/{at.database}",
        'jdbc.user", "alice"': f'jdbc.user", "{at.username}"',
        '"V1")': f'"V1")\n    .config("spark.sql.catalog.{CUSTOMER}.clients", "1")',
        'packages = "': 'packages, jars = "", "',
        '"spark.jars.packages", packages)': '"spark.jars", jars).config("spark.driver.host", "127.0.0.1")',
        "catalog.demo": f"catalog.{CUSTOMER}",
    }
    text = re.sub("|".join(map(re.escape, ours)), lambda word: ours[word[0]], begun)
    names = re.findall(r"[\w.]+:([\w.-]+):([\w.]+)", text)
    text = re.sub(r'jars = "", ".*"', f'jars = "", "{",".join(str(jars / f"{name}-{revision}.jar") for name, revision in names)}"', text)
    values = {"TABLES": list(TABLES), "LANDED": list(LANDED), "FOLDER": folder, "LOOKS": looks, "EVERY": PLAIN}
    return text + re.sub("@([A-Z]+)@", lambda word: str(values[word[1]]), LOOKS)


@pytest.mark.long("tests/unit/lake/test_one_commit.py: the same looks by PyIceberg, with both catalogs")
@pytest.mark.timeout(6000)
def test_spark_s_jdbc_catalog_never_sees_two_landings_mixed(folder: Path, reader_jars: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, landings = 10_000, 200
    monkeypatch.setattr(committing, "KEPT_LANDINGS", 3)  # a long history only takes time
    settings = Settings.private(folder / "spark")
    environment = {**spark_environment(settings, find_java(folder / "java")), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program(folder, reader_jars, looks)]
    with (
        (folder / "errors").open("w") as errors,
        subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=errors, text=True) as spark,
    ):

        def wait(part: float) -> None:
            while spark.poll() is None and int(number.read_text() or 0 if number.exists() else 0) < looks * part - 5:
                time.sleep(0.01)

        number = folder / "number"
        landed = land_meanwhile(folder, landings, wait)
        (folder / "over").touch()
        said = spark.communicate()[0]
    assert spark.returncode == 0, (folder / "errors").read_text()[-3000:]
    seen = json.loads(said.splitlines()[-1])
    several = [order for order in seen["orders"] if len(order) > 1]
    print(f"{seen['looks']} looks, {seen['landings']} of {len(landed)} landings seen")
    print(f"{len(seen['orders'])} plain looks, {len(several)} of which saw several landings")
    assert seen["looks"] >= looks
    assert seen["mixed"] == []
    assert goes_back([tuple(order) for order in seen["orders"]], landed) == []
    assert seen["landings"] > landings / 2, "it did read while they landed"
