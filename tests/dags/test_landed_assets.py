"""A DAG that runs once a landed day: the example of docs/, told of landings by a task, and scheduled by Airflow's own scheduler."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DAY, OTHER = "2018-01-28", "2018-01-29"
LANDINGS = [(DAY, "one"), (OTHER, "two"), (DAY, "three")]  # the last one is a correction, or `again`
PRODUCER = """
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from airflow.sdk import DAG, task
from tests.built_landing import build
import landed_assets

with DAG(dag_id="land", schedule=None, params={"day": "", "landing": ""}):
    @task(outlets=landed_assets.outlets("demo"))
    def commit(task=None, **context):
        asked = context["params"]
        with TemporaryDirectory() as folder:
            built = build(Path(folder), day=asked["day"])
        landed = replace(built.landing, landing=asked["landing"], customer="demo", snapshots={"assessments": 2**62})
        landed_assets.announce(context, task.outlets, landed, "hdfs://n/lake/demo")
    commit()

with DAG(dag_id="after_any_landing", schedule=[landed_assets.outlets("demo")[0]], is_paused_upon_creation=False):
    @task
    def look():
        pass
    look()
"""
# A process of its own: Airflow takes its folder of DAGs when it is first imported.
PROGRAM = """
import json, os
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

manager = DagBundlesManager()
with create_session() as session:
    manager.sync_bundles_to_db(session=session)
[bundle] = manager.get_all_dag_bundles()
bundle.initialize()
bag = BundleDagBag(dag_folder=bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
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

with create_session() as session:
    runs = session.scalars(select(DagRun).where(DagRun.dag_id.startswith("after_each")).order_by(DagRun.id)).all()
    said = {
        "errors": bag.import_errors,
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


def test_the_example_in_docs_runs_once_a_landed_day(tmp_path: Path) -> None:
    """And a DAG with a plain schedule after any landing."""
    folder = tmp_path / "dags"
    folder.mkdir()
    (folder / "producer.py").write_text(PRODUCER)
    (folder / "example.py").write_text((ROOT / "docs" / "example_downstream.py").read_text())
    environment = {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "LANDINGS": json.dumps(LANDINGS),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")]),
    }
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    [line] = [line for line in done.stdout.splitlines() if line.startswith("said: ")]
    said = json.loads(line.removeprefix("said: "))
    assert (said["errors"], said["ended"]) == ({}, ["success"] * 3)
    assert said["runs"] == [[day, [landing]] for day, landing in LANDINGS], "a run for each landing, with its day as partition"
    events = [each for day, _ in LANDINGS for each in (["lake/demo", None], ["lake/demo/days", day])]
    assert sorted(said["events"], key=str) == sorted(events, key=str)
    assert said["queued"] == ["after_any_landing"]
    counted = said["counted"]
    assert (counted["customer"], counted["day"], counted["landing"], counted["sha256"]) == ("demo", DAY, "three", "ab" * 32)
    assert (counted["rows"]["assessments"], counted["snapshots"], counted["landed"]) == (8, {"assessments": 2**62}, 8)
    assert counted["report"] == f"hdfs://n/lake/demo/answers/{DAY}.json"
