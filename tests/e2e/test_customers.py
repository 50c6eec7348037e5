"""Many customers and many runs at once: one's bad files turn nobody else red, and a day lands once however many runs it has."""

import gzip
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from include.query.session import ask
from include.runs.run import LandingRun
from include.storage.webhdfs import write_file
from tests.harness.private_landfall import REAL_FILE, Landfall
from tests.oracle.built_landing import RECORDS, attempt
from tests.oracle.landed import differences
from tests.oracle.recount import recount

DAY = "2018-06-01"
ON_HDFS = "hdfs:///lake/delivered/{day}*"
NOTHING = (0, "0" * 16)
DAYS = [f"2018-06-{number:02}" for number in range(1, 8)]


def array(records: list[bytes]) -> bytes:
    return b"[" + b", ".join(records) + b"]"


def refuse_differences(stack: Landfall, customer: str, day: str, files: list[Path]) -> None:
    assert differences(stack.lake(customer), day, recount(files, day)) == []


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a plain web server, and its root."""
    root = tmp_path_factory.mktemp("web")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(root))) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}", root
        server.shutdown()


@pytest.fixture(scope="module")
def quiet(stack: Landfall, web: tuple[str, Path]) -> LandingRun:
    """A run whose files come by HTTP and hold no record, which the contract accepts."""
    url, root = web
    (root / DAY).mkdir()
    (root / DAY / "a.json").write_bytes(b"[]\n")
    (root / DAY / "b.json.gz").write_bytes(gzip.compress(b""))
    stack.add_customer("quiet", source=f"{url}/{{day}}/*.json*", empty_source="accept")
    return stack.start("quiet", DAY)


def test_r8_one_customer_s_bad_files_leave_the_others_alone(stack: Landfall, quiet: LandingRun, long: bool) -> None:
    """Malformed, oversized and renamed input, each on a day of its own, while the other customers land theirs.

    In the short form these are two: one whose file is on HDFS, and `quiet`; and the renamed input, which `validate` refuses, is left to
    tests/e2e/test_refusals.py.
    """
    good = [f"good_{number}" for number in range(18 if long else 1)]
    files = {}
    for number, name in enumerate(good):
        files[name] = stack.deliver(name, f"{DAY}.json", b"\n".join([*RECORDS, attempt(100 + number)]))
        stack.add_customer(name, max_quarantined=0.2, **({} if number else {"source": ON_HDFS}))
    write_file(stack.lake(good[0]).fs, f"/lake/delivered/{DAY}.json.gz", gzip.compress(files[good[0]].read_bytes()))
    stack.add_customer("poisoned", topic={"max_message_bytes": 4096})
    for day, content in (
        (DAYS[0], array([attempt(1)]) [:-1] + b", {]"),
        (DAYS[1], array([attempt(1), attempt(2, note="x" * 5000)])),
        (DAYS[2], array([json.dumps({**json.loads(attempt(3)), "keenId": "3", "keen_id": None}).encode()])),
    ):  # fmt: skip
        stack.deliver("poisoned", f"{day}.json", content)
    poisoned = [stack.start("poisoned", day) for day in DAYS[: 3 if long else 2]]
    runs = [stack.start(name, DAY) for name in good]
    others = [*runs, quiet]
    assert stack.wait_for_all([*others, *poisoned], 560) == ["success"] * len(others) + ["failed"] * len(poisoned)
    for name in good:
        refuse_differences(stack, name, DAY, [files[name]])
    malformed, oversized, *renamed = (run.receipt() for run in poisoned)
    assert (malformed["failed_task"], oversized["failed_task"]) == ("publish", "publish")
    assert f"{DAYS[0]}.json" in malformed["reason"]
    assert "byte" in malformed["reason"]
    assert "4096" in oversized["reason"].replace(",", "")
    assert [("missing_keen_id" in each["reason"], each["failed_task"]) for each in renamed] == [(True, "validate")] * len(renamed)
    assert stack.lake("poisoned").newest() is None


def test_r7_seven_days_and_one_of_them_twice_at_once(stack: Landfall, long: bool) -> None:
    """One landing per day, whichever run came first; in the long form ten rounds, each with other bytes."""
    if REAL_FILE.exists() and not long:
        pytest.skip("part of the long form: --long; test_split_and_backfill does so with days of the real file")
    stack.add_customer("busy", max_quarantined=0.2)
    for round_ in range(10 if long else 1):
        files = {day: stack.deliver("busy", f"{day}.json", b"\n".join([*RECORDS, attempt(100 + round_)])) for day in DAYS}
        runs = [stack.start("busy", day) for day in [*DAYS, DAYS[3]]]
        assert stack.wait_for_all(runs, 560) == ["success"] * 8
        already = [run.receipt()["already_landed"] for run in runs]
        assert already.count(True) == 1
        assert already[3] != already[7], "one of the two landed it, the other found that"
        lake = stack.lake("busy")
        for day in DAYS:
            assert len(lake.landings(day)) == round_ + 1
            refuse_differences(stack, "busy", day, [files[day]])


def test_a_day_without_a_record_lands_as_nothing_everywhere(stack: Landfall, quiet: LandingRun, web: tuple[str, Path]) -> None:
    assert stack.wait_for_all([quiet], 120) == ["success"]
    receipt = quiet.receipt()
    assert receipt["source"] == [f"{web[0]}/{DAY}/{name}" for name in ("a.json", "b.json.gz")]
    assert (receipt["published"], receipt["landed"], receipt["duplicates"], receipt["quarantined"]) == (0, 0, 0, 0)
    assert {where: (counted["records"], counted["content_hash"]) for where, counted in receipt["conservation"].items()} == dict.fromkeys(
        ("source", "topic", "spark", "hdfs"), NOTHING
    )
    assert "the source holds no record" in receipt["warnings"][0]
    assert ask(stack.lake("quiet"), "select count(*) from assessments").rows == [[0]]


def test_a_day_without_a_record_lands_again(stack: Landfall, quiet: LandingRun, long: bool) -> None:
    """After the test above."""
    if not long:
        pytest.skip("part of the long form: --long")
    again = stack.json("land", "--customer", "quiet", "--day", DAY, "--again")
    assert (again["state"], again["already_landed"], again["published"]) == ("success", False, 0)
