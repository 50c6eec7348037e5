"""Around spark-submit: its cause of failure, and the end of everything it started."""

import subprocess
import sys
import time
from dataclasses import replace

import psutil
import pytest

from include.receipts import PublishReceipt
from spark_operators import cause, end_tree, path_of, reading_raw

FAILURES = [
    (
        "the driver said why",
        "Cannot execute: spark-submit. Error code is: 1.\nLast spark-submit output:\nERROR x\n"
        "transform_assessments failed: offsets 0-10 of partition 1 are gone\n26/11/22 INFO ShutdownHookManager: bye",
        "Spark: offsets 0-10 of partition 1 are gone",
    ),
    (
        "the driver never started: all that there is",
        "Cannot execute: spark-submit. Error code is: 1.\nLast spark-submit output:\njava.lang.ClassNotFoundException: x.Y",
        "Cannot execute: spark-submit. Error code is: 1.\nLast spark-submit output:\njava.lang.ClassNotFoundException: x.Y",
    ),
]


@pytest.mark.parametrize(("why", "failure", "said"), FAILURES, ids=[row[0] for row in FAILURES])
def test_the_real_cause_is_found(why: str, failure: str, said: str) -> None:
    assert cause(failure) == said, why


def test_the_path_of_an_address() -> None:
    assert path_of("hdfs://127.0.0.1:9820/lake/acme/receipts/x.json") == "/lake/acme/receipts/x.json"


def test_raw_records_take_the_place_of_the_broker_and_the_offsets() -> None:
    given = ["--bootstrap-servers", "b:9092", "--topic", "t", "--offsets", "{}", "--day", "2018-01-28"]
    read = ["--raw", "hdfs://n/a", "--raw", "hdfs://n/b"]
    published = PublishReceipt(
        customer="acme", day="2018-01-28", topic="t", source_sha256="e" * 64, ingest="1" * 16, generation=1, published=9,
        content_hash="0" * 16, offsets={}, chunks=0, chunk_records=0, sent=0, source_records=9, source_hash="0" * 16,
        raw=("hdfs://n/a", "hdfs://n/b"),
    )  # fmt: skip
    assert reading_raw(given, published) == [*read, "--topic", "t", "--day", "2018-01-28"]
    less = replace(published, forgotten=2, forgotten_hash="00000000000000ff")
    assert reading_raw(given, less) == [*read, "--forgotten-before", "2:00000000000000ff", "--topic", "t", "--day", "2018-01-28"]


STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
PARENT = f"import subprocess, sys; c = subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]); c.wait()"


def test_killing_ends_the_whole_process_tree_within_ten_seconds() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    parent.stdout.readline()  # the grandchild is up and deaf to SIGTERM
    tree = [psutil.Process(parent.pid), *psutil.Process(parent.pid).children(recursive=True)]
    began = time.monotonic()
    end_tree(parent.pid)
    parent.wait(timeout=1)
    assert len(tree) == 2
    assert time.monotonic() - began < 10
    assert not [each for each in tree if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def test_ending_what_has_ended_is_no_error() -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    end_tree(done.pid)
