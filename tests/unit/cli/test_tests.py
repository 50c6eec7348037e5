"""The table of times at the end of `./landfall test`."""

from types import SimpleNamespace

import pytest

from include.cli.tests import Times, part_of


@pytest.mark.parametrize(
    ("test", "part"),
    [
        ("tests/unit/lake/test_lake.py::test_a[1/2]", "tests/unit/lake"),
        ("tests/unit/test_docs.py::test_a", "tests/unit"),
        ("tests/plugins/test_metrics.py::test_a", "tests/plugins"),
        ("tests/e2e/test_demo.py::test_a", "tests/e2e/test_demo.py"),
    ],
)
def test_a_test_is_of_a_part(test: str, part: str) -> None:
    assert part_of(test) == part


def test_the_longest_part_is_first_and_the_whole_last(capsys: pytest.CaptureFixture[str]) -> None:
    times = Times()
    for nodeid, when, seconds in [
        ("tests/unit/a.py::t", "setup", 1.0),
        ("tests/unit/a.py::t", "call", 2.0),
        ("tests/e2e/b.py::t", "setup", 9.0),
    ]:
        times.pytest_runtest_logreport(SimpleNamespace(nodeid=nodeid, when=when, duration=seconds))  # type: ignore[arg-type]
    times.show()
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert rows[0] == ["part", "tests", "seconds"]
    assert rows[2:4] == [["tests/e2e/b.py", "1", "9.0"], ["tests/unit", "1", "3.0"]]
    assert rows[4][:4] == ["all,", "as", "the", "clock"]


def test_nothing_is_printed_of_no_test(capsys: pytest.CaptureFixture[str]) -> None:
    Times().show()
    assert capsys.readouterr().out == ""
