"""The Landings page over a lake on local files, as Airflow serves it."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import fsspec
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, insert

import connections
from include import contracts, receipts
from include.lake.lake import Lake
from include.receipts import Landing
from tests.oracle.built_landing import RECORDS, Built, build

DAY = "2018-01-28"


CONTRACTS = {
    "harbor": f"source: harbor/{{day}}\nreaders: [vera, uwe]\nfirst_day: {DAY}\ndescription: A school of sailing\n",
    "quay": "source: quay/{day}\nreaders: [somebody]\nmissing_source: skip\n",
    "reef": "source: reef/{day}\nreaders: [vera]\n",
    "wreck": "source: wreck/all.json\n",
}


@pytest.fixture(scope="module")
def airflow() -> Iterator[None]:
    """Airflow's database, made in the home of these tests, and its auth manager with a secret of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "of the tests, and long enough for an algorithm that wants 64 bytes of it at least")
        from airflow.api_fastapi.app import init_auth_manager
        from airflow.utils.db import initdb

        initdb()
        init_auth_manager()
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("customers")
    for name, text in CONTRACTS.items():
        (made / f"{name}.yaml").write_text(text)
    return made


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, Landing]:
    """harbor's lake, on local files, with one day landed."""
    root = tmp_path_factory.mktemp("harbor")
    lake = Lake.open("harbor", f"sqlite:///{root}/catalog.sqlite", f"file://{root}", fsspec.filesystem("file"))
    built = build(root, records=RECORDS, day=DAY, customer="harbor")
    return lake, lake.commit(replace(built.landing, run_id="r1", source=(str(root / "inbox" / "harbor" / DAY),)), built.transform)


@pytest.fixture
def changed_file(landed: tuple[Lake, Landing], monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of the landed day, which is gone but for a test that has it written to since."""
    [path] = map(Path, landed[1].source)
    monkeypatch.setenv("LANDFALL_INBOX", str(path.parents[1]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[{}, {}]")
    yield path
    path.unlink()


@pytest.fixture
def page(
    airflow: None, folder: Path, landed: tuple[Lake, Landing], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str], TestClient]:
    """The page as a user of a role gets it; no user, no token. reef's catalog is broken."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    from landings_page.web import app

    (tmp_path / "broken").write_text("not a database " * 100)

    def lake(customer: str) -> Lake:
        if customer == "harbor":
            return landed[0]
        catalog = tmp_path / ("broken" if customer == "reef" else f"{customer}.sqlite")
        return Lake.open(customer, f"sqlite:///{catalog}", f"file://{tmp_path}", fsspec.filesystem("file"))

    monkeypatch.setattr(connections, "lake", lake)
    monkeypatch.setattr(connections, "serve_sources", lambda: None)
    monkeypatch.setattr(contracts, "load_all", partial(contracts.load_all, folder))
    monkeypatch.setattr(contracts, "customer", partial(contracts.customer, folder=folder))

    def page(user: str, role: str) -> TestClient:
        token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=user, role=role)) if user else ""
        return TestClient(app, headers={"authorization": f"Bearer {token}"} if user else {})

    return page


RUN = "correction"


@pytest.fixture
def correction(airflow: None, landed: tuple[Lake, Landing], tmp_path: Path) -> Iterator[Built]:
    """What a run of harbor, as Airflow's database has it, has published and transformed since DAY landed; its validate has failed."""
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    built = build(tmp_path, records=(*RECORDS[:2], b'{"keen_id": "keen 1", "started_at": 7}'), day=DAY, try_number=7, customer="harbor")
    at, names = datetime.now(UTC), {"dag_id": "land_assessments_harbor", "run_id": RUN}
    with create_session() as session:
        run = {"run_type": "manual", "run_after": at, "state": "failed", "start_date": at, "conf": {"day": DAY}}
        session.add(made := DagRun(**names, **run))
        made.end_date = at
        session.flush()
        for task, state in (("publish", "success"), ("transform", "success"), ("validate", "failed")):
            columns = {"id": uuid.uuid4(), "map_index": -1, "state": state, "try_number": 1, "duration": 2.0, "pool": "p", "pool_slots": 1}
            session.execute(insert(TaskInstance).values(**names, task_id=task, **columns))
        for task, receipt in (("publish", built.publish), ("transform", built.transform)):
            XComModel.set(key="return_value", value=receipts.plain(receipt), task_id=task, **names, session=session)
    yield built
    shutil.rmtree(f"{landed[0].path}/seen", ignore_errors=True)
    with create_session() as session:
        for model in (XComModel, TaskInstance, DagRun):
            session.execute(delete(model).where(model.run_id == RUN))
