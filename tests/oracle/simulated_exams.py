"""Exams of which the truth is known: seeded, and so small a model that every figure of it can be computed.

An attempt has an ability, normally distributed, and answers a question rightly with the chance 1 / (1 + exp(-a (ability - b))), as Birnbaum
(1968) has it.
"""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from include.schemas import LANDED

KEYED, DAY = "abcd", "2018-01-28"
POINTS, WEIGHTS = np.polynomial.hermite_e.hermegauss(81)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


@dataclass(frozen=True)
class Questions:
    """Slopes (a) and places (b) of an exam's questions, as arrays."""

    a: Any
    b: Any

    @classmethod
    def drawn(cls, chance: Any, number: int) -> "Questions":
        return cls(chance.uniform(0.5, 2.0, number), chance.uniform(-2, 2, number))

    def rightly(self, abilities: Any) -> Any:
        """The chance of a right answer, abilities by questions."""
        return 1 / (1 + np.exp(-self.a * (abilities[:, None] - self.b)))

    def marks(self, chance: Any, attempts: int) -> Any:
        """0 and 1, attempts by questions."""
        return self.answered(chance, chance.standard_normal(attempts))

    def answered(self, chance: Any, abilities: Any) -> Any:
        return (chance.random((len(abilities), len(self.a))) < self.rightly(abilities)).astype(int)

    @property
    def difficulty(self) -> Any:
        """The true share of right answers to each question."""
        return WEIGHTS @ self.rightly(POINTS)

    @property
    def discrimination(self) -> Any:
        """The true correlation of each question with the score of the others; given the ability, answers do not depend on each other."""
        p = self.rightly(POINTS)
        rest = p.sum(axis=1, keepdims=True) - p
        within = (p * (1 - p)).sum(axis=1, keepdims=True) - p * (1 - p)
        means = WEIGHTS @ rest
        spread = WEIGHTS @ (within + (rest - means) ** 2)
        return (WEIGHTS @ (p * rest) - self.difficulty * means) / np.sqrt(spread * self.difficulty * (1 - self.difficulty))

    @property
    def alpha(self) -> float:
        """The true KR-20."""
        p, k = self.rightly(POINTS), len(self.a)
        score = p.sum(axis=1)
        spread = float(WEIGHTS @ ((p * (1 - p)).sum(axis=1) + (score - WEIGHTS @ score) ** 2))
        return k / (k - 1) * (1 - float((self.difficulty * (1 - self.difficulty)).sum()) / spread)


def item_days(exams: dict[str, Any]) -> pa.Table:
    """The table, of exams' marks; every attempt sees all questions."""
    rows = []
    for exam, marks in exams.items():
        scores = marks.sum(axis=1)
        for question in range(marks.shape[1]):
            asked, right = Counter(scores.tolist()), Counter(scores[marks[:, question] == 1].tolist())
            rows += [
                {**_of(exam, question), "score": score, "asked": n, "correct": right[score], "incorrect": n - right[score], "missed": 0,
                 "unanswered": 0, "not_reached": 0}
                for score, n in asked.items()
            ]  # fmt: skip
    return _table("item_days", rows)


def option_days(exams: dict[str, tuple[Any, Any]], keys: dict[str, Any]) -> pa.Table:
    """The table, of exams' marks and chosen options (numbers of `KEYED`), with the number of the option that counts as right."""
    rows = []
    for exam, (marks, chosen) in exams.items():
        scores = marks.sum(axis=1)
        for question in range(marks.shape[1]):
            asked = Counter(scores.tolist())
            for option, name in enumerate(KEYED):
                is_key = bool(keys[exam][question] == option)
                times = Counter(scores[chosen[:, question] == option].tolist())
                rows += [
                    {**_of(exam, question), "option_id": name, "is_key": is_key, "score": score, "offered": n, "chosen": times[score],
                     "chosen_right": times[score] if is_key else 0}
                    for score, n in asked.items()
                ]  # fmt: skip
    return _table("option_days", rows)


def item_times(exam: str, marks: Any, seconds: Any) -> pa.Table:
    rows = []
    for question in range(marks.shape[1]):
        times = seconds[:, question].tolist()
        asked, right = Counter(times), Counter(time for time, mark in zip(times, marks[:, question], strict=True) if mark)
        rows += [
            {**_of(exam, question), "seconds": time, "asked": n, "correct": right[time], "changed": 0, "disordered": 0}
            for time, n in asked.items()
        ]  # fmt: skip
    return _table("item_times", rows)


def chosen(chance: Any, questions: Questions, abilities: Any, marks: Any) -> Any:
    """Which option was ticked: 0 where rightly, else one of the others, of which one draws the better of the wrong ones."""
    wrong = 1 + (chance.random(marks.shape) > 0.4 + 0.1 * np.tanh(abilities)[:, None]) + (chance.random(marks.shape) > 0.6)
    return np.where(marks == 1, 0, wrong)


def coarse(seconds: Any) -> Any:
    """As the table has them."""
    whole = np.floor(seconds).astype(int)
    coarser = [np.where(whole < 60, whole, whole // 10 * 10), whole // 60 * 60]
    return np.where(whole < 600, coarser[0], np.where(whole < 3600, coarser[1], 3600))


def lognormal(chance: Any, shape: tuple[int, int], median: float, sigma: float) -> Any:
    return np.exp(math.log(median) + sigma * chance.standard_normal(shape))


def _of(exam: str, question: int) -> dict[str, Any]:
    return {"exam_name": exam, "base_exam_id": exam, "is_test": False, "form": "0" * 16, "question_id": f"question {question:03}"}


def _table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist([{"day": None, **row} for row in rows], schema=LANDED[name].arrow).set_column(
        0, "day", pa.array([DAY] * len(rows)).cast(pa.date32())
    )
