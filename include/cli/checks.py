"""The command that looks at the code without running it."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import typer

from include.cli import terminal, typescript
from include.errors import LandfallError
from include.stack.settings import Settings

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".local" / "check"  # of mypy above all: without it the look at all files takes half a minute
SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


@dataclass(frozen=True)
class Verdict:
    """What a part found: its output if it failed, or why it was skipped."""

    passed: bool
    output: str = ""
    skipped: str = ""


def by_tool(*words: str) -> Verdict:
    """By a linter of the virtualenv, with the settings of pyproject.toml."""
    tool, *options = words
    return _run([str(Path(sys.executable).parent / tool), *options, "--cache-dir", str(CACHE / tool)])


def javascript() -> Verdict:
    """The syntax of the pages' scripts, by Node; nothing else needs it, so it may be missing."""
    node = shutil.which("node")
    if node is None:
        return Verdict(passed=True, skipped="no `node` on PATH")
    verdicts = [_run([node, "--check", f"--input-type={kind}", "-"], text, f"{path}: ") for path, kind, text in scripts()]
    return Verdict(all(each.passed for each in verdicts), "\n".join(each.output for each in verdicts if not each.passed))


def javascript_types() -> Verdict:
    """The types of the page's scripts, as their JSDoc and answers.d.ts have them, by TypeScript; skipped where that cannot be had."""
    node = shutil.which("node")
    if node is None:
        return Verdict(passed=True, skipped="no `node` on PATH")
    try:
        tsc = typescript.compiler(Settings.load().tools)
    except typescript.NotFetched as error:
        return Verdict(passed=True, skipped=str(error))
    except LandfallError as error:
        return Verdict(passed=False, output=str(error))
    return _run([node, str(tsc), *typescript.OPTIONS, *typed_scripts()])


def typed_scripts() -> list[str]:
    """The files of the page Landings; each is to begin with `// @ts-check`, so that editors look at it too."""
    return [path for path, kind, _ in scripts() if kind == "module"]


def scripts() -> list[tuple[str, str, str]]:
    """Path, kind and text of each script: the files of the page Landings are modules, the report's script is within its page."""
    files = [(path, "module", path.read_text()) for path in sorted((ROOT / "plugins").rglob("*.js"))]
    pages = sorted(page for folder in ("include", "plugins") for page in (ROOT / folder).rglob("*.html"))
    inline = [(page, "commonjs", text) for page in pages for text in SCRIPT.findall(page.read_text())]
    return [(path.relative_to(ROOT).as_posix(), kind, text) for path, kind, text in [*files, *inline]]


def _run(command: list[str], stdin: str = "", where: str = "") -> Verdict:
    done = subprocess.run(command, cwd=ROOT, input=stdin, capture_output=True, text=True, check=False)
    return Verdict(done.returncode == 0, (where + done.stdout + done.stderr).strip())


# What `./landfall check` and `./landfall test` look at, in this order.
PARTS: dict[str, Callable[[], Verdict]] = {
    "ruff check": lambda: by_tool("ruff", "check"),
    "ruff format": lambda: by_tool("ruff", "format", "--check"),
    "mypy": lambda: by_tool("mypy"),
    "javascript": javascript,
    "typescript": javascript_types,
}


def check() -> None:
    """Check the code without running it: rules and format by ruff, types by mypy, the pages' scripts by Node and TypeScript.

    Takes seconds. Exit code 1 if a part fails. The first call takes half a minute, for mypy has no cache yet, and npm fetches TypeScript.
    """
    failed = False
    for name, part in PARTS.items():
        began = time.monotonic()
        verdict = part()
        how = f"skipped: {verdict.skipped}" if verdict.skipped else "passed" if verdict.passed else "failed"
        terminal.out.print(f"{name:<12} {time.monotonic() - began:5.1f} s  {how}", soft_wrap=True)
        if not verdict.passed:
            failed = True
            terminal.out.print(verdict.output, markup=False, soft_wrap=True)
    if failed:
        raise typer.Exit(1)
