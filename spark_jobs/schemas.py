"""Spark's side of the two written schemas: what a record may say, and what each table holds. Nothing is inferred, or written twice."""

from typing import Any

from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    BooleanType,
    DataType,
    DateType,
    DoubleType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from record import LANDED

_TYPES: dict[str, DataType] = {
    "text": StringType(),
    "bool": BooleanType(),
    "int": IntegerType(),
    "long": LongType(),
    "double": DoubleType(),
    "time": TimestampType(),
    "date": DateType(),
    "bytes": BinaryType(),
}


def _struct(fields: str) -> StructType:
    """`name type` pairs separated by commas. (`StructType.fromDDL` would need a live session at import.)"""
    return StructType([StructField(name, _TYPES[kind]) for name, kind in (field.split() for field in fields.split(","))])


# --- The record, as `record.py` has it, without its questions

_READ_AS = {"text": "text", "boolean": "bool", "whole number": "int", "moment": "time", "unix seconds": "time", "number": "double"}


def spark_type(holds: Any) -> DataType:
    """Spark's type of what the written schema says."""
    if isinstance(holds, dict):
        return StructType([StructField(name, spark_type(below)) for name, below in holds.items()])
    return ArrayType(spark_type(holds[0])) if isinstance(holds, list) else _TYPES[_READ_AS[holds]]


ATTEMPT = spark_type(LANDED)

# --- The tables: columns, types and their order. `day` is a column of every file because Iceberg takes the partition from it.

TABLES: dict[str, StructType] = {
    "raw_assessments": _struct(
        "day date, ingest text, partition int, offset long, timestamp time, record long, keen_id text, hash long, value bytes"
    ),
    "assessments": _struct(
        "day date, keen_id text, hash long, record long, copies long, is_test bool, is_conflict bool,"
        "exam_name text, base_exam_id text, user_exam_id text, certification text, max_attempts double,"
        "started_at time, keen_timestamp time, keen_created_at time, sequence_id text, attempt int,"
        "incomplete int, submitted int, incorrect int, correct int, total int, unanswered int, all_correct bool,"
        "score double, question_count int, tallies bool"
    ),
    "questions": _struct(
        "day date, keen_id text, hash long, position int, question_id text,"
        "user_result text, user_correct bool, user_incomplete bool, user_submitted bool, option_count int"
    ),
    "options": _struct(
        "day date, keen_id text, hash long, question_position int, position int, question_id text, option_id text,"
        "checked bool, correct bool, at time, submitted int"
    ),
    "quarantine": _struct("day date, partition int, offset long, record long, hash long, keen_id text, reason text, detail text"),
    "exam_scores": _struct(
        "day date, base_exam_id text, exam_name text, is_test bool, correct int, total int,"
        "attempts long, copies long, conflicts long, incomplete long, incorrect long, unanswered long, last_taken time"
    ),
    "question_days": _struct(
        "day date, base_exam_id text, exam_name text, question_id text, is_test bool,"
        "asked long, correct long, incorrect long, missed long, unanswered long"
    ),
    "holes": _struct("day date, path text, parents long, present long, nulls long, missing long, empty long, wrong_type long"),
}
