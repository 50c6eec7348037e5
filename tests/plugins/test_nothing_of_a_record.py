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
import kafka_operators
from include import receipts
from include.answers import pages
from include.lake.lake import Lake
from include.receipts import Landing, Source, TransformReceipt
from include.source.records import Records
from lake_operators import CommitLandingOperator, ValidateLandingOperator
from spark_operators import TransformOperator, path_of
from tests.harness import run_of_tasks
from tests.harness.lakes import open_lake
from tests.oracle.built_landing import Built, attempt, build

NAMES = {"answers.SENTINEL-learner-1": 1, "answers.SENTINEL-learner-2": 1}
TEXT, ID = "SENTINEL text of an exam", "SENTINEL-keen-id"
RECORDS = (
    attempt(1, exam=TEXT, keen_id=ID, results=("correct", "incorrect")),
    attempt(2, exam=TEXT, keen_id=ID, results=("correct",)),  # a conflict
    b'{"exam_name": "' + TEXT.encode() + b'"}',  # quarantined
    attempt(3, exam=TEXT, keen_id=f"{ID} 3", results=(None,)),
)


class World(run_of_tasks.World):
    """Spark finds fields that the schema does not know: a map, whose keys are ids."""

    def submit(self, operator: TransformOperator, context: object) -> None:
        super().submit(operator, context)
        path = Path(path_of(dict(zip(operator.application_args[::2], operator.application_args[1::2], strict=True))["--receipt"]))
        receipt = receipts.read(TransformReceipt, path.read_bytes(), str(path))
        receipts.write(replace(receipt, unknown_fields=NAMES), path)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[run_of_tasks.World]:
    yield from run_of_tasks.serving(World(tmp_path), monkeypatch)


def test_names_of_unknown_fields_are_in_no_xcom_and_where_readers_look(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answered: list[Landing] = []
    monkeypatch.setattr(pages, "write", lambda lake, landing, copies: answered.append(landing) or {})
    world.deliver(attempt(1))
    runs = [run_of_tasks.Run(world), run_of_tasks.Run(world, "manual__2"), run_of_tasks.Run(world, "manual__3", {"again": True})]
    assert [run.from_task("find_source") for run in runs] == [True] * 3, [run.reasons for run in runs]
    pushed = json.dumps([run.xcoms for run in runs])
    assert not [text for text in (pushed, caplog.text) if "SENTINEL" in text]
    assert runs[0].pulled("transform")["unknown_fields"] == {"...": 2}
    assert set(runs[1].xcoms["find_source"]) >= {"already_landed"}
    assert set(runs[2].xcoms["find_source"]) >= {"landed_again"}
    rows = [row.unknown_fields for row in world.lake().landings()]
    assert rows == [landing.unknown_fields for landing in answered] == [NAMES, NAMES]


def test_a_file_that_is_refused_is_refused_by_place(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    def publish(source: Source, **_: Any) -> None:
        Records.open([Path(uri) for uri in source.uris])

    monkeypatch.setattr(kafka_operators, "publish", publish)
    for content, what in (
        (b'[{"keen_id": SENTINEL}]', "is not valid JSON: invalid character at byte 13"),
        (b'{"keen_id":\n"SENTINEL"}', "is one JSON object over several lines"),
    ):
        world.deliver(content)
        run = run_of_tasks.Run(world)
        assert run.from_task("find_source") is False
        assert what in run.reasons["publish"]
        assert "SENTINEL" not in json.dumps([run.xcoms, run.reasons]) + caplog.text


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
