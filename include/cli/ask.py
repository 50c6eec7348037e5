"""Commands that read: the tables, what landed, and what became of a record. They change nothing."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from include import contracts as customers
from include import receipts
from include.cli import options, output, services, terminal
from include.cli.options import AsJson, AsUser, Customer, First, Last
from include.errors import LandfallError, Refused
from include.figures import Place, shown
from include.receipts import Landing

if TYPE_CHECKING:
    from include.query.session import Rows

MORE = [output.words(name) for name in shown(Place.WIDE) if name not in shown(Place.SHORT)]  # figures that only a wide table has
SHOWN = 1000  # rows of a query, so that nobody's terminal is flooded by a table without end


def query(
    customer: Customer,
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT in DuckDB's SQL. Tables have their plain names.")],
    user: AsUser = None,
    landing: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="Read the tables as this landing left them, while its snapshots are kept. Default: the newest landing."
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help=f"Largest number of rows. Default: {SHOWN:,} in a table, all in the other forms."),
    ] = None,
    as_json: AsJson = False,
    csv: Annotated[
        bool, typer.Option("--csv", help="Show CSV on stdout. A text that a spreadsheet would calculate has a ' in front.")
    ] = False,
    parquet: Annotated[Path | None, typer.Option(help="Write Parquet to this file.", metavar="FILE")] = None,
) -> None:
    """Run one SELECT over the landed tables, as of the customer's newest landing or an earlier one."""
    from include.query import session

    options.at_most_one(**{"--json": as_json, "--csv": csv, "--parquet": parquet is not None})
    customers.customer(customer)
    lake = services.lake(customer, user)
    found = session.rows(lake, sql, lake.state_of(landing) if landing is not None else None)
    everything = found.table.num_rows
    if limit is None and not (as_json or csv or parquet):
        limit = SHOWN
    found = found.head(limit)
    _show_rows(found, everything, as_json=as_json, csv=csv, parquet=parquet)
    if found.table.num_rows < everything:
        terminal.progress(f"{found.table.num_rows:,} of {everything:,} rows. More: --limit N; all, into a file: --csv or --parquet FILE")


def _show_rows(found: "Rows", everything: int, *, as_json: bool, csv: bool, parquet: Path | None) -> None:
    from include.query import export

    columns = found.table.column_names
    if as_json:
        terminal.print_json({"columns": columns, "rows": list(found.each()), "total_rows": everything})
    elif csv:
        export.write_csv(sys.stdout, columns, found.each())
    elif parquet is not None:
        export.write_parquet(found.table, parquet.expanduser())
        terminal.progress(f"{found.table.num_rows:,} rows in {parquet}")
    else:
        terminal.records(columns, list(found.each()), found.numeric)


def tables(
    name: Annotated[
        str | None, typer.Argument(help="One table or view, with its columns. Default: all, without columns.", metavar="TABLE")
    ] = None,
    customer: Annotated[
        str | None,
        typer.Option(
            "--customer", "-c", metavar="NAME", help="One customer only. Default: all; with --user, those whose contract names this reader."
        ),
    ] = None,
    user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """List the tables and views: what a row of each is, how many rows are in force, and what the columns mean."""
    from include.query import describe

    names = [customers.customer(customer).customer] if customer else customers.names(reader=user)
    if user and not names:
        raise Refused(f"--user: no contract names {user} among its readers, so there is nothing to read. They are in {customers.FOLDER}.")
    lakes = [services.lake(each, user) for each in names]
    found = [each for lake in lakes if customer or lake.newest() for each in describe.described(lake, name)]
    if as_json:
        terminal.print_json(found)
    else:
        output.columns(found) if name and found else output.described(found)


def answers(
    customer: Customer,
    first: First = None,
    last: Last = None,
    exam: Annotated[
        str | None, typer.Option(metavar="EXAM", help="The exam whose attempts are counted. Default: the most common one.")
    ] = None,
    once: Annotated[
        bool | None,
        typer.Option(
            "--once/--with-repeats",
            help="Leave out attempts that came on an earlier day already, or count them on every day. "
            "Default: left out over several days, counted for one day.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    csv: Annotated[Path | None, typer.Option(help="Write a CSV file for each answer to this folder.", metavar="FOLDER")] = None,
    html: Annotated[Path | None, typer.Option(help="Write one page to this file.", metavar="FILE")] = None,
) -> None:
    """Answer the business questions about a span of days, as of the customer's newest landing."""
    from include.answers import questions

    options.at_most_one(**{"--json": as_json, "--csv": csv is not None, "--html": html is not None})
    customers.customer(customer)
    asked = questions.Asked(*options.span(first, last), exam, once)
    lake = services.lake(customer)
    if html is not None:
        from include.answers import pages as report

        html.write_bytes(report.report(lake, asked).html())
        terminal.progress(str(html))
        return
    found, as_of = questions.answers_as_of(lake, asked)
    if csv is not None:
        for path in questions.write_csv(found, csv):
            terminal.progress(str(path))
    elif as_json:
        terminal.print_encoded(questions.as_json(found, asked, as_of))
    else:
        output.answers(found)


def landings(
    customer: Annotated[str | None, typer.Option("--customer", "-c", metavar="NAME", help="One customer only. Default: all.")] = None,
    day: Annotated[
        str | None,
        typer.Option(
            metavar="DAY",
            help="One day only, such as 2018-01-28, with the counts of each place, and whether its files have changed since. Default: all.",
        ),
    ] = None,
    wide: Annotated[bool, typer.Option("--wide", help=f"Show all columns: also {', '.join(MORE)}, content hash, run.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what has landed, the newest first. Of each day the first landing is in force."""
    names = [customers.customer(customer).customer] if customer else list(customers.load_all())
    found = [landing for name in names for landing in services.lake(name).landings(options.day_of(day) if day else None)]
    found.sort(key=lambda landing: landing.committed_at, reverse=True)
    if as_json:
        terminal.print_json([receipts.plain(landing) for landing in found])
        return
    output.landings(found, wide)
    in_force = {landing.customer: landing for landing in reversed(found)} if day else {}
    for name in sorted(in_force):
        output.conservation(in_force[name].conservation)
        output.override(in_force[name])
        output.changed(_changed(in_force[name]))


def _changed(landing: Landing) -> list[str]:
    """What has become of the landed files since, in sentences; where they cannot be looked at, none, and stderr has the reason."""
    from include.source.delivery import Expected, changed_since

    try:
        return changed_since(landing, Expected.by(customers.customer(landing.customer)), services.places(landing.customer), read=True)
    except (LandfallError, OSError) as error:
        terminal.progress(f"whether the files of {landing.customer} {landing.day} have changed is not known: {error}")
        return []


def explain(
    customer: Customer,
    day: Annotated[str, typer.Option(metavar="DAY", help="A landed day, such as 2018-01-28.")],
    keen_id: Annotated[str | None, typer.Option(metavar="ID", help="Id of an attempt; every record that has it is explained.")] = None,
    record: Annotated[int | None, typer.Option(min=0, metavar="N", help="Number of a record in the day's source, from 0.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show where a record is in its source and in Kafka, and which rows it became, or why it is in quarantine."""
    from include.query import trace

    if (keen_id is None) == (record is None):
        raise Refused("expected one of --keen-id and --record, found both or none")
    customers.customer(customer)
    kafka = services.deployment().kafka_settings()
    found = trace.explain(services.lake(customer), options.day_of(day), keen_id=keen_id, record=record, kafka=kafka)
    terminal.print_json(found) if as_json else output.explanation(found)


def quarantine(
    customer: Customer,
    day: Annotated[str | None, typer.Option(metavar="DAY", help="One day only, such as 2018-01-28. Default: all.")] = None,
    run: Annotated[str | None, typer.Option(metavar="RUN", help="The unreadable records of this run, also if it failed.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the unreadable records by reason, with examples: of the landings in force, or of one run."""
    from include.query import quarantine as quarantined
    from include.runs.run import LandingRun

    if day and run:
        raise Refused("expected one of --day and --run, found both: a run lands one day")
    customers.customer(customer)
    if run:
        found = quarantined.quarantined_by(services.lake(customer), LandingRun(services.airflow(), customer, run).transformed())
    else:
        found = quarantined.quarantined(services.lake(customer), options.day_of(day) if day else None)
    terminal.print_json(found) if as_json else output.quarantine(
        found, customer, f"run {run}" if run else day or "all days", of_run=bool(run)
    )
