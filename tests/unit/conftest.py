"""Catalogs of lakes: a SQLite file, or a database of a Postgres of the tests' own.

With --long, whatever tests the lake or its maintenance does so on both. Tests that ask for `catalog` do so always.
"""

from pathlib import Path

import pytest

from tests.harness.lakes import CATALOG

ROOMS = {"lake", "maintenance"}
ON_POSTGRES = pytest.param("Postgres", marks=pytest.mark.not_quick("a Postgres of its own; SQLite is asked the same"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests that have a folder have a lake in it, or may have one."""
    in_long = metafunc.config.getoption("--long") and metafunc.definition.path.parent.name in ROOMS and "tmp_path" in metafunc.fixturenames
    if in_long and "catalog" not in metafunc.fixturenames:
        metafunc.fixturenames.insert(0, "catalog")
    if "catalog" in metafunc.fixturenames:
        metafunc.parametrize("catalog", ["SQLite", ON_POSTGRES], indirect=True)


@pytest.fixture
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Which catalog the lake in the test's folder has."""
    kind = str(request.param)
    if kind == "Postgres":
        (tmp_path / CATALOG).write_text(request.getfixturevalue("postgres").database())
    return kind
