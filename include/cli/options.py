"""What commands take: options that several have in common, and what their texts are checked for."""

from datetime import date
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from include import contracts
from include.errors import Refused


def _customers(incomplete: str) -> list[str]:
    """What a shell completes: the files alone, for what is wrong in one is no matter for a shell."""
    return sorted(file.stem for file in contracts.FOLDER.glob("*.yaml") if file.stem.startswith(incomplete))


Customer = Annotated[
    str,
    typer.Option(
        "--customer",
        "-c",
        metavar="NAME",
        help="A customer: a file in include/customers/, without .yaml.",
        autocompletion=_customers,
    ),
]
AsUser = Annotated[
    str | None,
    typer.Option(
        "--user", metavar="NAME", help="Read as this user of HDFS, with the catalog opened read-only. Default: as the owner, landfall."
    ),
]
First = Annotated[
    str | None, typer.Option("--from", metavar="DAY", help="The first day, such as 2018-01-28. Default: the first landed day.")
]
Last = Annotated[str | None, typer.Option("--to", metavar="DAY", help="The last day. Default: the last landed day.")]
AsJson = Annotated[bool, typer.Option("--json", help="Show one JSON document on stdout, and nothing else.")]


def day_of(text: str, option: str = "--day") -> str:
    """A date as YYYY-MM-DD. Raises Refused, naming the option, for what is none."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise Refused(f"{option}: expected a date such as 2018-01-28, found {text!r}") from error


def span(first: str | None, last: str | None) -> tuple[str | None, str | None]:
    """The days of `--from` and `--to`. Raises Refused for what is no date, and for days between which there are none."""
    first, last = first and day_of(first, "--from"), last and day_of(last, "--to")
    if first and last and first > last:
        raise Refused(f"--from {first} is after --to {last}: there are no days between them")
    return first, last


def zone(name: str) -> ZoneInfo:
    """A time zone by its name. Raises Refused for what is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Refused(f"--time-zone: expected a time zone such as UTC or Europe/Berlin, found {name!r}") from error


def absolute(source: str) -> str:
    """Airflow's tasks run in another directory, so a local path must not depend on this one. Refuses a file that is not there."""
    from include.storage.stores import is_uri

    if is_uri(source):
        return source
    path = Path(source).expanduser().resolve()
    if not path.is_file():
        raise Refused(f"--source: there is no file {path}")
    return str(path)


def of_workers(source: str) -> str:
    """A source as the workers of another machine find it. Refuses a path that depends on this machine's directory."""
    from include.storage.stores import is_uri

    if is_uri(source) or Path(source).is_absolute():
        return source
    raise Refused(
        f"--source: expected a URL, or an absolute path on the machine of the profile's Airflow, which reads the file; found {source!r}"
    )


def at_most_one(**options: bool) -> None:
    """Raises Refused if more than one of these options, such as `--csv`, is chosen."""
    chosen = [name for name, is_chosen in options.items() if is_chosen]
    if len(chosen) > 1:
        raise Refused(f"expected at most one of {', '.join(options)}, found {' and '.join(chosen)}")
