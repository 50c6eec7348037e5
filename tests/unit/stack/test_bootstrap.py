"""`./landfall` itself: when it sets up, and how it hands over. The virtualenv is a shell script here."""

import hashlib
import importlib.machinery
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]
DIGEST = hashlib.sha256((ROOT / "requirements.txt").read_bytes()).hexdigest()
PYTHON = '#!/bin/sh\necho "$PWD|$PYTHONPATH"\nprintf "%s|" "$@"\n'


def a_virtualenv(folder: Path, stamp: str | None) -> Path:
    python = folder / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(PYTHON)
    python.chmod(0o755)
    if stamp is not None:
        (folder / "venv" / "landfall.stamp").write_text(stamp)
    return python


def call(command: Path, tools: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {"LANDFALL_TOOLS": str(tools), "PATH": "/usr/bin:/bin", "PYTHONPATH": "/of/the/caller"}
    return subprocess.run([sys.executable, str(command), *arguments], cwd=cwd, env=environ, capture_output=True, text=True, check=False)


def test_it_hands_over_quietly_from_any_directory(tmp_path: Path) -> None:
    a_virtualenv(tmp_path, DIGEST)
    (tmp_path / "linked").symlink_to(ROOT / "landfall")
    for command in (ROOT / "landfall", tmp_path / "linked"):
        done = call(command, tmp_path, tmp_path, "land", "--source", "a file.json", "")
        assert done.stdout == f"{tmp_path}|{ROOT}\n-P|-m|include.cli.main|land|--source|a file.json||"
        assert (done.stderr, done.returncode) == ("", 0)


@pytest.fixture
def landfall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("LANDFALL_TOOLS", str(tmp_path))
    loader = importlib.machinery.SourceFileLoader("landfall_command", str(ROOT / "landfall"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader.exec_module(module)
    return module


STATES = [
    ("made and stamped", True, DIGEST, True),
    ("cut off before the stamp", True, None, False),
    ("requirements.txt has changed since", True, "0" * 64, False),
    ("its Python was removed from the machine", False, DIGEST, False),
    ("nothing there", False, None, False),
]


@pytest.mark.parametrize(("why", "has_python", "stamp", "expected"), STATES, ids=[row[0] for row in STATES])
def test_when_it_is_set_up(why: str, has_python: bool, stamp: str | None, expected: bool, landfall: ModuleType, tmp_path: Path) -> None:
    python = a_virtualenv(tmp_path, stamp)
    if not has_python:
        python.unlink()
        python.symlink_to("/no/such/python")
    assert landfall.is_set_up() is expected, why


def test_a_set_up_that_fails_is_begun_again(landfall: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []

    def run(_lock: object, *command: object, environ: object = None) -> None:
        steps.append(" ".join(Path(str(part)).name for part in command))
        if "--require-hashes" in command and "requirements.txt" in steps[-1] and len(steps) < 5:
            landfall.fail("the network is gone")
        if "venv" in command:
            (tmp_path / "venv" / "bin").mkdir(parents=True, exist_ok=True)
            (tmp_path / "venv" / "bin" / "python").touch()

    monkeypatch.setattr(landfall, "run", run)
    monkeypatch.setattr(landfall, "index_of_pip", dict)
    with pytest.raises(SystemExit):
        landfall.set_up()
    assert not landfall.is_set_up()
    landfall.set_up()
    assert landfall.is_set_up()
    assert all("--require-hashes" in step for step in steps if "install" in step)
    landfall.set_up()
    assert len(steps) == 8, "two set-ups of four steps, and a third call that found everything done"


def test_a_python_that_is_too_old_is_told(
    landfall: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(landfall, "NEEDED", (99, 0))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit) as ended:
        landfall.use_a_new_enough_python()
    assert ended.value.code == 1
    assert "landfall needs Python 99.0 or newer" in capsys.readouterr().err
