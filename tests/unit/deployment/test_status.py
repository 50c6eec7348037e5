"""What `status` makes of landings, of Airflow's runs and of parts that do not answer; real daemons are in the integration tests."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import fsspec
import pytest

from include import contracts
from include.cli import health, services, terminal
from include.deployment import status as statuses
from include.deployment.deployment import Airflow, Deployment, Hdfs
from include.deployment.status import Disk, Part, status
from include.lake.lake import Lake
from tests.harness import airflow_server
from tests.harness.ports import free_port
from tests.oracle.built_landing import CUSTOMER, build

NOW = datetime(2018, 1, 31, 12, tzinfo=UTC)
HEALTH = {"metadatabase": {"status": "healthy"}, "scheduler": {"status": "healthy"}, "dag_processor": {"status": "unhealthy"}}


def run(day: str, state: str, **more: object) -> dict:
    ended = None if state == "running" else f"{day}T23:00:00Z"
    run_id = f"manual__{day}__x"
    usual = {"dag_run_id": run_id, "run_type": "manual", "conf": {"day": day}, "logical_date": None, "run_after": f"{day}T22:00:00Z"}
    return {**usual, "state": state, "start_date": f"{day}T22:00:00Z", "end_date": ended, **more}


class Server(airflow_server.Airflow):
    def do_GET(self) -> None:
        answers = {
            "/api/v2/version": {"version": "3.3.2"},
            "/api/v2/monitor/health": HEALTH,
            f"/api/v2/dags/land_assessments_{CUSTOMER}/dagRuns": {
                "dag_runs": [run("2018-01-29", "failed"), run("2018-01-30", "running"), run("2018-01-27", "failed", conf={"day": "soon"})]
            },
        }
        found = answers.get(self.path.partition("?")[0])
        self.answer(*((200, found) if found else (404, {"detail": "no such DAG"})))


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """A customer that landed 28 January, of which 29 failed and 30 is under way; another that has nothing; what is asked of HDFS is not."""
    late = "deadline_hours: 24\nexpected_by: '06:00'\nnotify: {late: [slack]}\n"
    for name, first, more in ((CUSTOMER, "2018-01-28", "deadline_hours: 0\n"), ("nothing", "2018-01-29", late)):
        (tmp_path / f"{name}.yaml").write_text(f"source: 'x/{{day}}'\nfirst_day: {first}\n{more}")
    lake = Lake.open(CUSTOMER, f"sqlite:///{tmp_path}/catalog.sqlite", f"file://{tmp_path}", fsspec.filesystem("file"))
    built = build(tmp_path)
    lake.commit(built.landing, built.transform)
    monkeypatch.setattr(contracts, "FOLDER", tmp_path)
    monkeypatch.setattr(statuses, "_lake", lambda at, customer: lake if customer == CUSTOMER else None)
    monkeypatch.setattr(statuses, "_hdfs_and_room", lambda at: (Part("hdfs", True, "3.4.2", "Operational"), [Disk("HDFS", 5, 100)]))
    return Deployment("here", "the test", "See to it.", hdfs=Hdfs(("h",), 1, "landfall", "hdfs://h"), inbox=tmp_path)


def test_days_and_runs_and_parts(deployment: Deployment) -> None:
    with airflow_server.serving(Server) as api:
        found = status(replace(deployment, airflow=Airflow(api.url, "admin", "admin")), NOW)
    assert found.parts[0] == Part("airflow", True, "3.3.2", "dag_processor unhealthy")
    acme, nothing = found.customers
    assert (acme.landed, acme.newest, acme.under_way, acme.unknown) == (1, "2018-01-28", 1, "")
    assert [(each.what, each.first, each.run) for each in acme.troubles] == [("failed", "2018-01-29", "manual__2018-01-29__x")]
    assert [(each.what, each.first, each.last) for each in nothing.troubles] == [
        ("late", "2018-01-30", "2018-01-30"), ("missing", "2018-01-29", "2018-01-29"),
    ]  # fmt: skip
    assert [disk.name for disk in found.disks] == ["HDFS", str(deployment.inbox)]


def test_a_part_that_is_down_is_said_and_the_rest_is_shown(deployment: Deployment) -> None:
    found = status(replace(deployment, airflow=Airflow(f"http://127.0.0.1:{free_port()}", "a", "b")), NOW)
    assert (found.parts[0].up, "Connection refused" in found.parts[0].detail) == (False, True)
    assert found.customers[0].landed == 1
    assert found.customers[0].unknown == "runs, for airflow is not known to answer"
    assert [each.what for each in found.customers[0].troubles] == ["missing"], "what landed is known, and what is due"


def test_it_is_a_screen_of_80_columns(deployment: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    long = "landed_by_nobody_" + "x" * 60
    found = status(deployment, NOW)
    part = Part("airflow", False, "", "Airflow does not answer at https://airflow.example.org:8443 (" + "a long reason " * 10 + ")")
    customers = (*found.customers, *(replace(found.customers[1], customer=f"{number}{long}"[:40]) for number in range(5)))
    monkeypatch.setattr(statuses, "status", lambda at: replace(found, parts=(*found.parts, part), customers=customers))
    monkeypatch.setattr(services, "deployment", lambda: deployment)
    monkeypatch.setattr(terminal.out, "_width", 80)
    health.status()
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines if str(deployment.inbox) not in line) <= 80, "a folder's name is not folded"
    assert sum(line.startswith(("late ", "missing ", "failed ")) for line in lines) == health.SHOWN
    assert "and 5 more: --json has all" in " ".join(lines)
    assert "not known: runs" in next(line for line in lines if line.startswith(CUSTOMER))
    assert health._worst(replace(found.customers[0], unknown="")) == "2 missing", "days are counted, and not spans"
    assert "warning: HDFS: 0.0 of 0.0 GB free" in lines
    many = [replace(found.customers[1], customer=f"c{number}", troubles=(), unknown="") for number in range(60)]
    monkeypatch.setattr(statuses, "status", lambda at: replace(found, customers=(*many, found.customers[0])))
    health.status()
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) < 40
    assert f"{CUSTOMER} " in shown, "who wants a person comes first"
    assert "and 51 more customers, of none of which something is not right" in shown
    monkeypatch.setattr(statuses, "status", lambda at: replace(found, parts=(*found.parts, part), customers=customers))
    health.status(as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert (document["version"], len(document["customers"]), document["parts"][0]["up"]) == (found.version, 7, True)
    assert document["customers"][0]["newest"] == date(2018, 1, 28).isoformat()
