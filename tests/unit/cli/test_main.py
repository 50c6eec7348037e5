"""What `./landfall` prints: one document with --json whatever happens, few columns where there is little room, and a reason once."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import pyarrow.parquet as pq
import pytest
import typer

from include import receipts
from include.cli import following, land, main, options, output, services, terminal
from include.errors import LandfallError, Refused
from include.lake.lake import Lake
from include.query import export
from include.runs import backfill
from include.runs import run as landing_run
from include.runs.run import FROM_LANDING, LandingRun, TaskChange
from include.source import inbox
from tests.oracle.built_landing import CUSTOMER, attempt, build

ROOT = Path(__file__).parents[3]
HOSTILE = "Git\x1b[2J\x9b2J"


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """A day with three attempts, at exams whose names a terminal or a spreadsheet would act on; the commands of this process ask it."""
    lake = Lake.open(CUSTOMER, f"sqlite:///{tmp_path}/catalog.sqlite", f"file://{tmp_path}", fsspec.filesystem("file"))
    built = build(tmp_path, records=(attempt(1, exam='=HYPERLINK("http://x")'), attempt(2, exam=HOSTILE), attempt(3, exam="Git")))
    lake.commit(built.landing, built.transform)
    monkeypatch.setattr(services, "lake", lambda customer, user=None: lake)
    return lake


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["landfall", *arguments])
    with pytest.raises(SystemExit) as ended:
        main.main()
    return int(ended.value.code or 0)


def query(monkeypatch: pytest.MonkeyPatch, sql: str, *options: str) -> int:
    return run(monkeypatch, "query", "--customer", CUSTOMER, sql, *options)


REFUSED = [
    ("a refusal of ours", ["land", "--customer", "acme", "--day", "tomorrow"], 1, "--day: expected a date such as 2018-01-28"),
    ("a customer that is none", ["landings", "--customer", "nobody"], 1, "nobody"),
    ("nothing answers", ["landings"], 1, "HDFS does not answer"),
    ("an option that is not there", ["landings", "--colour"], 2, "No such option: --colour"),
    ("an option that is missing", ["query", "select 1"], 2, "Missing option '--customer'"),
    (
        "two forms at once",
        ["query", "-c", "acme", "select 1", "--csv"],
        1,
        "at most one of --json, --csv, --parquet, found --json and --csv",
    ),
]


@pytest.mark.parametrize(("why", "arguments", "code", "said"), REFUSED, ids=[row[0] for row in REFUSED])
def test_json_is_one_document_also_for_a_refusal(tmp_path: Path, why: str, arguments: list[str], code: int, said: str) -> None:
    nowhere = {**os.environ, "LANDFALL_HOME": str(tmp_path), "LANDFALL_NAMENODE_HTTP_PORT": "1", "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    command = [sys.executable, "-P", "-m", "include.cli.main", *arguments]
    done = subprocess.run([*command, "--json"], env=nowhere, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    document = json.loads(done.stdout)
    assert list(document) == ["error"]
    assert said in document["error"]
    assert said in " ".join(done.stderr.replace("│", " ").split()), "a person reads it too"


def test_without_json_a_refusal_leaves_stdout_empty(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "land", "--customer", "acme", "--day", "tomorrow") == 1
    assert capsys.readouterr().out == ""


def test_json_holds_texts_as_they_are_and_moves_no_terminal(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert query(monkeypatch, "select exam_name from assessments where keen_id = 'keen 2'", "--json") == 0
    printed = capfdbinary.readouterr().out
    assert json.loads(printed) == {"columns": ["exam_name"], "rows": [[HOSTILE]], "total_rows": 1}
    assert not terminal.ACTED_ON.search(printed.decode())


def test_a_table_ends_at_its_limit_and_says_so(lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    many = "select i, i / 4 as quarter, 'x' as text from range(1200) as of(i)"
    assert query(monkeypatch, many) == 0
    out, err = capsys.readouterr()
    rows = [line.split() for line in out.splitlines()[2:] if line]
    assert (len(rows), rows[-1]) == (1000, ["999", "249.75", "x"])
    assert "1,000 of 1,200 rows" in err
    assert query(monkeypatch, many, "--limit", "3", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (len(found["rows"]), found["total_rows"]) == (3, 1200)
    assert query(monkeypatch, many, "--csv") == 0
    out, err = capsys.readouterr()
    assert (len(out.splitlines()), err) == (1201, ""), "a file of all rows"


def test_numbers_are_to_the_right_and_texts_to_the_left(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert query(monkeypatch, "select * from (values (5, 'a', 0.5), (1000, 'long text', 10.25)) as of(number, text, share)") == 0
    head, _, first, second = capsys.readouterr().out.splitlines()[:4]
    assert [line.index(text) + len(text) for line, text in ((head, "number"), (first, "5"), (second, "1000"))] == [6, 6, 6]
    assert first.index("a") == second.index("long text")
    assert len(first) == len(second) == len(head.rstrip())


def test_csv_calculates_nothing_and_parquet_holds_the_values_as_they_are(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sql = "select exam_name, -1 as number, '-2' as text, null as nothing from assessments where keen_id = 'keen 1'"
    assert query(monkeypatch, sql, "--csv") == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows == [["exam_name", "number", "text", "nothing"], ['\'=HYPERLINK("http://x")', "-1", "-2", ""]]
    target = tmp_path / "answer.parquet"
    assert query(monkeypatch, f"{sql}", "--parquet", str(target)) == 0
    assert pq.read_table(target).to_pylist() == [{"exam_name": '=HYPERLINK("http://x")', "number": -1, "text": "-2", "nothing": None}]
    assert query(monkeypatch, "select 1 as a, 2 as a", "--parquet", str(target)) == 1
    assert "several columns 'a'" in capsys.readouterr().err
    assert query(monkeypatch, "select interval 1 day as long", "--parquet", str(target)) == 1
    assert "Nothing was written" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.glob("*.parquet*")) == ["answer.parquet"]
    assert query(monkeypatch, sql, "--parquet", str(tmp_path / "none" / "answer.parquet")) == 1


FORMULAS = [
    ("=1+1", "'=1+1"), ("+1+1", "'+1+1"), ("-1+1", "'-1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t=1"), ("\r=1", "'\r=1"),
    ("\n=1", "'\n=1"), (" =1+1", "' =1+1"), ("\uff1d1+1", "'\uff1d1+1"), ("\x00=1", "'\x00=1"), (["=1"], ["=1"]),
    (-5, -5), (-0.5, -0.5), ("-5", "-5"), ("+1.5e3", "+1.5e3"), ("a=1", "a=1"), ("", ""), (None, None), ("'=1", "'=1"),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "written"), FORMULAS, ids=[repr(cell) for cell, _ in FORMULAS])
def test_a_cell_is_no_formula_and_a_number_stays_one(cell: Any, written: Any) -> None:
    assert export.harmless(cell) == (str(written) if isinstance(written, list) else written)


def test_a_lone_carriage_return_does_not_end_a_row() -> None:
    file = io.StringIO()
    export.write_csv(file, ["a"], [["x\r=1+1"], ["y"]])
    assert file.getvalue() == 'a\n"x\r=1+1"\ny\n'


def at_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "out", terminal.Terminal(width=80))


def test_landings_fit_into_80_columns_and_wide_has_all_of_them(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at_80_columns(monkeypatch)
    assert run(monkeypatch, "landings", "--customer", CUSTOMER, "--day", "2018-01-28") == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    [landing] = [line.split() for line in lines if line.startswith(CUSTOMER)]
    assert landing[:6] == [CUSTOMER, "2018-01-28", "yes", "3", "3", "0"]
    assert run(monkeypatch, "landings", "--customer", CUSTOMER, "--wide") == 0
    [wide] = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith(CUSTOMER)]
    [newest] = lake.landings()
    assert newest.content_hash in wide
    assert wide[-1] == newest.run_id


def test_rows_of_too_many_columns_for_the_terminal_stand_one_under_the_other(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at_80_columns(monkeypatch)
    assert query(monkeypatch, "select * from assessments order by keen_id limit 2") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("row ")] == ["row 1", "row 2"]
    assert ["keen_id", "keen", "2"] in [line.split() for line in lines]


def test_numbers_are_never_folded_and_a_text_without_room_is_a_line_above_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at_80_columns(monkeypatch)
    rooms = ["exam", *(f"share number {number}" for number in range(8))]
    rows = [["Knots, Trees and Other Data Structures", *["100.00 %"] * 8], ["[データ] 工学", *["5.00 %"] * 7, None]]
    terminal.table(rooms, rows, numeric=[False, *[True] * 8])
    lines = capsys.readouterr().out.splitlines()
    at = lines.index("Knots, Trees and Other Data Structures")
    assert lines[at + 1].split("  ") == ["100.00 %"] * 8
    assert lines[at + 2] == "[データ] 工学"
    assert lines[at + 3].split() == ["5.00", "%"] * 7 + ["null"]
    assert {len(lines[at + 1]), len(lines[at + 3])} == {78}, "in columns"
    assert [line.split()[:2] for line in lines[:2]] == [["share", "share"], ["number", "0"]], "a heading is folded at its blanks"
    terminal.table(rooms[:5], [row[:5] for row in rows], numeric=[False, *[True] * 4])
    folded = [line.split("  ") for line in capsys.readouterr().out.splitlines() if "100.00" in line]
    assert [line[-4:] for line in folded] == [["100.00 %"] * 4], "with room, a text is in its row"
    assert folded[0][0].startswith("Knots, Trees")


def test_an_address_is_on_one_line_however_narrow_the_terminal_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(terminal, "err", terminal.Terminal(stderr=True, width=80))
    address = f"http://127.0.0.1:28080/dags/land_assessments_acme/runs/manual__{'0' * 60}"
    terminal.progress(address)
    assert capsys.readouterr().err == f"{address}\n"


AWAY = "127.0.0.1:9092 did not answer: timed out (Connect to 127.0.0.1:9092 failed: Connection refused (after {}ms in state CONNECT))"


def test_a_broker_that_is_away_at_every_try_is_told_of_once(capsys: pytest.CaptureFixture[str]) -> None:
    states = ["up_for_retry"] * 3 + ["failed"]
    changes = [TaskChange("ensure_topic", state, number, 20.0, AWAY.format(number)) for number, state in enumerate(states, start=1)]
    shown = following.tasks(changes)
    receipt = {"customer": "acme", "day": "2018-01-28", "state": "failed", "failed_task": "ensure_topic", "reason": AWAY.format(9)}
    following.failure(receipt, shown)
    said = capsys.readouterr().err
    assert said.count("Connection refused") == 1
    assert said.count("the same reason") == 3
    assert said.splitlines()[-1] == "landfall: acme 2018-01-28: ensure_topic failed for the reason above"


def test_another_reason_is_told_too_and_a_run_that_nobody_followed_says_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    shown = following.tasks([TaskChange("publish", "up_for_retry", 1, 1.0, "fenced"), TaskChange("publish", "failed", 2, 1.0, "too large")])
    following.failure({"customer": "acme", "day": "2018-01-28", "failed_task": "publish", "reason": "too large", "state": "failed"}, shown)
    following.failure({"customer": "acme", "day": "2018-01-28", "state": "failed"}, {})
    said = capsys.readouterr().err
    assert (said.count("fenced"), said.count("too large"), said.count("the run failed: failed")) == (1, 1, 1)


class NoTaskCameFar:
    """Airflow's answers of a run whose first task was skipped, or has failed before it said anything."""

    url = "http://127.0.0.1:28080"

    def __init__(self, state: str) -> None:
        self.state = state

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        return {"state": "failed" if self.state == "failed" else "success"}

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        return [{"task_id": "find_source", "state": self.state, "try_number": 1, "duration": 1.0}]

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> None:
        return None

    def reason(self, dag_id: str, run_id: str, task_id: str, try_number: int) -> str:
        return "no files"


@pytest.mark.parametrize("state", ["skipped", "failed"])
def test_a_receipt_names_the_day_that_was_asked_for_however_far_the_run_came(state: str, capsys: pytest.CaptureFixture[str]) -> None:
    receipt = LandingRun(NoTaskCameFar(state), "acme", "manual__1", "2018-01-28").receipt()
    assert receipt["day"] == "2018-01-28"
    output.receipt({**receipt, "report": None})
    if state == "failed":
        following.failure(receipt, {})
    assert "acme 2018-01-28: " in "".join(capsys.readouterr())


def test_a_wrong_form_is_refused_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused, match="found --csv and --html"):
        options.at_most_one(**{"--json": False, "--csv": True, "--html": True})


def test_a_day_whose_files_changed_since_says_so_and_a_store_that_is_away_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = Lake.open(CUSTOMER, f"sqlite:///{tmp_path}/catalog.sqlite", f"file://{tmp_path}", fsspec.filesystem("file"))
    file = tmp_path / CUSTOMER / "by name.json"
    file.parent.mkdir()
    file.write_text("[{}]")
    built = build(tmp_path, day="2018-01-28")
    lake.commit(replace(built.landing, source=(str(file),), bytes=3), built.transform)
    monkeypatch.setattr(services, "lake", lambda customer, user=None: lake)
    monkeypatch.setattr(services, "places", lambda customer: inbox.places(customer, tmp_path, None))
    assert run(monkeypatch, "landings", "--customer", CUSTOMER, "--day", "2018-01-28") == 0
    assert "warning: The landed files have 4 bytes now, 3 were landed: " in capsys.readouterr().out
    monkeypatch.setattr(services, "places", lambda customer: inbox.places(customer, tmp_path / "elsewhere", None))
    assert run(monkeypatch, "landings", "--customer", CUSTOMER, "--day", "2018-01-28") == 0
    out, err = capsys.readouterr()
    assert ("warning" in out, f"whether the files of {CUSTOMER} 2018-01-28 have changed is not known" in err) == (False, True)


def test_receipts_of_runs_have_the_names_of_unknown_fields_from_their_landings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake.open(CUSTOMER, f"sqlite:///{tmp_path}/catalog.sqlite", f"file://{tmp_path}", fsspec.filesystem("file"))
    built = build(tmp_path, day="2018-01-28")
    lake.commit(built.landing, built.transform)
    monkeypatch.setattr(services, "lake", lambda customer, user=None: lake)
    landed = {"day": "2018-01-28", "landing": built.landing.landing, "unknown_fields": {"...": 1}}
    failed = {"day": "2018-01-29", "landing": None, "unknown_fields": {"...": 1}}
    found = land._with_names(CUSTOMER, [landed, failed, {**failed, "unknown_fields": None}])
    assert [each["unknown_fields"] for each in found] == [{"note": 2}, {"...": 1}, None], "a failed run has no landing"

    def away(customer: str) -> Lake:
        raise LandfallError("HDFS does not answer")

    monkeypatch.setattr(services, "lake", away)
    assert land._with_names(CUSTOMER, [landed]) == [landed], "a receipt is shown all the same"


class FakeRun:
    """A run that has landed the day, as Airflow has it."""

    run_id, page = "manual__1", "http://airflow/dags/d/runs/manual__1"

    def __init__(self, lake: Lake) -> None:
        self.landing = lake.landings()[-1]

    def follow(self) -> list[Any]:
        return []

    def receipt(self) -> dict[str, Any]:
        known = {**receipts.plain(self.landing), "unknown_fields": {"...": 1}}
        return {"state": "success", **{key: known.get(key) for key in FROM_LANDING}, "already_landed": False, "problems": []}


def test_land_ends_in_the_landing_s_receipt(lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(services, "airflow", lambda: SimpleNamespace(url="http://airflow"))
    monkeypatch.setattr(landing_run, "start", lambda *_, **__: FakeRun(lake))
    at_80_columns(monkeypatch)
    asked = ("land", "--customer", CUSTOMER, "--day", "2018-01-28")
    assert run(monkeypatch, *asked) == 0
    out = capsys.readouterr().out
    assert all(len(line) <= 80 for line in out.splitlines() if not line.startswith(("source", "bytes", "warning")))
    assert "fields that the schema does not know: note 2" in out
    assert run(monkeypatch, *asked, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    newest = lake.landings()[-1]
    assert (found["landing"], found["landed"], found["unknown_fields"], found["report"]) == (newest.landing, 3, {"note": 2}, None)


class FakeBackfill:
    """Two days that are over, as Airflow has them: one landed, one that `validate` refused."""

    number, dag_id = 7, f"land_assessments_{CUSTOMER}"

    def follow(self) -> list[Any]:
        return []

    def receipts(self) -> list[dict[str, Any]]:
        counts = {"published": 123_456, "landed": 123_400, "duplicates": 50, "quarantined": 6, "content_hash": "a" * 16}
        landed = {"day": "2018-01-28", "state": "success", "landing": "of 28", "unknown_fields": {"...": 1}, **counts}
        refused = {**landed, "day": "2018-01-29", "state": "failed", "landing": None, "failed_task": "validate", "reason": "6 of 9"}
        return [landed, {**refused, "landed": 0, "duplicates": None}]

    def not_run(self, days: list[str]) -> list[str]:
        return []


def test_a_backfill_ends_in_its_days_figures_at_80_columns_and_in_names_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = Lake.open(CUSTOMER, f"sqlite:///{tmp_path}/catalog.sqlite", f"file://{tmp_path}", fsspec.filesystem("file"))
    built = build(tmp_path, day="2018-01-28")
    lake.commit(built.landing, built.transform)
    running = FakeBackfill()
    receipts_of_runs = [{**each, "landing": each["landing"] and built.landing.landing} for each in running.receipts()]
    monkeypatch.setattr(running, "receipts", lambda: receipts_of_runs)
    monkeypatch.setattr(services, "lake", lambda customer, user=None: lake)
    monkeypatch.setattr(services, "airflow", lambda: SimpleNamespace(url="http://airflow"))
    monkeypatch.setattr(backfill, "start", lambda *_: running)
    monkeypatch.setattr(following, "backfill", lambda *_: None)
    at_80_columns(monkeypatch)
    span = ("backfill", "--customer", CUSTOMER, "--from", "2018-01-28", "--to", "2018-01-29", "--yes")
    assert run(monkeypatch, *span) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if line.startswith("2018")] == [
        ["2018-01-28", "success", "123,456", "123,400", "50", "6", "a" * 16],
        ["2018-01-29", "failed", "123,456", "0", "null", "6", "a" * 16],
    ]
    assert all(len(line) <= 80 for line in lines)
    assert run(monkeypatch, *span, "--json") == 1
    assert [day["unknown_fields"] for day in json.loads(capsys.readouterr().out)["days"]] == [{"note": 2}, {"...": 1}]


def commands() -> list[list[str]]:
    found = typer.main.get_command(main.app).commands  # type: ignore[attr-defined]
    return [[], *([name, *inner] for name, each in found.items() for inner in ([], *([more] for more in getattr(each, "commands", ()))))]


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_help_reads_well_at_80_columns(command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(monkeypatch, *command, "--help") == 0
    shown = capsys.readouterr().out
    lines = [line.strip("│ ") for line in shown.splitlines()]
    assert max(map(len, shown.splitlines())) <= 80
    assert "<bool>" not in shown, "a flag takes no value"
    assert not re.search(r"\b(told|anew|stands?|tells?)\b", shown)
    text = [line for line in lines[: next(i for i, line in enumerate(lines) if line.startswith("╭"))] if line]
    assert not [line for line, after in pairwise(text[1:]) if len(line) + len(after.split()[0]) < 70 and not line.endswith(".")], (
        "folded twice"
    )
