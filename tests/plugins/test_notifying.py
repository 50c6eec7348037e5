"""Whom a contract names is told: by a real SMTP server and a real HTTP receiver, through Airflow's own providers and connections."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.definitions.context import Context
from airflow.utils.types import DagRunType

import notifying
from include import receipts
from include.contracts import Contract, NotifyTerms
from include.runs.notices import failed
from notifying import NotTold, tell
from tests.harness import receivers
from tests.harness.receivers import Mailbox, body
from tests.oracle.built_landing import build

LINK = "http://airflow/dags/land_assessments_acme/runs/r/tasks/publish"
SECRET = "T0K3N"


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    with receivers.smtp() as box:
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", box.connection)
        yield box


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Any]]]:
    """(path, JSON) of what came by webhook or Slack."""
    with receivers.http() as server:
        monkeypatch.setenv("AIRFLOW_CONN_LANDFALL_WEBHOOK", json.dumps({"conn_type": "http", "host": f"{server.url}/hook"}))
        monkeypatch.setenv("AIRFLOW_CONN_BROKEN", json.dumps({"conn_type": "http", "host": f"{server.url}/broken/{SECRET}"}))
        slack = {"conn_type": "slackwebhook", "host": f"{server.url}/services", "password": SECRET}
        monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", json.dumps(slack))
        yield server.received


def contract(**terms: Any) -> Contract:
    return Contract(customer="acme", source="{day}.json", notify=NotifyTerms(**terms))


def context(pulled: dict[str, Any], day: str | None = "2018-01-28", logical_date: datetime | None = None) -> Context:
    ti = SimpleNamespace(task_id="publish", try_number=4, log_url=LINK, xcom_pull=lambda task_ids: pulled.get(task_ids))
    run_type = DagRunType.SCHEDULED if logical_date else DagRunType.MANUAL
    run = SimpleNamespace(logical_date=logical_date, run_after=datetime(2018, 1, 30, tzinfo=UTC), run_type=run_type)
    error = ValueError("keen_id 54321: wrong")  # what a task failed of may quote a record
    return {"ti": ti, "dag_run": run, "params": {"day": day}, "exception": error, "dag": None}  # type: ignore[typeddict-item]


def test_a_run_that_failed_is_told_by_all_channels_without_what_a_record_had(mailbox: Mailbox, posted: list[tuple[str, Any]]) -> None:
    [callback] = notifying.callbacks(contract(failed=("mail:on.call@example.com", "webhook", "slack")))["on_failure_callback"]
    callback(context({"find_source": {"day": "2018-01-27"}}))
    [(to, mail)] = mailbox.mails
    (hook, sent), (slack, text) = posted
    assert (to, mail["From"], mail["Subject"]) == (
        ["on.call@example.com"],
        "landfall@example.com",
        "[landfall] acme 2018-01-27: publish failed",
    )
    assert (hook, slack) == ("/hook", f"/services/{SECRET}")
    assert {name: sent[name] for name in ("event", "customer", "day", "step", "link")} == {
        "event": "failed", "customer": "acme", "day": "2018-01-27", "step": "publish", "link": LINK,
    }  # fmt: skip
    for said in (body(mail), sent["text"], text["text"]):
        assert "acme 2018-01-27: publish failed, at try 4" in said
        assert LINK in said
        assert "54321" not in said
        assert SECRET not in said


DAYS = [
    ("the one that find_source found", {"find_source": {"day": "2018-01-27"}}, "2018-01-28", None, "2018-01-27"),
    ("the one asked for", {}, "2018-01-28", None, "2018-01-28"),
    ("the one of the schedule", {}, None, datetime(2018, 1, 26, tzinfo=UTC), "2018-01-26"),
    ("none, where none is asked for", {}, "nonsense", None, ""),
]


@pytest.mark.parametrize(("why", "pulled", "asked", "logical_date", "day"), DAYS, ids=[row[0] for row in DAYS])
def test_the_day_is_known_as_far_as_the_run_came(
    why: str, pulled: dict[str, Any], asked: str | None, logical_date: datetime | None, day: str
) -> None:
    assert notifying.day_of(context(pulled, asked, logical_date), contract()) == day, why


def test_a_channel_that_fails_keeps_it_from_no_other_and_gives_no_secret_away(
    mailbox: Mailbox, posted: list[tuple[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    tell(failed("acme", "2018-01-28", "publish", 4, LINK), ["webhook:broken", "webhook:no_such_connection", "mail:a@example.com"])
    assert len(mailbox.mails) == 1
    errors = [record.getMessage() for record in caplog.records if record.name == "notifying" and record.levelno == logging.ERROR]
    assert len(errors) == 2
    assert "was not told by webhook (broken): AirflowException: 500:Internal Server Error" in errors[0]
    assert SECRET not in "".join(errors)


def test_where_nobody_could_be_told_it_is_an_error(posted: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AWAY", json.dumps({"conn_type": "http", "host": "http://127.0.0.1:9"}))
    with pytest.raises(NotTold, match=r"publish failed: nobody was told; .* connections: webhook \(broken\), webhook \(away\)"):
        tell(failed("acme", "2018-01-28", "publish", 4, LINK), ["webhook:broken", "webhook:away"])


def test_a_file_name_in_a_mail_is_text_and_no_markup(mailbox: Mailbox) -> None:
    notice = replace(failed("acme", "2018-01-28", "publish", 4, LINK), text="<b>{{ 7 * 7 }}</b>")
    tell(notice, ["mail:a@example.com"])
    [(_, mail)] = mailbox.mails
    assert body(mail) == "<pre>&lt;b&gt;{{ 7 * 7 }}&lt;/b&gt;</pre>"


@pytest.mark.parametrize(("above", "messages"), [(0.2, 0), (0.16, 1)])
def test_quarantine_is_told_once_above_the_share_whether_validate_succeeds_or_not(
    posted: list[tuple[str, Any]], tmp_path: Path, above: float, messages: int
) -> None:
    callbacks = notifying.callbacks_of_validate(contract(quarantine=("webhook",), quarantine_above=above))
    [on_success], [on_failure] = callbacks["on_success_callback"], callbacks["on_failure_callback"]
    assert on_success is on_failure
    on_success(context({"transform": receipts.plain(build(tmp_path).transform)}))
    assert [(sent["event"], sent["day"]) for _, sent in posted] == [("quarantine", "2018-01-28")] * messages


def test_a_contract_that_names_nobody_has_no_callbacks_and_failures_of_validate_are_told_too() -> None:
    assert notifying.callbacks(contract()) == notifying.callbacks_of_validate(contract()) == {}
    both = notifying.callbacks_of_validate(contract(quarantine=("slack",), failed=("slack",)))["on_failure_callback"]
    assert [type(each).__name__ for each in both] == ["FailureNotifier", "QuarantineNotifier"]
