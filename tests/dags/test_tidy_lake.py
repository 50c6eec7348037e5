"""The DAG that tidies every customer's lake, as Airflow sees it."""

import runpy
from datetime import timedelta
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from include import contracts
from include.contracts import ContractRefused


@pytest.fixture
def dag(dags: dict):
    return dags["tidy_lake"]


def test_each_customer_has_a_task_that_waits_for_no_other(dag) -> None:
    assert set(dag.task_dict) == {"tidy_acme", "tidy_demo"}
    assert all(not task.upstream_task_ids and not task.downstream_task_ids for task in dag.tasks)


def test_it_runs_weekly_one_run_at_a_time_and_missed_weeks_are_not_caught_up(dag) -> None:
    assert (dag.timetable.expression, dag.catchup, dag.max_active_runs) == ("0 3 * * 0", False, 1)


def test_every_task_retries_ends_some_time_and_helps_the_person_on_call(dag) -> None:
    for task in dag.tasks:
        assert task.retries >= 2
        assert task.execution_timeout <= timedelta(hours=2)
        assert "On call:" in (type(task).__doc__ or "")


def test_it_changes_things_unless_asked_not_to(dag) -> None:
    param = dag.params.get_param("dry_run")
    assert param.resolve() is False
    assert param.description


def test_it_tidies_all_customers_unless_the_form_names_one(dag) -> None:
    param = dag.params.get_param("customer")
    assert (param.resolve(), param.schema["enum"]) == ("all customers", ["all customers", "acme", "demo"])
    assert param.description


def test_a_wrong_contract_is_skipped_by_name_and_the_others_are_tidied(
    dags: dict, dag_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {**contracts.load_all(), "beta": ContractRefused("beta.yaml: 1 wrong:\n  source: Field required")}
    monkeypatch.setattr(contracts, "load_all", lambda: found)
    tasks = runpy.run_path(str(dag_folder / "tidy_lake.py"))["dag"].task_dict
    assert set(tasks) == {"tidy_acme", "tidy_beta", "tidy_demo"}
    with pytest.raises(AirflowSkipException, match="source: Field required"):
        tasks["tidy_beta"].execute({})
