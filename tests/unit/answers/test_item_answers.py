"""The answers about questions: against numpy on generated attempts, over any split into days, and against simulated truth."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import fsspec
import numpy as np
import pyarrow as pa
import pytest

from include import contracts
from include.answers import questions as answers
from include.answers.questions import Asked, questions
from include.lake.lake import Lake
from include.query import statistics
from include.query.session import Result
from include.schemas import LANDED
from tests.harness.private_landfall import REAL_FILE
from tests.oracle import item_analysis, recount, simulated_exams
from tests.oracle.answered_again import Again
from tests.oracle.built_landing import CUSTOMER, DAY, TEST_EXAM_NAMES, attempt, build
from tests.oracle.recount import Row, Sitting, form_and_score
from tests.oracle.simulated_exams import Questions

TABLES = ("item_days", "option_days", "item_times")
OF_ITEMS = {question.name: question for question in questions() if question.tables <= set(TABLES)}
BEGAN = datetime(2018, 1, 28, 9, tzinfo=UTC)
Tables = dict[str, pa.Table]


@contextmanager
def small_tables(tables: Tables) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as memory:
        memory.execute("set TimeZone = 'UTC'")
        statistics.define(memory)
        statistics.define_f_quantile(memory)
        for name in TABLES:
            memory.register(name, tables.get(name, LANDED[name].arrow.empty_table()))
        yield memory


def ask(memory: duckdb.DuckDBPyConnection, name: str, min_n: int) -> list[list[Any]]:
    return answered(memory, name, min_n).rows


def ask_by_name(memory: duckdb.DuckDBPyConnection, name: str, min_n: int = 30) -> list[Row]:
    result = answered(memory, name, min_n)
    return [dict(zip(result.columns, row, strict=True)) for row in result.rows]


def answered(memory: duckdb.DuckDBPyConnection, name: str, min_n: int) -> Result:
    question = OF_ITEMS[name]
    parameters = {"from": None, "to": None, "exam": None, "min_n": min_n}
    for part, sql in question.parts.items():
        memory.execute(f"create or replace temp table {part} as {sql}", answers._named(sql, parameters))
    found = memory.execute(question.sql, answers._named(question.sql, parameters))
    result = Result([each[0] for each in found.description or []], [], [list(row) for row in found.fetchall()])
    return answers.THEN[question.then](result, min_n) if question.then else result


# ---- generated exams


def generated(seed: int, most_forms: int = 3, most_attempts: int = 60) -> list[Sitting]:
    """The attempts at one exam of several forms, some of them with what keeps an attempt from being analysed."""
    chance = random.Random(seed)
    pool = [Generated(chance, f"q{number}") for number in range(chance.randint(1, 8))]
    forms = [chance.sample(pool, chance.randint(1, len(pool))) for _ in range(chance.randint(1, most_forms))]
    exam = (f"base {seed}" if chance.random() < 0.9 else None, f"exam {seed // 2}" if chance.random() < 0.9 else None, False)
    return [one_sitting(chance, exam, chance.choice(forms)) for _ in range(chance.randint(0, most_attempts))]


class Generated:
    """A question, as it was generated."""

    def __init__(self, chance: random.Random, name: str) -> None:
        self.name, self.place = name, chance.uniform(-2, 2)
        self.options = [f"o{number}" for number in range(chance.randint(1, 5))]
        self.keys = set(chance.sample(self.options, chance.randint(1, len(self.options))))
        self.slope = chance.choice([-2, -0.5, 0, 1, 2])
        self.is_odd = chance.random() < 0.1


def one_sitting(chance: random.Random, exam: Any, form: list[Generated]) -> Sitting:
    ability, clock = chance.gauss(0, 1), BEGAN
    listed: list[Row | None] = []
    for question in chance.sample(form, len(form)):
        right = chance.random() < 1 / (1 + 2.718 ** (-question.slope * (ability - question.place)))
        clock += timedelta(seconds=chance.choice([0.4, 2, 8, 40, 300, 5000]) * chance.random()) - timedelta(hours=chance.random() < 0.02)
        listed.append(one_question(chance, question, right, clock))
    if chance.random() < 0.05:
        listed.append(chance.choice([None, listed[0], {**(listed[0] or {}), "id": None}, {**(listed[0] or {}), "user_result": None}]))
    started_at = BEGAN if chance.random() < 0.9 else None
    return Sitting(exam, started_at, listed, *form_and_score(listed))


def one_question(chance: random.Random, question: Generated, right: bool, clock: datetime) -> Row:
    wrong = set(chance.sample(question.options, chance.randint(0, len(question.options))))
    ticked = question.keys if right else wrong
    keys = question.keys if not question.is_odd or chance.random() < 0.7 else set(question.options[:1])
    options: list[Row | None] = [
        {
            "id": name,
            "checked": name in ticked,
            "correct": True if name in keys else chance.choice([None, False]),
            "at": clock - timedelta(seconds=chance.random()) if name in ticked or chance.random() < 0.1 else None,
        }
        for name in question.options
    ]
    if question.is_odd and chance.random() < 0.2:
        options.append(chance.choice([None, options[0]]))
    if not ticked:
        return {"id": question.name, "user_result": "unanswered", "options": options}
    return {
        "id": question.name,
        "user_result": "correct" if right else chance.choice(["incorrect", "missed_some"]),
        "options": options if question.is_odd or chance.random() < 0.95 else None,
    }


def tables_of(days: dict[str, Sequence[Sitting]]) -> Tables:
    """The small tables, by the code of the oracle."""
    made = {"item_days": recount.item_day_rows, "option_days": recount.option_day_rows, "item_times": recount.item_time_rows}
    return {
        name: pa.Table.from_pylist(
            [{"day": date.fromisoformat(day), **row} for day, of in days.items() for row in rows(list(of))], schema=LANDED[name].arrow
        )
        for name, rows in made.items()
    }


AT_ONCE = 20
ALL_BUT_ONE = pytest.mark.not_quick("the first twenty exams are asked the same")


@pytest.mark.parametrize("first", [0, *(pytest.param(n, marks=ALL_BUT_ONE) for n in range(AT_ONCE, 200, AT_ONCE))])
def test_every_coefficient_is_that_of_the_attempts(first: int) -> None:
    sittings = [one for seed in range(first, first + AT_ONCE) for one in generated(seed)]
    wrong = []
    with small_tables(tables_of({DAY: sittings})) as memory:
        for name in OF_ITEMS:
            expected = expected_rows(name, sittings, min_n=5)
            assert expected or (first and name == "key_alarms"), name
            wrong += differences(name, expected, ask(memory, name, min_n=5))
    assert wrong == []


@pytest.mark.not_quick("many records; generated exams are asked the same")
def test_every_coefficient_of_the_real_file_is_that_of_its_attempts() -> None:
    if not REAL_FILE.exists():
        pytest.skip("the real file is not beside the project: ../shared/data")
    sittings = Again({DAY: list(recount.records_of(REAL_FILE))}, TEST_EXAM_NAMES).sittings
    with small_tables(tables_of({DAY: sittings})) as memory:
        wrong = [each for name in OF_ITEMS for each in differences(name, expected_rows(name, sittings, 30), ask(memory, name, 30))]
        worst = ask_by_name(memory, "look_at")
        coverage = {row["what"]: row["number"] for row in ask_by_name(memory, "time_coverage")}
    assert wrong == []
    assert (len(worst), sum(row["beyond_chance"] for row in worst)) == (51, 5)
    assert (coverage["asked"], coverage["with a time"]) == (14540, 13921)


def expected_rows(name: str, sittings: Sequence[Sitting], min_n: int) -> list[list[Any]]:
    return item_analysis.time_coverage(sittings) if name == "time_coverage" else getattr(item_analysis, name)(sittings, min_n)  # type: ignore[no-any-return]


def differences(name: str, expected: list[list[Any]], rows: list[list[Any]]) -> list[str]:
    if len(expected) != len(rows):
        return [f"{name}: {len(expected)} rows expected, {len(rows)} answered"]
    # Feldt's intervals and Rasch's difficulties are what each side iterates to.
    tolerance = 1e-9 if name in ("reliability", "rasch") else 1e-12
    return [
        f"{name}: {one} expected, {other} answered" for one, other in zip(expected, rows, strict=True) if not same(one, other, tolerance)
    ][:2]


def same(one: list[Any], other: list[Any], tolerance: float) -> bool:
    return len(one) == len(other) and all(
        abs(a - b) <= tolerance * max(1, abs(a)) if isinstance(a, float) and isinstance(b, float) else type(a) is type(b) and a == b
        for a, b in zip(one, other, strict=True)
    )


def test_any_split_into_days_gives_the_same_bits() -> None:
    sittings = [one for seed in range(12) for one in generated(seed)]
    sittings += generated(103, most_forms=90, most_attempts=1200)
    chance = random.Random(20)
    splits = []
    for number in (1, 2, 7, 69):
        days: dict[str, list[Sitting]] = {f"2018-{1 + day // 28:02}-{1 + day % 28:02}": [] for day in range(number)}
        for one in chance.sample(sittings, len(sittings)):
            days[chance.choice(list(days))].append(one)
        splits.append(tables_of(dict(days)))
    assert len(splits[-1]["item_days"]) > 2 * len(splits[0]["item_days"])
    for name in OF_ITEMS:
        rows = []
        for tables in splits:
            with small_tables(tables) as memory:
                rows.append(repr(ask(memory, name, min_n=5)))
        assert rows[1:] == rows[:1] * 3, name


# ---- gate


def test_below_min_n_of_the_contract_a_cell_says_why_it_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake.open(CUSTOMER, f"sqlite:///{tmp_path}/c.sqlite", f"file://{tmp_path}", fsspec.filesystem("file"))
    results = [("correct", "correct", "incorrect"), ("correct", "incorrect", "incorrect"), ("incorrect", "correct", "unanswered")]
    built = build(tmp_path, records=[attempt(number, results=results[number % 3]) for number in range(12)])
    lake.commit(built.landing, built.transform)
    default, low = {}, {}
    for found, terms in ((default, ""), (low, "min_n: 12\n")):
        (tmp_path / f"{CUSTOMER}.yaml").write_text(f'source: "{CUSTOMER}/{{day}}*"\n{terms}')
        monkeypatch.setattr(contracts, "FOLDER", tmp_path)
        found |= {answer.name: answer for answer in answers.answers(lake, Asked())}
    for name in ("items", "reliability", "bunched_scores", "not_reached"):
        assert {row[-1] for row in default[name].rows} == {"too few attempts: 12 of 30"}, name
        assert not {row[-1] for row in low[name].rows} & {"too few attempts: 12 of 12"}, name
    assert default["items"].rows[0][5:12] == [None] * 7
    difficulties = {row[1]: row[5] for row in low["items"].rows}
    assert difficulties == {"question 0": 8 / 12, "question 1": 8 / 12, "question 2": 0.0}
    assert (default["options"].rows, len(low["options"].rows)) == ([], 6)


def test_every_answer_about_questions_names_its_source_and_what_it_leaves_out() -> None:
    assert len(OF_ITEMS) == 10
    for question in OF_ITEMS.values():
        assert question.uses == "own", question.name
        if question.name != "time_coverage":
            assert any(note.startswith("Source: ") for note in question.notes), question.name
        if question.name not in ("time_coverage", "look_at"):
            assert any(note.startswith("Formula: ") for note in question.notes), question.name


# ---- simulated truth


LONG = pytest.mark.long("test_every_coefficient_is_that_of_the_attempts has the same formulas; test_wrong_keys_are_named a smaller truth")


@LONG
def test_intervals_hold_the_truth_in_95_of_100_cases() -> None:
    """40 questions, 400 attempts, 150 exams: 6,000 intervals of difficulty and of discrimination, and 150 of KR-20 to each of 4 sizes."""
    chance = np.random.default_rng(20)
    exams = Questions.drawn(chance, 40)
    made = {f"exam {number:03}": exams.marks(chance, 400) for number in range(150)}
    with small_tables({"item_days": simulated_exams.item_days(made)}) as memory:
        rows = ask_by_name(memory, "items")
        forms = ask_by_name(memory, "reliability")
    assert len(rows) == 6000
    truth = {
        "difficulty": dict(enumerate(exams.difficulty)),
        "discrimination": dict(enumerate(exams.discrimination)),
    }
    for name, true in truth.items():
        assert 0.93 <= held(rows, f"{name}_low", f"{name}_high", [true[int(row["question"][-3:])] for row in rows]) <= 0.97, name
    more = {f"exam {number:04}": exams.marks(chance, 100) for number in range(1000)}
    with small_tables({"item_days": simulated_exams.item_days(more)}) as memory:
        forms += ask_by_name(memory, "reliability")
    assert 0.93 <= held(forms, "low", "high", [exams.alpha] * len(forms)) <= 0.97


def held(rows: list[Row], low: str, high: str, truth: Sequence[float]) -> float:
    return sum(row[low] <= true <= row[high] for row, true in zip(rows, truth, strict=True)) / len(rows)


MORE_SEEDS = pytest.mark.long("another seed")


@pytest.mark.parametrize("seed", [20, *(pytest.param(seed, marks=MORE_SEEDS) for seed in range(1, 6))])
def test_wrong_keys_are_named(seed: int) -> None:
    """Ten exams with 40 questions and 500 attempts each; in four questions of each an option that is wrong counts as right."""
    chance = np.random.default_rng(seed)
    answered, keys, planted = {}, {}, set()
    for number in range(10):
        exam = f"exam {number}"
        drawn, abilities = Questions.drawn(chance, 40), chance.standard_normal(500)
        ticked = simulated_exams.chosen(chance, drawn, abilities, drawn.answered(chance, abilities))
        key = np.zeros(40, int)
        for question in chance.choice(40, 4, replace=False):
            key[question] = chance.integers(1, 4)
            planted.add((exam, f"question {question:03}"))
        answered[exam], keys[exam] = ((ticked == key).astype(int), ticked), key
    tables = {
        "item_days": simulated_exams.item_days({exam: marks for exam, (marks, _) in answered.items()}),
        "option_days": simulated_exams.option_days(answered, keys),
    }
    with small_tables(tables) as memory:
        named = {(row["exam"], row["question"]) for row in ask_by_name(memory, "key_alarms")}
        first = {(row["exam"], row["question"]) for row in ask_by_name(memory, "look_at")[: len(named)]}
    assert first == named
    assert (len(planted), len(answered) * 40) == (40, 400)
    assert len(named & planted) >= 38
    assert len(named - planted) <= 2


def test_rapid_guessers_are_counted() -> None:
    """Of 1,000 attempts a tenth ticks anything within 2.5 seconds, and is right in a quarter of cases."""
    chance = np.random.default_rng(20)
    drawn = Questions.drawn(chance, 20)
    marks, seconds = drawn.marks(chance, 1000), simulated_exams.lognormal(chance, (1000, 20), median=30, sigma=0.5)
    rapid = chance.random((1000, 20)) < 0.1
    seconds = simulated_exams.coarse(np.where(rapid, chance.uniform(0, 2.5, rapid.shape), seconds))
    marks = np.where(rapid, chance.random(rapid.shape) < 0.25, marks).astype(int)
    with small_tables({"item_times": simulated_exams.item_times("exam", marks, seconds)}) as memory:
        rows = {row["question"]: row for row in ask_by_name(memory, "response_times")}
    below = np.array([rows[f"question {number:03}"]["rapid_below"] for number in range(20)])
    named = seconds < below
    assert [round(rows[f"question {number:03}"]["rapid"] * 1000) for number in range(20)] == named.sum(axis=0).tolist()
    assert (named & rapid).sum() / named.sum() >= 0.95
    assert (named & rapid).sum() / rapid.sum() >= 0.95
    easy = [number for number in range(20) if drawn.difficulty[number] > 0.6]
    assert easy
    assert {rows[f"question {number:03}"]["rapid_are_guesses"] for number in easy} == {"yes"}


# ---- Rasch


@pytest.mark.parametrize(
    ("number", "attempts"), [(5, 2000), (20, 2000), pytest.param(40, 2000, marks=pytest.mark.not_quick("20 are asked"))]
)
def test_rasch_difficulties_are_the_true_ones(number: int, attempts: int) -> None:
    chance = np.random.default_rng(number)
    drawn = Questions(np.ones(number), chance.uniform(-2, 2, number))
    true = drawn.b - drawn.b.mean()
    with small_tables(
        {"item_days": simulated_exams.item_days({"exam": drawn.answered(chance, chance.normal(0.5, 1.2, attempts))})}
    ) as memory:
        rows = ask_by_name(memory, "rasch")
    assert np.corrcoef([row["logits"] for row in rows], true)[0, 1] >= 0.98
    assert held(rows, "low", "high", true) >= 0.8
    assert sum(row["fit"] == "as expected" for row in rows) >= 0.8 * number
    assert all(0.9 < row["infit"] < 1.1 for row in rows)


@pytest.mark.long("test_rasch_difficulties_are_the_true_ones has one exam of this size")
def test_rasch_intervals_hold_the_truth_and_fit_names_1_in_20_by_chance() -> None:
    chance = np.random.default_rng(20)
    drawn = Questions(np.ones(10), chance.uniform(-2, 2, 10))
    exams = {f"exam {number:03}": drawn.marks(chance, 300) for number in range(300)}
    with small_tables({"item_days": simulated_exams.item_days(exams)}) as memory:
        rows = ask_by_name(memory, "rasch")
    true = drawn.b - drawn.b.mean()
    assert 0.93 <= held(rows, "low", "high", [true[int(row["question"][-3:])] for row in rows]) <= 0.97
    assert sum(row["fit"] != "as expected" for row in rows) / len(rows) <= 0.06


def test_a_question_that_does_not_fit_the_rasch_model_is_named() -> None:
    chance = np.random.default_rng(20)
    slopes = np.ones(20)
    slopes[0], slopes[1] = 0.1, 3.0
    drawn = Questions(slopes, np.linspace(-1, 1, 20))
    with small_tables({"item_days": simulated_exams.item_days({"exam": drawn.marks(chance, 2000)})}) as memory:
        rows = ask_by_name(memory, "rasch")
    assert [row["fit"] for row in rows[:2]] == ["more chance than expected", "less chance than expected"]
