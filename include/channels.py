"""How people are told: what a contract's `notify` and `expected_by` may say.

A channel is a text: `mail:ADDRESS`, `webhook` or `slack`, the last two also with the id of a connection of Airflow after a colon. Servers,
tokens and passwords are in those connections, never in a contract.
"""

import re
from dataclasses import dataclass
from datetime import time

MAIL, WEBHOOK, SLACK = "mail", "webhook", "slack"
CONNECTIONS = {MAIL: "smtp_default", WEBHOOK: "landfall_webhook", SLACK: "slack_default"}
ADDRESS = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+")
CONNECTION = re.compile(r"[A-Za-z0-9_.-]+")
EXPECTED_BY = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?:\+([1-9]\d?))?")


@dataclass(frozen=True)
class Channel:
    """`address` is whose mail; empty for the others. `connection` is the id of Airflow's connection."""

    kind: str
    connection: str
    address: str = ""


def channel(text: str) -> Channel:
    """What `mail:oncall@example.com`, `webhook`, `webhook:CONNECTION`, `slack` or `slack:CONNECTION` says. Raises ValueError."""
    kind, colon, rest = text.partition(":")
    if kind not in CONNECTIONS:
        raise ValueError("is no channel: expected mail:ADDRESS, webhook, webhook:CONNECTION, slack or slack:CONNECTION")
    if kind == MAIL:
        if not ADDRESS.fullmatch(rest):
            raise ValueError("is no mail address: expected one, such as mail:oncall@example.com")
        return Channel(kind, CONNECTIONS[kind], rest)
    if colon and not CONNECTION.fullmatch(rest):
        raise ValueError(f"names no connection of Airflow: expected its id after the colon, such as {kind}:{CONNECTIONS[kind]}; no address")
    return Channel(kind, rest or CONNECTIONS[kind])


def checked_channel(text: str) -> str:
    """The text itself. Raises ValueError where it is no channel."""
    channel(text)
    return text


def checked_expected_by(given: object) -> object:
    """The text itself, which may be empty. Raises ValueError where it is no time of a day."""
    if isinstance(given, int):
        raise ValueError('is read as a number by YAML: put the time into quotes, such as "16:30"')
    if isinstance(given, str) and given and not EXPECTED_BY.fullmatch(given):
        raise ValueError('is no time: expected one of the day after, such as "06:30", or so many days later, such as "06:30+2"')
    return given


def expected_by(text: str) -> tuple[int, time]:
    """How many days after the day itself, 1 for the next one, and the time of that day, in the contract's time zone."""
    match = EXPECTED_BY.fullmatch(text)
    if match is None:
        raise ValueError(f"expected HH:MM or HH:MM+DAYS, found {text!r}")
    hour, minute, more = match.groups()
    return 1 + int(more or 0), time(int(hour), int(minute))
