"""The tables of a lake, written once: columns in order, types, and what each table and column means.

Spark writes plain Parquet with these columns; `checks.py` refuses files that differ, `catalog.py` makes the Iceberg tables from them.
All columns are nullable, because Iceberg refuses files of Spark's otherwise, and missing is not empty. What a description does not say
of null is not null: a test holds the sample files against it.
"""

from dataclasses import dataclass

import pyarrow as pa
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DoubleType,
    IntegerType,
    LongType,
    NestedField,
    PrimitiveType,
    StringType,
    TimestamptzType,
)

from include.figures import FIGURES

STRING, INT, LONG, DOUBLE, BOOL = StringType(), IntegerType(), LongType(), DoubleType(), BooleanType()
DATE, TIME, BYTES = DateType(), TimestamptzType(), BinaryType()

ARROW: dict[PrimitiveType, pa.DataType] = {
    STRING: pa.string(),
    INT: pa.int32(),
    LONG: pa.int64(),
    DOUBLE: pa.float64(),
    BOOL: pa.bool_(),
    DATE: pa.date32(),
    TIME: pa.timestamp("us", tz="UTC"),
    BYTES: pa.binary(),
}
DUCKDB: dict[PrimitiveType, str] = {
    STRING: "VARCHAR",
    INT: "INTEGER",
    LONG: "BIGINT",
    DOUBLE: "DOUBLE",
    BOOL: "BOOLEAN",
    DATE: "DATE",
    TIME: "TIMESTAMP WITH TIME ZONE",
    BYTES: "BLOB",
}


# Table -> path in a record -> column. A column is null where its path was null or missing, and only there.
READ_FROM: dict[str, dict[str, str]] = {
    "assessments": {
        **{name: name for name in ("keen_id", "exam_name", "base_exam_id", "user_exam_id", "certification", "max_attempts")},
        **{name: name for name in ("started_at", "keen_timestamp", "keen_created_at")},
        "sequences.id": "sequence_id",
        "sequences.attempt": "attempt",
        **{
            f"sequences.counts.{name}": name
            for name in ("incomplete", "submitted", "incorrect", "correct", "total", "unanswered", "all_correct")
        },
        "sequences.questions": "question_count",
    },
    "questions": {
        "sequences.questions[].id": "question_id",
        **{f"sequences.questions[].{name}": name for name in ("user_result", "user_correct", "user_incomplete", "user_submitted")},
        "sequences.questions[].options": "option_count",
    },
    "options": {
        "sequences.questions[].options[].id": "option_id",
        **{f"sequences.questions[].options[].{name}": name for name in ("checked", "correct", "at", "submitted")},
    },
}

Columns = tuple[tuple[str, PrimitiveType, str], ...]


@dataclass(frozen=True)
class Table:
    """One table: what a row is, and its columns as (name, type, meaning). Partitioned by `day`, its first column."""

    name: str
    row: str
    columns: Columns

    @property
    def description(self) -> str:
        return f"One row per {self.row}."

    @property
    def iceberg(self) -> Schema:
        return Schema(
            *(
                NestedField(number, name, kind, required=False, doc=self._doc(name, meaning))
                for number, (name, kind, meaning) in enumerate(self.columns, start=1)
            )
        )

    def _doc(self, column: str, meaning: str) -> str:
        """The meaning, and where in a record the column is read from, if it is."""
        path = next((path for path, held_in in READ_FROM.get(self.name, {}).items() if held_in == column), None)
        if path is None or column == "keen_id":  # without which a record is in quarantine
            return meaning
        return f"{meaning}; read from {path}, null where that is null or missing"

    @property
    def partitioning(self) -> PartitionSpec:
        return PartitionSpec(PartitionField(self.iceberg.find_field("day").field_id, 1000, IdentityTransform(), "day"))

    @property
    def arrow(self) -> pa.Schema:
        return pa.schema([pa.field(name, ARROW[kind]) for name, kind, _ in self.columns])

    @property
    def duckdb(self) -> dict[str, str]:
        """Column name to DuckDB type."""
        return {name: DUCKDB[kind] for name, kind, _ in self.columns}


@dataclass(frozen=True)
class View:
    """What is computed when it is asked for, never stored: days land in any order. `rows` is a SELECT over `table`."""

    name: str
    row: str
    table: str
    columns: Columns
    rows: str

    @property
    def description(self) -> str:
        return f"One row per {self.row}."


_DAY = ("day", DATE, "Ingestion day: the day whose delivery the record came with")
_EXAM = (
    ("base_exam_id", STRING, "Id of the exam; null where the attempts have none"),
    ("exam_name", STRING, "Name of the exam; null where the attempts have none"),
    ("is_test", BOOL, "The contract calls this exam a test exam"),
)
_QUESTION = ("question_id", STRING, "Id of the question; null where it has none")
_FORM = ("form", STRING, "Which questions the attempts saw, in any order; null where one has no id, a repeated one or no result")
_SCORE = ("score", INT, "Questions of the attempt answered rightly; comparable only within a form; null where form is")
_KEY = (
    ("keen_id", STRING, "Id of the attempt's event, as delivered; a record without one is in quarantine"),
    ("hash", LONG, "xxh64 (seed 42, signed) of the record's bytes; with keen_id the key of one version of an attempt"),
)

RAW_ASSESSMENTS = Table(
    "raw_assessments",
    "Kafka record, byte for byte; the quarantined ones too",
    (
        _DAY,
        ("ingest", STRING, "Which publishing sent it: 16 hex digits, also the header of the Kafka record"),
        ("partition", INT, "Kafka partition"),
        ("offset", LONG, "Kafka offset"),
        ("timestamp", TIME, "When Kafka took it"),
        ("record", LONG, "Number of the record in the day's source, from 0 over all its files in order"),
        ("keen_id", STRING, "The Kafka key; null if the publisher could read no string keen_id"),
        ("hash", LONG, "xxh64 (seed 42, signed) of value"),
        ("value", BYTES, "The record as it stood in the file"),
    ),
)
ASSESSMENTS = Table(
    "assessments",
    "distinct version of an attempt at an exam: same keen_id and same bytes are one row",
    (
        _DAY,
        *_KEY,
        ("record", LONG, "Lowest record number among its copies"),
        ("copies", LONG, "How often the day delivered exactly these bytes, 1 or more"),
        ("is_test", BOOL, "The contract calls this exam a test exam; answers leave it out"),
        ("is_conflict", BOOL, "The day has other bytes under the same keen_id; each version is a row"),
        ("exam_name", STRING, "Name of the exam"),
        ("base_exam_id", STRING, "Id of the exam; several ids may share a name"),
        ("user_exam_id", STRING, "Id of the attempt; there is no id of a person"),
        ("certification", STRING, 'As delivered, a text such as "false"'),
        ("max_attempts", DOUBLE, "Attempts allowed, a number in a text as delivered"),
        ("started_at", TIME, "When the attempt began, by the client's clock"),
        ("keen_timestamp", TIME, "When the event was recorded; rounded half up to microseconds"),
        ("keen_created_at", TIME, "When the event was stored; rounded half up to microseconds"),
        ("sequence_id", STRING, "Id of the sequence of questions"),
        ("attempt", INT, "Number of the attempt"),
        ("incomplete", INT, "Questions answered with some but not all right options, as delivered"),
        ("submitted", INT, "Questions submitted, as delivered"),
        ("incorrect", INT, "Questions answered wrongly, as delivered"),
        ("correct", INT, "Questions answered rightly, as delivered"),
        ("total", INT, "Questions asked, as delivered"),
        ("unanswered", INT, "Questions left open, as delivered"),
        ("all_correct", BOOL, "All questions answered rightly, as delivered"),
        ("score", DOUBLE, "correct / total, 0 to 1; null where there is no correct, no total above 0, or a count that cannot be"),
        ("question_count", INT, "Rows of this attempt in questions, the length of its list"),
        ("tallies", BOOL, "The delivered counts agree with the questions; null where there are no counts"),
    ),
)
QUESTIONS = Table(
    "questions",
    "question of an attempt",
    (
        _DAY,
        *_KEY,
        ("position", INT, "Place in the attempt, from 0"),
        ("question_id", STRING, "Id of the question; only with base_exam_id is it one question"),
        ("user_result", STRING, "correct, incorrect, missed_some or unanswered; none is not incorrect"),
        ("user_correct", BOOL, "Answered rightly, as delivered"),
        ("user_incomplete", BOOL, "Answered with some but not all right options, as delivered"),
        ("user_submitted", BOOL, "Submitted, as delivered"),
        ("option_count", INT, "Rows of this question in options, the length of its list"),
    ),
)
OPTIONS = Table(
    "options",
    "option of a question of an attempt",
    (
        _DAY,
        *_KEY,
        ("question_position", INT, "Place of its question in the attempt, from 0"),
        ("position", INT, "Place in the question, from 0"),
        ("question_id", STRING, "Id of its question; null where that has none"),
        ("option_id", STRING, "Id of the option"),
        ("checked", BOOL, "Ticked at the end, as delivered"),
        ("correct", BOOL, "A right one, as delivered; most sources leave it out of the wrong ones"),
        ("at", TIME, "When it was last touched, by the client's clock"),
        ("submitted", INT, "1 if it was submitted, as delivered"),
    ),
)
QUARANTINE = Table(
    "quarantine",
    "record that cannot be read as an attempt; its bytes are in raw_assessments",
    (
        _DAY,
        ("partition", INT, "Kafka partition"),
        ("offset", LONG, "Kafka offset"),
        ("record", LONG, "Number of the record in the day's source"),
        ("hash", LONG, "xxh64 (seed 42, signed) of its bytes"),
        ("keen_id", STRING, "The Kafka key; null if the publisher could read no string keen_id"),
        (
            "reason",
            STRING,
            "The first of not_utf8, blank, too_deep, invalid_json, not_an_object, duplicate_key, missing_keen_id, wrong_type, "
            "unreadable_value",
        ),
        ("detail", STRING, "Which field, and what was found there"),
    ),
)
EXAM_SCORES = Table(
    "exam_scores",
    "exam, is_test, correct and total of a day: an integer histogram, so that means and deviations over any days are exact",
    (
        _DAY,
        *_EXAM,
        ("correct", INT, "Questions answered rightly; null with total for attempts without a score"),
        ("total", INT, "Questions asked; null with correct for attempts without a score"),
        ("attempts", LONG, "Distinct attempts"),
        ("copies", LONG, "Published attempts: every copy counts"),
        ("conflicts", LONG, "Attempts with is_conflict"),
        ("incomplete", LONG, "Sum of incomplete over the distinct attempts whose counts can be; null where none has it"),
        ("incorrect", LONG, "Sum of incorrect over the distinct attempts whose counts can be; null where none has it"),
        ("unanswered", LONG, "Sum of unanswered over the distinct attempts whose counts can be; null where none has it"),
        ("last_taken", TIME, "Latest started_at; null where none has it"),
    ),
)
QUESTION_DAYS = Table(
    "question_days",
    "exam and question of a day",
    (
        _DAY,
        *_EXAM[:2],
        _QUESTION,
        _EXAM[2],
        ("asked", LONG, "Times asked in distinct attempts"),
        ("correct", LONG, "Of these answered rightly"),
        ("incorrect", LONG, "Of these answered wrongly"),
        ("missed", LONG, "Of these answered with some but not all right options (missed_some)"),
        ("unanswered", LONG, "Of these left open; asked minus all four is without result"),
    ),
)
ITEM_DAYS = Table(
    "item_days",
    "exam, form, question and score of a day",
    (
        _DAY,
        *_EXAM,
        _FORM,
        _QUESTION,
        _SCORE,
        ("asked", LONG, "Times asked in distinct attempts of this score"),
        ("correct", LONG, "Of these answered rightly; the score of their other questions is score - 1, that of the rest score"),
        ("incorrect", LONG, "Of these answered wrongly"),
        ("missed", LONG, "Of these answered with some but not all right options (missed_some)"),
        ("unanswered", LONG, "Of these left open; asked minus all four is without result"),
        ("not_reached", LONG, "Of those left open, where the attempt answered no later question"),
    ),
)
OPTION_DAYS = Table(
    "option_days",
    "exam, form, question, option and score of a day",
    (
        _DAY,
        *_EXAM,
        _FORM,
        _QUESTION,
        ("option_id", STRING, "Id of the option; null where it has none"),
        ("is_key", BOOL, "Delivered as a right one: correct is true"),
        _SCORE,
        ("offered", LONG, "Times offered in distinct attempts of this score"),
        ("chosen", LONG, "Of these ticked at the end"),
        ("chosen_right", LONG, "Of these in questions answered rightly"),
    ),
)
ITEM_TIMES = Table(
    "item_times",
    "exam, question and time of a day",
    (
        _DAY,
        *_EXAM,
        _QUESTION,
        ("seconds", INT, "Since the touch before (else started_at), down to 10 s from 1, 60 s from 10 min, 3600 at most; null if unknown"),
        ("asked", LONG, "Times asked in distinct attempts, with this time"),
        ("correct", LONG, "Of these answered rightly"),
        ("changed", LONG, "Of these with an option that was touched and is not ticked at the end"),
        ("disordered", LONG, "Of these last touched before started_at: the client's clock is out of order"),
    ),
)
HOLES = Table(
    "holes",
    "path of the written schema in the day's records: every one that is a JSON object, copies and quarantined ones too",
    (
        _DAY,
        ("path", STRING, "Such as sequences.questions[].user_result; [] is an element of an array"),
        ("parents", LONG, "Objects that could have it (of an element: elements) = the sum of the others"),
        ("present", LONG, "Of the right type, and not empty"),
        ("nulls", LONG, "Said to be null"),
        ("missing", LONG, "Not there"),
        ("empty", LONG, "An empty text, array or object"),
        ("wrong_type", LONG, "Something else; the record is in quarantine"),
    ),
)
_FIGURES = {name: (name, LONG, figure.meaning) for name, figure in FIGURES.items()}
_FIRST = ("published", "landed", "duplicates", "quarantined", "test", "conflicts")  # the others' columns came later, each at the end
LANDINGS = Table(
    "landings",
    "landing; nothing is ever changed, the newest of a day is in force. Maps and lists are JSON text",
    (
        _DAY,
        ("landing", STRING, "Id of the landing: day, run, try"),
        ("customer", STRING, "Whose lake this is"),
        ("run_id", STRING, "Airflow run that landed it"),
        ("found_at", TIME, "When its source was found, by the clock of the worker that found it"),
        ("committed_at", TIME, "When it became visible; later than every landing before it"),
        ("source", STRING, "URIs of the source files (JSON list)"),
        ("bytes", LONG, "Size of the source as stored, in bytes"),
        ("sha256", STRING, "sha256 of the source"),
        ("topic", STRING, "Kafka topic"),
        ("ingest", STRING, "Which publishing it was read from"),
        ("generation", INT, "How often this source was published, from 1"),
        ("offsets", STRING, "Kafka partition to first and last offset (JSON map)"),
        *(_FIGURES[name] for name in _FIRST),
        ("content_hash", STRING, "Sum of the xxh64 of all published records mod 2^64, 16 hex digits"),
        ("reasons", STRING, "Quarantine reason to records (JSON map)"),
        ("tables", STRING, "Table to rows of this day (JSON map)"),
        ("snapshots", STRING, "Table to the Iceberg snapshot at which readers read it (JSON map)"),
        ("seconds", STRING, "Step to seconds (JSON map)"),
        ("warnings", STRING, "What is worth a look (JSON list)"),
        ("conservation", STRING, "Records and content hash of source, topic, spark and hdfs (JSON map); null before it was kept"),
        (
            "unknown_fields",
            STRING,
            "Path that the schema does not know to how often it was there, the 100 most frequent (JSON map); null before it was kept",
        ),
        _FIGURES["forgotten"],
        ("claim", LONG, "Number of the claim under which its source was read; orders the landings of a day; null before it was kept"),
        ("proof", STRING, "sha256 of what was proven: receipts, files, counts, content hash; null before it was kept"),
        ("override", STRING, "Limits that it broke, who landed it all the same, and why (JSON map); null where all were kept"),
        *(column for name, column in _FIGURES.items() if name not in (*_FIRST, "forgotten")),
    ),
)

# The eleven that Spark writes; `landings` is written by the commit alone.
_OF_ATTEMPTS = (RAW_ASSESSMENTS, ASSESSMENTS, QUESTIONS, OPTIONS, QUARANTINE)
_SUMS = (EXAM_SCORES, QUESTION_DAYS, ITEM_DAYS, OPTION_DAYS, ITEM_TIMES, HOLES)
LANDED = {table.name: table for table in (*_OF_ATTEMPTS, *_SUMS)}
TABLES = {**LANDED, LANDINGS.name: LANDINGS}

FIRST_SEEN = View(
    "first_seen",
    "version of an attempt over all days; `where day = first_day`, joined to assessments, leaves repeats on later days out",
    "assessments",
    (
        *_KEY,
        ("first_day", DATE, "Earliest ingestion day that has it"),
        ("days", LONG, "On how many ingestion days it is, 1 or more"),
    ),
    "select keen_id, hash, min(day) as first_day, count(*) as days from assessments group by keen_id, hash",
)
VIEWS = {FIRST_SEEN.name: FIRST_SEEN}
