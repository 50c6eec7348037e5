"""What `./landfall` understands. Results go to stdout, everything else to stderr; exit code 0 means success."""

import logging
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import typer
from typer._click.exceptions import ClickException
from typer.rich_utils import rich_format_error

from include import contracts as customers
from include import receipts
from include.cli import following, output, terminal
from include.errors import LandfallError, Refused

if TYPE_CHECKING:
    from include.query.session import Rows

app = typer.Typer(
    name="landfall",
    help="Lands exam attempts from JSON files through Kafka and Spark on HDFS, and proves that each arrived exactly once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

contracts = typer.Typer(name="customers", help="Contracts: what each customer delivers, a file each.", no_args_is_help=True)
app.add_typer(contracts)

DEMO_DAY = "2018-01-28"
IN_DEMO = 5  # answers, of many; `answers` shows all
SHOWN = 1000  # rows of a query, so that nobody's terminal is flooded by a table without end

Customer = Annotated[str, typer.Option("--customer", "-c", help="A customer: a file in include/customers/, without .yaml.")]
AsUser = Annotated[
    str | None,
    typer.Option("--user", help="Read as this user of HDFS, with the catalog opened read-only. Default: as the owner, landfall."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Exactly one JSON document on stdout.")]


@app.command()
def demo() -> None:
    """Start everything, make sample files, land them, show what landed. Leaves the stack up."""
    from include.answers import questions
    from include.stack import lifecycle, samples

    settings = _start_stack()
    folder = settings.inbox / "demo" / DEMO_DAY
    terminal.progress(f"sample files in {folder}")
    samples.write(folder, DEMO_DAY)
    receipt = _land("demo", DEMO_DAY, [], again=False)
    output.receipt(receipt)
    _exit_on_failure(receipt)
    output.answers(questions.answers(_lake("demo"), questions.Asked.day(DEMO_DAY))[:IN_DEMO])
    output.addresses({**lifecycle.addresses(settings), "report": receipt["report"] or "none"})


@app.command()
def up() -> None:
    """Start Kafka, HDFS and Airflow on this machine, or what of them is not running."""
    from include.stack import lifecycle

    output.addresses(lifecycle.addresses(_start_stack()))


@app.command()
def down() -> None:
    """Stop everything that was started here, data kept."""
    from include.stack import lifecycle

    settings = _settings()
    with terminal.status("stopping") as report:
        stopped = lifecycle.down(settings, report)
    terminal.progress(f"stopped; {stopped} processes ended, data kept in {settings.home}")


@app.command()
def clean(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Stop everything and remove its data: topics, HDFS, Airflow's runs, samples."""
    from include.stack import lifecycle

    settings = _settings()
    if not yes:
        typer.confirm(f"Remove all topics, tables and runs under {settings.home}?", abort=True, err=True)
    with terminal.status("removing") as report:
        lifecycle.clean(settings, report)
    terminal.progress(f"removed the data under {settings.home}; the virtualenv and the jars stay")


@app.command()
def land(
    customer: Customer,
    day: Annotated[str, typer.Option(help="The day to land, such as 2018-01-28.")],
    source: Annotated[
        list[str] | None,
        typer.Option(help="A file or URL of the day; may be given several times. Default: what the contract's pattern finds."),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Land the day anew even if the same bytes are landed already.")] = False,
    max_quarantined: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share of records that may be unreadable. Default: what the contract allows."),
    ] = None,
    accept_problems: Annotated[
        str | None,
        typer.Option(help="Land the day although too few of its records can be read: the reason, which it keeps.", metavar="REASON"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Land one day of one customer through Airflow, follow the run, and print its receipt."""
    customers.customer(customer)
    files, terms = [_absolute(each) for each in source or []], {"max_quarantined": max_quarantined, "accept_problems": accept_problems}
    receipt = _land(customer, _day(day), files, again=again, **terms)
    _print_json(receipt) if as_json else output.receipt(receipt)
    _exit_on_failure(receipt)


@app.command()
def backfill(
    customer: Customer,
    first: Annotated[str, typer.Option("--from", help="The first day, such as 2018-01-01.")],
    last: Annotated[str, typer.Option("--to", help="The last day.")],
    at_once: Annotated[int, typer.Option(min=1, max=16, help="How many days may be under way at a time.")] = 2,
    again: Annotated[bool, typer.Option("--again", help="Land every day anew, also those whose bytes are landed already.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, also if it is more than a month.")] = False,
    as_json: AsJson = False,
) -> None:
    """Land the days of a span from the files that the contract's pattern finds, by Airflow's own backfill.

    A day whose bytes are landed already is left as it is; a corrected file replaces its day. More than 31 days are landed only after a
    question that says how many they are and how long it takes, or with --yes.
    """
    from include.runs import backfill as backfilling

    contract, api = customers.customer(customer), _airflow()
    begin, end = date.fromisoformat(_day(first, "--from")), date.fromisoformat(_day(last, "--to"))
    if not yes:
        _confirm_backfill(contract, begin, end, at_once)
    running = backfilling.start(api, contract, begin, end, at_once, again)
    terminal.progress(f"backfill {running.number}\n{api.url}/dags/{running.dag_id}/backfills")
    following.backfill(running.follow(), backfilling.Waits(running))
    days = running.receipts()
    failed = [day for day in days if day["state"] != "success"]
    not_run = running.not_run([day["day"] for day in days])
    if as_json:
        _print_json({"customer": customer, "from": first, "to": last, "failed": len(failed), "days": days, "not_run": not_run})
    else:
        columns = ["day", "state", "published", "landed", "duplicates", "quarantined", "content_hash"]
        terminal.table(columns, [[day.get(column) for column in columns] for day in days])
        for day in failed:
            terminal.error(f"{customer} {day['day']}: {day.get('failed_task', 'the run')} failed: {day.get('reason', day['state'])}")
        if not_run:
            terminal.progress(f"{len(not_run)} days were not run, not over yet or not in the schedule of {customer}: {', '.join(not_run)}")
    if failed:
        raise typer.Exit(1)


@app.command()
def query(
    customer: Customer,
    sql: Annotated[str, typer.Argument(help="One SELECT, in DuckDB's SQL, over the customer's tables by their plain names.")],
    user: AsUser = None,
    landing: Annotated[
        str | None,
        typer.Option(help="The tables as this landing left them, while its snapshots are kept. Default: the newest.", metavar="ID"),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help=f"At most so many rows. Default: {SHOWN:,} in a table, all in the other forms."),
    ] = None,
    as_json: AsJson = False,
    csv: Annotated[bool, typer.Option("--csv", help="CSV on stdout; a text that a spreadsheet would calculate has a ' in front.")] = False,
    parquet: Annotated[Path | None, typer.Option(help="As Parquet into this file.", metavar="FILE")] = None,
) -> None:
    """Ask the landed tables a question, as of the customer's newest landing, or of an earlier one."""
    from include.query import session

    _at_most_one(**{"--json": as_json, "--csv": csv, "--parquet": parquet is not None})
    customers.customer(customer)
    lake = _lake(customer, user)
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
        _print_json({"columns": columns, "rows": list(found.each()), "total_rows": everything})
    elif csv:
        export.write_csv(sys.stdout, columns, found.each())
    elif parquet is not None:
        export.write_parquet(found.table, parquet.expanduser())
        terminal.progress(f"{found.table.num_rows:,} rows in {parquet}")
    else:
        terminal.records(columns, list(found.each()), found.numeric)


@app.command()
def tables(
    name: Annotated[str | None, typer.Argument(help="One table or view, with its columns. Default: all.", metavar="TABLE")] = None,
    customer: Annotated[
        str | None,
        typer.Option("--customer", "-c", help="One customer only. Default: all; with --user, those whose contract names this reader."),
    ] = None,
    user: AsUser = None,
    as_json: AsJson = False,
) -> None:
    """Say what tables and views there are, what a row of each is, how many are in force, and what the columns mean."""
    from include.query import describe

    names = [customers.customer(customer).customer] if customer else customers.names(reader=user)
    if user and not names:
        raise Refused(f"--user: no contract names {user} among its readers, so there is nothing to read. They are in {customers.FOLDER}.")
    lakes = [_lake(each, user) for each in names]
    found = [each for lake in lakes if customer or lake.newest() for each in describe.described(lake, name)]
    if as_json:
        _print_json(found)
    else:
        output.columns(found) if name and found else output.described(found)


@app.command("answers")
def show_answers(
    customer: Customer,
    first: Annotated[
        str | None, typer.Option("--from", help="The first day, such as 2018-01-28. Default: the first one that landed.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="The last day. Default: the last one that landed.")] = None,
    exam: Annotated[str | None, typer.Option(help="The exam whose attempts are counted. Default: the most common one.")] = None,
    once: Annotated[
        bool | None,
        typer.Option(
            "--once/--with-repeats",
            help="Leave out attempts that had come on an earlier day already, or count them on every day that they came. "
            "Default: left out over several days, counted for one.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    csv: Annotated[
        Path | None, typer.Option(help="Into a folder that is made if need be: one CSV file per answer.", metavar="FOLDER")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="As one page into this file.", metavar="FILE")] = None,
) -> None:
    """Answer the business questions over the days from --from to --to, as of the customer's newest landing."""
    from include.answers import questions

    _at_most_one(**{"--json": as_json, "--csv": csv is not None, "--html": html is not None})
    customers.customer(customer)
    asked = questions.Asked(first and _day(first, "--from"), last and _day(last, "--to"), exam, once)
    if asked.first and asked.last and asked.first > asked.last:
        raise Refused(f"--from {asked.first} is after --to {asked.last}: there are no days between them")
    lake = _lake(customer)
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
        _print_encoded(questions.as_json(found, asked, as_of))
    else:
        output.answers(found)


@app.command()
def landings(
    customer: Annotated[str | None, typer.Option("--customer", "-c", help="One customer only. Default: all.")] = None,
    day: Annotated[str | None, typer.Option(help="One day only, such as 2018-01-28, with what each place counted. Default: all.")] = None,
    wide: Annotated[bool, typer.Option("--wide", help="All columns, a line each: also duplicates, forgotten, content hash, run.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what has landed, newest first; of each day the first one is in force."""
    names = [customers.customer(customer).customer] if customer else list(customers.load_all())
    found = [landing for name in names for landing in _lake(name).landings(_day(day) if day else None)]
    found.sort(key=lambda landing: landing.committed_at, reverse=True)
    if as_json:
        _print_json([receipts.plain(landing) for landing in found])
        return
    output.landings(found, wide)
    in_force = {landing.customer: landing for landing in reversed(found)} if day else {}
    for name in sorted(in_force):
        output.conservation(in_force[name].conservation)
        output.override(in_force[name])


@app.command()
def explain(
    customer: Customer,
    day: Annotated[str, typer.Option(help="A landed day, such as 2018-01-28.")],
    keen_id: Annotated[str | None, typer.Option(help="Id of the attempt; every record that has it is explained.")] = None,
    record: Annotated[int | None, typer.Option(min=0, help="Or the number of one record in the day's source, from 0.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say where a record stands in its source and in Kafka, and which rows it became, or why it is in quarantine."""
    from include.query import trace

    if (keen_id is None) == (record is None):
        raise Refused("expected one of --keen-id and --record, found both or none")
    customers.customer(customer)
    kafka = {"bootstrap.servers": _settings().endpoints.bootstrap_servers}
    found = trace.explain(_lake(customer), _day(day), keen_id=keen_id, record=record, kafka=kafka)
    _print_json(found) if as_json else output.explanation(found)


@app.command()
def quarantine(
    customer: Customer,
    day: Annotated[str | None, typer.Option(help="One day only, such as 2018-01-28. Default: all.")] = None,
    run: Annotated[str | None, typer.Option(help="What this run could not read, also if it failed.", metavar="RUN")] = None,
    as_json: AsJson = False,
) -> None:
    """List the records that could not be read, by reason, with examples: of the landings in force, or of one run."""
    from include.query import quarantine as quarantined
    from include.runs.run import LandingRun

    if day and run:
        raise Refused("expected one of --day and --run, found both: a run lands one day")
    customers.customer(customer)
    if run:
        found = quarantined.quarantined_by(_lake(customer), LandingRun(_airflow(), customer, run).transformed())
    else:
        found = quarantined.quarantined(_lake(customer), _day(day) if day else None)
    _print_json(found) if as_json else output.quarantine(found, customer, f"run {run}" if run else day or "all days", of_run=bool(run))


@app.command()
def replay(
    customer: Customer,
    day: Annotated[str, typer.Option(help="A landed day, such as 2018-01-28.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many quarantined records would pass now.")] = False,
    as_json: AsJson = False,
) -> None:
    """Land a day again from its own source, after the transform was mended; or say beforehand what that would bring."""
    from include.query import replay as replaying

    customers.customer(customer)
    lake, asked = _lake(customer), _day(day)
    if not dry_run:
        receipt = _land(customer, asked, list(replaying.landed(lake, asked).source), again=True)
        _print_json(receipt) if as_json else output.receipt(receipt)
        _exit_on_failure(receipt)
        return
    with terminal.status("judging again"):
        found = replaying.dry_run(lake, asked)
    _print_json({"customer": customer, "day": asked, **receipts.plain(found)}) if as_json else output.judgement(
        found, f"{customer} {asked}"
    )


@app.command()
def repair(
    customer: Customer,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Mend it. Without, nothing is changed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say whether the tables are what the landings say, and if not, rebuild them from the landings' own files."""
    from include.maintenance import repair as repairing

    customers.customer(customer)
    found = repairing.repair(_lake(customer), do_it=yes)
    _print_json(receipts.plain(found)) if as_json else output.repair(found)


@app.command()
def forget(
    customer: Customer,
    keen_id: Annotated[str, typer.Option(help="Id of the attempt.")],
    asked_by: Annotated[str | None, typer.Option(help="Who wants it forgotten. Default: the user of this machine.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete an attempt from every table, snapshot and file of the lake, and leave it out of whatever is landed from now on.

    Says what Kafka and the source files still hold.
    """
    import getpass

    from include.maintenance import forget as forgetting

    contract, lake = customers.customer(customer), _lake(customer)
    if not yes:
        if not sys.stdin.isatty():
            raise Refused("forgetting cannot be undone, and there is no terminal to ask at: say --yes")
        found = forgetting.find(lake, keen_id).records
        seen = f"Readers see {sum(found.values())} records of it, of {', '.join(found) or 'no day'}; older files may hold more."
        typer.confirm(f"{seen} Forget it for good?", abort=True, err=True)
    with terminal.status("forgetting"):
        done = forgetting.forget(
            lake, keen_id, asked_by=asked_by or getpass.getuser(), topic=contract.topic_spec, copies=_settings().reports
        )
    _print_json(receipts.plain(done)) if as_json else output.forgotten(done)


@app.command("split")
def split_source(
    source: Annotated[str, typer.Option(help="A file or URL with the records of many days.")],
    out: Annotated[Path, typer.Option(help="A folder for the daily files; made, or there and empty.")],
    by: Annotated[str, typer.Option(help="Field that holds the moment: ISO 8601 with its zone, or seconds since 1970.")] = "started_at",
    time_zone: Annotated[str, typer.Option(help="Time zone that the days are of.")] = "UTC",
    as_json: AsJson = False,
) -> None:
    """Cut a file into daily files, byte for byte, so that months can be backfilled."""
    from include.source.split import UNDATED, split

    with terminal.status("splitting"):
        days = split(_absolute(source), by, out.expanduser().resolve(), _zone(time_zone))
    if as_json:
        _print_json({"records": sum(day.records for day in days), "days": days})
        return
    terminal.table(["day", "records", "bytes", "file"], [[day.day, day.records, day.bytes, day.path] for day in days])
    undated = days[-1]
    if undated.day == UNDATED and undated.example:
        terminal.progress(
            f"{undated.records:,} records have no {by} that is certainly a moment (ISO 8601 with its zone, or seconds since 1970); "
            f"they are in {undated.path}. The first: record {undated.example.record} {undated.example.reason}"
        )


@contracts.command("add")
def add_customer(
    name: Annotated[str, typer.Argument(help="Small letters, digits and _; a letter first.")],
    first_day: Annotated[
        str | None, typer.Option(help="The first day that is expected, such as 2018-01-28, if it is not today. A backfill begins there.")
    ] = None,
) -> None:
    """Write a commented contract for a new customer. Airflow shows its DAG within half a minute."""
    path = customers.add(name, first_day=date.fromisoformat(_day(first_day, "--first-day")) if first_day else None)
    terminal.progress(f"mend what differs, then look at it with ./landfall customers check. Its DAG will be land_assessments_{name}.")
    terminal.out.print(str(path), soft_wrap=True)


@contracts.command("check")
def check_customers(as_json: AsJson = False) -> None:
    """Check every contract; exit code 1 if one is wrong, with each fault of it."""
    found = customers.load_all()
    wrong = {name: str(each) for name, each in found.items() if isinstance(each, customers.ContractRefused)}
    if as_json:
        _print_json([{"customer": name, "wrong": wrong.get(name)} for name in found])
    else:
        right = [each for each in found.values() if isinstance(each, customers.Contract)]
        terminal.table(["customer", "source", "schedule", "time zone"], [[c.customer, c.source, c.schedule, c.time_zone] for c in right])
        for reason in wrong.values():
            terminal.error(reason)
    if wrong:
        raise typer.Exit(1)


SUITES = {
    "unit": ["tests/unit"],
    "dags": ["tests/dags", "tests/plugins"],
    "spark": ["tests/spark"],
    "integration": ["tests/integration"],
    "e2e": ["tests/e2e"],
    "faults": ["tests/faults"],
}
ON_ALL_CORES = {"unit"}  # the others start daemons, which want the machine for themselves


@app.command("test", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run_tests(
    context: typer.Context,
    suite: Annotated[str | None, typer.Argument(help=f"One of {', '.join(SUITES)}. Default: all, in this order.")] = None,
) -> None:
    """Run the tests against real Kafka, HDFS, Spark and Airflow, on ports and in folders of their own.

    The unit tests run first, on all cores; if one of them fails, the others are not begun. Further arguments go to pytest, such as -x or
    -k NAME.
    """
    import pytest

    given = [suite, *context.args] if suite else []
    chosen = list(SUITES)
    if suite in SUITES:
        chosen = [given.pop(0)]
    elif suite and not suite.startswith("-"):
        raise Refused(f"there is no test suite {suite!r}; expected one of {', '.join(SUITES)}")
    root = Path(__file__).parents[2]
    code = int(pytest.ExitCode.NO_TESTS_COLLECTED)
    for names, options in (
        ([name for name in chosen if name in ON_ALL_CORES], ["-n", "logical", "--maxprocesses", "8", "--dist", "loadscope"]),
        ([name for name in chosen if name not in ON_ALL_CORES], []),
    ):
        folders = [str(root / folder) for name in names for folder in SUITES[name]]
        if folders:
            ended = pytest.main(["--rootdir", str(root), "-c", str(root / "pyproject.toml"), *folders, *options, *given])
            if ended not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
                raise typer.Exit(ended)
            code = min(code, int(ended))
    raise typer.Exit(code)


def _land(customer: str, day: str, source: list[str], *, again: bool, **terms: Any) -> dict[str, Any]:
    from include.runs import run as landing_run

    run = landing_run.start(_airflow(), customer, day=day, source=source, again=again, **terms)
    terminal.progress(f"run {run.run_id}\n{run.page}")
    try:
        shown = following.tasks(run.follow())
    except KeyboardInterrupt:
        terminal.progress(f"no longer following; the run goes on in Airflow: {run.page}")
        raise
    receipt = run.receipt()
    if receipt["state"] != "success":
        following.failure(receipt, shown)
    return {**receipt, "report": _report(customer, day)}


def _confirm_backfill(contract: customers.Contract, first: date, last: date, at_once: int) -> None:
    """Asks before more than a month is landed. Raises Refused where nobody can be asked."""
    from include.runs import backfill as backfilling

    days = backfilling.days_of(contract, first, last, datetime.now(UTC))
    if len(days) <= backfilling.UNASKED:
        return
    warning = backfilling.warning(contract, days, at_once, _lake(contract.customer).landings())
    if not sys.stdin.isatty():
        raise Refused(f"{warning} Nothing was started, and there is no terminal to ask at: say --yes")
    typer.confirm(f"{warning} Land them?", abort=True, err=True)


def _report(customer: str, day: str) -> str | None:
    """Where the day's page lies on this machine, if it does."""
    from include.answers import pages as report

    page = report.copy_of(_settings().reports, customer, day)
    return str(page) if page.exists() else None


def _airflow() -> Any:
    from include.runs.airflow_client import AirflowApi

    at = _settings().endpoints
    return AirflowApi(at.airflow_url, at.airflow_user, at.airflow_password)


def _settings() -> Any:
    from include.stack.settings import Settings

    return Settings.load()


def _start_stack() -> Any:
    from include.stack import lifecycle

    settings = _settings()
    with terminal.status("starting") as report:
        lifecycle.up(settings, report)
    return settings


def _lake(customer: str, user: str | None = None) -> Any:
    """The customer's lake, to be read and written by its owner, or to be read by this user."""
    from include.lake.catalog import read_only
    from include.lake.lake import Lake
    from include.source.files import serve
    from include.storage.webhdfs import filesystem

    settings = _settings()
    at = settings.endpoints
    fs = filesystem(at.webhdfs_host, at.webhdfs_port, user or at.hdfs_user)
    try:
        fs.info("/lake")
    except OSError as error:
        raise LandfallError(f"HDFS does not answer at {at.namenode_url} ({error}). Start the stack with: ./landfall up") from error
    serve(at.hdfs_uri, fs)  # a day's source may be on HDFS
    catalog = settings.catalog_uri.format(customer=customer)
    return Lake.open(customer, catalog_uri=read_only(catalog) if user else catalog, hdfs_uri=at.hdfs_uri, fs=fs)


def _day(text: str, option: str = "--day") -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise Refused(f"{option}: expected a date such as 2018-01-28, found {text!r}") from error


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Refused(f"--time-zone: expected a time zone such as UTC or Europe/Berlin, found {name!r}") from error


def _absolute(source: str) -> str:
    """Airflow's tasks run in another directory, so a local path must not depend on this one. Refuses a file that is not there."""
    from include.storage.stores import is_uri

    if is_uri(source):
        return source
    path = Path(source).expanduser().resolve()
    if not path.is_file():
        raise Refused(f"--source: there is no file {path}")
    return str(path)


def _exit_on_failure(receipt: dict[str, Any]) -> None:
    if receipt["state"] != "success":
        raise typer.Exit(1)


def _at_most_one(**options: bool) -> None:
    chosen = [name for name, is_chosen in options.items() if is_chosen]
    if len(chosen) > 1:
        raise Refused(f"expected at most one of {', '.join(options)}, found {' and '.join(chosen)}")


def _print_json(document: Any) -> None:
    _print_encoded(msgspec.json.format(msgspec.json.encode(document, enc_hook=str), indent=2))


def _print_encoded(document: bytes) -> None:
    """JSON as it is encoded; what a terminal would act on is escaped, as JSON has it, so that it means the same."""
    sys.stdout.buffer.write(terminal.escaped_json(document) + b"\n")


def main() -> None:
    """Runs the command; an error that has a name is one message on stderr and exit code 1, not a traceback.

    With --json stdout has one document all the same, so that who reads it need not know first whether there is one: {"error": message}.
    """
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # it says of each try what the error says of the last
    try:
        sys.exit(app(prog_name="landfall", standalone_mode=False))
    except ClickException as error:  # the command line is wrong; Typer says how
        rich_format_error(error)
        _end(error.format_message(), error.exit_code)
    except typer.Abort:
        terminal.error("aborted; nothing was done")
        _end("aborted; nothing was done", 1)
    except LandfallError as error:
        terminal.error(str(error))
        _end(str(error), 1)


def _end(message: str, code: int) -> None:
    if "--json" in sys.argv[1:]:
        _print_json({"error": message})
    sys.exit(code)


if __name__ == "__main__":
    main()
