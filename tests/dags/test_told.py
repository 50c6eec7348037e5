"""Who is told what, once, by Airflow itself: a run that fails, and a day that nobody landed."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests import receivers

ROOT = Path(__file__).parents[2]
TODAY = datetime.now(UTC).date()
FAILED, MISSED = TODAY - timedelta(days=1), TODAY - timedelta(days=2)
CONTRACT = f"""
source: acme/{{day}}.json
first_day: {MISSED}
expected_by: "00:00"
notify: {{failed: [mail:oncall@example.com], late: [mail:lead@example.com]}}
"""
# A process of its own: Airflow takes its home when it is first imported. The run fails for good, for no inbox is named.
PROGRAM = """
import os
from datetime import datetime
from pathlib import Path
from airflow.utils.db import initdb
initdb()
from airflow.dag_processing.dagbag import DagBag
import connections
from tests.unit.test_lake import open_lake

connections.lake = lambda customer: open_lake(Path(os.environ["LAKE"]))
bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
assert not bag.import_errors, bag.import_errors
print("dags:", *sorted(bag.dags))
ended = [bag.dags["land_assessments_acme"].test(logical_date=datetime.fromisoformat(os.environ["FAILED"] + "T00:00+00:00")).state]
ended += [bag.dags["expect_landings_acme"].test(logical_date=None).state for _ in "12"]
print("ended:", *ended)
"""


def test_a_run_that_failed_and_a_day_without_a_run_are_told_of_once(tmp_path: Path) -> None:
    (tmp_path / "customers").mkdir()
    (tmp_path / "customers" / "acme.yaml").write_text(CONTRACT)
    (tmp_path / "lake").mkdir()
    with receivers.smtp() as box:
        environment = {
            "AIRFLOW_HOME": str(tmp_path),
            "AIRFLOW__API__BASE_URL": "http://airflow.example.com",
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW_CONN_SMTP_DEFAULT": box.connection,
            "AIRFLOW_CONN_HDFS_DEFAULT": json.dumps({"conn_type": "hdfs", "host": "127.0.0.1", "port": 9, "extra": {"fs": "hdfs://n"}}),
            "FAILED": FAILED.isoformat(),
            "LAKE": str(tmp_path / "lake"),
            "LANDFALL_CUSTOMERS": str(tmp_path / "customers"),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")]),
        }
        done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "dags: expect_landings_acme land_assessments_acme tidy_lake" in done.stdout
    assert "ended: failed success success" in done.stdout
    told = [(to, mail["Subject"]) for to, mail in box.mails]
    assert told == [
        (["oncall@example.com"], f"[landfall] acme {FAILED}: find_source failed"),
        (["lead@example.com"], f"[landfall] acme {MISSED} is late, no run"),
    ], done.stdout[-3000:]
    failed, late = (receivers.body(mail) for _, mail in box.mails)
    assert "http://airflow.example.com/dags/land_assessments_acme/runs/" in failed
    assert "/tasks/find_source?try_number=1" in failed
    assert f"expected by {MISSED + timedelta(days=1)} 00:00 UTC" in late
    assert "http://airflow.example.com/dags/land_assessments_acme</pre>" in late
