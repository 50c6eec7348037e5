"""`./landfall check`: a line for each part, what failed with its output, and the exit code."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from include.cli import checks, typescript
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


def test_every_script_of_the_page_asks_editors_too_to_check_its_types() -> None:
    assert len(checks.typed_scripts()) >= 5
    assert [path for path in checks.typed_scripts() if not (checks.ROOT / path).read_text().startswith("// @ts-check\n")] == []


def test_a_wrong_type_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "a.js"
    script.write_text("/** @param {string} day */\nexport const short = (day) => day.slice('1').nothing;\n")
    monkeypatch.setattr(checks, "typed_scripts", lambda: [str(script)])
    verdict = checks.javascript_types()
    if verdict.skipped:
        pytest.skip(verdict.skipped)
    assert not verdict.passed
    assert {"error TS2345", "error TS2339"} <= {line.split(": ")[1] for line in verdict.output.splitlines()}


@pytest.fixture
def npm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Puts an npm of these lines of shell first on PATH, and tools into a folder that has no TypeScript yet."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("LANDFALL_TOOLS", str(tmp_path / "tools"))

    def put(lines: str) -> None:
        (tmp_path / "bin" / "npm").write_text(f"#!/bin/sh\n{lines}\n")
        (tmp_path / "bin" / "npm").chmod(0o755)

    return put


needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="no `node` on PATH")


@needs_node
@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("echo npm error code ENOTFOUND >&2; exit 1", "npm cannot fetch TypeScript 5.9.3: ENOTFOUND"),
        ("echo 'SyntaxError: too old' >&2; exit 2", "npm cannot fetch TypeScript 5.9.3: SyntaxError: too old"),
        ("exit 0", "npm cannot fetch TypeScript 5.9.3: exit code 0"),
    ],
)
def test_without_a_registry_the_types_are_skipped_by_name_and_nothing_is_left(
    npm: Callable[[str], None], tmp_path: Path, lines: str, reason: str
) -> None:
    npm(lines)
    assert checks.javascript_types() == Verdict(passed=True, skipped=reason)
    assert [path.name for path in (tmp_path / "tools").iterdir()] == ["typescript.lock"]


@needs_node
def test_another_package_than_the_locked_one_fails_and_is_not_used(npm: Callable[[str], None], tmp_path: Path) -> None:
    npm("echo npm error code EINTEGRITY >&2; exit 1")
    verdict = checks.javascript_types()
    assert not verdict.passed
    assert "is not what INTEGRITY" in verdict.output
    assert [path.name for path in (tmp_path / "tools").iterdir()] == ["typescript.lock"]


@needs_node
def test_what_was_fetched_once_is_not_fetched_again(npm: Callable[[str], None], tmp_path: Path) -> None:
    npm("mkdir -p node_modules/typescript/bin; touch node_modules/typescript/bin/tsc")
    made = typescript.compiler(tmp_path / "tools")
    npm("exit 1")
    assert typescript.compiler(tmp_path / "tools") == made
    assert made.exists()


def test_without_node_the_types_are_skipped_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert checks.javascript_types() == Verdict(passed=True, skipped="no `node` on PATH")


def test_the_lock_names_no_registry() -> None:
    assert "://" not in json.dumps(typescript.lock())
