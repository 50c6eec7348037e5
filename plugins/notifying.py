"""Telling people, by the notifiers of Airflow's own providers, whom the contract's `notify` names. Messages: include/runs/notices.py.

Providers are imported when there is something to tell: every task of a run imports this file.
"""

import html
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from airflow.sdk import BaseNotifier, Context
from airflow.sdk.exceptions import AirflowException

from include import receipts, run_identity
from include.channels import MAIL, SLACK, WEBHOOK, Channel, channel
from include.contracts import Contract
from include.effects import Effect, effect
from include.errors import LandfallError
from include.receipts import TransformReceipt
from include.runs import notices
from include.runs.notices import Notice

log = logging.getLogger(__name__)

SECONDS = 10  # that a server may take to answer


class NotTold(LandfallError):
    """A notice reached nobody."""


def callbacks(contract: Contract) -> dict[str, Any]:
    """`default_args` of the customer's DAG: a task that has failed for good ends its run, so each run tells once."""
    return {"on_failure_callback": [FailureNotifier(contract)]} if contract.notify.failed else {}


def callbacks_of_validate(contract: Contract) -> dict[str, Any]:
    """Those of the task after which it is certain how many records cannot be read, whether it succeeds or fails for them."""
    if not contract.notify.quarantine:
        return {}
    quarantine = QuarantineNotifier(contract)
    return {
        "on_success_callback": [quarantine],
        "on_failure_callback": [*callbacks(contract).get("on_failure_callback", []), quarantine],
    }


class FailureNotifier(BaseNotifier):
    """Tells of a task that failed at its last try. Runs in the task's process, or in the dag-processor's if that was killed."""

    def __init__(self, contract: Contract) -> None:
        super().__init__()
        self.contract = contract

    def notify(self, context: Context) -> None:
        ti = context["ti"]
        notice = notices.failed(self.contract.customer, day_of(context, self.contract), ti.task_id, ti.try_number, ti.log_url)
        tell(notice, self.contract.notify.failed)


class QuarantineNotifier(BaseNotifier):
    """Tells of a day of which more records than `quarantine_above` cannot be read."""

    def __init__(self, contract: Contract) -> None:
        super().__init__()
        self.contract = contract

    def notify(self, context: Context) -> None:
        ti, terms = context["ti"], self.contract.notify
        transform = receipts.read(TransformReceipt, ti.xcom_pull(task_ids="transform"), "the receipt of transform")
        notice = notices.quarantined(self.contract.customer, transform, terms.quarantine_above, ti.task_id, ti.log_url)
        if notice:
            tell(notice, terms.quarantine)


def day_of(context: Context, contract: Contract) -> str:
    """The day that the run is about, "" where it asked for something that is none."""
    source = context["ti"].xcom_pull(task_ids="find_source")
    if source:
        return str(source["day"])
    run, asked = context["dag_run"], context["params"]["day"]
    with suppress(LandfallError):
        day = run_identity.day_of_run(
            asked=asked,
            logical_date=run.logical_date,
            run_after=run.run_after,
            run_type=str(run.run_type.value),
            time_zone=contract.time_zone,
        )
        return day.isoformat()
    return ""


def tell(notice: Notice, channels: Iterable[str]) -> None:
    """Sends the notice by every channel: one that fails keeps it from no other. Raises NotTold if all of them failed."""
    ways = [channel(text) for text in channels]
    reached = [way for way in ways if _sent(notice, way)]
    if ways and not reached:
        raise NotTold(
            f"{notice.subject}: nobody was told; see above why, and look at Airflow's connections: {', '.join(_name(way) for way in ways)}"
        )


def _sent(notice: Notice, way: Channel) -> bool:
    try:
        with effect(Effect.NOTIFY, event=notice.event, customer=notice.customer, day=notice.day, channel=_name(way)):
            SENDERS[way.kind](notice, way).notify({})
    except Exception as error:  # noqa: BLE001 - of whatever library; it may name an address that is a secret
        why = f": {error}" if isinstance(error, (AirflowException, ValueError)) else ""
        log.error("%s was not told by %s: %s%s", notice.subject, _name(way), type(error).__name__, why)
        return False
    return True


def _name(way: Channel) -> str:
    return f"{way.kind} ({way.connection})"


def _mail(notice: Notice, way: Channel) -> BaseNotifier:
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    body = f"<pre>{html.escape(notice.text)}</pre>"
    return SmtpNotifier(to=way.address, subject=notice.subject, html_content=body, smtp_conn_id=way.connection)


def _webhook(notice: Notice, way: Channel) -> BaseNotifier:
    from airflow.providers.http.notifications.http import HttpNotifier

    return HttpNotifier(http_conn_id=way.connection, json=asdict(notice), extra_options={"timeout": SECONDS})


def _slack(notice: Notice, way: Channel) -> BaseNotifier:
    from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier

    return SlackWebhookNotifier(slack_webhook_conn_id=way.connection, text=notice.text, timeout=SECONDS)


SENDERS: dict[str, Callable[[Notice, Channel], Any]] = {MAIL: _mail, WEBHOOK: _webhook, SLACK: _slack}
