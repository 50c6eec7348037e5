"""Why Spark failed is said where a person looks, and the run goes on by itself once the cause is gone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from include.runs import run as landing_run
from include.runs.airflow_client import AirflowApi
from include.storage.webhdfs import filesystem
from tests.harness.private_landfall import Landfall

DAY = "2018-04-02"


@pytest.fixture
def forbidden(stack: Landfall) -> Iterator[str]:
    """A directory of the lake that Spark must write to and may not."""
    at, lake, path = stack.settings.endpoints, stack.lake("demo"), "/lake/demo/receipts"
    lake.create_tables()
    lake.fs.makedirs(path, exist_ok=True)
    superuser = filesystem(at.webhdfs_host, at.webhdfs_port, "hdfs")
    owner = superuser.info(path)["owner"]
    superuser._call("SETOWNER", method="put", path=path, owner="hdfs")
    superuser._call("SETPERMISSION", method="put", path=path, permission="755")
    yield path
    superuser._call("SETOWNER", method="put", path=path, owner=owner)


@pytest.mark.long("tests/plugins/test_spark_operators.py shows causes; tests/e2e/test_refusals.py those of other tasks in Airflow")
def test_the_cause_of_a_failed_transform_is_shown_at_once(stack: Landfall, forbidden: str, tmp_path: Path) -> None:
    at = stack.settings.endpoints
    api = AirflowApi(at.airflow_url, at.airflow_user, at.airflow_password)
    source = tmp_path / "day.json"
    source.write_text('[{"keen_id": "a", "exam_name": "Knots", "base_exam_id": "knots"}]')
    run = landing_run.start(api, "demo", day=DAY, source=[str(source)], again=False)
    failed = next(change for change in run.follow() if isinstance(change, landing_run.TaskChange) and change.reason)
    stack.end(run)
    assert (failed.task, failed.state, failed.try_number) == ("transform", "up_for_retry", 1)
    assert failed.reason.startswith("Spark: receipt hdfs://")
    assert f'Permission denied: user=landfall, access=WRITE, inode="{forbidden}"' in failed.reason
    assert "\n" not in failed.reason
