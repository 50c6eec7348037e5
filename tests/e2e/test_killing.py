"""Killing a task ends all that it started, and leaves readers with what they had."""

from pathlib import Path

import psutil

from include.runs import run as landing_run
from include.stack import processes
from tests.harness.private_landfall import Landfall, wait_for

DAY = "2018-04-01"
JOB = "transform_assessments.py"


def spark(stack: Landfall) -> list[psutil.Process]:
    """The processes of this stack that run the Spark job: spark-submit's JVM and the Python driver below it."""
    return [each for each in processes.alive(stack.settings) if any(JOB in part for part in _command(each))]


def driver(stack: Landfall) -> list[psutil.Process]:
    """The Python driver, which the JVM starts: spark-submit's shell and launcher, before it, name the job too."""
    return [each for each in spark(stack) if "python" in each.name()]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def test_a_task_that_is_marked_failed_ends_spark_and_its_driver(stack: Landfall, tmp_path: Path) -> None:
    api = stack.api
    source = tmp_path / "day.json"
    source.write_text('[{"keen_id": "a", "exam_name": "Knots", "base_exam_id": "knots"}]')
    run = landing_run.start(api, "demo", day=DAY, source=[str(source)], again=False)
    assert wait_for(lambda: bool(driver(stack)), 300), "the driver never came up"
    task = f"/api/v2/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/transform"
    api._call("PATCH", task, json={"new_state": "failed"})
    assert wait_for(lambda: not spark(stack), 120), f"still there: {spark(stack)}"
    assert wait_for(lambda: api.run(run.dag_id, run.run_id)["state"] == "failed", 120)
    assert DAY not in [landing["day"] for landing in stack.json("landings", "--customer", "demo")]


def test_a_task_that_runs_out_of_time_ends_spark_and_its_driver_and_is_tried_again(stack: Landfall, tmp_path: Path) -> None:
    stack.add_customer("hasty", transform_hours=6 / 3600)
    source = tmp_path / "day.json"
    source.write_text('[{"keen_id": "a", "exam_name": "Knots", "base_exam_id": "knots"}]')
    api = stack.api
    run = landing_run.start(api, "hasty", day=DAY, source=[str(source)], again=False)
    assert wait_for(lambda: bool(spark(stack)), 300), "the JVM never came up"

    def transform() -> dict:
        return next(task for task in api.tasks(run.dag_id, run.run_id) if task["task_id"] == "transform")

    assert wait_for(lambda: transform()["state"] == "up_for_retry", 180), transform()
    assert wait_for(lambda: not spark(stack), 60), f"still there: {spark(stack)}"
    assert "imeout" in api.reason(run.dag_id, run.run_id, "transform", 1)
    stack.end(run)
    assert wait_for(lambda: not spark(stack), 120)
    assert stack.lake("hasty").newest() is None
