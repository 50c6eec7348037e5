"""Would the quarantined records pass today? Asked of Spark, with the rules that a landing would use, before anything is landed again."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from include import receipts
from include.errors import LandfallError, Refused
from include.lake import Lake
from include.receipts import Landing
from include.spooling import spool_folder

JOB = Path(__file__).parents[1] / "spark_jobs" / "judge_again.py"
FAILED = "judge_again failed:"
SECONDS = 1800


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


def dry_run(lake: Lake, day: str, submit: Sequence[str], environment: Mapping[str, str]) -> Judgement:
    """Judges the day's quarantine again; changes nothing.

    `submit` is spark-submit with its options, `environment` what it needs to find Spark, Java and HDFS.
    """
    state = lake.state()
    if landed(lake, day).quarantined == 0 or state is None:
        return Judgement(0, 0, {})
    with spool_folder("replay") as folder:
        result = folder / "result.json"
        files = {
            option: [lake.uri(path) for path in lake.files(table, state.snapshots[table], day)]
            for option, table in (("--raw", "raw_assessments"), ("--quarantine", "quarantine"))
        }
        arguments = [part for option, uris in files.items() for uri in uris for part in (option, uri)]
        _run([*submit, str(JOB), *arguments, "--result", str(result)], environment)
        return receipts.read(Judgement, result.read_bytes(), "the result of judge_again")


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        command, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False
    )
    if done.returncode:
        said = [line.partition(FAILED)[2].strip() for line in done.stdout.splitlines() if FAILED in line]
        raise LandfallError(f"Spark: {said[-1] if said else done.stdout[-2000:]}")
