"""What is planted in a sample: every irregularity that the real deliveries have, as a change of an attempt that was whole."""

import json
from collections.abc import Callable
from typing import Any

Record = dict[str, Any]

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


def bare(attempt: Record) -> Record:
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
