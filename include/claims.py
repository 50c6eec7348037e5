"""One run at a time for a customer's day.

Two runs of a day would both transform it, and the later commit would land it twice. So a run claims its day before it goes on; another
one waits while the run that holds the claim is under way. Correctness does not hang on it (`lake.commit` decides which landing is in
force), and nothing has to be given back: a claim whose run is over, or was killed, is simply taken over.

`<lake>/claims/<day>/<number>` holds the id of a run; the highest number counts. Taking over is renaming a file to the next number, which
HDFS lets only one of several do, and which never shows half a file.
"""

import logging
from collections.abc import Callable
from typing import Any

from include.effects import Effect, effect
from include.hdfs import make_file

log = logging.getLogger(__name__)


def claim(fs: Any, root: str, day: str, run_id: str, is_under_way: Callable[[str], bool]) -> str | None:
    """None if the day is now this run's, or was already; else which run has it. `is_under_way` says whether the run of an id still is."""
    folder = f"{root}/claims/{day}"
    there = _numbers(fs, folder)
    if there:
        holder = _holder(fs, folder, there[-1])
        if holder == run_id:
            return None
        if holder is None or is_under_way(holder):
            return holder or "another run, which has just begun"
        log.info("%s: run %s is over; its claim is taken over", day, holder)
    number = there[-1] + 1 if there else 1
    with effect(Effect.CLAIM_DAY, day=day, run=run_id, number=number):
        if not make_file(fs, f"{folder}/{number}", run_id.encode()):
            return "another run, which came first"
        if _numbers(fs, folder)[-1] != number:
            return "another run, which came later"
        for old in there:
            fs.rm_file(f"{folder}/{old}")
    return None


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
