"""What could not be read, by reason: the quarantine of the landings in force, with a few examples of each."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from include.asking import Session
from include.lake import Lake

EXAMPLES = 3
SHOWN_BYTES = 120

# `reason` is the group; of each group the first few records, with their bytes, which only raw_assessments has.
_EXAMPLES = f"""
    select quarantine.reason, quarantine.day, quarantine.record, quarantine.keen_id, quarantine.detail, raw_assessments.value
    from quarantine join raw_assessments
        on raw_assessments.day = quarantine.day and raw_assessments.partition = quarantine.partition
        and raw_assessments."offset" = quarantine."offset"
    where $day::date is null or quarantine.day = $day::date
    qualify row_number() over (partition by quarantine.reason order by quarantine.day, quarantine.record) <= {EXAMPLES}
    order by quarantine.day, quarantine.record"""
_REASONS = """
    select reason, count(*) as records, list(distinct day order by day) as days from quarantine
    where $day::date is null or day = $day::date group by reason order by records desc, reason"""


@dataclass(frozen=True)
class Example:
    """One quarantined record; `value` is the beginning of its bytes, what is not UTF-8 as U+FFFD."""

    day: date
    record: int
    keen_id: str | None
    detail: str | None
    value: str


@dataclass(frozen=True)
class Reason:
    """All records that were quarantined for one reason."""

    reason: str
    records: int
    days: list[date]
    examples: list[Example]


def quarantined(lake: Lake, day: str | None = None) -> list[Reason]:
    """The reasons of one day, or of all, the most frequent first. Raises NotAnswered if nothing has landed."""
    with Session(lake) as session:
        reasons = session.ask(_REASONS, {"day": day}).rows
        examples = session.ask(_EXAMPLES, {"day": day}).rows if reasons else []
    return [Reason(reason, records, days, [_example(row) for row in examples if row[0] == reason]) for reason, records, days in reasons]


def _example(row: list[Any]) -> Example:
    _, day, record, keen_id, detail, value = row
    return Example(day, record, keen_id, detail, bytes(value)[:SHOWN_BYTES].decode("utf-8", "replace"))
