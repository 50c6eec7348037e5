"""What each table holds: columns, types and their order. Nothing is inferred. Plain pyarrow, for the driver and for Spark's workers.

`day` is a column of every file because Iceberg takes the partition from it.
"""

import pyarrow as pa

_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "bool": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "double": pa.float64(),
    "time": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
    "bytes": pa.binary(),
}


def _schema(fields: str) -> pa.Schema:
    """`name type` pairs separated by commas."""
    return pa.schema([(name, _TYPES[kind]) for name, kind in (field.split() for field in fields.split(","))])


TABLES: dict[str, pa.Schema] = {
    "raw_assessments": _schema(
        "day date, ingest text, partition int, offset long, timestamp time, record long, keen_id text, hash long, value bytes"
    ),
    "assessments": _schema(
        "day date, keen_id text, hash long, record long, copies long, is_test bool, is_conflict bool,"
        "exam_name text, base_exam_id text, user_exam_id text, certification text, max_attempts double,"
        "started_at time, keen_timestamp time, keen_created_at time, sequence_id text, attempt int,"
        "incomplete int, submitted int, incorrect int, correct int, total int, unanswered int, all_correct bool,"
        "score double, question_count int, tallies bool"
    ),
    "questions": _schema(
        "day date, keen_id text, hash long, position int, question_id text,"
        "user_result text, user_correct bool, user_incomplete bool, user_submitted bool, option_count int"
    ),
    "options": _schema(
        "day date, keen_id text, hash long, question_position int, position int, question_id text, option_id text,"
        "checked bool, correct bool, at time, submitted int"
    ),
    "quarantine": _schema("day date, partition int, offset long, record long, hash long, keen_id text, reason text, detail text"),
    "exam_scores": _schema(
        "day date, base_exam_id text, exam_name text, is_test bool, correct int, total int,"
        "attempts long, copies long, conflicts long, incomplete long, incorrect long, unanswered long, last_taken time"
    ),
    "question_days": _schema(
        "day date, base_exam_id text, exam_name text, question_id text, is_test bool,"
        "asked long, correct long, incorrect long, missed long, unanswered long"
    ),
    "item_days": _schema(
        "day date, base_exam_id text, exam_name text, is_test bool, form text, question_id text, score int,"
        "asked long, correct long, incorrect long, missed long, unanswered long, not_reached long"
    ),
    "option_days": _schema(
        "day date, base_exam_id text, exam_name text, is_test bool, form text, question_id text, option_id text, is_key bool, score int,"
        "offered long, chosen long, chosen_right long"
    ),
    "item_times": _schema(
        "day date, base_exam_id text, exam_name text, is_test bool, question_id text, seconds int,"
        "asked long, correct long, changed long, disordered long"
    ),
    "holes": _schema("day date, path text, parents long, present long, nulls long, missing long, empty long, wrong_type long"),
}
