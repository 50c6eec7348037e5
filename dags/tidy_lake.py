"""
# Tidy the lake

Once a week, for every customer: compacts the days that have more small files than the contract's `tidy.max_files`, expires snapshots,
and removes files that no landing in force needs and that are older than the contract's `tidy.unneeded_days`. Each customer has a task of
its own, and none waits for another.

| task | does | if it fails |
|---|---|---|
| `tidy_<customer>` | compacts, removes, and returns counts and bytes | clear it: a landing came in between, or HDFS did not answer |

A customer whose contract is wrong is skipped, with the reason in its log; so are all but the one that the form's `customer` names, if it
names one. With `dry_run` nothing changes; the task returns what would.
"""

from datetime import datetime

from airflow.sdk import DAG, CronDataIntervalTimetable, Param

import dag_files
from include import contracts
from include.contracts import Contract
from lake_operators import ALL_CUSTOMERS, TidyLakeOperator
from steps import MAINTENANCE, SkippedContractOperator

CONTRACTS = contracts.load_all()

with DAG(
    dag_id="tidy_lake",
    description="Compacts small files, and removes what no landing in force needs",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("0 3 * * 0", timezone="UTC"),
    start_date=datetime(2018, 1, 1),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=dag_files.paused(),
    params={
        "customer": Param(
            ALL_CUSTOMERS,
            type="string",
            enum=[ALL_CUSTOMERS, *CONTRACTS],
            title="Customer",
            description="Whose lake to tidy.",
        ),
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="Only report what would be done; nothing is changed.",
        ),
    },
    tags=["landfall"],
    default_args=MAINTENANCE,
) as dag:
    for _customer, _contract in CONTRACTS.items():
        if isinstance(_contract, Contract):
            TidyLakeOperator(task_id=f"tidy_{_customer}", contract=_contract)
        else:
            SkippedContractOperator(task_id=f"tidy_{contracts.as_key(_customer)}", reason=str(_contract))
