"""Answers as statements of xAPI 1.0.3 (https://github.com/adlnet/xAPI-Spec): an attempt `answered` a question of the type `choice`.

docs/exports.md says what the standard cannot say of our data.
"""

import functools
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from include.query.answered import Answered
from include.query.irw import NO_ITEM

ANSWERED = {"id": "http://adlnet.gov/expapi/verbs/answered", "display": {"en-US": "answered"}}
QUESTION = "http://adlnet.gov/expapi/activities/cmi.interaction"
EXAM = "http://adlnet.gov/expapi/activities/assessment"
SUCCESS = {"correct": True, "incorrect": False, "missed_some": False}
NOT_ANSWERED = "questions that were left open"
NO_RESULT = "questions without a result: nothing tells whether they were answered"
BETWEEN = "[,]"  # the choices of one response
UNKNOWN_LANGUAGE = "und"  # of a name, as RFC 5646 has it


def default_iri(customer: str) -> str:
    """What the ids of a customer's exams and questions begin with; nobody can own a domain in .invalid."""
    return f"https://landfall.invalid/{customer}"


def statements(answers: Iterable[Answered], iri: str, left_out: Counter[str]) -> Iterator[dict[str, Any]]:
    """One statement of each answer, whose ids are addresses under `iri`. Counts in `left_out` what has none, by the reason.

    Everything in it is from the answer and `iri`, so the same answer is always the same statement, with the same id.
    """
    for each in answers:
        if each.base_exam_id is None or each.question_id is None:
            left_out[NO_ITEM] += 1
        elif each.user_result not in SUCCESS:
            left_out[NO_RESULT if each.user_result is None else NOT_ANSWERED] += 1
        else:
            yield _statement(each, iri, f"{iri}/exams/{_quoted(each.base_exam_id)}", _quoted(each.question_id))


def _statement(answer: Answered, iri: str, exam: str, question: str) -> dict[str, Any]:
    attempt = f"{iri}/attempts/{_quoted(answer.keen_id)}/{answer.hash}"
    parent: dict[str, Any] = {"type": EXAM, **({"name": {UNKNOWN_LANGUAGE: answer.exam_name}} if answer.exam_name else {})}
    when = answer.touched or answer.keen_timestamp
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{attempt}/{answer.position}")),
        "actor": {"objectType": "Agent", "account": {"homePage": iri, "name": answer.attempt}},
        "verb": ANSWERED,
        "object": {
            "objectType": "Activity",
            "id": f"{exam}/questions/{question}",
            "definition": {"type": QUESTION, "interactionType": "choice", **_choices(answer)},
        },
        "result": _result(answer, iri),
        "context": {
            "registration": str(uuid.uuid5(uuid.NAMESPACE_URL, attempt)),
            "contextActivities": {"parent": [{"objectType": "Activity", "id": exam, "definition": parent}]},
        },
        **({"timestamp": _moment(when)} if when else {}),
    }


def _result(answer: Answered, iri: str) -> dict[str, Any]:
    chosen = [option["id"] for option in answer.options if option["checked"]]
    return {
        "success": SUCCESS[answer.user_result or ""],
        **({"response": _pattern(chosen)} if chosen and _are_told_apart(answer) else {}),
        **({"duration": f"PT{answer.seconds}S"} if answer.seconds is not None else {}),
        **({"extensions": {f"{iri}/extensions/user_result": answer.user_result}} if answer.user_result == "missed_some" else {}),
    }


def _choices(answer: Answered) -> dict[str, Any]:
    """In the order of their ids, for a question is one activity however it was shuffled."""
    if not answer.options or not _are_told_apart(answer):
        return {}
    keys = [option["id"] for option in answer.options if option["correct"]]
    choices = [{"id": name} for name in sorted(_quoted(option["id"]) for option in answer.options)]
    return {**({"correctResponsesPattern": [_pattern(keys)]} if keys else {}), "choices": choices}


def _are_told_apart(answer: Answered) -> bool:
    """Whether each option has an id of its own, as xAPI requires."""
    names = [option["id"] for option in answer.options]
    return all(names) and len(set(names)) == len(names)


def _pattern(names: list[str]) -> str:
    return BETWEEN.join(sorted(map(_quoted, names)))


@functools.lru_cache(10_000)
def _quoted(name: str) -> str:
    """As a part of an address, and as an id of a choice, which has no white space and no `[,]`."""
    return quote(name, safe="")


def _moment(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
