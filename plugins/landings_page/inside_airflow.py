"""Airflow's runs, asked of its database: the page is served by the api-server itself."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.utils.log.log_reader import TaskLogReader
from airflow.utils.session import create_session
from airflow.utils.types import DagRunType
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from include import run_identity
from include.contracts import Contract
from include.runs.airflow_client import cause
from include.runs.day_states import Run
from include.runs.run import dag_of

TASK = ("task_id", "state", "try_number", "start_date", "end_date", "duration")


@dataclass(frozen=True)
class InsideAirflow:
    """What `include.runs.airflow_client.AirflowApi` tells of runs, from within. Sees everything: ask only for a user who may."""

    session: Session
    url: str = ""

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """The run's state, None if Airflow does not know the run."""
        return {"state": self.session.scalar(select(DagRun.state).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))}

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """The run's task instances: what `TASK` names."""
        query = select(*(getattr(TaskInstance, name) for name in TASK)).where(TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id)
        return [dict(zip(TASK, row, strict=True)) for row in self.session.execute(query)]

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        """What a task handed on, or None."""
        found = self.session.scalars(XComModel.get_many(run_id=run_id, key=key, task_ids=task_id, dag_ids=dag_id, limit=1)).first()
        return None if found is None else XComModel.deserialize_value(found)

    def reason(self, dag_id: str, run_id: str, task_id: str, try_number: int) -> str:
        """Why a try failed, from its log."""
        return _reason(dag_id, run_id, task_id, try_number)

    def runs_of(self, contract: Contract) -> list[Run]:
        """Every run of the customer's DAG that Airflow still knows, with the day it lands."""
        moments = (DagRun.logical_date, DagRun.run_after, DagRun.start_date, DagRun.end_date)
        columns = (DagRun.run_id, DagRun.run_type, DagRun.state, DagRun.conf, *moments)
        found = self.session.execute(select(*columns).where(DagRun.dag_id == dag_of(contract.customer)))
        return [
            Run(
                run_id=run.run_id,
                day=run_identity.day_of_run(
                    asked=(run.conf or {}).get("day"),
                    logical_date=run.logical_date,
                    run_after=run.run_after,
                    run_type=str(DagRunType(run.run_type).value),
                    time_zone=contract.time_zone,
                ),
                state=str(run.state),
                began=run.start_date,
                ended=run.end_date,
            )
            for run in found
        ]

    def failed_tasks(self, customer: str, run_ids: list[str]) -> dict[str, tuple[str, int]]:
        """The task that each of these runs failed at, and its last try, by run; a run that was failed by hand has none."""
        query = select(TaskInstance.run_id, TaskInstance.task_id, TaskInstance.try_number).where(
            TaskInstance.dag_id == dag_of(customer), TaskInstance.run_id.in_(run_ids), TaskInstance.state == "failed"
        )
        return {run_id: (task, number) for run_id, task, number in self.session.execute(query)}


@lru_cache(maxsize=1000)  # a failed try's log does not change, and the calendar wants the same reasons at every look
def _reason(dag_id: str, run_id: str, task_id: str, try_number: int) -> str:
    """Airflow's log handler reads the log wherever it is kept."""
    query = (
        select(TaskInstance)
        .where(TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id, TaskInstance.task_id == task_id)
        .options(joinedload(TaskInstance.dag_run), joinedload(TaskInstance.dag_model))
    )
    with create_session() as session:
        if (task := session.scalars(query).one_or_none()) is None:
            return "why cannot be said, for Airflow has forgotten the DAG or the task"
        lines, _ = TaskLogReader().read_log_chunks(task, try_number, {"end_of_log": False})
        return cause([line.model_dump() for line in lines], task_id, try_number)
