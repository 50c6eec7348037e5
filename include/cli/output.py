"""How results look in a terminal: tables by rich, on stdout."""

from typing import TYPE_CHECKING, Any

from rich.markup import escape

from include.cli import terminal
from include.figures import FIGURES, PARTS, SUM, Place, shown
from include.receipts import Conservation, Landing

if TYPE_CHECKING:  # they bring DuckDB, for which `--help` need not wait
    from include.answers.questions import Answer
    from include.maintenance.forget import Forgotten
    from include.maintenance.repair import Repair
    from include.query.describe import Described
    from include.query.quarantine import Reason
    from include.query.replay import Judgement
    from include.query.trace import Explanation


FEW = ["customer", "day", "in force", *shown(Place.SHORT), "committed (UTC)"]  # of a landing, for 80 columns


def unknown_field(path: str, count: int) -> str:
    """With how often it was there; of names that are not listed, how many they are where that is known."""
    return (f"{count:,} more names" if count else "...") if path == "..." else f"{path} {count:,}"


def figure(given: int | None) -> str | None:
    """A whole number as a person reads it."""
    return None if given is None else f"{given:,}"


def receipt(given: dict[str, Any]) -> None:
    """The receipt of a run, as a person reads it; of one that failed `failure` has said what there is."""
    who = f"{given['customer']} {given['day']}"
    if given["state"] != "success":
        return
    if given["landed"] is None or not given["tables"]:
        terminal.out.print(f"{who}: no files, nothing to land (the contract says to skip such a day)")
        return
    told = "was already landed from the same bytes by run" if given["already_landed"] else "landed by run"
    terminal.out.print(f"[bold]{escape(who)}[/] {told} {escape(given['run_id'])}")
    figures = terminal.grid("", "")
    for key in shown(Place.RUN):
        if given[key] is not None or key in SUM:
            figures.add_row(words(key), f"{given[key] or 0:,}")
    figures.add_row("source", escape(", ".join(given["source"])))
    figures.add_row("bytes, sha256", f"{given['bytes']:,}, {given['sha256']}")
    terminal.show(figures)
    conservation(given["conservation"])
    terminal.table(["table", "rows"], [[name, f"{count:,}"] for name, count in given["tables"].items()], numeric=[False, True])
    if given["unknown_fields"]:
        names = ", ".join(unknown_field(path, count) for path, count in given["unknown_fields"].items())
        terminal.out.print(f"fields that the schema does not know: {escape(names)}")
    terminal.out.print("seconds: " + ", ".join(f"{task} {seconds}" for task, seconds in given["seconds"].items()))
    for warning in given["warnings"]:
        terminal.out.print(f"[yellow]warning:[/] {escape(warning)}")
    if given["report"]:
        terminal.out.print(f"report: {escape(given['report'])}", soft_wrap=True)


def landings(found: list[Landing], wide: bool = False) -> None:
    """A line for each landing; all that is known of it only if there is room, or nobody looks."""
    if not found:
        terminal.progress("nothing has landed yet. Begin with: ./landfall demo")
        return
    in_force: set[tuple[str, str]] = set()
    rows = []
    for each in found:
        key = (each.customer, each.day)
        rows.append(_row_of(each, key not in in_force))
        in_force.add(key)
    chosen = list(rows[0]) if wide else FEW
    numeric = [name in FIGURES for name in chosen]
    grid = terminal.grid(*map(words, chosen))
    for column, right in zip(grid.columns, numeric, strict=True):
        column.justify = "right" if right else "left"
        column.no_wrap = wide or column.header in ("day", "committed (UTC)")
    for row in rows:
        grid.add_row(*(f"{row[name]:,}" if isinstance(row[name], int) else terminal.cell(row[name]) for name in chosen))
    terminal.show(grid, terminal.Terminal(width=terminal.WIDE) if wide else None)
    terminal.out.print()


def _row_of(landing: Landing, in_force: bool) -> dict[str, Any]:
    return {
        "customer": landing.customer,
        "day": landing.day,
        "in force": "yes" if in_force else "no",
        **{name: getattr(landing, name) for name in shown(Place.WIDE)},
        "content hash": landing.content_hash,
        "committed (UTC)": landing.committed_at[:16].replace("T", " "),
        "run": landing.run_id,
    }


def words(name: str) -> str:
    """A name of the data as words."""
    return name.replace("_", " ")


def described(found: "list[Described]") -> None:
    """A line for each table, customer by customer."""
    if not found:
        terminal.progress("nothing has landed yet. Begin with: ./landfall demo")
    for customer in dict.fromkeys(each.customer for each in found):
        mine = [each for each in found if each.customer == customer]
        rows = [[f"{each.name} (view)" if each.kind == "view" else each.name, f"{each.rows:,}", each.description] for each in mine]
        terminal.table(["table", "rows", "description"], rows, title=customer, numeric=[False, True, False])


def columns(found: "list[Described]") -> None:
    """What the columns of each table mean."""
    for each in found:
        terminal.out.print(
            f"[bold]{escape(each.customer)} {each.name}[/], {each.rows:,} rows. {escape(each.description or '')}", soft_wrap=True
        )
        terminal.table(["column", "type", "description"], [[column.name, column.type, column.description] for column in each.columns])


def explanation(found: "Explanation") -> None:
    """The way of each record, one under the other."""
    for way in found.ways:
        terminal.out.print(f"[bold]record {way.record}[/] of {escape(found.customer)} {found.day}: {terminal.cell(way.said)}")
        place = f"{way.place.uri}, bytes {way.place.begin:,} to {way.place.end:,}" if way.place else f"not to be shown: {found.no_place}"
        lines = terminal.grid("", "")
        lines.add_row("source", terminal.cell(place))
        offset = f"{way.topic}, partition {way.partition}, offset {way.offset}, taken {way.timestamp:%Y-%m-%d %H:%M:%S} UTC"
        lines.add_row("Kafka", terminal.cell(offset if way.in_kafka == "there" else f"{offset}; {way.in_kafka}"))
        lines.add_row("keen_id", "none that can be read" if way.keen_id is None else terminal.cell(way.keen_id))
        lines.add_row("hash", str(way.hash))
        lines.add_row("rows", ", ".join(f"{table} {len(rows):,}" for table, rows in way.rows.items()))
        terminal.show(lines)


def quarantine(found: "list[Reason]", customer: str, what: str, of_run: bool = False) -> None:
    """Reasons with their examples. Without any, and not `of_run`, where the unreadable records of a run that failed are."""
    if not found:
        where = f"{customer} {what}"
        terminal.out.print(f"{escape(where)}: nothing is in quarantine{'' if of_run else ' of the landings that readers see'}")
        if not of_run:
            terminal.progress(f"what a run that failed could not read: ./landfall quarantine --customer {customer} --run RUN")
        return
    for reason in found:
        days = f"{reason.days[0]}" if len(reason.days) == 1 else f"{len(reason.days)} days from {reason.days[0]} to {reason.days[-1]}"
        terminal.out.print(f"[bold]{escape(reason.reason)}[/]: {reason.records:,} record{'s' * (reason.records != 1)}, {days}")
        for each in reason.examples:
            terminal.out.print(f"  {each.day} record {each.record}: {terminal.cell(each.detail or '')}")
            terminal.out.print(f"    {terminal.cell(each.value)}", style="dim")


def judgement(found: "Judgement", where: str) -> None:
    """What landing a day again would bring."""
    terminal.out.print(f"{escape(where)}: {found.passing:,} of {found.quarantined:,} quarantined records would pass now")
    for reason, records in sorted(found.reasons.items(), key=lambda item: -item[1]):
        terminal.out.print(f"  still {escape(reason)}: {records:,}")


def forgotten(done: "Forgotten") -> None:
    """What was removed, and what still holds the attempt."""
    terminal.out.print(f"[bold]{escape(done.customer)}[/]: forgotten, as {escape(done.asked_by)} asked at {done.asked_at}")
    lines = terminal.grid("", "")
    lines.add_row("tombstone", done.tombstone)
    lines.add_row("records", ", ".join(f"{day} {number:,}" for day, number in done.days.items()) or "none that readers saw")
    lines.add_row("rows removed", ", ".join(f"{table} {number:,}" for table, number in done.rows.items()) or "none")
    lines.add_row("landings", escape(", ".join(done.landings) or "none held it"))
    lines.add_row("files deleted", f"{done.files_deleted:,}")
    lines.add_row("answers made again", escape(", ".join(done.answers) or "none"))
    lines.add_row("Kafka", escape(f"{done.topic}, until {done.kafka_until or 'its records have aged out'} at the latest"))
    lines.add_row("source files", escape(", ".join(done.sources) or "none known"))
    terminal.show(lines)
    for day, records in done.mentioned.items():
        terminal.out.print(
            f"[yellow]warning:[/] {day}: records {', '.join(map(str, records))} are in quarantine without a keen_id and hold this text"
        )
    for note in done.notes:
        terminal.out.print(f"[dim]{escape(note)}[/]")


def repair(found: "Repair") -> None:
    """What is wrong with a lake, and what was done or would be."""
    if not found.wrong and not found.missing:
        terminal.out.print(
            f"{escape(found.customer)}: nothing is wrong. Every table has the {found.files:,} files of {len(found.days)} days in force."
        )
        return
    for sentence in (*found.wrong, *found.missing):
        terminal.out.print(f"[red]{escape(sentence)}[/]", soft_wrap=True)
    what = f"the tables of {len(found.days)} days from {found.files:,} files with {found.rows:,} rows"
    if found.landing:
        terminal.out.print(f"{escape(found.customer)}: rebuilt {what}, as landing {escape(found.landing)}. Every day can be read again.")
    elif found.missing:
        terminal.out.print(f"{escape(found.customer)}: cannot be repaired before these files are there again. Nothing was changed.")
    else:
        terminal.out.print(f"{escape(found.customer)}: --yes would rebuild {what}. Nothing was changed.")


def conservation(given: Conservation) -> None:
    """Source, topic, Spark and HDFS side by side: the same records, or nothing lands. Nothing for a landing of an earlier version."""
    if not given:
        return
    keys = ("records", "content_hash", *PARTS)
    cells = [[given[place].get(key, "") for place in given] for key in keys]
    shown = [[f"{cell:,}" if isinstance(cell, int) else cell for cell in row] for row in cells]
    rows = [[words(key), *row] for key, row in zip(keys, shown, strict=True)]
    terminal.table(["counted by", *given], rows, numeric=[False, *(True for _ in given)], apart=1)  # of hashes, 80 columns hold four


def override(landing: Landing) -> None:
    """Who landed the day although it broke limits, and why; nothing for a landing that kept them."""
    if landing.override:
        terminal.out.print(f"[yellow]warning:[/] {escape(landing.override.sentence)}", soft_wrap=True)


def changed(sentences: list[str]) -> None:
    """What has become of a landed day's files since."""
    for sentence in sentences:
        terminal.out.print(f"[yellow]warning:[/] {escape(sentence)}", soft_wrap=True)


def addresses(given: dict[str, str]) -> None:
    grid = terminal.grid("", "")
    for name, address in given.items():
        grid.add_row(name, escape(address))
    terminal.show(grid)


def answers(found: "list[Answer]") -> None:
    """Every answer as a table, with what it counts."""
    for answer in found:
        columns = [*map(words, answer.columns)]  # a heading is folded at its blanks
        terminal.table(columns, answer.shown, title=f"{answer.title} ({answer.unit})", numeric=answer.numeric)
        for note in answer.notes:
            terminal.out.print(f"[dim]{escape(note)}[/]", soft_wrap=True)
