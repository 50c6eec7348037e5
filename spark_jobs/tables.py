"""From records to the tables: Column functions first, then DataFrame -> DataFrame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from record import COUNTS, LANDED
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


def tallies(counts: Column, answers: Column) -> Column:
    """Whether all seven counts agree with the answers; null where there is no count at all. No array counts as no questions."""
    of = {"total": "questions", "correct": "correct", "incorrect": "incorrect", "incomplete": "missed"}
    of |= {"unanswered": "unanswered", "submitted": "submitted"}
    expected = {name: F.coalesce(answers[counted], F.lit(0)) for name, counted in of.items()}
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
    """Of each fit record that is not the only one of its keen_id: its place (`partition`, `offset`) and `block`, `copies`, `is_conflict`.

    The first of several copies has their number, the others 0. Only ids and hashes go through the shuffle, never the attempts themselves,
    and in most days few come out of it.
    """
    fit = judged.where(is_fit()).select(F.col("attempt.keen_id").alias("keen_id"), "hash", "record", "partition", "offset", "block")
    of_id, of_version = Window.partitionBy("keen_id"), Window.partitionBy(*VERSION)
    is_first = F.row_number().over(of_version.orderBy("record", "partition", "offset")) == 1
    copies, is_conflict = F.count(F.lit(1)).over(of_version), F.min("hash").over(of_id) != F.max("hash").over(of_id)
    return (
        fit.repartition("keen_id")
        .select("partition", "offset", "block", is_first.alias("is_first"), copies.alias("all"), is_conflict.alias("is_conflict"))
        .where((F.col("all") > 1) | F.col("is_conflict"))
        .select("partition", "offset", "block", F.when(F.col("is_first"), F.col("all")).otherwise(0).alias("copies"), "is_conflict")
    )


def distinct_attempts(judged: DataFrame, repeated: DataFrame | None, test_exams: ExamPatterns) -> DataFrame:
    """The first copy of each version with `copies`, `is_conflict`, `is_test`, the record's fields and its `sequences`.

    `repeated` is None where no record is.
    """
    fit = judged.where(is_fit())
    if repeated is None:
        counted = fit.withColumns({"copies": F.lit(1).cast("bigint"), "is_conflict": F.lit(False)})
    else:
        counted = fit.join(repeated.drop("block"), ["partition", "offset"], "left").withColumns(
            {"copies": F.coalesce("copies", F.lit(1)), "is_conflict": F.coalesce("is_conflict", F.lit(False))}
        )
    fields = [F.col(f"attempt.{name}") for name in LANDED]
    return (
        counted.where(F.col("copies") > 0)
        .select("day", "hash", "record", "copies", "is_conflict", *fields)
        .withColumn("is_test", is_test(F.col("exam_name"), F.col("base_exam_id"), test_exams))
    )


def blocks(judged: DataFrame, repeated: DataFrame | None) -> DataFrame:
    """What is `packed` of each block, with the places of the copies in it whose questions are `dropped`: null, or an array of them."""
    packed = judged.where(F.col("packed").isNotNull()).select("block", "packed")
    place = F.struct("partition", "offset")
    if repeated is None:
        return packed.withColumn("dropped", F.lit(None).cast("array<struct<partition:int,offset:bigint>>"))
    dropped = repeated.where(F.col("copies") == 0).groupBy("block").agg(F.collect_list(place).alias("dropped"))
    return packed.join(dropped, "block", "left")


# --- The tables


def conform(table: str, frame: DataFrame) -> DataFrame:
    """The table's columns in their order and types. Raises where one is missing or would need a lossy cast."""
    return frame.select(*TABLES[table].names).to(TABLES[table])


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
        "question_count": sequences["answers"]["questions"],
        "tallies": tallies(sequences["counts"], sequences["answers"]),
    }
    return conform("assessments", attempts.withColumns(typed))


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


def question_days(asked: DataFrame, test_exams: ExamPatterns) -> DataFrame:
    """How each question of each exam was answered; `asked` less the four results is the number without a result."""
    with_test = asked.withColumn("is_test", is_test(F.col("exam_name"), F.col("base_exam_id"), test_exams))
    numbers = [F.sum(name).alias(name) for name in ("asked", "correct", "incorrect", "missed", "unanswered")]
    return conform("question_days", with_test.groupBy("day", *EXAM, "question_id").agg(*numbers))
