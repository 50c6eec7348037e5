"""Failures that somebody has seen: who looked at which failure of a run, and when, so that it no longer asks for a person.

Each is a file of its own, `seen/<day>_<failure>.json` in the customer's lake, so that two people at once lose nothing, and which failures
have been seen is one listing. A run that is tried again and fails again is another failure.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from include import receipts
from include.effects import Effect, effect
from include.errors import LandfallError
from include.lake.lake import Lake
from include.runs.day_states import Run
from include.storage.webhdfs import make_directory, make_file


@dataclass(frozen=True)
class Seen:
    """One failure that `by`, a user of Airflow, has seen `at` a moment (ISO 8601, UTC)."""

    run_id: str
    by: str
    at: str


def failure(run: Run) -> str:
    """The name of what this run came to: of its id and the moment it ended."""
    ended = run.ended.astimezone(UTC).isoformat() if run.ended else ""
    return f"{run.day.isoformat()}_{hashlib.sha256(f'{run.run_id} {ended}'.encode()).hexdigest()[:16]}"


def seen_failures(lake: Lake) -> frozenset[str]:
    """The names of all failures that somebody has seen. Raises LandfallError if HDFS does not answer."""
    try:
        return frozenset(str(each["name"]).rpartition("/")[2].removesuffix(".json") for each in lake.fs.ls(_folder(lake), detail=True))
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        raise LandfallError(f"{lake.customer}: {_folder(lake)} cannot be read: {error}") from error


def who_saw(lake: Lake, run: Run) -> Seen | None:
    """Who has seen this run's failure first; None for nobody."""
    path = _path(lake, run)
    try:
        return receipts.read(Seen, lake.fs.cat_file(path), path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LandfallError(f"{lake.customer}: {path} cannot be read: {error}") from error


def mark_seen(lake: Lake, run: Run, by: str, now: datetime | None = None) -> Seen:
    """Notes that `by` has seen this run's failure; returns who was first."""
    if first := who_saw(lake, run):
        return first
    path, seen = _path(lake, run), Seen(run.run_id, by, (now or datetime.now(UTC)).isoformat(timespec="seconds"))
    try:
        make_directory(lake.fs, _folder(lake))
        with effect(Effect.WRITE_FILE, path=path):
            if make_file(lake.fs, path, msgspec.json.encode(seen)):
                return seen
    except OSError as error:
        raise LandfallError(f"{lake.customer}: {path} cannot be written: {error}. Nothing was noted.") from error
    return who_saw(lake, run) or seen


def _folder(lake: Lake) -> str:
    return f"{lake.path}/seen"


def _path(lake: Lake, run: Run) -> str:
    return f"{_folder(lake)}/{failure(run)}.json"
