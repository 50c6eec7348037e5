"""One run at a time for a customer's day, on a real HDFS: only one of many gets it, and a claim whose run is over is taken over."""

import threading
from typing import Any

import pytest

from include.runs import lateness
from include.storage.claims import Claim, Taken, claim, in_force
from include.storage.webhdfs import WebHDFS, filesystem

ROOT = "/lake/claimed"


@pytest.fixture
def fs(hdfs: Any) -> WebHDFS:
    return filesystem(hdfs.host, hdfs.port, hdfs.user)


def is_under_way(run: str) -> bool:
    return not run.startswith("dead")


def test_a_day_is_one_run_s_until_that_is_over_and_each_claim_counts_more_than_those_before(fs: WebHDFS) -> None:
    day = "2018-01-01"
    assert in_force(fs, ROOT, day) is None
    assert claim(fs, ROOT, day, "dead 1", is_under_way) == Claim(1, "dead 1")
    assert claim(fs, ROOT, day, "alive 1", is_under_way) == Claim(2, "alive 1"), "the run that had it is over"
    assert claim(fs, ROOT, day, "alive 1", is_under_way) == Claim(3, "alive 1"), "its own, for it reads the source anew"
    assert claim(fs, ROOT, day, "alive 2", is_under_way) == Taken("alive 1")
    assert claim(fs, ROOT, "2018-01-02", "alive 2", is_under_way) == Claim(1, "alive 2"), "another day"
    assert fs.ls(f"{ROOT}/claims/{day}", detail=False) == [f"{ROOT}/claims/{day}/3"]
    assert in_force(fs, ROOT, day) == Claim(3, "alive 1")


def test_lost_claims_begin_above_what_landings_says(fs: WebHDFS) -> None:
    assert claim(fs, ROOT, "2018-01-03", "alive 1", is_under_way, above=7) == Claim(8, "alive 1")


@pytest.mark.parametrize("first", [None, "dead"])
def test_of_many_runs_at_once_one_gets_the_day(fs: WebHDFS, first: str | None) -> None:
    day = f"2018-02-0{1 if first else 2}"
    if first:
        claim(fs, ROOT, day, first, is_under_way)
    for round_ in range(10):
        start, got = threading.Barrier(8), list[str]()

        def run(name: str, day: str = f"{day}-{round_}", start: threading.Barrier = start, got: list[str] = got) -> None:
            start.wait()
            if isinstance(claim(fs, ROOT, day, name, is_under_way), Claim):
                got.append(name)

        threads = [threading.Thread(target=run, args=(f"alive {number}",)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(got) == 1
        assert claim(fs, ROOT, f"{day}-{round_}", "late", is_under_way) == Taken(got[0])
        assert len(fs.ls(f"{ROOT}/claims/{day}-{round_}", detail=False)) == 1


def test_of_many_who_see_that_a_day_is_late_one_tells(fs: WebHDFS) -> None:
    """As with two schedulers."""
    for day in range(1, 6):
        start, claims = threading.Barrier(8), list[str]()

        def look(day: int = day, start: threading.Barrier = start, claims: list[str] = claims) -> None:
            start.wait()
            if claim := lateness.claim(fs, ROOT, f"2018-03-0{day}"):
                claims.append(claim)

        threads = [threading.Thread(target=look) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert claims == [f"{ROOT}/notices/late-2018-03-0{day}"]
