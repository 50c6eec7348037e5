"""The main job from nothing, as a person meets it, on the sample with every irregularity."""

from pathlib import Path

import pytest

from include.cli import DEMO_DAY
from include.customers import customer
from tests.e2e import readme
from tests.e2e.conftest import Landfall
from tests.e2e.landed import differences
from tests.recount import Recount, recount


@pytest.fixture(scope="module")
def first(landfall: Landfall) -> str:
    return landfall("demo").stdout


@pytest.fixture(scope="module")
def expected(first: str, landfall: Landfall) -> Recount:
    paths = sorted((landfall.settings.inbox / "demo" / DEMO_DAY).iterdir())
    tests = customer("demo").test_exams
    return recount(paths, DEMO_DAY, tests.exam_name, tests.base_exam_id)


def test_the_demo_prints_what_landed_and_where_to_look(first: str, expected: Recount, landfall: Landfall) -> None:
    at = landfall.settings.endpoints
    for said in (f"{expected.figures.published:,}", expected.figures.content_hash, at.airflow_url, at.namenode_url, "admin"):
        assert said in first


def test_every_table_is_row_by_row_what_the_files_hold(first: str, expected: Recount, landfall: Landfall) -> None:
    assert differences(landfall.lake("demo"), DEMO_DAY, expected) == []


def test_the_receipt_is_what_the_files_hold(first: str, expected: Recount, landfall: Landfall) -> None:
    [landing] = landfall.json("landings", "--customer", "demo")
    figures = expected.figures
    for key in ("published", "landed", "duplicates", "quarantined", "test", "content_hash", "conflicts", "reasons"):
        assert landing[key] == getattr(figures, key), key
    assert landing["tables"] == {name: len(rows) for name, rows in expected.tables.items()}


def test_a_second_demo_says_what_is_landed_already_and_by_which_run(first: str, landfall: Landfall) -> None:
    [landing] = landfall.json("landings", "--customer", "demo")
    again = landfall("demo").stdout
    assert "already landed" in again
    assert landing["run_id"] in again
    assert len(landfall.json("landings", "--customer", "demo")) == 1


def test_the_answers_lie_on_hdfs(first: str, landfall: Landfall) -> None:
    lake = landfall.lake("demo")
    names = {Path(name).name for name in lake.fs.ls("/lake/demo/answers", detail=False)}
    assert names == {f"{DEMO_DAY}.json", f"{DEMO_DAY}.html"}


def test_the_readme_names_the_commands_that_matter() -> None:
    assert {"demo", "test", "land", "query", "landings", "down"} <= {command[0] for command in readme.commands()}


@pytest.mark.parametrize("command", readme.commands(), ids=lambda command: command[0])
def test_a_command_of_the_readme_is_one_that_landfall_knows(command: list[str], landfall: Landfall) -> None:
    assert f"landfall {command[0]}" in landfall(command[0], "--help").stdout


@pytest.mark.parametrize("command", [each for each in readme.commands() if each[0] in ("query", "landings")], ids=lambda each: each[0])
def test_what_the_readme_asks_has_an_answer(first: str, command: list[str], landfall: Landfall) -> None:
    rows = landfall.json(*command)
    assert rows["rows"] if command[0] == "query" else rows
