"""An answer's chart as SVG within a page: drawn once, when the page is made. A reader's browser runs and fetches nothing for it.

A question's `-- chart:` line names the kind and columns of its answer; `KINDS` lists them. A chart is `WIDTH` units wide, so that its
words can still be read on a phone, and no place in it depends on the fonts of the machine that draws. Its colours are `INK`, those of a
page in daylight; the page's style sheet gives them others at night, by their values.
"""

import functools
import json
import re
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import vl_convert

if TYPE_CHECKING:
    from include.answers.questions import Answer

WIDTH = 460
NAMES, LABELS = 200, 52  # of it to the left of bars for their names, and to the right for their values
LETTERS = 25  # of a name that fit there, in a wide font
BAR, HIGH = 20, 180  # height of a bar with its gap, and of columns
MOST = 25  # bars in one chart; more are a table
WEEK = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
INK = {"text": "#1d2328", "soft": "#56616b", "line": "#d9dee3", "mark": "#1b66c9", "warn": "#8a5300"}
USEFUL = 0.2  # the discrimination from which on a question is usually called useful (Ebel 1954)
MOST_POINTS = 300
FAINTEST = 0.25  # opacity of the lowest value in a chart by shades
STEPS = {10: "day", 7: "month", 4: "year"}  # letters of an ISO date, and what they tell apart
MOST_STEPS = 120
STEP_DAYS = {"day": 1, "month": 30, "year": 365}  # about as wide as they are drawn, less a gap
FORMATS = {"day": "%Y-%m-%d", "month": "%Y-%m", "year": "%Y"}
DAY = 86_400_000  # milliseconds
DROPPED = {"pointer-events", "aria-hidden", "aria-roledescription", "aria-label", "role", "class", "font-family", "version"}
IDLE = {("opacity", "1"), ("transform", "translate(0,0)"), ("stroke-width", "1")}
DECIMALS = re.compile(r"\d+\.\d{3,}")
NO_TEXT = re.compile(r"[\x00-\x1f\x7f\ufffe\uffff]")  # names may have all that JSON has; the null ends the process that draws it
MARKS = {"bar", "rect mark", "rule mark", "circle"}
TOLD = {"description": {"field": "told", "type": "nominal"}}
LABELLED = {"text": {"field": "label", "type": "nominal"}}


@dataclass(frozen=True)
class Chart:
    """The drawing as an `<svg>` element without links of any kind, and what a reader has to know of it."""

    svg: str
    told: str


@dataclass(frozen=True)
class Drawn:
    """One mark: where it stands, how large it is, its label, and its whole row as it is told to whoever points at it."""

    place: Any
    value: float
    label: str
    told: str
    low: float = 0.0
    high: float = 0.0


@dataclass(frozen=True)
class Drawing:
    """A chart as Vega-Lite describes it, its height and its margins, and what is drawn in words."""

    chart: dict[str, Any]
    told: str
    height: float
    left: int = 4
    right: int = 4
    bottom: int = 4


def chart(answer: "Answer") -> Chart | None:
    """The answer's chart; None if the question asks for none, or no row of the answer can be drawn."""
    if not answer.chart:
        return None
    kind, *columns = answer.chart
    rows = [row for row in answer.rows if all(row[answer.columns.index(column)] is not None for column in needed(answer))]
    if not rows:
        return None
    drawing = KINDS[kind](answer, rows, *columns)
    left = len(answer.rows) - len(rows)
    return Chart(svg(drawing, answer.title), f"{drawing.told}{f' Without a value, so not drawn: {_rows(left)}.' if left else ''}")


def needed(answer: "Answer") -> Sequence[str]:
    """The columns without which a row cannot be drawn: but for the name of a bar, all that the chart line names."""
    kind, first, *others = answer.chart
    return others if kind in ("bars", "interval") else (first, *others)


# ---- kinds


def bars(answer: "Answer", rows: list[list[Any]], name: str, value: str, by: str = "") -> Drawing:
    """A bar for each row, in the order of the answer. `by` says which rows are drawn of many: those with the highest; else the first."""
    chosen, told = _chosen(answer, rows, by or None)
    drawn = [_drawn(answer, row, place, value) for place, row in enumerate(chosen)]
    place = {"x": _number("value", axis=None, scale=_from_zero(drawn)), "y": _named(), **TOLD}
    labels = {"mark": {"type": "text", "align": "left", "dx": 4, "aria": False}, "encoding": {**place, **LABELLED}}
    layers = [{"mark": "bar", "encoding": place}, labels]
    names = [_name(answer, row, name) for row in chosen]
    return Drawing(_chart(drawn, names, layer=layers), f"Drawn: {_said(value)}{told}.", BAR * len(drawn), NAMES, LABELS)


def interval(answer: "Answer", rows: list[list[Any]], name: str, value: str, low: str, high: str, by: str = "") -> Drawing:
    """A point between two ends for each row, for shares. `by` as for bars."""
    chosen, told = _chosen(answer, rows, by or None)
    drawn = [_drawn(answer, row, place, value, low, high) for place, row in enumerate(chosen)]
    names = [_name(answer, row, name) for row in chosen]
    axis = {"format": ".0%", "values": [0, 0.5, 1], "grid": True, "title": None}
    at = {"y": _named(), **TOLD}
    ends = {"x": _number("low", axis=axis, scale={"domain": [0, 1]}), "x2": {"field": "high"}, **at}
    points = {"x": _number("value", axis=axis), **at}
    layers = [
        {"mark": {"type": "rule", "strokeWidth": 2}, "encoding": ends},
        {"mark": {"type": "circle", "size": 70, "opacity": 1}, "encoding": points},
    ]
    told = f"Drawn: {_said(value)}, and from {_said(low)} to {_said(high)}{told}."
    return Drawing(_chart(drawn, names, layer=layers), told, BAR * len(drawn), NAMES, 20, 24)


def columns(answer: "Answer", rows: list[list[Any]], name: str, value: str) -> Drawing:
    """A column for each row, in the order of the answer."""
    drawn = [_drawn(answer, row, place, value) for place, row in enumerate(rows)]
    names = [_label(answer, row, name) for row in rows]
    place = {"x": _named(labelAngle=-45), "y": _number("value", axis=None, scale=_from_zero(drawn)), **TOLD}
    labels = {"mark": {"type": "text", "dy": -7, "aria": False, "fontSize": 12}, "encoding": {**place, **LABELLED}}
    layers = [{"mark": "bar", "encoding": place}, labels]
    return Drawing(_chart(drawn, names, layer=layers), f"Drawn: {_said(value)}.", HIGH, left=28, bottom=68)


def dates(answer: "Answer", rows: list[list[Any]], when: str, value: str) -> Drawing:
    """A column for each date that has something, at its place in time; for each month or year if there are too many days."""
    sums, step = _over_time({str(row[answer.columns.index(when)]): row[answer.columns.index(value)] for row in rows})
    begins = [_milliseconds(moment) for moment in sums]
    wide = max(0.9 * STEP_DAYS[step] * DAY, (max(begins) - min(begins)) / WIDTH)  # one unit at least, that it can be seen
    drawn = [
        Drawn(moment, number, "", f"{moment}; {_said(value)} {number:,}", begin, begin + wide)
        for (moment, number), begin in zip(sums.items(), begins, strict=True)
    ]
    labelled = {"title": None, "labelOverlap": True, "values": begins[:: -(-len(begins) // 5)], "format": FORMATS[step]}
    most = max(sums.values())
    counted = {"title": None, "values": sorted({0, most // 2, most}), "format": ",d"}
    place = {
        "x": {"field": "low", "type": "temporal", "scale": {"type": "utc"}, "axis": labelled},
        "x2": {"field": "high"},
        "y": _number("value", scale=_from_zero(drawn), axis=counted),
        "y2": {"datum": 0},
        **TOLD,
    }
    told = f"Drawn: {_said(value)} by {step}; a gap is a {step} without any."
    return Drawing(_chart(drawn, mark="rect", encoding=place), told, HIGH, 52, 36, 24)


def week(answer: "Answer", rows: list[list[Any]], weekday: str, hour: str, value: str) -> Drawing:
    """A square for each hour of the week that has something, the stronger the more."""
    day, at = answer.columns.index(weekday), answer.columns.index(hour)
    drawn = [_drawn(answer, row, [row[day], row[at]], value) for row in rows]
    most = max(drawn, key=lambda each: each.value)
    hours = {"title": None, "labelAngle": 0, "values": list(range(0, 24, 3))}
    place = {
        "x": _in_order("place[1]", scale={"domain": list(range(24)), "paddingInner": 0.1}, axis=hours),
        "y": _in_order("place[0]", scale={"domain": WEEK, "paddingInner": 0.1}, axis={"title": None}),
        "opacity": _number("value", scale={"domain": [0, most.value], "range": [FAINTEST, 1]}, legend=None),
        **TOLD,
    }
    told = f"Drawn: {_said(value)} by hour (UTC); the strongest shade stands for {most.label}, no square for none."
    return Drawing(_chart(drawn, mark="rect", encoding=place), told, 18 * len(WEEK), left=92, bottom=24)


def discrimination(answer: "Answer", rows: list[list[Any]], *columns: str) -> Drawing:
    """A point for each question, easy ones to the right and useful ones above, with both intervals; those below `USEFUL` stand out.

    `columns` are difficulty, its ends, discrimination, its ends. Drawn are the first rows: those with the lowest discrimination.
    """
    at = [answer.columns.index(column) for column in columns]
    values, ends, below = list[dict[str, Any]](), [-USEFUL], 0
    for row in rows[:MOST_POINTS]:
        x, left, right, y, low, high = (float(row[place]) for place in at)
        told = _drawn(answer, row, None, columns[0]).told
        below += y < USEFUL
        ends.append(low)
        values.append({"x": x, "left": left, "right": right, "y": y, "low": low, "high": high, "told": told, "ink": _ink(y < USEFUL)})
    easy: dict[str, Any] = {"scale": {"domain": [0, 1]}, "axis": {"format": ".0%", "values": [0, 0.5, 1], "title": None}}
    useful: dict[str, Any] = {
        "scale": {"domain": [min(ends), 1]},
        "axis": {"values": [-0.5, 0, USEFUL, 0.5, 1], "grid": True, "title": None},
    }
    ink = {"field": "ink", "type": "nominal", "scale": None}
    faint = {"type": "rule", "opacity": FAINTEST, "aria": False}
    across = {"x": _number("left", **easy), "x2": {"field": "right"}, "y": _number("y", **useful), "color": ink}
    upright = {"x": _number("x", **easy), "y": _number("low", **useful), "y2": {"field": "high"}, "color": ink}
    points = {"x": _number("x", **easy), "y": _number("y", **useful), "color": ink, **TOLD}
    layers = [
        {"mark": faint, "encoding": across},
        {"mark": faint, "encoding": upright},
        {"mark": {"type": "circle", "size": 45, "opacity": 1}, "encoding": points},
    ]
    told = f"Drawn: {_said(columns[0])} (right is easy) and {_said(columns[3])} (low is bad) with their intervals"
    told += f", the first {MOST_POINTS} of {_rows(len(rows))}" if len(rows) > MOST_POINTS else ""
    told += f". In another colour: {_said(columns[3])} below {USEFUL}, {_rows(below)}."
    return Drawing({"data": {"values": values}, "layer": layers}, told, 260, 40, 16, 24)


def _ink(warned: bool) -> str:
    return INK["warn" if warned else "mark"]


KINDS: Mapping[str, Callable[..., Drawing]] = {
    "bars": bars,  # NAME VALUE [BY]
    "interval": interval,  # NAME VALUE LOW HIGH [BY]
    "columns": columns,  # NAME VALUE
    "dates": dates,  # DATE VALUE
    "week": week,  # WEEKDAY HOUR VALUE
    "discrimination": discrimination,  # DIFFICULTY LOW HIGH DISCRIMINATION LOW HIGH
}


# ---- rows


def _chosen(answer: "Answer", rows: list[list[Any]], by: str | None) -> tuple[list[list[Any]], str]:
    """The rows that are drawn, in the answer's order, and a part of a sentence that says so if they are not all."""
    if len(rows) <= MOST:
        return rows, ""
    if by is None:
        return rows[:MOST], f", the first {MOST} of {_rows(len(rows))}"
    at = answer.columns.index(by)
    places = sorted(sorted(range(len(rows)), key=lambda place: -rows[place][at])[:MOST])
    return [rows[place] for place in places], f", the {MOST} with the highest {_said(by)} of {_rows(len(rows))}"


def _drawn(answer: "Answer", row: list[Any], place: Any, value: str, low: str = "", high: str = "") -> Drawn:
    value_, low_, high_ = (float(row[answer.columns.index(column)]) if column else 0.0 for column in (value, low, high))
    told = "; ".join(f"{_said(column)} {shown(answer, row, column)}" for column in answer.columns)
    return Drawn(place, value_, _label(answer, row, value), told, low_, high_)


def _label(answer: "Answer", row: list[Any], column: str) -> str:
    """The cell, short enough to stand in a drawing."""
    value = row[answer.columns.index(column)]
    if column in answer.percent:
        return f"{100 * value:.3g} %"
    return f"{value:,.3g}" if isinstance(value, float) else shown(answer, row, column)


def shown(answer: "Answer", row: list[Any], column: str) -> str:
    """The cell without what no drawing may have."""
    return NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", answer.cell(row, column))


def _over_time(values: dict[str, int]) -> tuple[dict[str, int], str]:
    """Sums by day, month or year: the shortest of them of which not too many lie between the first and the last date."""
    first, last = (date.fromisoformat(each(values)) for each in (min, max))
    months = 12 * (last.year - first.year) + last.month - first.month
    letters = 10 if (last - first).days < MOST_STEPS else 7 if months < MOST_STEPS else 4
    sums: dict[str, int] = {}
    for day, number in values.items():
        sums[day[:letters]] = sums.get(day[:letters], 0) + number
    return sums, STEPS[letters]


def _milliseconds(moment: str) -> float:
    """Since 1970, of the first moment of a day, month or year."""
    year, month, day = (*map(int, moment.split("-")), 1, 1)[:3]
    return datetime(year, month, day, tzinfo=UTC).timestamp() * 1000


def _said(column: str) -> str:
    return column.replace("_", " ")


def _rows(number: int) -> str:
    return f"{number:,} {'row' if number == 1 else 'rows'}"


# ---- drawing


def _chart(drawn: list[Drawn], names: list[str] | None = None, **view: Any) -> dict[str, Any]:
    """The marks as Vega-Lite's data; `view` is its `mark` and `encoding`, or its `layer`; `names` are the rows' labels, by their place."""
    params = {} if names is None else {"params": [{"name": "names", "value": names}]}
    return {"data": {"values": [vars(each) for each in drawn]}, **params, **view}


def _number(field: str, **more: Any) -> dict[str, Any]:
    return {"field": field, "type": "quantitative", **more}


def _in_order(field: str, **more: Any) -> dict[str, Any]:
    return {"field": field, "type": "ordinal", **more}


def _named(**axis: Any) -> dict[str, Any]:
    """Two exams may have one name, and one none at all: a row stands at its number, and is labelled with its name."""
    return _in_order("place", axis={"labelExpr": "names[datum.value]", "title": None, **axis})


def _name(answer: "Answer", row: list[Any], column: str) -> str:
    return short(shown(answer, row, column))


def short(name: str, letters: int = LETTERS) -> str:
    """Cut in the middle if it is too long: names tell themselves apart at either end."""
    if _width(name) <= letters:
        return name
    halves = ((name[: (kept + 1) // 2], name[-(kept // 2) :]) for kept in range(len(name) - 1, 1, -1))
    return next(f"{begin}…{end}" for begin, end in halves if _width(begin) + 1 + _width(end) <= letters)


def _width(text: str) -> int:
    """In letters of the Latin alphabet; others are twice as wide."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _from_zero(drawn: list[Drawn]) -> dict[str, Any]:
    return {"domain": [0, max(each.value for each in drawn) or 1]}


def svg(drawing: Drawing, title: str) -> str:
    """The drawing as a page has it."""
    quiet = {"domain": False, "ticks": False, "gridColor": INK["line"], "labelColor": INK["soft"], "labelFontSize": 13, "labelPadding": 6}
    config = {
        "background": None,
        "view": {"stroke": None},
        "axis": {**quiet, "labelLimit": 0},
        "axisX": {"grid": False},
        "axisY": {"labelColor": INK["text"]},
        "text": {"color": INK["soft"], "fontSize": 13},
        **{mark: {"color": INK["mark"]} for mark in ("bar", "rect", "rule", "circle")},
    }
    sized = {
        **drawing.chart,
        "width": WIDTH - drawing.left - drawing.right,
        "height": drawing.height,
        "padding": {"left": drawing.left, "right": drawing.right, "top": 18, "bottom": drawing.bottom},
        "autosize": {"type": "none"},
        "config": config,
    }
    return _within_a_page(_converted(json.dumps(sized)), title)


@functools.lru_cache(64)  # the page of a first day and that of all days have the same charts
def _converted(spec: str) -> str:
    return vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])


def _within_a_page(drawn: str, title: str) -> str:
    """The drawing without what a page has no use for; what a mark says of itself becomes its tooltip."""
    root = ET.fromstring(drawn)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.get("opacity") == "0" or child.get("display") == "none" or child.get("class") == "background":
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        if element.get("aria-roledescription") in MARKS and (told := element.get("aria-label")):
            ET.SubElement(element, "title").text = told
        kept = {name: DECIMALS.sub(_short, value) for name, value in element.items() if name not in DROPPED}
        element.attrib = {name: value for name, value in kept.items() if (name, value) not in IDLE}
    _flatten(root)
    root.attrib |= {"class": "chart", "role": "img", "aria-label": f"Chart: {title}. The table has its figures."}
    return ET.tostring(root, encoding="unicode")


def _short(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}"


def _flatten(parent: ET.Element) -> None:
    """Takes groups that say nothing out of the way, and those that are empty."""
    children: list[ET.Element] = []
    for child in parent:
        _flatten(child)
        children += [child] if child.tag != "g" or (child.attrib and len(child)) else list(child)
    parent[:] = children
