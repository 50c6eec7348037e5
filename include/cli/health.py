"""Commands that look whether all is well, and change nothing that stays."""

import typer

from include.cli import services, terminal
from include.cli.options import AsJson
from include.deployment.checkup import FAILED, OK, SKIPPED, Step

MARKS = {OK: "[green]✓[/]", FAILED: "[red]✗[/]", SKIPPED: "[dim]–[/]"}


def doctor(as_json: AsJson = False) -> None:
    """Look at every connection step by step, and say of each that fails what mends it. The exit code is 1 if one fails.

    Writes a file to HDFS and a row to the catalog, and takes them back; begins a transaction of Kafka under a name of its own.
    """
    from include.deployment import doctor as doctors

    with terminal.status("looking"):
        steps = doctors.examine(services.deployment())
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
