"""Spark of the embedded stack: local mode inside the task that submits. Its settings are in one file, for `--properties-file`.

SPARK_CONF_DIR is an empty folder: `class_data.py` says why.
"""

import os
import sys
import sysconfig
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from include.stack import class_data
from include.stack.environment import inherited
from include.stack.jars import Report, jars_of
from include.stack.java import Java
from include.stack.service import log4j, properties, write
from include.stack.settings import Settings
from include.stack.spark_home import link_spark_home, spark_home
from include.transform_command import tuning


def configure_spark(settings: Settings, java: Java) -> None:
    link_spark_home(settings)
    write(_log4j(settings), log4j(root="warn"))
    archive = class_data.archive_of(settings, java)
    # A JVM that is told of an archive that is not there goes without its own one too.
    use = f"-XX:SharedArchiveFile={archive}" if archive.exists() else ""
    write(properties_file(settings), properties(spark_defaults(settings, use)))
    with suppress(OSError):  # of tools that are another user's: Spark does as well without the folder
        class_data.conf_dir(settings).mkdir(parents=True, exist_ok=True)


def archive_classes(settings: Settings, java: Java, report: Report, given_up: Callable[[], bool] = lambda: False) -> None:
    """Makes the archive with which Spark starts in half the time, unless there is one. Spark must be configured."""
    training = settings.conf / "spark" / "training.properties"
    write(training, properties(spark_defaults(settings, f"-XX:ArchiveClassesAtExit={class_data.new_archive(settings)}")))
    small = tuning(0, {})  # whose start is what the archive is for
    environ = {**inherited(), **spark_environment(settings, java), **small.environment}
    if class_data.make_archive(settings, java, spark_submit(training, small.conf), environ, report, given_up):
        configure_spark(settings, java)


def properties_file(settings: Settings) -> Path:
    """What `spark-submit --properties-file` is to be given."""
    return settings.conf / "spark" / "spark.properties"


def spark_submit(properties: Path, conf: Mapping[str, str] | None = None) -> list[str]:
    """The command up to the application, with these settings beside those of the file."""
    program = str(Path(sysconfig.get_path("scripts")) / "spark-submit")
    settings = (part for name, value in (conf or {}).items() for part in ("--conf", f"{name}={value}"))
    return [program, "--properties-file", str(properties), "--master", "local[*]", *settings]


def spark_defaults(settings: Settings, class_data_option: str) -> dict[str, object]:
    options = ["-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xlog:cds*=off", class_data_option]
    options.append(f"-Dlog4j2.configurationFile={_log4j(settings).as_uri()}")
    return {
        # Not `spark.jars`: what is on the classpath from the beginning can be in the class archive.
        "spark.driver.extraClassPath": os.pathsep.join(map(str, jars_of(settings, "spark"))),
        "spark.driver.memory": "2g",
        "spark.driver.extraJavaOptions": " ".join(f'"{option}"' if " " in option else option for option in options if option),
        "spark.ui.enabled": "false",
        "spark.local.dir": settings.tmp / "spark",
        "spark.sql.warehouse.dir": settings.tmp / "warehouse",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": 4,  # two cores, days of some thousand records
        "spark.sql.parquet.compression.codec": "zstd",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.hadoop.dfs.replication": 1,  # the writer decides, and there is one DataNode
        "spark.hadoop.dfs.client.use.datanode.hostname": "true",
        "spark.hadoop.dfs.client.block.write.locateFollowingBlock.initial.delay.ms": 10,
    }


def spark_environment(settings: Settings, java: Java) -> dict[str, str]:
    """What spark-submit needs to find this Spark, this Python and this Java rather than others on the machine."""
    return {
        "JAVA_HOME": str(java.home),
        "SPARK_HOME": str(spark_home(settings)),
        "SPARK_CONF_DIR": str(class_data.conf_dir(settings)),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    }


def _log4j(settings: Settings) -> Path:
    return settings.conf / "spark" / "log4j2.properties"
