"""What keeps the parts apart, and the code as the linters want it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INCLUDE = sorted((ROOT / "include").rglob("*.py"))
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


CHECKS = [("ruff", "check"), ("ruff", "format", "--check"), ("mypy",)]


@pytest.mark.parametrize("check", CHECKS, ids=" ".join)
def test_the_code_is_as_the_linters_want_it(check: tuple[str, ...], tmp_path: Path) -> None:
    command = [str(Path(sys.executable).parent / check[0]), *check[1:], "--cache-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
