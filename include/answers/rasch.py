"""Difficulties of the Rasch model, by conditional maximum likelihood, from sums alone.

In this model a right answer to question i has the chance 1 / (1 + exp(b_i - ability)). Given an attempt's score, its chance no longer
depends on the ability, so nothing has to be assumed about abilities, and how many attempts of each score answered each question rightly is
all that the estimate needs (Rasch 1960; Andersen 1972; Fischer 1981).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from include.query.session import Result

Z = 1.959963984540054  # so many standard deviations hold 95 % of a normal distribution
MOST_QUESTIONS = 60  # with more of them the sums below take minutes
MOST_STEPS, NEAR, CLOSE, FARTHEST = 200, 0.05, 1e-12, 12.0
UNDETERMINED = "the attempts put some questions before others without exception, so how far apart they are cannot be estimated"
COLUMNS = {
    "exam": "VARCHAR", "form": "VARCHAR", "question": "VARCHAR", "n": "BIGINT", "logits": "DOUBLE", "standard_error": "DOUBLE",
    "low": "DOUBLE", "high": "DOUBLE", "infit": "DOUBLE", "outfit": "DOUBLE", "fit": "VARCHAR", "empty_because": "VARCHAR",
}  # fmt: skip
Levels = dict[int, int]  # score -> how many


class NoEstimate(ValueError):
    """The attempts do not determine the difficulties. The message is what a cell says."""


@dataclass(frozen=True)
class Estimate:
    """One question: difficulty in logits, the form's mean is 0; and how its answers scatter about the model, where 1 is expected."""

    logits: float
    standard_error: float
    infit: float
    outfit: float
    infit_deviation: float

    @property
    def fit(self) -> str:
        if self.infit > 1 + Z * self.infit_deviation:
            return "more chance than expected"
        return "less chance than expected" if self.infit < 1 - Z * self.infit_deviation else "as expected"


def answer(sums: Result, min_n: int) -> Result:
    """Rows of `COLUMNS`, of rows (exam_name, base_exam_id, form, question_id, score, asked, correct) in the order of the first five."""
    rows: list[list[Any]] = []
    for (exam, _, form), of_form in groupby(sums.rows, key=lambda row: tuple(row[:3])):
        questions = {
            question: (_levels(of, 5), _levels(of, 6))
            for question, of in ((name, list(each)) for name, each in groupby(of_form, key=lambda row: row[3]))
        }
        asked = next(iter(questions.values()))[0]
        n = sum(number for score, number in asked.items() if 0 < score < len(questions))
        try:
            if n < min_n:
                raise NoEstimate(f"too few attempts with some questions right and some not: {n} of {min_n}")
            estimates = estimate(asked, [right for _, right in questions.values()])
        except NoEstimate as reason:
            rows += [[exam, form, question, n, *[None] * 7, str(reason)] for question in questions]
            continue
        for question, each in zip(questions, estimates, strict=True):
            reach = Z * each.standard_error
            figures = [each.logits, each.standard_error, each.logits - reach, each.logits + reach, each.infit, each.outfit, each.fit]
            rows.append([exam, form, question, n, *figures, None])
    return Result(list(COLUMNS), list(COLUMNS.values()), rows)


def _levels(rows: Iterable[list[Any]], column: int) -> Levels:
    return {row[4]: int(row[column]) for row in rows}


def estimate(attempts: Levels, right: list[Levels]) -> list[Estimate]:
    """The questions of one form, from how many attempts have each score, and how many of these answered each question rightly.

    Attempts with all or none right say nothing about differences between questions. Raises NoEstimate.
    """
    k = len(right)
    attempts = {score: number for score, number in attempts.items() if 0 < score < k and number}
    n = sum(attempts.values())
    if not 2 <= k <= MOST_QUESTIONS:
        raise NoEstimate(f"{k} questions in the form, from 2 to {MOST_QUESTIONS} are needed")
    totals = [sum(levels.get(score, 0) for score in attempts) for levels in right]
    if any(total in (0, n) for total in totals):
        raise NoEstimate("a question of this form was answered rightly by all of these attempts, or by none")
    eases = _eases(attempts, totals)
    chances = _chances(eases, attempts)
    information = _information(eases, attempts, chances)
    covariance = _inverse(information)
    return [
        Estimate(-eases[i], math.sqrt(covariance[i][i]), *_fit(attempts, right[i], {score: chances[score][i] for score in attempts}))
        for i in range(k)
    ]


def _eases(attempts: Levels, totals: list[int]) -> list[float]:
    """The negative difficulties at which as many right answers are expected as there are: Newton's steps, near the end with one slope."""
    n, k = sum(attempts.values()), len(totals)
    eases = _centred([(k - 1) / k * math.log(total / (n - total)) for total in totals])
    slope, longest = None, math.inf
    for _ in range(MOST_STEPS):
        chances = _chances(eases, attempts)
        missing = [total - math.fsum(number * chances[score][i] for score, number in attempts.items()) for i, total in enumerate(totals)]
        if slope is None or longest > NEAR:
            slope = _inverse(_information(eases, attempts, chances))
        change = [math.fsum(a * b for a, b in zip(row, missing, strict=True)) for row in slope]
        longest = max(map(abs, change))
        eases = _centred([ease + each / max(1.0, longest) for ease, each in zip(eases, change, strict=True)])
        if max(map(abs, eases)) > FARTHEST:
            break
        if longest < CLOSE:
            return eases
    raise NoEstimate(UNDETERMINED)


def _centred(values: list[float]) -> list[float]:
    mean = math.fsum(values) / len(values)
    return [value - mean for value in values]


def _chances(eases: list[float], attempts: Levels) -> dict[int, list[float]]:
    """Score -> the chance of a right answer to each question, given the score."""
    ratios = [math.exp(ease) for ease in eases]
    every = symmetric(ratios)
    without = [symmetric(ratios[:i] + ratios[i + 1 :]) for i in range(len(ratios))]
    return {score: [ratio * rest[score - 1] / every[score] for ratio, rest in zip(ratios, without, strict=True)] for score in attempts}


def _information(eases: list[float], attempts: Levels, chances: dict[int, list[float]]) -> list[list[float]]:
    """How sharply the attempts tell the questions apart: the covariances of right answers, given the scores, added over attempts."""
    ratios, k = [math.exp(ease) for ease in eases], len(eases)
    every = symmetric(ratios)
    information = [[0.0] * k for _ in range(k)]
    for i in range(k):
        information[i][i] = math.fsum(number * chances[score][i] * (1 - chances[score][i]) for score, number in attempts.items())
        for j in range(i):
            rest = symmetric(ratios[:j] + ratios[j + 1 : i] + ratios[i + 1 :])
            both = {score: ratios[i] * ratios[j] * rest[score - 2] / every[score] if score > 1 else 0.0 for score in attempts}
            covariance = math.fsum(number * (both[score] - chances[score][i] * chances[score][j]) for score, number in attempts.items())
            information[i][j] = information[j][i] = covariance
    return information


def symmetric(ratios: list[float]) -> list[float]:
    """The elementary symmetric functions: the s-th is the sum of the products of all choices of s ratios. Only sums of what is positive."""
    sums = [1.0]
    for ratio in ratios:
        sums = [here + ratio * before for here, before in zip([*sums, 0.0], [0.0, *sums], strict=True)]
    return sums


def _inverse(information: list[list[float]]) -> list[list[float]]:
    """Its inverse among eases whose sum is 0: of the matrix with 1 / k added to each cell, less the same. By Gauss and Jordan."""
    k = len(information)
    rows = [[cell + 1 / k for cell in row] + [float(i == j) for j in range(k)] for i, row in enumerate(information)]
    for column in range(k):
        pivot = max(range(column, k), key=lambda row: abs(rows[row][column]))
        if abs(rows[pivot][column]) < 1e-12:
            raise NoEstimate(UNDETERMINED)
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [cell / rows[column][column] for cell in rows[column]]
        for row in range(k):
            if row != column:
                factor = rows[row][column]
                rows[row] = [cell - factor * other for cell, other in zip(rows[row], rows[column], strict=True)]
    return [[cell - 1 / k for cell in row[k:]] for row in rows]


def _fit(attempts: Levels, right: Levels, chances: dict[int, float]) -> tuple[float, float, float]:
    """Infit, outfit and the deviation that infit has by chance: squares of (answer - chance), given the score (Müller 2020)."""
    spread = {score: chance * (1 - chance) for score, chance in chances.items()}
    squares = {
        score: right.get(score, 0) * (1 - chances[score]) ** 2 + (number - right.get(score, 0)) * chances[score] ** 2
        for score, number in attempts.items()
    }
    expected = math.fsum(number * spread[score] for score, number in attempts.items())
    outfit = math.fsum(squares[score] / spread[score] for score in attempts) / sum(attempts.values())
    deviation = (
        math.sqrt(math.fsum(number * spread[score] * (1 - 2 * chances[score]) ** 2 for score, number in attempts.items())) / expected
    )
    return math.fsum(squares.values()) / expected, outfit, deviation
