"""Folders for what a task spools: all in one place, so that what a killed task leaves is found and swept by the next.

The place is `landfall-spool-<user id>` in LANDFALL_SPOOL, else in the system's temporary folder. Each user of it has a folder of its own,
`<purpose>.<kernel>.<random>`, and holds a lock (flock) on a file in it for as long as it lives: the operating system lets go of that
however a process ends. Locks say so only between processes of one kernel. So what belongs to another, one of another host or of before this
machine's last start, is left alone until it is OLD.
"""

import fcntl
import os
import secrets
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from include.effects import Effect, effect
from include.errors import Refused

OLD = 7 * 24 * 3600  # seconds; no task lives that long
LOCK = ".lock"


def root() -> Path:
    """The folder of all spooled files of this user; it need not be there yet."""
    return Path(os.environ.get("LANDFALL_SPOOL") or tempfile.gettempdir()) / f"landfall-spool-{os.getuid()}"


@contextmanager
def spool_folder(purpose: str) -> Iterator[Path]:
    """A folder of this process's own, which nobody else may read; it is gone afterwards. Sweeps first."""
    sweep()
    with _locked(_made_root() / LOCK):  # nobody sweeps before the lock is held
        folder = root() / f"{purpose}.{_kernel()}.{secrets.token_hex(6)}"
        folder.mkdir(mode=0o700)
        lock = _open(folder / LOCK)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def sweep() -> list[str]:
    """Removes the folders of processes that are no more. Returns the names of those that it removed."""
    if not root().is_dir():
        return []
    with _locked(_made_root() / LOCK):
        dead = [(folder, lock) for folder in sorted(root().iterdir()) if (lock := _lock_of_dead(folder)) is not None]
    for folder, lock in dead:
        with effect(Effect.REMOVE, path=folder):
            shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)
    return [folder.name for folder, _ in dead]


def _lock_of_dead(folder: Path) -> int | None:
    """The lock of a folder whose process is no more, taken by us; None where it lives, may live, or is being swept by another."""
    if not folder.is_dir() or folder.is_symlink():
        return None
    with suppress(OSError):
        if folder.name.split(".")[1:2] != [_kernel()] and time.time() - folder.stat().st_mtime < OLD:
            return None
        lock = _open(folder / LOCK)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise
        return lock
    return None


def _made_root() -> Path:
    """The root, made if it is not there. Raises Refused where somebody else has made it, who could then read what we spool."""
    folder = root()
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700, parents=True)
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise Refused(
            f"{folder}: expected a directory of user {os.getuid()} that nobody else may enter, found one of user {status.st_uid} with mode "
            f"{stat.S_IMODE(status.st_mode):o}. Nothing was spooled. Remove it, or set LANDFALL_SPOOL to another folder."
        )
    return folder


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = _open(path)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _kernel() -> str:
    """The same for all processes between which a lock counts: those of one kernel since its start, in containers too."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip().replace("-", "")
    return socket.gethostname().replace(".", "-")
