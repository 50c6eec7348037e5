"""The second pair of eyes: every table and figure of a landing, counted again from the source files.

Written from the specification alone, in plain Python, sharing no line with `include/` or `spark_jobs/`: where this and Spark agree,
two independent readings of the specification agree. It is slow and holds everything in memory on purpose; there is nothing clever to trust.

    again = recount([Path("attempts.json")], day="2018-01-28", test_exam_names=["yeahsdf"], test_base_exam_ids=[])
    assert again.figures.landed == 3242
    assert compare(again.tables["questions"], rows_landed, KEYS["questions"], "questions") == []

Cells are exact: `date`, `datetime` in UTC with microseconds, `int`, `float`, `str`, `bool`, `bytes`, `None`.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import partial
from pathlib import Path
from typing import Any

import xxhash

Row = dict[str, Any]

# Every column of every table, in order.
COLUMNS: dict[str, tuple[str, ...]] = {
    table: tuple(columns.split())
    for table, columns in {
        "raw_assessments": "day ingest partition offset timestamp record keen_id hash value",
        "assessments": """day keen_id hash record copies is_test is_conflict exam_name base_exam_id user_exam_id certification
            max_attempts started_at keen_timestamp keen_created_at sequence_id attempt
            incomplete submitted incorrect correct total unanswered all_correct score question_count tallies""",
        "questions": "day keen_id hash position question_id user_result user_correct user_incomplete user_submitted option_count",
        "options": "day keen_id hash question_position position question_id option_id checked correct at submitted",
        "quarantine": "day partition offset record hash keen_id reason detail",
        "exam_scores": """day base_exam_id exam_name is_test correct total attempts copies conflicts incomplete incorrect unanswered
            last_taken""",
        "question_days": "day base_exam_id exam_name question_id is_test asked correct incorrect missed unanswered",
        "item_days": """day base_exam_id exam_name is_test form question_id score
            asked correct incorrect missed unanswered not_reached""",
        "option_days": "day base_exam_id exam_name is_test form question_id option_id is_key score offered chosen chosen_right",
        "item_times": "day base_exam_id exam_name is_test question_id seconds asked correct changed disordered",
        "holes": "day path parents present nulls missing empty wrong_type",
    }.items()
}

# What no source file can tell: where and when Kafka put a record, whose ingest it was, how a refusal was worded.
UNKNOWABLE: dict[str, frozenset[str]] = defaultdict(
    frozenset,
    {
        "raw_assessments": frozenset({"ingest", "partition", "offset", "timestamp"}),
        "quarantine": frozenset({"partition", "offset", "detail"}),
    },
)

# The columns that find the same row on both sides.
KEYS: dict[str, tuple[str, ...]] = {
    "raw_assessments": ("record",),
    "assessments": ("keen_id", "hash"),
    "questions": ("keen_id", "hash", "position"),
    "options": ("keen_id", "hash", "question_position", "position"),
    "quarantine": ("record",),
    "exam_scores": ("base_exam_id", "exam_name", "is_test", "correct", "total"),
    "question_days": ("base_exam_id", "exam_name", "question_id", "is_test"),
    "item_days": ("base_exam_id", "exam_name", "is_test", "form", "question_id", "score"),
    "option_days": ("base_exam_id", "exam_name", "is_test", "form", "question_id", "option_id", "is_key", "score"),
    "item_times": ("base_exam_id", "exam_name", "is_test", "question_id", "seconds"),
    "holes": ("path",),
}

COUNTS = ("incomplete", "submitted", "incorrect", "correct", "total", "unanswered", "all_correct")

JSON_SPACE = b" \t\r\n"
BOM = b"\xef\xbb\xbf"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SourceUnreadable(ValueError):
    """The file as a whole cannot be cut into records; nothing of it is published. Says the file, the byte and what is there."""


@dataclass(frozen=True)
class Figures:
    """The numbers of one day's landing. Scores are shares, 0 to 1; `by_copies`: every published copy counts, not each version once."""

    published: int
    landed: int  # distinct accepted versions = rows of assessments
    duplicates: int
    quarantined: int
    test: int  # rows of assessments with is_test
    conflicts: int  # rows of assessments with is_conflict
    conflicting_keen_ids: int
    keen_ids_with_copies: int
    content_hash: str  # of all published records, 16 hex digits
    reasons: dict[str, int]  # quarantine, by reason
    questions: int
    options: int
    scored: int
    scored_by_copies: int
    mean_score: float | None
    mean_score_by_copies: float | None
    exam_ids: int  # distinct, not null, with test exams
    exam_names: int
    exam_ids_without_test: int
    exam_names_without_test: int
    attempts_by_exam: dict[str | None, int]  # exam name -> rows of assessments
    copies_by_exam: dict[str | None, int]  # exam name -> published accepted records
    tallies: dict[bool | None, int]


@dataclass(frozen=True)
class Recount:
    """The tables by name (rows hold every knowable column, see UNKNOWABLE) and the figures."""

    tables: dict[str, list[Row]]
    figures: Figures


def recount(paths: Iterable[Path], day: str, test_exam_names: Sequence[str] = (), test_base_exam_ids: Sequence[str] = ()) -> Recount:
    """Every table and figure of the day whose source is these files, in the order given; raises SourceUnreadable."""
    return recount_records((value for path in paths for value in records_of(path)), day, test_exam_names, test_base_exam_ids)


def recount_records(
    values: Iterable[bytes], day: str, test_exam_names: Sequence[str] = (), test_base_exam_ids: Sequence[str] = ()
) -> Recount:
    """The same from the records themselves, numbered from 0."""
    on = date.fromisoformat(day)
    raw = [raw_row(record, value) for record, value in enumerate(values)]
    accepted: list[tuple[Row, Row]] = []
    quarantine: list[Row] = []
    for row in raw:
        reason, attempt = judge(row["value"])
        if reason is None:
            accepted.append((row, attempt))
        else:
            quarantine.append({**{name: row[name] for name in ("record", "hash", "keen_id")}, "reason": reason})
    versions = distinct(accepted)
    assessments = assessment_rows(versions, test_exam_names, test_base_exam_ids)
    questions = [row for version in versions for row in question_rows(version)]
    sittings = [sitting(version, row) for version, row in zip(versions, assessments, strict=True)]
    tables = {
        "raw_assessments": raw,
        "assessments": assessments,
        "questions": questions,
        "options": [row for version in versions for row in option_rows(version)],
        "quarantine": quarantine,
        "exam_scores": exam_score_rows(assessments),
        "question_days": question_day_rows(assessments, questions),
        "item_days": item_day_rows(sittings),
        "option_days": option_day_rows(sittings),
        "item_times": item_time_rows(sittings),
        "holes": hole_rows(row["value"] for row in raw),
    }
    tables = {table: [shaped(table, {"day": on, **row}) for row in rows] for table, rows in tables.items()}
    return Recount(tables, figures_of(tables))


def shaped(table: str, row: Row) -> Row:
    """The row with its table's knowable columns in their order; a column too many or too few is an error of this file."""
    columns = [column for column in COLUMNS[table] if column not in UNKNOWABLE[table]]
    if set(columns) != set(row):
        raise AssertionError(f"{table}: recount makes {sorted(row)}, the specification wants {sorted(columns)}")
    return {column: row[column] for column in columns}


# ---------------------------------------------------------------- from files to records


def records_of(path: Path) -> Iterator[bytes]:
    """The bytes of each record as they stand in the file: an array's elements, or an NDJSON file's lines that are not blank."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    start = len(BOM) if content.startswith(BOM) else 0
    head = content[start:].lstrip(JSON_SPACE)[:1]
    if not head:
        raise SourceUnreadable(f"{path}: empty")
    return elements(content, start, path) if head == b"[" else lines(content[start:])


def lines(content: bytes) -> Iterator[bytes]:
    for line in content.split(b"\n"):
        line = line.removesuffix(b"\r")
        if line.strip(JSON_SPACE):
            yield line


# A whole string (escapes skipped in pairs), a structural character, or a quotation mark that nothing closes.
# Possessive, for strings of megabytes.
TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{},]|"', re.DOTALL)
CLOSES = {b"]": b"[", b"}": b"{"}


def elements(content: bytes, start: int, path: Path) -> Iterator[bytes]:
    """The elements of the JSON array in content[start:], byte for byte. Bytes that are not UTF-8 may stand inside strings."""
    open_brackets: list[bytes] = []
    element_start = 0
    count = 0
    for token in TOKEN.finditer(content, start):
        mark, at = token.group(), token.start()
        if mark == b'"':
            raise SourceUnreadable(f"{path}: byte {at}: a string that never ends")
        if mark in (b"[", b"{"):
            open_brackets.append(mark)
            if len(open_brackets) == 1:
                element_start = token.end()
        elif mark in CLOSES and (not open_brackets or open_brackets.pop() != CLOSES[mark]):
            raise SourceUnreadable(f"{path}: byte {at}: {mark.decode()} closes nothing")
        ends_array = mark == b"]" and not open_brackets
        if ends_array or (mark == b"," and len(open_brackets) == 1):
            element = content[element_start:at].strip(JSON_SPACE)
            if element:
                yield well_formed(element, element_start, path)
            elif not ends_array or count:
                raise SourceUnreadable(f"{path}: byte {at}: an element is missing before {mark.decode()}")
            count += 1
            element_start = token.end()
        if ends_array:
            if not element and count == 1:
                raise SourceUnreadable(f"{path}: an empty array")
            if content[token.end() :].strip(JSON_SPACE):
                raise SourceUnreadable(f"{path}: byte {token.end()}: text after the array")
            return
    raise SourceUnreadable(f"{path}: byte {len(content)}: the array is not closed")


def well_formed(element: bytes, at: int, path: Path) -> bytes:
    """The element, if it is JSON but for the encoding inside its strings: an array with a syntax error is refused whole."""
    try:
        parse(element.decode("latin-1"))
    except ValueError as error:
        raise SourceUnreadable(f"{path}: element at byte {at}: {error}") from error
    return element


# ---------------------------------------------------------------- from bytes to a judgement


def parse(text: str) -> tuple[Any, bool]:
    """The value of one strict JSON text, and whether an object in it repeats a key; ValueError if it is not RFC 8259."""
    repeats: list[str] = []

    def as_object(pairs: list[tuple[str, Any]]) -> Row:
        members = dict(pairs)
        if len(members) < len(pairs):
            repeats.append("here")
        return members

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    # No table holds an integer of 20 digits; Python refuses to convert thousands of them, which is no fault of the text.
    whole = partial(json.loads, object_pairs_hook=as_object, parse_constant=refuse)
    try:
        value = whole(text, parse_int=lambda digits: int(digits) if len(digits) < 20 else math.inf)
    except RecursionError:
        raise ValueError("too deep") from None
    return value, bool(repeats)


def judge(value: bytes) -> tuple[str | None, Row]:
    """(None, the attempt) for a record to land, (reason, {}) for one to quarantine; the first reason that applies, in order."""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return "not_utf8", {}
    if is_blank(text):
        return "blank", {}
    if levels(text) > MOST_LEVELS:
        return "too_deep", {}
    try:
        attempt, repeats_key = parse(text)
    except ValueError:
        return "invalid_json", {}
    if not isinstance(attempt, dict):
        return "not_an_object", {}
    if repeats_key:
        return "duplicate_key", {}
    keen_id = attempt.get("keen_id")
    if keen_id is None or (isinstance(keen_id, str) and is_blank(keen_id)):
        return "missing_keen_id", {}
    try:
        return None, read(attempt, SCHEMA)
    except WrongType:
        return "wrong_type", {}
    except UnreadableValue:
        return "unreadable_value", {}


MOST_LEVELS = 1000  # of arrays and objects in each other
sys.setrecursionlimit(5 * MOST_LEVELS)


def levels(text: str) -> int:
    """How many arrays and objects are open at once, at most; brackets in strings do not count."""
    deepest = level = 0
    for token in TOKEN.finditer(text.encode()):
        level += (token.group() in (b"[", b"{")) - (token.group() in (b"]", b"}"))
        deepest = max(deepest, level)
    return deepest


def is_blank(text: str) -> bool:
    """Nothing but Unicode's White_Space; Python alone also counts four separators of telegraph days, U+001C to U+001F."""
    return all(character.isspace() and not "\x1c" <= character <= "\x1f" for character in text)


class WrongType(Exception):
    pass


class UnreadableValue(Exception):
    pass


def string(value: Any) -> str:
    if not isinstance(value, str):
        raise WrongType
    return value


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise WrongType
    return value


def int32(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**31) <= value < 2**31:
        raise WrongType
    return value


ISO_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)", re.ASCII)


def iso_moment(value: str) -> datetime:
    """2018-01-28T19:17:53.796Z; a moment names its zone, and no digit beyond the microsecond is thrown away."""
    match = ISO_MOMENT.fullmatch(value)
    if not match:
        raise UnreadableValue
    try:
        second = datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00")).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UnreadableValue from error
    return second.replace(microsecond=int((match[2] or "").ljust(6, "0")))


UNIX_SECONDS = re.compile(r"-?\d{1,12}(\.\d+)?", re.ASCII)


def unix_seconds(value: str) -> datetime:
    """1514210979.4121809; a seventh decimal is rounded half up, exactly."""
    if not UNIX_SECONDS.fullmatch(value):
        raise UnreadableValue
    every_digit = Context(prec=len(value) + 6)
    micros = int(Decimal(value).scaleb(6, every_digit).to_integral_value(ROUND_HALF_UP))
    try:
        return EPOCH + timedelta(microseconds=micros)
    except OverflowError as error:
        raise UnreadableValue from error


NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?", re.ASCII)


def number(value: str) -> float:
    if not NUMBER.fullmatch(value) or math.isinf(float(value)):
        raise UnreadableValue
    return float(value)


@dataclass(frozen=True)
class Held:
    """A time or number written as a string: the type is judged with all the others, the reading after them."""

    reading: Callable[[str], Any]


@dataclass(frozen=True)
class ListOf:
    members: Mapping[str, Any]


# The written schema. A leaf is a function that returns the value or raises.
OPTION = {"id": string, "checked": boolean, "correct": boolean, "at": Held(iso_moment), "submitted": int32}
QUESTION = {
    "id": string,
    "user_result": string,
    "user_correct": boolean,
    "user_incomplete": boolean,
    "user_submitted": boolean,
    "options": ListOf(OPTION),
}
SCHEMA = {
    "keen_id": string,
    "exam_name": string,
    "base_exam_id": string,
    "user_exam_id": string,
    "certification": string,
    "max_attempts": Held(number),
    "started_at": Held(iso_moment),
    "keen_timestamp": Held(unix_seconds),
    "keen_created_at": Held(unix_seconds),
    "sequences": {
        "id": string,
        "attempt": int32,
        "counts": {name: boolean if name == "all_correct" else int32 for name in COUNTS},
        "questions": ListOf(QUESTION),
    },
}


def read(value: Any, schema: Any) -> Any:
    """The value as the schema sees it: missing and null are None, unknown fields gone. All types are checked before any string is read."""
    check_types(value, schema)
    return converted(value, schema)


def check_types(value: Any, schema: Any) -> None:
    if value is None:
        return
    if isinstance(schema, ListOf):
        if not isinstance(value, list):
            raise WrongType
        for element in value:
            check_types(element, schema.members)
    elif isinstance(schema, Mapping):
        if not isinstance(value, dict):
            raise WrongType
        for name, member in schema.items():
            check_types(value.get(name), member)
    elif isinstance(schema, Held):
        string(value)
    else:
        schema(value)


def converted(value: Any, schema: Any) -> Any:
    if value is None:
        return None
    if isinstance(schema, ListOf):
        return [converted(element, schema.members) for element in value]
    if isinstance(schema, Mapping):
        return {name: converted(value.get(name), member) for name, member in schema.items()}
    if isinstance(schema, Held):
        return schema.reading(value)
    return in_utf8(value) if isinstance(value, str) else value


# ---------------------------------------------------------------- from judgements to rows


def raw_row(record: int, value: bytes) -> Row:
    return {"record": record, "keen_id": kafka_key(value), "hash": hash_of(value), "value": value}


def hash_of(value: bytes) -> int:
    """xxh64 with seed 42 as a signed number, the same as Spark's xxhash64."""
    unsigned = xxhash.xxh64(value, seed=42).intdigest()
    return unsigned - 2**64 if unsigned >= 2**63 else unsigned


def content_hash(hashes: Iterable[int]) -> str:
    return f"{sum(hashes) % 2**64:016x}"


def kafka_key(value: bytes) -> str | None:
    """The record's keen_id if it is a JSON object with a string there; other strings of it need not be UTF-8."""
    try:
        record, _ = parse(value.decode("utf-8", "surrogateescape"))
    except ValueError:
        return None
    keen_id = record.get("keen_id") if isinstance(record, dict) else None
    if not isinstance(keen_id, str) or any("\udc80" <= letter <= "\udcff" for letter in keen_id):  # bytes that are not UTF-8
        return None
    return in_utf8(keen_id)


def in_utf8(text: str) -> str:
    """With `?` for every half of a surrogate pair, as Java writes it."""
    return text.encode("utf-8", "replace").decode()


@dataclass(frozen=True)
class Version:
    """One attempt as these bytes tell it, however often they came."""

    keen_id: str
    hash: int
    record: int
    copies: int
    is_conflict: bool
    attempt: Row

    @property
    def key(self) -> Row:
        return {"keen_id": self.keen_id, "hash": self.hash}


def distinct(accepted: list[tuple[Row, Row]]) -> list[Version]:
    """One Version per keen_id and bytes, in the order of their first copies."""
    found: dict[tuple[str, int], list[tuple[Row, Row]]] = defaultdict(list)
    for row, attempt in accepted:
        found[attempt["keen_id"], row["hash"]].append((row, attempt))
    versions_of = Counter(keen_id for keen_id, _ in found)
    return [
        Version(keen_id, hash_, min(row["record"] for row, _ in copies), len(copies), versions_of[keen_id] > 1, copies[0][1])
        for (keen_id, hash_), copies in found.items()
    ]


def assessment_rows(versions: list[Version], test_exam_names: Sequence[str], test_base_exam_ids: Sequence[str]) -> list[Row]:
    rows = []
    for version in versions:
        attempt = version.attempt
        sequences = attempt["sequences"] or {}
        counts = sequences.get("counts") or dict.fromkeys(COUNTS)
        questions = sequences.get("questions")
        names = ("exam_name", "base_exam_id", "user_exam_id", "certification", "max_attempts")
        times = ("started_at", "keen_timestamp", "keen_created_at")
        is_test = found_in(test_exam_names, attempt["exam_name"]) or found_in(test_base_exam_ids, attempt["base_exam_id"])
        rows.append(
            {
                **version.key,
                "record": version.record,
                "copies": version.copies,
                "is_test": is_test,
                "is_conflict": version.is_conflict,
                **{name: attempt[name] for name in (*names, *times)},
                "sequence_id": sequences.get("id"),
                "attempt": sequences.get("attempt"),
                **counts,
                "score": score(counts),
                "question_count": None if questions is None else len(questions),
                "tallies": tallies(counts, questions or []),
            }
        )
    return rows


def found_in(patterns: Sequence[str], value: str | None) -> bool:
    return value is not None and any(re.search(pattern, value) for pattern in patterns)


def impossible(counts: Row) -> bool:
    """Less than nothing, or more right than there are."""
    numbers = {name: counts[name] for name in COUNTS if name != "all_correct" and counts[name] is not None}
    return min(numbers.values(), default=0) < 0 or ("correct" in numbers and numbers["correct"] > numbers.get("total", math.inf))


def score(counts: Row) -> float | None:
    correct, total = counts["correct"], counts["total"]
    return None if correct is None or total is None or total <= 0 or impossible(counts) else correct / total


def tallies(counts: Row, questions: list[Row | None]) -> bool | None:
    """Whether all seven counts agree with the questions; None where there is no count. A null question is one without answer."""
    if all(counts[name] is None for name in COUNTS):
        return None
    results = Counter(question["user_result"] for question in questions if question)
    counted = {
        "total": len(questions),
        "correct": results["correct"],
        "incorrect": results["incorrect"],
        "incomplete": results["missed_some"],
        "unanswered": results["unanswered"],
        "submitted": sum(question["user_submitted"] is True for question in questions if question),
    }
    counted["all_correct"] = counted["correct"] == counted["total"]
    return counted == counts


def question_rows(version: Version) -> Iterator[Row]:
    for position, question in enumerate((version.attempt["sequences"] or {}).get("questions") or []):
        asked = question or dict.fromkeys(QUESTION)
        flags = ("user_result", "user_correct", "user_incomplete", "user_submitted")
        yield {
            **version.key,
            "position": position,
            "question_id": asked["id"],
            **{name: asked[name] for name in flags},
            "option_count": None if asked["options"] is None else len(asked["options"]),
        }


def option_rows(version: Version) -> Iterator[Row]:
    for question_position, question in enumerate((version.attempt["sequences"] or {}).get("questions") or []):
        for position, option in enumerate((question or {}).get("options") or []):
            offered = option or dict.fromkeys(OPTION)
            yield {
                **version.key,
                "question_position": question_position,
                "position": position,
                "question_id": question["id"],
                "option_id": offered["id"],
                **{name: offered[name] for name in ("checked", "correct", "at", "submitted")},
            }


def exam_score_rows(assessments: list[Row]) -> list[Row]:
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in assessments:
        points = (None, None) if row["score"] is None else (row["correct"], row["total"])
        groups[row["base_exam_id"], row["exam_name"], row["is_test"], *points].append(row)
    return [
        {
            **dict(zip(KEYS["exam_scores"], key, strict=True)),
            "attempts": len(rows),
            "copies": sum(row["copies"] for row in rows),
            "conflicts": sum(row["is_conflict"] for row in rows),
            **{name: known_sum(row[name] for row in rows if not impossible(row)) for name in ("incomplete", "incorrect", "unanswered")},
            "last_taken": max((row["started_at"] for row in rows if row["started_at"] is not None), default=None),
        }
        for key, rows in groups.items()
    ]


def known_sum(values: Iterable[int | None]) -> int | None:
    """SQL's sum: what is unknown adds nothing, and nothing known is unknown, not 0."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def question_day_rows(assessments: list[Row], questions: list[Row]) -> list[Row]:
    exam_of = {(row["keen_id"], row["hash"]): row for row in assessments}
    groups: dict[tuple[Any, ...], Counter[str | None]] = defaultdict(Counter)
    for question in questions:
        exam = exam_of[question["keen_id"], question["hash"]]
        key = (exam["base_exam_id"], exam["exam_name"], question["question_id"], exam["is_test"])
        groups[key][question["user_result"]] += 1
    results = {"correct": "correct", "incorrect": "incorrect", "missed": "missed_some", "unanswered": "unanswered"}
    return [
        {
            **dict(zip(KEYS["question_days"], key, strict=True)),
            "asked": group.total(),
            **{column: group[result] for column, result in results.items()},
        }
        for key, group in groups.items()
    ]


@dataclass(frozen=True)
class Sitting:
    """One version of an attempt as a test is analysed: its exam, its questions as they came (None for a null one), its form and score."""

    exam: tuple[str | None, str | None, bool]
    started_at: datetime | None
    questions: list[Row | None]
    form: str | None
    score: int | None


def sitting(version: Version, assessment: Row) -> Sitting:
    exam = (assessment["base_exam_id"], assessment["exam_name"], assessment["is_test"])
    questions = (version.attempt["sequences"] or {}).get("questions") or []
    form, score = form_and_score(questions)
    return Sitting(exam, version.attempt["started_at"], questions, form, score)


def form_and_score(questions: list[Row | None]) -> tuple[str | None, int | None]:
    """Both None for an attempt that cannot be analysed: a question without id or result, or one that is there twice."""
    ids = [
        question["id"].encode() for question in questions if question and question["id"] is not None and question["user_result"] is not None
    ]
    if len(ids) < len(questions) or len(set(ids)) < len(ids):
        return None, None
    name = hashlib.sha256(b"".join(each + b"\n" for each in sorted(ids))).hexdigest()[:16]
    return name, len([question for question in questions if question and question["user_result"] == "correct"])


def item_day_rows(sittings: list[Sitting]) -> list[Row]:
    groups: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    names = {"correct": "correct", "incorrect": "incorrect", "missed_some": "missed", "unanswered": "unanswered"}
    for one in sittings:
        results = [None if question is None else question["user_result"] for question in one.questions]
        for place, (question, result) in enumerate(zip(one.questions, results, strict=True)):
            group = groups[*one.exam, one.form, question and question["id"], one.score]
            group["asked"] += 1
            if result in names:
                group[names[result]] += 1
            if result == "unanswered" and all(later in (None, "unanswered") for later in results[place:]):
                group["not_reached"] += 1
    counts = ("asked", "correct", "incorrect", "missed", "unanswered", "not_reached")
    return grouped("item_days", groups, counts)


def option_day_rows(sittings: list[Sitting]) -> list[Row]:
    groups: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    for one in sittings:
        for question in one.questions:
            for option in (question or {}).get("options") or []:
                offered = option or dict.fromkeys(OPTION)
                key = (one.form, question["id"], offered["id"], offered["correct"] is True, one.score)
                group = groups[*one.exam, *key]
                group["offered"] += 1
                group["chosen"] += offered["checked"] is True
                group["chosen_right"] += offered["checked"] is True and question["user_result"] == "correct"
    return grouped("option_days", groups, ("offered", "chosen", "chosen_right"))


def item_time_rows(sittings: list[Sitting]) -> list[Row]:
    groups: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    for one in sittings:
        touches = [[option for option in (question or {}).get("options") or [] if option and option["at"]] for question in one.questions]
        moments = [max((option["at"] for option in touched), default=None) for touched in touches]
        seconds = times(one.started_at, moments)
        for question, touched, moment, time in zip(one.questions, touches, moments, seconds, strict=True):
            group = groups[*one.exam, question and question["id"], time]
            group["asked"] += 1
            group["correct"] += question is not None and question["user_result"] == "correct"
            group["changed"] += any(option["checked"] is not True for option in touched)
            group["disordered"] += None not in (moment, one.started_at) and moment < one.started_at
    return grouped("item_times", groups, ("asked", "correct", "changed", "disordered"))


def times(started_at: datetime | None, moments: list[datetime | None]) -> list[int | None]:
    """Coarse seconds of each question, in the order in which they were asked; None where none can be told."""
    answered = sorted((moment, place) for place, moment in enumerate(moments) if moment is not None)
    found: list[int | None] = [None] * len(moments)
    before = started_at
    for moment, place in answered:
        if before is not None and moment >= before:
            found[place] = coarse((moment - before) // timedelta(seconds=1))
        before = moment if before is None else max(before, moment)
    return found


def coarse(seconds: int) -> int:
    """60 seconds of a minute, then every tenth of ten minutes, then every minute of an hour."""
    steps = [(60, 1), (600, 10), (3600, 60)]
    return next((seconds - seconds % step for below, step in steps if seconds < below), 3600)


def grouped(table: str, groups: Mapping[tuple[Any, ...], Counter[str]], counts: Sequence[str]) -> list[Row]:
    return [{**dict(zip(KEYS[table], key, strict=True)), **{name: group[name] for name in counts}} for key, group in groups.items()]


def hole_rows(values: Iterable[bytes]) -> list[Row]:
    """One row per path of the schema, over every record that is one JSON object without a repeated key."""
    counted: dict[str, Counter[str]] = {}
    none_yet(SCHEMA, "", counted)
    for value in values:
        try:
            record, repeats_key = parse(value.decode("utf-8"))
        except ValueError:
            continue
        if isinstance(record, dict) and not repeats_key:
            look_into(record, SCHEMA, "", counted)
    kinds = ("present", "nulls", "missing", "empty", "wrong_type")
    return [{"path": path, "parents": found.total(), **{kind: found[kind] for kind in kinds}} for path, found in counted.items()]


def none_yet(schema: Mapping[str, Any], prefix: str, counted: dict[str, Counter[str]]) -> None:
    for name, member in schema.items():
        counted[prefix + name] = Counter()
        if isinstance(member, ListOf):
            counted[f"{prefix}{name}[]"] = Counter()
            none_yet(member.members, f"{prefix}{name}[].", counted)
        elif isinstance(member, Mapping):
            none_yet(member, f"{prefix}{name}.", counted)


def look_into(parent: Row, schema: Mapping[str, Any], prefix: str, counted: dict[str, Counter[str]]) -> None:
    for name, member in schema.items():
        path = prefix + name
        if name not in parent:
            counted[path]["missing"] += 1
            continue
        value = parent[name]
        counted[path][kind_of(value, member)] += 1
        if isinstance(member, ListOf) and isinstance(value, list):
            for element in value:
                counted[f"{path}[]"][kind_of(element, member.members)] += 1
                if isinstance(element, dict):
                    look_into(element, member.members, f"{path}[].", counted)
        elif isinstance(member, Mapping) and isinstance(value, dict):
            look_into(value, member, f"{path}.", counted)


def kind_of(value: Any, member: Any) -> str:
    if value is None:
        return "nulls"
    expected = list if isinstance(member, ListOf) else dict if isinstance(member, Mapping) else bool if member is boolean else str
    if member is int32:
        return "present" if isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31 else "wrong_type"
    if not isinstance(value, expected):
        return "wrong_type"
    return "empty" if expected is not bool and not value else "present"


# ---------------------------------------------------------------- from rows to figures


def figures_of(tables: dict[str, list[Row]]) -> Figures:
    raw, assessments, quarantine = tables["raw_assessments"], tables["assessments"], tables["quarantine"]
    scored = [row for row in assessments if row["score"] is not None]
    real = [row for row in assessments if not row["is_test"]]
    copies_by_exam: Counter[str | None] = Counter()
    for row in assessments:
        copies_by_exam[row["exam_name"]] += row["copies"]
    return Figures(
        published=len(raw),
        landed=len(assessments),
        duplicates=sum(row["copies"] - 1 for row in assessments),
        quarantined=len(quarantine),
        test=sum(row["is_test"] for row in assessments),
        conflicts=sum(row["is_conflict"] for row in assessments),
        conflicting_keen_ids=len({row["keen_id"] for row in assessments if row["is_conflict"]}),
        keen_ids_with_copies=len({row["keen_id"] for row in assessments if row["copies"] > 1}),
        content_hash=content_hash(row["hash"] for row in raw),
        reasons=dict(Counter(row["reason"] for row in quarantine)),
        questions=len(tables["questions"]),
        options=len(tables["options"]),
        scored=len(scored),
        scored_by_copies=sum(row["copies"] for row in scored),
        mean_score=mean((row["score"], 1) for row in scored),
        mean_score_by_copies=mean((row["score"], row["copies"]) for row in scored),
        exam_ids=how_many(assessments, "base_exam_id"),
        exam_names=how_many(assessments, "exam_name"),
        exam_ids_without_test=how_many(real, "base_exam_id"),
        exam_names_without_test=how_many(real, "exam_name"),
        attempts_by_exam=dict(Counter(row["exam_name"] for row in assessments)),
        copies_by_exam=dict(copies_by_exam),
        tallies=dict(Counter(row["tallies"] for row in assessments)),
    )


def mean(weighted: Iterable[tuple[float, int]]) -> float | None:
    pairs = list(weighted)
    return math.fsum(value * weight for value, weight in pairs) / sum(weight for _, weight in pairs) if pairs else None


def how_many(rows: list[Row], column: str) -> int:
    return len({row[column] for row in rows if row[column] is not None})


# ---------------------------------------------------------------- comparing


def compare(
    expected_rows: Iterable[Mapping[str, Any]], actual_rows: Iterable[Mapping[str, Any]], key: Sequence[str], table: str, show: int = 5
) -> list[str]:
    """Sentences about rows missing, too many or different, matched by `key` as multisets; at most `show` of each kind, then how many more.

    Only the table's knowable columns count. Floats may differ by 1e-12, a datetime without zone is UTC; 1, 1.0 and True are three values.
    """
    columns = [column for column in COLUMNS[table] if column not in UNKNOWABLE[table]]
    expected, actual = list(expected_rows), list(actual_rows)
    problems = wrong_columns(actual, table)
    if problems:
        return problems
    missing, extra, different = [], [], []
    expected_by_key, actual_by_key = by_key(expected, columns, key), by_key(actual, columns, key)
    for at in sorted(expected_by_key.keys() | actual_by_key.keys(), key=repr):
        wanted, found = unmatched(expected_by_key.get(at, []), actual_by_key.get(at, []))
        name = f"{table} {', '.join(f'{column}={value!r}' for column, value in zip(key, at, strict=True))}"
        for one, other in zip(wanted, found, strict=False):
            unequal = [column for column in columns if not same(one[column], other[column])]
            different.append(f"{name}: " + "; ".join(f"{column} expected {one[column]!r}, found {other[column]!r}" for column in unequal))
        missing += [f"{name}: expected, not there" for _ in wanted[len(found) :]]
        extra += [f"{name}: there, not expected" for _ in found[len(wanted) :]]
    if len(expected) != len(actual):
        problems.append(f"{table}: {len(expected)} rows expected, {len(actual)} found")
    for sentences in (missing, extra, different):
        problems += sentences[:show]
        if len(sentences) > show:
            problems.append(f"{table}: and {len(sentences) - show} more such rows")
    return problems


def wrong_columns(actual: Sequence[Mapping[str, Any]], table: str) -> list[str]:
    """A landed row has all columns of its table in their order; a recounted one has the knowable ones."""
    knowable = [column for column in COLUMNS[table] if column not in UNKNOWABLE[table]]
    for row in actual:
        if list(row) not in (list(COLUMNS[table]), knowable):
            return [f"{table}: columns {', '.join(COLUMNS[table])} expected, {', '.join(row)} found"]
    return []


def by_key(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], key: Sequence[str]) -> dict[tuple[Any, ...], list[Row]]:
    found: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        plain_row = {column: plain(row[column]) for column in columns}
        found[tuple(plain_row[column] for column in key)].append(plain_row)
    return found


def plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return bytes(value) if isinstance(value, (bytearray, memoryview)) else value


def same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return isinstance(one, datetime) and isinstance(other, datetime) and one == other
    return math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-12) if isinstance(one, float) else one == other


def unmatched(expected: list[Row], actual: list[Row]) -> tuple[list[Row], list[Row]]:
    """What is left of both sides when equal rows have been paired off."""
    left = list(actual)
    wanted = []
    for row in expected:
        twin = next((index for index, other in enumerate(left) if all(same(row[column], other[column]) for column in row)), None)
        if twin is None:
            wanted.append(row)
        else:
            del left[twin]
    return wanted, left
