"""Would the quarantined records pass today? Asked with the rules that a landing would use, before anything is landed again.

They are those of `spark_jobs/`, run as a plain Python program: Spark is not needed for them.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from include import receipts
from include.errors import LandfallError, Refused
from include.lake.lake import Lake
from include.receipts import Landing

JOB = Path(__file__).parents[2] / "spark_jobs" / "judge_again.py"
FAILED = "judge_again failed:"
SECONDS = 1800
PLACE = ("partition", "offset")
ROWS = 1024  # of records at a time


@dataclass(frozen=True)
class Judgement:
    """Of the day's `quarantined` records so many are `passing` with today's rules; `reasons` counts the others."""

    quarantined: int
    passing: int
    reasons: dict[str, int]


def landed(lake: Lake, day: str) -> Landing:
    """The day's landing in force. Raises Refused where there is none."""
    landing = lake.in_force(day)
    if landing is None:
        raise Refused(f"{lake.customer} {day}: nothing has landed for this day, so there is nothing to land again")
    return landing


def dry_run(lake: Lake, day: str) -> Judgement:
    """Judges the day's quarantine again; changes nothing."""
    state = lake.state()
    if landed(lake, day).quarantined == 0 or state is None:
        return Judgement(0, 0, {})
    raw, quarantine = (lake.files(table, state.snapshots[table], day) for table in ("raw_assessments", "quarantine"))
    with tempfile.TemporaryFile(prefix="landfall-replay-") as records:
        _write_quarantined(records, lake.fs, raw, quarantine)
        records.seek(0)
        return receipts.read(Judgement, _run(records), "the result of judge_again")


def _write_quarantined(records: IO[bytes], fs: Any, raw: Sequence[str], quarantine: Sequence[str]) -> None:
    """The bytes of the quarantined records as an Arrow stream."""
    places = {place for rows in _rows(fs, quarantine, PLACE) for place in _places(rows)}
    with pa.ipc.new_stream(records, pa.schema([("value", pa.binary())])) as stream:
        for rows in _rows(fs, raw, (*PLACE, "value")):
            chosen = rows.filter(pa.array(place in places for place in _places(rows)))
            stream.write_batch(pa.RecordBatch.from_pydict({"value": chosen["value"]}))


def _rows(fs: Any, paths: Sequence[str], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    for path in paths:
        with fs.open(path, "rb") as file:
            yield from pq.ParquetFile(file).iter_batches(ROWS, columns=list(columns))


def _places(rows: pa.RecordBatch) -> Iterator[tuple[int, int]]:
    return zip(*(rows[column].to_pylist() for column in PLACE), strict=True)


def _run(records: IO[bytes]) -> str:
    done = subprocess.run([sys.executable, str(JOB)], stdin=records, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        said = [line.partition(FAILED)[2].strip() for line in done.stderr.splitlines() if FAILED in line]
        raise LandfallError(f"judging again: {said[-1] if said else done.stderr[-2000:]}")
    return done.stdout
