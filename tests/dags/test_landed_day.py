"""Every run's note says customer and day: written by a listener of Airflow's, into Airflow's database."""

from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import select

RUN_ID = "of_this_test"
LATER = datetime(2018, 2, 3, 1, tzinfo=UTC)
MIDNIGHT = datetime(2018, 1, 28, tzinfo=UTC)

NOTES = [
    ("of the schedule", "land_assessments_acme", {"run_type": DagRunType.SCHEDULED, "logical_date": MIDNIGHT}, "acme 2018-01-28"),
    ("of a backfill", "land_assessments_acme", {"run_type": DagRunType.BACKFILL_JOB, "logical_date": MIDNIGHT}, "acme 2018-01-28"),
    ("by hand, of a day", "land_assessments_demo", {"conf": {"day": "2018-01-05"}}, "demo 2018-01-05"),
    ("by hand, of no day", "land_assessments_demo", {}, "demo 2018-02-02"),
    ("a note that somebody wrote", "land_assessments_acme", {"note": "for the audit"}, "for the audit"),
    ("a customer whose contract is gone", "land_assessments_nobody", {}, None),
    ("a day that is none", "land_assessments_acme", {"conf": {"day": 5}}, None),
    ("a DAG that lands nothing", "tidy_lake", {}, None),
]


@pytest.mark.parametrize(("why", "dag_id", "run", "note"), NOTES, ids=[row[0] for row in NOTES])
def test_a_run_that_starts_gets_its_note(dags: dict, why: str, dag_id: str, run: dict[str, Any], note: str | None) -> None:
    usual = {"run_type": DagRunType.MANUAL, "run_after": LATER, "triggered_by": DagRunTriggeredByType.TEST}
    with create_session() as session:
        started = DagRun(dag_id=dag_id, run_id=RUN_ID, state=DagRunState.RUNNING, **{**usual, **run})
        session.add(started)
        session.flush()
        started.notify_dagrun_state_changed(msg="started")
    with create_session() as session:
        found = session.scalars(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == RUN_ID)).one()
        noted = found.note
        session.delete(found)
    assert noted == note, why
