"""What the tasks of a landing say when all is well: their logs, in a lake of local files."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import pytest
from airflow.sdk.exceptions import AirflowFailException

import connections
from include import receipts
from include.receipts import source_of
from lake_operators import CommitLandingOperator, ValidateLandingOperator
from tests.harness.lakes import open_lake
from tests.oracle.built_landing import build


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Of a run whose landing lies there, and is not committed."""
    built = build(tmp_path)
    source = source_of(built.landing)
    publish = replace(built.publish, builds_on=receipts.digest(source))
    transform = replace(built.transform, builds_on=receipts.digest(publish))
    handed_on: dict[tuple[str, str], Any] = {
        ("find_source", "return_value"): receipts.plain(source),
        ("publish", "return_value"): receipts.plain(publish),
        ("transform", "return_value"): receipts.plain(transform),
        ("publish", "seconds"): 2.5,
    }
    task = "validate"

    def pull(task_ids: str, key: str = "return_value") -> Any:
        return handed_on.get((task_ids, key))

    def push(key: str, value: Any) -> None:
        handed_on[task, key] = value

    lake = open_lake(tmp_path)
    monkeypatch.setattr(connections, "lake", {"acme": lake}.__getitem__)
    monkeypatch.setattr(connections, "hdfs", lambda: fsspec.filesystem("file"))
    ti = SimpleNamespace(xcom_pull=pull, xcom_push=push)
    return {
        "ti": ti,
        "dag_run": SimpleNamespace(run_id="manual__1", run_type=SimpleNamespace(value="manual"), triggering_user_name="ann"),
        "params": {},
        "built": built,
    }


def validate(context: Any, max_quarantined: float) -> None:
    ValidateLandingOperator(task_id="validate", max_quarantined=max_quarantined, holes_points=5).execute(context)


def test_validate_and_commit_say_what_they_proved_and_made_visible(context: Any, capsys: pytest.CaptureFixture[str]) -> None:
    validate(context, 0.5)
    proved = capsys.readouterr().out
    assert ": no problems, looked at in " in proved
    assert re.search(r"  hdfs   12 records, content hash [0-9a-f]{16}: 8 landed, 2 duplicates, 2 quarantined, 0 forgotten", proved)
    row = CommitLandingOperator(task_id="commit").execute(context)
    visible = capsys.readouterr().out
    assert f"acme 2018-01-28: landing {row['landing']} is what readers see, since {row['committed_at']}" in visible
    assert re.search(r"  hdfs   12 records", visible)
    assert re.search(r"  rows: .*assessments 8, ", visible)
    assert re.search(r"  seconds: publish 2.5, validate [0-9.]+, commit [0-9.]+", visible)


def test_validate_that_fails_says_the_counts_too(context: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AirflowFailException, match="quarantined"):
        validate(context, 0.01)
    said = capsys.readouterr().out
    assert f"acme 2018-01-28, landing {context['built'].transform.landing}: 1 problem, looked at in " in said
    assert "  quarantined for: invalid_json 1, missing_keen_id 1" in said


def test_nothing_is_kept_for_lineage_where_nobody_asks_for_it(context: Any) -> None:
    """Else `commit` would need a connection to Kafka."""
    validate(context, 0.5)
    operator = CommitLandingOperator(task_id="commit")
    operator.execute(context)
    assert operator.lineage_of is None
