"""What docs/for_data_scientists.md says without running anything. tests/integration runs the rest."""

import re
from pathlib import Path

from sqlalchemy import make_url

from include.contracts import OURS, TidyTerms, load
from include.lake.commit import KEPT_LANDINGS
from include.schemas import FIRST_SEEN
from include.stack.jars import READERS, locked
from include.stack.settings import PROJECT, Ports, Settings
from tests.harness.for_data_scientists import COMMANDS, ON_POSTGRES, PAGE, PROGRAMS, WITHOUT_A_CLONE


def flat(text: str) -> str:
    return " ".join(text.split())


def test_every_program_and_command_is_one_that_a_test_runs() -> None:
    assert list(PROGRAMS) == ["DuckDB", "pandas and Polars", "Spark SQL"]
    assert PAGE.count("```python") == len(PROGRAMS)
    assert "include" not in WITHOUT_A_CLONE
    assert max(len(line) for program in PROGRAMS.values() for line in program.splitlines()) <= 102, "else it is scrolled sideways"
    assert [command.split()[1] for command in COMMANDS] == ["tables"] * 2 + ["query"] * 6
    assert all("--user" in command for command in COMMANDS), "as a reader, never as the owner"


def test_programs_use_the_one_public_door_of_the_project() -> None:
    """Inner names move; a notebook of a customer should not break with them."""
    imported = {line for program in PROGRAMS.values() for line in program.splitlines() if "import" in line and "include" in line}
    assert imported == {"from include.query.notebook import open_catalog"}


def test_the_addresses_are_those_of_a_stack_that_nobody_moved() -> None:
    ports, catalog = Ports(), make_url(Settings.load({}).catalog_uri.format(customer="demo")).database
    for address in (f"port `{ports.namenode_http}`", f"`hdfs://127.0.0.1:{ports.namenode}`", f"`{Path(catalog).relative_to(PROJECT)}`"):
        assert address in PAGE


def test_spark_is_told_the_packages_that_are_locked() -> None:
    packages = re.findall(r'^packages = "(.*)"$', PROGRAMS["Spark SQL"] + ON_POSTGRES, re.MULTILINE)
    named = {f"spark/{name}-{revision}.jar" for _, name, revision in (each.split(":") for each in ",".join(packages).split(","))}
    assert named == set(locked(READERS))


def test_alice_and_airflow_s_viewer_read_demo_and_mallory_does_not() -> None:
    readers = load(OURS / "demo.yaml").readers
    assert {"alice", "viewer"} <= set(readers), "demo prints the login of viewer, who would see nothing otherwise"
    assert "mallory" not in readers


def test_how_long_an_earlier_landing_can_be_read_is_what_commits_and_tidying_leave() -> None:
    assert f"the last {KEPT_LANDINGS}, none that another one followed more than {TidyTerms().unneeded_days} days ago" in flat(PAGE)


def test_first_seen_is_written_out_for_other_engines() -> None:
    assert f"`{FIRST_SEEN.rows}`" in flat(PAGE)
