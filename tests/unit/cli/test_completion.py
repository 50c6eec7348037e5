"""`--version`, and completion as a shell asks for it."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import include
from include.cli import main

ROOT = Path(__file__).parents[3]


def test_the_version_is_that_of_the_package(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert include.__version__ == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    monkeypatch.setattr(sys, "argv", ["landfall", "--version"])
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert (ended.value.code or 0, capsys.readouterr().out) == (0, f"landfall {include.__version__}\n")


def test_bash_completes_commands_and_customers(tmp_path: Path) -> None:
    for name in ("acme", "acme_two", "beta"):
        (tmp_path / f"{name}.yaml").write_text("not: looked at")
    program = tmp_path / "landfall"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m include.cli.main "$@"\n')
    program.chmod(0o755)
    typed = """
        source <(./landfall completion bash)
        for words in './landfall quer' './landfall query --customer ac'; do
            COMP_WORDS=($words); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _landfall_completion ./landfall; echo "${COMPREPLY[@]}"
        done
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LANDFALL_CUSTOMERS": str(tmp_path)}
    done = subprocess.run(["bash", "-c", typed], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["query", "acme acme_two"], done.stderr


def test_zsh_asks_this_very_file(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["landfall", "completion", "zsh"])
    with pytest.raises(SystemExit):
        main.main()
    script = capsys.readouterr().out
    assert f"{ROOT / 'landfall'}" in script
    assert "_LANDFALL_COMPLETE=complete_zsh" in script


def test_the_tab_key_sets_nothing_up(tmp_path: Path) -> None:
    environment = {**os.environ, "LANDFALL_TOOLS": str(tmp_path), "_LANDFALL_COMPLETE": "complete_bash"}
    done = subprocess.run([str(ROOT / "landfall")], env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr, list(tmp_path.iterdir())) == (1, "", "", [])
