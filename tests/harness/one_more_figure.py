"""The figure that CONTRIBUTING.md adds as its example: the edits themselves, and in a process that has them everything that it comes to.

    python -m tests.harness.one_more_figure FOLDER

with the edited code on the path, goes on with the lake in FOLDER, where the code before the edits has landed FIRST, and prints as JSON what
each place says of the figure.
"""

import contextlib
import io
import json
import re
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from tests.oracle import built_landing

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "CONTRIBUTING.md"
EDITED = ("include", "plugins", "spark_jobs")
FIRST, SECOND = "2018-01-28", "2018-01-29"
RECORDS = (*built_landing.RECORDS, b'{"keen_id": "keen 9", "exam_name": "Learning Git"}')
WITHOUT_SCORE = ("keen 5", "keen 9")  # of these, and not in quarantine


def edits() -> list[tuple[str, str, str]]:
    """Path, the name of what is added to, and the line, as the page has them: a numbered sentence and a block of code each."""
    section = PAGE.read_text().partition("\n## Add a figure\n")[2].partition("\n## ")[0]
    steps = re.findall(r"^\d\. `([^`]+)`[^`]*`(\w+)`[^\n]*\n(?:[^`\n]+\n)*\n```\n(.+)\n```$", section, re.MULTILINE)
    return [(path, name, line) for path, name, line in steps]


def apply(root: Path) -> str:
    """Makes the edits to the code under this folder; returns the figure's name."""
    for path, name, line in edits():
        lines = (root / path).read_text().splitlines()
        begin = next(number for number, each in enumerate(lines) if re.match(rf"(class )?{name}\b", each))
        end = next(number for number, each in enumerate(lines) if number > begin and re.match(r"\}|\S.*", each))
        while not lines[end - 1].strip():
            end -= 1
        lines.insert(end, f"    {line}")
        (root / path).write_text("\n".join(lines) + "\n")
    return edits()[0][2].partition(":")[0]


class OneRun:
    """A run as Airflow answers for it: `commit` has handed on a landing, or is still to come."""

    url = "http://airflow"

    def __init__(self, state: str, xcoms: dict[str, Any]) -> None:
        self.state, self.xcoms = state, xcoms

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        return {"state": self.state, "run_id": run_id}

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        return []

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        return self.xcoms.get(task_id) if key == "return_value" else None

    def runs_of(self, contract: Any) -> list[Any]:
        return []


def printed(show: Any, *arguments: Any, **options: Any) -> list[list[str]]:
    """The lines that a command prints, word by word."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        show(*arguments, **options)
    return [line.split() for line in out.getvalue().splitlines()]


def everything(folder: Path, figure: str) -> dict[str, Any]:
    from include import figures, receipts
    from include.answers import pages
    from include.answers.questions import Asked
    from include.cli import output
    from include.contracts import TopicSpec
    from include.lake import proofs
    from include.maintenance import compact, forget
    from include.query.session import ask
    from include.runs import notices
    from include.runs.run import LandingRun
    from include.schemas import LANDINGS
    from include.validation.checks import found_on_hdfs, problems, read_landed
    from tests.harness.lakes import open_lake
    from tests.oracle import recount
    from tests.oracle.built_landing import CUSTOMER, build

    pages.questions = list  # none: they take most of the time; what landed is the rest of a report
    pages.chart = lambda answer: None
    recount.Figures.without_score = property(lambda counted: counted.landed - counted.scored)  # type: ignore[attr-defined]  # as the oracle would
    lake = open_lake(folder)
    all_landings = f"select day, {figure} from landings order by committed_at"
    before = ask(lake, all_landings).rows
    built = build(folder, RECORDS, day=SECOND)
    source = receipts.Source(CUSTOMER, SECOND, (), 1000, built.publish.source_sha256, built.landing.found_at)
    publish = replace(built.publish, builds_on=receipts.digest(source))
    transform = replace(built.transform, builds_on=receipts.digest(publish))
    facts = read_landed(built.fs, transform).facts
    assert facts
    wrong = replace(transform, **{figure: 7})
    proof = proofs.prove(source, publish, transform, found_on_hdfs(facts, transform), max_quarantined=1, accept_empty=False)
    row = proofs.landing_of(source, publish, transform, proof, run_id="r1", seconds={})
    landing = lake.commit(row, transform)
    done = LandingRun(OneRun("success", {"commit": receipts.plain(landing)}), CUSTOMER, "r1", SECOND).receipt()  # type: ignore[arg-type]
    handed_on = {"find_source": receipts.plain(source), "publish": receipts.plain(publish), "transform": receipts.plain(transform)}
    running = LandingRun(OneRun("running", handed_on), CUSTOMER, "r1", SECOND).receipt()  # type: ignore[arg-type]
    day, days = pages.report(lake, Asked(SECOND, SECOND)), pages.report(lake, Asked())
    arrived = {
        "column": [(name, meaning) for name, _, meaning in LANDINGS.columns][-1],
        "before": before,
        "rows": ask(lake, all_landings).rows,
        "validate": facts.figures[figure],
        "problems": [problems(publish, each, read_landed(built.fs, each), 1) for each in (transform, wrong)],
        "receipt of the run": (done[figure], running[figure]),
        "receipt as a person reads it": printed(output.receipt, {**done, "report": ""}),
        "landings --wide": printed(output.landings, list(reversed(lake.landings())), wide=True),
        "report of the day": json.loads(day.json())["receipt"][figure],
        "page of the day": _figures_of(day.html().decode()),
        "page of an earlier day": _figures_of(pages.report(lake, Asked(FIRST, FIRST)).html().decode()),
        "report of all days": [each[figure] for each in json.loads(days.json())["days"]],
        "page of all days": _figures_of(days.html().decode()),
        "event": notices.event(landing, "hdfs://n")[figure],
        "shown": [place.name for place in figures.Place if figure in figures.shown(place)],
        **_in_airflow(lake, OneRun("success", {})),
    }
    forget.pages.rewrite = lambda *_: []  # type: ignore[attr-defined]  # tests/unit/maintenance looks at it
    forget.forget(lake, WITHOUT_SCORE[0], asked_by="ann", topic=TopicSpec("t"))
    compact.compact(lake, 0)
    arrived["forgotten"] = [getattr(lake.in_force(each), figure) for each in (FIRST, SECOND)]
    return arrived


def _figures_of(page: str) -> dict[str, str]:
    return dict(re.findall(r"<div><dt>([^<]+)</dt><dd>([^<]+)</dd></div>", page))


def _in_airflow(lake: Any, airflow: Any) -> dict[str, Any]:
    """The answer that the page Landings gets, and the names of metrics."""
    import metrics
    from include.contracts import Contract
    from landings_page.days import Customer

    counted: dict[str, int] = {}
    metrics.incr = lambda name, count=1, **_: counted.update({name: count})
    metrics.landed(lake.newest(), 0.5)
    contract = Contract(customer=lake.customer, source="acme/{day}.ndjson", first_day=date.fromisoformat(FIRST))
    day = Customer(contract, lake, airflow).day(date.fromisoformat(SECOND))
    return {"dialog": {name: day["in_force"][name] for name in day["figures"]}, "metrics": counted}


if __name__ == "__main__":
    name = edits()[0][2].partition(":")[0]
    print(json.dumps(everything(Path(sys.argv[1]), name), default=str))
