"""docs/for_data_scientists.md, run as it stands: by a reader, on a real HDFS, while what a stopped landing had staged lies about."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from include.contracts import customer
from include.lake.lake import Lake
from include.lake.staging import Staging
from include.query.session import ask
from include.receipts import Landing
from include.schemas import TABLES, VIEWS
from include.stack.java import find_java
from include.stack.service import properties, write
from include.stack.settings import Settings
from include.stack.spark import spark_environment
from include.storage.acl import grant
from include.storage.webhdfs import filesystem
from tests.harness.for_data_scientists import COMMANDS, PAGE, PROGRAMS, WITHOUT_A_CLONE
from tests.oracle.built_landing import RECORDS, attempt, build

ROOT = Path(__file__).parents[2]
MEANS = "select count(*), avg(score) from assessments where not is_test"
PARTS = "select count(*) from questions join assessments using (day, keen_id, hash) where not is_test and user_result = 'missed_some'"


@dataclass(frozen=True)
class Demo:
    """The demo's lake as its owner has it, its last two landings, and what stands on the page in place of which words."""

    lake: Lake
    landings: list[Landing]
    home: Path
    environment: dict[str, str]

    def here(self, text: str) -> str:
        """The page's text with the addresses of the tests' own stack, and with the landing before."""
        ours = {
            "29870": self.environment["LANDFALL_NAMENODE_HTTP_PORT"],
            "29820": self.environment["LANDFALL_NAMENODE_PORT"],
            ".local/lake": str(self.home / "lake"),
            "LANDING": self.landings[0].landing,
        }
        return re.sub("|".join(map(re.escape, ours)), lambda word: ours[word[0]], text)

    def run(self, command: list[str], code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(command, env={**self.environment, **environment}, cwd=self.home, capture_output=True, text=True, check=False)
        assert done.returncode == code, f"{command[0]}: exit code {done.returncode}, expected {code}\n{done.stdout}\n{done.stderr[-3000:]}"
        return done

    def asked(self, sql: str, landing: Landing) -> list[list[Any]]:
        """The owner's answer, by `include/query/session.py`."""
        return ask(self.lake, sql, self.lake.state_of(landing.landing)).rows


class Stopped(BaseException):
    """As a power cut."""


@pytest.fixture(scope="module")
def demo(hdfs: Any, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    home = tmp_path_factory.mktemp("home")
    fs = filesystem(hdfs.host, hdfs.port, hdfs.user)
    (home / "lake").mkdir()
    lake = Lake.open("demo", f"sqlite:///{home}/lake/demo.sqlite?timeout=60", hdfs.uri, fs)
    lake.create_tables()
    grant(fs, lake.path, customer("demo").readers)

    def commit(number: int, records: list[bytes]) -> Landing:
        built = build(home, records, try_number=number, fs=fs, root=lake.path, customer="demo")
        return lake.commit(built.landing, built.transform)

    more = attempt(21, results=("missed_some", "missed_some"))
    landings = [commit(1, [*RECORDS]), commit(2, [*RECORDS, more])]

    def stop(*_: Any) -> None:
        raise Stopped

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Staging, "swap", stop)
        with pytest.raises(Stopped):
            commit(3, [*RECORDS, more, *(attempt(number) for number in range(30, 40))])
    environment = {
        **os.environ,
        "LANDFALL_HOME": str(home),
        "LANDFALL_TOOLS": str(Settings.load().tools),
        "LANDFALL_NAMENODE_HTTP_PORT": str(hdfs.port),
        "LANDFALL_NAMENODE_PORT": str(urlsplit(hdfs.uri).port),
        "PYTHONPATH": str(ROOT),
    }
    return Demo(lake, landings, home, environment)


def means(demo: Demo, landing: Landing) -> str:
    """What a program prints of the attempts of a landing, by the owner's figures."""
    [[attempts, score]] = demo.asked(MEANS, landing)
    return f"{attempts} attempts, mean score {score:.4f}"


def line(demo: Demo, landing: Landing) -> str:
    """The same, of a program that names the landing."""
    return f"{landing.landing}: {means(demo, landing)}"


def test_the_landings_differ_and_a_plain_read_is_the_newest(demo: Demo) -> None:
    """Else a program that reads another snapshot would be right by chance."""
    newest = demo.lake.catalog.load_table("lake.assessments").scan().count()
    counts = [demo.asked("select count(*) from assessments", landing)[0][0] for landing in demo.landings]
    assert counts[0] != counts[1] == newest


def test_duckdb_over_pyiceberg_as_a_reader_sees_both_landings_whole(demo: Demo) -> None:
    done = demo.run([sys.executable, "-c", demo.here(PROGRAMS["DuckDB"])])
    parts = [demo.asked(PARTS, landing)[0][0] for landing in demo.landings]
    assert parts[0] != parts[1]
    assert done.stdout.splitlines() == [
        f"{line(demo, landing).split(',')[0]}, {part} questions answered in part"
        for landing, part in zip(demo.landings, parts, strict=True)
    ]


@pytest.mark.parametrize("program", [PROGRAMS["pandas and Polars"], WITHOUT_A_CLONE], ids=["with a clone", "without"])
def test_pandas_and_polars_as_a_reader_agree_with_the_owner(demo: Demo, program: str) -> None:
    done = demo.run([sys.executable, "-c", demo.here(program)])
    assert Counter(done.stdout.splitlines()) == {means(demo, demo.landings[-1]): 2}, "once by pandas, once by Polars"


CHANGES = """
for change in ("drop table demo.lake.options", "delete from demo.lake.assessments", "create table demo.lake.mine (a int)"):
    try:
        spark.sql(change)
        print(change, "was done")
    except Exception as error:
        cause = str(error)
        print(change, "refused:", "readonly database" in cause, "Permission denied: user=alice, access=WRITE" in cause)
print(spark.table("demo.lake.assessments").schema["score"].metadata["comment"])
"""


def test_spark_as_a_reader_agrees_with_the_owner_and_changes_nothing(demo: Demo, reader_jars: Path) -> None:
    """Spark resolves the page's packages, but from the jars whose digests are locked rather than from a server."""
    settings = Settings.private(demo.home)
    repository = demo.home / "ivysettings.xml"
    repository.write_text(
        f"""<ivysettings><settings defaultResolver="locked"/><resolvers><filesystem name="locked">
        <artifact pattern="{reader_jars}/[artifact]-[revision].[ext]"/></filesystem></resolvers></ivysettings>"""
    )
    environment = {**spark_environment(settings, find_java(demo.home / "java")), "SPARK_CONF_DIR": str(demo.home / "conf")}
    defaults = {
        "spark.jars.ivySettings": repository,
        "spark.jars.ivy": demo.home / "ivy",
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    }
    write(demo.home / "conf" / "spark-defaults.conf", properties(defaults))
    done = demo.run([sys.executable, "-c", demo.here(PROGRAMS["Spark SQL"]) + CHANGES], **environment)
    told = [each for each in done.stdout.splitlines() if not each.startswith(":: ")]  # what Ivy says of its settings
    assert told[:3] == [f"now: {means(demo, demo.landings[-1])}", *(line(demo, landing) for landing in demo.landings)]
    assert told[3:] == [
        "drop table demo.lake.options refused: True False",
        "delete from demo.lake.assessments refused: False True",
        "create table demo.lake.mine (a int) refused: False True",
        TABLES["assessments"].iceberg.find_field("score").doc,
    ], done.stderr[-3000:]


def test_the_commands_answer_a_reader_as_they_answer_the_owner(demo: Demo) -> None:
    queries = [shlex.split(demo.here(command)) for command in COMMANDS if "query" in command and "mallory" not in command]
    assert len(queries) == 5
    for query in queries:
        sql = query[-1]
        landing = demo.landings[0] if "--landing" in query else demo.landings[1]
        found = json.loads(demo.run([str(ROOT / "landfall"), *query[1:], "--json"]).stdout)
        assert found["rows"] == json.loads(msgspec.json.encode(demo.asked(sql, landing), enc_hook=str)), query


def test_the_tables_that_are_listed_have_the_rows_in_force(demo: Demo) -> None:
    [every, one] = [shlex.split(command)[1:] for command in COMMANDS if " tables " in command]
    listed = json.loads(demo.run([str(ROOT / "landfall"), *every, "--json"]).stdout)
    counts = " union all ".join(f"select '{name}', count(*) from {name}" for name in [*TABLES, *VIEWS])
    assert {each["name"]: each["rows"] for each in listed} == dict(demo.asked(counts, demo.landings[1]))
    assert [column["description"] for each in listed for column in each["columns"] if not column["description"]] == []
    assert json.loads(demo.run([str(ROOT / "landfall"), "tables", "--user", "alice", "--json"]).stdout) == listed, (
        "of all that she may read"
    )
    shown = demo.run([str(ROOT / "landfall"), *one]).stdout
    for field in TABLES["assessments"].iceberg.fields:
        assert re.search(rf"^ *{field.name} +{field.field_type} +{re.escape(str(field.doc))}$", shown, re.MULTILINE), field.name


def test_who_is_no_reader_is_told_what_the_page_says(demo: Demo) -> None:
    [command] = [shlex.split(command)[1:] for command in COMMANDS if "mallory" in command]
    [said] = re.findall(r"`(Permission denied: user=mallory.*?)`", PAGE)
    assert demo.run([str(ROOT / "landfall"), *command], code=1).stderr.rstrip().endswith(said)
    nobody = demo.run([str(ROOT / "landfall"), "tables", "--user", "mallory"], code=1)
    assert "no contract names mallory among its readers" in nobody.stderr
