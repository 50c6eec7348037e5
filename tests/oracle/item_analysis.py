"""The second pair of eyes for the answers about questions: every coefficient again from the attempts themselves, by numpy.

Written from what the answers say of themselves, sharing no line with `include/`: where the SQL goes over sums by score, this goes over
arrays with an element for each attempt.

    rows = items([one for one in sittings if not one.exam[2]], min_n=30)
"""

import functools
import itertools
import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tests.oracle.recount import Sitting, times

Rows = list[list[Any]]
Key = tuple[Any, ...]
Z = statistics.NormalDist().inv_cdf(0.975)
NODES, WEIGHTS = np.polynomial.legendre.leggauss(200)


def last_if_none(value: Any) -> tuple[bool, Any]:
    return value is None, "" if value is None else value


def rounded(value: float | None) -> tuple[bool, float]:
    return value is None, 0.0 if value is None else round(value, 9)


# ---- intervals


def wilson(k: float, n: float) -> tuple[float | None, float | None]:
    """Where the share of n tries is Z standard deviations off: the roots of a quadratic."""
    if n <= 0:
        return None, None
    a, b, c = 1 + Z * Z / n, -(2 * k / n + Z * Z / n), (k / n) ** 2
    root = math.sqrt(max(0.0, b * b - 4 * a * c))
    return max(0.0, (-b - root) / (2 * a)), min(1.0, (-b + root) / (2 * a))


def fisher(r: float | None, n: int) -> tuple[float | None, float | None]:
    if r is None or n <= 3 or abs(r) >= 1:
        return None, None
    z, reach = 0.5 * math.log((1 + r) / (1 - r)), Z / math.sqrt(n - 3)
    return math.tanh(z - reach), math.tanh(z + reach)


@functools.cache
def f_quantile(p: float, d1: int, d2: int) -> float:
    """By quadrature: with x = sin(t)^2 the beta distribution has the smooth density sin(t)^(d1 - 1) cos(t)^(d2 - 1)."""
    mode = math.atan(math.sqrt((d1 - 0.5) / (d2 - 0.5)))
    edges = sorted({0.0, math.pi / 2, *(min(max(mode + step / math.sqrt(d1 + d2), 0.0), math.pi / 2) for step in range(-12, 13, 3))})

    def log_density(t: Any) -> Any:
        return (d1 - 1) * np.log(np.sin(t)) + (d2 - 1) * np.log(np.cos(t))

    peak = log_density(np.array([min(max(mode, 1e-9), math.pi / 2 - 1e-9)]))[0]

    def mass(upto: float) -> float:
        total = 0.0
        for low, high in itertools.pairwise(edges):
            high = min(high, upto)
            if high > low:
                t = (high - low) / 2 * NODES + (high + low) / 2
                total += (high - low) / 2 * float(WEIGHTS @ np.exp(log_density(t) - peak))
        return total

    whole, low, high = mass(math.pi / 2), 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if mass(middle) < p * whole else (low, middle)
    return d2 / d1 * math.tan((low + high) / 2) ** 2


# ---- questions


class Asked(NamedTuple):
    """One question of one attempt that can be analysed."""

    form: str
    is_right: int
    rest: int
    chosen: dict[str, int]
    keys: dict[str, int]
    offered: dict[str, int]


def of_questions(sittings: Iterable[Sitting]) -> tuple[dict[Key, list[Asked]], dict[Key, int]]:
    """By exam name, base id and question id: what can be analysed, and how often it was asked where nothing can."""
    found: dict[Key, list[Asked]] = defaultdict(list)
    left_out: dict[Key, int] = defaultdict(int)
    for one in sittings:
        base, name, _ = one.exam
        for question in one.questions:
            key = (name, base, question and question["id"])
            left_out[key] += one.form is None
            if one.form is None or one.score is None or question is None:
                continue
            right = int(question["user_result"] == "correct")
            counts: list[dict[str, int]] = [defaultdict(int), defaultdict(int), defaultdict(int)]
            for option in question["options"] or []:
                if option and option["id"] is not None:
                    counts[0][option["id"]] += option["checked"] is True
                    counts[1][option["id"]] += option["correct"] is True
                    counts[2][option["id"]] += 1
            found[key].append(Asked(one.form, right, one.score - right, *counts))
    return found, left_out


def within_forms(of: Sequence[Asked], values: Sequence[float]) -> Any:
    """Each value less the mean of its form."""
    array, forms = np.array(values, dtype=float), np.array([each.form for each in of])
    for form in set(forms):
        array[forms == form] -= array[forms == form].mean()
    return array


def correlation(of: Sequence[Asked], values: Sequence[float]) -> float | None:
    one, other = within_forms(of, values), within_forms(of, [each.rest for each in of])
    spread = math.sqrt(float(one @ one) * float(other @ other))
    return max(-1.0, min(1.0, float(one @ other) / spread)) if spread > 0 else None


def in_group(of: Sequence[Asked], share: tuple[int, int], best: bool) -> Any:
    """How much of each attempt is in the best or worst a / b of its form, by its rest score; those that share a score share the places."""
    a, b = share
    weights = np.zeros(len(of))
    for form in {each.form for each in of}:
        places = [place for place, each in enumerate(of) if each.form == form]
        rest = sorted({of[place].rest for place in places}, reverse=best)
        left = a * len(places)  # places of the group, b to an attempt
        for score in rest:
            same = [place for place in places if of[place].rest == score]
            taken = min(left, b * len(same))
            weights[same] = taken / (b * len(same))
            left -= taken
    return weights


class Item(NamedTuple):
    n: int
    left_out: int
    forms: int
    right: int
    difficulty: float | None
    low: float | None
    high: float | None
    r: float | None
    r_low: float | None
    r_high: float | None
    upper_lower: float | None
    why: str | None


def item(of: Sequence[Asked], left_out: int, min_n: int) -> Item:
    n, forms = len(of), len({each.form for each in of})
    right = [each.is_right for each in of]
    if n < min_n:
        return Item(n, left_out, forms, sum(right), *[None] * 7, f"too few attempts: {n} of {min_n}")
    r = correlation(of, right)
    upper, lower = (float(in_group(of, (27, 100), best) @ np.array(right)) for best in (True, False))
    why = None
    if not np.any(within_forms(of, right)):
        why = "all answers are right, or none is"
    elif not np.any(within_forms(of, [each.rest for each in of])):
        why = "all attempts have the same score in the other questions"
    bounds = fisher(r, n - forms + 1)
    return Item(n, left_out, forms, sum(right), sum(right) / n, *wilson(sum(right), n), r, *bounds, (upper - lower) / (0.27 * n), why)


def all_items(sittings: Iterable[Sitting], min_n: int) -> dict[Key, Item]:
    found, left_out = of_questions(sittings)
    return {key: item(found.get(key, []), left_out[key], min_n) for key in left_out}


def items(sittings: Sequence[Sitting], min_n: int) -> Rows:
    rows = []
    for (name, base, question), one in all_items(sittings, min_n).items():
        row = [name, question, one.n, one.left_out, one.forms, *one[4:]]
        rows.append(((rounded(one.r), last_if_none(name), last_if_none(question), last_if_none(base)), row))
    return [row for _, row in sorted(rows, key=lambda each: each[0])]


# ---- exams


def by_form(sittings: Sequence[Sitting]) -> dict[Key, list[Sitting]]:
    """Those that can be analysed, by exam name, exam id and form."""
    groups: dict[Key, list[Sitting]] = defaultdict(list)
    for one in sittings:
        if one.form is not None and one.questions:
            groups[one.exam[1], one.exam[0], one.form].append(one)
    return groups


def reliability(sittings: Sequence[Sitting], min_n: int) -> Rows:
    groups = by_form(sittings)
    rows = []
    for (name, base, form), of in groups.items():
        ids = sorted(question["id"] for question in of[0].questions if question)
        marks = np.array([[{q["id"]: q["user_result"] == "correct" for q in one.questions if q}[id_] for id_ in ids] for one in of], float)
        n, k = marks.shape
        scores = marks.sum(axis=1)
        row: list[Any] = [name, form, k, n, *[None] * 6, f"too few attempts: {n} of {min_n}"]
        if n >= min_n:
            sd = float(scores.std(ddof=1))
            # Cronbach's alpha of the marks, which for marks of 0 and 1 is KR-20.
            alpha = float(k / (k - 1) * (1 - marks.var(axis=0).sum() / scores.var())) if k > 1 and sd > 0 else None
            row[4:] = [float(scores.mean()), sd, alpha, None, None, None, "one question only" if k < 2 else None]
            if k > 1 and alpha is None:
                row[-1] = "all attempts have the same score"
            if alpha is not None:
                low, high = (1 - (1 - alpha) * f_quantile(p, n - 1, (n - 1) * (k - 1)) for p in (0.975, 0.025))
                row[7:10] = [low, high, sd * math.sqrt(1 - alpha)]
        rows.append(((rounded(row[6]), last_if_none(name), form, last_if_none(base)), row))
    return [row for _, row in sorted(rows, key=lambda each: each[0])]


def bunched_scores(sittings: Sequence[Sitting], min_n: int) -> Rows:
    groups: dict[Key, list[Sitting]] = defaultdict(list)
    for one in sittings:
        if one.form is not None and one.questions:
            groups[one.exam[1], one.exam[0]].append(one)
    rows = []
    for (name, base), of in groups.items():
        n, counts = len(of), [len(one.questions) for one in of]
        row: list[Any] = [name, min(counts), max(counts), n, *[None] * 8, f"too few attempts: {n} of {min_n}"]
        if n >= min_n:
            ends = [sum(one.score == len(one.questions) for one in of), sum(one.score == 0 for one in of)]
            shares = [[k / n, *wilson(k, n)] for k in ends]
            row[4:] = [*shares[0], *shares[1], *(beyond(low, high, 0.15) for _, low, high in shares), None]
        rows.append((((row[4] is None, -(row[4] or 0)), -n, last_if_none(name), last_if_none(base)), row))
    return [row for _, row in sorted(rows, key=lambda each: each[0])]


def beyond(low: float | None, high: float | None, border: float) -> str:
    if low is None or high is None:
        return "too few to say"
    return "yes" if low > border else "no" if high <= border else "too few to say"


# ---- options


class Option(NamedTuple):
    name: str
    is_key: bool
    differs: bool
    n: int
    chosen: int
    is_known: bool
    share: float | None
    low: float | None
    high: float | None
    r: float | None
    r_low: float | None
    r_high: float | None
    thirds: list[float]  # times chosen in the worst, middle and best third
    why: str | None


def options_of(of: Sequence[Asked], min_n: int) -> list[Option]:
    names = sorted({name for each in of for name in each.offered})
    return [option(name, of, min_n) for name in names]


def option(name: str, every: Sequence[Asked], min_n: int) -> Option:
    forms = {each.form for each in every if name in each.offered}
    of = [each for each in every if each.form in forms]
    offered, keys, chosen = (sum(getattr(each, kind).get(name, 0) for each in of) for kind in ("offered", "keys", "chosen"))
    n, is_single = (
        len(of),
        all(
            sum(getattr(each, kind).get(name, 0) for each in of if each.form == form) <= sum(each.form == form for each in of)
            for form in forms
            for kind in ("offered", "chosen")
        ),
    )
    values = [each.chosen.get(name, 0) for each in of]
    known = n >= min_n and is_single
    r = correlation(of, values) if known else None
    worst, best = in_group(of, (1, 3), False), in_group(of, (1, 3), True)
    thirds = [float(weights @ np.array(values, float)) for weights in (worst, 1 - worst - best, best)]
    why = None
    if n < min_n:
        why = f"too few attempts: {n} of {min_n}"
    elif not is_single:
        why = "the option is there twice in an attempt"
    elif not np.any(within_forms(of, values)):
        why = "all attempts chose it, or none did"
    elif not np.any(within_forms(of, [each.rest for each in of])):
        why = "all attempts have the same score in the other questions"
    share = [chosen / n, *wilson(chosen, n)] if known else [None] * 3
    differs = keys not in (0, offered)
    return Option(name, keys == offered, differs, n, chosen, known, *share, r, *fisher(r, n - len(forms) + 1), thirds, why)  # type: ignore[misc]


def options(sittings: Sequence[Sitting], min_n: int) -> Rows:
    rows = []
    for (name, base, question), of in of_questions(sittings)[0].items():
        for one in options_of(of, min_n):
            if one.n < min_n:
                continue
            thirds = [chosen / (one.n / 3) if one.is_known else None for chosen in one.thirds]
            hardly = None
            if not one.is_key and not one.differs and one.low is not None and one.high is not None:
                hardly = "yes" if one.high < 0.05 else "no" if one.low >= 0.05 else "too few to say"
            kind = "differs" if one.differs else "yes" if one.is_key else "no"
            row = [name, question, one.name, kind, one.n, one.chosen, *one[6:12], *thirds, hardly, one.why]
            rows.append(((last_if_none(name), last_if_none(question), last_if_none(base), one.name), row))
    return [row for _, row in sorted(rows, key=lambda each: each[0])]


# ---- what to look at


class Check(NamedTuple):
    item: Item
    key: Option | None
    distractor: Option | None
    rival: Option | None
    negative_key: Option | None
    perhaps_negative_key: Option | None
    wrong: list[Option]
    differs: bool

    @property
    def is_beaten(self) -> bool:
        if self.key is None or self.distractor is None:
            return False
        low, _ = wilson(self.distractor.thirds[2], self.distractor.thirds[2] + self.key.thirds[2])
        return low is not None and low > 0.5

    @property
    def is_negative(self) -> bool:
        return self.negative_key is not None or (self.item.r_high is not None and self.item.r_high < 0)


def check(of: Sequence[Asked], left_out: int, min_n: int) -> Check:
    known = [one for one in options_of(of, min_n) if one.is_known]
    wrong = [one for one in known if not one.is_key and not one.differs]
    most: Callable[[Option], Any] = lambda one: (-round(one.thirds[2], 9), one.name)  # noqa: E731
    return Check(
        item(of, left_out, min_n),
        min((one for one in known if one.is_key), key=lambda one: (round(one.thirds[2], 9), one.name), default=None),
        min((one for one in wrong if one.r_low is not None and one.r_low > 0), key=most, default=None),
        min((one for one in wrong if one.r is not None and one.r > 0), key=most, default=None),
        lowest(one for one in known if one.is_key and one.r_high is not None and one.r_high < 0),
        lowest(one for one in known if one.is_key and one.r is not None and round(one.r, 9) < 0),
        wrong,
        any(one.differs for one in known),
    )


def lowest(keys: Iterable[Option]) -> Option | None:
    return min(keys, key=lambda one: (rounded(one.r), one.name), default=None)


def checks(sittings: Sequence[Sitting], min_n: int) -> dict[Key, Check]:
    found, left_out = of_questions(sittings)
    return {key: check(found.get(key, []), left_out[key], min_n) for key in left_out}


def key_alarms(sittings: Sequence[Sitting], min_n: int) -> Rows:
    rows = []
    for (name, base, question), one in checks(sittings, min_n).items():
        if not (one.is_beaten or one.is_negative):
            continue
        third = one.item.n / 3
        instead = [one.distractor.name, one.distractor.thirds[2] / third] if one.is_beaten and one.distractor else [None, None]
        key = [one.key.name, one.key.thirds[2] / third] if one.key else [None, None]
        alarm = "both" if one.is_beaten and one.is_negative else "good attempts choose another option"
        row = [name, question, one.item.n, one.item.difficulty, *one.item[7:10], *key, *instead]
        row.append(alarm if one.is_beaten else "poor attempts choose the key")
        rows.append(((rounded(one.item.r), last_if_none(name), last_if_none(question), last_if_none(base)), row))
    return [row for _, row in sorted(rows, key=lambda each: each[0])]


def look_at(sittings: Sequence[Sitting], min_n: int) -> Rows:
    rows = []
    for (name, base, question), one in checks(sittings, min_n).items():
        sure, perhaps = gravest(one)
        gravity = sure or perhaps
        if gravity:
            row = [name, question, reason(one, gravity, sure is not None), sure is not None, one.item.n, one.item.difficulty]
            place = (sure is None, gravity, rounded(one.item.r), last_if_none(name), last_if_none(question), last_if_none(base))
            rows.append((place, [*row, *one.item[7:10]]))
    return [[place, *row] for place, (_, row) in enumerate(sorted(rows, key=lambda each: each[0]), start=1)]


def gravest(one: Check) -> tuple[int | None, int | None]:
    """The first that holds of the reasons, numbered in their order: for sure, and as the figures alone are."""
    it = one.item
    below: Callable[[float | None, float], bool] = lambda value, border: value is not None and value < border  # noqa: E731
    above: Callable[[float | None, float], bool] = lambda value, border: value is not None and value > border  # noqa: E731
    idle = [sum(below(bound, 0.05) for bound in bounds) for bounds in ([w.high for w in one.wrong], [w.share for w in one.wrong])]
    r = None if it.r is None else round(it.r, 9)
    rivals = bool(one.rival and one.key and round(one.rival.thirds[2], 9) > round(one.key.thirds[2], 9))
    sure = [one.is_beaten, one.is_negative, one.differs, below(it.r_high, 0.2), below(it.high, 0.3), above(it.low, 0.9), idle[0] >= 2]
    perhaps = [
        rivals,
        below(r, 0) or one.perhaps_negative_key,
        False,
        below(r, 0.2),
        below(it.difficulty, 0.3),
        above(it.difficulty, 0.9),
        idle[1] >= 2,
    ]
    first, second = (next((number for number, holds in enumerate(each, start=1) if holds), None) for each in (sure, perhaps))
    return first, second


def reason(one: Check, gravity: int, sure: bool) -> str:
    it = one.item
    r = round(it.r or 0, 9) + 0
    if gravity == 1:
        instead = one.distractor if one.is_beaten else one.rival
        assert instead
        assert one.key
        shares = [round(100 * (each.thirds[2] / (it.n / 3)), 6) for each in (instead, one.key)]
        return (
            f"Of the best third of attempts {shares[0]:.0f} % ticked {instead.name}, which is no key, "
            f"and {shares[1]:.0f} % the key {one.key.name}."
        )
    is_it = bool(it.r_high is not None and it.r_high < 0) if sure else r < 0
    negative = one.negative_key if sure else one.perhaps_negative_key
    if gravity == 2 and negative and not is_it:
        return f"Poor attempts tick its key {negative.name} more often than good ones."
    idle = sum((each.high if sure else each.share) < 0.05 for each in one.wrong)  # type: ignore[operator]
    return {
        2: f"Poor attempts answer it rightly more often than good ones: its correlation with the other questions is {r:.2f}.",
        3: "An option is the key in some attempts and not in others.",
        4: f"It hardly tells good attempts from poor ones: its correlation with the other questions is {r:.2f}.",
        5: f"Few attempts answer it rightly: {100 * (it.difficulty or 0):.0f} %.",
        6: f"Nearly all attempts answer it rightly: {100 * (it.difficulty or 0):.0f} %.",
        7: f"Of its {len(one.wrong)} wrong options {idle} are hardly ever chosen.",
    }[gravity]


# ---- times


class Timed(NamedTuple):
    seconds: int | None
    is_right: bool
    is_changed: bool
    is_disordered: bool


def of_times(sittings: Iterable[Sitting]) -> dict[Key, list[Timed]]:
    found: dict[Key, list[Timed]] = defaultdict(list)
    for one in sittings:
        touched = [[o for o in (q or {}).get("options") or [] if o and o["at"]] for q in one.questions]
        moments = [max((o["at"] for o in each), default=None) for each in touched]
        for question, each, moment, seconds in zip(one.questions, touched, moments, times(one.started_at, moments), strict=True):
            disordered = moment is not None and one.started_at is not None and moment < one.started_at
            right = question is not None and question["user_result"] == "correct"
            changed = any(o["checked"] is not True for o in each)
            found[one.exam[1], one.exam[0], question and question["id"]].append(Timed(seconds, right, changed, disordered))
    return found


def response_times(sittings: Sequence[Sitting], min_n: int) -> Rows:
    rows = []
    for (name, base, question), every in of_times(sittings).items():
        timed = sorted((each for each in every if each.seconds is not None), key=lambda each: each.seconds or 0)
        n = len(timed)
        changed = sum(each.is_changed for each in every) / len(every) if len(every) >= min_n else None
        row: list[Any] = [name, question, len(every), n / len(every), sum(each.is_disordered for each in every)]
        if n < min_n:
            row += [*[None] * 12, changed, f"too few attempts with a time: {n} of {min_n}"]
        else:
            row += [*figures_of_times(timed), changed, None]
        rows.append(((row[11] is None, -(row[11] or 0), -len(every), last_if_none(name), last_if_none(question), last_if_none(base)), row))
    return [row for _, row in sorted(rows, key=lambda each: each[0])]


def figures_of_times(timed: Sequence[Timed]) -> list[Any]:
    seconds = [each.seconds or 0 for each in timed]
    n = len(seconds)

    def at(place: float) -> int:
        return seconds[int(min(n, max(1, place))) - 1]

    quartiles = [(at(math.ceil(quarter * n / 4)) + at(quarter * n // 4 + 1)) / 2 for quarter in (1, 2, 3)]
    reach = Z * math.sqrt(n) / 2
    low, high = at(math.floor(n / 2 - reach)), at(1 + math.ceil(n / 2 + reach))
    threshold = min(10.0, sum(seconds) / n / 10)
    rapid = [each for each in timed if (each.seconds or 0) < threshold]
    other = [each for each in timed if (each.seconds or 0) >= threshold]
    right = [sum(each.is_right for each in of) for of in (rapid, other)]
    shares = [count / len(of) if of else None for count, of in zip(right, (rapid, other), strict=True)]
    _, rapid_high = wilson(right[0], len(rapid))
    other_low, _ = wilson(right[1], len(other))
    guesses = "yes" if rapid_high is not None and other_low is not None and rapid_high < other_low else "not shown"
    middle = [quartiles[0], quartiles[1], low, high, quartiles[2], threshold]
    return [*middle, len(rapid) / n, *wilson(len(rapid), n), *shares, guesses]


def time_coverage(sittings: Sequence[Sitting]) -> Rows:
    every = [each for of in of_times(sittings).values() for each in of]
    without = sum(each.seconds is None for each in every)
    disordered = sum(each.is_disordered for each in every)
    counts = {
        "asked": len(every),
        "with a time": len(every) - without,
        "without: clock out of order": disordered,
        "without: no option touched, or no start": without - disordered,
        "with a changed answer": sum(each.is_changed for each in every),
    }
    return [[what, number, number / len(every) if every else None] for what, number in counts.items()]


def not_reached(sittings: Sequence[Sitting], min_n: int) -> Rows:
    counts: dict[Key, list[int]] = defaultdict(lambda: [0, 0, 0])
    for one in sittings:
        results = [question and question["user_result"] for question in one.questions]
        last = max((place for place, result in enumerate(results) if result not in (None, "unanswered")), default=-1)
        for place, question in enumerate(one.questions):
            count = counts[one.exam[1], one.exam[0], question and question["id"]]
            count[0] += 1
            count[1] += results[place] == "unanswered" and place < last
            count[2] += results[place] == "unanswered" and place > last
    rows = []
    for (name, base, question), (asked, passed, missed) in counts.items():
        if passed + missed == 0:
            continue
        row: list[Any] = [name, question, asked, *[None] * 6, f"too few attempts: {asked} of {min_n}"]
        if asked >= min_n:
            row[3:] = [passed / asked, *wilson(passed, asked), missed / asked, *wilson(missed, asked), None]
        place = ((row[3] is None, -(row[3] or 0)), -(passed + missed), last_if_none(name), last_if_none(question), last_if_none(base))
        rows.append((place, row))
    return [row for _, row in sorted(rows, key=lambda each: each[0])]


# ---- Rasch


def rasch(sittings: Sequence[Sitting], min_n: int) -> Rows:
    groups = by_form(sittings)
    rows = []
    for name, base, form in sorted(groups, key=lambda key: tuple(map(last_if_none, key))):
        of = groups[name, base, form]
        ids = sorted(question["id"] for question in of[0].questions if question)
        marks = np.array([[{q["id"]: q["user_result"] == "correct" for q in one.questions if q}[id_] for id_ in ids] for one in of], float)
        marks = marks[(marks.sum(axis=1) > 0) & (marks.sum(axis=1) < len(ids))]
        why = why_not(marks, min_n)
        figures = [[None] * 7] * len(ids) if why else estimates(marks)
        rows += [[name, form, id_, len(marks), *each, why] for id_, each in zip(ids, figures, strict=True)]
    return rows


def why_not(marks: Any, min_n: int) -> str | None:
    """Why there is no estimate: also because no chain of attempts with one right and another not leads to and fro (Fischer 1981)."""
    n, k = marks.shape
    if n < min_n:
        return f"too few attempts with some questions right and some not: {n} of {min_n}"
    if k < 2:
        return f"{k} questions in the form, from 2 to 60 are needed"
    if {0, n} & set(marks.sum(axis=0).tolist()):
        return "a question of this form was answered rightly by all of these attempts, or by none"
    leads = np.eye(k) + (marks.T @ (1 - marks) > 0)
    if np.all(np.linalg.matrix_power(leads, k) > 0):
        return None
    return "the attempts put some questions before others without exception, so how far apart they are cannot be estimated"


def estimates(marks: Any) -> list[list[Any]]:
    """The most likely eases, over all patterns of answers that have the attempt's score: so nothing but the model's definition is used."""
    k = marks.shape[1]
    patterns = np.array(list(itertools.product([0.0, 1.0], repeat=k)))
    scores = marks.sum(axis=1)
    eases = np.zeros(k)
    for _ in range(100):
        expected, information, chances = np.zeros(k), np.zeros((k, k)), {}
        for score in set(scores.tolist()):
            of_score = patterns[patterns.sum(axis=1) == score]
            weights = np.exp(of_score @ eases)
            weights /= weights.sum()
            mean, number = weights @ of_score, int((scores == score).sum())
            chances[score] = mean
            expected += number * mean
            information += number * ((of_score.T * weights) @ of_score - np.outer(mean, mean))
        inverse = np.linalg.pinv(information, rcond=1e-10)
        change = inverse @ (marks.sum(axis=0) - expected)
        eases = eases + change / max(1.0, float(np.abs(change).max()))
        if np.abs(change).max() < 1e-13:
            break
    eases = eases - eases.mean()
    p = np.array([chances[score] for score in scores.tolist()])
    spread, squares = p * (1 - p), (marks - p) ** 2
    infit, outfit = squares.sum(axis=0) / spread.sum(axis=0), (squares / spread).mean(axis=0)
    deviation = np.sqrt((spread * (1 - 2 * p) ** 2).sum(axis=0)) / spread.sum(axis=0)
    errors = np.sqrt(np.diag(inverse))
    fits = ["more chance than expected" if f > 1 + Z * d else "less chance than expected" if f < 1 - Z * d else "as expected"
            for f, d in zip(infit, deviation, strict=True)]  # fmt: skip
    return [
        [float(-e), float(s), float(-e - Z * s), float(-e + Z * s), float(i), float(o), fit]
        for e, s, i, o, fit in zip(eases, errors, infit, outfit, fits, strict=True)
    ]
