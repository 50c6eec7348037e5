"""What of an answer stands on a page: the rows that say something, the first of a long table. JSON, CSV and the command line have all."""

from collections import Counter
from dataclasses import dataclass, replace

from include.answers.charts import Chart, chart
from include.answers.questions import Answer

EMPTY = "empty_because"  # the column that says why a row has no figures
# A table of many columns is read from its top; in one of few columns a reader looks for a name.
WIDE, ROWS_OF_WIDE, ROWS = 10, 20, 200
# Sections that are open when the page opens, and on paper: what a reader should not miss. Of the others their title is seen.
OPEN = frozenset({"score", "key_alarms", "look_at", "items", "options", "quality"})


@dataclass(frozen=True)
class Section:
    """An answer as it is shown: `answer` has the shown rows, `more` counts those that were cut off, `empty` says what was left out."""

    answer: Answer
    charts: list[Chart]
    more: int
    empty: str

    @property
    def is_open(self) -> bool:
        return self.answer.name in OPEN


def section(answer: Answer, *charts: Chart | None) -> Section:
    """The answer's section, with its own chart and those given."""
    told, empty = _told(answer)
    most = ROWS_OF_WIDE if len(told.columns) >= WIDE else ROWS
    drawn = [each for each in (chart(answer), *charts) if each]
    return Section(replace(told, rows=told.rows[:most]), drawn, max(0, len(told.rows) - most), empty)


def _told(answer: Answer) -> tuple[Answer, str]:
    """The answer without the rows that only say why they are empty, and without that column; and a sentence about them."""
    if EMPTY not in answer.columns:
        return answer, ""
    at = answer.columns.index(EMPTY)
    why = Counter(str(row[at]).partition(":")[0] for row in answer.rows if row[at] is not None)  # after it the numbers of that row
    kept = [[*row[:at], *row[at + 1 :]] for row in answer.rows if row[at] is None]
    columns, numeric = ([*values[:at], *values[at + 1 :]] for values in (answer.columns, answer.numeric))
    told = replace(answer, columns=columns, rows=kept, numeric=tuple(numeric))
    number = why.total()
    if not number:
        return told, ""
    reasons = ", ".join(f"{reason} ({times:,})" for reason, times in why.most_common())
    return told, f"Left out: {number:,} {'row' if number == 1 else 'rows'} without figures: {reasons}."
