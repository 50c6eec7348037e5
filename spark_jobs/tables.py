"""From records to the tables: Column functions first, then DataFrame -> DataFrame."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from record import COUNTS, RECORD
from schemas import TABLES

VERSION = ("keen_id", "hash")
EXAM = ("base_exam_id", "exam_name", "is_test")
# Figures of the receipt that are counted while a table is written: in which one, and the condition that its rows meet.
FIGURES = {
    "test": ("assessments", "is_test"),
    "conflicts": ("assessments", "is_conflict"),
}


@dataclass(frozen=True)
class ExamPatterns:
    """Java regular expressions, found anywhere in a name or id, of the exams that the contract calls tests."""

    names: Sequence[str] = ()
    base_exam_ids: Sequence[str] = ()


ONLY_LF = "(?d)"  # . and $ stop at \n alone, as in Python, where people try their patterns; Java has six more ends of a line


# --- Column functions


def is_test(exam_name: Column, base_exam_id: Column, test_exams: ExamPatterns) -> Column:
    """Whether an attempt is of a test exam; an attempt without name and id is not."""
    found = [exam_name.rlike(ONLY_LF + pattern) for pattern in test_exams.names]
    found += [base_exam_id.rlike(ONLY_LF + pattern) for pattern in test_exams.base_exam_ids]
    return reduce(Column.__or__, [F.coalesce(each, F.lit(False)) for each in found], F.lit(False))


def are_possible(counts: Mapping[str, Column]) -> Column:
    """Whether no count is negative, and not more are correct than there are; what is null is not known to be impossible."""
    numbers = [counts[name] for name in COUNTS if COUNTS[name] == "whole number"]
    impossible = [number < 0 for number in numbers] + [counts["correct"] > counts["total"]]
    return ~reduce(Column.__or__, [F.coalesce(each, F.lit(False)) for each in impossible])


def score(counts: Mapping[str, Column]) -> Column:
    """Share of questions answered correctly, 0 to 1; null where the attempt has no questions, no counts, or impossible ones."""
    return F.when((counts["total"] > 0) & are_possible(counts), counts["correct"] / counts["total"])


def length(elements: Column) -> Column:
    """Number of elements, null ones too; null where there is no array."""
    return F.when(elements.isNotNull(), F.size(elements))


def number_of(elements: Column, holds: Callable[[Column], Column]) -> Column:
    """Number of elements that the condition holds for; 0 where there is no array."""
    return F.coalesce(length(F.filter(elements, holds)), F.lit(0))


def tallies(counts: Column, questions: Column) -> Column:
    """Whether all seven counts agree with the questions; null where there is no count at all. No array counts as no questions."""
    expected = {
        "total": F.coalesce(length(questions), F.lit(0)),
        "correct": number_of(questions, lambda question: question["user_result"] == "correct"),
        "incorrect": number_of(questions, lambda question: question["user_result"] == "incorrect"),
        "incomplete": number_of(questions, lambda question: question["user_result"] == "missed_some"),
        "unanswered": number_of(questions, lambda question: question["user_result"] == "unanswered"),
        "submitted": number_of(questions, lambda question: question["user_submitted"]),
    }
    expected["all_correct"] = expected["correct"] == expected["total"]
    agree = [F.coalesce(counts[name] == value, F.lit(False)) for name, value in expected.items()]
    any_count = reduce(Column.__or__, [counts[name].isNotNull() for name in COUNTS])
    return F.when(any_count, reduce(Column.__and__, agree))


# --- From records to attempts


def is_record() -> Column:
    """Parts the judged records from the rows that say what a task has counted."""
    return F.col("summary").isNull()


def is_fit() -> Column:
    """Parts the records that land from those in quarantine, `is_record() & ~is_fit()`."""
    return F.col("attempt").isNotNull()


def repeated(judged: DataFrame) -> DataFrame:
    """Of each fit record that is not the only one of its keen_id: its place (`partition`, `offset`), `copies`, `is_conflict`.

    The first of several copies has their number, the others 0. Only ids and hashes go through the shuffle, never the attempts themselves,
    and in most days few come out of it.
    """
    fit = judged.where(is_fit()).select(F.col("attempt.keen_id").alias("keen_id"), "hash", "record", "partition", "offset")
    of_id, of_version = Window.partitionBy("keen_id"), Window.partitionBy(*VERSION)
    is_first = F.row_number().over(of_version.orderBy("record", "partition", "offset")) == 1
    copies, is_conflict = F.count(F.lit(1)).over(of_version), F.min("hash").over(of_id) != F.max("hash").over(of_id)
    return (
        fit.repartition("keen_id")
        .select("partition", "offset", is_first.alias("is_first"), copies.alias("all"), is_conflict.alias("is_conflict"))
        .where((F.col("all") > 1) | F.col("is_conflict"))
        .select("partition", "offset", F.when(F.col("is_first"), F.col("all")).otherwise(0).alias("copies"), "is_conflict")
    )


def distinct_attempts(judged: DataFrame, repeated: DataFrame | None, test_exams: ExamPatterns) -> DataFrame:
    """The first copy of each version with `copies`, `is_conflict`, `is_test`, the record's fields and its `sequences`.

    `repeated` is None where no record is.
    """
    fit = judged.where(is_fit())
    if repeated is None:
        counted = fit.withColumns({"copies": F.lit(1).cast("bigint"), "is_conflict": F.lit(False)})
    else:
        counted = fit.join(repeated, ["partition", "offset"], "left").withColumns(
            {"copies": F.coalesce("copies", F.lit(1)), "is_conflict": F.coalesce("is_conflict", F.lit(False))}
        )
    fields = [F.col(f"attempt.{name}") for name in RECORD]
    return (
        counted.where(F.col("copies") > 0)
        .select("day", "hash", "record", "copies", "is_conflict", *fields)
        .withColumn("is_test", is_test(F.col("exam_name"), F.col("base_exam_id"), test_exams))
    )


def explode_questions(attempts: DataFrame) -> DataFrame:
    """One row per question of each attempt: `position` from 0 and the struct `question`, null for a null element."""
    return attempts.select("day", *VERSION, *EXAM, F.posexplode("sequences.questions").alias("position", "question"))


def explode_options(asked: DataFrame) -> DataFrame:
    """One row per option of each question: `position` from 0 within the question and the struct `option`."""
    return asked.select(
        "day",
        *VERSION,
        F.col("position").alias("question_position"),
        F.col("question.id").alias("question_id"),
        F.posexplode("question.options").alias("position", "option"),
    )


# --- The tables


def conform(table: str, frame: DataFrame) -> DataFrame:
    """The table's columns in their order and types. Raises where one is missing or would need a lossy cast."""
    return frame.select(*TABLES[table].names).to(TABLES[table])


def raw_assessments(judged: DataFrame) -> DataFrame:
    return conform("raw_assessments", judged.where(is_record()).withColumn("keen_id", F.col("key")))


def quarantine(judged: DataFrame) -> DataFrame:
    return conform("quarantine", judged.where(is_record() & ~is_fit()).withColumn("keen_id", F.col("key")))


def assessments(attempts: DataFrame) -> DataFrame:
    sequences = F.col("sequences")
    counts = {name: sequences["counts"][name] for name in COUNTS}
    typed = {
        "sequence_id": sequences["id"],
        "attempt": sequences["attempt"],
        **counts,
        "score": score(counts),
        "question_count": length(sequences["questions"]),
        "tallies": tallies(sequences["counts"], sequences["questions"]),
    }
    return conform("assessments", attempts.withColumns(typed))


def questions(asked: DataFrame) -> DataFrame:
    fields = {name: F.col(f"question.{name}") for name in ("user_result", "user_correct", "user_incomplete", "user_submitted")}
    derived = {"question_id": F.col("question.id"), "option_count": length(F.col("question.options"))}
    return conform("questions", asked.withColumns({**fields, **derived}))


def options(asked: DataFrame) -> DataFrame:
    fields = {name: F.col(f"option.{name}") for name in ("checked", "correct", "at", "submitted")}
    return conform("options", explode_options(asked).withColumns({**fields, "option_id": F.col("option.id")}))


def exam_scores(assessments: DataFrame) -> DataFrame:
    """An integer histogram of each exam's scores, so that means, deciles and medians of many days can be had exactly.

    Counts of attempts whose counts are impossible are in no sum.
    """
    possible = are_possible({name: F.col(name) for name in COUNTS})
    known = {name: F.when(F.col("score").isNotNull(), F.col(name)) for name in ("correct", "total")}
    known |= {name: F.when(possible, F.col(name)) for name in ("incomplete", "incorrect", "unanswered")}
    return conform(
        "exam_scores",
        assessments.withColumns(known)
        .groupBy("day", *EXAM, "correct", "total")
        .agg(
            F.count(F.lit(1)).alias("attempts"),
            F.sum("copies").alias("copies"),
            F.count_if("is_conflict").alias("conflicts"),
            *[F.sum(name).alias(name) for name in ("incomplete", "incorrect", "unanswered")],
            F.max("started_at").alias("last_taken"),
        ),
    )


def question_days(asked: DataFrame) -> DataFrame:
    """How each question of each exam was answered; `asked` less the four results is the number without a result."""
    results = {"correct": "correct", "incorrect": "incorrect", "missed": "missed_some", "unanswered": "unanswered"}
    return conform(
        "question_days",
        asked.groupBy("day", *EXAM, F.col("question.id").alias("question_id")).agg(
            F.count(F.lit(1)).alias("asked"),
            *[F.count_if(F.col("question.user_result") == result).alias(name) for name, result in results.items()],
        ),
    )
