"""Fields that are null, missing, empty or of another type: how often, whether the count is right, and whether it moved.

The table `holes` has one row per day and path. `READ_FROM` says in which column of which table each path ended up, so that the counts can
be compared with rows that came another way.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from statistics import NormalDist

import pyarrow.parquet as pq

from include.lake.lake import Lake
from include.schemas import READ_FROM

OBJECTS = ("sequences", "sequences.counts", "sequences.questions[]", "sequences.questions[].options[]")
PATHS = frozenset([*OBJECTS, *(path for paths in READ_FROM.values() for path in paths)])
SHOWN = 20
DAYS = 7  # a week, so that a day is compared with its weekend too
MOVED = 10  # attempts; what fewer of them did is no news, however rare it was before
SIGNIFICANCE = 0.01  # the chance that a day like the others gets a warning, over all of its fields


@dataclass(frozen=True)
class Counts:
    """One path of one day: of `parents` that could have it so many did, and so many did not."""

    parents: int
    present: int
    nulls: int
    missing: int
    empty: int
    wrong_type: int


Holes = dict[str, Counts]
Earlier = Sequence[tuple[str, Holes]]
"""Landed days, each with its holes, the oldest first."""
KINDS = ("nulls", "missing", "empty", "wrong_type", "present")
_IN_WORDS = {"nulls": "null", "wrong_type": "of another type"}


def days_before(lake: Lake, day: str, number: int = DAYS) -> list[tuple[str, Holes]]:
    """The last landed days before this one that have records, at most so many, as of the newest landing; the oldest first."""
    state = lake.state()
    snapshot = state.snapshots.get("holes") if state else None
    if snapshot is None:
        return []
    earlier: list[tuple[str, Holes]] = []
    for before in sorted((each for each in lake.days("holes", snapshot) if each < day), reverse=True):
        holes = _read(lake, snapshot, before)
        if any(counts.parents for counts in holes.values()):
            earlier.append((before, holes))
        if len(earlier) == number:
            break
    return earlier[::-1]


def _read(lake: Lake, snapshot: int, day: str) -> Holes:
    names = [field.name for field in fields(Counts)]
    rows = [row for path in lake.files("holes", snapshot, day) for row in pq.read_table(path, filesystem=lake.fs).to_pylist()]
    return {row["path"]: Counts(**{name: row[name] for name in names}) for row in rows}


def moved(holes: Holes, earlier: Earlier, points: float) -> list[str]:
    """Sentences about paths whose share of any kind has moved away from that of the days before. None without such days.

    A share has moved if all of this holds:

    - It is more than `points` percentage points away from the share of the days before together, the effect that a contract asks for.
    - At least `MOVED` attempts more, or fewer, have it than would at the old share.
    - A two-sided two-proportion z-test with pooled variance (Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions, 3rd
      edition 2003, chapter 3) refuses chance at `SIGNIFICANCE`, divided by the number of shares that are compared (Bonferroni).

    The test would take two habits of such data for news, so it allows for both. Options and questions of one attempt are alike: a path
    counts with at most as many observations as the day has attempts, as if all within an attempt were equal (Kish, Survey Sampling, 1965,
    section 5.4: a design effect at its largest). And days differ among each other by more than chance: z is divided by the square root of
    the dispersion of the days before, Pearson's chi-squared over its degrees of freedom, where it is above 1 (McCullagh and Nelder,
    Generalized Linear Models, 2nd edition 1989, section 4.5).
    """
    compared = {path: _Path.of(path, holes, earlier) for path in sorted(holes)}
    tests = len(KINDS) * sum(each.is_comparable for each in compared.values())
    needed = NormalDist().inv_cdf(1 - SIGNIFICANCE / (2 * tests)) if tests else math.inf
    sentences = [sentence for each in compared.values() if each.is_comparable for sentence in each.moves(points, needed)]
    more = [f"and {len(sentences) - SHOWN} more fields that moved by more than {points:g} points"] if len(sentences) > SHOWN else []
    return [*sentences[:SHOWN], *more]


@dataclass(frozen=True)
class _Path:
    """One path: of the day, and of each day before that has it, its counts with the number of observations that they are worth."""

    name: str
    now: tuple[Counts, int]
    days: tuple[str, ...]
    before: tuple[tuple[Counts, int], ...]

    @classmethod
    def of(cls, name: str, holes: Holes, earlier: Earlier) -> "_Path":
        having = [(day, each) for day, each in earlier if name in each and each[name].parents]
        return cls(name, _observed(name, holes), tuple(day for day, _ in having), tuple(_observed(name, each) for _, each in having))

    @property
    def is_comparable(self) -> bool:
        return bool(self.now[0].parents and self.before)

    def moves(self, points: float, needed: float) -> Iterator[str]:
        far = [kind for kind in KINDS if self._has_moved(kind, points, needed)]
        # What is present less often is something else more often; that is the better sentence.
        for kind in [kind for kind in far if kind != "present"] or far:
            old, new, parents = (
                100 * self._share_before(kind),
                100 * _share(self.now[0], kind),
                sum(each.parents for each, _ in self.before),
            )
            yield (
                f"{self.name} is {_IN_WORDS.get(kind, kind)} in {new:.1f} % of {self.now[0].parents:,}; "
                f"{_when(self.days)} it was in {old:.1f} % of {parents:,}"
            )

    def _has_moved(self, kind: str, points: float, needed: float) -> bool:
        counts, observations = self.now
        distance = abs(_share(counts, kind) - self._share_before(kind))
        is_far = round(100 * distance, 9) > points
        return is_far and distance * observations >= MOVED and self._z(kind) > needed

    def _share_before(self, kind: str) -> float:
        return float(sum(getattr(each, kind) for each, _ in self.before) / sum(each.parents for each, _ in self.before))

    def _z(self, kind: str) -> float:
        """How many standard errors the day is away from the days before."""
        now, then, here = _share(self.now[0], kind), self._share_before(kind), self.now[1]
        elsewhere = sum(observations for _, observations in self.before)
        together = (here * now + elsewhere * then) / (here + elsewhere)
        error = math.sqrt(together * (1 - together) * (1 / here + 1 / elsewhere) * self._dispersion(kind, then))
        return abs(now - then) / error if error else 0.0

    def _dispersion(self, kind: str, share: float) -> float:
        """By how much more than chance the days before differ among each other; 1 is not at all, or too few days to say."""
        if len(self.before) < 2 or not 0 < share < 1:
            return 1.0
        squares = sum(observations * (_share(counts, kind) - share) ** 2 for counts, observations in self.before)
        return max(1.0, squares / (share * (1 - share)) / (len(self.before) - 1))


def _observed(path: str, holes: Holes) -> tuple[Counts, int]:
    parents = holes[path].parents
    attempts = max((counts.parents for name, counts in holes.items() if "." not in name), default=parents)
    return holes[path], min(parents, attempts)


def _share(counts: Counts, kind: str) -> float:
    return float(getattr(counts, kind) / counts.parents)


def _when(days: Sequence[str]) -> str:
    return f"on {days[0]}" if len(days) == 1 else f"on the {len(days)} landed days before, from {days[0]} to {days[-1]},"
