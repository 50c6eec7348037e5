"""
# Is the day landed by the time it is expected?

One DAG for each customer whose contract has `expected_by`. It runs at that time, and notifies those whom the contract names under
`notify.late` of a day that has not landed: once, with the missing step and a link. Of a run that failed they were notified when it failed.

It is a DAG of its own and no deadline of Airflow on the customer's DAG: such a deadline belongs to a run, so it is silent where no run has
begun, because the DAG is paused or its schedule is wrong, and it does not name the missing step.

| task | does | if it fails |
|---|---|---|
| `expect_landings` | checks the landings of the last three days that are due | the log names the connections to look at |
"""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, CronTriggerTimetable

import dag_files
from expected_landings import ExpectLandingsOperator
from include import channels, contracts
from include.contracts import Contract


def expect_landings(contract: Contract) -> DAG:
    _, clock = channels.expected_by(contract.expected_by)
    with DAG(
        dag_id=f"expect_landings_{contract.customer}",
        description=f"Notifies of days of {contract.customer} that have not landed by {contract.expected_by}",
        doc_md=__doc__,
        schedule=CronTriggerTimetable(f"{clock.minute} {clock.hour} * * *", timezone=contract.time_zone),
        start_date=datetime.combine(contract.first_day, time(), ZoneInfo(contract.time_zone)),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=dag_files.paused(),
        tags=["landfall", contract.customer],
        default_args={
            "owner": "landfall",
            "retries": 3,
            "retry_delay": timedelta(minutes=1),
            "retry_exponential_backoff": 2.0,
            "execution_timeout": timedelta(minutes=10),
        },
    ) as dag:
        ExpectLandingsOperator(task_id="expect_landings", contract=contract)
    return dag


for _customer, _contract in contracts.load_all().items():
    if isinstance(_contract, Contract) and _contract.expected_by:
        globals()[f"expect_landings_{_customer}"] = expect_landings(_contract)
