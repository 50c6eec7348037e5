"""The tables' columns, types and order: written here a second time on purpose, because other programs rely on each of them."""

import pytest
from pyspark.sql import SparkSession
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

from include.schemas import LANDED
from schemas import TABLES

COLUMNS = {
    "raw_assessments": """day DATE, ingest STRING, partition INT, offset BIGINT, timestamp TIMESTAMP, record BIGINT, keen_id STRING,
        hash BIGINT, value BINARY""",
    "assessments": """day DATE, keen_id STRING, hash BIGINT, record BIGINT, copies BIGINT, is_test BOOLEAN, is_conflict BOOLEAN,
        exam_name STRING, base_exam_id STRING, user_exam_id STRING, certification STRING, max_attempts DOUBLE,
        started_at TIMESTAMP, keen_timestamp TIMESTAMP, keen_created_at TIMESTAMP, sequence_id STRING, attempt INT,
        incomplete INT, submitted INT, incorrect INT, correct INT, total INT, unanswered INT, all_correct BOOLEAN,
        score DOUBLE, question_count INT, tallies BOOLEAN""",
    "questions": """day DATE, keen_id STRING, hash BIGINT, position INT, question_id STRING, user_result STRING, user_correct BOOLEAN,
        user_incomplete BOOLEAN, user_submitted BOOLEAN, option_count INT""",
    "options": """day DATE, keen_id STRING, hash BIGINT, question_position INT, position INT, question_id STRING, option_id STRING,
        checked BOOLEAN, correct BOOLEAN, at TIMESTAMP, submitted INT""",
    "quarantine": """day DATE, partition INT, offset BIGINT, record BIGINT, hash BIGINT, keen_id STRING, reason STRING, detail STRING""",
    "exam_scores": """day DATE, base_exam_id STRING, exam_name STRING, is_test BOOLEAN, correct INT, total INT, attempts BIGINT,
        copies BIGINT, conflicts BIGINT, incomplete BIGINT, incorrect BIGINT, unanswered BIGINT, last_taken TIMESTAMP""",
    "question_days": """day DATE, base_exam_id STRING, exam_name STRING, question_id STRING, is_test BOOLEAN,
        asked BIGINT, correct BIGINT, incorrect BIGINT, missed BIGINT, unanswered BIGINT""",
    "item_days": """day DATE, base_exam_id STRING, exam_name STRING, is_test BOOLEAN, form STRING, question_id STRING, score INT,
        asked BIGINT, correct BIGINT, incorrect BIGINT, missed BIGINT, unanswered BIGINT, not_reached BIGINT""",
    "option_days": """day DATE, base_exam_id STRING, exam_name STRING, is_test BOOLEAN, form STRING, question_id STRING,
        option_id STRING, is_key BOOLEAN, score INT, offered BIGINT, chosen BIGINT, chosen_right BIGINT""",
    "item_times": """day DATE, base_exam_id STRING, exam_name STRING, is_test BOOLEAN, question_id STRING, seconds INT,
        asked BIGINT, correct BIGINT, changed BIGINT, disordered BIGINT""",
    "holes": """day DATE, path STRING, parents BIGINT, present BIGINT, nulls BIGINT, missing BIGINT, empty BIGINT, wrong_type BIGINT""",
}


def test_all_tables_are_here() -> None:
    assert list(TABLES) == list(COLUMNS)


@pytest.mark.parametrize("table", COLUMNS)
def test_columns_types_and_order(spark: SparkSession, table: str) -> None:
    assert from_arrow_schema(TABLES[table]) == StructType.fromDDL(COLUMNS[table])


@pytest.mark.parametrize("table", COLUMNS)
def test_the_lake_has_the_same(table: str) -> None:
    assert TABLES[table] == LANDED[table].arrow
