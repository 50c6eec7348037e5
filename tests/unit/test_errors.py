"""The tree of errors in include/errors.py is all of them, and says where each is."""

import ast
from functools import cache
from pathlib import Path

from include import errors

ROOT = Path(__file__).parents[2]
FOLDERS = ("include", "plugins", "spark_jobs", "dags", "bench")


@cache
def subclasses() -> dict[str, list[tuple[str, str]]]:
    """Name of a base to the names of its subclasses with their modules, sorted, as the source has them."""
    named: dict[str, list[tuple[str, str]]] = {}
    for path in sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            for base in node.bases if isinstance(node, ast.ClassDef) else ():
                name = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
                named.setdefault(name, []).append((node.name, path.relative_to(ROOT).as_posix()))
    return {base: sorted(found) for base, found in named.items()}


def tree(base: str, depth: int = 1) -> list[tuple[int, str, str]]:
    """(depth, name, module) of everything below this class; what has subclasses itself comes last."""
    below = sorted(subclasses().get(base, []), key=lambda each: (each[0] in subclasses(), each))
    return [row for name, path in below for row in [(depth, name, "" if name == "Refused" else path), *tree(name, depth + 1)]]


def test_the_docstring_has_every_error_at_its_place() -> None:
    lines = (errors.__doc__ or "").split("LandfallError\n", 1)[1].splitlines()
    written = [((len(line) - len(line.lstrip())) // 4, *[*line.split(), ""][:2]) for line in lines if line.strip()]
    assert written == tree("LandfallError")
