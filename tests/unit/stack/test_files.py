"""The files that say what the stack is made of, and those that configure it."""

import re
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

import pytest

from include.stack.environment import inherited
from include.stack.jars import BOOTSTRAP, IVY_SETTINGS, READERS, STACK, JarSet, locked, pyspark_jar
from include.stack.service import hadoop_xml, properties, write


def revisions(jars: JarSet) -> dict[str, str]:
    return {each.attrib["name"]: each.attrib["rev"] for each in ElementTree.parse(jars.ivy_xml).iter("dependency")}


REVISIONS = revisions(STACK)


def test_no_file_names_a_server() -> None:
    for file in (STACK.ivy_xml, STACK.lock, READERS.ivy_xml, READERS.lock, IVY_SETTINGS, BOOTSTRAP):
        text = file.read_text().replace("http://ant.apache.org/ivy/maven", "")  # the name of an XML namespace, nothing to fetch
        assert not re.search(r"https?://|\b(root|url|host)=", text), file.name


def test_hadoop_is_the_one_of_pyspark() -> None:
    (hadoop,) = re.findall(r"hadoop-client-api-([\d.]+)\.jar", pyspark_jar("hadoop-client-api-*.jar").name)
    assert REVISIONS["hadoop-client-minicluster"] == REVISIONS["hadoop-hdfs"] == hadoop


def test_the_kafka_source_is_the_one_of_pyspark() -> None:
    assert REVISIONS["spark-sql-kafka-0-10_2.13"] == version("pyspark") == version("pyspark-client")


def test_the_readers_iceberg_is_for_the_spark_and_scala_of_pyspark() -> None:
    spark, scala = version("pyspark").rsplit(".", 1)[0], pyspark_jar("spark-core_*.jar").name.split("_")[1].split("-")[0]
    assert f"iceberg-spark-runtime-{spark}_{scala}" in revisions(READERS)


@pytest.mark.parametrize("jars", [STACK, READERS], ids=lambda jars: jars.folder)
def test_every_jar_asked_for_is_locked(jars: JarSet) -> None:
    names = " ".join(locked(jars))
    assert [name for name, revision in revisions(jars).items() if f"/{name}-{revision}" not in names] == []
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in locked(jars).values())


def test_hadoop_and_java_files_are_escaped_and_whole(tmp_path: Path) -> None:
    assert "<name>a</name><value>&lt;b&gt; &amp; c</value>" in hadoop_xml({"a": "<b> & c"})
    assert properties({"a.b": 1, "c": Path("/x y")}) == "a.b=1\nc=/x y\n"
    secret = tmp_path / "deep" / "secret"
    write(secret, "1", mode=0o600)
    write(secret, "2", mode=0o600)
    assert (secret.read_text(), secret.stat().st_mode & 0o777) == ("2", 0o600)
    assert [each.name for each in secret.parent.iterdir()] == ["secret"], "nothing is left aside"


ENVIRONMENTS = [
    ("another Airflow's configuration stays out", "AIRFLOW__CORE__EXECUTOR", "CeleryExecutor", None),
    ("another Spark's home too", "SPARK_HOME", "/opt/spark", None),
    ("and modules of the caller", "PYTHONPATH", "/somewhere", None),
    ("ports of this call are not those of a nested one", "LANDFALL_KAFKA_PORT", "1", None),
    ("but faults are meant for the tasks", "LANDFALL_FAULT", "before:commit_transaction:1", "before:commit_transaction:1"),
    ("certificates go along", "SSL_CERT_FILE", "/etc/ca.pem", "/etc/ca.pem"),
    ("no proxy stands between the parts", "NO_PROXY", "example.org", "example.org,127.0.0.1,localhost"),
]


@pytest.mark.parametrize(("why", "name", "value", "expected"), ENVIRONMENTS, ids=[row[0] for row in ENVIRONMENTS])
def test_what_daemons_inherit(why: str, name: str, value: str, expected: str | None) -> None:
    assert inherited({name: value}).get(name) == expected, why
