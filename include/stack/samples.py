"""Sample files of one day: made up, the same on every machine, and holding every irregularity that the real deliveries have.

`write` makes two files that belong together: `assessments-<day>-a.json`, an array written over several lines, and
`assessments-<day>-b.ndjson`. Records are numbered through both of them, a before b, as a publish numbers them; `Sample.planted` says which
records hold what. What should become of them is for the tests to work out from the files.
"""

import json
import random
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

Record = dict[str, Any]
_Marked = tuple[bytes, list[str]]  # a record and what was planted in it

# Attempts by exam: few popular ones, a long tail, and ties where the ten most and the ten least common are cut off.
EXAMS = {
    "Gardening with Graphs": 241,
    "Bread Baking for Backend Developers": 163,
    "Sailing the Event Stream": 119,
    "Knots, Trees and Other Data Structures": 84,
    "Statistics at the Kitchen Table": 73,
    "Introduction to Beekeeping": 61,
    "Einführung in Datenströme": 52,
    "Queues Without Tears": 44,
    "Bicycle Repair, Explained": 38,
    "Letterpress Layout": 31,
    "Clocks & Calendars": 31,
    "Кэши и очереди": 31,
    "Reading Maps": 27,
    "データ工学入門": 24,
    "Crème de la CRUD": 21,
    'The "Quoted" Exam': 18,
    "Bird Song Recognition": 15,
    "Tea, Time and Time Zones": 13,
    "C:\\Paths\\and\\Escapes": 11,
    "Mosaic Patterns": 9,
    "Lighthouse Keeping": 8,
    "Weather for Walkers": 8,
    "Night Skies 🌌": 7,
    "Soup": 6,
    "Kites": 5,
    "Origami for Parsers": 5,
    "Sundials": 4,
    "Compost": 4,
    "Stamps/Seals": 3,
    "Sealing Wax": 3,
    "Rope Making": 3,
    "Canal Locks": 3,
    "Nothing at All": 2,
    "Whistling": 2,
    "Hedge Mazes": 2,
    "Paper Boats": 1,
    "Shadow Puppets": 1,
    "Tin Cans and String": 1,
    "Echo": 1,
}
MOST = "Gardening with Graphs"
COMMON = {name for name, times in EXAMS.items() if times > 40}  # one attempt more or less breaks no tie among these
TWO_IDS = "Reading Maps"  # one name, two exams
UNCERTIFIED = ("Introduction to Beekeeping", "Soup")  # `certification` is null
TEST_EXAM = "Example Exam For Development and Testing"
TEST_ID = "example-id"
LENGTHS = {4: 50, 5: 29, 3: 8, 7: 5, 6: 4, 8: 2, 1: 2, 2: 1, 10: 1}  # questions per exam and how common that is, in percent
LONG_EXAM = "Lighthouse Keeping"  # the one with twenty questions, in which options are marked `"correct": false` too
IN_ARRAY = 0.55  # share of the records that go into the array


@dataclass(frozen=True)
class Sample:
    """The records of one day. `planted` maps an irregularity to the numbers of the records that hold it."""

    array: tuple[bytes, ...]
    lines: tuple[bytes, ...]
    planted: dict[str, list[int]]

    @property
    def records(self) -> tuple[bytes, ...]:
        return self.array + self.lines


def write(folder: Path, day: str) -> list[Path]:
    """Writes the two files of `day` (YYYY-MM-DD) into `folder`, which is made if need be. Returns their paths, by name."""
    sample = make(day)
    folder.mkdir(parents=True, exist_ok=True)
    array, lines = folder / f"assessments-{day}-a.json", folder / f"assessments-{day}-b.ndjson"
    array.write_bytes(b"\xef\xbb\xbf[\n  " + b" ,\n  ".join(sample.array) + b"\n]\n")
    lines.write_bytes(b"".join(_line(number, record) for number, record in enumerate(sample.lines)))
    return [array, lines]


def _line(number: int, record: bytes) -> bytes:
    """One line of the NDJSON file; some end in CRLF, and some are followed by a blank one, which is no record."""
    return record + (b"\r\n" if number % 7 == 0 else b"\n") + (b"  \n" if number % 90 == 0 else b"")


def make(day: str) -> Sample:
    """The sample of `day`. Other days have other attempts at the same exams."""
    return _Maker(day).sample()


@dataclass(frozen=True)
class _Question:
    id: str
    options: tuple[str, ...]
    correct: frozenset[str]


@dataclass(frozen=True)
class _Exam:
    name: str
    id: str
    sequence: str
    questions: tuple[_Question, ...]


class _Ids:
    """Ids made of a seeded generator: of the same text always the same ones."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))


def _exam(name: str, edition: int = 1) -> _Exam:
    ids = _Ids(f"exam {name} {edition}")
    length = 20 if name == LONG_EXAM else ids.random.choices([*LENGTHS], [*LENGTHS.values()])[0]
    return _Exam(name, ids.uuid(), ids.uuid(), tuple(_question(ids) for _ in range(length)))


def _question(ids: _Ids) -> _Question:
    options = tuple(ids.uuid() for _ in range(ids.random.choice([2, 4, 4, 4, 5, 6])))
    correct = ids.random.sample(options, min(len(options) - 1, ids.random.choice([1, 1, 1, 2, 3])))
    return _Question(ids.uuid(), options, frozenset(correct))


@dataclass
class _Attempt:
    """An attempt in the making, and the irregularities planted in it."""

    record: Record
    marks: list[str] = field(default_factory=list)
    ascii: bool = False

    @property
    def text(self) -> bytes:
        return json.dumps(self.record, ensure_ascii=self.ascii).encode()


# Irregularities that a record may have and still be landed: mark, how many, what is done to the record.
ODDITIES: list[tuple[str, int, Callable[[Record], object]]] = [
    ("missing sequences", 3, lambda attempt: attempt.pop("sequences")),
    ("null sequences", 1, lambda attempt: attempt.update(sequences=None)),
    ("missing counts", 4, lambda attempt: attempt["sequences"].pop("counts")),
    ("empty counts", 3, lambda attempt: attempt["sequences"].update(counts={})),
    ("null counts", 1, lambda attempt: attempt["sequences"].update(counts=None)),
    ("one count missing", 2, lambda attempt: attempt["sequences"]["counts"].pop("unanswered")),
    (
        "counts that do not tally",
        3,
        lambda attempt: attempt["sequences"]["counts"].update(total=attempt["sequences"]["counts"]["total"] + 1),
    ),
    ("missing questions", 3, lambda attempt: attempt["sequences"].pop("questions")),
    ("null questions", 1, lambda attempt: attempt["sequences"].update(questions=None)),
    ("empty questions", 2, lambda attempt: attempt["sequences"].update(questions=[])),
    ("null question", 1, lambda attempt: attempt["sequences"]["questions"].append(None)),
    ("question without user_result", 4, lambda attempt: attempt["sequences"]["questions"][0].pop("user_result")),
    ("null user_result", 1, lambda attempt: attempt["sequences"]["questions"][0].update(user_result=None)),
    ("missing options", 2, lambda attempt: attempt["sequences"]["questions"][-1].pop("options")),
    ("empty options", 1, lambda attempt: attempt["sequences"]["questions"][-1].update(options=[])),
    ("missing exam_name", 1, lambda attempt: attempt.pop("exam_name")),
    ("missing started_at", 1, lambda attempt: attempt.pop("started_at")),
    ("unknown field", 3, lambda attempt: attempt.update(proctor={"name": "Ωμέγα", "notes": [None, 1.5e3, '{"keen_id": "no"}']})),
]


def _keen_id(attempt: Record, value: object) -> bytes:
    return json.dumps({**attempt, "keen_id": value}).encode()


def _replaced(attempt: Record, old: str, new: str) -> bytes:
    text = json.dumps(attempt)
    assert text.count(old) == 1, f"{old} occurs {text.count(old)} times in a sample record"
    return text.replace(old, new).encode()


def _total(attempt: Record, value: str) -> bytes:
    return _replaced(attempt, f'"total": {attempt["sequences"]["counts"]["total"]},', f'"total": {value},')


def _bare(attempt: Record) -> Record:
    """As test exams are delivered: no counts, and questions of nothing but id and options."""
    questions = [{"id": question["id"], "options": question["options"]} for question in attempt["sequences"]["questions"]]
    sequences = {"attempt": 1, "id": attempt["sequences"]["id"], "questions": questions}
    return {**attempt, "sequences": sequences}


# What lands in quarantine, in either kind of file: mark, and the record's bytes made of an attempt that was whole.
UNREADABLE: list[tuple[str, Callable[[Record], bytes]]] = [
    ("not an object", lambda attempt: json.dumps([attempt["keen_id"]]).encode()),
    ("missing keen_id", lambda attempt: json.dumps({key: value for key, value in attempt.items() if key != "keen_id"}).encode()),
    ("null keen_id", lambda attempt: _keen_id(attempt, None)),
    ("empty keen_id", lambda attempt: _keen_id(attempt, "")),
    ("keen_id a number", lambda attempt: _keen_id(attempt, 20180128)),
    ("wrong type", lambda attempt: _total(attempt, '"four"')),
    ("wrong type", lambda attempt: _total(attempt, "1.5")),
    ("wrong type", lambda attempt: json.dumps({**attempt, "sequences": {"questions": {"id": "not a list"}}}).encode()),
    ("duplicate keys", lambda attempt: _replaced(attempt, '"max_attempts": "1.0"', '"max_attempts": "1.0", "max_attempts": "2.0"')),
    ("duplicate keys", lambda attempt: _replaced(attempt, '"all_correct": ', '"all_correct": null, "all_correct": ')),
    ("unreadable time", lambda attempt: json.dumps({**attempt, "started_at": "yesterday at noon"}).encode()),
]
NOT_AN_OBJECT = ("not an object", lambda attempt: b"17")
NOT_UTF8 = ("invalid UTF-8", lambda attempt: _replaced(attempt, attempt["exam_name"], "Caf@ at Night").replace(b"@", b"\xe9\xff"))

# What only a line of NDJSON can be.
BROKEN_LINES: list[tuple[str, Callable[[Record], bytes]]] = [
    ("broken line", lambda attempt: json.dumps(attempt).encode()[:700]),
    ("trailing text", lambda attempt: json.dumps(attempt).encode() + b" -- end of attempt"),
    ("single quotes", lambda attempt: json.dumps(attempt).encode().replace(b'"', b"'")),
]


class _Maker:
    """Makes the attempts of a day, and plants each irregularity."""

    def __init__(self, day: str) -> None:
        self._day = datetime.fromisoformat(day).replace(tzinfo=UTC)
        self._ids = _Ids(f"landfall sample of {day}")
        self._random = self._ids.random

    def sample(self) -> Sample:
        attempts = [self._attempt(exam) for name, times in EXAMS.items() for exam in _editions(name, times)]
        self._random.shuffle(attempts)
        self._plant_oddities(attempts)
        anywhere = [(attempt.text, [*attempt.marks, *_seen(attempt.record)]) for attempt in attempts]
        anywhere += [*self._copies(attempts), *self._versions(attempts), *self._tests(), *self._unreadable(attempts)]
        self._random.shuffle(anywhere)
        cut = int(len(anywhere) * IN_ARRAY)
        array, lines = anywhere[:cut], anywhere[cut:]
        array += [self._damaged(NOT_UTF8), self._damaged(NOT_AN_OBJECT), self._indented()]
        lines += [self._damaged(NOT_UTF8), self._damaged(NOT_AN_OBJECT), *(self._damaged(damage) for damage in BROKEN_LINES)]
        self._random.shuffle(array)
        self._random.shuffle(lines)
        lines.sort(key=lambda record: not record[0].startswith(b"{"))  # a file that begins with [ would be taken for an array
        return _numbered(array, lines)

    def _plant_oddities(self, attempts: list[_Attempt]) -> None:
        whole = iter([attempt for attempt in attempts if _is_plain(attempt)])
        for mark, times, change in ODDITIES:
            for _ in range(times):
                attempt = next(whole)
                change(attempt.record)
                attempt.marks.append(mark)

    def _copies(self, attempts: list[_Attempt]) -> list[_Marked]:
        """Five attempts were delivered three times, seven twice."""
        copied = [attempt for attempt in attempts if _is_plain(attempt)][-12:]
        return [(attempt.text, ["exact copy"]) for attempt in copied + copied[:5]]

    def _versions(self, attempts: list[_Attempt]) -> list[_Marked]:
        """Three attempts came again with the same keen_id and other bytes: a later result, only other spacing, and two more versions."""
        later, spaced, twice = [attempt.record for attempt in attempts if _is_plain(attempt)][:3]
        versions = [
            json.dumps({**later, "certification": "true"}),
            json.dumps(spaced, separators=(",", ":")),
            *[json.dumps({**twice, "max_attempts": "2.0"})] * 2,
            json.dumps({**twice, "max_attempts": "3.0"}),
        ]
        return [(version.encode(), ["conflicting version"]) for version in versions]

    def _tests(self) -> list[_Marked]:
        """Test exams, known by their name, by their id, or by both; one of them was delivered twice."""
        both = [_bare(self._whole()) | {"exam_name": f"{TEST_EXAM} {number}", "base_exam_id": TEST_ID} for number in range(4)]
        named = self._whole() | {"exam_name": f"Another {TEST_EXAM}"}
        tests = [*both, both[0], named, self._whole() | {"base_exam_id": TEST_ID}]
        return [(json.dumps(test).encode(), ["test exam"]) for test in tests]

    def _unreadable(self, attempts: list[_Attempt]) -> list[_Marked]:
        twin = next(attempt.record for attempt in attempts if _is_plain(attempt))
        other = json.dumps({**twin, "sequences": "none"}).encode()
        return [*(self._damaged(damage) for damage in UNREADABLE), (other, ["wrong type", "unreadable version of a landed attempt"])]

    def _damaged(self, damage: tuple[str, Callable[[Record], bytes]]) -> _Marked:
        mark, make = damage
        return make(self._whole()), [mark]

    def _indented(self) -> _Marked:
        return json.dumps(self._whole(), indent=1).encode(), ["record over several lines"]

    def _whole(self) -> Record:
        """One more attempt at the exam that is the most common by far, so that it changes nobody's rank."""
        return self._attempt(_exam(MOST)).record

    def _attempt(self, exam: _Exam) -> _Attempt:
        started = self._day + timedelta(hours=14) - timedelta(days=60) * self._random.random() ** 2
        seconds = min(max(self._random.lognormvariate(4.1, 1.2), 1.2), 25_000)
        ended = started + timedelta(seconds=seconds)
        # The clock of whoever took the exam may be wrong: some options were clicked before the start, or long after the end.
        skew = timedelta(seconds=self._random.choice([-90, -40, -2, 30, 3600, 57_000]) if self._random.random() < 0.08 else 0)
        questions = [self._question(question, started + skew, seconds, exam.name == LONG_EXAM) for question in exam.questions]
        recorded = self._unix_seconds(ended)
        record = {
            "keen_timestamp": recorded,
            "max_attempts": "1.0",
            "started_at": _iso(started),
            "base_exam_id": exam.id,
            "user_exam_id": self._ids.uuid(),
            "sequences": {"questions": questions, "attempt": 1, "id": exam.sequence, "counts": _counts(questions)},
            "keen_created_at": recorded,
            "certification": None if exam.name in UNCERTIFIED else "false",
            "keen_id": f"{int(ended.timestamp()):08x}{self._random.getrandbits(64):016x}",
            "exam_name": exam.name,
        }
        return _Attempt(record, ascii=self._random.random() < 0.5)

    def _unix_seconds(self, moment: datetime) -> str:
        """Seconds since 1970 with 3 to 7 decimals, mostly 7: one more than a microsecond has."""
        decimals = self._random.choices([7, 6, 5, 4, 3], [51, 39, 7, 2, 1])[0]
        return f"{int(moment.timestamp())}.{self._random.randrange(1, 10**decimals):0{decimals}d}"

    def _question(self, question: _Question, started: datetime, seconds: float, says_false: bool) -> Record:
        result, checked = self._answer(question)
        options = [self._option(option, option in checked, option in question.correct, started, seconds) for option in question.options]
        if says_false:
            options = [{**option, "correct": option.get("correct", False)} for option in options]
        self._random.shuffle(options)
        return {
            "user_incomplete": result == "missed_some",
            "user_correct": result == "correct",
            "options": options,
            "user_submitted": result != "unanswered",
            "id": question.id,
            "user_result": result,
        }

    def _answer(self, question: _Question) -> tuple[str, frozenset[str]]:
        """A result, and options checked that give it."""
        key, options = question.correct, question.options
        wrong = [option for option in options if option not in key]
        result = self._random.choices(["correct", "incorrect", "missed_some", "unanswered"], [63, 25, 8, 4])[0]
        if result == "correct" or (result == "missed_some" and len(key) == 1):
            return "correct", key
        if result == "missed_some":
            return result, frozenset(self._random.sample(sorted(key), self._random.randrange(1, len(key))))
        return result, frozenset() if result == "unanswered" else frozenset([self._random.choice(wrong)])

    def _option(self, option: str, checked: bool, correct: bool, started: datetime, seconds: float) -> Record:
        """A key that does not apply is left out. A click that was taken back leaves its time."""
        clicked = checked or self._random.random() < 0.03
        at = _iso(started + timedelta(seconds=seconds * self._random.random()))
        return (
            {"checked": checked}
            | ({"at": at} if clicked else {})
            | {"id": option}
            | ({"submitted": 1} if checked else {})
            | ({"correct": True} if correct else {})
        )


def _numbered(array: list[_Marked], lines: list[_Marked]) -> Sample:
    planted: dict[str, list[int]] = {}
    for number, (_, marks) in enumerate(array + lines):
        for mark in marks:
            planted.setdefault(mark, []).append(number)
    return Sample(tuple(record for record, _ in array), tuple(record for record, _ in lines), planted)


def _editions(name: str, times: int) -> list[_Exam]:
    """The exam of each of so many attempts; of one name there are two editions."""
    first, second = _exam(name), _exam(name, edition=2)
    return [second if name == TWO_IDS and number % 4 == 0 else first for number in range(times)]


def _is_plain(attempt: _Attempt) -> bool:
    """Whether nothing was planted in it yet, and its exam is so common that one attempt more or less changes no tie."""
    return not attempt.marks and attempt.record.get("exam_name") in COMMON


def _seen(record: Record) -> list[str]:
    """The irregularities that come of themselves."""
    name, counts = record.get("exam_name", ""), (record.get("sequences") or {}).get("counts") or {}
    seen = {
        "certification null": record["certification"] is None,
        "non-ASCII name": not name.isascii(),
        "name of two exams": name == TWO_IDS,
        "exam of twenty questions": counts.get("total") == 20,
        "time with seven decimals": len(record["keen_timestamp"].partition(".")[2]) == 7,
    }
    return [mark for mark, is_so in seen.items() if is_so]


def _counts(questions: list[Record]) -> Record:
    results = Counter(question["user_result"] for question in questions)
    return {
        "incomplete": results["missed_some"],
        "submitted": sum(question["user_submitted"] for question in questions),
        "incorrect": results["incorrect"],
        "all_correct": results["correct"] == len(questions),
        "correct": results["correct"],
        "total": len(questions),
        "unanswered": results["unanswered"],
    }


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
