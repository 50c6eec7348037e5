"""The business questions: one SQL file each in `answers/`, asked of the landed tables at one moment, as JSON and as a page.

A question's file begins with comment lines: `-- title:`, `-- unit:`, `-- meaning:`, any number of `-- note:` (what was left out and why;
may name counts as {test}, see `COUNTS`) and `-- percent:` (columns of shares that the page shows as percent). Its parameter `$day` is a
day, or null for all days.
"""

import re
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import jinja2
import msgspec

from include import receipts
from include.asking import Session
from include.hdfs import make_directory, write_file
from include.lake import Lake
from include.receipts import Landing

FOLDER = Path(__file__).with_name("answers")
HEADER = re.compile(r"^-- (title|unit|meaning|note|percent): (.+)$", re.MULTILINE)
COUNTS = """
    select
        coalesce(sum(attempts) filter (is_test), 0) as test,
        coalesce(sum(copies) filter (is_test), 0) as test_published,
        coalesce(sum(attempts) filter (not is_test and correct is null), 0) as unscored,
        coalesce(sum(copies) filter (not is_test and correct is null), 0) as unscored_published
    from exam_scores where $day::date is null or day = $day::date"""
NUMBERS = re.compile(r".*INT|DOUBLE|FLOAT|DECIMAL.*")


@dataclass(frozen=True)
class Question:
    """What is asked, and how the answer is to be read. `percent` names columns of shares."""

    name: str
    title: str
    unit: str
    meaning: str
    notes: tuple[str, ...]
    percent: tuple[str, ...]
    sql: str


@dataclass(frozen=True)
class Answer:
    """Rows under their columns, with what they mean and what they leave out."""

    name: str
    title: str
    unit: str
    meaning: str
    columns: list[str]
    rows: list[list[Any]]
    notes: tuple[str, ...]
    percent: tuple[str, ...]
    numeric: tuple[bool, ...]


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
        notes=tuple(told.get("note", [])),
        percent=tuple(" ".join(told.get("percent", [])).split()),
        sql=sql,
    )


def answers(lake: Lake, day: str | None = None) -> list[Answer]:
    """Every question's answer for one day, or for all, as of the newest landing. Raises NotAnswered if nothing has landed."""
    with Session(lake) as session:
        return _answers(session, day)


def write(lake: Lake, landing: Landing) -> dict[str, str]:
    """Answers for the landing's day, written to the lake's `answers/`, in place of those written before: kind (json, html) to path."""
    folder = f"{lake.path}/answers"
    with Session(lake) as session:
        found = _answers(session, landing.day)
        as_of = session.state.landing
    contents = {"json": as_json(found, landing.day, as_of, landing), "html": as_html(found, landing.day, as_of, landing)}
    make_directory(lake.fs, folder)
    paths = {kind: f"{folder}/{landing.day}.{kind}" for kind in contents}
    for kind, path in paths.items():
        write_file(lake.fs, path, contents[kind])
    return paths


def as_json(found: list[Answer], day: str | None, as_of: Landing, receipt: Landing | None = None) -> bytes:
    """One JSON document: customer, day (null for all), the landing readers see, the day's receipt, and the answers."""
    document = {
        "customer": as_of.customer,
        "day": day,
        "as_of": {"landing": as_of.landing, "committed_at": as_of.committed_at},
        "receipt": receipts.plain(receipt) if receipt else None,
        "answers": [asdict(answer) for answer in found],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def as_html(found: list[Answer], day: str | None, as_of: Landing, receipt: Landing | None = None) -> bytes:
    """One page that needs nothing else: no script, no network."""
    page = _page().render(
        customer=as_of.customer, day=day, as_of=as_of, receipt=receipts.plain(receipt) if receipt else None, answers=found
    )
    return page.encode()


def _answers(session: Session, day: str | None) -> list[Answer]:
    parameters = {"day": day}
    asked = session.ask(COUNTS, parameters)
    counts = {name: cell(value) for name, value in zip(asked.columns, asked.rows[0], strict=True)}
    return [_answer(session, question, parameters, counts) for question in questions()]


def _answer(session: Session, question: Question, parameters: dict[str, Any], counts: dict[str, str]) -> Answer:
    result = session.ask(question.sql, parameters)
    return Answer(
        name=question.name,
        title=question.title,
        unit=question.unit,
        meaning=question.meaning,
        columns=result.columns,
        rows=result.rows,
        notes=tuple(note.format(**counts) for note in question.notes),
        percent=question.percent,
        numeric=tuple(bool(NUMBERS.fullmatch(kind)) for kind in result.types),
    )


def _page() -> jinja2.Template:
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(FOLDER), autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters |= {"cell": cell, "moment": _moment}
    return environment.get_template("page.html")


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
    return f"{value:,.4g}" if isinstance(value, (float, Decimal)) else str(value)


def _moment(iso: str) -> str:
    return f"{datetime.fromisoformat(iso):%Y-%m-%d %H:%M:%S} UTC"
