"""What a page begins with: a few figures, of a day beside those of the landed day before."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from include.answers.questions import Answer, cell
from include.lake.lake import Lake

Rows = Mapping[str, list[dict[str, Any]]]  # of each answer, by its name


@dataclass(frozen=True)
class Headline:
    """A figure; `before` is None if it is not known of the day before, or if there is none."""

    name: str
    value: float
    before: float | None
    is_share: bool

    def __str__(self) -> str:
        return cell(self.value, self.is_share)

    @property
    def change(self) -> str:
        """What it was, and the difference."""
        if self.before is None:
            return ""
        difference = 100 * (self.value - self.before) if self.is_share else self.value - self.before
        told = f"{difference:+,.2f} points" if self.is_share else f"{difference:+,}"
        return f"{cell(self.before, self.is_share)} before: {told if self.value != self.before else 'the same'}"


def _of(answer: str, column: str, **where: str) -> Callable[[Rows], Any]:
    return lambda rows: next((row[column] for row in rows[answer] if all(row[name] == value for name, value in where.items())), None)


FIGURES: Mapping[str, Callable[[Rows], Any]] = {
    "attempts": _of("attempts", "distinct", what="counted below"),
    "mean score": _of("score", "mean", counting="distinct", each_counts_once="attempt"),
    "keys that may be wrong": lambda rows: len(rows["key_alarms"]),
    "questions to look at, beyond chance": lambda rows: sum(row["beyond_chance"] for row in rows["look_at"]),
    "records in quarantine": _of("attempts", "published", what="unreadable, in quarantine"),
    "without a score": _of("quality", "distinct", what="without a score"),
}
SHARES = {"mean score"}


def headlines(found: Iterable[Answer], before: Mapping[str, float]) -> list[Headline]:
    """The figures that these answers give, beside those of `before`."""
    values = _figures({answer.name: (answer.columns, answer.rows) for answer in found})
    return [Headline(name, value, before.get(name), name in SHARES) for name, value in values.items()]


def of_day(lake: Lake, day: str) -> dict[str, float]:
    """The figures of a landed day as its own report has them; without those that it has not, and none if there is no such report."""
    try:
        document = msgspec.json.decode(lake.fs.cat_file(f"{lake.path}/answers/{day}.json"))
        return _figures({answer["name"]: (answer["columns"], answer["rows"]) for answer in document["answers"]})
    except (FileNotFoundError, msgspec.DecodeError, KeyError, TypeError):  # not written yet, cut off by a kill, or of another version
        return {}


def _figures(answers: Mapping[str, tuple[list[str], list[list[Any]]]]) -> dict[str, float]:
    rows = {
        name: [dict(zip(columns, row, strict=True)) for row in of_answer] for name, (columns, of_answer) in answers.items() if name in ASKED
    }
    figures = {name: figure(rows) for name, figure in FIGURES.items()} if rows.keys() == ASKED else {}
    return {name: value for name, value in figures.items() if value is not None}


ASKED = {"attempts", "score", "key_alarms", "look_at", "quality"}
