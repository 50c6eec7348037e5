"""Option curves of the worst questions: how many of the worst, middle and best third of attempts tick each option.

Of a good question the key's line rises and the others fall. One drawing has them all, side by side: each costs its own time.
"""

from typing import Any

from include.answers.charts import INK, LABELLED, TOLD, Chart, Drawing, short, shown, svg
from include.answers.questions import Answer

WORST = 10
ACROSS = 3  # panels beside each other
THIRDS = ("worst_third", "middle_third", "best_third")
STEP, GAP = 1.0, 0.55  # between thirds, and between panels, in steps
HIGH = 1.45  # of a panel with its title, where 1 is all attempts
PANEL = 96  # the same, in units of the page
LETTERS = 19  # of a name above a panel
Row = dict[str, Any]


def option_curves(found: list[Answer]) -> Chart | None:
    """Of these answers, `look_at` says which questions are the worst, and `options` how they are answered; None if there are none."""
    answers = {answer.name: answer for answer in found}
    if not {"look_at", "options"} <= answers.keys():
        return None
    worst, options = answers["look_at"], answers["options"]
    of_questions: dict[tuple[Any, Any], list[Row]] = {}
    for row in options.rows:
        if all(row[options.columns.index(third)] is not None for third in THIRDS):
            told = "; ".join(f"{column.replace('_', ' ')} {shown(options, row, column)}" for column in options.columns)
            option = {**dict(zip(options.columns, row, strict=True)), "told": told}
            of_questions.setdefault((option["exam"], option["question"]), []).append(option)
    named = ([row[worst.columns.index(column)] for column in ("exam", "question")] for row in worst.rows)
    titles = [f"{shown(worst, row, 'place')} {short(shown(worst, row, 'exam'), LETTERS)}" for row in worst.rows]
    panels = [
        (title, of_questions[exam, question])
        for title, (exam, question) in zip(titles, named, strict=True)
        if (exam, question) in of_questions
    ]
    return _chart(options.title, panels[:WORST]) if panels else None


def _chart(title: str, panels: list[tuple[str, list[Row]]]) -> Chart:
    rows = -(-len(panels) // ACROSS)
    points, titles, floors = list[Row](), list[Row](), list[Row]()
    for number, (name, of_question) in enumerate(panels):
        left, floor = (number % ACROSS) * (2 * STEP + GAP), (rows - 1 - number // ACROSS) * HIGH
        titles.append({"x": left, "y": floor + 1.2, "label": name})
        floors += [{"x": left, "x2": left + 2 * STEP, "y": floor + height} for height in (0, 1)]
        keys = [option["best_third"] for option in of_question if option["is_key"] == "yes"]
        for line, option in enumerate(of_question):
            drawn = {"line": f"{number} {line}", "ink": INK[_ink(option, keys)]}
            points += [{"x": left + at * STEP, "y": floor + float(option[third]), **drawn} for at, third in enumerate(THIRDS)]
            points[-1]["told"] = option["told"]
    told = (
        f"Drawn: the {len(panels)} worst questions, by their place among the questions to look at; from left to right the share of the "
        "worst, middle and best third of attempts that ticked an option, from none below to all above. A key's line should rise and end "
        "above the others; an option in another colour is no key, and the best third ticked it more often than a key."
    )
    return Chart(svg(Drawing({"layer": _layers(rows, points, titles, floors)}, told, PANEL * rows), f"{title}, the worst questions"), told)


def _layers(rows: int, points: list[Row], titles: list[Row], floors: list[Row]) -> list[dict[str, Any]]:
    def along(field: str, length: float) -> dict[str, Any]:
        return {"field": field, "type": "quantitative", "axis": None, "scale": {"domain": [-0.1, length]}}

    place = {"x": along("x", ACROSS * (2 * STEP + GAP) - GAP + 0.1), "y": along("y", rows * HIGH - 0.1)}
    coloured = {**place, "color": {"field": "ink", "type": "nominal", "scale": None}}
    ends = [point for point in points if "told" in point]
    marks: list[tuple[list[Row], dict[str, Any], dict[str, Any]]] = [
        (floors, {"type": "rule", "color": INK["line"], "aria": False}, {**place, "x2": {"field": "x2"}}),
        (points, {"type": "line", "strokeWidth": 2, "aria": False}, {**coloured, "detail": {"field": "line", "type": "nominal"}}),
        (ends, {"type": "circle", "size": 40, "opacity": 1}, {**coloured, **TOLD}),
        (titles, {"type": "text", "align": "left", "aria": False, "fontSize": 12}, {**place, **LABELLED}),
    ]
    return [{"data": {"values": values}, "mark": mark, "encoding": encoding} for values, mark, encoding in marks]


def _ink(option: Row, keys: list[float]) -> str:
    """Of the ink: a key, a wrong option, or one that beats a key."""
    if option["is_key"] != "no":
        return "mark"
    return "warn" if keys and option["best_third"] > min(keys) else "soft"
