"""The example of CONTRIBUTING.md, "Add a figure": its edits are made in a copy of the code, and nothing else is."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.harness import one_more_figure
from tests.harness.lakes import commit, open_lake
from tests.harness.one_more_figure import EDITED, FIRST, RECORDS, ROOT, SECOND, WITHOUT_SCORE, edits
from tests.oracle.built_landing import build

pytestmark = pytest.mark.not_quick("a process of its own, which loads Airflow's libraries: tests/unit/test_figures.py compares the lists")


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A copy of the code with the edits, and the figure's name."""
    root = tmp_path_factory.mktemp("edited")
    for folder in EDITED:
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return root, one_more_figure.apply(root)


@pytest.fixture(scope="module")
def arrived(edited: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each place says of the figure, in a lake where the code without it has landed a day."""
    folder = tmp_path_factory.mktemp("lake")
    commit(open_lake(folder), build(folder, RECORDS, day=FIRST))
    command = [sys.executable, "-m", "tests.harness.one_more_figure", str(folder)]
    path = os.pathsep.join(map(str, (edited[0], edited[0] / "plugins", ROOT)))
    run = subprocess.run(command, cwd=edited[0], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    answered: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return answered


def test_the_example_has_three_edits_at_most() -> None:
    assert [path for path, _, _ in edits()] == ["include/figures.py", "spark_jobs/tables.py", "include/validation/queries.py"]


def test_the_edits_pass_the_linter(edited: tuple[Path, str]) -> None:
    paths = [str(edited[0] / path) for path, _, _ in edits()]
    config = ["--config", str(ROOT / "pyproject.toml")]
    for command in (["check", "--no-cache", *config], ["format", "--check", "--no-cache", *config]):
        run = subprocess.run([sys.executable, "-m", "ruff", *command, *paths], capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr


def test_the_example_of_the_page_is_all_that_a_figure_needs(arrived: dict[str, Any], edited: tuple[Path, str]) -> None:
    name, count = edited[1], len(WITHOUT_SCORE)
    words = name.replace("_", " ").split()
    assert arrived["column"] == [name, "Distinct attempts without a score, among the landed; null before it was kept"]
    assert arrived["rows"] == [[FIRST, None], [SECOND, count]]
    assert arrived["validate"] == count
    right, wrong = arrived["problems"]
    assert right == []
    assert wrong[0].startswith(f"attempts without a score: Spark's receipt says 7, the tables hold {count}.")
    assert arrived["receipt of the run"] == [count, count]
    assert [*words, str(count)] in arrived["receipt as a person reads it"]
    head, _, second, first, *_ = arrived["landings --wide"]
    assert " ".join(words) in " ".join(head)
    assert len(second) == len(first)
    assert (str(count) in second, "null" in first) == (True, True)
    assert arrived["report of the day"] == count
    assert arrived["page of the day"][" ".join(words)] == str(count)
    assert arrived["report of all days"] == [count, None]
    assert arrived["event"] == count
    assert arrived["dialog"][name] == count
    assert arrived["metrics"][f"landfall.acme.records.{name}"] == count
    assert set(arrived["shown"]) == {"WIDE", "RUN", "DAY", "DAYS", "EVENTS"}


def test_a_day_of_the_version_before_is_read_shown_and_written_again_without_the_figure(
    arrived: dict[str, Any], edited: tuple[Path, str]
) -> None:
    words = edited[1].replace("_", " ")
    assert arrived["before"] == [[FIRST, None]], "asked before anything is written that has the column"
    assert "conflicts" in arrived["page of an earlier day"]
    assert words not in arrived["page of an earlier day"]
    assert "published" in arrived["page of all days"]
    assert words not in arrived["page of all days"], "a sum over days of which one has no count"
    assert arrived["forgotten"] == [None, len(WITHOUT_SCORE) - 1]
