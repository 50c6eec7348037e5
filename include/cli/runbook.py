"""The operator's runbook, docs/runbook.md: put together from what the DAGs, the operators and the errors say of themselves.

Their sources are read, not imported: no Airflow is needed, and nothing of it starts.
"""

import ast
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from include.cli import terminal
from include.errors import LandfallError

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "runbook.md"
DAGS = ("land_assessments", "expect_landings", "keep_rights", "tidy_lake", "forget_attempt")  # in the order of the page
ON_CALL = "On call: "
ROW = re.compile(r"^\| `([^`]+)` \| (.+) \| (.+) \|$", re.MULTILINE)
INTRO = """\
# Runbook

What to do when a task fails. This page is written by `./landfall runbook` from the docstrings of the DAGs, of the operators ("On call") and
of the errors; a test compares it with them. Change them, not this page.

Begin with the failed task's log: its last error says what and where, what was expected and found, what was not done, and what to do next.
`./landfall status` shows what is up, late, failed or missing, `./landfall doctor` looks at every connection, and the page Landings lists
what is not right of all customers. Every task may be killed at any moment and run again: clear it, with downstream, and the run goes on.
"""
ERRORS = """\
## Errors by name

Logs of tasks, and commands, name the class of an error. After one of the first table Airflow tries again by itself, after one of the second
it does not, for the answer would be the same. What to do is in the message.
"""


@dataclass(frozen=True)
class Task:
    """A task of a DAG: what it does and what its failing means, by the table of the DAG's page, and its operator's "On call".

    `does` of a task that is not in the table is how its operator's docstring begins; `fails` is then empty.
    """

    name: str
    does: str
    fails: str
    on_call: str


@dataclass(frozen=True)
class Operator:
    """What an operator's docstring says: its first paragraph, and that which begins with "On call"."""

    summary: str
    on_call: str


def runbook() -> None:
    """Write docs/runbook.md from the docstrings of DAGs, operators and errors."""
    PAGE.write_text(page())
    terminal.out.print(f"{PAGE.relative_to(ROOT)} is written", soft_wrap=True)


def page() -> str:
    """The whole page. Raises LandfallError for an operator without "On call"."""
    operators = dict(_operators())
    return "\n".join([INTRO, *(_section(dag, operators) for dag in DAGS), ERRORS, *_errors()])


def tasks(dag: str, operators: dict[str, Operator]) -> list[Task]:
    """The tasks of a file of dags/, in the order in which it makes them."""
    source = (ROOT / "dags" / f"{dag}.py").read_text()
    tree = ast.parse(source)
    rows = {name: (does, fails) for name, does, fails in ROW.findall(ast.get_docstring(tree) or "")}
    made = {}
    for name, operator in sorted(_made(tree), key=lambda each: each[0].lineno):
        task = _text(name)
        if operator not in operators:
            raise LandfallError(f'dags/{dag}.py: {task} is a {operator}, whose docstring has no "{ON_CALL.strip()}". Write one.')
        known = operators[operator]
        made[task, operator] = Task(task, *rows.pop(task, (known.summary, "")), known.on_call)
    if rows:
        raise LandfallError(f"dags/{dag}.py: its table has rows of tasks that it does not make: {', '.join(rows)}. Correct the table.")
    return list(made.values())


def _section(dag: str, operators: dict[str, Operator]) -> str:
    title = (ast.get_docstring(ast.parse((ROOT / "dags" / f"{dag}.py").read_text())) or "").partition("\n")[0].removeprefix("# ")
    parts = [f"## `{dag}`: {title[0].lower()}{title[1:]}\n"]
    for task in tasks(dag, operators):
        does = f"{task.does[0].upper()}{task.does[1:]}".rstrip(".")
        fails = f" **If it fails:** {task.fails}." if task.fails else ""
        parts += [f"### `{task.name}`\n", _filled(f"{does}.{fails}"), _filled(f"**{ON_CALL.strip()}** {task.on_call}")]
    return "\n".join(parts)


def _made(tree: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """(task_id, class) of each task that a DAG file makes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            for keyword in node.keywords:
                if keyword.arg == "task_id":
                    yield keyword.value, node.func.id


def _text(name: ast.expr) -> str:
    """A task_id as people read it: what is put in at parsing in angle brackets."""
    if isinstance(name, ast.Constant):
        return str(name.value)
    assert isinstance(name, ast.JoinedStr)
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "<customer>" for part in name.values)


def _operators() -> Iterator[tuple[str, Operator]]:
    """Class to what its docstring says, for every operator and sensor that has an "On call"."""
    for path in sorted((ROOT / "plugins").glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            text = (ast.get_docstring(node) or "") if isinstance(node, ast.ClassDef) else ""
            if ON_CALL in text and isinstance(node, ast.ClassDef):
                yield node.name, Operator(_paragraph(text), _paragraph(text.partition(ON_CALL)[2]))


def _paragraph(text: str) -> str:
    """The first one, on one line."""
    return " ".join(text.partition("\n\n")[0].split())


# ---- errors


def _errors() -> Iterator[str]:
    """A table of the errors that another try may mend, and one of those that none can."""
    classes = list(_classes())
    refused = _below("Refused", classes)
    for title, names in (("tried again", _below("LandfallError", classes) - refused - {"Refused"}), ("not tried again", refused)):
        yield f"| {title} | means | in |\n|---|---|---|"
        for node, path in sorted(classes, key=lambda each: each[0].name):
            if node.name in names:
                meaning = _paragraph(ast.get_docstring(node) or "")
                yield f"| `{node.name}` | {meaning} | `{path}` |"
        yield ""


def _classes() -> Iterator[tuple[ast.ClassDef, str]]:
    for path in sorted(path for folder in ("include", "plugins") for path in (ROOT / folder).rglob("*.py")):
        where = path.relative_to(ROOT).as_posix()
        if not where.startswith(("include/cli/", "include/stack/", "include/deployment/")):  # no task runs these
            yield from ((node, where) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef))


def _below(base: str, classes: list[tuple[ast.ClassDef, str]]) -> set[str]:
    """The names of all subclasses."""
    names = {node.name for node, _ in classes if base in map(ast.unparse, node.bases)}
    return names.union(*(_below(name, classes) for name in names))


def _filled(text: str) -> str:
    return textwrap.fill(text, 140, break_long_words=False, break_on_hyphens=False) + "\n"
