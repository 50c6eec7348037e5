"""Commands that land days: one, many, one again, and the files of many days out of one."""

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from include import contracts as customers
from include import receipts
from include.cli import following, options, output, services, terminal
from include.cli.options import AsJson, Customer
from include.errors import LandfallError, Refused
from include.figures import Place, shown


def land(
    customer: Customer,
    day: Annotated[str, typer.Option(metavar="DAY", help="The day to land, such as 2018-01-28.")],
    source: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="A path or URL of the day's source; may be given several times. Default: what the contract's pattern finds.",
        ),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Land the day again, also if the same bytes are landed already.")] = False,
    max_quarantined: Annotated[
        float | None,
        typer.Option(min=0, max=1, metavar="SHARE", help="Largest share of records that may be unreadable. Default: the contract's."),
    ] = None,
    accept_problems: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Land the day although too few of its records can be read. The landing keeps the reason."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Land one day of one customer through Airflow, follow the run, and show its receipt."""
    customers.customer(customer)
    files = [options.of_workers(each) if services.is_elsewhere() else options.absolute(each) for each in source or []]
    terms = {"max_quarantined": max_quarantined, "accept_problems": accept_problems}
    receipt = land_day(customer, options.day_of(day), files, again=again, **terms)
    terminal.print_json(receipt) if as_json else output.receipt(receipt)
    exit_on_failure(receipt)


def backfill(
    customer: Customer,
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="The first day, such as 2018-01-01.")],
    last: Annotated[str, typer.Option("--to", metavar="DAY", help="The last day.")],
    at_once: Annotated[int, typer.Option(min=1, max=16, metavar="N", help="Number of days that run at the same time.")] = 2,
    again: Annotated[bool, typer.Option("--again", help="Land every day again, also those whose bytes are landed already.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, also about more than 31 days.")] = False,
    as_json: AsJson = False,
) -> None:
    """Land every day of a span from the files that the contract's pattern finds, by Airflow's own backfill.

    A day whose bytes are landed already is left as it is; a corrected file replaces its day. Before more than 31 days are landed, the
    command shows how many they are and how long that takes, and asks.
    """
    from include.runs import backfill as backfilling

    contract, api = customers.customer(customer), services.airflow()
    begin, end = date.fromisoformat(options.day_of(first, "--from")), date.fromisoformat(options.day_of(last, "--to"))
    if not yes:
        _confirm_backfill(contract, begin, end, at_once)
    running = backfilling.start(api, contract, begin, end, at_once, again)
    terminal.progress(f"backfill {running.number}\n{api.url}/dags/{running.dag_id}/backfills")
    following.backfill(running.follow(), backfilling.Waits(running))
    days = _with_names(customer, running.receipts())
    failed = [day for day in days if day["state"] != "success"]
    not_run = running.not_run([day["day"] for day in days])
    if as_json:
        terminal.print_json({"customer": customer, "from": first, "to": last, "failed": len(failed), "days": days, "not_run": not_run})
    else:
        counts = shown(Place.SPAN)
        rows = [[day["day"], day["state"], *(output.figure(day.get(each)) for each in counts), day.get("content_hash")] for day in days]
        terminal.table(["day", "state", *counts, "content hash"], rows, numeric=[False, False, *(True for _ in counts)], apart=1)
        for day in failed:
            terminal.error(f"{customer} {day['day']}: {day.get('failed_task', 'the run')} failed: {day.get('reason', day['state'])}")
        if not_run:
            terminal.progress(f"{len(not_run)} days were not run, not over yet or not in the schedule of {customer}: {', '.join(not_run)}")
    if failed:
        raise typer.Exit(1)


def replay(
    customer: Customer,
    day: Annotated[str, typer.Option(metavar="DAY", help="A landed day, such as 2018-01-28.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count the quarantined records that would pass now. Lands nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Land a day again from its own source, after the transform was mended; or count beforehand what would pass."""
    from include.query import replay as replaying

    customers.customer(customer)
    lake, asked = services.lake(customer), options.day_of(day)
    if not dry_run:
        receipt = land_day(customer, asked, list(replaying.landed(lake, asked).source), again=True)
        terminal.print_json(receipt) if as_json else output.receipt(receipt)
        exit_on_failure(receipt)
        return
    with terminal.status("judging again"):
        found = replaying.dry_run(lake, asked)
    terminal.print_json({"customer": customer, "day": asked, **receipts.plain(found)}) if as_json else output.judgement(
        found, f"{customer} {asked}"
    )


def split(
    source: Annotated[str, typer.Option(metavar="FILE", help="A path or URL of a file with the records of many days.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder for the daily files: a new or an empty one.")],
    by: Annotated[
        str, typer.Option(metavar="FIELD", help="Field with the moment: ISO 8601 with its zone, or seconds since 1970.")
    ] = "started_at",
    time_zone: Annotated[str, typer.Option(metavar="ZONE", help="Time zone of the days.")] = "UTC",
    as_json: AsJson = False,
) -> None:
    """Cut a file into daily files, byte for byte, so that its days can be backfilled."""
    from include.source import split as splitting

    with terminal.status("splitting"):
        days = splitting.split(options.absolute(source), by, out.expanduser().resolve(), options.zone(time_zone))
    if as_json:
        terminal.print_json({"records": sum(day.records for day in days), "days": days})
        return
    rows = [[day.day, output.figure(day.records), output.figure(day.bytes), day.path] for day in days]
    terminal.table(["day", "records", "bytes", "file"], rows, numeric=[False, True, True])
    undated = days[-1]
    if undated.day == splitting.UNDATED and undated.example:
        terminal.progress(
            f"{undated.records:,} records have no {by} that is certainly a moment (ISO 8601 with its zone, or seconds since 1970); "
            f"they are in {undated.path}. The first: record {undated.example.record} {undated.example.reason}"
        )


def land_day(customer: str, day: str, source: list[str], *, again: bool, **terms: Any) -> dict[str, Any]:
    """Lands one day through Airflow, shows how the run goes on, and returns its receipt."""
    from include.runs import run as landing_run

    run = landing_run.start(services.airflow(), customer, day=day, source=source, again=again, **terms)
    terminal.progress(f"run {run.run_id}\n{run.page}")
    try:
        shown = following.tasks(run.follow())
    except KeyboardInterrupt:
        terminal.progress(f"no longer following; the run goes on in Airflow: {run.page}")
        raise
    receipt = run.receipt()
    if receipt["state"] != "success":
        following.failure(receipt, shown)
    [named] = _with_names(customer, [receipt])
    return {**named, "report": _report(customer, day)}


def exit_on_failure(receipt: dict[str, Any]) -> None:
    """Ends the command with exit code 1 if the run of this receipt failed."""
    if receipt["state"] != "success":
        raise typer.Exit(1)


def _confirm_backfill(contract: customers.Contract, first: date, last: date, at_once: int) -> None:
    """Asks before more than a month is landed. Raises Refused where nobody can be asked."""
    from include.runs import backfill as backfilling

    days = backfilling.days_of(contract, first, last, datetime.now(UTC))
    if len(days) <= backfilling.UNASKED:
        return
    warning = backfilling.warning(contract, days, at_once, services.lake(contract.customer).landings())
    if not sys.stdin.isatty():
        raise Refused(f"{warning} Nothing was started, and there is no terminal to ask at: say --yes")
    typer.confirm(f"{warning} Land them?", abort=True, err=True)


def _with_names(customer: str, receipts_of_runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The receipts with the names of unknown fields, which `landings` has and Airflow has not; as they are where nothing landed."""
    days = {receipt["day"] for receipt in receipts_of_runs if receipt.get("unknown_fields") and receipt.get("landing")}
    if not days:
        return receipts_of_runs
    try:
        rows = services.lake(customer).landings(days.pop() if len(days) == 1 else None)
    except (LandfallError, OSError):  # the receipts are worth more than the names
        return receipts_of_runs
    names: dict[Any, dict[str, int]] = {row.landing: row.unknown_fields for row in rows}
    return [{**receipt, "unknown_fields": names.get(receipt.get("landing"), receipt.get("unknown_fields"))} for receipt in receipts_of_runs]


def _report(customer: str, day: str) -> str | None:
    """Where the day's page lies on this machine, if it does."""
    from include.answers import pages

    reports = services.deployment().reports
    page = pages.copy_of(reports, customer, day) if reports else None
    return str(page) if page and page.exists() else None
