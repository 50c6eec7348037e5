"""R13: defects planted between the steps, on a real HDFS: `validate` names each. tests/unit/validation has all of them on local files."""

from pathlib import Path
from typing import Any

import pytest

from include.storage.webhdfs import filesystem
from include.validation.checks import problems, read_landed
from tests.oracle.built_landing import build
from tests.oracle.planted_defects import DEFECTS, Defect

SHORT = 12  # every twelfth defect


@pytest.fixture(scope="module")
def fs(hdfs: Any) -> Any:
    return filesystem(hdfs.host, hdfs.port, hdfs.user)


@pytest.fixture(scope="module")
def named(fs: Any, long: bool) -> list[tuple[Defect, list[str]]]:
    """The defects with what is said of each."""
    chosen = DEFECTS if long else DEFECTS[::SHORT]
    found = []
    for number, defect in enumerate(dict.fromkeys(chosen)):
        built = defect.build(Path(), fs=fs, root=f"/lake/defect{number}")
        found.append((defect, problems(built.publish, built.transform, read_landed(fs, built.transform), max_quarantined=0.2)))
    return found


def test_a_correct_landing_has_no_problem(fs: Any) -> None:
    built = build(Path(), fs=fs, root="/lake/correct")
    assert problems(built.publish, built.transform, read_landed(fs, built.transform), max_quarantined=0.2) == []


def test_r13_every_planted_defect_is_named(named: list[tuple[Defect, list[str]]], figures: list[str]) -> None:
    unnamed = []
    for defect, said in named:
        sentence = next((told for told in said if defect.said in told), None)
        figures.append(f"R13 {defect.name}: {sentence[:120] if sentence else 'NOT NAMED'}")
        unnamed += [] if sentence else [defect.name]
    assert unnamed == []
    assert len(named) >= 10
