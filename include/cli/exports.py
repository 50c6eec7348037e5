"""Answers in the standards of other programs. Changes nothing."""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from include import contracts as customers
from include.cli import options, services, terminal
from include.cli.options import AsUser, Customer, First, Last
from include.errors import Refused

if TYPE_CHECKING:
    from include.query.answered import Answered

ADDRESS = re.compile(r"https?://[A-Za-z0-9.:-]+(/[A-Za-z0-9._~%/-]*)?")


class Standard(StrEnum):
    """What `--as` takes."""

    irw = "irw"
    xapi = "xapi"


def export(
    customer: Customer,
    standard: Annotated[
        Standard,
        typer.Option(
            "--as",
            help="irw: the Item Response Warehouse's long form, as CSV. xapi: one statement of xAPI 1.0.3 a line, as JSON.",
            show_default=False,
        ),
    ],
    user: AsUser = None,
    first: First = None,
    last: Last = None,
    exam: Annotated[str | None, typer.Option(metavar="EXAM", help="One exam only. Default: all but test exams.")] = None,
    iri: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="What ids of xapi begin with, an address of your own. Default: https://landfall.invalid/NAME, NAME the customer.",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write to this file. Default: stdout.")] = None,
) -> None:
    """Write every answer to a question in a standard of other programs, as of the customer's newest landing.

    Attempts that had come on an earlier day, byte for byte, are left out. docs/exports.md says what a standard cannot say.
    """
    from include.answers.questions import check_exam
    from include.query.answered import answered
    from include.query.session import Session

    customers.customer(customer)
    first, last = options.span(first, last)
    root = _root(iri, customer, standard)
    with Session(services.lake(customer, user), once=True) as session:
        if exam is not None:
            check_exam(session, exam)
        _write(answered(session, first, last, exam, options=standard is Standard.xapi), standard, root, out and out.expanduser())


def _write(answers: "Iterator[Answered]", standard: Standard, root: str, path: Path | None) -> None:
    """To this file, or stdout. Says on stderr how many there are, and how many have no place in the standard."""
    from include.query import export as files
    from include.query import irw, xapi

    left_out: Counter[str] = Counter()
    with files.whole_file(path) if path else nullcontext(sys.stdout) as file:
        if standard is Standard.irw:
            written = files.write_csv(file, irw.COLUMNS, irw.rows(answers, left_out))
        else:
            written = files.write_json_lines(file, xapi.statements(answers, root, left_out), terminal.escaped_json)
    terminal.progress(f"{written:,} answers{f' in {path}' if path else ''}")
    for why, number in sorted(left_out.items()):
        terminal.progress(f"left out: {number:,} {why}")


def _root(iri: str | None, customer: str, standard: Standard) -> str:
    """What ids of xapi begin with. Raises Refused for an address that is none, or that nothing would use."""
    from include.query import xapi

    if iri is None:
        return xapi.default_iri(customer)
    if standard is not Standard.xapi:
        raise Refused("--iri is for --as xapi: no other standard has addresses for ids. Nothing was written. Leave it out.")
    if not ADDRESS.fullmatch(iri):
        raise Refused(f"--iri: expected an address such as https://example.org/exams, found {iri!r}")
    return iri.rstrip("/")
