"""What tasks spool: in one place, gone when they end, swept when they were killed, and never taken from one that lives."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from include.errors import Refused
from include.storage import spool
from include.storage.spool import spool_folder, sweep

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys
from include.storage.spool import spool_folder
with spool_folder("publish") as folder:
    (folder / "a.json").write_text("an id of somebody")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LANDFALL_SPOOL", str(tmp_path / "spool"))
    return spool.root()


def start() -> tuple[subprocess.Popen[str], Path]:
    """A process that spools, and its folder."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    task = subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert task.stdout is not None
    return task, Path(task.stdout.readline().strip())


def end(task: subprocess.Popen[str], how: signal.Signals | None) -> None:
    if how is not None:
        task.send_signal(how)
    task.communicate()


def test_what_a_killed_task_left_is_swept_by_the_next_and_what_lives_stays(place: Path) -> None:
    killed, left = start()
    living, kept = start()
    end(killed, signal.SIGKILL)
    assert (left / "a.json").read_text() == "an id of somebody"
    with spool_folder("validate") as folder:
        assert sorted(each.name for each in place.iterdir()) == sorted([".lock", folder.name, kept.name])
        assert sweep() == [], "neither its own nor that of another that lives"
    end(living, None)
    assert [each.name for each in place.iterdir()] == [".lock"]


def test_what_another_host_has_spooled_is_left_until_it_is_old(place: Path) -> None:
    with spool_folder("publish"):
        pass
    other = place / "publish.0123456789abcdef.aa"
    other.mkdir()
    (other / "a.json").write_text("[]")
    assert sweep() == []
    os.utime(other, (0, 0))
    assert sweep() == [other.name]
    assert not other.exists()


def test_a_folder_whose_task_was_killed_before_it_held_its_lock_is_swept(place: Path) -> None:
    with spool_folder("publish") as folder:
        kernel = folder.name.split(".")[1]
    (place / f"publish.{kernel}.aa").mkdir()
    assert sweep() == [f"publish.{kernel}.aa"]


def test_nobody_else_may_read_what_is_spooled_or_have_made_the_place(place: Path) -> None:
    with spool_folder("publish") as folder:
        assert [each.stat().st_mode & 0o777 for each in (place, folder)] == [0o700, 0o700]
    place.chmod(0o755)
    with pytest.raises(Refused, match=r"found one of user \d+ with mode 755. Nothing was spooled"), spool_folder("publish"):
        pass


def test_without_a_place_of_its_own_it_is_in_the_system_s(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LANDFALL_SPOOL")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert spool.root() == tmp_path / f"landfall-spool-{os.getuid()}"


def test_nothing_of_ours_spools_elsewhere() -> None:
    modules = [path for folder in ("include", "plugins") for path in (ROOT / folder).rglob("*.py")]
    elsewhere = [path.name for path in modules if "TemporaryDirectory" in path.read_text() or "mkdtemp" in path.read_text()]
    assert elsewhere == ["publish.py"], "in the folder that it is given"
