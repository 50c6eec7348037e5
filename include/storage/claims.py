"""One run at a time for a customer's day, and the order of a day's landings.

Two runs of a day would both transform it, and the later commit would land it twice. So a run claims its day before it reads the source;
another one waits while the run that holds the claim is under way. Nothing has to be given back: a claim whose run is over, or was killed,
is simply taken over.

`<lake>/claims/<day>/<number>` holds the id of a run; the highest number counts. Taking over is renaming a file to the next number, which
HDFS lets only one of several do, and which never shows half a file. Whoever reads the source claims the day anew, also the run that had
it: so of two sources the one with the higher number was read later, whatever the workers' clocks say, and `lake.commit` lands only the one
whose number still counts.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from include.effects import Effect, effect
from include.storage.webhdfs import make_file

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Claim:
    """`number` is that of the claim that counts, `run_id` whose it is."""

    number: int
    run_id: str


@dataclass(frozen=True)
class Taken:
    """The day is another run's, or in words what is known of it."""

    by: str


def claim(fs: Any, root: str, day: str, run_id: str, is_under_way: Callable[[str], bool], above: int = 0) -> Claim | Taken:
    """Takes the day for this run. `is_under_way` says whether the run of an id still is.

    The number is higher than any before it and than `above`: the one in `landings`, in case that the claims were lost.
    """
    folder = f"{root}/claims/{day}"
    there = _numbers(fs, folder)
    if there:
        holder = _holder(fs, folder, there[-1])
        if holder is None or (holder != run_id and is_under_way(holder)):
            return Taken(holder or "another run, which has just begun")
        log.info("%s: claim %d of run %s is taken over", day, there[-1], holder)
    number = max(above, *there, 0) + 1
    with effect(Effect.CLAIM_DAY, day=day, run=run_id, number=number):
        if not make_file(fs, f"{folder}/{number}", run_id.encode()):
            return Taken("another run, which came first")
        if _numbers(fs, folder)[-1] != number:
            return Taken("another run, which came later")
        for old in there:
            with suppress(FileNotFoundError):  # an earlier try of this run may still be at it
                fs.rm_file(f"{folder}/{old}")
    return Claim(number, run_id)


def in_force(fs: Any, root: str, day: str) -> Claim | None:
    """The claim of the day that counts, None if there is none."""
    folder = f"{root}/claims/{day}"
    there = _numbers(fs, folder)
    if not there:
        return None
    holder = _holder(fs, folder, there[-1])
    return Claim(there[-1], holder) if holder is not None else in_force(fs, root, day)


def holder(fs: Any, root: str, day: str) -> str | None:
    """Which run has the day, or had it last."""
    folder = f"{root}/claims/{day}"
    numbers = _numbers(fs, folder)
    return _holder(fs, folder, numbers[-1]) if numbers else None


def _holder(fs: Any, folder: str, number: int) -> str | None:
    """The run that the claim names; None if somebody has just taken it over."""
    try:
        content: bytes = fs.cat_file(f"{folder}/{number}")
    except FileNotFoundError:
        return None
    return content.decode()


def _numbers(fs: Any, folder: str) -> list[int]:
    try:
        names = [str(path).rsplit("/", 1)[1] for path in fs.ls(folder, detail=False)]
    except FileNotFoundError:
        return []
    return sorted(int(name) for name in names if name.isdigit())
