"""Commands that change what has landed: mend the tables, and forget an attempt."""

import sys
from typing import Annotated

import typer

from include import contracts as customers
from include import receipts
from include.cli import output, services, terminal
from include.cli.options import AsJson, Customer
from include.errors import Refused


def repair(
    customer: Customer,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Rebuild them. Without it, nothing is changed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check that the tables hold what the landings say; if not, rebuild them from the landings' own files."""
    from include.maintenance import repair as repairing

    customers.customer(customer)
    found = repairing.repair(services.lake(customer), do_it=yes)
    terminal.print_json(receipts.plain(found)) if as_json else output.repair(found)


def forget(
    customer: Customer,
    keen_id: Annotated[str, typer.Option(metavar="ID", help="Id of the attempt.")],
    asked_by: Annotated[str | None, typer.Option(metavar="NAME", help="Who asked for it. Default: the user of this machine.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete an attempt from every table, snapshot and file of the lake, and leave it out of all later landings.

    Reports what Kafka and the source files still hold, and until when.
    """
    import getpass

    from include.maintenance import forget as forgetting

    contract, lake = customers.customer(customer), services.lake(customer)
    if not yes:
        if not sys.stdin.isatty():
            raise Refused("forgetting cannot be undone, and there is no terminal to ask at: say --yes")
        found = forgetting.find(lake, keen_id).records
        seen = f"Readers see {sum(found.values())} records of it, of {', '.join(found) or 'no day'}; older files may hold more."
        typer.confirm(f"{seen} Forget it for good, in {services.deployment().origin}?", abort=True, err=True)
    with terminal.status("forgetting"):
        done = forgetting.forget(
            lake, keen_id, asked_by=asked_by or getpass.getuser(), topic=contract.topic_spec, copies=services.deployment().reports
        )
    terminal.print_json(receipts.plain(done)) if as_json else output.forgotten(done)
