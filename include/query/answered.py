"""The answers to questions of a span of days, one after the other: what the exports to other programs are made of (`irw.py`, `xapi.py`).

Attempts at test exams are left out, as the project's own answers leave them out. With a session that is asked `once`, so are attempts that
had come on an earlier day, byte for byte: exports of two spans side by side have no answer twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from include.lake.aggregates import timed_questions
from include.query.session import Session

DAYS = """
    select distinct day from assessments
    where day between coalesce($first::date, '0001-01-01') and coalesce($last::date, '9999-12-31') order by day"""
# One day at a time: the files of others stay closed, and to put a day into order takes no more memory than a day.
ANSWERS = f"""
    with scored_questions as (
        select keen_id, hash, position, base_exam_id, exam_name, question_id, user_result, started_at, keen_timestamp
        from (select day, keen_id, hash, position, question_id, user_result from questions where day = $day) join (
            select day, keen_id, hash, base_exam_id, exam_name, started_at, keen_timestamp from assessments
            where day = $day and not is_test and ($exam::varchar is null or exam_name = $exam)) using (day, keen_id, hash)),
    timed as ({timed_questions("(from options where day = $day)")})
    select keen_id, hash, position, base_exam_id, exam_name, question_id, user_result, started_at, keen_timestamp,
        case when disordered then null else touched end as touched, case when micros >= 0 then micros end as micros, {{options}} as options
    from timed {{join}} order by keen_id, hash, position"""
JOIN = """left join (
        select keen_id, hash, question_position as position,
            list({'id': option_id, 'checked': checked, 'correct': correct} order by position) as options
        from options where day = $day group by all) using (keen_id, hash, position)"""


@dataclass(frozen=True, slots=True)
class Answered:
    """One question of an attempt, and how it was answered.

    `touched` is the last touch of an option, and `micros` the microseconds from the touch of the question before it by the clock, or from
    `started_at`, as in `item_times`; both are None where no option was touched, or before `started_at`. `options` are (id, checked,
    correct) as delivered, in their order; empty if they were not asked for.
    """

    keen_id: str
    hash: int
    position: int
    base_exam_id: str | None
    exam_name: str | None
    question_id: str | None
    user_result: str | None
    started_at: datetime | None
    keen_timestamp: datetime | None
    touched: datetime | None
    micros: int | None
    options: list[dict[str, Any]]

    @property
    def attempt(self) -> str:
        """The attempt's version: two have one `keen_id` where their bytes differ."""
        return f"{self.keen_id}/{self.hash}"

    @property
    def seconds(self) -> str | None:
        """The time as a decimal, such as 12.345, to the microsecond and without zeros at its end."""
        return None if self.micros is None else f"{(Decimal(self.micros) / 1_000_000).normalize():f}"


def answered(
    session: Session, first: str | None = None, last: str | None = None, exam: str | None = None, options: bool = False
) -> Iterator[Answered]:
    """By day, attempt and position; None is no bound, and all exams. Only some rows are in memory at a time."""
    sql = ANSWERS.format(options="coalesce(options, [])" if options else "[]", join=JOIN if options else "")
    days: list[date] = [row[0] for row in session.ask(DAYS, {"first": first, "last": last}).rows]
    for day in days:
        for row in session.each(sql, {"day": day, "exam": exam}):
            yield Answered(*row)
