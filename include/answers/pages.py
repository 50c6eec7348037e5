"""The report: what landed and the answers to the business questions, a page and a JSON document for each day and for all days together.

They lie in the lake's `answers/`: `<day>.html`, `<day>.json`, `all_days.html`, `all_days.json`. A page needs nothing but itself: charts are
SVG within it, style and script too, and without the script it lacks only the sorting and filtering of its tables. After each landing all
four are written, whole, in place of those before, so that whatever a killed try left is mended by the next one.

Answers for all days must not take longer with every day that lands. Past `FEW_DAYS` or `FEW_ATTEMPTS` they are those that the small
tables can give (`rollups.py`); the page names the questions that it leaves out, and the command that answers them.
"""

import functools
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import fsspec
import jinja2
import pyarrow as pa

from include import receipts
from include.answers import rollups
from include.answers.charts import INK, chart
from include.answers.headline import headlines, of_day
from include.answers.option_curves import option_curves
from include.answers.questions import FOLDER, REPEATS, Answer, Asked, Question, Used, as_json, ask_all, cell, questions
from include.answers.sections import section
from include.figures import PARTS, Place, shown
from include.lake.lake import Lake
from include.query.session import Session
from include.receipts import Landing
from include.storage.webhdfs import make_directory, write_file

ALL_DAYS = "all_days"  # the name of their page
# So many days, with so many attempts, are also asked what only the tables of attempts, questions and options can tell.
FEW_DAYS, FEW_ATTEMPTS = 100, 200_000
SUMS = shown(Place.DAYS)
LANDED_DAYS = f"""
    select day, {", ".join("coalesce(forgotten, 0) as forgotten" if name == "forgotten" else name for name in SUMS)},
        committed_at as committed
    from landings
    where day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
    qualify row_number() over (partition by landings.day order by committed_at desc) = 1
    order by day desc"""
NEIGHBOURS = """
    select max(day) filter (day < $day::date)::varchar, min(day) filter (day > $day::date)::varchar
    from landings"""


@dataclass(frozen=True)
class Neighbours:
    """Of one day: the landed days before and after it, and the headline figures of the one before."""

    previous: str | None = None
    next: str | None = None
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """What a page tells: of one landed day with its `receipt`, of others with the `days` that landed; `left_out` was not asked."""

    asked: Asked
    as_of: Landing
    receipt: Landing | None
    days: Answer
    answers: list[Answer]
    left_out: list[Question]
    neighbours: Neighbours

    @property
    def used(self) -> Used | None:
        """Of the attempts that the answers count: how many of them, and how many were left out; None if nothing was asked."""
        return next((answer.used for answer in self.answers if answer.name == "attempts"), None)

    @property
    def repeats(self) -> int | None:
        """How many landed attempts had come on an earlier day, None where they count."""
        counted = self.used.left_out.get(REPEATS) if self.used else None
        return counted.distinct if counted else None

    @property
    def command(self) -> str:
        """What answers the same questions with all their rows."""
        options = {"customer": self.as_of.customer, "from": self.asked.first, "to": self.asked.last, "exam": self.asked.exam}
        return " ".join(["./landfall answers", *(f"--{name} {shlex.quote(value)}" for name, value in options.items() if value)])

    @property
    def sums(self) -> dict[str, int]:
        """Of the landed days, without a figure that was not kept on each of them."""
        counts = {name: [row[self.days.columns.index(name)] for row in self.days.rows] for name in SUMS}
        return {name: sum(of_days) for name, of_days in counts.items() if None not in of_days}

    def html(self, linked: bool = False) -> bytes:
        """The page. `linked` if its neighbours, a page for each day and one for all, lie beside it."""
        receipt = receipts.plain(self.receipt) if self.receipt else None
        curves = {"options": option_curves(self.answers)}
        sections = [section(answer, curves.get(answer.name)) for answer in self.answers]
        calendar = None if receipt else chart(self.days)
        figures = {name: getattr(self.receipt, name) for name in shown(Place.DAY)} if self.receipt else {}
        page = _template().render(
            report=self, receipt=receipt, figures=figures, parts=PARTS, calendar=calendar, sections=sections, linked=linked, ink=INK,
            headlines=headlines(self.answers, self.neighbours.figures),
        )  # fmt: skip
        return page.encode()

    def json(self) -> bytes:
        """The same figures as one document."""
        days = [dict(zip(self.days.columns, row, strict=True)) for row in self.days.rows]
        left_out = [question.name for question in self.left_out]
        return as_json(self.answers, self.asked, self.as_of, self.receipt, days=days, left_out=left_out)


def report(lake: Lake, asked: Asked) -> Report:
    """Of any days, with every question answered however long that takes. Raises NotAnswered if nothing has landed."""
    with Session(lake, once=asked.leaves_repeats_out) as session:
        return _report(session, asked, questions())


def write(lake: Lake, landing: Landing, copies: Path | None = None) -> dict[str, str]:
    """The reports of the landing's day and of all days, and copies of the pages in `<copies>/<customer>/` of this machine.

    The last step of a landing, one at a time for a customer: what another run has landed meanwhile is left to that one's last step.

    Returns what was written: `json`, `html`, `all_days_json`, `all_days_html`, and with `copies` `copy` and `all_days_copy`.
    """
    day, of_all = _write(lake, [landing.day, None], copies, _is_rewritten)
    return {**day, **{f"{ALL_DAYS}_{kind}": path for kind, path in of_all.items()}}


def rewrite(lake: Lake, days: Iterable[str], copies: Path | None = None) -> list[str]:
    """The reports of these days, and that of all days, anew; returns the paths. Nothing for no days. At any time, beside landings too."""
    listed = list(days)
    return [path for paths in _write(lake, [*listed, None], copies, _is_older) for path in paths.values()] if listed else []


def _is_older(lake: Lake, newest: Landing) -> bool:
    """Whether something has landed since: its own last step may have written already, and what is written later took it back."""
    return lake.newest() != newest


def _is_rewritten(lake: Lake, newest: Landing) -> bool:
    """Whether a landing of then has been rewritten since, perhaps without an attempt that is to be forgotten."""
    if not _is_older(lake, newest):
        return False
    landings = lake.landings()
    since = [each.landing for each in landings].index(newest.landing) + 1
    return not {each.run_id for each in landings[:since]}.isdisjoint(each.run_id for each in landings[since:])


def _write(lake: Lake, days: list[str | None], copies: Path | None, is_stale: Callable[[Lake, Landing], bool]) -> list[dict[str, str]]:
    """None for all days. All as of one moment, and once more if that `is_stale` when all are written."""
    while True:
        with Session(lake) as session:
            gathered = rollups.gather(session)
            few = _are_few(_landed_days(session, Asked()))
            of_all = _of_all_days(session, gathered, few)  # before anything is written: a forgetting meanwhile would take its files away
            written = [_write_one(lake, day, _of_day(session, day, few) if day else of_all, copies) for day in days]
            if not is_stale(lake, session.state.landing):
                return written


def _of_day(session: Session, day: str, few: bool) -> Report:
    return _report(session, Asked(day, day, once=False), _affordable(day, few))


def _of_all_days(session: Session, gathered: Mapping[str, pa.Table], few: bool) -> Report:
    """Which attempts came on an earlier day already only the tables of attempts can tell: of many days all count."""
    if not few:
        return _report(session, Asked(once=False), _affordable(None, few))
    with Session(session.lake, session.state, once=True) as apart:
        rollups.give(apart, gathered)
        return _report(apart, Asked(), questions())


def _are_few(days: Answer) -> bool:
    """Whether all landed days cost about as much to look through as one large one."""
    attempts = sum(row[days.columns.index("landed")] for row in days.rows)
    return len(days.rows) == 1 or (len(days.rows) <= FEW_DAYS and attempts <= FEW_ATTEMPTS)


def _affordable(day: str | None, few: bool) -> list[Question]:
    """The questions that cost no more after years: about one day those that look at this day only, about all days the small tables'."""
    small = set(rollups.SMALL)
    return [each for each in questions() if few or each.tables <= small or (day and not each.every_day)]


def _report(session: Session, asked: Asked, among: list[Question]) -> Report:
    state = session.state
    one_day = asked.first if asked.first == asked.last else None
    return Report(
        asked=asked,
        as_of=state.landing,
        receipt=session.lake.in_force(one_day, state) if one_day else None,
        days=_landed_days(session, asked),
        answers=ask_all(session, asked, among),
        left_out=[question for question in questions() if question not in among],
        neighbours=_neighbours(session, asked) if asked.is_one_day else Neighbours(),
    )


def _neighbours(session: Session, asked: Asked) -> Neighbours:
    """The figures before are compared with only if both days are asked the same."""
    ((previous, following),) = session.ask(NEIGHBOURS, {"day": asked.first}).rows
    is_comparable = previous is not None and asked.exam is None and not asked.leaves_repeats_out
    return Neighbours(previous, following, of_day(session.lake, previous) if is_comparable else {})


def _landed_days(session: Session, asked: Asked) -> Answer:
    found = session.ask(LANDED_DAYS, {"from": asked.first, "to": asked.last})
    return Answer(
        name="landed_days", title="Landed days", unit="records", meaning="What each day's landing in force brought.",
        columns=found.columns, rows=found.rows, used=None, notes=(), percent=(),
        numeric=tuple(column in SUMS for column in found.columns), chart=("dates", "day", "landed"),
    )  # fmt: skip


def _write_one(lake: Lake, day: str | None, made: Report, copies: Path | None) -> dict[str, str]:
    folder, name = f"{lake.path}/answers", day or ALL_DAYS
    contents = {"json": made.json(), "html": made.html(linked=True)}
    make_directory(lake.fs, folder)
    paths = {kind: f"{folder}/{name}.{kind}" for kind in contents}
    for kind, path in paths.items():
        write_file(lake.fs, path, contents[kind])
    if copies is not None:
        paths["copy"] = str(copy_of(copies, lake.customer, day))
        here = fsspec.filesystem("file")
        make_directory(here, str(copies / lake.customer))
        write_file(here, paths["copy"], contents["html"])
    return paths


def copy_of(copies: Path, customer: str, day: str | None) -> Path:
    """Where the page of a day, or of all days, lies on this machine."""
    return copies / customer / f"{day or ALL_DAYS}.html"


# ---- the page


@functools.cache
def _template() -> jinja2.Template:
    """Compiled once in a process: that takes many times as long as one page does."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"cell": cell, "moment": _moment, "said": _said}
    return environment.get_template("page.html")


def _moment(iso: str) -> str:
    return f"{datetime.fromisoformat(iso):%Y-%m-%d %H:%M:%S} UTC"


def _said(name: str) -> str:
    """A name of the data as words."""
    return name.replace("_", " ")
