"""The page's web app with Airflow's own auth manager and database: who gets which customer, and what is answered of each."""

import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

import connections
from include.contracts import Contract
from include.errors import LandfallError
from include.lake.lake import Lake
from include.receipts import Landing
from include.runs.day_states import Day, State
from tests.harness.landings_page import CONTRACTS, DAY, RUN, airflow, changed_file, correction, folder, landed, page  # noqa: F401  # fixtures
from tests.oracle.built_landing import Built

SPAN = f"first={DAY}&last=2018-01-29"


VISIBLE = [
    ("an admin sees all, a wrong contract too", "root", "admin", ["harbor", "quay", "reef", "wreck"], True),
    ("an operator too", "olga", "op", ["harbor", "quay", "reef", "wreck"], True),
    ("a user sees whose reader it is, and may trigger", "uwe", "user", ["harbor"], True),
    ("a viewer sees whose reader it is, and may not trigger", "vera", "viewer", ["harbor", "reef"], False),
    ("a user who is nobody's reader", "eve", "user", [], True),
    ("a viewer who is nobody's reader", "ida", "viewer", [], False),
]


@pytest.mark.parametrize(("why", "user", "role", "seen", "may_trigger"), VISIBLE, ids=[row[0] for row in VISIBLE])
def test_who_sees_which_customers(
    page: Callable[[str, str], TestClient], why: str, user: str, role: str, seen: list[str], may_trigger: bool
) -> None:
    answer = page(user, role).get("/api/customers").json()
    assert [each["customer"] for each in answer["customers"]] == seen, why
    assert {each["may_trigger"] for each in answer["customers"]} <= {may_trigger}
    hidden = set(CONTRACTS) - set(seen)
    for customer in hidden:
        assert page(user, role).get(f"/api/customers/{customer}/days?{SPAN}").status_code == 404, customer


def test_every_address_is_closed_without_a_token(page: Callable[[str, str], TestClient]) -> None:
    from landings_page.web import app

    calls = [
        (method, route.path.format(customer="harbor", day=DAY, name="page.js"))
        for route in app.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    ]
    assert len(calls) == len(app.routes) > 9, "a mount or a page of documentation would not ask for a token"
    assert {call: page("", "").request(*call).status_code for call in calls} == dict.fromkeys(calls, 401)


def test_the_web_app_is_found_under_the_name_that_airflow_loads_the_page_by(page: Callable[[str, str], TestClient]) -> None:
    """A file of the plugins folder is loaded under its own name; of the wheel, tests/unit/test_wheel.py has it imported."""
    from landings_page.web import app

    file = Path(__file__).parents[2] / "plugins" / "landings_page" / "__init__.py"
    loader = SourceFileLoader(file.stem, str(file))
    module = module_from_spec(spec_from_loader(file.stem, loader))
    loader.exec_module(module)
    assert module._app() is app


def test_what_is_hidden_looks_like_what_is_not_there(page: Callable[[str, str], TestClient]) -> None:
    hidden, absent = (page("vera", "viewer").get(f"/api/customers/{name}/days/{DAY}").json()["detail"] for name in ("quay", "atoll"))
    assert hidden.replace("quay", "atoll") == absent


def test_a_landed_day_is_what_its_landing_says(page: Callable[[str, str], TestClient], landed: tuple[Lake, Landing]) -> None:
    client, landing = page("vera", "viewer"), landed[1]
    row = client.get(f"/api/customers/harbor/days?{SPAN}").json()
    assert row["newest"] == DAY
    figures = {"published": landing.published, "landed": landing.landed, "quarantined": landing.quarantined, "has_warnings": True}
    assert row["days"] == {DAY: {"state": "landed", "landed": figures}, "2018-01-29": {"state": "missing"}}
    [span] = row["not_right"]
    assert (span["state"], span["first"]) == ("missing", "2018-01-29")
    day = client.get(f"/api/customers/harbor/days/{DAY}").json()
    assert (day["receipt"]["content_hash"], day["receipt"]["tables"]) == (landing.content_hash, landing.tables)
    assert (day["landings"], day["run_id"], day["reports"]) == (1, "r1", [])
    reasons = client.get(f"/api/customers/harbor/days/{DAY}/quarantine").json()
    assert {each["reason"]: each["records"] for each in reasons} == landing.reasons


def test_a_landed_day_whose_files_changed_says_so_and_one_whose_files_nobody_can_reach_does_not(
    page: Callable[[str, str], TestClient], changed_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, of_day = page("vera", "viewer"), f"/api/customers/harbor/days/{DAY}/changed"
    [sentence] = client.get(of_day).json()
    assert " bytes now, 1,000 were landed: " in sentence
    changed = {"state": "changed", "first": DAY, "last": DAY, "days": 1, "reason": sentence}
    assert client.get("/api/customers/harbor/changed").json() == [changed]
    assert client.get("/api/customers/harbor/days/2018-01-29/changed").json() == [], "a day that has not landed"
    monkeypatch.delenv("LANDFALL_INBOX")
    answers = [client.get(path) for path in (of_day, "/api/customers/harbor/changed")]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, []), (200, [])]


def test_a_store_that_is_away_is_asked_once(landed: tuple[Lake, Landing], monkeypatch: pytest.MonkeyPatch) -> None:
    from landings_page.days import Customer

    asked = []

    def away() -> None:
        asked.append(1)
        raise LandfallError("does not answer")

    monkeypatch.setattr(connections, "serve_sources", away)
    days = [Day(date(2018, 1, number), State.LANDED) for number in (26, 27, 28)]
    customer = Customer(Contract(customer="harbor", source="harbor/{day}"), landed[0], None)  # type: ignore[arg-type]
    assert (customer.changed(days), len(asked)) == ([], 1)


def test_a_run_that_is_under_way_shows_on_the_day_that_it_was_asked_for(page: Callable[[str, str], TestClient]) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    run = {"dag_id": "land_assessments_quay", "run_id": "by_hand", "run_type": "manual", "run_after": datetime.now(UTC), "state": "running"}
    with create_session() as session:
        session.add(DagRun(**run, conf={"day": DAY}))
    try:
        client = page("olga", "op")
        row = client.get(f"/api/customers/quay/days?{SPAN}").json()
        assert (row["days"][DAY], row["days"]["2018-01-29"], row["not_right"]) == ({"state": "running"}, {"state": "not_run"}, [])
        assert client.get("/api/runs?dag_id=land_assessments_quay&run_id=by_hand").json() == {"customer": "quay", "day": DAY}
        assert client.get(f"/api/customers/quay/days/{DAY}").json()["receipt"]["state"] == "running"
        assert page("vera", "viewer").get("/api/runs?dag_id=land_assessments_quay&run_id=by_hand").status_code == 404
    finally:
        with create_session() as session:
            session.query(DagRun).filter(DagRun.run_id == "by_hand").delete()


SEEN = f"/api/customers/harbor/days/{DAY}/seen?run_id={RUN}"
OF_DAY = f"/api/customers/harbor/days/{DAY}"


def test_a_failed_correction_leaves_in_sight_what_readers_see(
    page: Callable[[str, str], TestClient], landed: tuple[Lake, Landing], correction: Built
) -> None:
    client, landing = page("uwe", "user"), landed[1]
    row = client.get(f"/api/customers/harbor/days?{SPAN}").json()
    assert (row["days"][DAY]["state"], row["days"][DAY]["landed"]["landed"]) == ("landed_failed", landing.landed)
    assert [(each["state"], each["first"]) for each in row["not_right"]] == [("landed_failed", DAY), ("missing", "2018-01-29")]
    assert row["not_right"][0]["reason"].startswith("validate: ")
    day = client.get(OF_DAY).json()
    assert (day["in_force"]["landed"], day["in_force"]["run_id"], day["run_id"]) == (landing.landed, "r1", RUN)
    failed = day["failure"]
    assert (failed["run_id"], failed["receipt"]["failed_task"], failed["receipt"]["published"], failed["seen"]) == (
        RUN,
        "validate",
        3,
        None,
    )
    assert day["receipt"] == failed["receipt"]


def test_a_failure_is_seen_by_who_may_start_runs_and_no_longer_counts(
    page: Callable[[str, str], TestClient], landed: tuple[Lake, Landing], correction: Built
) -> None:
    client = page("uwe", "user")
    assert page("vera", "viewer").put(SEEN).status_code == 403
    assert page("eve", "user").put(SEEN).status_code == 404, "a stranger"
    other = client.put(f"{OF_DAY}/seen?run_id=r1")
    assert (other.status_code, "Look again at the day" in other.json()["detail"]) == (422, True)
    assert client.put(SEEN).json()["by"] == "uwe"
    assert page("root", "admin").put(SEEN).json()["by"] == "uwe", "who was first"
    row = client.get(f"/api/customers/harbor/days?{SPAN}").json()
    assert (row["days"][DAY]["state"], row["days"][DAY]["seen"]) == ("landed", True)
    assert [each["state"] for each in row["not_right"]] == ["missing"]
    day = client.get(OF_DAY).json()
    assert (day["run_id"], day["receipt"]["landed"], day["failure"]["seen"]["by"]) == ("r1", landed[1].landed, "uwe")


def test_the_unreadable_records_of_a_failed_run_are_shown_from_its_own_files(
    page: Callable[[str, str], TestClient], landed: tuple[Lake, Landing], correction: Built
) -> None:
    client = page("uwe", "user")
    [reason] = client.get(f"{OF_DAY}/quarantine", params={"run_id": RUN}).json()
    assert (reason["reason"], reason["records"], reason["examples"][0]["record"]) == ("wrong_type", 1, 2)
    assert '"started_at": 7' in reason["examples"][0]["value"]
    of_landing = client.get(f"{OF_DAY}/quarantine").json()
    assert {each["reason"]: each["records"] for each in of_landing} == landed[1].reasons
    nobody = client.get(f"{OF_DAY}/quarantine", params={"run_id": "no run"})
    assert (nobody.status_code, "has no receipt of transform of a run 'no run'" in nobody.json()["detail"]) == (422, True)
    Path(correction.path("quarantine")).unlink()
    gone = client.get(f"{OF_DAY}/quarantine", params={"run_id": RUN})
    assert (gone.status_code, "tidy_lake_harbor" in gone.json()["detail"]) == (422, True)


REFUSED = [
    ("a wrong contract", f"/api/customers/wreck/days?{SPAN}", 422, "wreck.yaml: 1 wrong:\n  source: has no {day}"),
    ("a broken catalog", f"/api/customers/reef/days?{SPAN}", 503, "reef: the lake's catalog cannot be opened"),
    (
        "a backfill that ends before it begins",
        "/api/customers/harbor/backfill?first=2018-02-02&last=2018-02-01",
        422,
        "begins on 2018-02-02",
    ),
    ("a backfill from before the contract", "/api/customers/harbor/backfill?first=2017-01-01&last=2018-02-01", 422, "first_day 2018-01-28"),
    ("a report that nobody has written", f"/reports/harbor/{DAY}", 404, f"answers/{DAY}.html"),
    ("a report outside of the folder", "/reports/harbor/..%2F..%2Fquay", 404, "Not Found"),
    ("no day", "/api/customers/harbor/days/yesterday", 422, "valid date"),
    ("no file of the page", "/web.py", 404, "The page has no file web.py."),
]


@pytest.mark.parametrize(("why", "path", "status", "said"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_cannot_be_answered_says_why(page: Callable[[str, str], TestClient], why: str, path: str, status: int, said: str) -> None:
    answer = page("root", "admin").get(path)
    assert answer.status_code == status, why
    assert said in str(answer.json()["detail"]).replace("\\n", "\n")


def test_what_the_browser_is_to_ask_airflow_for(page: Callable[[str, str], TestClient]) -> None:
    client = page("uwe", "user")
    again = client.get(f"/api/customers/harbor/days/{DAY}/run?again=true").json()
    assert (again["path"], again["body"]["conf"]) == ("dags/land_assessments_harbor/dagRuns", {"day": DAY, "again": True})
    assert again["body"]["dag_run_id"].startswith(f"manual__{DAY}__")
    assert again["body"]["note"] == f"harbor {DAY}"
    span = client.get("/api/customers/harbor/backfill?first=2018-02-01&last=2018-02-02").json()
    assert (span["path"], span["body"]["from_date"]) == ("backfills", "2018-02-01T00:00:00+00:00")
    assert span["body"]["to_date"] == "2018-02-02T23:59:59+00:00"
    assert (span["days"], span["seconds"], span["at_once"]) == (2, None, 2)
    years = client.get("/api/customers/harbor/backfill?first=2018-02-01&last=2020-12-31").json()
    assert years["days"] == (date(2020, 12, 31) - date(2018, 1, 31)).days


def test_a_report_gets_no_share_in_the_session(page: Callable[[str, str], TestClient], landed: tuple[Lake, Landing]) -> None:
    lake, _ = landed
    path = Path(lake.path) / "answers" / "all_days.html"
    path.parent.mkdir(exist_ok=True)
    path.write_text("<h1>all days</h1>")
    try:
        client = page("vera", "viewer")
        answer = client.get("/reports/harbor/all_days")
        assert answer.text == "<h1>all days</h1>"
        rules = dict(rule.strip().partition(" ")[::2] for rule in answer.headers["content-security-policy"].split(";"))
        assert (rules["default-src"], rules["sandbox"]) == ("'none'", "allow-scripts allow-modals")
        assert client.get(f"/api/customers/harbor/days/{DAY}").json()["reports"] == ["all_days"]
    finally:
        path.unlink()


def test_airflow_finds_the_plugins_and_no_module_of_the_page_under_its_bare_name(airflow: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else `days` or `web` would stand in sys.modules for whoever imports such a name."""
    from airflow.plugins_manager import _load_plugins_from_plugin_directory

    folder = Path(connections.__file__).parent
    stems = {path.stem for path in folder.rglob("*.py")}
    for name in stems & set(sys.modules):  # loading executes them anew; they come back in the end
        monkeypatch.delitem(sys.modules, name)
    plugins, errors = _load_plugins_from_plugin_directory(str(folder))
    loaded = stems & set(sys.modules)
    for name in loaded:
        del sys.modules[name]
    assert errors == {}
    assert loaded == {path.stem for path in folder.glob("*.py")} | {"__init__"}
    views = {plugin.name: [view["destination"] for view in plugin.external_views] for plugin in plugins}
    assert views == {"landed_day": [], "landings_page": ["nav", "dag_run"]}
