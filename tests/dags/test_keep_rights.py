"""The DAG that keeps readers' rights in line with the contracts, as Airflow sees it."""

from datetime import timedelta


def test_rights_are_looked_at_every_few_minutes_by_one_task_that_is_not_paused(dags: dict) -> None:
    dag = dags["keep_rights"]
    assert (dag.timetable.expression, dag.catchup, dag.max_active_runs) == ("*/5 * * * *", False, 1)
    assert dag.is_paused_upon_creation is False
    [task] = dag.tasks
    assert task.retries >= 2
    assert task.execution_timeout <= timedelta(hours=2)
    assert "On call:" in (type(task).__doc__ or "")
    assert f"`{task.task_id}`" in dag.doc_md
