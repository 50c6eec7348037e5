"""Spark of the embedded stack: local mode inside the task that submits. Everything about it stands in SPARK_CONF_DIR."""

import sys
import sysconfig
from pathlib import Path

from include.stack.jars import jars_of
from include.stack.java import Java
from include.stack.service import log4j, properties, write
from include.stack.settings import Settings


def configure_spark(settings: Settings) -> None:
    folder = conf_dir(settings)
    write(folder / "spark-defaults.conf", properties(spark_defaults(settings)))
    write(folder / "log4j2.properties", log4j(root="warn"))


def conf_dir(settings: Settings) -> Path:
    return settings.conf / "spark"


def spark_defaults(settings: Settings) -> dict[str, object]:
    return {
        "spark.jars": ",".join(map(str, jars_of(settings, "spark"))),
        "spark.driver.memory": "2g",
        # A day of some thousand records is over before the optimising compiler has paid for itself: with it a landing of 3,280
        # records took 75 s of CPU, without it 39.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData",
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
        "SPARK_HOME": str(Path(sysconfig.get_paths()["purelib"]) / "pyspark"),
        "SPARK_CONF_DIR": str(conf_dir(settings)),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    }
