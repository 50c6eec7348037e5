"""Every answer against the same question answered again from the records: `tests/oracle/answered_again.py`."""

import functools
import json
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import fsspec
import pytest

from include.answers import pages
from include.answers import questions as answers
from include.answers.questions import REPEATS, Answer, Asked, questions
from include.lake.lake import Lake
from include.query.session import Session
from include.stack import samples
from tests.harness.private_landfall import REAL_FILE
from tests.oracle.answered_again import Again
from tests.oracle.built_landing import CUSTOMER, RECORDS, TEST_EXAM_NAMES, attempt, build
from tests.oracle.recount import records_of

EXAM = "Answered at random"
FIRST, SECOND, THIRD = "2018-01-27", "2018-01-28", "2018-01-29"
NAMES = [question.name for question in questions()]
UNUSUAL = [
    *RECORDS[:4],  # repeats of another day's
    attempt(300, exam="No times", started_at=None, keen_timestamp=None),
    attempt(301, exam="Backwards", started_at="2018-01-28T20:00:00.000Z"),
    attempt(302, exam_name=None, base_exam_id=None),
    attempt(303, exam="No sequences", sequences=None),
    attempt(304, exam="No time to begin with", started_at=None),
    *[attempt(400 + number, exam="Nullology", results=("incorrect", "missed_some", "unanswered")) for number in range(3)],
]


def answered_at_random(number: int) -> bytes:
    """One of several attempts at an exam of which there are enough: six questions in two forms, three options each, some never answered.

    Good attempts (with a high number) tick another option than the key of the third question.
    """
    chance = random.Random(number)
    return attempt(
        500 + number, exam=EXAM, sequences={"questions": [one_question(chance, place, number) for place in range(6 - number % 5 // 4)]}
    )


def one_question(chance: random.Random, place: int, number: int) -> dict[str, Any]:
    right = chance.random() < 0.2 + 0.01 * number + 0.05 * place
    ticked = "a" if right else chance.choice("bc")
    if place == 2 and number > 30:
        ticked = "b"
    left_open = chance.random() < 0.1
    options = [
        {
            "id": name,
            "checked": name == ticked and not left_open,
            **({"correct": True} if name == "a" else {}),
            **touched(chance, name == ticked),
        }
        for name in "abc"
    ]
    result = "unanswered" if left_open else "correct" if ticked == "a" else "incorrect"
    return {"id": f"question {place}", "user_result": result, "options": options}


def touched(chance: random.Random, surely: bool) -> dict[str, str]:
    second = chance.randrange(3600)
    return {"at": f"2018-01-28T10:{second // 60:02}:{second % 60:02}.000Z"} if surely or chance.random() < 0.1 else {}


@dataclass(frozen=True, eq=False)
class Landed:
    lake: Lake
    records: Mapping[str, Sequence[bytes]]


def land(folder: Path, records: Mapping[str, Sequence[bytes]]) -> Landed:
    lake = Lake.open(CUSTOMER, f"sqlite:///{folder}/catalog.sqlite?timeout=60", f"file://{folder}", fsspec.filesystem("file"))
    for day, values in records.items():
        built = build(folder, records=values, day=day)
        lake.commit(built.landing, built.transform)
    return Landed(lake, records)


def real_records() -> dict[str, list[bytes]]:
    if not REAL_FILE.exists():
        pytest.skip("the real file is not beside the project: ../shared/data")
    return {SECOND: list(records_of(REAL_FILE))}


SOURCES = {
    "the built records, and unusual ones": lambda: {
        FIRST: [*UNUSUAL, *map(answered_at_random, range(40))],
        SECOND: [*RECORDS, *map(answered_at_random, range(30, 70))],
        THIRD: [*UNUSUAL[2:], *RECORDS],
    },
    "the samples of two days": lambda: {day: samples.make(day).records for day in (SECOND, THIRD)},
    "the real file": real_records,
}
SPANS = [
    ("all days", Asked()),
    ("one day", Asked.day(SECOND)),
    ("from a day on", Asked(first=SECOND)),
    ("up to a day", Asked(last=SECOND)),
    ("a day that did not land", Asked.day("1999-01-01")),
    ("all days, repeats counted", Asked(once=False)),
    ("the last day, repeats left out", Asked(THIRD, THIRD, once=True)),
]


QUICK, *LARGE = SOURCES
MANY = pytest.mark.not_quick("many records; the built and unusual ones are asked the same")
SAMPLES = [pytest.mark.long("the real file is asked the same")] if REAL_FILE.exists() else []
MARKS = {QUICK: [], LARGE[0]: [MANY, *SAMPLES], LARGE[1]: [MANY]}
OFTEN = pytest.mark.long("the built and unusual records are asked about every span, this file about all days and about one")


def asked_of(spans: Sequence[tuple[str, Asked]]) -> list[Any]:
    """Every source with every span, as `landed` and `asked`; many records by default with the first two of SPANS alone."""
    often = dict(SPANS[2:])
    return [
        pytest.param(source, asked, id=f"{source}-{span}", marks=[*marks, *([OFTEN] if marks and span in often else [])])
        for source, marks in MARKS.items()
        for span, asked in spans
    ]


@pytest.fixture(scope="module")
def lands(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Landed]:
    """Lands one of the SOURCES, once for all tests."""
    return functools.cache(lambda source: land(tmp_path_factory.mktemp("lake"), SOURCES[source]()))


@pytest.fixture(scope="module", params=[pytest.param(source, marks=marks) for source, marks in MARKS.items()])
def landed(request: pytest.FixtureRequest, lands: Callable[[str], Landed]) -> Landed:
    return lands(request.param)


@functools.cache
def answered(landed: Landed, asked: Asked) -> list[Answer]:
    return answers.answers(landed.lake, asked)


@functools.cache
def again(landed: Landed, asked: Asked) -> Again:
    return Again(landed.records, TEST_EXAM_NAMES, asked.first or "", asked.last or "9", asked.exam, asked.leaves_repeats_out)


@pytest.mark.parametrize(("landed", "asked"), asked_of(SPANS), indirect=["landed"])
def test_every_answer_is_what_the_records_say(landed: Landed, asked: Asked) -> None:
    found = {answer.name: answer for answer in answered(landed, asked)}
    recounted = again(landed, asked)
    expected = recounted.answers()
    assert list(found) == NAMES
    assert set(expected) == set(found), "a new question is answered again in tests/oracle/answered_again.py too"
    wrong = [sentence for name in NAMES for sentence in differences(name, expected[name], found[name].rows)]
    assert wrong == []


def test_an_exam_can_be_asked_for(landed: Landed) -> None:
    names = sorted({attempt.exam for attempt in Again(landed.records, TEST_EXAM_NAMES).real if attempt.exam})
    of_exam = [question for question in questions() if "$exam" in question.text]
    assert {"taken", "items", "look_at", "response_times"} <= {question.name for question in of_exam}
    for exam in names[:3]:
        asked = Asked(exam=exam)
        with Session(landed.lake, once=True) as session:
            found = answers.ask_all(session, asked, of_exam)
        for answer in found:
            assert differences(answer.name, getattr(again(landed, asked), answer.name)(), answer.rows) == []


@pytest.mark.parametrize(("landed", "asked"), asked_of(SPANS), indirect=["landed"])
def test_every_answer_says_how_many_attempts_it_used_and_left_out(landed: Landed, asked: Asked) -> None:
    recounted = again(landed, asked)
    used = {"all": recounted.asked, "attempts": recounted.real, "scored": recounted.scored}
    for question, answer in zip(questions(), answered(landed, asked), strict=True):
        if question.uses == "own":
            assert answer.used is None
            continue
        assert answer.used is not None
        of = used[question.uses]
        attempts = (answer.used.attempts.distinct, answer.used.attempts.published)
        assert attempts == (len(of), sum(each.copies for each in of)), question.name
        assert answer.used.in_conflict == sum(each.in_conflict for each in of), question.name
        left_out = sum(each.distinct for each in answer.used.left_out.values())
        assert attempts[0] + left_out == len(recounted.delivered), question.name
        repeats = answer.used.left_out.get(REPEATS)
        assert (repeats is not None) is asked.leaves_repeats_out, question.name
        assert not repeats or repeats.distinct == len(recounted.delivered) - len(recounted.asked), question.name


# They also count what is in quarantine, or what came on which day, and that is never left out.
ON_RECORDS_TOO = {"attempts", "quality", "holes", "repeats"}


@pytest.mark.parametrize(("landed", "asked"), asked_of(SPANS[:3:2]), indirect=["landed"])
def test_repeats_are_left_out_as_if_they_had_not_come(landed: Landed, asked: Asked) -> None:
    came: set[bytes] = set()
    records = {}
    for day, values in sorted(landed.records.items()):
        records[day] = [value for value in values if value not in came]
        came |= set(values)
    expected = again(replace(landed, records=records), replace(asked, once=False)).answers()
    found = {answer.name: answer.rows for answer in answers.answers(landed.lake, replace(asked, once=True))}
    assert [sentence for name in NAMES if name not in ON_RECORDS_TOO for sentence in differences(name, expected[name], found[name])] == []
    assert found["attempts"][2:-1] == expected["attempts"][2:-1]


@pytest.mark.not_quick("many records; the built and unusual ones are asked the same")
def test_the_figures_of_the_real_file(lands: Callable[[str], Landed]) -> None:
    found = {answer.name: answer for answer in answered(lands("the real file"), Asked())}
    rows = {name: answer.shown for name, answer in found.items()}
    assert [row[1:] for row in rows["attempts"][:4]] == [["3,242", "3,280"], ["0", "0"], ["5", "5"], ["3,237", "3,275"]]
    assert rows["most_common"][0] == ["1", "Learning Git", "390", "394"]
    assert [row[1] for row in rows["least_common"] if row[0] == "1"] == [
        "Learning to Visualize Data with D3.js", "Native Web Apps for Android", "Nulls, Three-valued Logic and Missing Information",
        "Operating Red Hat Enterprise Linux Servers",
    ]  # fmt: skip
    assert [row[3] for row in rows["score"][:2]] == ["62.57 %", "62.66 %"]
    assert rows["thresholds"][0][:3] == ["perfect (100 %)", "827", "841"]
    assert rows["repeats"][1][1:] == ["20", "58", "38"]


@pytest.mark.not_quick("many records; test_every_answer_is_what_the_records_say has repeats too")
def test_several_days_count_an_attempt_once_and_say_how_often_it_came(tmp_path: Path) -> None:
    """Of 3,242 attempts of the real file 239 come again on the next day."""
    records = real_records()[SECOND]
    first = list(dict.fromkeys(records))
    again = [value for value in first if json.loads(value)["exam_name"] != TEST_EXAM_NAMES[0]][:239]
    lake = land(tmp_path, {SECOND: records, THIRD: again}).lake
    by_default, with_repeats = (first_answer(lake, asked) for asked in (Asked(), Asked(once=False)))
    assert [row[1] for row in by_default.rows[:4]] == [3481, 239, 5, 3237]
    assert [row[1] for row in with_repeats.rows[:4]] == [3481, 0, 5, 3476]
    assert "Used: 3,242 distinct attempts (3,280 published). Left out: 239 repeats (239 published) that had come" in by_default.notes[0]
    assert "Used: 3,481 attempts, each on every day that it came (3,519 published)." in with_repeats.notes[0]
    page = pages.write(lake, lake.in_force(THIRD))["all_days_html"]
    assert "3,481 landed, 3,242 distinct." in Path(page).read_text()


def first_answer(lake: Lake, asked: Asked) -> Answer:
    with Session(lake, once=asked.leaves_repeats_out) as session:
        [answer] = answers.ask_all(session, asked, questions()[:1])
    return answer


def differences(name: str, expected: list[list[Any]], found: list[list[Any]]) -> list[str]:
    """Sentences, three at most: a row at another place, or another cell. Floats may differ in their last digits."""
    if len(expected) != len(found):
        return [f"{name}: {len(expected)} rows expected, {len(found)} found: {expected[:3]}, {found[:3]}"]
    pairs = zip(expected, found, strict=True)
    wrong = [f"{name}: {one} expected, found {other}" for one, other in pairs if len(one) != len(other) or not all(map(same, one, other))]
    return wrong[:3]


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(one, datetime):
        return bool(one == other)
    return type(one) is type(other) and bool(one == other)
