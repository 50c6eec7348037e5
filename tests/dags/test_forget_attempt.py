"""The DAG that forgets an attempt, run by Airflow on a lake of local files: what it does, and that Airflow keeps nothing of the id."""

import asyncio
import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import connections
from include.lake import tombstones
from include.lake.lake import Lake
from include.maintenance import forget_request
from tests.harness.lakes import holding, open_lake, shorten_pages
from tests.oracle.built_landing import DAY, attempt, build

ID, OTHER = "5a6d-SENTINEL-of-ann", "5a6d-SENTINEL-of-bob"
RECORDS = (attempt(1, keen_id=ID), attempt(2, keen_id=ID), attempt(3, keen_id=OTHER), attempt(4))
VARIABLE = "landfall_forget_secret_acme"
DONE = {"customer": "acme", "dry_run": False, "confirm": "acme"}


@pytest.fixture
def dag(dags: dict) -> Any:
    return dags["forget_attempt"]


def test_the_form_takes_a_customer_and_no_id_and_changes_nothing_unless_asked_to(dag: Any) -> None:
    params = dag.params
    assert set(params) == {"customer", "dry_run", "confirm", "asked_by"}
    assert params.get_param("customer").schema["enum"] == ["acme", "demo"]
    assert params.get_param("dry_run").resolve() is True
    assert all(params.get_param(name).description for name in params)
    assert (dag.schedule, dag.max_active_runs, dag.is_paused_upon_creation) == (None, 1, False)


def test_every_task_retries_ends_some_time_and_helps_the_person_on_call(dag: Any) -> None:
    assert [(task.task_id, task.downstream_task_ids) for task in dag.topological_sort()] == [
        ("forget", {"remove_request"}),
        ("remove_request", set()),
    ]
    for task in dag.tasks:
        assert task.retries >= 2
        assert task.execution_timeout <= timedelta(hours=2)
        assert task.template_fields == (), "Airflow keeps rendered templates"
        assert "On call:" in (type(task).__doc__ or "")
        assert f"`{task.task_id}`" in dag.doc_md
    assert forget_request.VARIABLE in dag.doc_md


# ---- run by Airflow

by_airflow = pytest.mark.not_quick("Airflow runs the DAG; tests/unit/maintenance/test_forget_request.py has what is refused and counted")


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """A landed day of acme's, with two records of ID."""
    shorten_pages(monkeypatch)
    (tmp_path / "lake").mkdir()
    lake = open_lake(tmp_path / "lake")
    built = build(tmp_path / "lake", records=RECORDS)
    lake.commit(built.landing, replace(built.transform, tombstones=tuple(tombstones.tombstones(lake.fs, lake.path))))
    monkeypatch.setattr(connections, "lake", {"acme": lake}.__getitem__)
    monkeypatch.delenv("LANDFALL_REPORTS", raising=False)
    return lake


class Airflow:
    """This process's own, with its database in a file and its tasks' logs in a folder."""

    def __init__(self, dag: Any, home: Path) -> None:
        from airflow import settings

        self.dag, self.home, self.database = dag, home, Path(settings.engine.url.database)

    def put(self, value: str) -> None:
        """As the form under Admin, Variables does."""
        from airflow.api_fastapi.logging.decorators import action_logging
        from airflow.models.variable import Variable
        from airflow.utils.session import create_session
        from starlette.requests import Request

        async def body() -> dict[str, Any]:
            return {"type": "http.request", "body": json.dumps({"key": VARIABLE, "value": value}).encode()}

        Variable.set(VARIABLE, value)
        asked = {
            "type": "http",
            "method": "POST",
            "headers": [(b"content-type", b"application/json")],
            "query_string": b"",
            "path_params": {},
        }
        with create_session() as session:
            asyncio.run(action_logging("post_variable")(Request(asked, body), session, SimpleNamespace(get_name=lambda: "ann")))

    def variable(self) -> str | None:
        from airflow.models.variable import Variable
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session() as session:
            row = session.scalar(select(Variable).where(Variable.key == VARIABLE))
            assert row is None or row.is_encrypted
            return row and row.val

    def run(self, **conf: Any) -> Any:
        return self.dag.test(run_conf=conf, logical_date=None)

    def again(self, run: Any, task_id: str) -> str:
        """Runs one task once more, as after a try that was killed, or when somebody clears it; returns its state."""
        from airflow.sdk.definitions.dag import _run_task
        from airflow.utils.session import create_session

        with create_session() as session:
            [ti] = [each for each in session.merge(run).get_task_instances(session=session) if each.task_id == task_id]
            ti.state, ti.try_number = "scheduled", ti.try_number + 1
        _run_task(ti=ti, task=self.dag.task_dict[task_id])
        with create_session() as session:
            return str(session.merge(ti, load=True).state.value)

    def states(self, run: Any) -> dict[str, str]:
        return {ti.task_id: str(ti.state) for ti in run.get_task_instances()}

    def returned(self, run: Any) -> Any:
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session

        with create_session() as session:
            [row] = session.scalars(XComModel.get_many(key="return_value", run_id=run.run_id, task_ids="forget")).all()
            return XComModel.deserialize_value(row)

    def keeps(self, text: str) -> list[str]:
        """Tables of the database that have the text in any column, and files of logs."""
        with closing(sqlite3.connect(self.database)) as database:
            tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
            found = [name for name in tables if any(text in str(row) for row in database.execute(f'select * from "{name}"'))]
        return found + [path.name for path in self.home.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


@pytest.fixture
def airflow(dag: Any, dag_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Airflow]:
    from airflow.models import crypto
    from airflow.models.variable import Variable
    from airflow.utils.session import create_session
    from cryptography.fernet import Fernet
    from sqlalchemy import delete

    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(dag_folder))
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
    monkeypatch.setenv("AIRFLOW__LOGGING__BASE_LOG_FOLDER", str(tmp_path / "logs"))
    crypto.get_fernet.cache_clear()
    yield Airflow(dag, tmp_path / "logs")
    with create_session() as session:
        session.execute(delete(Variable))
    crypto.get_fernet.cache_clear()


@by_airflow
def test_an_attempt_is_looked_for_forgotten_and_its_id_is_nowhere_afterwards(
    airflow: Airflow, lake: Lake, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    airflow.put(ID)
    looked = airflow.run(customer="acme")
    assert airflow.states(looked) == {"forget": "success", "remove_request": "skipped"}
    assert airflow.returned(looked) | {"rows": 0} == {
        "customer": "acme", "dry_run": True, "days": 1, "records": 2, "mentioned": 0, "rows": 0,
        "landings": None, "files_deleted": None, "sources": None, "kafka_until": None,
    }  # fmt: skip
    assert (len(holding(tmp_path / "lake", ID)) > 0, airflow.variable()) == (True, ID), "a dry run changes nothing"

    done = airflow.run(**DONE)
    assert airflow.states(done) == {"forget": "success", "remove_request": "success"}
    assert (holding(tmp_path / "lake", ID), airflow.variable()) == ([], None)
    counts = airflow.returned(done)
    assert (counts["days"], counts["records"], counts["rows"]["raw_assessments"], counts["landings"]) == (1, 2, 2, 1)
    assert counts["kafka_until"] > DAY
    [landing] = lake.landings(DAY)[-1:]
    assert (landing.forgotten, tombstones.is_buried(lake, ID), tombstones.is_buried(lake, OTHER)) == (2, True, False)

    assert airflow.again(done, "remove_request") == "success", "a try that was killed after it had deleted the Variable"
    airflow.put(OTHER)
    assert (airflow.again(done, "remove_request"), airflow.variable()) == ("failed", OTHER), "another id than was forgotten"
    assert (airflow.keeps(ID), airflow.keeps(OTHER)) == ([], [])
    assert "log" in airflow.keeps(VARIABLE), "the audit log was written, without the value"
    out, err = capfd.readouterr()
    assert f"source files of: {DAY}" in out + err + caplog.text, "the log was looked at"
    assert (ID in out + err + caplog.text, OTHER in out + err + caplog.text) == (False, False)


REFUSED = [
    ("no Variable", None, DONE, "is not there, or is empty"),
    ("not confirmed", OTHER, {**DONE, "confirm": "demo"}, "`confirm` is not this customer's name"),
    ("a key that is misspelled", OTHER, {**DONE, "keenid": "x"}, "unknown key 'keenid'"),
]


@by_airflow
@pytest.mark.parametrize(("why", "value", "conf", "reason"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_is_refused_changes_nothing(
    airflow: Airflow, lake: Lake, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture,
    why: str, value: str | None, conf: dict[str, Any], reason: str,
) -> None:  # fmt: skip
    if value:
        airflow.put(value)
    run = airflow.run(**conf)
    assert airflow.states(run) == {"forget": "failed", "remove_request": "upstream_failed"}, why
    assert reason in "".join(capfd.readouterr()) + caplog.text
    assert (tombstones.tombstones(lake.fs, lake.path), len(lake.landings(DAY)), airflow.variable()) == ([], 1, value)
    assert airflow.keeps(OTHER) == []


@by_airflow
def test_a_run_that_holds_the_id_is_refused_and_the_search_for_it_finds_it(airflow: Airflow, lake: Lake) -> None:
    airflow.put(OTHER)
    run = airflow.run(**DONE, asked_by=f"for {OTHER}")
    assert airflow.states(run)["forget"] == "failed"
    assert airflow.keeps(OTHER) == ["dag_run"], "what the other tests look for can be found"
    assert tombstones.tombstones(lake.fs, lake.path) == []
