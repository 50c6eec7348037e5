"""How a run and a backfill look while somebody follows them: a line for each task or day, what they wait for, and why one failed."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from include.cli import terminal
from include.runs.run import TaskChange, Waiting

if TYPE_CHECKING:
    from include.runs.backfill import DayRun

AGAIN_SECONDS = 60
MARKS = {
    "success": "[green]✓[/]",
    "failed": "[red]✗[/]",
    "up_for_retry": "[yellow]↻[/]",
    "skipped": "[dim]–[/]",
    "upstream_failed": "[dim]–[/]",
}


def tasks(changes: Iterable[TaskChange | Waiting]) -> dict[str, str]:
    """A line for each task as it ends, the one that runs beside the spinner; what the run waits for, at once and every minute.

    Returns the reason that was shown for each task that failed. Of a task that fails at every try for the same reason, a broker that is
    away, the reason is shown once.
    """
    reasons: dict[str, str] = {}
    waits = Waits()
    with terminal.err.status("waiting for Airflow") as spinner:
        for change in changes:
            if isinstance(change, Waiting):
                spinner.update(f"waits: {escape(change.reason)}")
                waits.show(change)
            elif change.state in MARKS:
                terminal.err.print(_task(change, is_known=_same(change.reason, reasons.get(change.task))), soft_wrap=True)
                reasons |= {change.task: change.reason} if change.reason else {}
            else:
                spinner.update(escape(f"{change.task}: {change.state}"))
    return reasons


@dataclass
class Waits:
    """What has been shown of waiting: each reason is shown at once, and again after a minute of it."""

    shown: dict[str, float] = field(default_factory=dict)

    def show(self, waiting: Waiting) -> None:
        before = self.shown.get(waiting.reason)
        if before is not None and before <= waiting.seconds < before + AGAIN_SECONDS:
            return
        self.shown[waiting.reason] = waiting.seconds
        after = "" if waiting.seconds < AGAIN_SECONDS else f" (for {waiting.seconds / 60:.0f} min)"
        terminal.err.print(f"  [yellow]…[/] waits{after}: {escape(waiting.reason)}", soft_wrap=True)


def _same(reason: str, before: str | None) -> bool:
    """Whether they differ in numbers at most, such as milliseconds."""
    return before is not None and re.sub(r"\d+", "", reason) == re.sub(r"\d+", "", before)


def _task(change: TaskChange, is_known: bool) -> str:
    seconds = f"{change.seconds:6.1f} s" if change.seconds is not None and change.state != "skipped" else " " * 8
    reason = "the same reason" if is_known else escape(change.reason)
    note = {
        "skipped": "skipped",
        "upstream_failed": "not run",
        "failed": f"failed: {reason}",
        "up_for_retry": f"try {change.try_number} failed, will be tried again: {reason}",
    }.get(change.state, "")
    return f"  {MARKS[change.state]} {change.task:<12} {seconds}  {note}".rstrip()


def failure(receipt: dict[str, Any], shown: dict[str, str]) -> None:
    """Which task of a run failed and why; not why, where that has just been shown."""
    task, reason = receipt.get("failed_task", "the run"), receipt.get("reason", receipt["state"])
    why = " for the reason above" if _same(reason, shown.get(task)) else f": {reason}"
    terminal.error(f"{receipt['customer']} {receipt['day']}: {task} failed{why}")


def backfill(standings: "Iterable[list[DayRun]]", waiting: "Callable[[list[DayRun]], list[Waiting]]") -> None:
    """A bar over the days, and a line for each as it ends; `waiting` says what those wait for that do not go on."""
    told: set[str] = set()
    waits = Waits()
    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=terminal.err) as bar:
        task = bar.add_task("days")
        for days in standings:
            for day in days:
                if day.over and day.day not in told:
                    told.add(day.day)
                    bar.print(f"  {MARKS[day.state]} {day.day}")
            running = ", ".join(day.day for day in days if day.state == "running")
            bar.update(task, total=len(days), completed=len(told), description=running or "waiting for Airflow")
            for each in waiting(days):
                waits.show(each)
