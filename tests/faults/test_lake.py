"""A real HDFS that fails, damaged receipts, commits whose answer is lost: the tables hold every row once, or nobody sees them."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from include import receipts
from include.answers import pages
from include.errors import LandfallError, Refused
from include.lake.lake import Lake
from include.receipts import TransformReceipt
from include.storage.webhdfs import filesystem, write_file
from include.validation.checks import problems, read_landed
from tests.harness.flaky_proxy import flaky
from tests.harness.lakes import lose_the_answer
from tests.oracle.built_landing import RECORDS, TEST_EXAM_NAMES, Built, attempt, build
from tests.oracle.landed import differences
from tests.oracle.recount import recount_records

DAYS = {"2018-05-01": RECORDS, "2018-05-02": [*RECORDS[:7], *(attempt(number) for number in range(100, 120))]}
MOST_TRIES = 60
T = TypeVar("T")


def open_lake(hdfs: Any, folder: Path, customer: str, **options: Any) -> Lake:
    fs = filesystem(**{"host": hdfs.host, "port": hdfs.port, "user": hdfs.user, **options})
    return Lake.open(customer, f"sqlite:///{folder}/{customer}.sqlite?timeout=60", hdfs.uri, fs)


def until_it_works(what: Callable[[], T]) -> tuple[int, T]:
    """Tries as Airflow does, without its pauses; how many it took. An error that no retry may mend is one of the test."""
    for tries in range(1, MOST_TRIES):
        try:
            return tries, what()
        except Refused:
            raise
        except (LandfallError, OSError):
            continue
    raise AssertionError(f"{MOST_TRIES} tries were not enough")


@pytest.mark.parametrize("one_in", [50, pytest.param(10, marks=pytest.mark.long("one request in fifty fails"))])
def test_r4_a_webhdfs_that_fails_lands_every_row_once(hdfs: Any, tmp_path: Path, figures: list[str], long: bool, one_in: int) -> None:
    days = DAYS if long else dict(list(DAYS.items())[1:])
    customer = f"flaky{one_in}"
    sound = open_lake(hdfs, tmp_path, customer)
    sound.create_tables()
    began = time.monotonic()
    with flaky(hdfs.host, hdfs.port, one_in, seed=one_in) as proxy:
        shaky = open_lake(hdfs, tmp_path, customer, host="127.0.0.1", port=proxy.port, connect_seconds=1, read_seconds=0.5)
        tries = {}
        for day, records in days.items():
            built = of_customer(build(tmp_path, records, day, fs=sound.fs, root=sound.path), customer)

            def validate(built: Built = built) -> list[str]:
                return problems(built.publish, built.transform, read_landed(shaky.fs, built.transform), max_quarantined=1)

            tries["validate"], said = until_it_works(validate)
            assert said == [], "a filesystem that fails is no problem of the landing"
            tries["commit"], done = until_it_works(lambda built=built: shaky.commit(built.landing, built.transform))
            tries["answer"], _ = until_it_works(lambda done=done: pages.write(shaky, done))
            figures.append(f"R4 one in {one_in}, {day}: tries {tries}")
        figures.append(f"R4 one in {one_in}: {proxy.requests} requests, failed: {dict(proxy.failed)}, {time.monotonic() - began:.0f} s")
        assert proxy.failed.total() > 0
    for day, records in days.items():
        assert differences(open_lake(hdfs, tmp_path, customer), day, recount_records(records, day, TEST_EXAM_NAMES)) == []
        assert len(sound.landings(day)) == 1


def of_customer(built: Built, customer: str) -> Built:
    return replace(built, publish=replace(built.publish, customer=customer))


DAMAGES: dict[str, Callable[[bytes], bytes | None]] = {
    "missing": lambda text: None,
    "empty": lambda text: b"",
    "cut off": lambda text: text[:-40],
    "not JSON": lambda text: b"<receipt/>",
    "not an object": lambda text: b"[]",
    "not UTF-8": lambda text: text.replace(b"2018", b"\xff\xfe\xfd\xfc", 1),
    "a count that is a text": lambda text: text.replace(b'"read":12', b'"read":"12"'),
    "a field missing": lambda text: text.replace(b'"read":12,', b""),
}


def test_r5_a_damaged_receipt_of_spark_is_refused_by_name(hdfs: Any, tmp_path: Path, figures: list[str]) -> None:
    lake = open_lake(hdfs, tmp_path, "damaged")
    lake.create_tables()
    built = build(tmp_path, fs=lake.fs, root=lake.path)
    path = f"{lake.path}/receipts/landing={built.transform.landing}.json"
    whole = msgspec.json.encode(built.transform)

    def read() -> TransformReceipt:
        return receipts.read(TransformReceipt, lake.fs.cat_file(path), path)

    for damage, change in DAMAGES.items():
        content = change(whole)
        if content is not None:
            assert content != whole, damage
            write_file(lake.fs, path, content)
        with pytest.raises((Refused, FileNotFoundError), match=path) as refused:
            read()
        figures.append(f"R5: receipt {damage}: {str(refused.value)[:140]}")
    write_file(lake.fs, path, whole)
    assert read() == built.transform


def test_r12_a_commit_whose_answer_is_lost_is_recognised(
    hdfs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figures: list[str]
) -> None:
    """The connection is cut where the catalog is told to commit: after it did, before it says so, and just before it does."""
    lake = open_lake(hdfs, tmp_path, "unanswered")
    lake.create_tables()
    for number, committed in enumerate((True, False), start=1):
        day = f"2018-05-{number:02}"
        built = of_customer(build(tmp_path, RECORDS, day, fs=lake.fs, root=lake.path), "unanswered")

        with monkeypatch.context() as patched:
            lose_the_answer(patched, committed)
            with pytest.raises(LandfallError, match="was not committed: OperationalError"):
                lake.commit(built.landing, built.transform)
        seen = len(lake.landings(day))
        assert seen == int(committed)
        done = lake.commit(built.landing, built.transform)
        assert [landing.landing for landing in lake.landings(day)] == [done.landing]
        assert differences(lake, day, recount_records(RECORDS, day, TEST_EXAM_NAMES)) == []
        figures.append(f"R12: answer lost, committed {committed}: {seen} rows in landings before the retry, 1 after it")
    assert len(lake.landings()) == 2
