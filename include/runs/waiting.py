"""What a run that does not go on is waiting for, as a sentence for whoever follows it."""

from collections.abc import Sequence
from typing import Any

from include.run_identity import WAITS_FOR
from include.runs.airflow_client import AirflowApi

RUNNING = ("running", "restarting")


def is_idle(tasks: Sequence[dict[str, Any]]) -> bool:
    """Whether none of a run's tasks is being run."""
    return not any(task["state"] in RUNNING for task in tasks)


def reason(api: AirflowApi, dag_id: str, run: dict[str, Any], tasks: Sequence[dict[str, Any]]) -> str:
    """Why a run that has not ended does not go on; empty while it does, or is about to."""
    if not is_idle(tasks):
        return ""
    if said := _said(api, dag_id, run["dag_run_id"], tasks):
        return said
    waiting = [task["task_id"] for task in tasks if task["state"] in ("scheduled", "queued")]
    if run["state"] != "queued" and not waiting and any(task["state"] == "up_for_retry" for task in tasks):
        return ""  # that is shown with the failure
    return _of_airflow(api, dag_id) or (_of_run(api, dag_id) if run["state"] == "queued" else _of_task(api, dag_id, run, waiting))


def _said(api: AirflowApi, dag_id: str, run_id: str, tasks: Sequence[dict[str, Any]]) -> str:
    """What a task that looks again later has said itself: for a file, or for another run of the day."""
    for task in tasks:
        if task["state"] == "up_for_reschedule":
            said = api.xcom(dag_id, run_id, task["task_id"], WAITS_FOR)
            return f"{task['task_id']}: {said or 'looks again later'}"
    return ""


def _of_airflow(api: AirflowApi, dag_id: str) -> str:
    """What keeps every run of the DAG from going on."""
    if api.dag(dag_id)["is_paused"]:
        return f"{dag_id} is paused in Airflow: nothing of it runs until it is unpaused, at {api.url}/dags/{dag_id}"
    if not api.scheduler_is_healthy():
        return f"Airflow's scheduler gives no sign of life. {api.advice}"
    return ""


def _of_run(api: AirflowApi, dag_id: str) -> str:
    most = api.dag(dag_id)["max_active_runs"]
    running = api.count_runs(dag_id, "running")
    return f"{running} other runs of {dag_id} are under way; Airflow runs {most} at a time" if running >= most else ""


def _of_task(api: AirflowApi, dag_id: str, run: dict[str, Any], waiting: Sequence[str]) -> str:
    """A task of which Airflow runs one at a time for each customer, or one that finds no slot."""
    if not waiting:
        return ""
    others = [each for each in api.running_tasks(dag_id) if each["task_id"] in waiting and each["dag_run_id"] != run["dag_run_id"]]
    if others:
        return f"{others[0]['task_id']}: one at a time for each customer, and run {others[0]['dag_run_id']} is at it"
    return f"{waiting[0]}: every slot of Airflow is taken by other tasks"
