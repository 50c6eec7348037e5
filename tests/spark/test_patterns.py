"""What a contract may hold as a pattern means the same to Spark's Java as to Python with its ASCII flag."""

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import tables
from include import patterns
from tests.harness.common_patterns import COMMON, VALUES


def test_python_and_java_find_a_contract_s_patterns_in_the_same_values(spark: SparkSession) -> None:
    for pattern in COMMON:
        patterns.refuse_uncommon_regex(pattern)
    each = [F.col("value").rlike("(?d)" + pattern).alias(str(n)) for n, pattern in enumerate(COMMON)]  # there . and $ stop at \\n alone
    rows = spark.createDataFrame([(value,) for value in VALUES], "value string").select("value", *each).collect()
    java = {(pattern, row["value"]): row[str(number)] for row in rows for number, pattern in enumerate(COMMON)}
    python = {(pattern, value): tables.ExamPatterns(names=[pattern]).is_test(None, value) for pattern in COMMON for value in VALUES}
    assert {key: found for key, found in java.items() if found != python[key]} == {}
    assert len(java) == len(COMMON) * len(VALUES)
