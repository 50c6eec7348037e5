"""What goes wrong is red, says why, and leaves readers with what they had."""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from include.runs.airflow_client import OVER
from tests.harness.private_landfall import Landfall, wait_for
from tests.oracle.built_landing import build

DAY, NEXT_DAY, REFUSED_DAY = "2018-03-01", "2018-03-02", "2018-03-03"


def attempt(number: int, **changed: Any) -> dict[str, Any]:
    return {"keen_id": f"id-{number}", "exam_name": "Knots", "base_exam_id": "knots", "started_at": "2018-03-01T10:00:00.000Z", **changed}


def land(stack: Landfall, path: Path, *more: str, code: int, day: str = DAY) -> dict[str, Any]:
    return stack.json("land", "--customer", "acme", "--day", day, "--source", str(path), *more, code=code)


def written(folder: Path, text: str | bytes, name: str = "day.json") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


REFUSED = [
    ("an object around the array", '{"attempts":\n [{"keen_id": "a"}]\n}', "publish", "one json object over several lines"),
    ("an empty file", "", "publish", "empty"),
    ("an empty array", "[]", "publish", "empty"),
    ("cut off in the middle", '[{"keen_id": "a"}, {"keen_', "publish", "truncated"),
    ("larger than the topic takes", json.dumps([attempt(1, note="x" * 2_000_000)]), "publish", "1,048,576"),
]


WITHOUT_AIRFLOW = pytest.mark.long("tests/unit/source/test_records.py, tests/integration/test_publishing.py")
ROWS = [pytest.param(*row, id=row[0], marks=[WITHOUT_AIRFLOW] if number else []) for number, row in enumerate(REFUSED)]


@pytest.mark.parametrize(("why", "text", "task", "said"), ROWS)
def test_a_wrong_file_turns_its_task_red_and_says_why(stack: Landfall, tmp_path: Path, why: str, text: str, task: str, said: str) -> None:
    receipt = land(stack, written(tmp_path, text), code=1)
    assert (receipt["state"], receipt["failed_task"], receipt["landed"]) == ("failed", task, 0), why
    assert said in receipt["reason"].lower()
    assert DAY not in [landing["day"] for landing in stack.json("landings", "--customer", "acme")]


@dataclass(frozen=True)
class RefusedRun:
    """A run whose `validate` refused two of three records, and what the commands said then."""

    source: Path
    stdout: str
    stderr: str
    quarantine: list[dict[str, Any]]
    of_readers: Any

    @property
    def run_id(self) -> str:
        found = re.search(r"manual__\S+", self.stderr)
        assert found is not None, self.stderr
        return found[0]


@pytest.fixture(scope="module")
def refused(stack: Landfall, tmp_path_factory: pytest.TempPathFactory) -> RefusedRun:
    text = json.dumps([attempt(1), attempt(2, keen_id=6), attempt(3, keen_id=None)])
    source = written(tmp_path_factory.mktemp("refused"), text)
    done = stack("land", "--customer", "acme", "--day", REFUSED_DAY, "--source", str(source), code=1)
    run = RefusedRun(source, done.stdout, done.stderr, [], None)
    found = stack.json("quarantine", "--customer", "acme", "--run", run.run_id)
    return replace(run, quarantine=found, of_readers=stack("quarantine", "--customer", "acme", "--day", REFUSED_DAY))


def test_too_many_unreadable_records_are_a_problem_with_reasons(refused: RefusedRun) -> None:
    for said in ("validate", "2 of 3", "wrong_type 1", "missing_keen_id 1"):
        assert said in refused.stderr
    assert refused.stdout == ""
    reasons = {each["reason"]: each for each in refused.quarantine}
    assert {reason: each["records"] for reason, each in reasons.items()} == {"wrong_type": 1, "missing_keen_id": 1}
    assert '"keen_id": 6' in reasons["wrong_type"]["examples"][0]["value"]
    assert f"acme {REFUSED_DAY}: nothing is in quarantine of the landings that readers see" in refused.of_readers.stdout
    assert "./landfall quarantine --customer acme --run RUN" in refused.of_readers.stderr


def test_marking_validate_a_success_makes_no_proof_and_only_a_reason_lands_the_day(stack: Landfall, refused: RefusedRun) -> None:
    """As a person does it in Airflow: `validate` marked as a success, `commit` cleared."""
    api, dag, run = stack.api, "land_assessments_acme", refused.run_id

    def task(name: str) -> dict[str, Any]:
        return next(each for each in api.tasks(dag, run) if each["task_id"] == name)

    def landings() -> list[dict[str, Any]]:
        return [each for each in stack.json("landings", "--customer", "acme") if each["day"] == REFUSED_DAY]

    api._call("PATCH", f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/validate", json={"new_state": "success"})
    assert task("validate")["state"] == "success"
    cleared = {"dag_run_id": run, "task_ids": ["commit"], "include_downstream": True, "only_failed": False, "dry_run": False}
    api._call("POST", f"/api/v2/dags/{dag}/clearTaskInstances", json=cleared)
    assert wait_for(lambda: task("commit")["state"] in OVER, 90), task("commit")
    assert task("commit")["state"] == "failed"
    reason = api.reason(dag, run, "commit", task("commit")["try_number"])
    assert reason.startswith("validate has handed on no Proof: it has not run, or not to its end, whatever it is marked as."), reason
    assert landings() == [], "readers see nothing of it"

    why = "agreed with acme, ticket 12"
    receipt = land(stack, refused.source, "--accept-problems", why, day=REFUSED_DAY, code=0)
    assert (receipt["landed"], receipt["quarantined"]) == (1, 2)
    [landing] = landings()
    assert (landing["override"]["by"], landing["override"]["reason"]) == ("admin", why)
    assert "2 of 3 records" in landing["override"]["problems"][0]
    shown = " ".join(stack("landings", "--customer", "acme", "--day", REFUSED_DAY).stdout.split())
    assert f"admin has landed this day, because: {why}. Against it stood: 2 of 3 records" in shown


@pytest.mark.long("tests/e2e/test_split_and_backfill.py replaces a corrected day")
def test_a_correction_replaces_the_day(stack: Landfall, tmp_path: Path) -> None:
    lake = stack.lake("acme")
    lake.create_tables()
    first = build(tmp_path, [json.dumps(attempt(number)).encode() for number in (1, 2)], DAY, fs=lake.fs, root=lake.path)
    assert lake.commit(first.landing, first.transform).landed == 2
    second = land(stack, written(tmp_path, "\n".join(json.dumps(attempt(n)) for n in (2, 3, 4)), "second.ndjson"), code=0)
    assert (second["landed"], second["already_landed"]) == (3, False)
    rows = stack.json("query", "--customer", "acme", f"select keen_id from assessments where day = '{DAY}' order by keen_id")["rows"]
    assert rows == [["id-2"], ["id-3"], ["id-4"]]


@pytest.mark.long("tests/unit/validation/test_holes.py warns, tests/spark/test_holes.py counts, tests/unit/cli/test_main.py tells")
def test_a_field_that_goes_missing_and_one_that_nobody_knows_are_told(stack: Landfall, tmp_path: Path) -> None:
    """After the correction above, with whose day it is compared."""
    renamed = [{("exam_title" if name == "exam_name" else name): value for name, value in attempt(number).items()} for number in range(40)]
    source = written(tmp_path, json.dumps(renamed))
    told = stack("land", "--customer", "acme", "--day", NEXT_DAY, "--source", str(source)).stdout
    assert re.search(r"warning: exam_name is missing in 100.0 % of 40; on .* it was in 0.0 % of [\d,]*3\b", told.replace("\n", " ")), told
    assert "fields that the schema does not know: exam_title 40" in told
    [landing] = stack.json("landings", "--customer", "acme", "--day", NEXT_DAY)
    assert landing["unknown_fields"] == {"exam_title": 40}
    assert [warning.split(" is ")[0] for warning in landing["warnings"]] == ["exam_name"]
    sql = f"select missing, parents from holes where day = '{NEXT_DAY}' and path = 'exam_name'"
    assert stack.json("query", "--customer", "acme", sql)["rows"] == [[40, 40]]


BEFORE_THE_RUN = [
    ("an unknown customer", ("land", "--customer", "acne", "--day", DAY), "there is no customer 'acne'; known are: acme, "),
    ("a day that is none", ("land", "--customer", "acme", "--day", "28.1.2018"), "expected a date"),
    ("a file that is not there", ("land", "--customer", "acme", "--day", DAY, "--source", "nowhere.json"), "no file"),
    ("a table that is not there", ("query", "--customer", "acme", "select * from attempts"), "assessments"),
    ("not SQL", ("query", "--customer", "acme", "selct 1"), "selct"),
]


@pytest.mark.parametrize(("why", "arguments", "said"), BEFORE_THE_RUN, ids=[row[0] for row in BEFORE_THE_RUN])
def test_a_wrong_command_is_one_clear_message(stack: Landfall, why: str, arguments: tuple[str, ...], said: str) -> None:
    done = stack(*arguments, code=1)
    assert said in done.stderr, why
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_day_without_files_is_skipped_where_the_contract_says_so(stack: Landfall) -> None:
    receipt = stack.json("land", "--customer", "acme", "--day", "2018-03-09")
    assert (receipt["state"], receipt["published"]) == ("success", None)
