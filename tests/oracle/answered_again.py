"""The second pair of eyes for the business questions: each answered again from the records alone, in plain Python.

Written from what the answers say of themselves, sharing no line with `include/`: it goes over whole lists of attempts where the SQL goes
over sums. Which records can be read, and as what, is told by `recount`, which shares nothing with `include/` either.

    expected = Again({"2018-01-28": records}, ["yeahsdf"]).answers()
    expected["attempts_per_exam"]  # rows, in the answer's order
"""

from __future__ import annotations

import functools
import math
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.oracle import item_analysis, recount
from tests.oracle.recount import Sitting, form_and_score, hole_rows

Rows = list[list[Any]]
judge = functools.cache(recount.judge)  # the same records are asked about many times
WEEK = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
COUNTS = ("incomplete", "submitted", "incorrect", "correct", "total", "unanswered", "all_correct")


@dataclass(frozen=True)
class Attempt:
    """One version of an attempt as it came on one day, `copies` times. `json` has None for what is missing."""

    day: str
    value: bytes
    copies: int
    in_conflict: bool
    is_test: bool
    json: dict[str, Any]

    @property
    def exam(self) -> str | None:
        return self.json["exam_name"]

    @property
    def counts(self) -> dict[str, Any]:
        return (self.json["sequences"] or {}).get("counts") or dict.fromkeys(COUNTS)

    @property
    def questions(self) -> list[dict[str, Any]]:
        listed = (self.json["sequences"] or {}).get("questions") or []
        return [question or {"id": None, "user_result": None, "user_submitted": None, "options": None} for question in listed]

    @property
    def touches(self) -> list[datetime]:
        options = [option for question in self.questions for option in question["options"] or []]
        return [option["at"] for option in options if option and option["at"]]

    @property
    def score(self) -> float | None:
        right, asked = self.counts["correct"], self.counts["total"]
        return None if right is None or asked is None or asked <= 0 else right / asked

    @property
    def tallies(self) -> bool | None:
        if all(each is None for each in self.counts.values()):
            return None
        results = [question["user_result"] for question in self.questions]
        return self.counts == {
            "total": len(results),
            "correct": results.count("correct"),
            "incorrect": results.count("incorrect"),
            "incomplete": results.count("missed_some"),
            "unanswered": results.count("unanswered"),
            "submitted": [question["user_submitted"] for question in self.questions].count(True),
            "all_correct": results.count("correct") == len(results),
        }


class Again:
    """The records of each day, and which exams are test exams; `first` and `last` bound the days that are asked about.

    `delivered` is what came on these days; `asked` is the same, with `once` without what had come on an earlier day, byte for byte.
    """

    def __init__(
        self,
        records: Mapping[str, Sequence[bytes]],
        tests: Iterable[str],
        first: str = "",
        last: str = "9",
        exam: str | None = None,
        once: bool = False,
        min_n: int = 30,
    ) -> None:
        self.patterns = list(tests)
        self.every = [attempt for day, values in records.items() for attempt in self._attempts(day, values)]
        self.delivered = [attempt for attempt in self.every if first <= attempt.day <= last]
        self.asked = [attempt for attempt in self.delivered if not once or not self._came_before(attempt)]
        self.records = [value for day, values in records.items() if first <= day <= last for value in values]
        self.refused = Counter(reason for value in self.records if (reason := judge(value)[0]))
        self.real = [attempt for attempt in self.asked if not attempt.is_test]
        self.scored = [attempt for attempt in self.real if attempt.score is not None]
        self.exam = exam
        self.min_n = min_n
        self.sittings = [sitting(attempt) for attempt in self.real if exam in (None, attempt.exam)]

    def _attempts(self, day: str, values: Sequence[bytes]) -> list[Attempt]:
        times = Counter(value for value in values if judge(value)[0] is None)
        read = {value: judge(value)[1] for value in times}
        versions = Counter(json["keen_id"] for json in read.values())
        return [
            Attempt(
                day,
                value,
                times[value],
                versions[json["keen_id"]] > 1,
                any(re.search(p, text) for p in self.patterns for text in (json["exam_name"], json["base_exam_id"]) if text),
                json,
            )
            for value, json in read.items()
        ]

    def _came_before(self, attempt: Attempt) -> bool:
        return any(other.day < attempt.day for other in self._twins[attempt.value])

    def answers(self) -> dict[str, Rows]:
        names = [name for name in vars(Again) if not name.startswith("_") and name != "answers"]
        return {name: getattr(self, name)() for name in names}

    # ------------------------------------------------------------ how many

    def attempts(self) -> Rows:
        tests, kept = [attempt for attempt in self.asked if attempt.is_test], {id(each) for each in self.asked}
        return [
            ["delivered and readable", *both(self.delivered)],
            ["of these on an earlier day already: left out below", *both([each for each in self.delivered if id(each) not in kept])],
            ["of these at test exams: left out below", *both(tests)],
            ["counted below", *both(self.real)],
            ["of these with a score", *both(self.scored)],
            ["of these in conflict (same keen_id, other bytes; each version counts)", sum(a.in_conflict for a in self.real), None],
            ["unreadable, in quarantine", None, self.refused.total()],
        ]

    def exams(self) -> Rows:
        ids = {attempt.json["base_exam_id"] for attempt in self.real}
        return [[len({attempt.exam for attempt in self.real} - {None}), len(ids - {None})]]

    def most_common(self) -> Rows:
        return top_ten([(exam, *both(of)) for exam, of in by_exam(self.real)])

    def least_common(self) -> Rows:
        return top_ten([(exam, *both(of)) for exam, of in by_exam(self.real)], ascending=True)

    def attempts_per_exam(self) -> Rows:
        rows = [
            [exam, *both(of), len(of) / len(self.real), len({a.json["base_exam_id"] for a in of} - {None})]
            for exam, of in by_exam(self.real)
        ]
        return sorted(rows, key=lambda row: (-row[1], last_if_none(row[0])))

    def taken(self) -> Rows:
        exams = by_exam(self.real)
        most = max((len(of) for _, of in exams), default=0)
        return [
            [exam, *both(of), sum(a.score is None for a in of), sum(a.in_conflict for a in of)]
            for exam, of in exams
            if (len(of) == most if self.exam is None else exam == self.exam)
        ]

    # ------------------------------------------------------------ scores

    def score(self) -> Rows:
        rows: Rows = []
        for one in ("attempt", "exam"):
            for counting in ("distinct", "published"):
                groups = [of for _, of in by_exam(self.scored)]
                exams = [statistics.mean(scores(of, counting)) for of in groups]
                values = scores(self.scored, counting) if one == "attempt" else exams
                if values:
                    rows.append([counting, one, len(values), *described(values)])
        return rows

    def score_per_exam(self) -> Rows:
        rows = []
        for exam, of in by_exam(self.scored):
            mean, *others = described(scores(of, "distinct"))
            rows.append([exam, *both(of), mean, math.fsum(scores(of, "published")) / both(of)[1], *others])
        return sorted(rows, key=lambda row: (-round(row[3], 12), last_if_none(row[0])))

    def deciles(self) -> Rows:
        columns = [sorted(scores(self.scored, counting)) for counting in ("distinct", "published")]
        # ceil(k n / 10) attempts are the fewest that make k tenths.
        places = [[column[-(-tenth * len(column) // 10) - 1] if column else None for column in columns] for tenth in range(1, 10)]
        return [[tenth / 10, *row] for tenth, row in enumerate(places, start=1)] if self.scored else []

    def score_distribution(self) -> Rows:
        def within(tenth: int) -> list[Attempt]:
            if tenth == 10:
                return [a for a in self.scored if a.counts["correct"] >= a.counts["total"]]
            lowest = -math.inf if tenth == 0 else tenth
            return [
                a for a in self.scored if lowest * a.counts["total"] <= 10 * a.counts["correct"] < min(10, tenth + 1) * a.counts["total"]
            ]

        names = [*(f"{10 * tenth} to {10 * tenth + 10} %" for tenth in range(10)), "100 %"]
        share: Callable[[list[Attempt]], float | None] = lambda of: len(of) / len(self.scored) if self.scored else None  # noqa: E731
        return [[name, *both(within(tenth)), share(within(tenth))] for tenth, name in enumerate(names)]

    def thresholds(self) -> Rows:
        tests: dict[str, Callable[[int, int], bool]] = {
            "perfect (100 %)": lambda right, asked: right == asked,
            "90 % or more": lambda right, asked: 100 * right >= 90 * asked,
            "80 % or more": lambda right, asked: 100 * right >= 80 * asked,
            "above 70 %": lambda right, asked: 100 * right > 70 * asked,
            "below 50 %": lambda right, asked: 100 * right < 50 * asked,
        }
        rows = []
        for name, test in tests.items():
            distinct, published = both([a for a in self.scored if test(a.counts["correct"], a.counts["total"])])
            rows.append([name, distinct, published, distinct / len(self.scored), published / both(self.scored)[1]] if self.scored else [])
        return [row for row in rows if row]

    def perfect(self) -> Rows:
        return self._most(lambda right, asked: right == asked)

    def below_half(self) -> Rows:
        return self._most(lambda right, asked: right / asked < 0.5)

    def _most(self, test: Callable[[int, int], bool]) -> Rows:
        found = []
        for exam, of in by_exam(self.scored):
            fit = [attempt for attempt in of if test(attempt.counts["correct"], attempt.counts["total"])]
            if fit:
                found.append((exam, *both(fit), len(of), len(fit) / len(of)))
        return top_ten(found)

    def high_scores(self) -> Rows:
        z = statistics.NormalDist().inv_cdf(0.975)
        rows = []
        for exam, of in by_exam(self.scored):
            high = [attempt for attempt in of if 100 * attempt.counts["correct"] >= 80 * attempt.counts["total"]]
            n, k = len(of), len(high)
            # Wilson's bounds are where the share of n tries is z standard deviations off: the roots of a quadratic.
            a, b, c = 1 + z * z / n, -(2 * k / n + z * z / n), (k / n) ** 2
            root = math.sqrt(max(0.0, b * b - 4 * a * c))
            low, up = (-b - root) / (2 * a), (-b + root) / (2 * a)
            verdict = "yes" if low > 0.5 else "no" if up < 0.5 else "too few to say"
            rows.append([exam, n, k, k / n, low, up, verdict, both(high)[1] / both(of)[1]])
        return sorted(rows, key=lambda row: (-row[3], -row[1], last_if_none(row[0])))

    # ------------------------------------------------------------ questions

    def most_questions(self) -> Rows:
        found = []
        for exam, of in by_exam(self.scored):
            totals = [attempt.counts["total"] for attempt in of]
            ids = {(a.json["base_exam_id"], q["id"]) for a in self.real if a.exam == exam for q in a.questions}
            found.append((exam, max(totals), min(totals), len(ids)))
        return top_ten(found)

    def incomplete(self) -> Rows:
        return self._most_of("incomplete")

    def unanswered(self) -> Rows:
        return self._most_of("unanswered")

    def _most_of(self, count: str) -> Rows:
        found = []
        for exam, of in by_exam(self.real):
            distinct = sum(attempt.counts[count] or 0 for attempt in of)
            published = sum((attempt.counts[count] or 0) * attempt.copies for attempt in of)
            asked = sum(attempt.counts["total"] for attempt in of if attempt.score is not None)
            if distinct:
                found.append((exam, distinct, published, distinct / asked if asked else None))
        return top_ten(found)

    def wrong_questions(self) -> Rows:
        asked: Counter[Any] = Counter()
        wrong: Counter[Any] = Counter()
        instead: dict[Any, Counter[str]] = defaultdict(Counter)
        for attempt in self.real:
            for question in attempt.questions:
                key = attempt.exam, attempt.json["base_exam_id"], question["id"]
                asked[key] += 1
                if question["user_result"] == "incorrect":
                    wrong[key] += 1
                    instead[key].update(o["id"] for o in question["options"] or [] if o and o["checked"] and o["correct"] is not True)
        rows = []
        for (exam, base, question), times in wrong.items():
            chosen = instead[exam, base, question]
            most = max(chosen.values(), default=None)
            names = sorted(option for option, number in chosen.items() if number == most)
            share = times / asked[exam, base, question]
            place = 1 + sum(other > times for other in wrong.values())
            row = [place, exam, question, asked[exam, base, question], times, share, " or ".join(names) or None, most]
            rows.append(((place, last_if_none(exam), last_if_none(question), last_if_none(base)), row))
        return [row for _, row in sorted(rows, key=lambda each: each[0]) if row[0] <= 10]

    # ------------------------------------------------------------ times

    def last_taken(self) -> Rows:
        rows = []
        for exam, of in by_exam(self.real):
            rows.append([exam, max((a.json["started_at"] for a in of if a.json["started_at"]), default=None), *both(of)])
        never = datetime(1, 1, 2, tzinfo=UTC)
        return sorted(rows, key=lambda row: (-((row[1] or never) - never) // timedelta(microseconds=1), last_if_none(row[0])))

    def per_day(self) -> Rows:
        groups = grouped(self.real, lambda a: a.json["started_at"].date() if a.json["started_at"] else None)
        return sorted(([date, *both(of)] for date, of in groups.items()), key=lambda row: last_if_none(row[0]))

    def per_hour_of_week(self) -> Rows:
        def hour(attempt: Attempt) -> tuple[int, int] | None:
            began = attempt.json["started_at"]
            return (began.weekday(), began.hour) if began else None

        groups = sorted(grouped(self.real, hour).items(), key=lambda each: last_if_none(each[0]))
        return [[*((WEEK[key[0]], key[1]) if key else (None, None)), *both(of)] for key, of in groups]

    def time_taken(self) -> Rows:
        rows = [[exam, *self._time(of)] for exam, of in by_exam(self.real)]
        first = [["all exams", *self._time(self.real)]] if self.real else []
        return [*first, *sorted(rows, key=lambda row: (-row[1], last_if_none(row[0])))]

    def _time(self, of: list[Attempt]) -> list[Any]:
        fine, fine_published, skewed, both_times, without = [], [], 0, [], 0
        for attempt in of:
            began, ended = attempt.json["started_at"], attempt.json["keen_timestamp"]
            moments = [began, *attempt.touches, ended]
            minutes = (ended - began) / timedelta(minutes=1) if began and ended else None
            is_skewed = any(b and m and m < b for b, m in [(began, m) for m in moments]) or any(ended and m and m > ended for m in moments)
            skewed += is_skewed
            without += minutes is None and not is_skewed
            if minutes is not None:
                both_times.append(minutes)
                if not is_skewed:
                    fine.append(minutes)
                    fine_published += [minutes] * attempt.copies
        middles = [statistics.median(each) if each else None for each in (fine, fine_published, both_times)]
        return [len(fine), skewed, without, *middles]

    # ------------------------------------------------------------ the data themselves

    def repeats(self) -> Rows:
        once = [attempt for attempt in self.delivered if attempt.copies == 1]
        more = [attempt for attempt in self.delivered if attempt.copies > 1]
        days = Counter(attempt.value for attempt in self.delivered)
        several = [number for number in days.values() if number > 1]
        before = [attempt for attempt in self.delivered if self._came_before(attempt)]
        return [
            ["delivered once on their day", *both(once), 0],
            ["delivered more than once on their day", *both(more), both(more)[1] - len(more)],
            ["delivered on several of these days", len(several), sum(several), sum(several) - len(several)],
            ["delivered on an earlier day too", *both(before), both(before)[1]],
        ]

    @property
    def _twins(self) -> dict[bytes, list[Attempt]]:
        if not hasattr(self, "_found_twins"):
            self._found_twins = grouped(self.every, lambda a: a.value)
        return self._found_twins

    def quality(self) -> Rows:
        tests: dict[str, Callable[[Attempt], bool]] = {
            "delivered and readable": lambda a: True,
            "at test exams": lambda a: a.is_test,
            "with copies of the same bytes": lambda a: a.copies > 1,
            "in conflict: same keen_id, other bytes": lambda a: a.in_conflict,
            "counts agree with the questions": lambda a: a.tallies is True,
            "counts contradict the questions": lambda a: a.tallies is False,
            "without counts": lambda a: a.tallies is None,
            "without a score": lambda a: a.score is None,
            "without the name of the exam": lambda a: a.exam is None,
            "without questions": lambda a: not a.questions,
        }
        flaws = [[what, *both([attempt for attempt in self.asked if test(attempt)])] for what, test in tests.items()] if self.asked else []
        return [*flaws, *([f"unreadable, in quarantine: {reason}", None, n] for reason, n in sorted(self.refused.items()))]

    def holes(self) -> Rows:
        rows = []
        for row in hole_rows(self.records):
            if row["parents"] > row["present"]:
                figures = [row[name] for name in ("parents", "present", "nulls", "missing", "empty", "wrong_type")]
                rows.append([row["path"], *figures, 1 - row["present"] / row["parents"]])
        return sorted(rows, key=lambda row: (-row[-1], row[0]))

    # ------------------------------------------------------------ questions as a test has them

    def items(self) -> Rows:
        return item_analysis.items(self.sittings, self.min_n)

    def reliability(self) -> Rows:
        return item_analysis.reliability(self.sittings, self.min_n)

    def options(self) -> Rows:
        return item_analysis.options(self.sittings, self.min_n)

    def key_alarms(self) -> Rows:
        return item_analysis.key_alarms(self.sittings, self.min_n)

    def look_at(self) -> Rows:
        return item_analysis.look_at(self.sittings, self.min_n)

    def bunched_scores(self) -> Rows:
        return item_analysis.bunched_scores(self.sittings, self.min_n)

    def response_times(self) -> Rows:
        return item_analysis.response_times(self.sittings, self.min_n)

    def time_coverage(self) -> Rows:
        return item_analysis.time_coverage(self.sittings)

    def rasch(self) -> Rows:
        return item_analysis.rasch(self.sittings, self.min_n)

    def not_reached(self) -> Rows:
        return item_analysis.not_reached(self.sittings, self.min_n)


def sitting(attempt: Attempt) -> Sitting:
    questions = (attempt.json["sequences"] or {}).get("questions") or []
    return Sitting(
        (attempt.json["base_exam_id"], attempt.exam, attempt.is_test), attempt.json["started_at"], questions, *form_and_score(questions)
    )


def both(of: list[Attempt]) -> tuple[int, int]:
    """Distinct, published."""
    return len(of), sum(attempt.copies for attempt in of)


def scores(of: list[Attempt], counting: str) -> list[float]:
    return [a.score for a in of if a.score is not None for _ in range(a.copies if counting == "published" else 1)]


def described(values: list[float]) -> list[float | None]:
    """Mean, median, deviation of a sample, lowest, highest."""
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return [statistics.mean(values), statistics.median(values), deviation, min(values), max(values)]


def grouped(of: list[Attempt], key: Callable[[Attempt], Any]) -> dict[Any, list[Attempt]]:
    found: dict[Any, list[Attempt]] = defaultdict(list)
    for attempt in of:
        found[key(attempt)].append(attempt)
    return dict(found)


def by_exam(of: list[Attempt]) -> list[tuple[str | None, list[Attempt]]]:
    return sorted(grouped(of, lambda attempt: attempt.exam).items(), key=lambda each: last_if_none(each[0]))


def last_if_none(value: Any) -> tuple[bool, Any]:
    return value is None, "" if value is None else value


def top_ten(found: Iterable[tuple[Any, ...]], ascending: bool = False) -> Rows:
    """(exam, number, ...) with the place before it: 1 plus how many have more (fewer); equal ones share it."""
    listed = list(found)
    ahead: Callable[[int, int], bool] = (lambda one, other: other < one) if ascending else (lambda one, other: other > one)
    rows = [[1 + sum(ahead(each[1], other[1]) for other in listed), *each] for each in listed]
    return sorted((row for row in rows if row[0] <= 10), key=lambda row: (row[0], last_if_none(row[1])))
