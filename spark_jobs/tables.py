"""From judged records to the tables, column by column in Arrow: what runs on Spark's workers. The small sums are in `sums.py`.

`records` is a batch of judged records, `attempts` are those of them that land, with `copies`, `is_conflict` and `is_test`; both as
dictionaries of columns of one length.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from itertools import groupby
from operator import itemgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from record import COUNTS, RECORD

Columns = dict[str, pa.Array]
Place = tuple[str, int, int, int, int]
Figure = tuple[str, tuple[Any, ...]]
EXAM = ("base_exam_id", "exam_name", "is_test")
# Figures of the receipt that count rows of a table: which one, and what holds for them: a function of pyarrow.compute, column, values.
FIGURES: dict[str, Figure] = {
    "test": ("assessments", ("equal", "is_test", True)),
    "conflicts": ("assessments", ("equal", "is_conflict", True)),
}
RESULTS = {"correct": "correct", "incorrect": "incorrect", "missed": "missed_some", "unanswered": "unanswered"}
REPEATED = pa.schema([("place", pa.int64()), ("copies", pa.int64()), ("is_conflict", pa.bool_())])


@dataclass(frozen=True)
class ExamPatterns:
    """Regular expressions, found anywhere in a name or id, of the exams that the contract calls tests."""

    names: Sequence[str] = ()
    base_exam_ids: Sequence[str] = ()

    def is_test(self, base_exam_id: str | None, exam_name: str | None) -> bool:
        """An attempt without name and id is of no test exam."""
        return _found(self.names, exam_name) or _found(self.base_exam_ids, base_exam_id)


def _found(patterns: Iterable[str], text: str | None) -> bool:
    return text is not None and any(re.search(pattern, text, re.ASCII) for pattern in patterns)


# --- Of the records that land


def place(partition: Any, offset: Any) -> Any:
    """One number for both. A partition gets to 2^48 records in nine years of a million a second."""
    return partition << 48 | offset


def repeated(places: Iterable[Place]) -> pa.Table:
    """Of records (keen_id, hash, record, partition, offset) those that are not the only one of their keen_id, as REPEATED has them.

    The first of several copies, by `record`, has their number, the others 0; what has other bytes beside it is in conflict.
    """
    rows = []
    for _, of_id in groupby(sorted(places), key=itemgetter(0)):
        versions = [list(copies) for _, copies in groupby(of_id, key=itemgetter(1))]
        for copies in versions:
            if len(versions) > 1 or len(copies) > 1:
                counts = [len(copies), *[0] * (len(copies) - 1)]
                rows += [(place(*where[3:]), count, len(versions) > 1) for where, count in zip(copies, counts, strict=True)]
    return pa.Table.from_pylist([dict(zip(REPEATED.names, row, strict=True)) for row in rows], REPEATED)


def attempts(records: pa.RecordBatch, repeated: pa.Table, test_exams: ExamPatterns) -> Columns:
    """The first copy of each version: `hash`, `record`, `copies`, `is_conflict`, `is_test`, and the record's fields."""
    shifted = pc.shift_left(records.column("partition").cast(pa.int64()), 48)
    index = pc.index_in(pc.bit_wise_or(shifted, records.column("offset")), repeated.column("place"))
    copies = pc.fill_null(pc.take(repeated.column("copies"), index), 1).combine_chunks()
    is_conflict = pc.fill_null(pc.take(repeated.column("is_conflict"), index), False).combine_chunks()
    batch = records.append_column("copies", copies).append_column("is_conflict", is_conflict)
    lands = batch.filter(pc.and_(pc.is_valid(batch.column("attempt")), pc.greater(copies, 0)))
    found = {name: lands.column(name) for name in ("hash", "record", "copies", "is_conflict")}
    found |= {name: pc.struct_field(lands.column("attempt"), name) for name in RECORD}
    is_test = lru_cache(test_exams.is_test)
    found["is_test"] = pa.array(map(is_test, found["base_exam_id"].to_pylist(), found["exam_name"].to_pylist()), pa.bool_())
    return found


def counts_of(attempts: Columns) -> Columns:
    return {name: pc.struct_field(attempts["sequences"], ["counts", name]) for name in COUNTS}


def are_possible(counts: Columns) -> pa.Array:
    """Whether no count is negative, and not more are correct than there are; what is null is not known to be impossible."""
    impossible = [pc.less(counts[name], 0) for name in COUNTS if COUNTS[name] == "whole number"]
    impossible.append(pc.greater(counts["correct"], counts["total"]))
    return pc.invert(reduce(pc.or_, [pc.fill_null(each, False) for each in impossible]))


def score(counts: Columns) -> pa.Array:
    """Share of questions answered correctly, 0 to 1; null where the attempt has no questions, no counts, or impossible ones."""
    share = pc.divide(counts["correct"].cast(pa.float64()), counts["total"].cast(pa.float64()))
    known = pc.and_(pc.fill_null(pc.greater(counts["total"], 0), False), are_possible(counts))
    return where(known, share)


def answers(questions: pa.ListArray) -> Columns:
    """Of each array of questions: how many `questions` it has (null where it is), how many with each result, and how many `submitted`."""
    ends, starts = _bounds(questions)
    results, submitted = (pc.struct_field(questions.flatten(), name) for name in ("user_result", "user_submitted"))
    hold = {name: pc.equal(results, result) for name, result in RESULTS.items()} | {"submitted": submitted}
    zero = pa.array([0], pa.int32())

    def counted(each: pa.Array) -> pa.Array:
        before = pc.cumulative_sum(pa.concat_arrays([zero, pc.cast(pc.fill_null(each, False), pa.int32())]))
        return pc.subtract(pc.take(before, ends), pc.take(before, starts))

    return {"questions": pc.list_value_length(questions), **{name: counted(each) for name, each in hold.items()}}


def _bounds(lists: pa.ListArray) -> tuple[pa.Array, pa.Array]:
    """Where each list ends and starts among the elements of all."""
    length = pc.fill_null(pc.list_value_length(lists), 0)
    ends = pc.cumulative_sum(length)
    return ends, pc.subtract(ends, length)


def tallies(counts: Columns, answers: Columns) -> pa.Array:
    """Whether all seven counts agree with the answers; null where there is no count at all. No array counts as no questions."""
    of = {"total": "questions", "correct": "correct", "incorrect": "incorrect", "incomplete": "missed"}
    of |= {"unanswered": "unanswered", "submitted": "submitted"}
    expected = {name: pc.fill_null(answers[counted], 0) for name, counted in of.items()}
    expected["all_correct"] = pc.equal(expected["correct"], expected["total"])
    agree = [pc.fill_null(pc.equal(counts[name], value), False) for name, value in expected.items()]
    any_count = reduce(pc.or_, [pc.is_valid(counts[name]) for name in COUNTS])
    return where(any_count, reduce(pc.and_, agree))


def where(holds: pa.Array, values: pa.Array) -> pa.Array:
    """The values, null where it does not hold."""
    return pc.if_else(holds, values, pa.scalar(None, values.type))


# --- The tables


def raw_assessments(records: pa.RecordBatch) -> Columns:
    return {**_columns(records), "keen_id": records.column("key")}


def quarantine(records: pa.RecordBatch) -> Columns:
    return raw_assessments(records.filter(pc.is_valid(records.column("reason"))))


def assessments(attempts: Columns) -> Columns:
    counts, sequences = counts_of(attempts), attempts["sequences"]
    answered = answers(pc.struct_field(sequences, "questions"))
    return {
        **attempts,
        "sequence_id": pc.struct_field(sequences, "id"),
        "attempt": pc.struct_field(sequences, "attempt"),
        **counts,
        "score": score(counts),
        "question_count": answered["questions"],
        "tallies": tallies(counts, answered),
    }


def questions(attempts: Columns) -> Columns:
    """The columns of the table, those of its attempt, and `options`. A null element is a row of nulls."""
    lists = pc.struct_field(attempts["sequences"], "questions")
    rows, question = _exploded({name: attempts[name] for name in ("keen_id", "hash", "started_at", *EXAM)}, lists)
    names = ("user_result", "user_correct", "user_incomplete", "user_submitted", "options")
    fields = {name: pc.struct_field(question, name) for name in names}
    return {**rows, "question_id": pc.struct_field(question, "id"), **fields, "option_count": pc.list_value_length(fields["options"])}


def options(questions: Columns) -> Columns:
    rows = {name: questions[name] for name in ("keen_id", "hash", "question_id")} | {"question_position": questions["position"]}
    rows, option = _exploded(rows, questions["options"])
    fields = {name: pc.struct_field(option, name) for name in ("checked", "correct", "at", "submitted")}
    return {**rows, "option_id": pc.struct_field(option, "id"), **fields}


def _exploded(rows: Columns, lists: pa.ListArray) -> tuple[Columns, pa.Array]:
    """The rows once for each element of their list, with the number of the row, `of`, and its `position`, from 0; and these elements."""
    of, (_, starts) = pc.list_parent_indices(lists), _bounds(lists)
    position = pc.subtract(pa.arange(0, len(of)), pc.take(starts, of)).cast(pa.int32())
    return {**{name: pc.take(column, of) for name, column in rows.items()}, "of": of, "position": position}, lists.flatten()


def _columns(batch: pa.RecordBatch) -> Columns:
    return dict(zip(batch.schema.names, batch.columns, strict=True))
