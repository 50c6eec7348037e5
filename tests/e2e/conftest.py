"""A whole stack of its own for these tests; it is down before those of another folder begin, which want the machine."""

from collections.abc import Iterator

import pytest

from tests.harness.private_landfall import Landfall, private_landfall


@pytest.fixture(scope="package")
def landfall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landfall]:
    """Nothing is up at first: the first test that needs the stack starts it, by the command a person would use."""
    with private_landfall(tmp_path_factory.mktemp("home")) as run:
        yield run


@pytest.fixture(scope="package")
def stack(landfall: Landfall) -> Landfall:
    landfall("up")
    return landfall
