"""How things look in a terminal: progress on stderr, results on stdout, tables by rich."""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from include.receipts import Conservation, Landing
from include.runs.run import TaskChange, Waiting

if TYPE_CHECKING:  # they bring DuckDB, for which `--help` need not wait
    from include.answers.questions import Answer
    from include.maintenance.forget import Forgotten
    from include.maintenance.repair import Repair
    from include.query.describe import Described
    from include.query.quarantine import Reason
    from include.query.replay import Judgement
    from include.query.trace import Explanation
    from include.runs.backfill import DayRun

AGAIN_SECONDS = 60
WIDE = 10_000  # a file or a pipe has no width: never fold or cut there

# What a terminal acts on instead of showing it: control characters but for the end of a line, what turns the direction of writing (a name
# would read as another), and halves of characters, which names of files can have.
ACTED_ON = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """The text with whatever a terminal would act on spelled out, such as `\\x1b`: it may come from a record, a file's name, a contract."""
    return ACTED_ON.sub(lambda found: rf"\x{ord(found[0]):02x}" if found[0] <= "\xff" else rf"\u{ord(found[0]):04x}", text)


def escaped_json(document: bytes) -> bytes:
    """A JSON document that a terminal may show: JSON escapes only some of what a terminal acts on, and only within strings."""
    return ACTED_ON.sub(lambda found: rf"\u{ord(found[0]):04x}", document.decode()).encode()


class Terminal(Console):
    """A console that shows texts as they are instead of letting them act, and makes no emoji of `:bug:`.

    Rich asks `render_str` for every string, cells and titles too, before it measures them; `render` is the net for what comes as `Text`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(visible(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))


err = Terminal(stderr=True, width=None if sys.stderr.isatty() else WIDE)
out = Terminal(width=None if sys.stdout.isatty() else WIDE)

MARKS = {
    "success": "[green]✓[/]",
    "failed": "[red]✗[/]",
    "up_for_retry": "[yellow]↻[/]",
    "skipped": "[dim]–[/]",
    "upstream_failed": "[dim]–[/]",
}
FEW = ["customer", "day", "in force", "published", "landed", "quarantined", "committed (UTC)"]  # of a landing, for 80 columns
READABLE = 12  # letters, so that a table's cells can be read when they are folded
FIGURES = ("published", "landed", "duplicates", "quarantined", "forgotten", "test")


def progress(message: str) -> None:
    err.print(f"[dim]{escape(message)}[/]")


def error(message: str) -> None:
    err.print(f"[red]landfall:[/] {escape(message)}", soft_wrap=True)


@contextmanager
def status(doing: str) -> Iterator[Callable[[str], None]]:
    """A spinner while something takes its time; what is reported meanwhile stays as lines."""
    with err.status(doing):
        yield progress


def tasks(changes: Iterable[TaskChange | Waiting]) -> dict[str, str]:
    """A line for each task as it ends, the one that runs beside the spinner; what the run waits for, at once and every minute.

    Returns the reason that was shown for each task that failed. Of a task that fails at every try for the same reason, a broker that is
    away, the reason is shown once.
    """
    reasons: dict[str, str] = {}
    waits = Waits()
    with err.status("waiting for Airflow") as spinner:
        for change in changes:
            if isinstance(change, Waiting):
                spinner.update(f"waits: {escape(change.reason)}")
                waits.show(change)
            elif change.state in MARKS:
                err.print(_task(change, is_known=_same(change.reason, reasons.get(change.task))), soft_wrap=True)
                reasons |= {change.task: change.reason} if change.reason else {}
            else:
                spinner.update(escape(f"{change.task}: {change.state}"))
    return reasons


@dataclass
class Waits:
    """What has been shown of waiting: each reason is shown at once, and again after a minute of it."""

    shown: dict[str, float] = field(default_factory=dict)

    def show(self, waiting: Waiting) -> None:
        before = self.shown.get(waiting.reason)
        if before is not None and before <= waiting.seconds < before + AGAIN_SECONDS:
            return
        self.shown[waiting.reason] = waiting.seconds
        after = "" if waiting.seconds < AGAIN_SECONDS else f" (for {waiting.seconds / 60:.0f} min)"
        err.print(f"  [yellow]…[/] waits{after}: {escape(waiting.reason)}", soft_wrap=True)


def _same(reason: str, before: str | None) -> bool:
    """Whether they differ in numbers at most, such as milliseconds."""
    return before is not None and re.sub(r"\d+", "", reason) == re.sub(r"\d+", "", before)


def _task(change: TaskChange, is_known: bool) -> str:
    seconds = f"{change.seconds:6.1f} s" if change.seconds is not None and change.state != "skipped" else " " * 8
    reason = "the same reason" if is_known else escape(change.reason)
    note = {
        "skipped": "skipped",
        "upstream_failed": "not run",
        "failed": f"failed: {reason}",
        "up_for_retry": f"try {change.try_number} failed, will be tried again: {reason}",
    }.get(change.state, "")
    return f"  {MARKS[change.state]} {change.task:<12} {seconds}  {note}".rstrip()


def failure(receipt: dict[str, Any], shown: dict[str, str]) -> None:
    """Which task of a run failed and why; not why, where that has just been shown."""
    task, reason = receipt.get("failed_task", "the run"), receipt.get("reason", receipt["state"])
    why = " for the reason above" if _same(reason, shown.get(task)) else f": {reason}"
    error(f"{receipt['customer']} {receipt['day']}: {task} failed{why}")


def receipt(given: dict[str, Any]) -> None:
    """The receipt of a run, as a person reads it; of one that failed `failure` has said what there is."""
    who = f"{given['customer']} {given['day']}"
    if given["state"] != "success":
        return
    if given["landed"] is None or not given["tables"]:
        out.print(f"{who}: no files, nothing to land (the contract says to skip such a day)")
        return
    told = "was already landed from the same bytes by run" if given["already_landed"] else "landed by run"
    out.print(f"[bold]{escape(who)}[/] {told} {escape(given['run_id'])}")
    figures = _grid("", "")
    for key in FIGURES:
        figures.add_row(key, f"{given[key] or 0:,}")
    figures.add_row("source", escape(", ".join(given["source"])))
    figures.add_row("bytes, sha256", f"{given['bytes']:,}, {given['sha256']}")
    _print(figures)
    conservation(given["conservation"])
    table(["table", "rows"], [[name, f"{count:,}"] for name, count in given["tables"].items()], numeric=[False, True])
    if given["unknown_fields"]:
        told = ", ".join(path if path == "..." else f"{path} {count:,}" for path, count in given["unknown_fields"].items())
        out.print(f"fields that the schema does not know: {escape(told)}")
    out.print("seconds: " + ", ".join(f"{task} {seconds}" for task, seconds in given["seconds"].items()))
    for warning in given["warnings"]:
        out.print(f"[yellow]warning:[/] {escape(warning)}")
    if given["report"]:
        out.print(f"report: {escape(given['report'])}", soft_wrap=True)


def backfill(standings: "Iterable[list[DayRun]]", waiting: "Callable[[list[DayRun]], list[Waiting]]") -> None:
    """A bar over the days, and a line for each as it ends; `waiting` says what those wait for that do not go on."""
    told: set[str] = set()
    waits = Waits()
    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=err) as bar:
        task = bar.add_task("days")
        for days in standings:
            for day in days:
                if day.over and day.day not in told:
                    told.add(day.day)
                    bar.print(f"  {MARKS[day.state]} {day.day}")
            running = ", ".join(day.day for day in days if day.state == "running")
            bar.update(task, total=len(days), completed=len(told), description=running or "waiting for Airflow")
            for each in waiting(days):
                waits.show(each)


def table(columns: list[str], rows: list[Any], title: str | None = None, numeric: Sequence[bool] = (), apart: int = 2) -> None:
    """Rows under their columns, numbers to the right; `apart` is how many blanks are between columns."""
    if title:
        out.print(f"[bold]{escape(title)}[/]", soft_wrap=True)
    grid = _grid(*map(cell, columns), apart=apart)
    for column, right in zip(grid.columns, numeric, strict=False):
        column.justify = "right" if right else "left"
    for row in rows:
        grid.add_row(*map(cell, row))
    _print(grid)
    out.print()


def records(columns: list[str], rows: list[list[Any]], numeric: Sequence[bool]) -> None:
    """As a table; where its columns would get too narrow to be read, each row as a list of its own."""
    widths = [max(len(str(value)) for value in (name, *column)) for name, *column in zip(columns, *rows, strict=True)]
    if sum(min(width, READABLE) + 2 for width in widths) <= out.width:
        table(columns, rows, numeric=numeric)
        return
    for number, row in enumerate(rows, start=1):
        out.print(f"[bold]row {number}[/]")
        lines = _grid("", "")
        for name, value in zip(columns, row, strict=True):
            lines.add_row(cell(name), cell(value))
        _print(lines)
        out.print()


def landings(found: list[Landing], wide: bool = False) -> None:
    """A line for each landing; all that is known of it only if there is room, or nobody looks."""
    if not found:
        progress("nothing has landed yet. Begin with: ./landfall demo")
        return
    in_force: set[tuple[str, str]] = set()
    rows = []
    for each in found:
        key = (each.customer, each.day)
        rows.append(_row_of(each, key not in in_force))
        in_force.add(key)
    chosen = list(rows[0]) if wide else FEW
    numeric = [isinstance(rows[0][name], int) for name in chosen]
    grid = _grid(*chosen)
    for column, right in zip(grid.columns, numeric, strict=True):
        column.justify = "right" if right else "left"
        column.no_wrap = wide or column.header in ("day", "committed (UTC)")
    for row in rows:
        grid.add_row(*(f"{row[name]:,}" if isinstance(row[name], int) else cell(row[name]) for name in chosen))
    _print(grid, Terminal(width=WIDE) if wide else None)
    out.print()


def _row_of(landing: Landing, in_force: bool) -> dict[str, Any]:
    return {
        "customer": landing.customer,
        "day": landing.day,
        "in force": "yes" if in_force else "no",
        "published": landing.published,
        "landed": landing.landed,
        "duplicates": landing.duplicates,
        "quarantined": landing.quarantined,
        "forgotten": landing.forgotten,
        "content hash": landing.content_hash,
        "committed (UTC)": landing.committed_at[:16].replace("T", " "),
        "run": landing.run_id,
    }


def described(found: "list[Described]") -> None:
    """A line for each table, customer by customer."""
    if not found:
        progress("nothing has landed yet. Begin with: ./landfall demo")
    for customer in dict.fromkeys(each.customer for each in found):
        mine = [each for each in found if each.customer == customer]
        rows = [[f"{each.name} (view)" if each.kind == "view" else each.name, f"{each.rows:,}", each.description] for each in mine]
        table(["table", "rows", "description"], rows, title=customer, numeric=[False, True, False])


def columns(found: "list[Described]") -> None:
    """What the columns of each table mean."""
    for each in found:
        out.print(f"[bold]{escape(each.customer)} {each.name}[/], {each.rows:,} rows. {escape(each.description or '')}", soft_wrap=True)
        table(["column", "type", "description"], [[column.name, column.type, column.description] for column in each.columns])


def explanation(found: "Explanation") -> None:
    """The way of each record, one under the other."""
    for way in found.ways:
        out.print(f"[bold]record {way.record}[/] of {escape(found.customer)} {found.day}: {cell(way.said)}")
        place = f"{way.place.uri}, bytes {way.place.begin:,} to {way.place.end:,}" if way.place else f"not to be shown: {found.no_place}"
        lines = _grid("", "")
        lines.add_row("source", cell(place))
        offset = f"{way.topic}, partition {way.partition}, offset {way.offset}, taken {way.timestamp:%Y-%m-%d %H:%M:%S} UTC"
        lines.add_row("Kafka", cell(offset if way.in_kafka == "there" else f"{offset}; {way.in_kafka}"))
        lines.add_row("keen_id", "none that can be read" if way.keen_id is None else cell(way.keen_id))
        lines.add_row("hash", str(way.hash))
        lines.add_row("rows", ", ".join(f"{table} {len(rows):,}" for table, rows in way.rows.items()))
        _print(lines)


def quarantine(found: "list[Reason]", customer: str, what: str, of_run: bool = False) -> None:
    """Reasons with their examples. Without any, and not `of_run`, where the unreadable records of a run that failed are."""
    if not found:
        where = f"{customer} {what}"
        out.print(f"{escape(where)}: nothing is in quarantine{'' if of_run else ' of the landings that readers see'}")
        if not of_run:
            progress(f"what a run that failed could not read: ./landfall quarantine --customer {customer} --run RUN")
        return
    for reason in found:
        days = f"{reason.days[0]}" if len(reason.days) == 1 else f"{len(reason.days)} days from {reason.days[0]} to {reason.days[-1]}"
        out.print(f"[bold]{escape(reason.reason)}[/]: {reason.records:,} records, {days}")
        for each in reason.examples:
            out.print(f"  {each.day} record {each.record}: {cell(each.detail or '')}")
            out.print(f"    {cell(each.value)}", style="dim")


def judgement(found: "Judgement", where: str) -> None:
    """What landing a day again would bring."""
    out.print(f"{escape(where)}: {found.passing:,} of {found.quarantined:,} quarantined records would pass now")
    for reason, records in sorted(found.reasons.items(), key=lambda item: -item[1]):
        out.print(f"  still {escape(reason)}: {records:,}")


def forgotten(done: "Forgotten") -> None:
    """What was removed, and what still holds the attempt."""
    out.print(f"[bold]{escape(done.customer)}[/]: forgotten, as {escape(done.asked_by)} asked at {done.asked_at}")
    lines = _grid("", "")
    lines.add_row("tombstone", done.tombstone)
    lines.add_row("records", ", ".join(f"{day} {number:,}" for day, number in done.days.items()) or "none that readers saw")
    lines.add_row("rows removed", ", ".join(f"{table} {number:,}" for table, number in done.rows.items()) or "none")
    lines.add_row("landings", escape(", ".join(done.landings) or "none held it"))
    lines.add_row("files deleted", f"{done.files_deleted:,}")
    lines.add_row("answers made anew", escape(", ".join(done.answers) or "none"))
    lines.add_row("Kafka", escape(f"{done.topic}, until {done.kafka_until or 'its records have aged out'} at the latest"))
    lines.add_row("source files", escape(", ".join(done.sources) or "none known"))
    _print(lines)
    for day, records in done.mentioned.items():
        out.print(
            f"[yellow]warning:[/] {day}: records {', '.join(map(str, records))} are in quarantine without a keen_id and hold this text"
        )
    for note in done.notes:
        out.print(f"[dim]{escape(note)}[/]")


def repair(found: "Repair") -> None:
    """What is wrong with a lake, and what was done or would be."""
    if not found.wrong and not found.missing:
        out.print(
            f"{escape(found.customer)}: nothing is wrong. Every table has the {found.files:,} files of {len(found.days)} days in force."
        )
        return
    for sentence in (*found.wrong, *found.missing):
        out.print(f"[red]{escape(sentence)}[/]", soft_wrap=True)
    what = f"the tables of {len(found.days)} days from {found.files:,} files with {found.rows:,} rows"
    if found.landing:
        out.print(f"{escape(found.customer)}: rebuilt {what}, as landing {escape(found.landing)}. Every day can be read again.")
    elif found.missing:
        out.print(f"{escape(found.customer)}: cannot be repaired before these files are there again. Nothing was changed.")
    else:
        out.print(f"{escape(found.customer)}: --yes would rebuild {what}. Nothing was changed.")


def _print(grid: Table, terminal: Console | None = None) -> None:
    """Without the blanks that fill a table's last column."""
    terminal = terminal or out
    with terminal.capture() as captured:
        terminal.print(grid)
    sys.stdout.write("\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n")


def conservation(given: Conservation) -> None:
    """Source, topic, Spark and HDFS side by side: the same records, or nothing lands. Nothing for a landing of an earlier version."""
    if not given:
        return
    keys = ("records", "content_hash", "landed", "duplicates", "quarantined", "forgotten")
    cells = [[given[place].get(key, "") for place in given] for key in keys]
    shown = [[f"{cell:,}" if isinstance(cell, int) else cell for cell in row] for row in cells]
    rows = [[key.replace("_", " "), *row] for key, row in zip(keys, shown, strict=True)]
    table(["counted by", *given], rows, numeric=[False, *(True for _ in given)], apart=1)  # of hashes, 80 columns hold four


def override(landing: Landing) -> None:
    """Who landed the day although it broke limits, and why; nothing for a landing that kept them."""
    if landing.override:
        out.print(f"[yellow]warning:[/] {escape(landing.override.sentence)}", soft_wrap=True)


def addresses(given: dict[str, str]) -> None:
    grid = _grid("", "")
    for name, address in given.items():
        grid.add_row(name, escape(address))
    _print(grid)


def answers(found: "list[Answer]") -> None:
    """Every answer as a table, with what it counts."""
    for answer in found:
        table(answer.columns, answer.shown, title=f"{answer.title} ({answer.unit})", numeric=answer.numeric)
        for note in answer.notes:
            out.print(f"[dim]{escape(note)}[/]", soft_wrap=True)


def cell(value: object) -> str:
    """A value for one cell of a table: on one line, as it is. Null in italics, so that it is not taken for a text."""
    return "[dim italic]null[/]" if value is None else escape(str(value).replace("\n", "\\n"))


def _grid(*columns: str, apart: int = 2) -> Table:
    grid = Table(
        show_header=any(columns),
        box=box.SIMPLE_HEAD if any(columns) else None,
        show_edge=False,
        pad_edge=False,
        padding=(0, apart - 1, 0, 0) if any(columns) else (0, 2, 0, 0),  # the box has a blank of its own
    )
    for column in columns:
        grid.add_column(column, overflow="fold")
    return grid
