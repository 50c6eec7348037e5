"""R13: defects planted between the steps, on a real HDFS: `validate` names each, and has no check that nothing planted can trip."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from include.storage.webhdfs import filesystem
from include.validation import checks as landing
from include.validation.checks import problems, read_landed
from tests.oracle.built_landing import RECORDS, build
from tests.oracle.planted_defects import DEFECTS, Defect

SHORT = 3  # every third defect


def checks() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Every sentence that `checks.py` can say, as a pattern: from its source, so that a new one without a defect is found."""
    for node in ast.walk(ast.parse(Path(landing.__file__).read_text())):
        if isinstance(node, ast.Yield) and isinstance(node.value, ast.JoinedStr):
            parts = [re.escape(part.value) if isinstance(part, ast.Constant) else ".*" for part in node.value.values]
            yield ast.unparse(node.value), re.compile("".join(parts), re.DOTALL)
        elif isinstance(node, ast.Dict) and len(node.keys) > 1:
            for key in node.keys:  # the tables of sentences
                if isinstance(key, ast.Constant):
                    yield key.value, re.compile(re.escape(key.value))


@pytest.fixture(scope="module")
def fs(hdfs: Any) -> Any:
    return filesystem(hdfs.host, hdfs.port, hdfs.user)


@pytest.fixture(scope="module")
def named(fs: Any, long: bool, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Defect, list[str]]]:
    """The defects with what is said of each."""
    chosen = DEFECTS if long else [*_one_for_each_check(tmp_path_factory.mktemp("local")), *DEFECTS[::SHORT]]
    found = []
    for number, defect in enumerate(dict.fromkeys(chosen)):
        built = defect.build(Path(), fs=fs, root=f"/lake/defect{number}")
        found.append((defect, problems(built.publish, built.transform, read_landed(fs, built.transform), max_quarantined=0.2)))
    return found


def _one_for_each_check(folder: Path) -> Iterator[Defect]:
    """The first defect that trips each check, found out on local files."""
    said = []
    for number, defect in enumerate(DEFECTS):
        built = defect.build(folder / str(number))
        said.append((defect, "\n".join(problems(built.publish, built.transform, read_landed(built.fs, built.transform), 0.2))))
    for _, pattern in checks():
        yield from [defect for defect, text in said if pattern.search(text)][:1]


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
    assert len(named) >= 30


def test_r13_every_check_is_tripped_by_a_defect(named: list[tuple[Defect, list[str]]], fs: Any, figures: list[str]) -> None:
    strict = build(Path(), fs=fs, root="/lake/strict")
    over = problems(strict.publish, strict.transform, read_landed(fs, strict.transform), max_quarantined=0.1)
    told = [*over, *(sentence for _, said in named for sentence in said)]
    untripped = [name for name, pattern in checks() if not any(pattern.search(sentence) for sentence in told)]
    figures.append(
        f"R13: {len(named)} defects of {len(RECORDS)} records, {len(list(checks()))} sentences of validate, each said at least once"
    )
    assert untripped == []
    assert len(list(checks())) >= 15
