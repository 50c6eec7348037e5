"""
# Keep readers' rights

Every five minutes, for all customers at once: who was taken off a contract's `readers` is shut out on HDFS, who was added can read. Runs
of the customers do the same; this one also where they do not run: a DAG that is paused, a contract that is wrong, one that was removed.

| task | does | when it is red |
|---|---|---|
| `keep_rights` | compares each customer's directory with its contract | its error names each contract that does not say who reads |

A wrong contract counts as far as its `readers` can be read; a customer without a contract has no readers. Where all is in line, nothing is
changed. While this DAG is paused, rights change with the customers' own runs only.
"""

from datetime import datetime, timedelta

from airflow.sdk import DAG, CronTriggerTimetable

from rights_operators import KeepRightsOperator

with DAG(
    dag_id="keep_rights",
    description="Shuts out readers that were taken off, whatever their customer's DAG does",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("*/5 * * * *", timezone="UTC"),
    start_date=datetime(2018, 1, 1),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    tags=["landfall"],
    default_args={
        "owner": "landfall",
        "retries": 2,
        "retry_delay": timedelta(seconds=30),
        "execution_timeout": timedelta(minutes=30),
    },
) as dag:
    KeepRightsOperator(task_id="keep_rights")
