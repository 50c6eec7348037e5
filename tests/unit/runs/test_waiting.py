"""What a run that does not go on waits for: asked of an Airflow that stands in a certain way, and shown to whoever follows it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest

from include import contracts
from include.cli import following
from include.runs import backfill, run, waiting
from include.runs.airflow_client import AirflowApi
from include.runs.backfill import Backfill, DayRun
from include.runs.run import LandingRun, Waiting
from tests.harness.airflow_server import FIRST, LAST, Airflow, serving

DAG = "land_assessments_acme"


class Standing(Airflow):
    """An Airflow whose one DAG is as these say."""

    paused = False
    healthy = True
    running_runs = 0
    elsewhere: ClassVar[list[dict[str, Any]]] = []
    said: str | None = None
    states: ClassVar[list[tuple[str, list[dict[str, Any]]]]] = []

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path.endswith("/health"):
            self.answer(200, {"scheduler": {"status": "healthy" if self.healthy else "unhealthy"}})
        elif path.endswith("/~/taskInstances"):
            self.answer(200, {"task_instances": self.elsewhere})
        elif path.endswith("/taskInstances"):
            self.answer(200, {"task_instances": self.states[0][1]})
            if len(self.states) > 1:
                self.states.pop(0)
        elif "/xcomEntries/" in path:
            self.answer(200, {"value": self.said})
        elif path.endswith("/dagRuns"):
            assert "state=running" in query
            self.answer(200, {"dag_runs": [], "total_entries": self.running_runs})
        elif "/dagRuns/" in path:
            self.answer(200, {"dag_run_id": "r", "state": self.states[0][0]})
        else:
            self.answer(200, {"dag_id": DAG, "is_paused": self.paused, "max_active_runs": 16})


@contextmanager
def standing(**state: Any) -> Iterator[AirflowApi]:
    with serving(type("Handler", (Standing,), state)) as api:
        yield api


def task(name: str, state: str | None) -> dict[str, Any]:
    return {"task_id": name, "state": state, "try_number": 1, "duration": 1.0}


FILE = "acme 2018-01-28: no files at acme/2018-01-28* in /inbox; waiting until 2018-01-30 00:00 UTC"
OTHER = [{"task_id": "publish", "dag_run_id": "r1"}]
WAITS = [
    ("a DAG that is paused", "queued", [], {"paused": True}, [f"{DAG} is paused", "unpaused", f"/dags/{DAG}"]),
    ("a DAG that was paused meanwhile", "running", [task("publish", "scheduled")], {"paused": True}, ["is paused"]),
    ("a scheduler that is not there", "queued", [], {"healthy": False}, ["scheduler", "./landfall up"]),
    ("as many runs as may be", "queued", [], {"running_runs": 16}, ["16 other runs", "16 at a time"]),
    ("a file", "running", [task("find_source", "up_for_reschedule")], {"said": FILE}, [f"find_source: {FILE}"]),
    ("a task that does not say", "running", [task("find_source", "up_for_reschedule")], {}, ["find_source: looks again later"]),
    ("another run's task", "running", [task("publish", "queued")], {"elsewhere": OTHER}, ["publish: one at a time", "run r1 is at it"]),
    ("a slot", "running", [task("transform", "scheduled")], {}, ["transform: every slot of Airflow is taken"]),
    ("nothing: it is about to start", "queued", [], {}, []),
    ("nothing: a task is run", "running", [task("publish", "running")], {"paused": True}, []),
    ("nothing else than was shown: a task that failed is tried again", "running", [task("publish", "up_for_retry")], {}, []),
]


@pytest.mark.parametrize(("what", "state", "tasks", "airflow", "said"), WAITS, ids=[row[0] for row in WAITS])
def test_what_a_run_waits_for(what: str, state: str, tasks: list[dict], airflow: dict[str, Any], said: list[str]) -> None:
    with standing(**airflow) as api:
        reason = waiting.reason(api, DAG, {"dag_run_id": "r", "state": state}, tasks)
    assert all(part in reason for part in said), what
    assert bool(reason) == bool(said), what


def test_a_run_of_a_paused_dag_is_explained_at_once_and_followed_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "POLL_SECONDS", 0.01)
    states = [("queued", []), ("queued", []), ("success", [task("answer", "success")])]
    with standing(paused=True, states=states) as api:
        followed = list(LandingRun(api, "acme", "r").follow())
    waits = [each for each in followed if isinstance(each, Waiting)]
    assert [each.reason.split(":")[0] for each in waits] == [f"{DAG} is paused in Airflow"], "not at every look"
    assert followed[-1] == run.TaskChange("answer", "success", 1, 1.0)


def test_between_two_tasks_nothing_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "POLL_SECONDS", 0.01)
    between = [task("publish", "success"), task("transform", "scheduled")]
    with standing(states=[("running", between), ("success", between)]) as api:
        assert not [each for each in LandingRun(api, "acme", "r").follow() if isinstance(each, Waiting)]


def days(*states: str) -> list[DayRun]:
    return [DayRun(f"2018-01-0{number}", f"r{number}", state) for number, state in enumerate(states, 1)]


STANDINGS = [
    ("all are queued: one sentence for all", days("queued", "queued"), {"paused": True}, [f"{DAG} is paused"]),
    ("a day that waits for its file", days("running", "queued"), {"said": FILE}, ["2018-01-01: find_source: acme"]),
    ("all are over", days("success", "failed"), {"paused": True}, []),
]


@pytest.mark.parametrize(("why", "standing_days", "airflow", "said"), STANDINGS, ids=[row[0] for row in STANDINGS])
def test_what_the_days_of_a_backfill_wait_for(why: str, standing_days: list[DayRun], airflow: dict[str, Any], said: list[str]) -> None:
    tasks = [task("find_source", "up_for_reschedule")] if "said" in airflow else []
    with standing(**airflow, states=[("running", tasks)]) as api:
        waits = backfill.Waits(Backfill(api, contracts.customer("acme"), 1, FIRST, LAST))
        first, second = waits(standing_days), waits(standing_days)
    assert [each.reason[: len(part)] for each, part in zip(first, said, strict=True)] == said, why
    assert second == [], "not asked for at every look"


def test_a_wait_is_shown_at_once_and_again_every_minute(capsys: pytest.CaptureFixture[str]) -> None:
    waits = following.Waits()
    for seconds in range(0, 150, 5):
        waits.show(Waiting("for a file", seconds))
    waits.show(Waiting("for a slot", 3))
    shown = [line.strip() for line in capsys.readouterr().err.splitlines()]
    assert shown == ["… waits: for a file", "… waits (for 1 min): for a file", "… waits (for 2 min): for a file", "… waits: for a slot"]
