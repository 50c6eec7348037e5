"""The small tables: integer sums over a day's attempts, questions and options, which add up over days without loss.

Each is made of rows that have its columns, one for each thing that is counted: `summed` adds them up, and partial sums once more.
What they mean is in `include/schemas.py`; `validate` makes them again by SQL.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256

import pyarrow as pa
import pyarrow.compute as pc

from schemas import TABLES
from tables import EXAM, RESULTS, Columns, are_possible, where

# The columns of each that say what is summed up; all the others are sums, but for the latest moment.
SUMMED_BY = {
    "exam_scores": (*EXAM, "correct", "total"),
    "question_days": (*EXAM, "question_id"),
    "item_days": (*EXAM, "form", "question_id", "score"),
    "option_days": (*EXAM, "form", "question_id", "option_id", "is_key", "score"),
    "item_times": (*EXAM, "question_id", "seconds"),
}
LATEST = "last_taken"
MINUTE = 60_000_000  # microseconds
FORMS = 10_000  # so many sets of questions are remembered


def partial_sums(assessments: Columns, questions: Columns, options: Columns) -> dict[str, pa.Table]:
    """All of them, of these rows of the three tables, as `tables.py` makes them."""
    asked = {**questions, **_answered(questions)}
    return {
        "exam_scores": _exam_scores(assessments),
        "question_days": summed("question_days", asked),
        "item_days": summed("item_days", asked),
        "option_days": _option_days(options, asked),
        "item_times": _item_times(options, asked),
    }


def together(table: str, parts: Iterable[pa.Table]) -> pa.Table:
    """Partial sums of one table as one."""
    rows = pa.concat_tables(parts)
    return summed(table, dict(zip(rows.column_names, rows.columns, strict=True)))


def summed(table: str, rows: Mapping[str, pa.Array | pa.ChunkedArray]) -> pa.Table:
    """The rows of this table but their `day`, from rows that have its columns; a sum of nothing but nulls is null."""
    by, schema = SUMMED_BY[table], pa.schema([field for field in TABLES[table] if field.name != "day"])
    given = pa.table([rows[field.name].cast(field.type) for field in schema], schema)
    how = {name: "max" if name == LATEST else "sum" for name in schema.names if name not in by}
    any_value = pc.ScalarAggregateOptions(min_count=1)
    groups = given.group_by(list(by), use_threads=False).aggregate([(name, each, any_value) for name, each in how.items()])
    return pa.table([groups[f"{name}_{how[name]}" if name in how else name] for name in schema.names], schema)


def _exam_scores(assessments: Columns) -> pa.Table:
    """Counts of attempts whose counts are impossible are in no sum."""
    has_score, possible = pc.is_valid(assessments["score"]), are_possible(assessments)
    known = {name: where(has_score, assessments[name]) for name in ("correct", "total")}
    known |= {name: where(possible, assessments[name]) for name in ("incomplete", "incorrect", "unanswered")}
    counts = {"attempts": _ones(has_score), "conflicts": assessments["is_conflict"], LATEST: assessments["started_at"]}
    return summed("exam_scores", {**assessments, **known, **counts})


def _answered(questions: Columns) -> Columns:
    """Of each question what was answered, how far its attempt got, and that attempt's `form` and `score`."""
    of, result = questions["of"], questions["user_result"]
    flags = {name: pc.fill_null(pc.equal(result, value), False) for name, value in RESULTS.items()}
    is_answered = pc.fill_null(pc.not_equal(result, RESULTS["unanswered"]), False)
    last = _of_all(of, "max", pc.if_else(is_answered, questions["position"], -1))
    form = _forms(of, questions["question_id"], pc.is_valid(result))
    return {
        **flags,
        "asked": _ones(of),
        "not_reached": pc.and_(flags["unanswered"], pc.greater(questions["position"], last)),
        "form": form,
        "score": where(pc.is_valid(form), _of_all(of, "sum", flags["correct"].cast(pa.int32()))),
    }


def _forms(of: pa.Array, question_id: pa.Array, has_result: pa.Array) -> pa.Array:
    """The form of each question's attempt: which questions it had. Null if one of them has no id or no result, or is there twice."""
    of_attempt: dict[int, list[str | None]] = {}
    for attempt, name in zip(of.to_pylist(), where(has_result, question_id).to_pylist(), strict=True):
        of_attempt.setdefault(attempt, []).append(name)
    forms = pa.array((_form(tuple(names)) for names in of_attempt.values()), pa.string())
    return pc.take(forms, pc.index_in(of, pa.array(of_attempt, of.type)))


@lru_cache(FORMS)
def _form(names: tuple[str | None, ...]) -> str | None:
    known = {name for name in names if name is not None}
    if len(known) < len(names):
        return None
    return sha256("".join(f"{name}\n" for name in sorted(known)).encode()).hexdigest()[:16]


def _option_days(options: Columns, asked: Columns) -> pa.Table:
    of = {name: pc.take(asked[name].dictionary_encode(), options["of"]) for name in (*EXAM, "form", "score")}
    is_chosen = pc.fill_null(options["checked"], False)
    counts = {
        "offered": _ones(is_chosen),
        "chosen": is_chosen,
        "chosen_right": pc.and_(is_chosen, pc.take(asked["correct"], options["of"])),
    }
    return summed("option_days", {**options, **of, "is_key": pc.fill_null(options["correct"], False), **counts})


def _item_times(options: Columns, asked: Columns) -> pa.Table:
    """A question's time ends with the last touch of its options; it began with the one before, of another question, or with the attempt."""
    rows = {**asked, **_touched(options, len(asked["of"])), "started": asked["started_at"].cast(pa.int64())}
    by = ("of", "touched", "position")
    order = pc.sort_indices(pa.table({name: rows[name] for name in by}), [(name, "ascending") for name in by])
    needed = (*EXAM, "of", "question_id", "started", "asked", "correct", "touched", "changed")
    rows = {name: pc.take(rows[name], order) for name in needed}
    began = pc.max_element_wise(rows["started"], _before(rows["touched"], rows["of"]))
    disordered = pc.fill_null(pc.less(rows["touched"], rows["started"]), False)
    return summed("item_times", {**rows, "seconds": _seconds(pc.subtract(rows["touched"], began)), "disordered": disordered})


def _touched(options: Columns, questions: int) -> Columns:
    """Of each question the last touch of its options, in microseconds since 1970, and whether one was touched that is not ticked."""
    options = {"of": options["of"], "at": options["at"].cast(pa.int64()), "is_off": pc.invert(pc.fill_null(options["checked"], False))}
    touches = pa.table(options).filter(pc.is_valid(options["at"])).group_by("of", use_threads=False)
    found = touches.aggregate([("at", "max"), ("is_off", "max")])
    index = pc.index_in(pa.arange(0, questions), found["of"].cast(pa.int64()))
    touched, is_off = (_one(pc.take(found[name], index)) for name in ("at_max", "is_off_max"))
    return {"touched": touched, "changed": pc.fill_null(is_off, False)}


def _before(values: pa.Array, of: pa.Array) -> pa.Array:
    """The value of the row before, null where that is of another attempt."""
    if not len(values):
        return values
    none = pa.nulls(1, values.type)
    same = pa.concat_arrays([pa.array([False]), pc.equal(of[1:], of[:-1])])
    return where(same, pa.concat_arrays([none, values[:-1]]))


def _seconds(micros: pa.Array) -> pa.Array:
    """Whole seconds, and coarser the longer it took, so that the table stays small; null for what is negative."""
    steps = [(MINUTE, 1), (10 * MINUTE, 10), (60 * MINUTE, 60)]
    within = [pc.less(micros, 0), *(pc.less(micros, end) for end, _ in steps)]
    rounded = [pc.multiply(pc.divide(micros, step * 1_000_000), step) for _, step in steps]
    at_most = where(pc.is_valid(micros), pa.repeat(pa.scalar(3600, pa.int64()), len(micros)))
    cases = pa.StructArray.from_arrays([pc.fill_null(each, False) for each in within], [str(number) for number in range(len(within))])
    return pc.case_when(cases, pa.nulls(len(micros), pa.int64()), *rounded, at_most)


def _of_all(of: pa.Array, how: str, values: pa.Array) -> pa.Array:
    """For each row the maximum or sum of all rows of its attempt."""
    found = pa.table({"of": of, "value": values}).group_by("of", use_threads=False).aggregate([("value", how)])
    return _one(pc.take(found[f"value_{how}"], pc.index_in(of, found["of"])))


def _ones(rows: pa.Array) -> pa.Array:
    return pa.repeat(pa.scalar(1, pa.int64()), len(rows))


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks()
