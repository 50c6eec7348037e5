"""The pages: what stands on them is what was answered and what landed, they need nothing else, and people can read them."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import fsspec
import pytest

from include.answers import charts, pages, rollups, sections
from include.answers.charts import KINDS, chart
from include.answers.option_curves import option_curves
from include.answers.questions import Answer, Asked, answers, questions
from include.contracts import TopicSpec
from include.lake.lake import Lake
from include.maintenance.forget import forget
from include.query.session import Session
from tests.harness.chromium import CHROMIUM, launched
from tests.oracle.built_landing import CUSTOMER, DAY, RECORDS, attempt, build

SECOND = "2018-01-29"
MORE = [*[attempt(100 + number, exam=f"Rare {number:02}") for number in range(30)], attempt(201, results=("correct", "incorrect"))]
HOSTILE = "<script>alert('{test}')</script>"


def new_lake(folder: Path) -> Lake:
    return Lake.open(CUSTOMER, f"sqlite:///{folder}/catalog.sqlite?timeout=60", f"file://{folder}", fsspec.filesystem("file"))


def land(lake: Lake, folder: Path, *, run_id: str = "manual__1", **options: Any) -> Any:
    built = build(folder, **options)
    return lake.commit(replace(built.landing, run_id=run_id), built.transform)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lake")


@pytest.fixture(scope="module")
def lake(folder: Path) -> Lake:
    made = new_lake(folder)
    land(made, folder)
    land(made, folder, records=MORE, day=SECOND)
    return made


@pytest.fixture(scope="module")
def written(lake: Lake, folder: Path) -> dict[str, str]:
    landing = lake.in_force(DAY)
    assert landing is not None
    return pages.write(lake, landing, folder / "reports")


class Sections(HTMLParser):
    """The cells of the tables of each section, by its id; and every attribute of the page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.attributes: list[tuple[str, str]] = []
        self._section, self._cell = "", False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag == "section":
            self._section = dict(attrs).get("id") or ""
        elif tag == "tr":
            self.tables.setdefault(self._section, []).append([])
        elif tag == "td":
            self.tables[self._section][-1].append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        self._cell = self._cell and tag != "td"

    def handle_data(self, data: str) -> None:
        if self._cell:
            self.tables[self._section][-1][-1] += data


def cells(page: str) -> dict[str, list[list[str]]]:
    """Section to rows, without the heads."""
    return {section: [row for row in rows if row] for section, rows in Sections(page).tables.items()}


# ---- what stands on a page


def test_they_are_written_again_to_the_same_places(lake: Lake, folder: Path, written: dict[str, str]) -> None:
    answered, copied = f"{lake.path}/answers", f"{folder}/reports/{CUSTOMER}"
    assert written == {
        "json": f"{answered}/{DAY}.json",
        "html": f"{answered}/{DAY}.html",
        "copy": f"{copied}/{DAY}.html",
        "all_days_json": f"{answered}/all_days.json",
        "all_days_html": f"{answered}/all_days.html",
        "all_days_copy": f"{copied}/all_days.html",
    }
    before = {path: Path(path).read_bytes() for path in written.values()}
    assert before[written["copy"]] == before[written["html"]]
    Path(written["html"]).write_bytes(b"half a pa")  # as a killed try leaves it
    Path(f"{answered}/small/holes.parquet").write_bytes(b"PAR1")
    landing = lake.in_force(DAY)
    assert landing is not None
    assert pages.write(lake, landing, folder / "reports") == written
    assert {path: Path(path).read_bytes() for path in written.values()} == before


@pytest.mark.parametrize(("page", "day"), [("html", DAY), ("all_days_html", None)])
def test_the_figures_of_a_page_are_the_answers(lake: Lake, written: dict[str, str], page: str, day: str | None) -> None:
    found = cells(Path(written[page]).read_text())
    for answer in answers(lake, Asked.day(day)):
        rows = [
            row for row in answer.shown if "empty_because" not in answer.columns or row[answer.columns.index("empty_because")] == "null"
        ]
        told = [[cell for column, cell in zip(answer.columns, row, strict=True) if column != "empty_because"] for row in rows]
        assert found[answer.name] == (told or [["no rows"]]), answer.name


def test_rows_without_figures_are_left_out_of_a_page_and_counted_with_their_reasons(lake: Lake, written: dict[str, str]) -> None:
    page = Path(written["html"]).read_text()
    document = json.loads(Path(written["json"]).read_text())
    (items,) = [each for each in document["answers"] if each["name"] == "items"]
    assert {row[items["columns"].index("empty_because")].partition(":")[0] for row in items["rows"]} == {"too few attempts"}
    assert f"Left out: {len(items['rows'])} rows without figures: too few attempts ({len(items['rows'])})." in page
    assert cells(page)["items"] == [["no rows"]]
    assert "empty because" not in page


LONG = [
    ("wide and long: the first", 10, 25, 20, "5"),
    ("wide and short", 10, 20, 20, None),
    ("narrow: a reader looks for a name", 9, 25, 25, None),
    ("narrow and very long", 3, 1_234, 200, "1,034"),
]


@pytest.mark.parametrize(("why", "wide", "long", "shown", "more"), LONG, ids=[row[0] for row in LONG])
def test_a_long_table_has_its_first_rows_and_says_how_many_more(
    lake: Lake, why: str, wide: int, long: int, shown: int, more: str | None
) -> None:
    rows = [[f"row {number}", *range(wide - 1)] for number in range(long)]
    given = replace(answer("", rows, tuple("abcdefghij"[:wide])), chart=(), numeric=(False,) * wide, name="long_one")
    page = replace(pages.report(lake, Asked(DAY, DAY)), answers=[given]).html().decode()
    assert [row[0] for row in cells(page)["long_one"]] == [f"row {number}" for number in range(shown)], why
    said = re.findall(r"([\d,]+) more rows: <code>(.*?)</code>", page)
    assert said == ([(more, f"./landfall answers --customer {CUSTOMER} --from {DAY} --to {DAY}")] if more else [])


def test_the_sections_that_open_with_the_page_are_answers() -> None:
    assert {question.name for question in questions()} >= sections.OPEN


@pytest.mark.parametrize(("document", "day"), [("json", DAY), ("all_days_json", None)])
def test_the_document_has_the_same(lake: Lake, written: dict[str, str], document: str, day: str | None) -> None:
    found = json.loads(Path(written[document]).read_text())
    assert (found["customer"], found["from"], found["to"], found["left_out"]) == (CUSTOMER, day, day, [])
    assert (found["exam"], found["once"]) == (None, day is None)
    assert [each["name"] for each in found["answers"]] == [question.name for question in questions()]
    assert [each["day"] for each in found["days"]] == ([day] if day else [SECOND, DAY])
    assert (found["receipt"] or {}).get("published") == (12 if day else None)
    assert found["as_of"]["landing"] == f"{SECOND}-5f3a9c1e-1"


def glance(page: str) -> list[tuple[str, str, str]]:
    """Of each headline figure: name, value, and what was before."""
    section = page.partition('<section id="headline">')[2].partition("</section>")[0]
    found = re.findall(r'<dt>(.*?)</dt><dd>(.*?)</dd>(?:<dd class="change">(.*?)</dd>)?</div>', section)
    return [(name, value, change) for name, value, change in found]


def test_a_page_leads_with_its_figures_beside_those_of_the_landed_day_before(lake: Lake, written: dict[str, str]) -> None:
    second = pages.rewrite(lake, [DAY, SECOND])[3]
    page = Path(second).read_text()
    assert second.endswith(f"{SECOND}.html")
    assert glance(page) == [
        ("attempts", "31", "7 before: +24"),
        ("mean score", "98.39 %", "50.00 % before: +48.39 points"),
        ("keys that may be wrong", "0", "0 before: the same"),
        ("questions to look at, beyond chance", "0", "0 before: the same"),
        ("records in quarantine", "0", "2 before: -2"),
        ("without a score", "0", "1 before: -1"),
    ]
    assert page.index('id="headline"') < page.index('id="contents"') < page.index('id="receipt"')
    assert f'<a rel="prev" href="{DAY}.html">' in page
    assert 'rel="next"' not in page
    of_first = Path(written["html"]).read_text()
    assert {change for _, _, change in glance(of_first)} == {""}
    assert f'<a rel="next" href="{SECOND}.html">' in of_first


@pytest.mark.parametrize("report", [None, b"{", b"{}", b'{"answers": []}', b'{"answers": [{"name": "score", "columns": [], "rows": []}]}'])
def test_a_day_before_without_a_report_that_can_be_read_is_not_compared_with(tmp_path: Path, report: bytes | None) -> None:
    lake = new_lake(tmp_path)
    land(lake, tmp_path)
    landing = land(lake, tmp_path, records=MORE, day=SECOND)
    if report is not None:
        lake.fs.makedirs(f"{lake.path}/answers")
        lake.fs.pipe_file(f"{lake.path}/answers/{DAY}.json", report)
    found = glance(Path(pages.write(lake, landing)["html"]).read_text())
    assert found[0] == ("attempts", "31", "")


def test_a_day_asked_otherwise_than_its_report_is_not_compared_with_the_day_before(lake: Lake, written: dict[str, str]) -> None:
    for asked, compared in (
        (Asked(SECOND, SECOND), True),
        (Asked(SECOND, SECOND, once=True), False),
        (Asked(SECOND, SECOND, "Rare 01"), False),
    ):
        assert bool(glance(pages.report(lake, asked).html().decode())[0][2]) is compared, asked


def test_a_day_shows_its_receipt_and_all_days_their_sums(lake: Lake, written: dict[str, str]) -> None:
    of_day, of_all = (Path(written[page]).read_text() for page in ("html", "all_days_html"))
    assert "12 published = 8 landed + 2 duplicates + 2 quarantined:" in of_day
    landing = lake.in_force(DAY)
    assert landing is not None
    for said in (landing.content_hash, landing.sha256, landing.source[0], "a warning", "missing_keen_id", "publish"):
        assert said in of_day, said
    assert "43 published = 39 landed + 2 duplicates + 2 quarantined:" in of_all
    assert [row[:5] for row in cells(of_all)["landed_days"]] == [[SECOND, "31", "31", "0", "0"], [DAY, "12", "8", "2", "2"]]
    assert f'<a href="{SECOND}.html">' in of_all


def test_a_cleared_task_of_a_landing_that_is_no_longer_in_force_tells_of_the_one_that_is(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    old = land(lake, tmp_path)
    land(lake, tmp_path, records=MORE, try_number=2)
    assert "31 published = 31 landed" in Path(pages.write(lake, old)["html"]).read_text()


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], list[str | None]]:
    """Has this happen just before the first page is written, and tells of which days reports were written from then on."""

    def before_the_first_page(do: Callable[[], Any]) -> list[str | None]:
        write_one, days = pages._write_one, list[str | None]()

        def written(lake: Lake, day: str | None, *given: Any) -> dict[str, str]:
            days.append(day)
            return write_one(lake, day, *given)

        def first(*given: Any) -> dict[str, str]:
            monkeypatch.setattr(pages, "_write_one", write_one)
            do()
            monkeypatch.setattr(pages, "_write_one", written)
            return written(*given)

        monkeypatch.setattr(pages, "_write_one", first)
        return days

    return before_the_first_page


def test_a_day_that_landed_meanwhile_is_left_to_its_own_last_step(tmp_path: Path, meanwhile: Any) -> None:
    lake = new_lake(tmp_path)
    first = land(lake, tmp_path)
    days = meanwhile(lambda: land(lake, tmp_path, records=MORE, day=SECOND, run_id="manual__2"))
    pages.write(lake, first)
    assert days == [DAY, None]


def test_an_attempt_that_was_forgotten_meanwhile_is_not_brought_back(tmp_path: Path, meanwhile: Any) -> None:
    """Whoever forgot it has written the pages already; what is written later must not take that back."""
    lake = new_lake(tmp_path)
    first = land(lake, tmp_path)
    days = meanwhile(lambda: forget(lake, "keen 2", asked_by="ann", topic=TopicSpec(f"assessments.{CUSTOMER}")))
    written = pages.write(lake, first)
    assert days == [DAY, None, DAY, None]
    for page in ("html", "all_days_html"):
        assert cells(Path(written[page]).read_text())["attempts"][0] == ["delivered and readable", "7", "9"], page


def test_a_day_that_landed_while_an_attempt_was_forgotten_is_on_the_page_of_all_days(tmp_path: Path, meanwhile: Any) -> None:
    """Its own last step may have written that page already."""
    lake = new_lake(tmp_path)
    land(lake, tmp_path)
    meanwhile(lambda: pages.write(lake, land(lake, tmp_path, records=MORE, day=SECOND, run_id="manual__2")))
    pages.rewrite(lake, [DAY])
    days = json.loads(lake.fs.cat_file(f"{lake.path}/answers/all_days.json"))["days"]
    assert [day["day"] for day in days] == [SECOND, DAY]


def test_a_day_that_did_not_land_is_said_to_be_empty(lake: Lake) -> None:
    page = pages.report(lake, Asked.day("1999-01-01")).html().decode()
    assert "No day of these has landed." in page
    drawn = [question for question in questions() if question.chart]
    assert page.count("Nothing to draw: no row has a value.") == len(drawn) - page.count("<figure>")
    assert cells(page)["per_day"] == [["no rows"]]


def test_names_from_the_data_cannot_write_into_the_page(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    page = Path(pages.write(lake, land(lake, tmp_path, records=[attempt(1, exam=HOSTILE)]))["html"]).read_text()
    assert page.count("<script") == 1  # our own
    assert cells(page)["most_common"] == [["1", HOSTILE, "1", "1"]]
    assert "&lt;script&gt;alert(&#39;{test}&#39;)" in page


def test_a_forgotten_attempt_leaves_the_pages_and_their_copies(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    written = pages.write(lake, land(lake, tmp_path), tmp_path / "reports")
    done = forget(lake, "keen 2", asked_by="ann", topic=TopicSpec(f"assessments.{CUSTOMER}"), copies=tmp_path / "reports")
    assert set(done.answers) == set(written.values())
    for page in ("html", "copy", "all_days_html", "all_days_copy"):
        found = cells(Path(written[page]).read_text())
        assert found["attempts"][0] == ["delivered and readable", "7", "9"], page


# ---- it needs nothing else


@pytest.mark.parametrize("page", ["html", "all_days_html"])
def test_a_browser_would_load_nothing_for_a_page(written: dict[str, str], page: str) -> None:
    text = Path(written[page]).read_text()
    links = [
        (name, value) for name, value in Sections(text).attributes if name in ("src", "href", "xlink:href", "srcset", "data", "action")
    ]
    assert links, "the contents are links"
    assert {(name, value) for name, value in links if not re.fullmatch(r"#\w+|(\d{4}-\d\d-\d\d|all_days)\.html", value)} == set()
    for outside in ("url(", "@import", "<link", "<iframe", "<img", "fetch(", "XMLHttpRequest"):
        assert outside not in text, outside


# ---- charts


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    folder = tmp_path_factory.mktemp("drawn")
    lake = new_lake(folder)
    land(lake, folder)
    of_one_form = [("correct",) * right + ("incorrect",) * (3 - right) for right in (0, 1, 1, 2, 2, 3)]
    land(lake, folder, records=[*MORE, *(attempt(300 + at, exam="Items", results=each) for at, each in enumerate(of_one_form))], day=SECOND)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("include.contracts.min_n", lambda customer: 4)  # exams of few attempts
        return {answer.name: answer for answer in answers(lake) if answer.chart}


def test_every_question_that_asks_for_a_chart_has_one_with_a_mark_for_each_row(drawn: dict[str, Answer]) -> None:
    assert len(drawn) >= 14
    for name, answer in drawn.items():
        kind, *columns = answer.chart
        assert kind in KINDS, name
        assert set(columns) <= set(answer.columns), name
        made = chart(answer)
        assert made, name
        marks = [title.text or "" for title in ET.fromstring(made.svg).iter("title")]
        rows = [row for row in answer.rows if all(row[answer.columns.index(column)] is not None for column in charts.needed(answer))]
        assert len(set(marks)) == min(len(rows), charts.MOST if kind in ("bars", "interval") else len(rows)), f"{name}: {marks}"


def test_a_mark_tells_its_whole_row_and_a_long_chart_says_which_rows_it_has(drawn: dict[str, Answer]) -> None:
    made = chart(drawn["high_scores"])
    assert made
    assert made.told == f"Drawn: share, and from low to high, the 25 with the highest distinct of {len(drawn['high_scores'].rows)} rows."
    (row,) = [row for row in drawn["high_scores"].rows if row[0] == "Learning Git"]
    told = [f"{column.replace('_', ' ')} {drawn['high_scores'].cell(row, column)}" for column in drawn["high_scores"].columns]
    assert "; ".join(told) in [title.text for title in ET.fromstring(made.svg).iter("title")]


NAMES = [
    ("short", "Learning Git", "Learning Git"),
    ("cut in the middle: these differ at the end", "Software Architecture Fundamentals: Basics", "Software Arc…tals: Basics"),
    ("no letters of XML", "a\0b\x1bc\ufffe", "a\ufffdb\ufffdc\ufffd"),
    ("XML itself", "<b>&amp;</b>]]>", "<b>&amp;</b>]]>"),
    ("twice as wide letters", "データサイエンスのためのプログラミング入門", "データサイエ…ラミング入門"),
]


@pytest.mark.parametrize(("why", "name", "drawn"), NAMES, ids=[row[0] for row in NAMES])
def test_a_name_fits_beside_its_bar(why: str, name: str, drawn: str) -> None:
    made = chart(answer("bars", [[name, 1]]))
    assert made
    assert drawn in [text.text for text in ET.fromstring(made.svg).iter("text")], why


def answer(kind: str, rows: list[list[Any]], columns: tuple[str, ...] = ("name", "value")) -> Answer:
    return Answer(
        name="a", title="A", unit="things", meaning="", columns=list(columns), rows=rows, used=None, notes=(), percent=(),
        numeric=(False, True), chart=(kind, *columns),
    )  # fmt: skip


def days(number: int, step: int = 1) -> list[list[Any]]:
    return [[date(2018, 1, 1) + timedelta(days=step * each), 1] for each in range(number)]


UNUSUAL = [
    ("no row", answer("bars", []), None),
    ("no value", answer("bars", [["a", None]]), None),
    ("all zero", answer("bars", [["a", 0], ["b", 0]]), "Drawn: value."),
    ("a row without a value is said", answer("bars", [["a", 1], ["b", None]]), "Drawn: value. Without a value, so not drawn: 1 row."),
    ("no name is a name", answer("bars", [[None, 1], ["null", 2]]), "Drawn: value."),
    ("more than fit", answer("bars", [[f"{n}", 1] for n in range(40)]), "Drawn: value, the first 25 of 40 rows."),
    ("a quarter by days", answer("dates", days(90)), "Drawn: value by day; a gap is a day without any."),
    ("a year by months", answer("dates", days(365)), "Drawn: value by month; a gap is a month without any."),
    ("a clock of another century", answer("dates", days(2, 36_500)), "Drawn: value by year; a gap is a year without any."),
]


@pytest.mark.parametrize(("why", "given", "told"), UNUSUAL, ids=[row[0] for row in UNUSUAL])
def test_an_unusual_answer_is_drawn_as_what_it_is_or_not_at_all(why: str, given: Answer, told: str | None) -> None:
    made = chart(given)
    assert (made and made.told) == told, why


def test_a_column_stands_at_its_date_whatever_the_time_zone_of_the_machine() -> None:
    made = chart(answer("dates", [[date(2018, 1, 1), 1], [date(2018, 1, 3), 5]]))
    assert made
    labels = [text.text for text in ET.fromstring(made.svg).iter("text")]
    assert {"2018-01-01", "2018-01-03"} <= set(labels)


def inks(drawing: str, title: str) -> list[str]:
    """Of the marks whose tooltips have this word: their colours, by name."""
    names = {colour: name for name, colour in charts.INK.items()}
    marks = [each for each in ET.fromstring(drawing).iter() if any(title in (child.text or "") for child in each.findall("title"))]
    return [names[mark.get("fill") or mark.get("stroke") or ""] for mark in marks]


def test_a_question_that_does_not_tell_good_attempts_from_poor_ones_stands_out() -> None:
    columns = ("name", "p", "p_low", "p_high", "r", "r_low", "r_high")
    rows = [
        ["inverted", 0.5, 0.4, 0.6, -0.3, -0.5, -0.1],
        ["border", 0.5, 0.4, 0.6, 0.2, 0.1, 0.3],
        ["no r", 0.5, 0.4, 0.6, None, None, None],
    ]
    made = chart(replace(answer("", rows, columns), chart=("discrimination", *columns[1:])))
    assert made
    assert (inks(made.svg, "inverted"), inks(made.svg, "border"), inks(made.svg, "no r")) == (["warn"], ["mark"], [])
    assert made.told.endswith("In another colour: r below 0.2, 1 row. Without a value, so not drawn: 1 row.")


def curves(names: list[str], shares: list[tuple[str, str, float | None]]) -> charts.Chart | None:
    """Of these exams, each with one question with options of (id, is_key, share of the best third)."""
    options = [[name, "q", option, is_key, 0.5, 0.5, best] for name in names for option, is_key, best in shares]
    given = replace(
        answer("", options, ("exam", "question", "option", "is_key", "worst_third", "middle_third", "best_third")), name="options", chart=()
    )
    worst = replace(
        answer("", [[place, name, "q"] for place, name in enumerate(names, 1)], ("place", "exam", "question")), name="look_at", chart=()
    )
    return option_curves([given, worst])


def test_option_curves_show_the_wrong_option_that_beats_the_key() -> None:
    made = curves(["Git"], [("key", "yes", 0.3), ("beats", "no", 0.4), ("falls", "no", 0.1), ("empty", "no", None)])
    assert made
    assert [inks(made.svg, f"option {name};") for name in ("key", "beats", "falls", "empty")] == [["mark"], ["warn"], ["soft"], []]


def test_option_curves_are_of_the_worst_ten_whatever_their_names() -> None:
    made = curves(["a\0b", "<b>", "データサイエンスのためのプログラミング入門", *map(str, range(20))], [("key", "yes", 0.3)])
    assert made
    labels = [text.text for text in ET.fromstring(made.svg).iter("text")]
    assert labels == ["1 a\ufffdb", "2 <b>", "3 データサイ…ング入門", *[f"{place} {place - 4}" for place in range(4, 11)]]
    assert curves([], []) is None
    assert option_curves([]) is None


# ---- after years


def test_after_many_days_what_would_take_ever_longer_is_left_out_and_named(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "FEW_DAYS", 1)
    landing = lake.in_force(DAY)
    assert landing is not None
    written = pages.write(lake, landing)
    of_day, of_all = (json.loads(Path(written[name]).read_text())["left_out"] for name in ("json", "all_days_json"))
    assert of_day == ["repeats"]
    assert of_all == ["wrong_questions", "time_taken", "repeats"]
    page = Path(written["all_days_html"]).read_text()
    assert (
        "Not on this page, because the answer would take longer with every day that lands: Questions with the most wrong answers; " in page
    )
    assert f"./landfall answers --customer {CUSTOMER}</code>" in page


def test_what_reads_every_day_says_so() -> None:
    """A question about one day that leaves days before it out by anything but `$from` reads them all."""
    assert [question.name for question in questions() if question.every_day] == ["repeats"]
    for question in questions():
        tables = len(re.findall(rf"(?:from|join)\s+(?:{'|'.join(question.tables)})\b", question.text))
        assert question.every_day or question.text.count("$from") >= tables, f"{question.name}: {tables} tables, not all of them bounded"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Data files of the small tables that were read one by one."""
    found: list[str] = []
    read = rollups._read
    monkeypatch.setattr(rollups, "_read", lambda lake, table, path: found.append(path) or read(lake, table, path))
    return found


def test_of_the_small_tables_only_new_files_are_opened_and_what_was_replaced_is_gone(tmp_path: Path, opened: list[str]) -> None:
    lake = new_lake(tmp_path)
    land(lake, tmp_path)
    land(lake, tmp_path, day=SECOND)
    tables = len(rollups.SMALL)
    assert_gathered_is_read(lake)
    assert len(opened) == 2 * tables
    assert_gathered_is_read(lake)
    assert len(opened) == 2 * tables
    land(lake, tmp_path, records=RECORDS[1:], try_number=2)
    assert_gathered_is_read(lake)
    assert len(opened) == 3 * tables


KEPT = [
    ("gone", None),
    ("cut off", b"PAR1 and then nothing"),
    ("of another version", b""),
]


@pytest.mark.parametrize(("why", "content"), KEPT, ids=[row[0] for row in KEPT])
def test_what_was_kept_and_cannot_be_read_is_made_anew(tmp_path: Path, opened: list[str], why: str, content: bytes | None) -> None:
    lake = new_lake(tmp_path)
    land(lake, tmp_path)
    assert_gathered_is_read(lake)
    for table in rollups.SMALL:
        path = Path(rollups._path(lake, table))
        path.unlink() if content is None else path.write_bytes(content)
    assert_gathered_is_read(lake)
    assert len(opened) == 2 * len(rollups.SMALL), why


def assert_gathered_is_read(lake: Lake) -> None:
    with Session(lake) as given, Session(lake) as read:
        rollups.gather(given)
        for table in rollups.SMALL:
            asked = f"select * from {table} order by all"
            assert given.ask(asked) == read.ask(asked), table


# ---- people read it


def test_words_can_be_read_by_day_and_by_night(written: dict[str, str]) -> None:
    """WCAG's AA: 4.5 to 1 for words, 3 to 1 for marks."""
    style = Path(written["html"]).read_text().partition("<style>")[2]
    palettes = [dict(re.findall(r"--(\w+): (#\w{6});", block)) for block in re.findall(r":root \{[^}]*\}", style)]
    assert len(palettes) == 2
    for palette in palettes:
        for ground in ("back", "band"):
            for ink in ("text", "soft", "warn", "mark"):
                assert contrast(palette[ink], palette[ground]) >= 4.5, f"{ink} on {ground}: {palette}"


def contrast(one: str, other: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, bright = sorted((light(one), light(other)))
    return (bright + 0.05) / (dark + 0.05)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: install Debian's package chromium")
    with launched(5_000) as chromium:
        yield chromium


@pytest.mark.parametrize("name", ["copy", "all_days_copy"])
def test_a_browser_shows_it_without_a_complaint_a_request_or_a_bar_below(browser: Any, written: dict[str, str], name: str) -> None:
    for scheme in ("light", "dark"):
        for width in (1280, 390):
            page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
            said: list[str] = []
            page.on("console", lambda message, said=said: said.append(message.text))
            page.on("pageerror", lambda error, said=said: said.append(str(error)))
            page.on("request", lambda request, said=said: said.append(request.url))
            page.goto(f"file://{written[name]}")
            assert said == [f"file://{written[name]}"]
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{scheme}, {width}"
            page.close()


def test_long_tables_are_sorted_and_filtered(browser: Any, written: dict[str, str]) -> None:
    page = browser.new_page()
    page.goto(f"file://{written['all_days_copy']}")
    table = page.locator("#attempts_per_exam")
    assert not table.is_visible()
    page.get_by_role("navigation").get_by_role("link", name="Attempts per exam").first.click()
    first = table.locator("tbody tr:not([hidden]) td:first-child")
    assert first.first.inner_text() == "Learning Git"
    table.get_by_role("button", name="exam").click()
    assert first.first.inner_text() == "Häufige Prüfung"
    assert table.locator("th").first.get_attribute("aria-sort") == "ascending"
    table.get_by_role("searchbox").fill("rare 07")
    assert first.all_inner_texts() == ["Rare 07"]
    page.close()
