"""No process of a stack gets lost: shown with shells and sleeps instead of daemons."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from include.stack import processes


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for process in processes.everything(tmp_path):
        process.kill()


def shell(home: Path, script: str, name: str = "daemon") -> psutil.Process:
    return psutil.Process(processes.start(home, name, ["/bin/sh", "-c", script], os.environ, home / "log").process.pid)


def pid_in(file: Path) -> int:
    deadline = time.monotonic() + 10
    while not (file.exists() and file.read_text().strip()):
        assert time.monotonic() < deadline, f"{file} was never written"
        time.sleep(0.01)
    return int(file.read_text())


PYTHON = sys.executable
AWAY = f"{PYTHON} -c 'import os, time; os.setsid(); print(os.getpid(), flush=True); time.sleep(600)' > child"

CHILDREN = [
    ("a child", "sleep 600 & echo $! > child; wait", False),
    ("a child whose parent was killed", "sleep 600 & echo $! > child; wait", True),
    ("a child that cleared its environment: still in the session", "env -i sleep 600 & echo $! > child; wait", False),
    ("such a child whose parent was killed, while a sister lives", "sleep 600 & env -i sleep 600 & echo $! > child; wait", True),
    ("a child in a session of its own, parent killed: still marked", f"{AWAY} & wait", True),
    ("a child that did both: still descended", f"env -i {AWAY} & wait", False),
]


@pytest.mark.parametrize(("why", "script", "kill_parent"), CHILDREN, ids=[row[0] for row in CHILDREN])
def test_what_a_daemon_started_is_found_and_stopped(home: Path, why: str, script: str, kill_parent: bool) -> None:
    parent = shell(home, script)
    child = pid_in(home / "child")
    if kill_parent:
        parent.kill()
        parent.wait()
    assert child in {process.pid for process in processes.everything(home)}, why
    processes.stop(processes.everything(home), grace=5)
    assert not processes.everything(home)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def ignore_sigterm(home: Path) -> psutil.Process:
    process = shell(home, "trap '' TERM; echo $$ > child; while :; do sleep 1; done")
    pid_in(home / "child")
    return process


def stand_still(home: Path) -> psutil.Process:
    process = shell(home, "exec sleep 600")
    process.send_signal(signal.SIGSTOP)
    return process


STUBBORN: list[tuple[str, Callable[[Path], psutil.Process]]] = [("ignores SIGTERM", ignore_sigterm), ("is paused", stand_still)]


@pytest.mark.parametrize(("why", "begin"), STUBBORN, ids=[row[0] for row in STUBBORN])
def test_after_the_grace_comes_sigkill(home: Path, why: str, begin: Callable[[Path], psutil.Process]) -> None:
    process = begin(home)
    processes.stop([process], grace=0.3)
    assert process.wait() in (-signal.SIGKILL, -signal.SIGTERM), why  # the kernel may report either of the two


def test_daemons_are_told_apart_and_strays_from_both(home: Path) -> None:
    daemon, other = shell(home, "sleep 600 & wait", "kafka"), shell(home, f"{AWAY} & wait", "airflow-scheduler")
    orphan = pid_in(home / "child")
    assert processes.daemons(home) == {"kafka": daemon, "airflow-scheduler": other}
    other.kill()
    other.wait()
    assert set(processes.daemons(home)) == {"kafka"}
    assert {process.pid for process in processes.strays(home, ["kafka", "airflow-scheduler"])} == {orphan}


def test_another_stack_is_left_alone(home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    shell(home, "exec sleep 600")
    assert processes.everything(tmp_path_factory.mktemp("other")) == set()
    assert processes.everything(home / "deeper") == set()


def test_who_stops_the_stack_is_not_stopped_with_it(home: Path) -> None:
    script = (
        "import os, pathlib; from include.stack import processes; home = pathlib.Path(os.environ['LANDFALL_STACK']);"
        "print(len(processes.everything(home)), flush=True)"
    )
    child = processes.start(
        home, "task", [PYTHON, "-c", script], {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}, home / "log"
    )
    assert child.process.wait(30) == 0
    assert (home / "log").read_text().split() == ["0"]


def test_the_end_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert processes.tail(log) == "(no log)"
    log.write_bytes(b"")
    assert processes.tail(log) == "(the log is empty)"
    log.write_bytes(b"\xff\n" + b"".join(b"line %d\n" % n for n in range(10_000)))
    assert processes.tail(log, 2) == "line 9998\nline 9999"


@pytest.mark.parametrize(("code", "words"), [(1, "exit code 1"), (-9, "killed by SIGKILL"), (143, "exit code 143")])
def test_how_a_process_ended(code: int, words: str) -> None:
    assert processes.ending(code) == words
