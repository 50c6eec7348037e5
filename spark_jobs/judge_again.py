"""Judges quarantined records again, with the rules as they are now; writes nothing to the lake.

    spark-submit judge_again.py --raw hdfs://.../raw_assessments/landing=.../part-0.parquet --quarantine hdfs://.../part-0.parquet
        --result result.json

Prints `judge_again failed: <cause>` to stderr and exits 1 on any failure.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from quarantine import is_quarantined, is_suspect, judge, read_records
from transform_assessments import SPARK_CONF, cause


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Says how many quarantined records would pass now.")
    parser.add_argument("--raw", required=True, action="append", help="URI of a Parquet file of raw_assessments; may be repeated")
    parser.add_argument("--quarantine", required=True, action="append", help="URI of a Parquet file of quarantine; may be repeated")
    parser.add_argument("--result", required=True, type=Path, help="local file for the result, as JSON")
    return parser.parse_args(argv)


def judge_again(spark: SparkSession, raw: list[str], quarantine: list[str]) -> dict[str, Any]:
    """`quarantined` records there are, how many of them are `passing` now, and the `reasons` of the others."""
    place = ["partition", "offset"]
    quarantined = spark.read.parquet(*quarantine).select(*place)
    records = read_records(spark.read.parquet(*raw).join(quarantined, place, "left_semi")).cache()
    refused = judge(records.where(is_suspect())).where(is_quarantined())
    reasons = {row["reason"]: row["count"] for row in refused.groupBy("reason").count().collect()}
    total = records.count()
    return {"quarantined": total, "passing": total - sum(reasons.values()), "reasons": reasons}


def main() -> int:
    options = arguments()
    try:
        spark = SparkSession.builder.appName("judge again").config(map=SPARK_CONF).getOrCreate()
        spark.sparkContext.setLogLevel("WARN")
        options.result.write_text(json.dumps(judge_again(spark, options.raw, options.quarantine)))
        spark.stop()
    except (PySparkException, Py4JError, OSError) as error:
        print(f"judge_again failed: {cause(error)}", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
