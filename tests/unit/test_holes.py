"""Which moves of which field are told, and with which day a day is compared."""

from dataclasses import replace
from pathlib import Path

import pytest

from include.holes import SHOWN, Counts, Holes, moved, nearest_earlier
from include.lake import Lake
from tests.built_landing import RECORDS, build

THEN = Counts(parents=1000, present=900, nulls=50, missing=30, empty=20, wrong_type=0)


def counts(parents: int = 100, present: int = 0, nulls: int = 0, missing: int = 0, empty: int = 0, wrong_type: int = 0) -> Counts:
    return Counts(parents, present, nulls, missing, empty, wrong_type)


@pytest.mark.parametrize(
    ("why", "now", "told"),
    [
        ("the same shares", counts(present=90, nulls=5, missing=3, empty=2), []),
        ("exactly as far as is allowed", counts(present=85, nulls=10, missing=3, empty=2), []),
        ("just farther", counts(1000, present=849, nulls=101, missing=30, empty=20), ["at is null in 10.1 % of 1,000"]),
        ("two kinds", counts(present=80, missing=10, wrong_type=10),
         ["at is missing in 10.0 % of 100", "at is of another type in 10.0 % of 100"]),
        ("from null to missing, as often there as before", counts(present=90, missing=8, empty=2), []),
        ("all of it from null to missing", counts(present=84, missing=14, empty=2), ["at is missing in 14.0 % of 100"]),
        ("a little of each adds up", counts(present=82, nulls=9, missing=6, empty=3), ["at is present in 82.0 % of 100"]),
        ("there again", counts(present=100), ["at is present in 100.0 % of 100"]),
        ("no parents, no share", counts(0), []),
    ],
)  # fmt: skip
def test_a_share_that_moves_is_told(why: str, now: Counts, told: list[str]) -> None:
    found = moved({"at": now}, {"at": THEN}, "2018-01-26", points=5)
    assert [sentence.partition(";")[0] for sentence in found] == told, why
    assert all("on 2018-01-26 it was in" in sentence for sentence in found)


def test_nothing_is_allowed_and_everything() -> None:
    assert len(moved({"at": counts(present=91, nulls=4, missing=3, empty=2)}, {"at": THEN}, "2018-01-26", points=0)) == 1
    assert moved({"at": counts(missing=100)}, {"at": THEN}, "2018-01-26", points=100) == []


def test_a_day_without_any_of_its_fields_is_told_in_a_bounded_number_of_sentences() -> None:
    now: Holes = {f"field {number}": counts(missing=100) for number in range(40)}
    found = moved(now, dict.fromkeys(now, THEN), "2018-01-26", points=5)
    assert len(found) == SHOWN + 1
    assert found[-1] == "and 20 more fields that moved by more than 5 points"


def test_a_path_that_was_not_counted_before_is_no_move() -> None:
    assert moved({"new": counts(missing=100)}, {}, "2018-01-26", points=5) == []


def test_the_nearest_earlier_day_is_the_one_to_compare_with(tmp_path: Path) -> None:
    lake = Lake.open("acme", f"sqlite:///{tmp_path}/catalog.db", f"file://{tmp_path}", build(tmp_path).fs)
    assert nearest_earlier(lake, "2018-01-28") is None
    for day, records in (("2018-01-20", RECORDS[:3]), ("2018-01-25", RECORDS[:2]), ("2018-01-30", RECORDS)):
        built = build(tmp_path, records, day)
        lake.commit(replace(built.landing, landing=built.transform.landing), built.transform)
    empty = build(tmp_path, [], "2018-01-27")
    lake.commit(replace(empty.landing, landing=empty.transform.landing), empty.transform)
    found = nearest_earlier(lake, "2018-01-28")
    assert found, "a day without records tells nothing"
    assert found[0] == "2018-01-25"
    assert found[1]["exam_name"] == counts(2, present=2)
    assert nearest_earlier(lake, "2018-01-20") is None
