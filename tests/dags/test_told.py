"""What a landing tells, by Airflow itself: other DAGs by assets, people by mail, and lineage by OpenLineage's file transport.

One Airflow of the test's own, in a process of its own, for Airflow takes its home when it is first imported: `PROGRAM` runs DAGs and steps
of the scheduler, and prints what Airflow's database has then.
"""

import copy
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from include.schemas import LANDED
from tests.harness import openlineage, receivers

pytestmark = pytest.mark.not_quick("an Airflow of its own; tests/plugins/test_notifying.py has what is sent, and when")
ROOT = Path(__file__).parents[2]
DAY = "2018-01-28"
LANDINGS = [(DAY, "one"), (DAY, "two")]  # the second is a correction, or `again`; its publishing is tried twice
YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)
MISSED = YESTERDAY - timedelta(days=1)
CONTRACT = f"""
source: acme/{{day}}.json
first_day: {MISSED}
expected_by: "00:00"
notify: {{failed: [mail:oncall@example.com], late: [mail:lead@example.com]}}
"""
PRODUCER = """
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from airflow.sdk import DAG, BaseOperator, task
from include.receipts import Found, Source, SourceFile, conservation
from include.schemas import LANDED
from lineage import CommitLineage, PublishLineage, remember
from tests.oracle.built_landing import build
import landed_assets

def built(params):
    with TemporaryDirectory() as folder:
        return build(Path(folder), day=params["day"])

def found_of(transform):
    return Found(transform.read, transform.content_hash, transform.distinct, transform.duplicates, transform.quarantined)

class Publish(PublishLineage, BaseOperator):
    def execute(self, context):
        files = (SourceFile("/in/a.json", 1, "aa" * 32), SourceFile("https://me:s3cret@host/b.json?token=s3cret", 2, "bb" * 32))
        source = Source("demo", context["params"]["day"], files, 3, "cc" * 32, "")
        if context["params"]["landing"] == "two" and context["ti"].try_number == 1:
            raise ValueError("tried again")
        remember(self, source, built(context["params"]).publish)

class Commit(CommitLineage, BaseOperator):
    def execute(self, context):
        made = built(context["params"])
        landed = replace(
            made.landing, landing=context["params"]["landing"], customer="demo", snapshots={name: 2**62 for name in LANDED},
            conservation=conservation(made.publish, made.transform, found_of(made.transform)),
        )
        remember(self, landed, "hdfs://n:1/lake/demo")
        landed_assets.announce(context, self.outlets, landed, "hdfs://n:1/lake/demo")

with DAG(dag_id="land", schedule=None, params={"day": "", "landing": ""}):
    publish = Publish(task_id="publish", retries=1, retry_delay=0)
    publish >> Commit(task_id="commit", outlets=landed_assets.outlets("demo"))

with DAG(dag_id="after_any_landing", schedule=[landed_assets.outlets("demo")[0]], is_paused_upon_creation=False):
    @task
    def look():
        pass
    look()
"""
PROGRAM = """
import json, os
from datetime import datetime
from pathlib import Path
from airflow.utils.db import initdb
initdb()
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db
from airflow.jobs.job import Job
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.asset import AssetDagRunQueue, AssetEvent
from airflow.models.dagrun import DagRun
from airflow.sdk.definitions.dag import _run_task
from airflow.utils.session import create_session
from sqlalchemy import select
import connections
from tests.harness.lakes import open_lake

connections.lake = lambda customer: open_lake(Path(os.environ["LAKE"]))
manager = DagBundlesManager()
with create_session() as session:
    manager.sync_bundles_to_db(session=session)
[bundle] = manager.get_all_dag_bundles()
bundle.initialize()
bag = BundleDagBag(dag_folder=bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
assert not bag.import_errors, bag.import_errors
sync_bag_to_db(bag, bundle.name, bundle.version)
scheduler = SchedulerJobRunner(job=Job())

def schedule():
    with create_session() as session:
        scheduler._update_asset_orphanage(session=session)
        scheduler._create_dagruns_for_partitioned_asset_dags(session)

schedule()
ended = []
for day, landing in json.loads(os.environ["LANDINGS"]):
    ended.append(bag.dags["land"].test(run_conf={"day": day, "landing": landing}, logical_date=None).state)
    schedule()
ended.append(bag.dags["land_assessments_acme"].test(logical_date=datetime.fromisoformat(os.environ["YESTERDAY"] + "T00:00+00:00")).state)
ended += [bag.dags["expect_landings_acme"].test(logical_date=None).state for _ in "12"]

with create_session() as session:
    runs = session.scalars(select(DagRun).where(DagRun.dag_id.startswith("after_each")).order_by(DagRun.id)).all()
    said = {
        "ended": ended,
        "runs": [[run.partition_key, [event.extra["landing"] for event in run.consumed_asset_events]] for run in runs],
        "events": [[event.uri, event.partition_key] for event in session.scalars(select(AssetEvent).order_by(AssetEvent.id))],
        "queued": [each.target_dag_id for each in session.scalars(select(AssetDagRunQueue))],
    }
    [counted] = runs[-1].get_task_instances(session=session)
    counted.state = "scheduled"
_run_task(ti=counted, task=bag.dags[counted.dag_id].task_dict["count"])
with create_session() as session:
    said["counted"] = session.merge(counted).xcom_pull(task_ids="count", session=session)
print("said:", json.dumps(said, default=str))
"""


@dataclass(frozen=True)
class Told:
    """What the program printed, the mails, and OpenLineage's events of tasks that ended."""

    said: dict[str, Any]
    mails: list[tuple[list[str], Message]]
    lineage: list[dict[str, Any]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    home = tmp_path_factory.mktemp("told")
    for folder in ("dags", "customers", "lake", "plugins"):
        (home / folder).mkdir()
    (home / "plugins" / "landed_day.py").symlink_to(ROOT / "plugins" / "landed_day.py")  # the customers' timetable
    (home / "customers" / "acme.yaml").write_text(CONTRACT)
    (home / "dags" / "producer.py").write_text(PRODUCER)
    for path in (ROOT / "docs" / "example_downstream.py", ROOT / "dags" / "land_assessments.py", ROOT / "dags" / "expect_landings.py"):
        (home / "dags" / path.name).symlink_to(path)
    with receivers.smtp() as box:
        environment = {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__API__BASE_URL": "http://airflow.example.com",
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps({"type": "file", "log_file_path": str(home / "lineage"), "append": True}),
            "AIRFLOW_CONN_SMTP_DEFAULT": box.connection,
            "AIRFLOW_CONN_HDFS_DEFAULT": json.dumps({"conn_type": "hdfs", "host": "127.0.0.1", "port": 9, "extra": {"fs": "hdfs://n"}}),
            "AIRFLOW_CONN_KAFKA_DEFAULT": json.dumps({"conn_type": "kafka", "extra": {"bootstrap.servers": "b1:9092,b2:9092"}}),
            "LAKE": str(home / "lake"),
            "LANDFALL_CUSTOMERS": str(home / "customers"),
            "LANDINGS": json.dumps(LANDINGS),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")]),
            "YESTERDAY": YESTERDAY.isoformat(),
        }
        done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=500, check=False)
        mails = list(box.mails)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    [line] = [line for line in done.stdout.splitlines() if line.startswith("said: ")]
    events = [json.loads(event) for event in (home / "lineage").read_text().splitlines()]
    return Told(json.loads(line.removeprefix("said: ")), mails, events)


def test_the_runs_ended_as_they_should(told: Told) -> None:
    assert told.said["ended"] == ["success", "success", "failed", "success", "success"]


def test_the_example_in_docs_runs_once_a_landed_day_and_a_plain_schedule_after_any(told: Told) -> None:
    assert told.said["runs"] == [[day, [landing]] for day, landing in LANDINGS], "a run for each landing, with its day as partition"
    events = [each for day, _ in LANDINGS for each in (["lake/demo", None], ["lake/demo/days", day])]
    assert sorted(told.said["events"], key=str) == sorted(events, key=str)
    assert told.said["queued"] == ["after_any_landing"]


def test_the_event_of_a_landing_says_what_was_landed(told: Told) -> None:
    counted = told.said["counted"]
    assert (counted["customer"], counted["day"], counted["landing"], counted["sha256"]) == ("demo", DAY, "two", "ab" * 32)
    assert (counted["rows"]["assessments"], counted["snapshots"]["assessments"], counted["landed"]) == (8, 2**62, 8)
    assert counted["report"] == f"hdfs://n:1/lake/demo/answers/{DAY}.json"


def test_a_run_that_failed_and_a_day_without_a_run_are_told_of_once(told: Told) -> None:
    """The run failed for good, for no inbox is named; its day is late as well, and nobody is told twice."""
    assert [(to, mail["Subject"]) for to, mail in told.mails] == [
        (["oncall@example.com"], f"[landfall] acme {YESTERDAY}: find_source failed"),
        (["lead@example.com"], f"[landfall] acme {MISSED} is late, no run"),
    ]
    failed, late = (receivers.body(mail) for _, mail in told.mails)
    assert "http://airflow.example.com/dags/land_assessments_acme/runs/" in failed
    assert "/tasks/find_source?try_number=1" in failed
    assert f"expected by {YESTERDAY} 00:00 UTC" in late
    assert "http://airflow.example.com/dags/land_assessments_acme</pre>" in late


def ended(told: Told, task: str) -> list[dict[str, Any]]:
    """OpenLineage's events of the task's tries that ended, in order."""
    return [event for event in told.lineage if event["job"]["name"] == f"land.{task}" and event["eventType"] in ("COMPLETE", "FAIL")]


def test_lineage_is_told_once_a_try(told: Told) -> None:
    assert [event["eventType"] for event in ended(told, "publish")] == ["COMPLETE", "FAIL", "COMPLETE"]
    assert [event["eventType"] for event in ended(told, "commit")] == ["COMPLETE"] * 2
    assert len({event["run"]["runId"] for event in told.lineage if event["job"]["name"] == "land.publish"}) == 3
    [failed] = [event for event in ended(told, "publish") if event["eventType"] == "FAIL"]
    assert failed["inputs"] == failed["outputs"] == []


def test_lineage_goes_from_files_by_their_hash_to_the_topic_at_its_offsets(told: Told) -> None:
    event = ended(told, "publish")[0]
    files = [(each["namespace"], each["name"], each["facets"]["version"]["datasetVersion"]) for each in event["inputs"]]
    assert files == [("file", "/in/a.json", f"sha256:{'aa' * 32}"), ("https://host", "/b.json", f"sha256:{'bb' * 32}")]
    [topic] = event["outputs"]
    assert (topic["namespace"], topic["name"]) == ("kafka://b1:9092", "assessments.acme")
    assert topic["outputFacets"]["outputStatistics"]["rowCount"] == 12
    assert set(topic["facets"]["landfall_offsets"]["offsets"]) == {"0", "1", "2"}
    assert "s3cret" not in json.dumps(told.lineage)


def test_lineage_goes_from_the_topic_to_every_table_at_its_snapshot(told: Told) -> None:
    event = ended(told, "commit")[0]
    [topic] = event["inputs"]
    assert (
        topic["facets"]["landfall_offsets"]["offsets"] == ended(told, "publish")[0]["outputs"][0]["facets"]["landfall_offsets"]["offsets"]
    )
    tables = {each["name"]: each for each in event["outputs"]}
    assert set(tables) == {f"/lake/demo/{name}" for name in LANDED}
    assert {each["namespace"] for each in event["outputs"]} == {"hdfs://n:1"}
    assert {each["facets"]["version"]["datasetVersion"] for each in event["outputs"]} == {str(2**62)}
    assessments = tables["/lake/demo/assessments"]
    assert assessments["outputFacets"]["outputStatistics"]["rowCount"] == 8
    columns = {each["name"] for each in assessments["facets"]["schema"]["fields"]}
    lineage = assessments["facets"]["columnLineage"]["fields"]
    assert columns > set(lineage)
    [read] = lineage["correct"]["inputFields"]
    assert (read["namespace"], read["name"], read["field"]) == ("kafka://b1:9092", "assessments.acme", "sequences.counts.correct")
    counted = event["run"]["facets"]["landfall_conservation"]["counted"]
    assert [counted[column]["records"] for column in ("source", "topic", "spark", "hdfs")] == [12] * 4


def test_every_event_and_facet_is_what_its_schema_says(told: Told) -> None:
    """OpenLineage's schemas in the versions that the events name, and docs/lineage_facets.json for ours."""
    assert {fault for event in told.lineage for fault in openlineage.faults(event)} == set()
    named = {facet["_schemaURL"] for event in told.lineage for _, facet in openlineage.facets_of(event)}
    checked = {address.rpartition("/")[2] for address in named & openlineage.addresses()}
    assert checked >= {
        "ColumnLineageDatasetFacet",
        "DatasetVersionDatasetFacet",
        "LandfallConservationRunFacet",
        "LandfallOffsetsDatasetFacet",
        "NominalTimeRunFacet",
        "OutputStatisticsOutputDatasetFacet",
        "ParentRunFacet",
        "SchemaDatasetFacet",
    }
    assert named <= openlineage.addresses(), "none is left unchecked"


COUNTED = "run.facets.landfall_conservation.counted"
DAMAGED: list[tuple[str, str, Any, str]] = [
    ("commit", "eventTime", "yesterday", "event.eventTime: 'yesterday' is not a 'date-time'"),
    ("commit", "eventType", "DONE", "event.eventType: 'DONE' is not one of"),
    ("commit", "run.runId", "12", "event.run.runId: '12' is not a 'uuid'"),
    ("commit", "job.name", None, "event.job: 'name' is a required property"),
    ("commit", "producer", None, "event: 'producer' is a required property"),
    ("commit", "inputs.0.namespace", None, "event.inputs[0]: 'namespace' is a required property"),
    ("commit", "outputs.0.facets.version._schemaURL", None, "event.outputs[0].facets.version: '_schemaURL' is a required property"),
    ("commit", "outputs.0.facets.version.datasetVersion", 2**62, f"outputs[0].facets.version.datasetVersion: {2**62} is not of type"),
    ("commit", "outputs.0.facets.schema.fields.0.name", None, "outputs[0].facets.schema.fields[0]: 'name' is a required property"),
    ("commit", "outputs.0.outputFacets.outputStatistics.rowCount", "8", "outputStatistics.rowCount: '8' is not of type 'integer'"),
    ("commit", "outputs.0.facets.version._schemaURL", "https://openlineage.io/spec/0.json", "there is no schema https://openlineage.io"),
    ("commit", f"{COUNTED}.hdfs", None, "run.facets.landfall_conservation.counted: 'hdfs' is a required property"),
    ("commit", f"{COUNTED}.spark.records", "12", "landfall_conservation.counted.spark.records: '12' is not of type 'integer'"),
    ("commit", f"{COUNTED}.hdfs.landed", None, "landfall_conservation.counted.hdfs: 'landed' is a required property"),
    ("commit", "run.facets.landfall_conservation.day", "28.1.2018", "landfall_conservation.day: '28.1.2018' is not a 'date'"),
    ("publish", "outputs.0.facets.landfall_offsets.offsets.0", [1], "outputs[0].facets.landfall_offsets.offsets['0']: [1] is too short"),
    ("publish", "outputs.0.facets.landfall_offsets.ingest", None, "landfall_offsets: 'ingest' is a required property"),
]


@pytest.mark.parametrize(("task", "place", "value", "said"), DAMAGED, ids=[f"{row[1]}: {row[2]}" for row in DAMAGED])
def test_an_event_that_is_wrong_is_seen(told: Told, task: str, place: str, value: Any, said: str) -> None:
    """`None` takes away what is there."""
    event = copy.deepcopy(ended(told, task)[0])
    *way, last = place.split(".")
    holder: Any = event
    for each in way:
        holder = holder[int(each)] if isinstance(holder, list) else holder[each]
    if value is None:
        del holder[last]
    else:
        holder[last] = value
    assert any(said in fault for fault in openlineage.faults(event)), openlineage.faults(event)
