"""A Postgres of the tests' own, on a free port of this machine and in a temporary folder, with a database for each lake."""

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.harness.ports import free_port

BINARIES = "postgresql/*/bin/initdb"  # under /usr/lib, where Debian puts every version
SETTINGS = ("fsync=off", "shared_buffers=32MB", "max_connections=60")  # nothing here outlives its test
OWNER = "postgres"  # Postgres does not run as root


@dataclass
class Postgres:
    """A running server, and how many databases it was asked for."""

    port: int
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def database(self) -> str:
        """A new database's address, in SQLAlchemy's form."""
        name = f"lake_{next(self.numbers)}"
        with closing(psycopg2.connect(host="127.0.0.1", port=self.port, user=OWNER, dbname="postgres")) as connection:
            connection.autocommit = True
            connection.cursor().execute(f"create database {name}")
        return f"postgresql+psycopg2://{OWNER}@127.0.0.1:{self.port}/{name}"


@contextmanager
def running(settings: Sequence[str] = SETTINGS) -> Iterator[Postgres]:
    """Starts a server and stops it again. Skips the test, with the reason, where there is no Postgres."""
    found = sorted(Path("/usr/lib").glob(BINARIES), key=lambda path: float(path.parts[-3]))
    if not found:
        pytest.skip("Postgres is not installed: there is no /usr/lib/postgresql/*/bin/initdb")
    as_owner = _as_owner()
    folder = Path(tempfile.mkdtemp(prefix="landfall-postgres-"))
    if as_owner:
        shutil.chown(folder, OWNER, OWNER)

    def run(program: str, *options: str) -> None:
        subprocess.run([found[-1].with_name(program), "-D", folder / "data", *options], check=True, stdout=subprocess.DEVNULL, **as_owner)

    try:
        run("initdb", "--username", OWNER, "--auth", "trust", "--encoding", "UTF8", "--no-sync")
        port = free_port()
        options = [f"port={port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", *settings]
        run("pg_ctl", "start", "-w", "-l", str(folder / "log"), "-o", " ".join(f"-c {each}" for each in options))
        try:
            yield Postgres(port)
        finally:
            run("pg_ctl", "stop", "-w", "-m", "immediate")
    finally:
        shutil.rmtree(folder)


def _as_owner() -> dict[str, Any]:
    """What lets root run a program as Debian's user of Postgres; nothing for anybody else."""
    if os.getuid():
        return {}
    try:
        owner = pwd.getpwnam(OWNER)
    except KeyError:
        pytest.skip(f"Postgres does not run as root, and there is no user {OWNER}")
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": [], "cwd": "/"}
