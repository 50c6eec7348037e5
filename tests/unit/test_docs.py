"""The pages name only what there is: paths, tests, modules, commands; and docs/architecture.md the tasks, rooms and faults as they are."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from include.cli import runbook
from include.cli.main import app
from include.errors import LandfallError
from include.run_identity import TASKS
from tests.harness import install_page, readme

ROOT = Path(__file__).parents[2]
ARCHITECTURE, CONTRIBUTING = (ROOT / "docs" / "architecture.md").read_text(), (ROOT / "CONTRIBUTING.md").read_text()
README = (ROOT / "README.md").read_text()
PAGES = {"docs/architecture.md": ARCHITECTURE, "CONTRIBUTING.md": CONTRIBUTING, "README.md": README}
PAGES |= {
    f"docs/{name}": (ROOT / "docs" / name).read_text()
    for name in ("command_line.md", "exports.md", "for_data_scientists.md", "install.md", "performance.md", "runbook.md", "settings.md")
}
TOP = ("dags", "plugins", "include", "spark_jobs", "tests", "docs", "bench", "deploy")
TO_BE_MADE = {"include/answers/NN_name.sql", "include/customers/beta.yaml"}  # what the reader makes
FAULTS = [f"R{number}" for number in range(1, 14)]
NEVER_GIVEN = {"R11"}

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
SUITES = next(each for each in COMMANDS["test"].params if each.name == "suite").help.partition("One of ")[2].partition(".")[0].split(", ")
SUITE_FILES = sorted((ROOT / "tests").rglob("*.py"))
TESTS = {name: path for path in SUITE_FILES for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)}


def quoted(page: str) -> list[str]:
    """What stands in backticks in the page's text, and the lines of its code blocks."""
    blocks = re.findall(r"^```\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    text = re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
    return [" ".join(each.split()) for each in re.findall(r"`([^`]+)`", text)] + [line for block in blocks for line in block.splitlines()]


def missing(words: str) -> str | None:
    """What is not there of that which the words name; None if all is, or they name nothing of the project."""
    if words.startswith("./landfall "):
        return missing_command(words.split()[1:])
    if re.fullmatch(r"test_\w+", words):
        return None if words in TESTS else f"test {words}"
    if re.fullmatch(r"(include|tests)(\.\w+)+", words):
        return None if importlib.util.find_spec(words) else f"module {words}"
    path, _, test = words.partition("::")
    if path.partition("/")[0] in TOP and "/" in path and " " not in path:
        return missing_path(path, test)
    if re.fullmatch(r"\w+\.(py|sql|html|md|js)", path):  # of a folder that the text names beside it
        return None if list(ROOT.glob(f"*/**/{path}")) or (ROOT / path).exists() else f"file {path}"
    return None


def missing_path(path: str, test: str) -> str | None:
    there = list(ROOT.glob(re.sub(r"<\w+>", "*", path.rstrip("/"))))
    if not there and path not in TO_BE_MADE:
        return f"path {path}"
    if test and not any(re.search(rf"^def {test}\b", each.read_text(), re.MULTILINE) for each in there):
        return f"test {test} in {path}"
    return None


def missing_command(arguments: list[str]) -> str | None:
    """Of a command its name, of a group its subcommand, of the tests their suite."""
    if arguments[0] in ("--profile", "--version"):
        arguments = arguments[2:] if arguments[0] == "--profile" else ["check"]
    name, rest = arguments[0], arguments[1:]
    two = " ".join(arguments[:2])
    if name not in COMMANDS:
        return f"command {name}"
    command = COMMANDS[name]
    if hasattr(command, "commands"):
        return None if rest and rest[0] in command.commands else f"command {two}"
    if name == "test" and rest and not rest[0].startswith("-"):
        return None if rest[0] in SUITES else f"suite {rest[0]}"
    known = {option for parameter in command.params for option in parameter.opts}
    unknown = [option for option in rest if option.startswith("--") and option not in known and name != "test"]
    return f"option {unknown[0]} of {name}" if unknown else None


def rooms_of_the_page() -> dict[str, set[str]]:
    """Room to the rooms that it may import, as the table under "Rooms" has them."""
    section = ARCHITECTURE.partition("\n## Rooms\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("| ")][1:]
    assert all(len(row) == 4 and row[2] and row[3] for row in rows), "each room has what it is for and what it must not"
    return {row[0]: {name for name in row[1].split(", ") if name} for row in rows}


def rooms_of_the_code() -> dict[str, set[str]]:
    """ROOMS of test_structure.py, which no other test may import."""
    tree = ast.parse((ROOT / "tests" / "unit" / "test_structure.py").read_text())
    [table] = [node.value for node in tree.body if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "ROOMS"]
    assert isinstance(table, ast.Dict)
    cells = zip(table.keys, table.values, strict=True)
    return {
        ast.literal_eval(room): set(ast.literal_eval(allowed)) if isinstance(allowed, ast.Set) else set() for room, allowed in cells if room
    }


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_names_is_there(name: str) -> None:
    named = quoted(PAGES[name])
    assert len(named) > 10, "else the page is not read as it should be"
    assert [lacking for words in named if (lacking := missing(words))] == []


@pytest.mark.parametrize(
    "words",
    [
        "include/no_such.py", "tests/unit/<no_room>/x", "tests/faults/test_lake.py::test_r4", "test_nothing", "include.lake.no_such",
        "./landfall lnad", "./landfall customers ad", "./landfall test slow", "./landfall replay --dry", "no_such.py",
    ],
)  # fmt: skip
def test_what_is_not_there_is_noticed(words: str) -> None:
    assert missing(words)


def test_the_page_fits_a_sitting() -> None:
    assert len(ARCHITECTURE.splitlines()) <= 200
    assert max(map(len, [*ARCHITECTURE.splitlines(), *CONTRIBUTING.splitlines()])) <= 140


def test_every_task_has_its_row_in_order() -> None:
    assert tuple(re.findall(r"^\| `(\w+)` \|", ARCHITECTURE, re.MULTILINE)) == TASKS


def test_the_rooms_are_those_that_the_imports_keep_to() -> None:
    assert rooms_of_the_page() == {"ground": set(), **rooms_of_the_code()}
    folders = {path.parent.name for path in (ROOT / "include").glob("*/__init__.py")}
    assert folders == rooms_of_the_code().keys()


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_has_a_test_that_shows_it(fault: str) -> None:
    rows = re.findall(rf"^\| {fault}\b.*$", ARCHITECTURE, re.MULTILINE)
    assert rows
    if fault in NEVER_GIVEN:
        assert "never given" in rows[0]
        return
    shown = [name for row in rows for name in re.findall(r"::(test_\w+)`", row)]
    assert len(shown) == len(rows), "one test each; that they are there, test_what_a_page_names_is_there says"
    for name in shown:
        assert name.startswith(f"test_{fault.lower()}_") or fault in TESTS[name].read_text().splitlines()[0]


def test_every_test_that_bears_a_fault_s_number_is_of_a_fault_that_is_listed() -> None:
    numbers = {f"R{number}" for name in TESTS for number in re.findall(r"^test_r(\d+)_", name)}
    assert numbers <= set(FAULTS) - NEVER_GIVEN


def test_the_readme_names_both_pages() -> None:
    assert all(f"]({name})" in README for name in ("docs/architecture.md", "CONTRIBUTING.md"))


FIRST_STEPS = [
    ("what it needs", r"^It needs Linux, Python [\d.]+ or newer, .* memory .* disk"),
    ("a picture of the page", r"^!\[[^]]+\]\(docs/landings\.png\)"),
    ("what the pieces are", r"^\| piece \| does \|"),
    ("how to upgrade", r"^## Upgrade\n\n```\n\./landfall down\n"),
    ("the license", r"^## License\n\n\[Apache License 2\.0\]\(LICENSE\)"),
    ("what Airflow's own pages show to whom", r"Airflow's own pages know no readers\*\*: every login sees"),
    ("which choice of the backfill form does what", r"\*All Runs\* under \*Reprocess Behavior\* .*\*Missing Runs\*, leaves out"),
]


@pytest.mark.parametrize(("why", "pattern"), FIRST_STEPS, ids=[row[0] for row in FIRST_STEPS])
def test_who_begins_finds_in_the_readme(why: str, pattern: str) -> None:
    assert re.search(pattern, README, re.MULTILINE | re.DOTALL), why


def test_the_readme_names_the_commands_that_matter() -> None:
    assert {"demo", "test", "land", "query", "landings", "down"} <= {command[0] for command in readme.commands()}


@pytest.mark.parametrize("command", readme.commands(), ids=lambda command: command[0])
def test_a_command_of_the_readme_is_one_that_landfall_knows(command: list[str]) -> None:
    """With its options, which are read before the help is shown."""
    told = CliRunner().invoke(app, [*command, "--help"])
    assert (told.exit_code, f"landfall {command[0]}" in told.output) == (0, True), told.output


def test_a_wrong_command_or_option_is_noticed() -> None:
    assert [CliRunner().invoke(app, [*words, "--help"]).exit_code for words in (["lnad"], ["land", "--customers", "acme"])] == [2, 2]


OF_THE_PAGE = [command for block in install_page.blocks() for command in install_page.commands(block.commands)]


@pytest.mark.parametrize("command", OF_THE_PAGE, ids=lambda command: command[0])
def test_a_command_of_the_page_for_an_airflow_is_one_that_landfall_knows(command: list[str]) -> None:
    """tests/integration/test_install.py follows the page; that is part of the long form."""
    assert CliRunner().invoke(app, [*command, "--help"]).exit_code == 0


def test_the_page_for_an_airflow_goes_by_steps_and_sets_what_it_uses() -> None:
    blocks = install_page.blocks()
    assert [block.step for block in blocks] == sorted(block.step for block in blocks)
    assert {block.step for block in blocks} == set(range(1, 10))
    assert {command[0] for command in OF_THE_PAGE} == {"customers", "doctor", "land", "query"}
    used = {name for block in blocks[1:] for name in re.findall(r"\$\{?([A-Z_]+)", block.commands)}
    assert used - {"HADOOP_USER_NAME"} == install_page.values().keys() - {"AIRFLOW_HOME"}


def test_blocks_of_the_readme_are_short() -> None:
    lines = [block.count("\n") + 1 for block in README.split("\n\n") if not block.startswith(("|", "```"))]
    assert max(lines) <= 6, "a paragraph of more lines is passed over"


@pytest.mark.parametrize("dag", sorted((ROOT / "dags").glob("*.py")), ids=lambda path: path.name)
def test_what_a_dag_says_of_itself_is_in_words_of_reference_docs(dag: Path) -> None:
    tree = ast.parse(dag.read_text())
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert not [text for text in texts if re.search(r"\b(told|anew|stands?|tells?|red)\b", text)]


def test_the_runbook_is_what_dags_operators_and_errors_say() -> None:
    assert runbook.PAGE.read_text() == runbook.page(), "their texts have changed since: ./landfall runbook writes docs/runbook.md anew"


def test_the_runbook_has_every_dag_and_task_and_error() -> None:
    page = PAGES["docs/runbook.md"]
    assert set(runbook.DAGS) == {path.stem for path in (ROOT / "dags").glob("*.py")}, "a DAG is missing in DAGS of include/cli/runbook.py"
    assert re.findall(r"^### `(\w+)`$", page, re.MULTILINE)[: len(TASKS)] == list(TASKS)
    assert page.count("**On call:**") == page.count("\n### ") > len(TASKS)
    assert "| `SourceRefused` |" in page.partition("| not tried again |")[2]
    assert "| `Overtaken` |" in page.partition("| not tried again |")[0]


PLANTED = [
    ("an operator that says nothing", 'X(task_id="a")', "a is a X, whose docstring has no"),
    ("a row of no task", '"""\n| `b` | does | clear it |\n"""', "rows of tasks that it does not make: b"),
]


@pytest.mark.parametrize(("why", "source", "reason"), PLANTED, ids=[row[0] for row in PLANTED])
def test_what_the_runbook_would_lack_is_named(why: str, source: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "one.py").write_text(source)
    monkeypatch.setattr(runbook, "ROOT", tmp_path)
    with pytest.raises(LandfallError, match=reason):
        runbook.tasks("one", {})
