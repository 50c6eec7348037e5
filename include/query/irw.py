"""Answers in the long form of the Item Response Warehouse (https://itemresponsewarehouse.org/standard.html): id, item, resp, rt.

docs/exports.md says what the form cannot say of our data.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from include.query.answered import Answered

COLUMNS = ("id", "item", "resp", "rt")
RESP = {"correct": 1, "incorrect": 0, "missed_some": 0}  # unanswered is missing, as is a question without a result
NO_ITEM = "questions without an id, or of an exam without one: nothing tells which item they are"


def rows(answers: Iterable[Answered], left_out: Counter[str]) -> Iterator[list[str | int | None]]:
    """Of each answer id (the attempt), item, resp (1 right, 0 not, None not answered) and rt (seconds, a decimal, None if not known).

    Counts in `left_out` what has no row, by the reason.
    """
    for each in answers:
        name = item(each)
        if name is None:
            left_out[NO_ITEM] += 1
            continue
        yield [each.attempt, name, RESP.get(each.user_result or ""), each.seconds]


def item(answer: Answered) -> str | None:
    """`<base_exam_id>/<question_id>`, for only together are they one question; / and % in an id as %2F and %25."""
    if answer.base_exam_id is None or answer.question_id is None:
        return None
    return "/".join(part.replace("%", "%25").replace("/", "%2F") for part in (answer.base_exam_id, answer.question_id))
