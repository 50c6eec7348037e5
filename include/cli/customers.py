"""Commands for contracts."""

from datetime import date
from typing import Annotated

import typer

from include import contracts
from include.cli import helping, options, terminal
from include.cli.options import AsJson

app = typer.Typer(
    name="customers", cls=helping.Group, help="Write and check contracts: a YAML file for each customer.", no_args_is_help=True
)


def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Small letters, digits and _, beginning with a letter.")],
    first_day: Annotated[
        str | None, typer.Option(metavar="DAY", help="The first day that is due, such as 2018-01-28. Default: today.")
    ] = None,
) -> None:
    """Write a contract for a new customer, with every key explained. Airflow shows its DAG within half a minute."""
    path = contracts.add(name, first_day=date.fromisoformat(options.day_of(first_day, "--first-day")) if first_day else None)
    terminal.progress(f"mend what differs, then look at it with ./landfall customers check. Its DAG will be land_assessments_{name}.")
    terminal.out.print(str(path), soft_wrap=True)


def check(as_json: AsJson = False) -> None:
    """Check every contract, and name each fault. The exit code is 1 if a contract is wrong."""
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


helping.register(app, add)
helping.register(app, check)
