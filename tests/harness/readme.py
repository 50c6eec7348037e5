"""The README's commands, as a person would copy them."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]


def commands() -> list[list[str]]:
    """The arguments of every `./landfall` line in the README's code blocks."""
    blocks = re.findall(r"^```\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("./landfall ")]
    return [shlex.split(line)[1:] for line in lines]


def command(name: str) -> list[str]:
    """The arguments of the one command of this name."""
    [found] = [each for each in commands() if each[0] == name]
    return found
