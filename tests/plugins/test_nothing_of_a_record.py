"""Airflow shows XComs and logs to every login, whichever customer they are of: of a record there is its number and its hash, no more."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

import connections
from include import receipts
from include.lake.lake import Lake
from lake_operators import CommitLandingOperator, ValidateLandingOperator
from tests.harness.lakes import open_lake
from tests.oracle.built_landing import Built, attempt, build

TEXT, ID = "SENTINEL text of an exam", "SENTINEL-keen-id"
RECORDS = (
    attempt(1, exam=TEXT, keen_id=ID, results=("correct", "incorrect")),
    attempt(2, exam=TEXT, keen_id=ID, results=("correct",)),  # a conflict
    b'{"exam_name": "' + TEXT.encode() + b'"}',  # quarantined
    attempt(3, exam=TEXT, keen_id=f"{ID} 3", results=(None,)),
)


class Run:
    """The tasks of one run: what they push is theirs, and the others can pull it."""

    def __init__(self) -> None:
        self.pushed: dict[tuple[str, str], Any] = {}

    def context(self, task_id: str) -> dict[str, Any]:
        def push(key: str, value: Any) -> None:
            self.pushed[task_id, key] = value

        def pull(task_ids: str, key: str = "return_value") -> Any:
            return self.pushed.get((task_ids, key))

        return {
            "ti": SimpleNamespace(xcom_push=push, xcom_pull=pull),
            "dag_run": SimpleNamespace(run_id="manual__1", triggering_user_name="ann"),
            "params": {},
        }

    def execute(self, operator: Any) -> None:
        context = self.context(operator.task_id)
        self.pushed[operator.task_id, "return_value"] = operator.execute(context)


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    lake = open_lake(tmp_path)
    monkeypatch.setattr(connections, "lake", {"acme": lake}.__getitem__)
    return lake


def validate_and_commit(built: Built, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """What the two tasks push, and the reason if one fails."""
    monkeypatch.setattr(connections, "hdfs", lambda: built.fs)
    run, landing = Run(), built.landing
    source = receipts.Source(landing.customer, landing.day, (), landing.bytes, landing.sha256, landing.found_at)
    publish = replace(built.publish, builds_on=receipts.digest(source))
    transform = replace(built.transform, builds_on=receipts.digest(publish))
    for task, receipt in (("find_source", source), ("publish", publish), ("transform", transform)):
        run.pushed[task, "return_value"] = receipts.plain(receipt)
    try:
        run.execute(ValidateLandingOperator(task_id="validate", max_quarantined=0.5, holes_points=5.0))
        run.execute(CommitLandingOperator(task_id="commit"))
    except AirflowFailException as error:
        yield str(error)
    yield json.dumps(list(run.pushed.values()))


def test_a_landing_that_is_right_tells_of_no_record(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="include")
    said = [*validate_and_commit(build(tmp_path, records=RECORDS), monkeypatch), caplog.text]
    assert "records are in quarantine" in said[0], "it has said something"
    assert lake.in_force("2018-01-28")
    assert not [text for text in said if "SENTINEL" in text]


def test_a_landing_that_is_wrong_tells_of_its_records_by_number_and_hash(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="include")
    built = build(tmp_path, records=RECORDS, plant=lambda rows: [rows["assessments"].pop(0), rows["exam_scores"].pop(0)])
    said = [*validate_and_commit(built, monkeypatch), caplog.text]
    assert "1 of 4 records neither landed nor quarantined: record 0 (hash" in said[0]
    assert lake.in_force("2018-01-28") is None
    assert not [text for text in said if "SENTINEL" in text]
