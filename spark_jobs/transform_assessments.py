"""Exact Kafka offsets, or the raw records of a landing, in, Parquet files of the tables and a receipt out.

    spark-submit transform_assessments.py --bootstrap-servers localhost:9092 --topic assessments.acme --offsets '{"0": [0, 1139]}'
        --ingest 5f3a9c1e5f3a9c1e --day 2018-01-28 --landing 2018-01-28-5f3a9c1e-1
        --lake hdfs://localhost:8020/lake/acme --receipt hdfs://localhost:8020/lake/acme/receipts/landing=2018-01-28-5f3a9c1e-1.json

A landed day that Kafka has forgotten is read from its own raw records: `--raw hdfs://.../raw_assessments/landing=.../part-0.parquet` once
for each file in place of `--bootstrap-servers` and `--offsets`; all the rest is the same.

Each try has a landing id of its own and writes `<lake>/<table>/landing=<id>/*.parquet`; the receipt comes last, so where there is none
the landing is not complete and nobody may use it. Prints `transform_assessments failed: <cause>` to stderr (spark-submit passes
it on to its stdout) and exits 1 on any failure.
"""

import argparse
import json
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

import pyarrow as pa
from py4j.protocol import Py4JError, Py4JJavaError  # type: ignore[import-untyped]
from pyspark import StorageLevel
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

import batches
import holes
import parquet_files
import progress
import sums
import tables
from hadoop_files import HadoopFiles
from schemas import TABLES
from writing import Writer

log = logging.getLogger("transform_assessments")

# What decides about right and wrong stands here; what depends on the machine (jars, memory, cores) in what spark-submit is given.
SPARK_CONF: dict[str, bool | float | int | str | None] = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "true",
    "spark.sql.inMemoryColumnarStorage.batchSize": "1",  # a row is a block of records, or a file
    "spark.sql.execution.arrow.maxRecordsPerBatch": "1000",
    "spark.sql.execution.arrow.maxBytesPerBatch": "64MB",
    "spark.python.sql.dataFrameDebugging.enabled": "false",  # else the JVM is told of every call where it is made
}

# A broker that does not answer is an error within a minute, not a task that hangs.
KAFKA_TIMEOUTS = {
    "kafka.request.timeout.ms": "10000",
    "kafka.default.api.timeout.ms": "20000",
    "fetchOffset.numRetries": "2",
    "kafkaConsumer.pollTimeoutMs": "45000",
}

RAW = from_arrow_schema(TABLES["raw_assessments"])
RECORDS_PER_TASK = 20_000
RAW_BYTES_PER_TASK = 6 * 1024 * 1024  # of `raw_assessments`, which zstd makes a tenth of: about as many records
DRIVER_WRITES = 64 * 1024 * 1024  # bytes of records up to which the driver writes all files: about a tenth of it, and no job a table
BYTES_PER_TASK = 128 * 1024 * 1024  # of records as published; Parquet with zstd makes about a tenth of it
# What workers import, beside pyarrow.
WORKER_MODULES = tuple(f"{name}.py" for name in ("record", "json_text", "judging", "batches", "schemas", "tables", "sums", "parquet_files"))


class TransformError(Exception):
    """What is found in Kafka or on the lake does not allow a landing; the message says what to do."""


Offsets = dict[int, tuple[int, int]]


def offsets(text: str) -> Offsets:
    """`{"0": [first, last], ...}`, both inclusive, as a dictionary; `{}` for a day without records. Raises ArgumentTypeError."""
    try:
        ranges = {int(partition): (int(first), int(last)) for partition, (first, last) in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise argparse.ArgumentTypeError(f'expected {{"partition": [first, last], ...}}, found {text!r}') from error
    wrong = [f"{partition}: [{first}, {last}]" for partition, (first, last) in ranges.items() if not 0 <= first <= last]
    if wrong:
        raise argparse.ArgumentTypeError(f"expected ranges with 0 <= first <= last, found {', '.join(wrong)}")
    return ranges


def forgotten_before(text: str) -> tuple[int, int]:
    count, _, content_hash = text.partition(":")
    try:
        return int(count), int(content_hash, 16)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected COUNT:HASH, the hash in hexadecimal digits, found {text!r}") from error


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Transforms one ingest of exam attempts from Kafka to Parquet files of eleven tables.")
    parser.add_argument("--bootstrap-servers")
    parser.add_argument("--topic", required=True)
    parser.add_argument("--offsets", type=offsets, help='{"partition": [first, last], ...}, both inclusive')
    parser.add_argument("--raw", action="append", default=[], help="URI of a Parquet file to read in place of Kafka; may be repeated")
    parser.add_argument("--ingest", required=True, help="only messages whose header `ingest` is this are read")
    parser.add_argument("--day", required=True, type=date.fromisoformat)
    parser.add_argument("--landing", required=True, help="id of this try; its directories must not exist yet")
    parser.add_argument("--lake", required=True, help="URI of the customer's directory")
    parser.add_argument("--receipt", required=True, help="URI of the file that is written last")
    parser.add_argument("--test-exam-name", action="append", default=[], help="regular expression, as Python has them; may be repeated")
    parser.add_argument("--test-base-exam-id", action="append", default=[], help="regular expression, as Python has them; may be repeated")
    parser.add_argument("--forgotten-salt", default="", help="text that stands before every id that is hashed")
    parser.add_argument(
        "--forgotten", action="append", default=[], help="sha256 (hex) of salt and keen_id of an attempt to leave out; may be repeated"
    )
    parser.add_argument("--forgotten-before", type=forgotten_before, default=(0, 0), help="COUNT:HASH of what is in --raw no more")
    options = parser.parse_args(argv)
    kafka = [options.bootstrap_servers is not None, options.offsets is not None]
    if any(kafka) if options.raw else not all(kafka):
        parser.error("give either --bootstrap-servers and --offsets, or --raw")
    if options.forgotten_before[0] and not options.raw:
        parser.error("--forgotten-before goes with --raw: Kafka has every record still")
    return options


def read_messages(spark: SparkSession, options: argparse.Namespace) -> DataFrame:
    """The ingest's messages: partition, offset, timestamp, record, key, hash, value; from where the options say."""
    if options.raw:
        return read_raw(spark, options)
    return read_kafka(spark, options) if options.offsets else no_messages(spark)


def no_messages(spark: SparkSession) -> DataFrame:
    """Those of a day without records."""
    return spark.range(0).select(*(F.lit(None).cast(field.dataType).alias(field.name) for field in RAW)).withColumnRenamed("keen_id", "key")


def read_raw(spark: SparkSession, options: argparse.Namespace) -> DataFrame:
    """Messages as an earlier landing kept them; only the hash is taken anew, from the bytes."""
    kept_messages = spark.read.schema(RAW).parquet(*options.raw).where(F.col("ingest") == options.ingest)
    messages = kept_messages.withColumn("hash", F.xxhash64("value")).withColumnRenamed("keen_id", "key")
    lake = HadoopFiles(spark, options.raw[0])
    tasks = ceil(sum(map(lake.length, options.raw)) / RAW_BYTES_PER_TASK)  # else a file of many records would be one task
    return messages.repartition(tasks, "partition", "offset") if tasks > 1 else messages


def read_kafka(spark: SparkSession, options: argparse.Namespace) -> DataFrame:
    """Exactly the given offsets, and of them only the ingest's."""
    ranges: Offsets = options.offsets
    tasks = [ceil((last - first + 1) / RECORDS_PER_TASK) for first, last in ranges.values()]
    records = sum(last - first + 1 for first, last in ranges.values())
    messages = (
        spark.read.format("kafka")
        .options(**KAFKA_TIMEOUTS)
        .option("kafka.bootstrap.servers", options.bootstrap_servers)
        .option("assign", json.dumps({options.topic: list(ranges)}))  # `subscribe` would want the offsets of all partitions
        .option("startingOffsets", json.dumps({options.topic: {partition: first for partition, (first, _) in ranges.items()}}))
        .option("endingOffsets", json.dumps({options.topic: {partition: last + 1 for partition, (_, last) in ranges.items()}}))
        .option("kafka.isolation.level", "read_committed")
        .option("includeHeaders", "true")
        .option("failOnDataLoss", "true")
        .option("minPartitions", sum(tasks))
        .load()
        .coalesce(ceil(records / RECORDS_PER_TASK))  # of a small day one: a worker's start costs more than a thousand records
    )
    value = F.coalesce("value", F.lit(b""))  # a tombstone is an empty record: counted, and quarantined as blank
    return messages.where(header("ingest") == options.ingest).select(
        "partition",
        "offset",
        "timestamp",
        header("record").try_cast("bigint").alias("record"),
        F.col("key").cast("string").alias("key"),
        F.xxhash64(value).alias("hash"),
        value.alias("value"),
    )


def header(name: str) -> Any:
    """The text of the first header of this name, null if there is none."""
    return F.get(F.filter("headers", lambda each: each["key"] == name), F.lit(0))["value"].cast("string")


def judged(messages: DataFrame, salt: str, tombstones: Sequence[str]) -> DataFrame:
    """The messages less the forgotten ones in blocks, with the verdict on each, and each task's `summary` and `ids` as a row.

    `day` and `ingest` do not go through the workers: they are the same for all.
    """
    spark = messages.sparkSession
    for module in WORKER_MODULES:
        # Workers import what lies in their folder of files. `addPyFile`, for packages, also reads Spark's own zip anew, each time 19 times.
        spark.sparkContext.addFile(str(Path(__file__).parent / module))
    judge = partial(batches.judge_batches, salt=salt, tombstones=tombstones)
    return messages.drop("day", "ingest").mapInArrow(judge, from_arrow_schema(batches.JUDGED))


def counted(blocks: DataFrame, before: tuple[int, int]) -> dict[str, Any]:
    """What the tasks have counted, with `content_hash`, `forgotten_hash` and the `ids` that are there more than once; those that were
    forgotten `before`, of which nothing but number and hash is left, count as read. This pass reads, judges, and fills the cache.
    """
    rows = blocks.where(F.col("summary").isNotNull()).select("summary", "ids").collect()
    found = batches.total(row.summary for row in rows)
    count, hashes = before
    for what, total in (("content_hash", "hashes"), ("forgotten_hash", "forgotten_hashes")):
        found[what] = f"{(found[total] + hashes) % 2**64:016x}"
    return {**found, **{name: found[name] + count for name in ("read", "forgotten")}, "ids": batches.not_alone(row.ids for row in rows)}


def repeated(blocks: DataFrame, ids: frozenset[bytes]) -> pa.Table:
    """Which records are not the only one of their keen_id, as `tables.repeated` has it. In most days few ids are asked for."""
    places = blocks.mapInArrow(partial(batches.places, among=ids), from_arrow_schema(batches.PLACES)).collect() if ids else []
    return tables.repeated(map(tuple, places))


def refuse_existing(writer: Writer, options: argparse.Namespace) -> None:
    for uri in [*map(writer.directory, TABLES), options.receipt]:
        if writer.files.exists(uri):
            raise TransformError(f"{uri} exists already. Every try needs a landing id of its own; nothing was written.")


def refuse_incomplete(found: dict[str, Any], options: argparse.Namespace) -> None:
    if found["read"] == 0 and (options.raw or options.offsets):
        raise TransformError(f"no message of ingest {options.ingest} there. Nothing was written. Publish the day again.")
    if found["unnumbered"]:
        raise TransformError(
            f"{found['unnumbered']} of {found['read']} messages have no number in their header `record`. Nothing was written."
        )


def transform(spark: SparkSession, options: argparse.Namespace, seconds: dict[str, float]) -> dict[str, Any]:
    """Reads, judges and writes; returns the receipt's content. `seconds` is filled per step."""
    source = (
        f"{len(options.raw)} files of raw_assessments, from {options.raw[0]} on"
        if options.raw
        else f"{options.topic} {json.dumps(options.offsets)} at {options.bootstrap_servers}"
    )
    with step(seconds, "check", f"lake {options.lake}"):
        writer = Writer(HadoopFiles(spark, options.lake), options.lake, options.landing)
        refuse_existing(writer, options)
    with step(seconds, "read", source):
        messages = read_messages(spark, options)
    with step(seconds, "judge", source):
        records = kept(judged(messages, options.forgotten_salt, options.forgotten))
        found = counted(records, options.forgotten_before)
        refuse_incomplete(found, options)
    with step(seconds, "write", f"{options.lake}/<table>/landing={options.landing}"):
        written = write_all(writer, records.where(F.col("block").isNotNull()), found, options)
    return receipt(options, found, written)


def kept(frame: DataFrame) -> DataFrame:
    """Computed once, for all who use it."""
    return frame.persist(StorageLevel.MEMORY_AND_DISK)


def write_all(writer: Writer, blocks: DataFrame, found: dict[str, Any], options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Makes and writes all tables. What workers make of a small day the driver writes, that of a large one Spark."""
    test_exams = tables.ExamPatterns(options.test_exam_name, options.test_base_exam_id)
    day = pa.scalar(options.day, pa.date32())
    landing = parquet_files.Landing(day, options.ingest, test_exams, repeated(blocks, found["ids"]))
    made = made_of(blocks.coalesce(max(1, found["bytes"] // BYTES_PER_TASK)), landing)
    frame = kept(made) if found["bytes"] > DRIVER_WRITES else None
    content = F.col("content") if frame is None else F.when(F.col("rows").isNull(), F.col("content"))
    rows = made.select("table", "rows", "figures", content.alias("content")).collect()
    of = {table: [row for row in rows if row["table"] == table] for table in TABLES}
    small = {table: small_sum(table, of[table], day) for table in sums.SUMMED_BY}
    # All tables at once, from threads: each write waits mostly for its driver.
    with ThreadPoolExecutor(len(TABLES)) as threads:
        writes = {table: threads.submit(writer.write_rows, table, each) for table, each in small.items()}
        writes["holes"] = threads.submit(writer.write_rows, "holes", holes.rows(options.day, found["fields"]))
        for table in TABLES.keys() - writes.keys():
            writes[table] = threads.submit(writer.write_made, table, of[table], frame)
        return {table: each.result() for table, each in writes.items()}


def made_of(blocks: DataFrame, landing: parquet_files.Landing) -> DataFrame:
    """The files of the tables whose rows come from records, and partial sums, as `parquet_files.make` has them."""
    return blocks.mapInArrow(partial(parquet_files.make, landing=landing), from_arrow_schema(parquet_files.MADE))


def small_sum(table: str, made: Sequence[Row], day: pa.Date32Scalar) -> pa.Table:
    """A small table from its partial sums."""
    parts = [parquet_files.as_table(row["content"]) for row in made]
    rows = sums.together(table, parts) if parts else TABLES[table].empty_table().drop_columns(["day"])
    return rows.append_column("day", pa.repeat(day, len(rows)))


def receipt(options: argparse.Namespace, found: dict[str, Any], written: dict[str, dict[str, Any]]) -> dict[str, Any]:
    written = {table: {"rows": 0, "files": []} for table in TABLES} | written
    assessments = written["assessments"]
    quarantined = sum(found["reasons"].values())
    return {
        "landing": options.landing,
        "day": options.day.isoformat(),
        "topic": options.topic,
        "ingest": options.ingest,
        "read": found["read"],
        "content_hash": found["content_hash"],
        "distinct": assessments["rows"],
        "duplicates": found["read"] - found["forgotten"] - quarantined - assessments["rows"],
        "quarantined": quarantined,
        "forgotten": found["forgotten"],
        "forgotten_hash": found["forgotten_hash"],
        "tombstones": options.forgotten,
        **{name: written[table].get(name, 0) for name, (table, _) in tables.FIGURES.items()},
        "reasons": found["reasons"],
        "unknown_fields": holes.unknown_fields(found["unknown"]),
        "tables": {table: {"rows": written[table]["rows"], "files": written[table]["files"]} for table in TABLES},
    }


@contextmanager
def step(seconds: dict[str, float], name: str, where: str) -> Iterator[None]:
    """Times a step, and says of a failure in which step and where it happened."""
    began = time.monotonic()
    try:
        yield
    except (TransformError, PySparkException, Py4JError, OSError) as error:
        raise TransformError(f"{name} {where}: {cause(error)}") from error
    seconds[name] = round(time.monotonic() - began, 3)
    log.info("%s %s: %.1f s", name, where, seconds[name])


def cause(error: Exception) -> str:
    """What went wrong at the bottom of the chain of Java causes, in one line; with what to do where that is certain."""
    thrown = error.java_exception if isinstance(error, Py4JJavaError) else getattr(error, "_origin", None)
    while thrown is not None and thrown.getCause() is not None:
        thrown = thrown.getCause()
    text = " ".join(str(error if thrown is None else thrown.toString()).split())
    if "OffsetOutOfRangeException" in text:
        return f"{text} The topic has no longer, or not yet, all of these offsets. Publish the day again."
    if "No module named" in text:
        return f"{text} Python on Spark's workers needs pyarrow, in the version that the driver has. Nothing was written. Mend their image."
    return text


def run(options: argparse.Namespace) -> None:
    seconds: dict[str, float] = {}
    with step(seconds, "start", "Spark"):
        spark = SparkSession.builder.appName(f"transform {options.landing}").config(map=SPARK_CONF).getOrCreate()
        spark.sparkContext.setLogLevel("WARN")
    try:
        with progress.reported(spark, seconds):
            content = transform(spark, options, seconds)
        with step(seconds, "receipt", options.receipt):
            HadoopFiles(spark, options.receipt).write_atomically(options.receipt, json.dumps({**content, "seconds": seconds}, indent=1))
    finally:
        spark.stop()


def main() -> int:
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s", stream=sys.stderr)
    log.setLevel(logging.INFO)
    options = arguments()
    try:
        run(options)
    except TransformError as error:
        print(f"transform_assessments failed: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
