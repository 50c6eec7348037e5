"""The figures of a landing: counts that travel from Spark, in receipts and in the table `landings`, to every place where people look.

They are listed here once. Columns, copies, comparisons and what is shown are derived from this list, so that one more figure is a field of
`Figures`, a line where Spark counts it, and a line where `validate` counts it again (CONTRIBUTING.md, "Add a figure").
"""

from dataclasses import dataclass, fields, replace
from enum import Enum, auto
from typing import Annotated, Any, get_type_hints


class Place(Enum):
    """Where people, or other programs, look at figures."""

    SHORT = auto()  # `./landfall landings`, which has 80 columns
    WIDE = auto()  # `./landfall landings --wide`
    SPAN = auto()  # the days of `./landfall backfill`
    RUN = auto()  # the receipt of a run, also as `./landfall land` and the page Landings show it
    DAY = auto()  # the report of one day
    DAYS = auto()  # the report of several days, with sums over them
    EVENTS = auto()  # what other DAGs get to know of a landing, and metrics


EVERYWHERE = frozenset(Place)
WHERE_THERE_IS_ROOM = EVERYWHERE - {Place.SHORT, Place.SPAN}


@dataclass(frozen=True)
class Figure:
    """What one of them is. `what` says in a sentence what is counted, attempts or records; `meaning` describes the column in `landings`."""

    what: str
    meaning: str
    shown: frozenset[Place] = WHERE_THERE_IS_ROOM


# What the promise adds up, by the names that a landing has for it. These are fields of each receipt by themselves: `Found`, `conservation`
# and the checks of `validate` treat every one of them in a way of its own.
SUM: dict[str, Figure] = {
    "published": Figure("published records", "Records published = landed + duplicates + quarantined + forgotten", EVERYWHERE),
    "landed": Figure("distinct attempts", "Distinct attempts", EVERYWHERE),
    "duplicates": Figure("duplicates", "Surplus copies", EVERYWHERE - {Place.SHORT}),
    "quarantined": Figure("quarantined records", "Unreadable records", EVERYWHERE),
    "forgotten": Figure(
        "forgotten records", "Records of attempts that were to be forgotten; they are in no table; null before it was kept"
    ),
}
PARTS = tuple(name for name in SUM if name != "published")  # what became of the published records


@dataclass(frozen=True, kw_only=True)
class Figures:
    """All other figures, the fields that Spark's receipt and a landing share: how many rows of a table meet a condition.

    A later one is `int | None`, and None in what an earlier version wrote: nobody counted it then, so it is compared with nothing, and
    shown as null or not at all.
    """

    test: Annotated[
        int,
        Figure("test attempts", "Distinct attempts at test exams, among the landed", frozenset({Place.RUN, Place.DAY, Place.DAYS})),
    ]
    conflicts: Annotated[
        int,
        Figure(
            "conflicting attempts",
            "Distinct attempts that share their keen_id with other bytes, among the landed",
            frozenset({Place.DAY}),
        ),
    ]


def _described() -> dict[str, Figure]:
    """The fields of `Figures` by name. Of a later one the column is null before it was kept, and its description says so."""
    hints = get_type_hints(Figures, include_extras=True)
    described: dict[str, Figure] = {field.name: hints[field.name].__metadata__[0] for field in fields(Figures)}
    later = {field.name for field in fields(Figures) if field.default is None}
    return {
        name: replace(figure, meaning=f"{figure.meaning}; null before it was kept") if name in later else figure
        for name, figure in described.items()
    }


COUNTED = _described()
FIGURES = {**SUM, **COUNTED}


def shown(place: Place) -> tuple[str, ...]:
    """The names of those that are shown there, in their order."""
    return tuple(name for name, figure in FIGURES.items() if place in figure.shown)


def counted(receipt: Figures) -> dict[str, Any]:
    """The figures of `Figures` by name, as one receipt hands them to the next."""
    return {name: getattr(receipt, name) for name in COUNTED}
