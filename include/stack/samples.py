"""Sample files of one day: made up, the same on every machine, and holding every irregularity that the real deliveries have.

`write` makes two files that belong together: `assessments-<day>-a.json`, an array written over several lines, and
`assessments-<day>-b.ndjson`. Records are numbered through both of them, a before b, as a publish numbers them; `Sample.planted` says which
records hold what. What should become of them is for the tests to work out from the files.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from include.stack.sample_exams import COMMON, EXAMS, LONG_EXAM, MOST, TWO_IDS, Exam, Ids, Question, editions, exam
from include.stack.sample_irregularities import BROKEN_LINES, NOT_AN_OBJECT, NOT_UTF8, ODDITIES, UNREADABLE, Record, bare

_Marked = tuple[bytes, list[str]]  # a record and what was planted in it

UNCERTIFIED = ("Introduction to Beekeeping", "Soup")  # `certification` is null
TEST_EXAM = "Example Exam For Development and Testing"
TEST_ID = "example-id"
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


@dataclass
class _Attempt:
    """An attempt in the making, and the irregularities planted in it."""

    record: Record
    marks: list[str] = field(default_factory=list)
    ascii: bool = False

    @property
    def text(self) -> bytes:
        return json.dumps(self.record, ensure_ascii=self.ascii).encode()


class _Maker:
    """Makes the attempts of a day, and plants each irregularity."""

    def __init__(self, day: str) -> None:
        self._day = datetime.fromisoformat(day).replace(tzinfo=UTC)
        self._ids = Ids(f"landfall sample of {day}")
        self._random = self._ids.random

    def sample(self) -> Sample:
        attempts = [self._attempt(exam) for name, times in EXAMS.items() for exam in editions(name, times)]
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
        both = [bare(self._whole()) | {"exam_name": f"{TEST_EXAM} {number}", "base_exam_id": TEST_ID} for number in range(4)]
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
        return self._attempt(exam(MOST)).record

    def _attempt(self, exam: Exam) -> _Attempt:
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

    def _question(self, question: Question, started: datetime, seconds: float, says_false: bool) -> Record:
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

    def _answer(self, question: Question) -> tuple[str, frozenset[str]]:
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
