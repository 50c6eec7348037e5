"""What keeps the parts apart, and the code as `./landfall check` has it."""

import ast
from pathlib import Path

import pytest

from include.cli import checks

ROOT = Path(__file__).parents[2]
INCLUDE = sorted((ROOT / "include").rglob("*.py"))
OURS = sorted(path for folder in ("dags", "plugins") for path in (ROOT / folder).rglob("*.py"))
SPARK_JOBS = sorted((ROOT / "spark_jobs").glob("*.py"))


def imported(path: Path) -> set[str]:
    """Top-level names of all modules that a file imports, wherever in the file."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {name.split(".")[0] for name in plain | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}}


def test_there_is_something_to_look_at() -> None:
    assert len(INCLUDE) > 20
    assert len(SPARK_JOBS) > 4


@pytest.mark.parametrize("path", INCLUDE, ids=lambda path: path.name)
def test_include_knows_neither_airflow_nor_spark(path: Path) -> None:
    assert not imported(path) & {"airflow", "pyspark", "plugins", "spark_jobs"}


@pytest.mark.parametrize("path", SPARK_JOBS, ids=lambda path: path.name)
def test_spark_jobs_import_nothing_of_ours_but_siblings(path: Path) -> None:
    assert not imported(path) & {"include", "plugins", "dags", "airflow"}


# What a room may import beside itself and the ground, the modules that lie in include/ itself. What a room may, those above it may too.
ROOMS: dict[str, set[str]] = {
    "storage": set(),
    "source": {"storage"},
    "kafka": {"source"},
    "lake": {"storage"},
    "validation": {"lake"},
    "query": {"lake", "source", "kafka"},
    "answers": {"query"},
    "runs": {"lake"},
    "maintenance": {"answers", "validation"},
    "stack": set(),
    "deployment": {"kafka", "runs", "stack"},
    "cli": {"maintenance", "deployment"},
}


def reachable(room: str) -> set[str]:
    return {room, "ground"}.union(*map(reachable, ROOMS.get(room, set())))


def rooms_imported(path: Path) -> set[str]:
    """Of include, wherever in the file, also for types alone."""
    return rooms_in(path.read_text(), path.relative_to(ROOT).parent.parts)


def rooms_in(source: str, package: tuple[str, ...]) -> set[str]:
    """Of include, in a file of this package: by `import include.lake.lake`, `from include.lake import lake`, `from ..lake import lake`."""
    nodes = list(ast.walk(ast.parse(source)))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [f"{module_of(node, package)}.{alias.name}" for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names]
    parts = [name.split(".") for name in names]
    return {name[1] if name[1] in ROOMS else "ground" for name in parts if name[0] == "include" and len(name) > 1}


def module_of(node: ast.ImportFrom, package: tuple[str, ...]) -> str:
    """The module's full name, of a relative import by the package that it is in."""
    above = package[: len(package) - node.level + 1] if node.level else ()
    return ".".join([*above, *([node.module] if node.module else [])])


@pytest.mark.parametrize(
    ("source", "rooms"),
    [
        ("from include.lake.lake import Lake", {"lake"}),
        ("from include.lake import lake", {"lake"}),
        ("from include import lake, receipts", {"lake", "ground"}),
        ("import include.lake.lake as one, include.query.session", {"lake", "query"}),
        ("import include.receipts", {"ground"}),
        ("from . import webhdfs", {"storage"}),
        ("from .webhdfs import filesystem", {"storage"}),
        ("from ..lake.lake import Lake", {"lake"}),
        ("from .. import lake, receipts", {"lake", "ground"}),
        ("def f():\n    if True:\n        import include.cli.main", {"cli"}),
        ("import included.lake, json\nfrom pathlib import Path", set()),
    ],
)
def test_no_way_to_import_a_room_goes_unseen(source: str, rooms: set[str]) -> None:
    assert rooms_in(source, ("include", "storage")) == rooms


@pytest.mark.parametrize("path", INCLUDE, ids=lambda path: path.relative_to(ROOT / "include").as_posix())
def test_a_room_imports_what_the_table_lets_it(path: Path) -> None:
    room = path.relative_to(ROOT / "include").parts[0]
    room = room if room in ROOMS else "ground"
    assert rooms_imported(path) <= reachable(room), f"{room} may import {sorted(reachable(room))}: docs/architecture.md, Rooms, says why"


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_airflow_loads_needs_neither_the_command_line_nor_the_stack(path: Path) -> None:
    assert not rooms_imported(path) & {"cli", "deployment", "stack"}


PRODUCTION = [*INCLUDE, *OURS, *SPARK_JOBS, *sorted((ROOT / "bench").rglob("*.py")), *sorted((ROOT / "deploy").rglob("*.py"))]
LINES_OF_A_FILE, LINES_OF_A_FUNCTION = 400, 45  # a file has fewer, a function at most so many; how complex one may be, ruff checks (C901)


@pytest.mark.parametrize("path", PRODUCTION, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_and_each_of_its_functions_fit_a_screen_or_few(path: Path) -> None:
    source = path.read_text()
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    lines = {f"{node.name}, line {node.lineno}": (node.end_lineno or 0) - node.lineno + 1 for node in functions}
    assert {name: count for name, count in lines.items() if count > LINES_OF_A_FUNCTION} == {}, "make two of it, each with one thing to do"
    assert len(source.splitlines()) < LINES_OF_A_FILE, "make two files of it, each about one thing"


def test_no_test_imports_a_test() -> None:
    """What several stand on lies in tests/harness and tests/oracle: a test can be read, moved and left out without another."""
    paths = sorted((ROOT / "tests").rglob("*.py"))
    modules = {
        str(path): node.module or "" for path in paths for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)
    }
    assert [path for path, module in modules.items() if ".test_" in module] == []


@pytest.mark.parametrize("part", checks.PARTS)
def test_the_code_passes_landfall_check(part: str) -> None:
    verdict = checks.PARTS[part]()
    if verdict.skipped:
        pytest.skip(f"{part}: {verdict.skipped}")
    assert verdict.passed, verdict.output
