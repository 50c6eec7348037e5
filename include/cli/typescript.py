"""The TypeScript compiler, which `./landfall check` has look at the types in the pages' scripts.

npm fetches it once, at an exact version and of an exact digest, into the tools folder; from then on nothing is asked of a network.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

from include.errors import LandfallError
from include.stack.jars import one_at_a_time

# The last version that is one package of JavaScript alone, so that a digest holds on every machine.
VERSION = "5.9.3"
INTEGRITY = "sha512-jl1vZzPDinLr9eUt3J/t7V6FgNEw9QjvBPdysz9KfQDD41fQrC2Y4vKQdiaUpFT4bXlb1RHhLpp8wtm6M5TgSw=="
ALTERED = "EINTEGRITY"  # npm's code for what is not what its digest says
SECONDS = 120  # for npm, which fetches 5 MB
COMPILER = Path("node_modules", "typescript", "bin", "tsc")
OPTIONS = (
    *("--noEmit", "--allowJs", "--checkJs", "--strict", "--noImplicitReturns", "--noFallthroughCasesInSwitch", "--pretty", "false"),
    *("--target", "es2023", "--lib", "es2023,dom,dom.iterable", "--module", "es2022", "--moduleResolution", "bundler"),
)


class NotFetched(LandfallError):
    """npm is not there, or reaches no registry: the check is skipped for this reason."""


def compiler(tools: Path) -> Path:
    """Where tsc is; the first call has npm fetch it. Whole or not at all; one at a time.

    Raises NotFetched where it cannot be had, LandfallError where the registry's package is not what the digest says.
    """
    folder = tools / f"typescript-{VERSION}"
    if (folder / COMPILER).exists():
        return folder / COMPILER
    npm = shutil.which("npm")
    if npm is None:
        raise NotFetched("no `npm` on PATH to fetch TypeScript with")
    with one_at_a_time(tools / "typescript.lock"):
        if not (folder / COMPILER).exists():
            aside = tools / "typescript.new"
            shutil.rmtree(aside, ignore_errors=True)  # of a call that was killed
            try:
                _fetch(npm, aside)
                shutil.rmtree(folder, ignore_errors=True)
                (aside / "package").rename(folder)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
    return folder / COMPILER


def _fetch(npm: str, aside: Path) -> None:
    package = aside / "package"
    package.mkdir(parents=True)
    for name, content in lock().items():
        (package / name).write_text(json.dumps(content))
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error", "--fetch-retries=1")
    try:
        done = subprocess.run(
            [npm, "ci", *quiet, "--cache", str(aside / "cache")], cwd=package, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise NotFetched(f"npm has not fetched TypeScript {VERSION} within {SECONDS} s") from error
    if done.returncode == 0 and (package / COMPILER).exists():
        return
    code = re.search(r"\bcode (E\w+)", done.stderr)
    reason = code[1] if code else done.stderr.strip().rpartition("\n")[2] or f"exit code {done.returncode}"
    if reason == ALTERED:
        raise LandfallError(
            f"TypeScript {VERSION}: what npm fetched is not what INTEGRITY of include/cli/typescript.py says. It is not used."
        )
    raise NotFetched(f"npm cannot fetch TypeScript {VERSION}: {reason}")


def lock() -> dict[str, dict[str, object]]:
    """The two files by which `npm ci` installs exactly this, from whichever registry npm is set up for."""
    wanted = {"dependencies": {"typescript": VERSION}}
    locked = {"version": VERSION, "integrity": INTEGRITY}
    return {
        "package.json": {"private": True, **wanted},
        "package-lock.json": {"lockfileVersion": 3, "requires": True, "packages": {"": wanted, "node_modules/typescript": locked}},
    }
