"""The passwords and keys of docker-compose.yml, in the file `.env` beside it: made once, at random, for the owner's eyes only."""

import secrets
from collections.abc import Callable
from pathlib import Path

from include.errors import Refused
from include.stack.airflow import KEYS
from include.stack.service import write
from include.stack.settings import PROJECT

FILE = PROJECT / ".env"


def _password() -> str:
    """Safe in a URI and in SQL: letters, digits, `-` and `_`."""
    return secrets.token_urlsafe(24)


SECRETS: dict[str, Callable[[], str]] = {
    "POSTGRES_PASSWORD": _password,
    "AIRFLOW_DATABASE_PASSWORD": _password,
    "LAKE_PASSWORD": _password,
    "LAKE_READER_PASSWORD": _password,
    "AIRFLOW_ADMIN_PASSWORD": _password,
    "AIRFLOW_VIEWER_PASSWORD": _password,
    **{f"AIRFLOW_{name.upper()}": make for name, make in KEYS.items()},
}


def complete(path: Path = FILE) -> list[str]:
    """Adds to the file each secret that it lacks, and leaves its other lines as they are: what has been started with a password keeps it.

    Returns the names of those that were added. The file's mode is 600 afterwards. Raises Refused where a secret is there but empty.
    """
    kept = path.read_text() if path.exists() else ""
    given = dict(line.split("=", 1) for line in kept.splitlines() if "=" in line and not line.lstrip().startswith("#"))
    if empty := [name for name in SECRETS if name in given and not given[name].strip()]:
        raise Refused(f"{path}: expected a value for {', '.join(empty)}, found none. Nothing was changed. Set it, or remove its line.")
    added = {name: make() for name, make in SECRETS.items() if name not in given}
    gap = "\n" if kept and not kept.endswith("\n") else ""
    write(path, kept + gap + "".join(f"{name}={value}\n" for name, value in added.items()), mode=0o600)
    return list(added)
