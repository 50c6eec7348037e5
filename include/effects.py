"""The one seam for outward side effects: each has a name, a log line and a place where a test can stop it.

    with effect(Effect.COMMIT_TRANSACTION, topic="assessments.acme", chunk=3):
        producer.commit_transaction()

The fault suite sets `LANDFALL_FAULT=before:<effect>:<n>` or `after:<effect>:<n>`: the process kills itself with SIGKILL
at the n-th time (1 is the first) that it comes there, as a power cut would. `LANDFALL_FAULTS` names a file with such
faults, one a line: each happens once, in the first process that comes there.
"""

import logging
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

log = logging.getLogger(__name__)
_seen: Counter[tuple[str, str]] = Counter()
_counting = threading.Lock()  # the tables of a commit are staged several at a time


class Effect(StrEnum):
    """Every kind of thing that a run, or a tidying, does to the world outside its own process."""

    CREATE_TOPIC = "create_topic"
    INIT_TRANSACTIONS = "init_transactions"
    SEND_CHUNK = "send_chunk"
    COMMIT_TRANSACTION = "commit_transaction"
    ABORT_TRANSACTION = "abort_transaction"
    SPARK_SUBMIT = "spark_submit"
    CREATE_NAMESPACE = "create_namespace"
    CREATE_TABLE = "create_table"
    STAGE_TABLE = "stage_table"
    SWAP_TABLES = "swap_tables"
    DELETE_FILES = "delete_files"
    WRITE_FILE = "write_file"
    MAKE_DIRECTORY = "make_directory"
    SET_ACL = "set_acl"
    CLAIM_DAY = "claim_day"
    SET_ASIDE = "set_aside"
    REMOVE = "remove"
    NOTIFY = "notify"


@contextmanager
def effect(kind: Effect, **what: object) -> Iterator[None]:
    """Logs start, end and duration of one side effect; lets a fault test end the process before or after it."""
    detail = " ".join(f"{key}={value}" for key, value in what.items())
    log.info("%s begins: %s", kind.value, detail)
    began = time.monotonic()
    _stop_here("before", kind)
    yield
    _stop_here("after", kind)
    log.info("%s done in %.2f s: %s", kind.value, time.monotonic() - began, detail)


def _stop_here(moment: str, kind: Effect) -> None:
    with _counting:
        _seen[moment, kind.value] += 1
        here = f"{moment}:{kind.value}:{_seen[moment, kind.value]}"
    if os.environ.get("LANDFALL_FAULT") == here or _is_due(here):
        os.kill(os.getpid(), signal.SIGKILL)


def _is_due(here: str) -> bool:
    """Whether this fault still waits in the file; if so, it no longer does."""
    file = Path(os.environ.get("LANDFALL_FAULTS", os.devnull))
    waiting = file.read_text().splitlines() if file.exists() else []
    if here not in waiting:
        return False
    waiting.remove(here)
    file.write_text("".join(f"{fault}\n" for fault in waiting))
    return True
