"""
# Forget an attempt

Deletes an attempt from every table, old snapshot and file of a customer's lake, and leaves it out of all later landings: what
`./landfall forget` does, for those who have no shell.

**The id does not go into the form.** Airflow keeps a run's conf for as long as the run, and the request that started it in the audit log;
neither can be changed from here. So it goes by a Variable, which Airflow encrypts (where it has a Fernet key, as Landfall's own stacks do)
and the run deletes:

1. *Admin, Variables, Add Variable*: key `landfall_forget_secret_<customer>`, value the `keen_id`, no description.
2. Trigger this DAG for the customer. It is a dry run, which counts what readers see of the attempt, unless that is unticked.
3. Trigger it again, not as a dry run, with the customer's name in `confirm`.

| task | does | if it fails |
|---|---|---|
| `forget` | forgets the id in the Variable, returns counts | clear it: a landing came in between, or HDFS did not answer |
| `remove_request` | deletes the Variable; skipped in a dry run | clear it, or delete the Variable by hand |

Each task may be killed at any moment and run again. The log of `forget` has the id masked, and says what still holds the attempt outside of
the lake: source files of which days, and Kafka until when.

| where Airflow keeps things | of a request it keeps |
|---|---|
| conf, audit log of the trigger | customer, `dry_run`, `confirm`, `asked_by`; a run that holds the id there is refused |
| audit log of the Variable | its key, and `***` in place of the value |
| the Variable | the id, until `remove_request`; also while a dry run or a failed run waits for the next |
| XCom | counts, and the moment until which Kafka holds the attempt |
| log | counts, days and the notes of `./landfall forget`; the id is masked |
| rendered templates, note of the run | nothing: no field is a template, and no note is written |

Backups of Airflow's database that were made meanwhile hold the Variable until they are deleted.
"""

from datetime import datetime

from airflow.sdk import DAG, Param

import dag_files
from forget_operators import ForgetAttemptOperator, RemoveRequestOperator
from include import contracts
from steps import MAINTENANCE

with DAG(
    dag_id="forget_attempt",
    description="Deletes an attempt from everything that has landed, and keeps it out",
    doc_md=__doc__,
    schedule=None,
    start_date=datetime(2018, 1, 1),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=dag_files.paused(),
    params={
        "customer": Param(
            type="string",
            enum=list(contracts.load_all()),
            title="Customer",
            description="Whose attempt. Its `keen_id` goes into the Variable `landfall_forget_secret_<customer>`, never into this form.",
        ),
        "dry_run": Param(
            True,
            type="boolean",
            title="Dry run",
            description="Only count what readers see of the attempt; nothing is changed.",
        ),
        "confirm": Param(
            None,
            type=["null", "string"],
            title="Confirm",
            description="The customer's name once more, unless this is a dry run: forgetting cannot be undone.",
        ),
        "asked_by": Param(
            None,
            type=["null", "string"],
            title="Asked by",
            description="A ticket, say; not the person whom the attempt is of, for it stays. Default: who triggers the run.",
        ),
    },
    tags=["landfall"],
    default_args=MAINTENANCE,
) as dag:
    ForgetAttemptOperator(task_id="forget") >> RemoveRequestOperator(task_id="remove_request")
