"""Airflow's own names of runs are of the moment at which they may start; here ids and notes of all runs say which day they land."""

import logging
import sys
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin
from airflow.timetables.interval import CronDataIntervalTimetable
from airflow.utils.types import DagRunType
from pendulum import now

from include import contracts, run_identity
from include.errors import Refused
from include.runs import run_names

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction
    from pendulum import DateTime

log = logging.getLogger(__name__)


class DayTimetable(CronDataIntervalTimetable):
    """Cron with data intervals, each of which begins on the day that its run lands; that day, by the contract's clock, is in the run's id.

    Such as scheduled__2018-01-28__20180129T000000.000000Z and backfill__2018-01-28T00:00:00+00:00.
    """

    def generate_run_id(self, *, run_type: DagRunType, run_after: "DateTime", data_interval: "DataInterval | None", **extra: Any) -> str:
        moment = run_names.compact(run_after)
        if run_type == DagRunType.MANUAL or data_interval is None:  # the day is in its conf, which is not shown here: see the note
            return run_type.generate_run_id(suffix=moment)
        return run_type.generate_run_id(suffix=f"{data_interval.start.in_timezone(self._timezone).date()}__{moment}")

    def next_dagrun_info(
        self, *, last_automated_data_interval: "DataInterval | None", restriction: "TimeRestriction"
    ) -> "DagRunInfo | None":
        """As its base has it, but a run of an interval that is over may start at once, and for Airflow's backfills is named by its start.

        Those do not ask for an id: they take the moment from which the run may start, which would be the day after the landed one.
        """
        info = super().next_dagrun_info(last_automated_data_interval=last_automated_data_interval, restriction=restriction)
        if info is None or info.data_interval is None or not restriction.catchup or info.data_interval.end > now("UTC"):
            return info
        return info._replace(run_after=info.data_interval.start.in_timezone(self._timezone))


@hookimpl
def on_dag_run_running(dag_run: "DagRun", msg: str) -> None:
    """Called by the scheduler, whose transaction takes the note along. A note that somebody has written stays."""
    customer = run_names.customer_of(dag_run.dag_id)
    if customer is None or dag_run.note:
        return
    try:
        day = run_identity.day_of_run(
            asked=(dag_run.conf or {}).get("day"),
            logical_date=dag_run.logical_date,
            run_after=dag_run.run_after,
            run_type=str(DagRunType(dag_run.run_type).value),
            time_zone=contracts.customer(customer).time_zone,
        )
    except (Refused, TypeError) as error:  # the run says so itself
        log.info("%s: no note: %s", dag_run.run_id, error)
        return
    dag_run.note = run_names.note(customer, day.isoformat())


class LandedDay(AirflowPlugin):
    """Loaded by scheduler, api-server and dag-processor, which have to know the timetable of every DAG."""

    name = "landed_day"
    timetables: list[Any] = [DayTimetable]  # noqa: RUF012  Airflow declares them so
    listeners: list[Any] = [sys.modules[__name__]]  # noqa: RUF012
