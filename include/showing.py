"""How things look in a terminal: progress on stderr, results on stdout, tables by rich."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from include.landing_run import TaskChange
from include.receipts import Conservation, Landing

if TYPE_CHECKING:  # they bring DuckDB, for which `--help` need not wait
    from include.answers import Answer
    from include.backfilling import DayRun
    from include.describing import Described
    from include.explaining import Explanation
    from include.forgetting import Forgotten
    from include.quarantined import Reason
    from include.repairing import Repair
    from include.replaying import Judgement

WIDE = 10_000  # a file or a pipe has no width: never fold or cut there

err = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else WIDE)
out = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)

MARKS = {
    "success": "[green]✓[/]",
    "failed": "[red]✗[/]",
    "up_for_retry": "[yellow]↻[/]",
    "skipped": "[dim]–[/]",
    "upstream_failed": "[dim]–[/]",
}
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


def tasks(changes: Iterable[TaskChange]) -> None:
    """A line for each task as it ends, the one that runs beside the spinner."""
    with err.status("waiting for Airflow") as spinner:
        for change in changes:
            if change.state in MARKS:
                err.print(_task(change), soft_wrap=True)
            else:
                spinner.update(f"{change.task}: {change.state}")


def _task(change: TaskChange) -> str:
    seconds = f"{change.seconds:6.1f} s" if change.seconds is not None and change.state != "skipped" else " " * 8
    what = {"failed": "failed: ", "up_for_retry": f"try {change.try_number} failed, will be tried again: "}.get(change.state, "")
    note = {"skipped": "skipped", "upstream_failed": "not run"}.get(change.state, f"{what}{escape(change.reason)}")
    return f"  {MARKS[change.state]} {change.task:<12} {seconds}  {note}".rstrip()


def receipt(given: dict[str, Any]) -> None:
    """The receipt of a run, as a person reads it."""
    who = f"{given['customer']} {given['day']}"
    if given["state"] != "success":
        error(f"{who}: {given.get('failed_task', 'the run')} failed: {given.get('reason', given['state'])}")
        return
    if given["landed"] is None or not given["tables"]:
        out.print(f"{who}: no files, nothing to land (the contract says to skip such a day)")
        return
    told = "was already landed from the same bytes by run" if given["already_landed"] else "landed by run"
    out.print(f"[bold]{escape(who)}[/] {told} {escape(given['run_id'])}")
    figures = _grid("", "", title=None)
    for key in FIGURES:
        figures.add_row(key, f"{given[key] or 0:,}")
    figures.add_row("source", escape(", ".join(given["source"])))
    figures.add_row("bytes, sha256", f"{given['bytes']:,}, {given['sha256']}")
    _print(figures)
    conservation(given["conservation"])
    rows = _grid("table", "rows", title=None)
    for name, count in given["tables"].items():
        rows.add_row(name, f"{count:,}")
    _print(rows)
    if given["unknown_fields"]:
        told = ", ".join(path if path == "..." else f"{path} {count:,}" for path, count in given["unknown_fields"].items())
        out.print(f"fields that the schema does not know: {escape(told)}")
    out.print("seconds: " + ", ".join(f"{task} {seconds}" for task, seconds in given["seconds"].items()))
    for warning in given["warnings"]:
        out.print(f"[yellow]warning:[/] {escape(warning)}")
    if given["report"]:
        out.print(f"report: {escape(given['report'])}", soft_wrap=True)


def backfill(standings: "Iterable[list[DayRun]]") -> None:
    """A bar over the days, and a line for each as it ends."""
    told: set[str] = set()
    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=err) as bar:
        task = bar.add_task("days")
        for days in standings:
            for day in days:
                if day.over and day.day not in told:
                    told.add(day.day)
                    bar.print(f"  {MARKS[day.state]} {day.day}")
            running = ", ".join(day.day for day in days if day.state == "running")
            bar.update(task, total=len(days), completed=len(told), description=running or "waiting for Airflow")


def table(columns: list[str], rows: list[Any], title: str | None = None, numeric: Sequence[bool] = ()) -> None:
    """Rows under their columns, numbers to the right; null in italics, so that it is not taken for a text."""
    grid = _grid(*columns, title=title)
    for column, right in zip(grid.columns, numeric, strict=False):
        column.justify = "right" if right else "left"
    for row in rows:
        grid.add_row(*("[dim italic]null[/]" if cell is None else escape(str(cell)) for cell in row))
    _print(grid)


def landings(found: list[Landing]) -> None:
    if not found:
        progress("nothing has landed yet. Begin with: ./landfall demo")
        return
    in_force: set[tuple[str, str]] = set()
    rows = []
    for each in found:
        key = (each.customer, each.day)
        rows.append(
            [
                each.customer,
                each.day,
                "no" if key in in_force else "yes",
                each.published,
                each.landed,
                each.duplicates,
                each.quarantined,
                each.forgotten,
                each.content_hash,
                each.committed_at[:19].replace("T", " "),
                each.run_id,
            ]
        )
        in_force.add(key)
    table(
        [
            "customer",
            "day",
            "in force",
            "published",
            "landed",
            "duplicates",
            "quarantined",
            "forgotten",
            "content hash",
            "committed (UTC)",
            "run",
        ],
        rows,
    )


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
        out.print(f"[bold]record {way.record}[/] of {escape(found.customer)} {found.day}: {escape(way.said)}")
        place = f"{way.place.uri}, bytes {way.place.begin:,} to {way.place.end:,}" if way.place else f"not to be shown: {found.no_place}"
        lines = _grid("", "", title=None)
        lines.add_row("source", escape(place))
        lines.add_row(
            "Kafka", escape(f"{way.topic}, partition {way.partition}, offset {way.offset}, taken {way.timestamp:%Y-%m-%d %H:%M:%S} UTC")
        )
        lines.add_row("keen_id", "none that can be read" if way.keen_id is None else escape(way.keen_id))
        lines.add_row("hash", str(way.hash))
        lines.add_row("rows", ", ".join(f"{table} {len(rows):,}" for table, rows in way.rows.items()))
        _print(lines)


def quarantine(found: "list[Reason]", where: str) -> None:
    """Reasons with their examples."""
    if not found:
        out.print(f"{escape(where)}: nothing is in quarantine")
        return
    for reason in found:
        days = f"{reason.days[0]}" if len(reason.days) == 1 else f"{len(reason.days)} days from {reason.days[0]} to {reason.days[-1]}"
        out.print(f"[bold]{escape(reason.reason)}[/]: {reason.records:,} records, {days}")
        for each in reason.examples:
            out.print(f"  {each.day} record {each.record}: {escape(each.detail or '')}", highlight=False)
            out.print(f"    {escape(each.value)}", style="dim", highlight=False)


def judgement(found: "Judgement", where: str) -> None:
    """What landing a day again would bring."""
    out.print(f"{escape(where)}: {found.passing:,} of {found.quarantined:,} quarantined records would pass now")
    for reason, records in sorted(found.reasons.items(), key=lambda item: -item[1]):
        out.print(f"  still {escape(reason)}: {records:,}")


def forgotten(done: "Forgotten") -> None:
    """What was removed, and what still holds the attempt."""
    out.print(f"[bold]{escape(done.customer)}[/]: forgotten, as {escape(done.asked_by)} asked at {done.asked_at}")
    lines = _grid("", "", title=None)
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


def _print(grid: Table) -> None:
    """Without the blanks that fill a table's last column."""
    with out.capture() as captured:
        out.print(grid)
    sys.stdout.write("\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n")


def conservation(given: Conservation) -> None:
    """Source, topic, Spark and HDFS side by side: the same records, or nothing lands. Nothing for a landing of an earlier version."""
    if not given:
        return
    keys = ("records", "content_hash", "landed", "duplicates", "quarantined", "forgotten")
    cells = [[given[place].get(key, "") for place in given] for key in keys]
    shown = [[f"{cell:,}" if isinstance(cell, int) else cell for cell in row] for row in cells]
    rows = [[key.replace("_", " "), *row] for key, row in zip(keys, shown, strict=True)]
    table(["counted by", *given], rows, numeric=[False, *(True for _ in given)])


def addresses(given: dict[str, str]) -> None:
    grid = _grid("", "", title=None)
    for name, address in given.items():
        grid.add_row(name, escape(address))
    _print(grid)


def answers(found: "list[Answer]") -> None:
    """Every answer as a table, with what it counts."""
    for answer in found:
        table(answer.columns, answer.shown, title=f"{answer.title} ({answer.unit})", numeric=answer.numeric)
        for note in answer.notes:
            out.print(f"[dim]{escape(note)}[/]", soft_wrap=True)


def _grid(*columns: str, title: str | None) -> Table:
    grid = Table(
        title=title, title_justify="left", title_style="bold", show_header=any(columns), box=box.SIMPLE_HEAD if any(columns) else None
    )
    for column in columns:
        grid.add_column(column, overflow="fold")
    return grid
