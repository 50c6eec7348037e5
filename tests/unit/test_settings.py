"""docs/settings.md has each setting that the code reads, and none that it does not."""

import ast
import re
from pathlib import Path

import pytest

from include.channels import CONNECTIONS
from include.maintenance.forget_request import variable_of
from include.stack import airflow
from include.stack.settings import Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "settings.md").read_text()
CODE = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for folder in ("include", "plugins", "dags", "spark_jobs")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "stack" not in path.parts
}
# Of a clone: where its stack and its tools are, and what its tests have happen.
OF_A_CLONE = {"LANDFALL_HOME", "LANDFALL_TOOLS", "LANDFALL_COMPLETE", "LANDFALL_FAULT", "LANDFALL_FAULTS"}
VARIABLE = re.compile(r"(?<![A-Z])LANDFALL_[A-Z]+(?:_[A-Z]+)*(?![A-Z_])")


ENVIRONMENT = ("Environment of Airflow's processes", "Environment of the command")


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(title: str) -> list[list[str]]:
    """The cells of the section's table, less its head."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def keys() -> dict[str, dict[str, bool]]:
    """Of each connection on the page its keys, and whether each is required."""
    found: dict[str, dict[str, bool]] = {}
    name = ""
    for cells in rows("Connections"):
        name = cells[0].strip("`") or name
        named = re.findall(r"`([^`]+)`", cells[1])
        found.setdefault(name, {}).update({key: cells[3] == "required" or f"`{key}`" in cells[3] for key in named})
    return found


def test_the_page_is_read_as_it_should_be() -> None:
    assert len(keys()) == 7
    assert [len(rows(title)) for title in ENVIRONMENT] == [9, 6]


def test_each_variable_of_the_environment_is_there_and_none_else() -> None:
    read = {name for text in CODE.values() for name in VARIABLE.findall(text)} - OF_A_CLONE
    assert len(read) > 10
    named = [name for title in ENVIRONMENT for cells in rows(title) for name in VARIABLE.findall(cells[0])]
    assert sorted(named) == sorted(read), "each has one row"
    assert set(VARIABLE.findall(PAGE)) == read


@pytest.mark.parametrize("name", sorted({name for text in CODE.values() for name in VARIABLE.findall(text)} & OF_A_CLONE))
def test_what_is_left_out_is_of_no_deployment(name: str) -> None:
    where = {path for path, text in CODE.items() if name in text}
    assert all(path.startswith("include/cli/") or path == "include/effects.py" for path in where), where


def test_the_connections_are_those_of_the_operators() -> None:
    names = {
        ast.literal_eval(node.value)
        for node in ast.parse(CODE["plugins/connections.py"]).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    }
    assert len(names) == 4
    assert keys().keys() == names | set(CONNECTIONS.values())


def test_each_key_of_a_connection_s_extra_is_there_and_none_else() -> None:
    pattern = re.compile(r"extra(?:_dejson)?(?:\.get\(|\[|\.(?=\w+\}))['\"]?([\w.-]+)")
    read = {key for path, text in CODE.items() if path.startswith("plugins/") for key in pattern.findall(text)}
    named = {key.removeprefix("extra.") for each in keys().values() for key in each if key.startswith("extra.")}
    assert read == {"fs", "uri", "properties-file", "bootstrap.servers", "tuning"}
    assert read == {key for key in named if key != "*"}


def test_what_is_required_is_what_the_embedded_stack_sets(tmp_path: Path) -> None:
    """It sets no more than its tests need; of what it sets, Spark's settings alone may be somewhere else."""
    for name, connection in airflow.connections(Settings.private(tmp_path)).items():
        extra = connection.get("extra")
        assert isinstance(extra, dict)
        given = {key for key in connection if key not in ("conn_type", "extra")} | {f"extra.{key}" for key in extra}
        required = {key for key, is_required in keys()[name.lower()].items() if is_required}
        assert required == given - {"extra.properties-file"}, name


def test_the_variable_of_a_request_is_the_one_that_the_code_reads() -> None:
    assert f"`{variable_of('<customer>')}`" in section("Variables")


def test_airflow_s_settings_are_those_of_the_embedded_stack(tmp_path: Path) -> None:
    ours = {f"AIRFLOW__{name}": str(value) for name, value in airflow._configuration(Settings.private(tmp_path)).items()}
    for setting, *_ in rows("Airflow's own settings"):
        name, _, value = setting.strip("`").partition("=")
        assert name in ours
        assert value in ("", ours[name])
