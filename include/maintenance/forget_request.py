"""Forgetting as a run of Airflow is asked for it, by the DAG `forget_attempt`.

Airflow keeps for ever what a run was given (its conf, and the audit log of who started it with what) and what its tasks returned. So the id
is in none of these: it comes by an Airflow Variable, which the run removes, and what is returned are counts.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.contracts import TopicSpec
from include.errors import Refused
from include.lake import tombstones
from include.lake.lake import Lake

if TYPE_CHECKING:
    from include.maintenance.forget import Forgotten

VARIABLE = "landfall_forget_secret_"
"""Begins the name of a customer's Variable. `secret` in it has Airflow show `***` in place of the value, also in audit logs before 3.3."""

MASKED = 5
"""Airflow masks values of so many characters and more, by default (`min_length_masked_secret`)."""


@dataclass(frozen=True)
class Counts:
    """What was forgotten, or in a dry run what readers see of the attempt; the fields are those of `Forgotten`, counted.

    What only a forgetting knows is None in a dry run. `kafka_until` is a moment (ISO 8601), None also where Kafka holds nothing.
    """

    customer: str
    dry_run: bool
    days: int
    records: int
    mentioned: int
    rows: dict[str, int] | None = None
    landings: int | None = None
    files_deleted: int | None = None
    sources: int | None = None
    kafka_until: str | None = None


def variable_of(customer: str) -> str:
    """The Variable that holds the id while a request of this customer's is open."""
    return f"{VARIABLE}{customer}"


def id_of(customer: str, value: str | None) -> str:
    """The id that the Variable holds, without the line's end that a form may add. Raises Refused where there is none."""
    keen_id = (value or "").strip("\r\n")
    if not keen_id:
        raise Refused(
            f"{customer}: the Variable {variable_of(customer)} is not there, or is empty. Nothing was done. Put the keen_id into it "
            "(Admin, Variables), and clear this task."
        )
    if len(keen_id) < MASKED:
        raise Refused(
            f"{customer}: the id has fewer than {MASKED} characters, and Airflow masks none so short in logs. Nothing was done. Delete the "
            f"Variable {variable_of(customer)}, and use ./landfall forget."
        )
    return keen_id


def refuse_unconfirmed(customer: str, dry_run: bool, confirm: str | None) -> None:
    """Raises Refused unless nothing is to be changed, or the customer's name was typed once more."""
    if not dry_run and confirm != customer:
        raise Refused(
            f"{customer}: forgetting cannot be undone, and `confirm` is not this customer's name. Nothing was done. Start another "
            "run with it."
        )


def refuse_id_in_run(keen_id: str, run_id: str, conf: Mapping[str, Any] | None) -> None:
    """Raises Refused where the run itself holds the id; the message does not."""
    written = json.dumps(dict(conf or {}), ensure_ascii=False, default=str)
    if keen_id in run_id or json.dumps(keen_id, ensure_ascii=False)[1:-1] in written:
        raise Refused(
            "the conf or the name of this run holds the id to forget, and Airflow keeps both. Nothing was done. Delete this run "
            "and its entry in the audit log, and start another: the id goes into the Variable alone."
        )


def refuse_not_forgotten(lake: Lake, keen_id: str) -> None:
    """Raises Refused where the id has no tombstone: it is another one than the run has forgotten."""
    if not tombstones.is_buried(lake, keen_id):
        raise Refused(
            f"{lake.customer}: the id in {variable_of(lake.customer)} is not the one that was forgotten. It was kept. Start another run "
            "for it, or delete the Variable."
        )


def look(lake: Lake, keen_id: str) -> Counts:
    """What readers see of the attempt; changes nothing."""
    from include.maintenance.forget import find  # brings what draws charts

    found = find(lake, keen_id)
    return Counts(lake.customer, True, len(found.records), sum(found.records.values()), _numbers(found.mentioned))


def counts(done: "Forgotten") -> Counts:
    """How much was forgotten, without what it was."""
    return Counts(
        customer=done.customer, dry_run=False, days=len(done.days), records=sum(done.days.values()), mentioned=_numbers(done.mentioned),
        rows=done.rows, landings=len(done.landings), files_deleted=done.files_deleted, sources=len(done.sources),
        kafka_until=done.kafka_until,
    )  # fmt: skip


def still_holding(done: "Forgotten", topic: TopicSpec) -> list[str]:
    """What holds the attempt outside of the lake, in sentences for a log: days in place of the files' names."""
    days = sorted({landing[:10] for landing in done.landings} | set(done.days))
    mentioned = [f"{day}: quarantined records that have no keen_id mention the id: {numbers}" for day, numbers in done.mentioned.items()]
    until = f"until {done.kafka_until}" if done.kafka_until else "no record of it, or all for ever, by what the landings say"
    return [
        f"source files of: {', '.join(days) or 'no day'}",
        f"the topic {topic.name}: {until}",
        *mentioned,
        *done.notes,
    ]


def _numbers(mentioned: dict[str, list[int]]) -> int:
    return sum(map(len, mentioned.values()))
