"""How far a long job is: a line every half minute, so that nobody has to guess whether it works or hangs.

    with reported(spark, seconds):
        ...

A day of usual size is done before the first line. `spark.landfall.progress.seconds` is another interval.
"""

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from py4j.protocol import Py4JError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

log = logging.getLogger("transform_assessments.progress")

INTERVAL = "spark.landfall.progress.seconds"
SECONDS = "30"


@dataclass(frozen=True)
class Stages:
    """The stages that are under way, and their tasks altogether."""

    stages: int
    tasks: int
    done: int
    running: int
    failed: int

    def __str__(self) -> str:
        if not self.stages:
            return "Spark has nothing to do, the driver works alone"
        failed = f", {self.failed} failed" if self.failed else ""
        stages = "1 stage" if self.stages == 1 else f"{self.stages} stages"
        return f"{self.done} of {self.tasks} tasks of {stages} done, {self.running} running{failed}"


@contextmanager
def reported(spark: SparkSession, steps_done: Mapping[str, float]) -> Iterator[None]:
    """Logs meanwhile, at every interval: the time so far, the steps that are done, and the tasks of the stages under way.

    `steps_done` maps a step to its seconds and may grow. A line that cannot be had is left out: a job never fails for it.
    """
    over = threading.Event()
    interval = float(spark.conf.get(INTERVAL, SECONDS) or SECONDS)
    reporter = threading.Thread(target=_report, args=(spark, steps_done, over, interval), name="progress", daemon=True)
    reporter.start()
    try:
        yield
    finally:
        over.set()
        reporter.join(timeout=10)


def under_way(spark: SparkSession) -> Stages:
    """The stages that Spark is working at now."""
    tracker = spark.sparkContext.statusTracker()
    stages = [info for number in tracker.getActiveStageIds() if (info := tracker.getStageInfo(number)) is not None]

    def total(count: str) -> int:
        return sum(getattr(stage, count) for stage in stages)

    return Stages(len(stages), total("numTasks"), total("numCompletedTasks"), total("numActiveTasks"), total("numFailedTasks"))


def line(seconds: float, steps_done: Mapping[str, float], stages: Any) -> str:
    """`65 s so far; read is done; 3 of 40 tasks ...`."""
    done = f"{', '.join(steps_done)} {'are' if len(steps_done) > 1 else 'is'} done" if steps_done else "no step is done yet"
    return f"{seconds:.0f} s so far; {done}; {stages}"


def _report(spark: SparkSession, steps_done: Mapping[str, float], over: threading.Event, interval: float) -> None:
    began = time.monotonic()
    while not over.wait(interval):
        try:
            stages = under_way(spark)
        except (Py4JError, PySparkException, OSError) as error:
            log.warning("how far the job is cannot be said any more: %s: %s", type(error).__name__, error)
            return
        log.info("%s", line(time.monotonic() - began, dict(steps_done), stages))
