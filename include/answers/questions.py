"""The business questions: one SQL file each in `answers/`, asked of the landed tables at one moment. `pages.py` makes pages of them.

A question's file begins with comment lines: `-- title:`, `-- unit:`, `-- meaning:`, `-- uses:` (which attempts, see `USES`), any number
of `-- note:`, `-- formula:` and `-- source:` (author, year), which are shown as notes, `-- percent:` (columns of shares that are shown as
percent), `-- chart:` (kind and columns, see `charts.KINDS`), `-- reads: every day` if it has to look at all days to tell about one, and
`-- then:` for what is computed of the query's rows (see `THEN`). Its parameters are `$from` and `$to`, the first and the last day, each
null for no bound, `$exam`, an exam's name or null, and `$min_n`, the contract's. A new question is a new file.

What several questions need is a file of `answers/parts/`: a query with the same parameters, whose rows the questions, and other parts, read
as a table of its name. It is asked once.
"""

import difflib
import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from include import contracts, receipts
from include.answers import rasch
from include.lake.lake import Lake
from include.query import export
from include.query.session import ALL, NUMBERS, SUMS, NotAnswered, Result, Session
from include.receipts import Landing
from include.schemas import TABLES, VIEWS

FOLDER = Path(__file__).parent
HEADER = re.compile(r"^-- (title|unit|meaning|uses|note|formula|source|percent|chart|reads|then): (.+)$", re.MULTILINE)
NOTES = {"note": "", "formula": "Formula: ", "source": "Source: "}
COMMENT = re.compile(r"^\s*--.*\n", re.MULTILINE)
COUNTS = """
    select
        coalesce(sum(scores.attempts), 0) as delivered,
        coalesce(sum(scores.copies), 0) as delivered_published,
        coalesce(sum(scores.attempts) filter (is_test), 0) as test,
        coalesce(sum(scores.copies) filter (is_test), 0) as test_published,
        coalesce(sum(scores.attempts) filter (not is_test and correct is null), 0) as unscored,
        coalesce(sum(scores.copies) filter (not is_test and correct is null), 0) as unscored_published,
        coalesce(sum(conflicts), 0) as delivered_conflicts,
        coalesce(sum(conflicts) filter (not is_test), 0) as conflicts,
        coalesce(sum(conflicts) filter (not is_test and correct is not null), 0) as scored_conflicts,
        any_value(every.attempts) - coalesce(sum(scores.attempts), 0) as repeats,
        any_value(every.copies) - coalesce(sum(scores.copies), 0) as repeats_published
    from (
        select coalesce(sum(attempts), 0) as attempts, coalesce(sum(copies), 0) as copies from all_exam_scores
        where day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
    ) as every
    left join (
        from exam_scores where day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
    ) as scores on true"""
REPEATS = "that had come, byte for byte, on an earlier day"
# What a question uses: its name in the file, and which counts are left out for which reason.
USES: dict[str, dict[str, str]] = {
    "all": {},
    "attempts": {"test": "at test exams"},
    "scored": {"test": "at test exams", "unscored": "without a score, because they came without usable counts"},
    "own": {},  # the answer itself says for each row how many it used
}
# What SQL cannot compute, of a query's rows and the contract's `min_n`.
THEN: dict[str, Callable[[Result, int], Result]] = {"rasch": rasch.answer}
CONFLICTS = {"all": "delivered_conflicts", "attempts": "conflicts", "scored": "scored_conflicts", "own": "conflicts"}
PARAMETER = re.compile(r"\$(from|to|exam|min_n)\b")


@dataclass(frozen=True)
class Question:
    """What is asked, and how the answer is to be read. `percent` names columns of shares.

    `tables` are those, and the views, that the query reads; `every_day` is whether it reads all their days, also when one is asked about.
    """

    name: str
    title: str
    unit: str
    meaning: str
    uses: str
    notes: tuple[str, ...]
    percent: tuple[str, ...]
    chart: tuple[str, ...]
    every_day: bool
    then: str | None
    sql: str
    parts: dict[str, str]

    @property
    def text(self) -> str:
        """All that is asked, with the parts."""
        return "\n".join((*self.parts.values(), self.sql))

    @property
    def tables(self) -> set[str]:
        return {table for table in (*TABLES, *VIEWS, *SUMS) if _reads(self.text, table)}


@dataclass(frozen=True)
class Counted:
    """Attempts as (distinct, published)."""

    distinct: int
    published: int


@dataclass(frozen=True)
class Used:
    """How many attempts an answer rests on, how many were left out for which reason, and how many of the used are conflicting versions.

    `each_day` is whether an attempt counts on every day that it came, over several days.
    """

    attempts: Counted
    left_out: dict[str, Counted]
    in_conflict: int
    each_day: bool = False

    def __str__(self) -> str:
        told = f"Used: {self._told(self.attempts)}."
        if self.left_out:
            told += " Left out: " + ", ".join(f"{self._told(count, why)} {why}" for why, count in self.left_out.items()) + "."
        return f"{told} In conflict (same keen_id, other bytes; each version counts): {self.in_conflict:,}."

    def _told(self, count: Counted, why: str = "") -> str:
        if why == REPEATS:
            return f"{count.distinct:,} repeats ({count.published:,} published)"
        what = "attempts, each on every day that it came" if self.each_day else "distinct attempts"
        return f"{count.distinct:,} {what} ({count.published:,} published)"


@dataclass(frozen=True)
class Answer:
    """Rows under their columns, with what they mean and what they leave out. `used` is None where the rows say it themselves."""

    name: str
    title: str
    unit: str
    meaning: str
    columns: list[str]
    rows: list[list[Any]]
    used: Used | None
    notes: tuple[str, ...]
    percent: tuple[str, ...]
    numeric: tuple[bool, ...]
    chart: tuple[str, ...]

    @property
    def shown(self) -> list[list[str]]:
        """The rows as a person reads them."""
        return [[self.cell(row, column) for column in self.columns] for row in self.rows]

    def cell(self, row: list[Any], column: str) -> str:
        """What one of the rows has in this column, as a person reads it."""
        return cell(row[self.columns.index(column)], column in self.percent)


@dataclass(frozen=True)
class Asked:
    """The days and the exam that are asked about; null is no bound, and the most common exam.

    With `once`, an attempt that came again on later days, byte for byte, counts on the first day that it came, and on no other; without, on
    every day that it came. By default several days leave such repeats out, and one day, which is about what came that day, does not.
    """

    first: str | None = None
    last: str | None = None
    exam: str | None = None
    once: bool | None = None

    @property
    def is_one_day(self) -> bool:
        return self.first is not None and self.first == self.last

    @property
    def leaves_repeats_out(self) -> bool:
        return not self.is_one_day if self.once is None else self.once

    @classmethod
    def day(cls, day: str | None) -> "Asked":
        """One day, or all."""
        return cls(day, day)

    def __str__(self) -> str:
        days = f"{self.first or 'the first day'} to {self.last or 'the last day'}"
        if self.first == self.last:
            days = self.first or "all days"
        if self.leaves_repeats_out is not self.is_one_day:
            return days
        return f"{days}, repeats {'left out' if self.is_one_day else 'counted'}"


def questions() -> list[Question]:
    """Those of `answers/`, in the order of their file names."""
    return [_question(path) for path in sorted(FOLDER.glob("*.sql"))]


def _question(path: Path) -> Question:
    sql = path.read_text(encoding="utf-8")
    told: dict[str, list[str]] = {}
    for key, text in HEADER.findall(sql):
        told.setdefault(key, []).append(text.strip())
    return Question(
        name=path.stem.split("_", 1)[1],
        title=told["title"][0],
        unit=told["unit"][0],
        meaning=told["meaning"][0],
        uses=told["uses"][0],
        notes=tuple(f"{lead}{text}" for key, lead in NOTES.items() for text in told.get(key, [])),
        percent=tuple(" ".join(told.get("percent", [])).split()),
        chart=tuple(" ".join(told.get("chart", [])).split()),
        every_day=told.get("reads") == ["every day"],
        then=told.get("then", [None])[0],
        # The tables that a query names are looked up, comments or not: a meaning that speaks of questions needs no table of them.
        sql=COMMENT.sub("", sql),
        parts=_parts_of(COMMENT.sub("", sql)),
    )


def _parts_of(sql: str) -> dict[str, str]:
    """The queries of `parts/` whose rows this query reads, each after those that it reads itself."""
    parts: dict[str, str] = {}
    for name, part in _parts().items():
        if _reads(sql, name):
            parts |= {**_parts_of(part), name: part}
    return parts


@functools.cache
def _parts() -> dict[str, str]:
    return {path.stem: COMMENT.sub("", path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("parts/*.sql"))}


@functools.lru_cache(20_000)  # the same questions are looked through several times in a landing
def _reads(sql: str, table: str) -> bool:
    return re.search(rf"\b(from|join)\s+({ALL})?{table}\b", sql) is not None


def answers(lake: Lake, asked: Asked | None = None) -> list[Answer]:
    """Every question's answer, as of the newest landing. Raises NotAnswered if nothing has landed, or for an exam that nobody took."""
    return answers_as_of(lake, asked or Asked())[0]


def answers_as_of(lake: Lake, asked: Asked) -> tuple[list[Answer], Landing]:
    """The same, with the landing that they are as of."""
    with Session(lake, once=asked.leaves_repeats_out) as session:
        return ask_all(session, asked, questions()), session.state.landing


def ask_all(session: Session, asked: Asked, among: Iterable[Question]) -> list[Answer]:
    """The answers to these questions, of a session that leaves repeats out if they do. Raises NotAnswered for an exam that nobody took."""
    parameters = {"from": asked.first, "to": asked.last, "exam": asked.exam, "min_n": contracts.min_n(session.lake.customer)}
    if asked.exam is not None:
        check_exam(session, asked.exam)
    counts = _ask(session, COUNTS, parameters)
    figures = dict(zip(counts.columns, counts.rows[0], strict=True))
    found, kept = [], set[str]()
    for question in among:
        for name in (name for name in question.parts if name not in kept):  # in their order
            session.keep(name, question.parts[name], _named(question.parts[name], parameters))
        kept |= question.parts.keys()
        found.append(_answer(session, question, parameters, _used(question.uses, figures, asked)))
    return found


def as_json(found: list[Answer], asked: Asked, as_of: Landing, receipt: Landing | None = None, **more: Any) -> bytes:
    """One JSON document: customer, what was asked (null for no bound), the landing readers see, the day's receipt, and the answers."""
    document = {
        "customer": as_of.customer,
        "from": asked.first,
        "to": asked.last,
        "exam": asked.exam,
        "once": asked.leaves_repeats_out,
        "as_of": {"landing": as_of.landing, "committed_at": as_of.committed_at},
        "receipt": receipts.plain(receipt) if receipt else None,
        **more,
        "answers": found,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def write_csv(found: list[Answer], folder: Path) -> list[Path]:
    """One CSV file per answer, with the columns as its first line; null is an empty field, and no text is a spreadsheet's formula."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:02}_{answer.name}.csv" for number, answer in enumerate(found, start=1)]
    for path, answer in zip(paths, found, strict=True):
        with path.open("w", encoding="utf-8", newline="") as file:
            export.write_csv(file, answer.columns, answer.rows)
    return paths


def check_exam(session: Session, exam: str) -> None:
    """Raises NotAnswered for an exam that nobody took, with the names that are like it."""
    names = [
        str(row[0]) for row in session.ask("select distinct exam_name from exam_scores where not is_test and exam_name is not null").rows
    ]
    if exam not in names:
        like = difflib.get_close_matches(exam, names, n=3, cutoff=0.4)
        meant = f" Did you mean {' or '.join(repr(name) for name in like)}?" if like else ""
        raise NotAnswered(f"{session.lake.customer}: no attempt at an exam {exam!r} has landed.{meant} attempts_per_exam lists them all.")


def _ask(session: Session, sql: str, parameters: dict[str, Any]) -> Result:
    return session.ask(sql, _named(sql, parameters))


def _named(sql: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """DuckDB refuses parameters that a query does not name."""
    names = set(PARAMETER.findall(sql))
    return {name: value for name, value in parameters.items() if name in names}


def _answer(session: Session, question: Question, parameters: dict[str, Any], used: Used | None) -> Answer:
    result = _ask(session, question.sql, parameters)
    if question.then:
        result = THEN[question.then](result, parameters["min_n"])
    return Answer(
        name=question.name,
        title=question.title,
        unit=question.unit,
        meaning=question.meaning,
        columns=result.columns,
        rows=result.rows,
        used=used,
        notes=(*([str(used)] if used else []), *question.notes),
        percent=question.percent,
        numeric=tuple(bool(NUMBERS.fullmatch(kind)) for kind in result.types),
        chart=question.chart,
    )


def _used(uses: str, figures: dict[str, int], asked: Asked) -> Used | None:
    """None where the answer itself says it."""
    if uses == "own":
        return None
    left_out = {why: Counted(figures[name], figures[f"{name}_published"]) for name, why in USES[uses].items()}
    attempts = Counted(
        figures["delivered"] - sum(each.distinct for each in left_out.values()),
        figures["delivered_published"] - sum(each.published for each in left_out.values()),
    )
    if asked.leaves_repeats_out:
        left_out = {REPEATS: Counted(figures["repeats"], figures["repeats_published"]), **left_out}
    return Used(attempts, left_out, figures[CONFLICTS[uses]], each_day=not asked.leaves_repeats_out and not asked.is_one_day)


def cell(value: Any, percent: bool = False) -> str:
    """As a person reads it: thousands apart, shares as percent, null said."""
    if value is None:
        return "null"
    if percent:
        return f"{100 * value:.2f} %"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return f"{value:,.4g}" if isinstance(value, (float, Decimal)) else str(value)
