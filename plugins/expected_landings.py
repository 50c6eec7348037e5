"""Looking whether a customer's days are landed when their contract says they should be."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseOperator, Context, conf

import connections
from include.contracts import Contract
from include.run_identity import TASKS
from include.runs import lateness, notices
from include.runs.lateness import Late, Tasks
from include.runs.notices import Notice
from include.runs.run import dag_of
from include.storage import claims
from notifying import tell
from steps import step


class ExpectLandingsOperator(BaseOperator):
    """Tells `notify.late` of each day that is not landed by the contract's `expected_by`: customer, day, missing step, link.

    Once a day, however many look at it at a time, and not of a day whose run has failed: that was told when it failed. Looks three days
    back, so that a day that was due while no scheduler was up is told of when one is. Returns the days that it told of.

    On call: "nobody was told" names the connections to look at; the retry tells. Nothing depends on this task.
    """

    def __init__(self, *, contract: Contract, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.contract = contract

    def execute(self, context: Context) -> list[str]:
        with step(context):
            lake = connections.lake(self.contract.customer)
            told = []
            for day, expected in lateness.due_days(self.contract, datetime.now(UTC)).items():
                name = day.isoformat()
                late = None if lake.in_force(name) else lateness.judge(self.runs_of(context, lake, name))
                if late and self.told(lake, self.notice(name, expected, late)):
                    told.append(name)
            self.log.info("late, and told of now: %s", ", ".join(told) or "no day")
            return told

    def runs_of(self, context: Context, lake: Any, day: str) -> dict[str, Tasks]:
        """The runs of the day, with their tasks' states: the scheduled ones, a backfill's, and the one that has claimed the day."""
        dag_id = dag_of(self.contract.customer)
        logical_dates = lateness.begins(self.contract, datetime.fromisoformat(day).date())
        found: dict[str, Any] = dict(context["ti"].get_task_states(dag_id=dag_id, logical_dates=logical_dates))
        holder = claims.holder(lake.fs, lake.path, day)
        if holder:
            found |= context["ti"].get_task_states(dag_id=dag_id, run_ids=[holder])
        return {run: tasks for run, tasks in found.items() if set(tasks) & set(TASKS)}

    def notice(self, day: str, expected: datetime, late: Late) -> Notice:
        link = f"{conf.get('api', 'base_url', fallback='http://localhost:8080').rstrip('/')}/dags/{dag_of(self.contract.customer)}"
        if late.run_id:
            link += f"/runs/{quote(late.run_id)}/tasks/{late.step}"
        return notices.late(self.contract.customer, day, expected, late.step, link)

    def told(self, lake: Any, notice: Notice) -> bool:
        """Whether it was ours to tell. What could not be told is another try's."""
        claim = lateness.claim(lake.fs, lake.path, notice.day)
        if claim is None:
            return False
        try:
            tell(notice, self.contract.notify.late)
        except Exception:
            lateness.give_back(lake.fs, claim)
            raise
        return True
