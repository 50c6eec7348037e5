"""docs/install.md as somebody follows it: its blocks by the step that they are of, run in a shell that keeps what they export."""

import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "install.md"


@dataclass(frozen=True)
class Block:
    """A block of commands, and the number of the step, such as 1 of "## 1. What is yours"."""

    step: int
    commands: str


def blocks() -> list[Block]:
    """Those of the numbered steps, in order."""
    steps = re.split(r"^## (\d+)\. ", PAGE.read_text(), flags=re.MULTILINE)[1:]
    numbered = zip(map(int, steps[::2]), steps[1::2], strict=True)
    return [Block(step, block) for step, text in numbered for block in re.findall(r"^```bash\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]


def values() -> dict[str, str]:
    """What step 1 exports, by name."""
    words = shlex.split(blocks()[0].commands, comments=True)
    return dict(word.split("=", 1) for word in words if word != "export")


def commands(block: str) -> list[list[str]]:
    """The words of the block's lines that call `landfall`."""
    return [shlex.split(line)[1:] for line in block.splitlines() if line.startswith("landfall ")]


class Shell:
    """Runs one block after the other with what the ones before have exported."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self._state = home / "state"
        self._state.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()))
        self._clean = {"PATH": os.defpath}

    def run(self, commands: str, folder: Path) -> str:
        """What the commands print. One that fails ends the test, with all that was printed."""
        script = f"set -euo pipefail\n. {self._state}\ncd {folder}\n{commands}\nexport -p > {self._state}\n"
        done = subprocess.run(
            ["bash", "-c", script], env=self._clean, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def environment(self) -> dict[str, str]:
        """What a process is to have that is started now."""
        lines = subprocess.run(
            ["bash", "-c", f". {self._state}; env -0"], env=self._clean, capture_output=True, text=True, check=True
        ).stdout
        return dict(line.split("=", 1) for line in lines.split("\0") if line)
