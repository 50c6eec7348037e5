"""The business questions, counted again here from the records that were landed, and how they are shown."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import fsspec
import pytest

from include.answers import questions as answers
from include.answers.questions import USES, Answer, Asked, questions
from include.lake.lake import Lake
from include.query.session import NotAnswered
from tests.oracle.built_landing import CUSTOMER, DAY, attempt, build

SECOND = "2018-01-29"
# An exam more than ten with one attempt each: all share the last place. One name has two ids.
MORE = [
    *[attempt(100 + number, exam=f"Rare {number:02}") for number in range(12)],
    attempt(200, exam="Learning Git", base_exam_id="a second id"),
    attempt(201, exam="Learning Git", results=("correct", "incorrect", "incorrect")),
]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("lake")
    made = Lake.open(CUSTOMER, f"sqlite:///{folder}/catalog.sqlite?timeout=60", f"file://{folder}", fsspec.filesystem("file"))
    for built in (build(folder), build(folder, records=MORE, day=SECOND)):
        made.commit(built.landing, built.transform)
    return made


def by_name(lake: Lake, day: str | None = None) -> dict[str, Answer]:
    return {answer.name: answer for answer in answers.answers(lake, Asked.day(day))}


def test_every_question_says_what_it_is_about() -> None:
    asked = questions()
    assert len(asked) >= 25
    assert len({question.name for question in asked}) == len(asked)
    for question in asked:
        assert all((question.title, question.unit, question.meaning.endswith((".", '"')), question.uses in USES)), question.name
        assert {"$from", "$to"} <= set(re.findall(r"\$\w+", question.text)), f"{question.name} must be askable for a span of days"


def test_attempts_are_counted_both_ways_and_what_is_left_out_is_said(lake: Lake) -> None:
    assert by_name(lake, DAY)["attempts"].rows == [
        ["delivered and readable", 8, 10],
        ["of these on an earlier day already: left out below", 0, 0],
        ["of these at test exams: left out below", 1, 1],
        ["counted below", 7, 9],
        ["of these with a score", 6, 8],
        ["of these in conflict (same keen_id, other bytes; each version counts)", 2, None],
        ["unreadable, in quarantine", None, 2],
    ]


def test_exams_by_name_and_by_id(lake: Lake) -> None:
    assert by_name(lake, DAY)["exams"].rows == [[3, 2 + 1]]
    assert by_name(lake, SECOND)["exams"].rows == [[13, 14]]


def test_one_attempt_has_a_mean_but_no_deviation(tmp_path: Path) -> None:
    lake = Lake.open(CUSTOMER, f"sqlite:///{tmp_path}/c.sqlite", f"file://{tmp_path}", fsspec.filesystem("file"))
    built = build(tmp_path, records=[attempt(1, results=("correct", "incorrect"))])
    lake.commit(built.landing, built.transform)
    rows = [[counting, one, 1, 0.5, 0.5, None, 0.5, 0.5] for one in ("attempt", "exam") for counting in ("distinct", "published")]
    assert by_name(lake)["score"].rows == rows


def test_the_most_common_exams_count_every_copy_apart_from_the_attempts(lake: Lake) -> None:
    most = by_name(lake)["most_common"]
    assert most.rows[0] == [1, "Learning Git", 7, 9]
    assert [row[0] for row in most.rows] == [1] + [2] * 14  # all with one attempt share the second place: listed though more than ten
    assert "Example Exam oh yeahsdf" not in [row[1] for row in most.rows]


def test_the_least_common_exams_list_ties(lake: Lake) -> None:
    least = by_name(lake, SECOND)["least_common"]
    assert Counter(row[0] for row in least.rows) == {1: 12}
    assert [row[1] for row in least.rows] == [f"Rare {number:02}" for number in range(12)]
    assert by_name(lake, DAY)["least_common"].rows == [[1, "Häufige Prüfung", 1, 1], [1, "Nullology", 1, 1], [3, "Learning Git", 5, 7]]


def test_notes_tell_what_was_used_and_left_out(lake: Lake) -> None:
    (note,) = by_name(lake, DAY)["score"].notes
    assert note == (
        "Used: 6 distinct attempts (8 published). Left out: 1 distinct attempts (1 published) at test exams, "
        "1 distinct attempts (1 published) without a score, because they came without usable counts. "
        "In conflict (same keen_id, other bytes; each version counts): 2."
    )


def test_an_exam_that_nobody_took_is_refused_with_those_that_are_like_it(lake: Lake) -> None:
    with pytest.raises(NotAnswered, match="no attempt at an exam 'Lerning Git' has landed. Did you mean 'Learning Git'"):
        answers.answers(lake, Asked(exam="Lerning Git"))


def test_a_day_that_did_not_land_has_answers_of_zero(lake: Lake) -> None:
    found = by_name(lake, "1999-01-01")
    assert [row[1:] for row in found["attempts"].rows] == [[0, 0]] * 5 + [[0, None], [None, 0]]
    assert (found["exams"].rows, found["score"].rows, found["most_common"].rows) == ([[0, 0]], [], [])


SPANS = [
    ("one day", Asked.day(DAY), False, DAY),
    ("one day, repeats left out", Asked(DAY, DAY, once=True), True, f"{DAY}, repeats left out"),
    ("all days", Asked(), True, "all days"),
    ("all days, repeats counted", Asked(once=False), False, "all days, repeats counted"),
    ("some days", Asked(DAY, SECOND), True, f"{DAY} to {SECOND}"),
    ("from a day on", Asked(first=DAY), True, f"{DAY} to the last day"),
    ("up to a day, asked for as it is by default", Asked(last=DAY, once=True), True, f"the first day to {DAY}"),
]


@pytest.mark.parametrize(("why", "asked", "leaves_out", "said"), SPANS, ids=[row[0] for row in SPANS])
def test_several_days_leave_repeats_out_and_one_day_does_not(why: str, asked: Asked, leaves_out: bool, said: str) -> None:
    assert (asked.leaves_repeats_out, str(asked)) == (leaves_out, said), why


def test_nothing_landed_is_said(tmp_path: Path) -> None:
    lake = Lake.open(CUSTOMER, f"sqlite:///{tmp_path}/c.sqlite", f"file://{tmp_path}", fsspec.filesystem("file"))
    with pytest.raises(NotAnswered, match="nothing has landed yet"):
        answers.answers(lake)


CELLS = [
    (None, False, "null"),
    (3280, False, "3,280"),
    (True, False, "yes"),
    (0.62569, True, "62.57 %"),
    (0.31127, False, "0.3113"),
    ("a", False, "a"),
]


@pytest.mark.parametrize(("value", "percent", "shown"), CELLS)
def test_cells_are_shown_for_people(value: Any, percent: bool, shown: str) -> None:
    assert answers.cell(value, percent) == shown
