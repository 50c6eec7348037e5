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
    "cli": {"maintenance", "runs", "stack"},
}


def reachable(room: str) -> set[str]:
    return {room, "ground"}.union(*map(reachable, ROOMS.get(room, set())))


def rooms_imported(path: Path) -> set[str]:
    """Of include, wherever in the file, also for types alone."""
    modules = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom) and node.module]
    names = [f"{node.module}.{alias.name}" for node in modules for alias in node.names]
    return {name.split(".")[1] if name.split(".")[1] in ROOMS else "ground" for name in names if name.startswith("include.")}


@pytest.mark.parametrize("path", INCLUDE, ids=lambda path: path.relative_to(ROOT / "include").as_posix())
def test_a_room_imports_what_the_table_lets_it(path: Path) -> None:
    room = path.relative_to(ROOT / "include").parts[0]
    room = room if room in ROOMS else "ground"
    assert rooms_imported(path) <= reachable(room), f"{room} may import {sorted(reachable(room))}: docs/architecture.md, Rooms, says why"


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_airflow_loads_needs_neither_the_command_line_nor_the_stack(path: Path) -> None:
    assert not rooms_imported(path) & {"cli", "stack"}


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
