"""
# Land a customer's exam attempts

One run takes one customer's files of one day from the inbox to tables on HDFS, and proves that every record arrived exactly once:
records in the source = acknowledged by Kafka = read by Spark = landed + duplicates + quarantined + forgotten, by count and by content
hash. A run that cannot show this fails, and readers see nothing of it.

| task | does | if it fails |
|---|---|---|
| `find_source` | waits for the day's files, hashes them | no files by the deadline: bring them, clear the task |
| `ensure_topic` | creates the topic, or compares it with the contract | the log lists every difference |
| `publish` | sends the records to Kafka in transactions | the log names byte, record or broker; a retry sends only what is missing |
| `transform` | Spark: exact offsets in, Parquet of every table out | the last error is Spark's own cause |
| `validate` | compares source, topic, Spark and HDFS | each problem is a sentence; nothing became visible |
| `commit` | makes the day visible in all tables at once | clear it: nothing is left half-way |
| `answer` | writes the reports of the day and of all days | the landing is complete all the same: clear this task alone |

**Every task may be killed at any moment and run twice.** Clear a failed task (with downstream) to continue from there. A task that is
cleared alone, or marked as a success by hand, brings nothing to readers: `commit` requires the proof of `validate`, and its error names
what to clear.

**Which day a run lands** is in its note, with the customer, and in its id: a search for 2018-01-28 in the list of runs finds that day's.
Runs from the trigger form have it in their note alone.

**The same bytes again** end the run at once as a success, with its later tasks skipped; `again` lands the day once more, from HDFS where
Kafka no longer holds the records, even if the files are gone. **Another file** for a landed day is a correction, which replaces the day. A
part of its files alone is refused, unless `source` names them.

**A backfill from Airflow's UI**: choose *All Runs* under *Reprocess Behavior*. Days whose bytes are landed already end at once, days whose
files have been corrected are replaced. The form's own choice, *Missing Runs*, leaves out every day that has a run, so files that came or
were corrected after it are not picked up; *Missing and Errored Runs* takes failed days too. By REST: `"reprocess_behavior": "completed"`.
"""

import logging
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import jinja2
from airflow.sdk import DAG, Param

import dag_files
import landed_assets
import notifying
from include import contracts, run_identity, time_limits
from include.contracts import Contract, ContractRefused
from kafka_operators import EnsureTopicOperator, PublishJsonOperator
from lake_operators import AnswerOperator, CommitLandingOperator, ValidateLandingOperator
from landed_day import DayTimetable
from source_sensors import FindSourceSensor
from spark_operators import TransformOperator
from steps import RefusedContractOperator

log = logging.getLogger(__name__)

RETRIES = {
    "retries": time_limits.RETRIES,
    "retry_delay": time_limits.RETRY_DELAY,
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": time_limits.MAX_RETRY_DELAY,
}


def trigger_form(contract: Contract) -> dict[str, Param]:
    """What a person can set when starting a run by hand; every field explains itself in the UI."""
    return {
        "day": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Day",
            description="The day to land, such as 2018-01-28. Empty: the day of the run's logical date if that is over, else the last "
            "complete day. In a backfill leave it empty, for each of its runs has a day of its own, and choose All Runs under Reprocess "
            "Behavior: Missing Runs leaves out days that have a run, also those whose files have been corrected since.",
        ),
        "source": Param(
            None,
            type=["null", "array"],
            items={"type": "string", "minLength": 1},
            title="Source files",
            description=f"Paths or URLs, one a line, taken together as the day's source. Empty: {contract.source} in the inbox.",
        ),
        "again": Param(
            False,
            type="boolean",
            title="Land again",
            description="Land the day once more, also if the same bytes are landed already, or the files are gone: from Kafka, else from "
            "HDFS. Kafka gets no second copy.",
        ),
        "max_quarantined": Param(
            contract.max_quarantined,
            type="number",
            minimum=0,
            maximum=1,
            title="Largest share of unreadable records",
            description="From 0 to 1. With a larger share the run fails before anything becomes visible.",
        ),
        "accept_problems": Param(
            None,
            type=["null", "string"],
            title="Land in spite of broken limits",
            description="The reason to land the day although too many of its records cannot be read, or none can. It stays with the "
            "landing, with your name, and is shown wherever the landing is. Empty: such a run fails.",
        ),
    }


def land_assessments(contract: Contract) -> DAG:
    accept_empty = contract.empty_source == "accept"
    with DAG(
        dag_id=f"land_assessments_{contract.customer}",
        description=contract.description or f"Lands the exam attempts of {contract.customer}",
        doc_md=__doc__,
        schedule=DayTimetable(contract.schedule, timezone=contract.time_zone),
        start_date=datetime.combine(contract.first_day, time(), ZoneInfo(contract.time_zone)),
        catchup=False,
        is_paused_upon_creation=dag_files.paused(),
        template_undefined=jinja2.StrictUndefined,
        params=trigger_form(contract),
        user_defined_macros={"landing_id": run_identity.landing_id},
        tags=["landfall", contract.customer],
        default_args={"owner": "landfall", **RETRIES, **notifying.callbacks(contract)},
    ) as dag:
        find_source = FindSourceSensor(task_id="find_source", contract=contract, execution_timeout=timedelta(minutes=30))
        ensure_topic = EnsureTopicOperator(task_id="ensure_topic", topic=contract.topic_spec, execution_timeout=timedelta(minutes=5))
        publish = PublishJsonOperator(
            task_id="publish",
            topic=contract.topic_spec,
            read_within=time_limits.read_within(contract.transform_hours),
            accept_empty=accept_empty,
            max_active_tis_per_dag=1,
            execution_timeout=time_limits.PUBLISH,
        )
        transform = TransformOperator(task_id="transform", contract=contract, execution_timeout=timedelta(hours=contract.transform_hours))
        validate = ValidateLandingOperator(
            task_id="validate",
            max_quarantined="{{ params.max_quarantined }}",
            holes_points=contract.holes_points,
            accept_empty=accept_empty,
            usual_max_quarantined=contract.max_quarantined,
            execution_timeout=timedelta(hours=1),
            **notifying.callbacks_of_validate(contract),
        )
        outlets = landed_assets.outlets(contract.customer)
        commit = CommitLandingOperator(task_id="commit", max_active_tis_per_dag=1, execution_timeout=timedelta(minutes=30), outlets=outlets)
        # One at a time, so that of the pages for all days the newest stays.
        answer = AnswerOperator(task_id="answer", max_active_tis_per_dag=1, execution_timeout=timedelta(minutes=30))
        find_source >> ensure_topic >> publish >> transform >> validate >> commit >> answer
    return dag


def refused_contract(customer: str, reason: str) -> DAG:
    """In place of the DAG of a customer whose contract is wrong: shows the reason, fails with it, leaves the others alone."""
    with DAG(
        dag_id=f"land_assessments_{contracts.as_key(customer)}",
        description=f"The contract of {customer} is wrong; nothing is landed until it is mended",
        doc_md=f"# The contract of {customer} is wrong\n\n```\n{reason}\n```\n\nMend it; this page changes by itself.",
        schedule=None,
        is_paused_upon_creation=dag_files.paused(),  # Airflow keeps this for the DAG that comes once the contract is mended
        tags=["landfall", contracts.as_key(customer), "wrong contract"],
    ) as dag:
        RefusedContractOperator(task_id="wrong_contract", reason=reason)
    return dag


def dag_for(customer: str, contract: Contract | ContractRefused) -> DAG:
    if not isinstance(contract, Contract):
        return refused_contract(customer, str(contract))
    try:
        dag = land_assessments(contract)
        dag.validate()  # as Airflow will: one DAG that is not valid would take those of all customers with it
    except Exception as error:
        log.exception("%s", customer)
        return refused_contract(customer, f"{customer}.yaml: Airflow refuses what it says: {type(error).__name__}: {error}")
    return dag


for _customer, _contract in contracts.load_all().items():
    _dag = dag_for(_customer, _contract)
    globals()[_dag.dag_id] = _dag
