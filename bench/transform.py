"""What the transform costs, beside DuckDB making the same tables from the same records: ratios of runs that took turns.

    PYTHONPATH=. .local/venv/bin/python bench/transform.py [--records 3280] [--large] [--rounds 1] [--json] [--demo] [--job PATH]

Ours is the whole of spark-submit, from its start to the receipt, with the deployment's own settings, reading the records as a landing keeps
them (`--raw`, Parquet on the local disk: no broker takes part) and writing all eleven tables. DuckDB reads the same records as NDJSON and
writes the five that come from their fields: assessments, questions, options, exam_scores, question_days, as Parquet with zstd. The
rows of both are compared. CPU seconds and memory are of whole process trees.
"""

import ctypes
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import duckdb
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import typer

from include.schemas import TABLES
from include.stack import samples
from include.stack.jars import STACK, fetch_jars
from include.stack.java import Java, find_java
from include.stack.settings import Settings
from include.stack.spark import archive_classes, configure_spark, properties_file, spark_environment, spark_submit
from include.transform_command import Batch, FromLake, transform_arguments, tuning

DAY, INGEST = "2018-01-28", "0123456789abcdef"
PROJECT = Path(__file__).resolve().parents[1]
JOB = PROJECT / "spark_jobs" / "transform_assessments.py"
SAMPLED_DAYS = 4  # of which records are taken in turn, each time with another keen_id
LARGE = 1_000_000
MEGABYTE = 1024 * 1024
PR_SET_CHILD_SUBREAPER = 36
NOT_COMPARED = {"hash", "record"}  # DuckDB has no xxHash64 with Spark's seed, and NDJSON no record numbers


@dataclass(frozen=True)
class Cost:
    """Of one run: seconds on the clock, CPU seconds of all its processes, and the most memory that they held together (RSS)."""

    wall_seconds: float
    cpu_seconds: float
    peak_rss_mb: float


def main(
    records: Annotated[int, typer.Option(help="how many records, all different and all sound")] = 3_280,
    large: Annotated[bool, typer.Option("--large", help=f"{LARGE:,} records, 5 GB of disk")] = False,
    rounds: Annotated[int, typer.Option(help="how often each takes its turn")] = 1,
    demo: Annotated[bool, typer.Option("--demo", help="the demo's day as it is, copies and unreadable ones too; without DuckDB")] = False,
    job: Annotated[Path, typer.Option(help="the job of another checkout, to compare with")] = JOB,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document")] = False,
) -> None:
    """Prints the median of each figure, and how they compare."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # whoever outlives its parent is counted as well
    with tempfile.TemporaryDirectory(prefix="landfall-bench-") as name:
        folder = Path(name)
        count = LARGE if large else records
        values = iter(samples.make(DAY).records) if demo else attempts(count)
        count, size = make(folder, values)
        submit = deployment(folder, count, size)
        ours, theirs = [], []
        for number in range(rounds):
            ours.append(measured(lambda n=number: submit(job, f"bench-{n}")))  # type: ignore[misc]
            if not demo:
                theirs.append(measured(lambda n=number: duckdb_command(folder, n)))  # type: ignore[misc]
        if not demo:
            compare(folder, "bench-0")
        report(count, size, ours, theirs, as_json)


def attempts(count: int) -> Iterator[bytes]:
    """Sound attempts of the samples, one of each id, over and over with an id of their own each time."""
    first = date.fromisoformat(DAY)
    days = [samples.make((first + timedelta(days=number)).isoformat()) for number in range(SAMPLED_DAYS)]
    pool = [record for day in days for record in sound(day)]
    for number in range(count):
        record, keen_id = pool[number % len(pool)]
        yield record.replace(keen_id, f"{number:024x}".encode())


def sound(day: samples.Sample) -> Iterator[tuple[bytes, bytes]]:
    """Record and keen_id of those in which nothing was planted that would not land once as it is."""
    planted = {number for numbers in day.planted.values() for number in numbers}
    for number, record in enumerate(day.records):
        if number not in planted:
            yield record, json.loads(record)["keen_id"].encode()


def make(folder: Path, values: Iterator[bytes]) -> tuple[int, int]:
    """The records as NDJSON, and as `raw_assessments` keeps them; returns their number and bytes."""
    size = number = 0
    schema = TABLES["raw_assessments"].arrow
    with (folder / "records.ndjson").open("wb") as lines, pq.ParquetWriter(folder / "raw.parquet", schema, compression="zstd") as raw:
        rows: list[dict[str, Any]] = []
        for number, value in enumerate(values, 1):
            lines.write(value + b"\n")
            rows.append(
                {"day": date.fromisoformat(DAY), "ingest": INGEST, "partition": 0, "offset": number, "record": number - 1, "value": value}
            )
            size += len(value)
            if len(rows) == 5_000:
                raw.write_table(pa.Table.from_pylist(rows, schema=schema))
                rows.clear()
        raw.write_table(pa.Table.from_pylist(rows, schema=schema))
    return number, size


def deployment(folder: Path, records: int, size: int) -> Callable[[Path, str], list[str]]:
    """Sets up Spark as the embedded stack does; returns what gives the command of a landing."""
    settings = Settings.private(folder / "stack")
    java: Java = find_java(folder / "java")
    fetch_jars(Settings.load(), java, say, STACK)
    configure_spark(settings, java)
    archive_classes(settings, java, say)
    for_size = tuning(size, os.environ)
    os.environ.update({**spark_environment(settings, java), **for_size.environment})
    lake = folder / "lake"
    lake.mkdir()

    def submit(job: Path, landing: str) -> list[str]:
        batch = Batch("none", INGEST, DAY, landing, lake.as_uri(), f"{lake.as_uri()}/{landing}.json")
        arguments = transform_arguments(batch, FromLake([(folder / "raw.parquet").as_uri()]), test_exam_names=[samples.TEST_EXAM])
        return [*spark_submit(properties_file(settings), for_size.conf), str(job), *arguments]

    return submit


def say(text: str) -> None:
    typer.echo(text, err=True)


def measured(command: Callable[[], list[str]]) -> Cost:
    """Runs the command. Raises CalledProcessError with its output on stderr."""
    used, began = cpu_of_children(), time.monotonic()
    process = subprocess.Popen(command(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=PROJECT)
    peak, seen = [0], dict[int, float]()
    watch = threading.Thread(target=watch_processes, args=(psutil.Process(process.pid), peak, seen), daemon=True)
    watch.start()
    output, _ = process.communicate()
    wall = time.monotonic() - began
    watch.join()
    reap_orphans()
    if process.returncode:
        say(output[-4000:])
        raise subprocess.CalledProcessError(process.returncode, process.args)
    # What ends while its parent does may be waited for by nobody, and then the system adds its seconds to no one's.
    return Cost(wall, max(cpu_of_children() - used, sum(seen.values())), peak[0] / MEGABYTE)


def cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def watch_processes(root: psutil.Process, peak: list[int], cpu: dict[int, float]) -> None:
    """Keeps the peak of their memory together, in bytes, and the CPU seconds of each by its pid."""
    while root.is_running() and root.status() != psutil.STATUS_ZOMBIE:
        total = 0
        for process in [root, *children(root)]:
            with suppress(psutil.Error):
                total += process.memory_info().rss
                times = process.cpu_times()
                cpu[process.pid] = times.user + times.system
        peak[0] = max(peak[0], total)
        time.sleep(0.1)


def children(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return process.children(recursive=True)
    return []


def reap_orphans() -> None:
    """Waits for the processes that the run left to us, so that their CPU seconds count."""
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


# --- The same tables by DuckDB

QUESTION = """struct(id varchar, user_result varchar, user_correct boolean, user_incomplete boolean, user_submitted boolean,
    options struct(id varchar, checked boolean, correct boolean, "at" timestamptz, submitted integer)[])[]"""
COUNTS = "struct(incomplete integer, submitted integer, incorrect integer, correct integer, total integer, unanswered integer, all_correct boolean)"  # noqa: E501
TEXTS = ("keen_id", "exam_name", "base_exam_id", "user_exam_id", "certification", "max_attempts", "keen_timestamp", "keen_created_at")
FIELDS = dict.fromkeys(TEXTS, "varchar") | {
    "started_at": "timestamptz",
    "sequences": f"struct(id varchar, attempt integer, counts {COUNTS}, questions {QUESTION})",
}
COUNT_NAMES = ("incomplete", "submitted", "incorrect", "correct", "total", "unanswered", "all_correct")
UNIX = "make_timestamptz(({0}::decimal(24, 6) * 1000000)::bigint)"
SQL = f"""
create table a as select * from read_ndjson('{{folder}}/records.ndjson',
    columns = {{{{ {", ".join(f"{name}: '{kind}'" for name, kind in FIELDS.items())} }}}});
create view assessments as select date '{DAY}' as day, keen_id, 1::bigint as copies, exam_name = '{samples.TEST_EXAM}' as is_test,
    false as is_conflict, exam_name, base_exam_id, user_exam_id, certification, max_attempts::double as max_attempts, started_at,
    {UNIX.format("keen_timestamp")} as keen_timestamp, {UNIX.format("keen_created_at")} as keen_created_at,
    sequences.id as sequence_id, sequences.attempt as attempt, {", ".join(f"sequences.counts.{name} as {name}" for name in COUNT_NAMES)},
    case when total > 0 then correct / total end as score, len(sequences.questions)::integer as question_count,
    len(sequences.questions) = total and len(list_filter(sequences.questions, lambda q: q.user_result = 'correct')) = correct
        and len(list_filter(sequences.questions, lambda q: q.user_result = 'incorrect')) = incorrect
        and len(list_filter(sequences.questions, lambda q: q.user_result = 'missed_some')) = incomplete
        and len(list_filter(sequences.questions, lambda q: q.user_result = 'unanswered')) = unanswered
        and len(list_filter(sequences.questions, lambda q: q.user_submitted)) = submitted
        and all_correct = (correct = total) as tallies
    from a;
create view asked as select date '{DAY}' as day, keen_id, base_exam_id, exam_name, exam_name = '{samples.TEST_EXAM}' as is_test,
    unnest(range(len(sequences.questions)))::integer as position, unnest(sequences.questions) as q from a;
create view questions as select day, keen_id, position, q.id as question_id, q.user_result, q.user_correct, q.user_incomplete,
    q.user_submitted, len(q.options)::integer as option_count from asked;
create view options as select day, keen_id, question_position, position, question_id, o.id as option_id, o.checked, o.correct, o.at,
    o.submitted from (select day, keen_id, position as question_position, q.id as question_id,
    unnest(range(len(q.options)))::integer as position, unnest(q.options) as o from asked);
create view exam_scores as select day, base_exam_id, exam_name, is_test, case when score is not null then correct end as correct,
    case when score is not null then total end as total, count(*) as attempts, sum(copies)::bigint as copies, 0::bigint as conflicts,
    sum(incomplete)::bigint as incomplete, sum(incorrect)::bigint as incorrect, sum(unanswered)::bigint as unanswered,
    max(started_at) as last_taken from assessments group by day, base_exam_id, exam_name, is_test, 5, 6;
create view question_days as select day, base_exam_id, exam_name, q.id as question_id, is_test, count(*) as asked,
    count(*) filter (q.user_result = 'correct') as correct, count(*) filter (q.user_result = 'incorrect') as incorrect,
    count(*) filter (q.user_result = 'missed_some') as missed, count(*) filter (q.user_result = 'unanswered') as unanswered
    from asked group by all;
"""
COMPARED = ("assessments", "questions", "options", "exam_scores", "question_days")


def duckdb_command(folder: Path, number: int) -> list[str]:
    """A process of its own, as ours is."""
    copies = [f"copy {table} to '{folder}/{table}-{number}.parquet' (compression zstd)" for table in COMPARED]
    program = f"import duckdb; duckdb.sql('''set TimeZone = 'UTC'; {SQL.format(folder=folder)} {'; '.join(copies)}''')"
    return [sys.executable, "-P", "-c", program]


def compare(folder: Path, landing: str) -> None:
    """Raises AssertionError where a table has other rows."""
    database = duckdb.connect()
    database.execute("set TimeZone = 'UTC'")
    for table in COMPARED:
        columns = ", ".join(f'"{name}"' for name in TABLES[table].arrow.names if name not in NOT_COMPARED)
        ours = f"select {columns} from '{folder}/lake/{table}/landing={landing}/*.parquet'"
        theirs = f"select {columns} from '{folder}/{table}-0.parquet'"
        differing = f"select count(*) from (({ours} except all {theirs}) union all ({theirs} except all {ours}))"
        found = database.execute(differing).fetchone()
        assert found == (0,), f"{table}: {found} rows differ"
        say(f"{table}: the same {database.execute(f'select count(*) from ({ours})').fetchone()} rows")


def report(records: int, size: int, ours: list[Cost], theirs: list[Cost], as_json: bool) -> None:
    figures: dict[str, Any] = {"records": records, "megabytes": round(size / 1e6, 1)}
    figures |= {name: round(value, 2) for name, value in medians(ours).items()}
    if theirs:
        duck = medians(theirs)
        figures |= {"wall_ratio": round(figures["wall_seconds"] / duck["wall_seconds"], 2)}
        figures |= {"cpu_ratio": round(figures["cpu_seconds"] / duck["cpu_seconds"], 2)}
        figures |= {f"duckdb_{name}": round(value, 2) for name, value in duck.items()}
    if as_json:
        typer.echo(json.dumps(figures))
        return
    for name, value in figures.items():
        typer.echo(f"{name:24}{value:>16,}")


def medians(costs: list[Cost]) -> dict[str, float]:
    return {name: statistics.median(asdict(cost)[name] for cost in costs) for name in asdict(costs[0])}


if __name__ == "__main__":
    typer.run(main)
