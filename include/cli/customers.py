"""Commands for contracts."""

from datetime import date
from typing import Annotated

import typer

from include import contracts
from include.cli import options, terminal
from include.cli.options import AsJson

app = typer.Typer(name="customers", help="Contracts: what each customer delivers, a file each.", no_args_is_help=True)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Small letters, digits and _; a letter first.")],
    first_day: Annotated[
        str | None, typer.Option(help="The first day that is expected, such as 2018-01-28, if it is not today. A backfill begins there.")
    ] = None,
) -> None:
    """Write a commented contract for a new customer. Airflow shows its DAG within half a minute."""
    path = contracts.add(name, first_day=date.fromisoformat(options.day_of(first_day, "--first-day")) if first_day else None)
    terminal.progress(f"mend what differs, then look at it with ./landfall customers check. Its DAG will be land_assessments_{name}.")
    terminal.out.print(str(path), soft_wrap=True)


@app.command()
def check(as_json: AsJson = False) -> None:
    """Check every contract; exit code 1 if one is wrong, with each fault of it."""
    found = contracts.load_all()
    wrong = {name: str(each) for name, each in found.items() if isinstance(each, contracts.ContractRefused)}
    if as_json:
        terminal.print_json([{"customer": name, "wrong": wrong.get(name)} for name in found])
    else:
        right = [each for each in found.values() if isinstance(each, contracts.Contract)]
        terminal.table(["customer", "source", "schedule", "time zone"], [[c.customer, c.source, c.schedule, c.time_zone] for c in right])
        for reason in wrong.values():
            terminal.error(reason)
    if wrong:
        raise typer.Exit(1)
