"""`./landfall export`: every answer of a lake as other programs read it, compared with what plain Python makes of the records."""

import csv
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import xxhash

from include.cli import main, services
from include.lake.lake import Lake
from include.query.answered import answered
from include.query.session import Session
from tests.harness.lakes import FIRST, SECOND, commit, open_lake
from tests.oracle.built_landing import CUSTOMER, RECORDS, TEST_EXAM_NAMES, attempt, build

RESP = {"correct": "1", "incorrect": "0", "missed_some": "0"}


def question(name: str | None, result: str | None, *options: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, **({"user_result": result} if result else {}), "options": list(options)}


def option(name: str | None, at: str | None = None, checked: bool = False, correct: bool | None = None) -> dict[str, Any]:
    return {"id": name, "checked": checked, **({"at": f"2018-01-28T{at}Z"} if at else {}), **({"correct": correct} if correct else {})}


def with_questions(number: int, *questions: dict[str, Any], started_at: str | None = "2018-01-28T09:00:00Z", **other: Any) -> bytes:
    return attempt(number, sequences={"id": "s", "questions": list(questions)}, started_at=started_at, **other)


# What a clock and a form of an exam can do.
TIMED = (
    with_questions(  # answered in another order than asked, the first touched twice
        60,
        question("q/1", "correct", option("a", "09:01:00.5", True, True), option("b", "09:00:20.000001")),
        question("q%2", "incorrect", option("a", "09:00:10", True), option("b", correct=True)),
        question("q 3", "unanswered", option("a"), option("b")),
        question(
            "q 4",
            "missed_some",
            option("a", "09:01:00.5", True, True),
            option("b", None, False, True),
            option("a b", "09:01:00", True, True),
        ),
    ),
    with_questions(  # began after the first touch, by its clock
        61,
        question("q/1", "correct", option("a", "08:59:59", True)),
        question("q%2", "correct", option("a", "09:00:01", True)),
    ),
    with_questions(
        62,
        question("q/1", "correct", option("a", "09:00:05", True)),
        question("q%2", None, option("a", "09:00:07", True)),
        started_at=None,
    ),
    with_questions(
        63,
        question(None, "correct", option("a", "09:00:05", True)),
        question("=1+1", "correct", option(None, "09:00:09", True)),
    ),
    with_questions(64, question("q/1", "correct", option("a", "09:00:05", True)), base_exam_id=None),
    with_questions(65, question("twice", "correct"), question("twice", "incorrect"), base_exam_id="=x"),
)
DAYS = {FIRST: (*RECORDS, *TIMED), SECOND: (attempt(1, results=("correct", "incorrect")), TIMED[0], attempt(70, results=("missed_some",)))}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days; the second brings two attempts of the first again, byte for byte."""
    made = tmp_path_factory.mktemp("exports")
    for day, records in DAYS.items():
        commit(open_lake(made), build(made, records=records, day=day))
    return made


@pytest.fixture
def lake(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    found = open_lake(folder)
    monkeypatch.setattr(services, "lake", lambda customer, user=None: found)
    return found


def export(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["landfall", "export", "--customer", CUSTOMER, *arguments])
    with pytest.raises(SystemExit) as ended:
        main.main()
    return int(ended.value.code or 0)


def attempts(days: Mapping[str, Sequence[bytes]]) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    """(day, bytes, record) of each version of an attempt at a real exam, on the first day that it came."""
    seen = set[bytes]()
    for day, records in sorted(days.items()):
        for content in records:
            try:
                record = json.loads(content)
            except ValueError:
                continue
            is_test = any(name in (record.get("exam_name") or "") for name in TEST_EXAM_NAMES)
            if "keen_id" in record and not is_test and content not in seen:
                seen.add(content)
                yield day, content, record


def moment(text: str) -> int:
    """Microseconds since 1970."""
    whole = datetime.fromisoformat(text)
    return int(whole.timestamp()) * 1_000_000 + whole.microsecond


def micros(record: dict[str, Any]) -> dict[int, int]:
    """Of each question whose time is known, by its place."""
    touched = {
        place: max(times)
        for place, asked in enumerate(record.get("sequences", {}).get("questions", []))
        if (times := [moment(each["at"]) for each in asked["options"] if each.get("at")])
    }
    before = moment(record["started_at"]) if record.get("started_at") else None
    known = {}
    for place, at in sorted(touched.items(), key=lambda item: (item[1], item[0])):
        if before is not None and at >= before:
            known[place] = at - before
        if before is None or at > before:
            before = at
    return known


def version(content: bytes, record: dict[str, Any]) -> str:
    unsigned = xxhash.xxh64_intdigest(content, seed=42)
    return f"{record['keen_id']}/{unsigned - 2**64 if unsigned >= 2**63 else unsigned}"


def expected_irw(days: Mapping[str, Sequence[bytes]] = DAYS, exam: str | None = None) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for _, content, record in attempts(days):
        times = micros(record)
        if exam not in (None, record.get("exam_name")):
            continue
        for place, asked in enumerate(record.get("sequences", {}).get("questions", [])):
            if record["base_exam_id"] is None or asked["id"] is None:
                continue
            parts = [part.replace("%", "%25").replace("/", "%2F") for part in (record["base_exam_id"], asked["id"])]
            item = "/".join(parts)
            time = str(Decimal(times[place]) / 1_000_000) if place in times else None
            row = (version(content, record), f"'{item}" if item.startswith("=") else item, RESP.get(asked.get("user_result") or "", ""))
            rows.append((*row, time))
    return sorted(rows, key=str)


def read_irw(text: str) -> list[tuple[Any, ...]]:
    header, *rows = csv.reader(io.StringIO(text))
    assert header == ["id", "item", "resp", "rt"]
    return sorted(((*row[:3], str(Decimal(row[3])) if row[3] else None) for row in rows), key=str)


def plain(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """With times as numbers, for 10 and 10.0 are one."""
    return [(*row[:3], Decimal(row[3]) if row[3] else None) for row in rows]


def test_irw_has_a_row_for_every_answer_of_every_attempt_once(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(monkeypatch, "--as", "irw") == 0
    shown = capsys.readouterr()
    rows = read_irw(shown.out)
    assert plain(rows) == plain(expected_irw())
    assert {row[2] for row in rows} == {"", "0", "1"}
    assert f"{len(rows)} answers" in shown.err
    assert "left out: 2 questions without an id, or of an exam without one" in shown.err


def test_irw_times_are_exact_and_only_where_the_clock_tells(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(monkeypatch, "--as", "irw") == 0
    times = {(row[0].split("/")[0], row[1]): row[3] for row in csv.reader(io.StringIO(capsys.readouterr().out))}
    of = "id of Learning Git"
    assert [times[f"keen {60}", f"{of}/{item}"] for item in ("q%2F1", "q%252", "q 3", "q 4")] == ["50.5", "10", "", "0"]
    assert [times["keen 61", f"{of}/{item}"] for item in ("q%2F1", "q%252")] == ["", "1"]
    assert [times["keen 62", f"{of}/{item}"] for item in ("q%2F1", "q%252")] == ["", "2"]


def test_a_span_and_an_exam_bound_it(lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(monkeypatch, "--as", "irw", "--from", SECOND) == 0
    assert [row[:3] for row in read_irw(capsys.readouterr().out)] == [
        (version(DAYS[SECOND][2], {"keen_id": "keen 70"}), "id of Learning Git/question 0", "0")
    ]
    assert export(monkeypatch, "--as", "irw", "--to", FIRST) == 0
    assert plain(read_irw(capsys.readouterr().out)) == plain(expected_irw({FIRST: DAYS[FIRST]}))
    assert export(monkeypatch, "--as", "irw", "--exam", "Häufige Prüfung") == 0
    assert plain(read_irw(capsys.readouterr().out)) == plain(expected_irw(exam="Häufige Prüfung")) != []
    assert export(monkeypatch, "--as", "irw", "--from", "2019-01-01") == 0
    assert capsys.readouterr().out == "id,item,resp,rt\n"


def test_a_file_is_there_whole_or_not_at_all(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "answers.csv"
    assert export(monkeypatch, "--as", "irw", "--out", str(path)) == 0
    assert capsys.readouterr().out == ""
    assert plain(read_irw(path.read_text())) == plain(expected_irw())
    content = path.read_bytes()

    def broken(session: Session, *_: Any, **__: Any) -> Iterator[Any]:
        yield from list(answered(session))[:3]
        session.ask("select * from no_such_table")

    monkeypatch.setattr("include.query.answered.answered", broken)
    assert export(monkeypatch, "--as", "irw", "--out", str(path)) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["answers.csv"]
    assert path.read_bytes() == content


REFUSED = [
    (["--exam", "Learning Gti"], "Did you mean 'Learning Git'?"),
    (["--from", SECOND, "--to", FIRST], f"--from {SECOND} is after --to {FIRST}: there are no days between them"),
    (["--to", "tomorrow"], "--to: expected a date such as 2018-01-28"),
    (["--out", "/no/such/folder/file"], "/no/such/folder/file cannot be written: No such file or directory. Nothing was written."),
]


@pytest.mark.parametrize(("arguments", "said"), REFUSED, ids=[row[0][0] + row[0][-1] for row in REFUSED])
def test_what_cannot_be_exported_is_refused(
    lake: Lake, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(monkeypatch, "--as", "irw", *arguments) == 1
    shown = capsys.readouterr()
    assert said in " ".join(shown.err.split())
    assert shown.out == ""
