"""
# Land a customer's exam attempts

One run takes one customer's files of one day from the inbox to tables on HDFS, and proves that every record arrived
exactly once: records in the source = acknowledged by Kafka = read by Spark = landed + duplicates + quarantined, by count
and by content hash. A run that cannot show this is red, and nothing of it is visible to readers.

| task | does | when it is red |
|---|---|---|
| `find_source` | waits for the day's files, hashes them | no files by the deadline: bring them, clear the task |
| `ensure_topic` | makes the topic, or compares it with the contract | the log lists every difference |
| `publish` | sends the records to Kafka in transactions | the log names byte, record or broker; a retry sends only what is missing |
| `transform` | Spark: exact offsets in, Parquet of every table out | the last error is Spark's own cause |
| `validate` | compares source, topic, Spark and HDFS | each problem is a sentence; nothing became visible |
| `commit` | makes the day visible in all tables at once | clear it: nothing is left half-way |
| `answer` | writes the reports of the day and of all days | the landing is complete all the same: clear this task alone |

**Every task may be killed at any moment and run twice.** Clear a red task (with downstream) to go on from there.
A day that is already landed from the same bytes ends green at once, its later tasks skipped; `again` lands it anew, from HDFS where Kafka
has forgotten it, even if the files are gone.
Another file for a landed day is a correction and replaces the day; a part of its files alone is refused, unless `source` names them.
"""

import logging
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import jinja2
from airflow.sdk import DAG, Asset, CronDataIntervalTimetable, Param

from include import customers, runs
from include.customers import Contract, ContractRefused
from kafka_operators import EnsureTopicOperator, PublishJsonOperator
from lake_operators import AnswerOperator, CommitLandingOperator, ValidateLandingOperator
from source_sensors import FindSourceSensor
from spark_operators import TransformOperator
from steps import RefusedContractOperator

log = logging.getLogger(__name__)

RETRIES = {
    "retries": 3,
    "retry_delay": timedelta(seconds=5),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
}
PUBLISH_TIMEOUT = timedelta(hours=1)


def read_within(contract: Contract) -> timedelta:
    """The longest from a record's publishing to the end of Spark's reading: every try of both tasks uses up its time and its delay."""
    return (RETRIES["retries"] + 1) * (PUBLISH_TIMEOUT + timedelta(hours=contract.transform_hours) + 2 * RETRIES["max_retry_delay"])


def trigger_form(contract: Contract) -> dict[str, Param]:
    """What a person can set when starting a run by hand; every field explains itself in the UI."""
    return {
        "day": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Day",
            description="The day to land, such as 2018-01-28. Empty: the day of the run's logical date, else today.",
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
            description="Land the day anew even if the same bytes are landed already, or gone: from Kafka, else from HDFS. "
            "Kafka gets no second copy.",
        ),
        "max_quarantined": Param(
            contract.max_quarantined,
            type="number",
            minimum=0,
            maximum=1,
            title="Largest share of unreadable records",
            description="From 0 to 1. Above it the run is red before anything becomes visible.",
        ),
    }


def land_assessments(contract: Contract) -> DAG:
    with DAG(
        dag_id=f"land_assessments_{contract.customer}",
        description=contract.description or f"Lands the exam attempts of {contract.customer}",
        doc_md=__doc__,
        schedule=CronDataIntervalTimetable(contract.schedule, timezone=contract.time_zone),
        start_date=datetime.combine(contract.first_day, time(), ZoneInfo(contract.time_zone)),
        catchup=False,
        is_paused_upon_creation=False,
        template_undefined=jinja2.StrictUndefined,
        params=trigger_form(contract),
        user_defined_macros={"landing_id": runs.landing_id},
        tags=["landfall", contract.customer],
        default_args={"owner": "landfall", **RETRIES},
    ) as dag:
        find_source = FindSourceSensor(task_id="find_source", contract=contract, execution_timeout=timedelta(minutes=30))
        ensure_topic = EnsureTopicOperator(task_id="ensure_topic", topic=contract.topic_spec, execution_timeout=timedelta(minutes=5))
        publish = PublishJsonOperator(
            task_id="publish",
            topic=contract.topic_spec,
            read_within=read_within(contract),
            accept_empty=contract.empty_source == "accept",
            max_active_tis_per_dag=1,
            execution_timeout=PUBLISH_TIMEOUT,
        )
        transform = TransformOperator(task_id="transform", contract=contract, execution_timeout=timedelta(hours=contract.transform_hours))
        validate = ValidateLandingOperator(
            task_id="validate",
            max_quarantined="{{ params.max_quarantined }}",
            holes_points=contract.holes_points,
            accept_empty=contract.empty_source == "accept",
            execution_timeout=timedelta(hours=1),
        )
        commit = CommitLandingOperator(
            task_id="commit",
            max_active_tis_per_dag=1,
            execution_timeout=timedelta(minutes=30),
            outlets=[Asset(name=f"lake/{contract.customer}")],
        )
        # One at a time, so that of the pages for all days the newest stays.
        answer = AnswerOperator(task_id="answer", max_active_tis_per_dag=1, execution_timeout=timedelta(minutes=30))

        find_source >> ensure_topic >> publish >> transform >> validate >> commit >> answer
    return dag


def refused_contract(customer: str, reason: str) -> DAG:
    """In place of the DAG of a customer whose contract is wrong: shows the reason, fails with it, leaves the others alone."""
    with DAG(
        dag_id=f"land_assessments_{customers.as_key(customer)}",
        description=f"The contract of {customer} is wrong; nothing is landed until it is mended",
        doc_md=f"# The contract of {customer} is wrong\n\n```\n{reason}\n```\n\nMend it; this page changes by itself.",
        schedule=None,
        is_paused_upon_creation=False,  # Airflow keeps this for the DAG that comes once the contract is mended
        tags=["landfall", customers.as_key(customer), "wrong contract"],
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


for _customer, _contract in customers.load_all().items():
    _dag = dag_for(_customer, _contract)
    globals()[_dag.dag_id] = _dag
