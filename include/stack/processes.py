"""Child processes that cannot get lost.

Every process of a stack carries LANDFALL_STACK=<its home> in its environment, from its first instruction on and inherited by whatever
it starts, and every daemon leads a session of its own. So the kernel's process table is the only record there is: no pid file can be
missing, stale or half written, whoever is killed when. Only one process could escape: an orphan that cleared its environment on purpose,
alone in its session.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from include.stack.settings import Settings

STACK = "LANDFALL_STACK"
DAEMON = "LANDFALL_DAEMON"
LEADER = "LANDFALL_LEADER"  # the daemon's own pid, which tells it from what inherits its environment
LEAD = f'export {LEADER}=$$; exec "$@"'
NO_SESSION = {0, -1}  # led from outside the container; of a process that has just ended


@dataclass(frozen=True)
class Child:
    """A process that this one started: of a daemon, or of a job that a daemon needs done first."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path


def start(home: Path, name: str, command: list[str], environ: Mapping[str, str], log: Path) -> Child:
    """Starts a process of the stack in a session of its own, its output in `log`. It outlives us unless somebody stops it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    home.mkdir(parents=True, exist_ok=True)
    marked = {
        **environ,
        STACK: str(home),
        DAEMON: name,
        "SPT_NOENV": "1",  # or setproctitle, which Airflow uses, would write its titles over the environment that we look for
    }
    with log.open("ab") as out:
        process = subprocess.Popen(
            ["/bin/sh", "-c", LEAD, name, *command],
            env=marked,
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Child(name, process, log)


def daemons(home: Path) -> dict[str, psutil.Process]:
    """All living daemons, by name, whoever started them."""
    return {environ[DAEMON]: process for process, environ in _marked(home) if environ.get(LEADER) == str(process.pid)}


def everything(home: Path) -> set[psutil.Process]:
    """All processes of the stack: marked, in the session of a marked one, or descended from one. Never ourselves or what we run in."""
    marked = {process for process, _ in _marked(home)}
    sessions = {_session(process) for process in marked} - {_session(process) for process in _above_us()} - NO_SESSION
    members = {process for process in psutil.process_iter() if _session(process) in sessions}
    return _with_descendants(marked | members) - _above_us()


def trees(home: Path, names: Iterable[str]) -> set[psutil.Process]:
    """The named daemons that live, with all that is in their sessions or descends from them."""
    leaders = {process for name, process in daemons(home).items() if name in names}
    sessions = {process.pid for process in leaders}
    return _with_descendants(leaders | {process for process in psutil.process_iter() if _session(process) in sessions})


def strays(home: Path, names: Iterable[str]) -> set[psutil.Process]:
    """Processes of the stack that belong to none of the named daemons: jobs cut off, and what a daemon that was killed left behind."""
    return everything(home) - trees(home, names)


def alive(settings: Settings) -> list[psutil.Process]:
    """All processes of the stack, for whoever wants to see that there are none."""
    return sorted(everything(settings.home), key=lambda process: process.pid)


def stop(processes: Iterable[psutil.Process], grace: float) -> None:
    """SIGTERM, then SIGKILL for those still there after `grace` seconds."""
    processes = list(processes)
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    for process in _wait(processes, grace):
        with contextlib.suppress(psutil.Error):
            process.kill()
    _wait(processes, 10)


def _wait(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Waits for the processes to end; returns those that did not. A zombie has ended: its parent may be slow to fetch it."""
    deadline = time.monotonic() + seconds
    while (left := [process for process in processes if _lives(process)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _marked(home: Path) -> Iterable[tuple[psutil.Process, dict[str, str]]]:
    for process in psutil.process_iter():
        try:
            environ = process.environ()
        except (psutil.Error, OSError):  # another user's, or gone
            continue
        if environ.get(STACK) == str(home) and _lives(process):
            yield process, environ


def _session(process: psutil.Process) -> int:
    try:
        return os.getsid(process.pid)
    except OSError:
        return -1


def _with_descendants(processes: set[psutil.Process]) -> set[psutil.Process]:
    children: dict[int, list[psutil.Process]] = {}
    for process in psutil.process_iter(["ppid"]):
        children.setdefault(process.info["ppid"], []).append(process)
    found, new = set[psutil.Process](), set(processes)
    while new:
        found |= new
        new = {child for parent in new for child in children.get(parent.pid, ())} - found
    return {process for process in found if _lives(process)}


def _above_us() -> set[psutil.Process]:
    us = psutil.Process()
    return {us, *us.parents()}


def tail(log: Path, lines: int = 20) -> str:
    """The last lines of a log; says so if there are none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16384))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return "(no log)"
    return "\n".join(text.splitlines()[-lines:]) or "(the log is empty)"


def ending(code: int) -> str:
    """How a process ended, for people: `exit code 1`, `killed by SIGKILL`."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
