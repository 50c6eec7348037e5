"""`./landfall export`: every answer of a lake as other programs read it, compared with what plain Python makes of the records."""

import csv
import io
import json
import re
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
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


def test_answers_are_read_some_at_a_time(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day only when the one before is read, and of a day some rows."""
    with Session(lake, once=True) as session:
        whole = list(answered(session, options=True))
    monkeypatch.setattr("include.query.session.BATCH_ROWS", 2)
    days = list[date]()
    with Session(lake, once=True) as session:
        each = session.each

        def noted(sql: str, parameters: dict[str, Any]) -> Iterator[list[Any]]:
            days.append(parameters["day"])
            return each(sql, parameters)

        monkeypatch.setattr(session, "each", noted)
        answers = answered(session, options=True)
        first = next(answers)
        assert days == [date.fromisoformat(FIRST)]
        assert [first, *answers] == whole
        assert days == [date.fromisoformat(FIRST), date.fromisoformat(SECOND)]


IRI = "https://example.org/landed"
NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # of addresses: RFC 4122
DURATION = re.compile(r"PT(\d+(?:\.\d+)?)S")
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
# What a statement may have, by the tables of the specification (Data.md 2.4), and what it must.
MAY = {
    "": {"id", "actor", "verb", "object", "result", "context", "timestamp"},
    "actor": {"objectType", "account"},
    "actor.account": {"homePage", "name"},
    "verb": {"id", "display"},
    "object": {"objectType", "id", "definition"},
    "object.definition": {"type", "interactionType", "correctResponsesPattern", "choices"},
    "result": {"success", "response", "duration", "extensions"},
    "context": {"registration", "contextActivities"},
}
MUST = {
    "": MAY[""] - {"timestamp"}, "actor": MAY["actor"], "actor.account": MAY["actor.account"], "verb": MAY["verb"],
    "object": MAY["object"], "object.definition": {"type", "interactionType"}, "result": {"success"}, "context": MAY["context"],
}  # fmt: skip


def escaped(text: str) -> str:
    """As RFC 3986 writes any text as a part of an address."""
    return "".join(
        character if re.fullmatch(r"[A-Za-z0-9._~-]", character) else "".join(f"%{byte:02X}" for byte in character.encode())
        for character in text
    )


def empty(value: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return value in (None, "", {}, []) or any(map(empty, inner))


def invalid(statement: dict[str, Any]) -> list[str]:
    """What the specification does not allow in the statement."""
    wrong = []
    for path, allowed in MAY.items():
        part = statement
        for name in path.split(".") if path else []:
            part = part[name]
        if not MUST[path] <= part.keys() <= allowed:
            wrong.append(f"{path or 'statement'} has {sorted(part)}")
    definition, result, context = statement["object"]["definition"], statement["result"], statement["context"]
    exams = context["contextActivities"]["parent"]
    names = [each["id"] for each in definition.get("choices", [])]
    listed = [*definition.get("correctResponsesPattern", []), *([result["response"]] if "response" in result else [])]
    addresses = [statement["verb"]["id"], statement["object"]["id"], definition["type"], statement["actor"]["account"]["homePage"]]
    addresses += [*result.get("extensions", {}), *(address for exam in exams for address in (exam["id"], exam["definition"]["type"]))]
    rules = {
        "a value is empty": not empty(statement),
        "ids are UUIDs": all(str(uuid.UUID(each)) == each for each in (statement["id"], context["registration"])),
        "the verb": statement["verb"]["id"] == "http://adlnet.gov/expapi/verbs/answered",
        "the interaction": (definition["type"], definition["interactionType"])
        == ("http://adlnet.gov/expapi/activities/cmi.interaction", "choice"),
        "types of objects": (statement["actor"]["objectType"], statement["object"]["objectType"]) == ("Agent", "Activity"),
        "addresses": all(re.fullmatch(r"https?://[A-Za-z0-9._~%/-]+", each) for each in addresses),
        "choices have ids of their own": len(set(names)) == len(names) and not any(re.search(r"\s", name) for name in names),
        "responses are of the choices": all(set(each.split("[,]")) <= set(names) for each in listed),
        "success": isinstance(result["success"], bool),
        "duration": "duration" not in result or DURATION.fullmatch(result["duration"]),
        "timestamp": "timestamp" not in statement or TIMESTAMP.fullmatch(statement["timestamp"]),
    }
    return wrong + [rule for rule, holds in rules.items() if not holds]


def expected_xapi(days: Mapping[str, Sequence[bytes]] = DAYS) -> dict[str, dict[str, Any]]:
    """What each statement says, by its id."""
    said = {}
    for _, content, record in attempts(days):
        times = micros(record)
        for place, asked in enumerate(record.get("sequences", {}).get("questions", [])):
            if record["base_exam_id"] is None or asked["id"] is None or asked.get("user_result") in (None, "unanswered"):
                continue
            attempt_iri = f"{IRI}/attempts/{escaped(record['keen_id'])}/{version(content, record).rpartition('/')[2]}"
            options = {each["id"]: each for each in asked["options"]}
            told = None not in options
            touches = [moment(each["at"]) for each in options.values() if each.get("at")]
            early = bool(touches) and bool(record.get("started_at")) and max(touches) < moment(record["started_at"])
            said[str(uuid.uuid5(NAMESPACE, f"{attempt_iri}/{place}"))] = {
                "who": version(content, record),
                "what": f"{IRI}/exams/{escaped(record['base_exam_id'])}/questions/{escaped(asked['id'])}",
                "exam": {"und": record["exam_name"]} if record.get("exam_name") else None,
                "choices": sorted(escaped(name) for name in options) if told and options else None,
                "keys": sorted(escaped(name) for name, each in options.items() if each.get("correct")) if told else [],
                "response": sorted(escaped(name) for name, each in options.items() if each.get("checked")) if told else [],
                "success": asked["user_result"] == "correct",
                "partly": asked["user_result"] == "missed_some",
                "micros": times.get(place),
                "timestamp": max(touches) if touches and not early else 1517167151279837,
                "registration": str(uuid.uuid5(NAMESPACE, attempt_iri)),
            }
    return said


def read_xapi(text: str) -> list[dict[str, Any]]:
    assert text.endswith("\n")
    return [json.loads(line) for line in text[:-1].split("\n")]


def says(statement: dict[str, Any]) -> dict[str, Any]:
    definition, result = statement["object"]["definition"], statement["result"]
    [exam] = statement["context"]["contextActivities"]["parent"]
    time = DURATION.fullmatch(result.get("duration", ""))
    assert statement["object"]["id"].startswith(f"{exam['id']}/questions/")
    return {
        "who": statement["actor"]["account"]["name"],
        "what": statement["object"]["id"],
        "exam": exam["definition"].get("name"),
        "choices": [each["id"] for each in definition["choices"]] if "choices" in definition else None,
        "keys": [name for each in definition.get("correctResponsesPattern", []) for name in each.split("[,]")],
        "response": result["response"].split("[,]") if "response" in result else [],
        "success": result["success"],
        "partly": result.get("extensions") == {f"{IRI}/extensions/user_result": "missed_some"},
        "micros": int(Decimal(time[1]) * 1_000_000) if time else None,
        "timestamp": moment(statement["timestamp"]),
        "registration": statement["context"]["registration"],
    }


def test_xapi_states_every_given_answer_once(lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(monkeypatch, "--as", "xapi", "--iri", f"{IRI}/") == 0
    shown = capsys.readouterr()
    found = read_xapi(shown.out)
    assert [problem for each in found for problem in invalid(each)] == []
    assert len({each["id"] for each in found}) == len(found)
    assert {each["id"]: says(each) for each in found} == expected_xapi()
    assert any(len(says(each)["keys"]) > 1 for each in found), "several keys"
    for line in (
        "left out: 2 questions without an id",
        "left out: 2 questions that were left open",
        "left out: 2 questions without a result",
    ):
        assert line in shown.err


def test_the_same_answers_are_the_same_statements(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / name for name in ("one", "two", "first day", "second day")]
    for path, bounds in zip(paths, ([], [], ["--to", FIRST], ["--from", SECOND]), strict=True):
        assert export(monkeypatch, "--as", "xapi", "--out", str(path), *bounds) == 0
    one, two, first, second = (path.read_bytes() for path in paths)
    assert one == two == first + second != b""
    assert first
    assert second
    assert f'"homePage":"https://landfall.invalid/{CUSTOMER}"'.encode() in one


BROKEN: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
    ("statement has", lambda each: each.update(version="1.0.3")),
    ("a value is empty", lambda each: each["result"].update(response="")),
    ("ids are UUIDs", lambda each: each.update(id=each["id"].upper())),
    ("the verb", lambda each: each["verb"].update(id="http://adlnet.gov/expapi/verbs/attempted")),
    ("the interaction", lambda each: each["object"]["definition"].update(interactionType="other")),
    ("types of objects", lambda each: each["actor"].update(objectType="Group")),
    ("addresses", lambda each: each["object"].update(id="question 1")),
    ("choices have ids of their own", lambda each: each["object"]["definition"]["choices"].append({"id": "a"})),
    ("responses are of the choices", lambda each: each["result"].update(response="a[,]z")),
    ("success", lambda each: each["result"].update(success="true")),
    ("duration", lambda each: each["result"].update(duration="12.5")),
    ("timestamp", lambda each: each.update(timestamp="2018-01-28 10:00:00")),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "change"), BROKEN, ids=[row[0] for row in BROKEN])
def test_a_statement_that_breaks_a_rule_is_noticed(
    lake: Lake, rule: str, change: Callable[[dict[str, Any]], Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(monkeypatch, "--as", "xapi", "--from", SECOND) == 0
    [statement] = read_xapi(capsys.readouterr().out)
    assert invalid(statement) == []
    change(statement)
    assert any(rule in each for each in invalid(statement))


IRIS = [
    (["--as", "irw", "--iri", IRI], "--iri is for --as xapi"),
    (["--as", "xapi", "--iri", "example"], "--iri: expected an address such as https://example.org/exams, found 'example'"),
    (["--as", "xapi", "--iri", "https://example.org/a b"], "--iri: expected an address"),
]


@pytest.mark.parametrize(("arguments", "said"), IRIS, ids=[row[0][-1] for row in IRIS])
def test_an_address_that_is_none_is_refused(
    lake: Lake, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(monkeypatch, *arguments) == 1
    assert said in " ".join(capsys.readouterr().err.split())
