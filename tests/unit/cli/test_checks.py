"""`./landfall check`: a line for each part, what failed with its output, and the exit code."""

from pathlib import Path

import pytest
import typer

from include.cli import checks
from include.cli.checks import Verdict


def test_a_part_that_fails_shows_its_output_and_the_others_run_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = {
        "one": lambda: Verdict(passed=False, output="x.py:1: [bad]"),
        "two": lambda: Verdict(passed=True),
        "three": lambda: Verdict(passed=True, skipped="no `node` on PATH"),
    }
    monkeypatch.setattr(checks, "PARTS", parts)
    with pytest.raises(typer.Exit) as ended:
        checks.check()
    lines = capsys.readouterr().out.splitlines()
    assert ended.value.exit_code == 1
    assert [line.split()[0] for line in lines] == ["one", "x.py:1:", "two", "three"]
    assert [line.split("  ")[-1] for line in lines] == ["failed", "x.py:1: [bad]", "passed", "skipped: no `node` on PATH"]


def test_the_scripts_of_both_pages_are_looked_at() -> None:
    kinds = {(path, kind) for path, kind, _ in checks.scripts()}
    assert {("plugins/landings_page/assets/page.js", "module"), ("include/answers/page.html", "commonjs")} <= kinds


def test_a_script_that_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    if checks.javascript().skipped:
        pytest.skip("no `node` on PATH")
    monkeypatch.setattr(checks, "scripts", lambda: [("a.js", "module", "import 'b';"), ("c.js", "commonjs", "const x = ;")])
    verdict = checks.javascript()
    assert not verdict.passed
    assert verdict.output.startswith("c.js: ")


def test_without_node_the_scripts_are_skipped_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert checks.javascript() == Verdict(passed=True, skipped="no `node` on PATH")
