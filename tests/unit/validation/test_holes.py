"""Which moves of which field are told, and with which days a day is compared."""

from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from include.lake.lake import Lake
from include.source.split import split
from include.validation.holes import DAYS, SHOWN, Counts, Holes, days_before, moved
from tests.harness.private_landfall import REAL_FILE
from tests.oracle.built_landing import RECORDS, build
from tests.oracle.recount import hole_rows, records_of

THEN = Counts(parents=1000, present=900, nulls=50, missing=30, empty=20, wrong_type=0)
BEFORE = [("2018-01-25", {"at": THEN}), ("2018-01-26", {"at": THEN})]


def counts(parents: int = 1000, present: int = 0, nulls: int = 0, missing: int = 0, empty: int = 0, wrong_type: int = 0) -> Counts:
    return Counts(parents, present, nulls, missing, empty, wrong_type)


@pytest.mark.parametrize(
    ("why", "now", "told"),
    [
        ("the same shares", counts(present=900, nulls=50, missing=30, empty=20), []),
        ("exactly as far as is allowed", counts(present=850, nulls=100, missing=30, empty=20), []),
        ("just farther", counts(present=849, nulls=101, missing=30, empty=20), ["at is null in 10.1 % of 1,000"]),
        ("two kinds", counts(present=800, missing=100, wrong_type=100),
         ["at is missing in 10.0 % of 1,000", "at is of another type in 10.0 % of 1,000"]),
        ("from null to missing, as often there as before", counts(present=900, nulls=20, missing=60, empty=20), []),
        ("all of it from null to missing", counts(present=840, missing=140, empty=20), ["at is missing in 14.0 % of 1,000"]),
        ("a little of each adds up", counts(present=820, nulls=90, missing=60, empty=30), ["at is present in 82.0 % of 1,000"]),
        ("there again", counts(present=1000), ["at is present in 100.0 % of 1,000"]),
        ("no parents, no share", counts(0), []),
        ("so many points may be chance on a small day", counts(100, present=82, nulls=13, missing=3, empty=2), []),
        ("on a small day only a large move is none", counts(100, present=60, nulls=35, missing=3, empty=2),
         ["at is null in 35.0 % of 100"]),
        ("nine attempts are too few, whatever they have", counts(9, missing=9), []),
        ("and so are nine of many for which it was always there", counts(40, present=27, nulls=2, missing=1, empty=1, wrong_type=9), []),
    ],
)  # fmt: skip
def test_a_share_that_moves_is_told(why: str, now: Counts, told: list[str]) -> None:
    sentences = moved({"at": now}, BEFORE, points=5)
    assert [sentence.partition(";")[0] for sentence in sentences] == told, why
    assert all("on the 2 landed days before, from 2018-01-25 to 2018-01-26, it was in" in sentence for sentence in sentences)
    assert all(sentence.endswith("of 2,000") for sentence in sentences)


def test_options_count_no_more_than_the_attempts_that_they_are_of() -> None:
    """A hundred options of thirty attempts each are alike: 3,000 options are no 3,000 observations."""
    options, attempts = "sequences.questions[].options[].at", counts(30, present=30)
    before = [("2018-01-26", {"keen_id": counts(300, present=300), options: counts(30_000, present=15_000, missing=15_000)})]
    now: Holes = {"keen_id": attempts, options: counts(3000, present=1000, missing=2000)}
    assert moved(now, before, points=5) == []
    now = {"keen_id": attempts, options: counts(3000, missing=3000)}
    assert len(moved(now, before, points=5)) == 1


def test_a_day_may_differ_as_the_days_before_differ_among_each_other() -> None:
    steady = [(f"2018-01-{day:02}", {"at": counts(100, present=70, nulls=30)}) for day in range(1, 8)]
    restless = [(f"2018-01-{day:02}", {"at": counts(100, present=100 - nulls, nulls=nulls)}) for day, nulls in enumerate((0, 60) * 4, 1)]
    today: Holes = {"at": counts(100, present=45, nulls=55)}
    assert len(moved(today, steady, points=5)) == 1
    assert moved(today, restless, points=5) == []


def test_the_more_fields_are_compared_the_less_chance_is_believed() -> None:
    moves: Holes = {"at": counts(100, present=78, nulls=22)}  # z is 3.4: not one day in a thousand, but one field in a thousand
    before: Holes = {"at": counts(1000, present=900, nulls=100)}
    assert len(moved(moves, [("2018-01-26", before)], points=5)) == 1
    others = {f"field {number}": counts(100, present=100) for number in range(60)}
    assert moved(others | moves, [("2018-01-26", others | before)], points=5) == []


def test_nothing_is_allowed_and_everything() -> None:
    few: Holes = {"at": counts(100_000, present=93_000, nulls=3000, missing=2500, empty=1500)}
    assert len(moved(few, BEFORE, points=0)) == 1
    assert moved(few, BEFORE, points=3) == []
    assert moved({"at": counts(missing=1000)}, BEFORE, points=100) == []


def test_a_day_without_any_of_its_fields_is_told_in_a_bounded_number_of_sentences() -> None:
    now: Holes = {f"field {number}": counts(missing=1000) for number in range(40)}
    sentences = moved(now, [("2018-01-26", dict.fromkeys(now, THEN))], points=5)
    assert len(sentences) == SHOWN + 1
    assert sentences[0].partition("; ")[2] == "on 2018-01-26 it was in 3.0 % of 1,000"
    assert sentences[-1] == "and 20 more fields that moved by more than 5 points"


def test_a_path_that_was_not_counted_before_is_no_move() -> None:
    assert moved({"new": counts(missing=1000)}, [], points=5) == []
    assert moved({"new": counts(missing=1000)}, BEFORE, points=5) == []
    assert moved({"new": counts(missing=1000)}, [("2018-01-26", {"new": counts(0)})], points=5) == []


def test_the_days_of_the_real_file_get_no_warning_but_for_the_one_that_is_unlike_the_others(tmp_path: Path) -> None:
    """Against one day before, with nothing but the points, 48 of these 69 days had warnings, 3 of the last seven."""
    if not REAL_FILE.exists():
        pytest.skip("the real file is not beside the project: ../shared/data")
    holes = {}
    for day in split(str(REAL_FILE), "started_at", tmp_path / "days", ZoneInfo("UTC")):
        rows = hole_rows(records_of(Path(day.path)))
        names = ("parents", "present", "nulls", "missing", "empty", "wrong_type")
        holes[day.day] = {row["path"]: Counts(**{name: row[name] for name in names}) for row in rows}
    landed = sorted(holes.items())
    assert len(landed) == 69
    alone = landed[-7:]
    assert [moved(each, alone[:index], points=5) for index, (_, each) in enumerate(alone)] == [[]] * 7
    told = {day: moved(each, landed[max(0, index - DAYS) : index], points=5) for index, (day, each) in enumerate(landed)}
    assert {day: sentences for day, sentences in told.items() if sentences} == {
        "2018-01-16": [
            "certification is null in 33.8 % of 68; on the 7 landed days before, from 2018-01-09 to 2018-01-15, it was in 4.2 % of 353"
        ]
    }


def test_the_days_before_are_the_last_landed_ones_with_records(tmp_path: Path) -> None:
    lake = Lake.open("acme", f"sqlite:///{tmp_path}/catalog.db", f"file://{tmp_path}", build(tmp_path).fs)
    assert days_before(lake, "2018-01-28") == []
    for day, records in (("2018-01-20", RECORDS[:3]), ("2018-01-25", RECORDS[:2]), ("2018-01-30", RECORDS)):
        built = build(tmp_path, records, day)
        lake.commit(replace(built.landing, landing=built.transform.landing), built.transform)
    empty = build(tmp_path, [], "2018-01-27")
    lake.commit(replace(empty.landing, landing=empty.transform.landing), empty.transform)
    before = days_before(lake, "2018-01-28")
    assert [(day, holes["exam_name"]) for day, holes in before] == [
        ("2018-01-20", counts(3, present=3)), ("2018-01-25", counts(2, present=2)),
    ], "a day without records tells nothing"  # fmt: skip
    assert [day for day, _ in days_before(lake, "2018-01-28", 1)] == ["2018-01-25"]
    assert days_before(lake, "2018-01-20") == []
