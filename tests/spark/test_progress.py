"""What a long job says of itself, of a real Spark that is at work."""

import logging
import re
import threading
import time

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import progress
from progress import Stages, line, reported

SAID = [
    ("at first", {}, Stages(1, 8, 3, 2, 0), "31 s so far; no step is done yet; 3 of 8 tasks of 1 stage done, 2 running"),
    ("one step", {"read": 2.0}, Stages(0, 0, 0, 0, 0), "31 s so far; read is done; Spark has nothing to do, the driver works alone"),
    ("failed", {"read": 2.0, "judge": 1}, Stages(2, 8, 3, 0, 1), "31 s so far; read, judge are done; 3 of 8 tasks of 2 stages done, "
     "0 running, 1 failed"),
]  # fmt: skip


@pytest.mark.parametrize(("why", "done", "stages", "said"), SAID, ids=[row[0] for row in SAID])
def test_a_line(why: str, done: dict[str, float], stages: Stages, said: str) -> None:
    assert line(31.4, done, stages) == said, why


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Not what py4j says of its connections, which it closes when it likes."""
    return [record.getMessage() for record in caplog.records if record.name == progress.log.name]


def test_while_spark_works_there_is_a_line_at_every_interval_and_none_after(spark: SparkSession, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, progress.log.name)
    spark.conf.set(progress.INTERVAL, "0.2")
    try:
        with reported(spark, {"check": 0.1, "read": 1.0}):
            slow = F.expr("java_method('java.lang.Thread', 'sleep', 400L)")  # a task takes so many milliseconds, two at a time
            spark.range(0, 6, numPartitions=6).select(slow.alias("slept")).write.format("noop").mode("overwrite").save()
    finally:
        spark.conf.unset(progress.INTERVAL)
    lines = said(caplog)
    assert len(lines) > 2
    assert all("check, read are done" in each for each in lines)
    assert [each for each in lines if re.search(r" of 6 tasks of 1 stage done, [1-3] running", each)]
    time.sleep(0.5)
    assert said(caplog) == lines
    assert "progress" not in [thread.name for thread in threading.enumerate()]
