"""Commands that look whether all is well, and change nothing that stays."""

from collections import Counter
from typing import TYPE_CHECKING

import typer

from include.cli import services, terminal
from include.cli.options import AsJson
from include.deployment.checkup import FAILED, OK, SKIPPED, Step

if TYPE_CHECKING:
    from include.deployment.status import Customer

MARKS = {OK: "[green]✓[/]", FAILED: "[red]✗[/]", SKIPPED: "[dim]–[/]"}
CUSTOMERS, SHOWN = 10, 8  # customers and troubles, so that all is on one screen
SCARCE = 0.1  # of a disk


def doctor(as_json: AsJson = False) -> None:
    """Look at every connection step by step, and say of each that fails what mends it. The exit code is 1 if one fails.

    Writes a file to HDFS and a row to the catalog, and takes them back; begins a transaction of Kafka under a name of its own.
    """
    from include.deployment import doctor as doctors

    at = services.deployment()
    terminal.progress(at.origin)
    with terminal.status("looking"):
        steps = doctors.examine(at)
    failed = sum(step.state == FAILED for step in steps)
    if as_json:
        terminal.print_json({"failed": failed, "steps": steps})
    else:
        _show(steps)
    if failed:
        raise typer.Exit(1)


def _show(steps: list[Step]) -> None:
    lines = terminal.grid("", "", "", "")
    part = ""
    for step in steps:
        detail = terminal.cell(step.detail) + (f"\n[yellow]{terminal.cell(step.fix)}[/]" if step.fix else "")
        lines.add_row(MARKS[step.state], f"[bold]{step.part}[/]" if step.part != part else "", step.step, detail)
        part = step.part
    terminal.show(lines)


def status(as_json: AsJson = False) -> None:
    """Show what is up, which days are late, failed or missing, and how much room is on the disks."""
    from include.deployment import status as statuses

    with terminal.status("looking"):
        found = statuses.status(services.deployment())
    if as_json:
        terminal.print_json(found)
        return
    terminal.out.print(f"landfall {found.version}, {terminal.cell(found.deployment)}\n", soft_wrap=True)
    parts = [[part.name, "up" if part.up else "down", part.version, part.detail] for part in found.parts]
    terminal.table(["part", "", "version", ""], parts)
    _show_customers(found.customers)
    troubles = [trouble for each in found.customers for trouble in each.troubles]
    for each in troubles[:SHOWN]:
        span = each.first if each.first == each.last else f"{each.first} to {each.last}"
        terminal.out.print(f"[red]{each.what}[/] {terminal.cell(each.customer)} {span}: {terminal.cell(each.detail)}")
        if each.run:
            terminal.out.print(f"  {terminal.cell(each.run)}", style="dim", soft_wrap=True)
    if len(troubles) > SHOWN:
        terminal.out.print(f"and {len(troubles) - SHOWN} more: --json has all, as has the page Landings")
    for disk in found.disks:
        full = "[yellow]warning:[/] " if disk.free < disk.total * SCARCE else ""
        terminal.out.print(f"{full}{terminal.cell(disk.name)}: {disk.free / 1e9:,.1f} of {disk.total / 1e9:,.1f} GB free", soft_wrap=True)


def _show_customers(customers: "tuple[Customer, ...]") -> None:
    """All, or of many those first that want a person."""
    shown = sorted(customers, key=lambda each: not (each.troubles or each.unknown))[:CUSTOMERS] if len(customers) > CUSTOMERS else customers
    rows = [[each.customer, each.landed, each.newest or "", each.under_way, _worst(each)] for each in shown]
    terminal.table(["customer", "days", "newest day", "running", ""], rows, numeric=[False, True, False, True])
    if len(shown) < len(customers):
        left = [each for each in customers if each not in shown]
        wrong = sum(bool(each.troubles or each.unknown) for each in left)
        terminal.out.print(f"and {len(left)} more customers, of {wrong or 'none'} of which something is not right: --json has all\n")


def _worst(customer: "Customer") -> str:
    """What a look should say first: why nothing is known, else how many days want a person."""
    if customer.unknown:
        return f"not known: {customer.unknown}"
    counted: Counter[str] = Counter()
    for trouble in customer.troubles:
        counted[trouble.what] += trouble.days
    return ", ".join(f"{number} {what}" for what, number in counted.items()) or "all is right"
