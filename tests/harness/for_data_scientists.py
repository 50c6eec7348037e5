"""The commands and programs of docs/for_data_scientists.md."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "for_data_scientists.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of this language, or of none; all are looked at, so that no block's end is taken for a beginning."""
    return [block for of, block in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL) if of == language]


COMMANDS = [line for block in blocks(PAGE, "") for line in block.splitlines()]
PROGRAMS = {
    section.split("\n", 1)[0]: block for section in re.split(r"^## ", PAGE, flags=re.MULTILINE) for block in blocks(section, "python")
}


def changed(program: str, diff: str) -> str:
    """The program with the lines of `+` in place of those of `-`, each of which it must have."""
    for old, new in re.findall(r"((?:^-.*\n)+)((?:^\+.*\n)+)", diff, re.MULTILINE):
        there = re.sub("^-", "", old, flags=re.MULTILINE)
        assert program.count(there) == 1, there
        program = program.replace(there, re.sub(r"^\+", "", new, flags=re.MULTILINE))
    return program


WITHOUT_A_CLONE, ON_POSTGRES = (
    changed(PROGRAMS[name], diff) for name, diff in zip(("pandas and Polars", "Spark SQL"), blocks(PAGE, "diff"), strict=True)
)
