"""Every outward call of a commit on local files: a file that is made, moved or removed, a statement that changes the catalog, its commit.

Finer than the effects of `include/effects.py`: one staged table is several files.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from sqlalchemy.engine.default import DefaultDialect

from tests.harness import deeds
from tests.oracle.built_landing import Built

FORKS = multiprocessing.get_context("forkserver")
SECONDS = 120
COMMIT, COMMITTED = "commit", "committed"
OF_FILES = ("mkdir", "makedirs", "rm", "rm_file", "mv", "cp_file", "touch")


class Calls:
    """Names the outward calls as they come; at the n-th of them the process is killed."""

    def __init__(self, kill_at: int | None = None) -> None:
        self.names: list[str] = []
        self._kill_at = kill_at
        self._lock = threading.Lock()

    def note(self, name: str) -> None:
        with self._lock:  # tables are staged several at a time
            if len(self.names) == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            self.names.append(name)

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Every call is noted just before it is made; a COMMIT just after, too."""
        with pytest.MonkeyPatch.context() as patch:
            for name in OF_FILES:
                patch.setattr(LocalFileSystem, name, self._before(getattr(LocalFileSystem, name), lambda *_, name=name: name))
            patch.setattr(LocalFileSystem, "_open", self._before(LocalFileSystem._open, _writes))
            patch.setattr(DefaultDialect, "do_execute", self._before(DefaultDialect.do_execute, _changes))
            commit = self._before(DefaultDialect.do_commit, lambda *_: COMMIT)

            def do_commit(*given: Any) -> None:
                commit(*given)
                self.note(COMMITTED)

            patch.setattr(DefaultDialect, "do_commit", do_commit)
            yield

    def _before(self, real: Callable[..., Any], name_of: Callable[..., str | None]) -> Callable[..., Any]:
        def call(*given: Any, **options: Any) -> Any:
            name = name_of(*given, *options.values())
            if name:
                self.note(name)
            return real(*given, **options)

        return call


def _writes(fs: Any, path: str, mode: str = "rb", *_: Any) -> str | None:
    return None if mode == "rb" else f"write {path}"


def _changes(dialect: Any, cursor: Any, statement: str, *_: Any) -> str | None:
    return statement.split()[0].lower() if statement.startswith(("INSERT", "UPDATE", "DELETE")) else None


def killed(name: str, folder: Path, built: Built, kill_at: int) -> None:
    """Does the deed in a process of its own, which is killed just before its n-th outward call."""
    FORKS.set_forkserver_preload([__name__])
    process = FORKS.Process(target=_do, args=(name, folder, built, kill_at))
    process.start()
    process.join(SECONDS)
    assert process.exitcode == -signal.SIGKILL, f"{name}, before call {kill_at}: exit code {process.exitcode}"


def _do(name: str, folder: Path, built: Built, kill_at: int) -> None:
    with Calls(kill_at).noted():
        deeds.do(name, folder, built)
