"""
# Keep readers' rights

Every five minutes, for all customers: whoever was removed from a contract's `readers` loses access on HDFS, whoever was added gets it. The
customers' own runs do the same; this DAG also does it where none runs: the DAG is paused, the contract is wrong or was removed.

| task | does | if it fails |
|---|---|---|
| `keep_rights` | brings each customer's directory in line with its contract | its error names contracts whose `readers` cannot be read |

Of a wrong contract, `readers` still counts if it can be read; a customer without a contract has no readers. Rights that are as they should
be are not touched. While this DAG is paused, rights change with the customers' own runs only.
"""

from datetime import datetime, timedelta

from airflow.sdk import DAG, CronTriggerTimetable

import dag_files
from rights_operators import KeepRightsOperator

with DAG(
    dag_id="keep_rights",
    description="Takes access from readers that were removed, whatever their customer's DAG does",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("*/5 * * * *", timezone="UTC"),
    start_date=datetime(2018, 1, 1),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=dag_files.paused(),
    tags=["landfall"],
    default_args={
        "owner": "landfall",
        "retries": 2,
        "retry_delay": timedelta(seconds=30),
        "execution_timeout": timedelta(minutes=30),
    },
) as dag:
    KeepRightsOperator(task_id="keep_rights")
