"""Many customers and many runs at once: one's bad files turn nobody else red, and a day lands once however many runs it has."""

import gzip
import json
from pathlib import Path

import pytest

from include import landing_run
from include.hdfs import write_file
from include.landing_run import OVER, LandingRun
from tests.built_landing import RECORDS, attempt
from tests.landed import differences
from tests.private_landfall import Landfall, wait_for
from tests.recount import recount

DAY = "2018-06-01"
ON_HDFS = "hdfs:///lake/delivered/{day}*"
DAYS = [f"2018-06-{number:02}" for number in range(1, 8)]


def array(records: list[bytes]) -> bytes:
    return b"[" + b", ".join(records) + b"]"


def start(stack: Landfall, customer: str, day: str, again: bool = False) -> LandingRun:
    return landing_run.start(stack.api, customer, day=day, source=[], again=again)


def wait_for_all(stack: Landfall, runs: list[LandingRun], seconds: float) -> list[str]:
    """Asks up to the first that is not over: asking for all of them takes from the CPU that they wait for."""

    def state(run: LandingRun) -> str:
        return stack.api.run(run.dag_id, run.run_id)["state"]

    wait_for(lambda: all(state(run) in OVER for run in runs), seconds, every=2)
    return [state(run) for run in runs]


def refuse_differences(stack: Landfall, customer: str, day: str, files: list[Path]) -> None:
    assert differences(stack.lake(customer), day, recount(files, day)) == []


@pytest.fixture(scope="module")
def late(stack: Landfall) -> LandingRun:
    """A run that waits for its file, as the deadline has not come yet."""
    stack.add_customer("late", deadline_hours=10**6)
    run = start(stack, "late", DAY)

    def waits() -> bool:
        states = {task["task_id"]: task["state"] for task in stack.api.tasks(run.dag_id, run.run_id)}
        return states.get("find_source") == "up_for_reschedule"

    assert wait_for(waits, 60, every=0.5), "it waits without holding a slot"
    stack.deliver("late", f"{DAY}.json", array([attempt(1)]))
    return run


def test_r8_one_customer_s_bad_files_leave_the_others_alone(stack: Landfall, late: LandingRun, long: bool) -> None:
    """Malformed, oversized and renamed input, each on a day of its own, while the other customers land theirs."""
    good = [f"good_{number}" for number in range(19 if long else 2)]
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
    poisoned = [start(stack, "poisoned", day) for day in DAYS[:3]]
    runs = [start(stack, name, DAY) for name in good]
    assert wait_for_all(stack, [*runs, *poisoned], 560) == ["success"] * len(runs) + ["failed"] * 3
    for name in good:
        refuse_differences(stack, name, DAY, [files[name]])
    malformed, oversized, renamed = (run.receipt() for run in poisoned)
    assert (malformed["failed_task"], oversized["failed_task"], renamed["failed_task"]) == ("publish", "publish", "validate")
    assert f"{DAYS[0]}.json" in malformed["reason"]
    assert "byte" in malformed["reason"]
    assert "4096" in oversized["reason"].replace(",", "")
    assert "missing_keen_id" in renamed["reason"]
    assert stack.lake("poisoned").newest() is None


def test_r7_seven_days_and_one_of_them_twice_at_once(stack: Landfall, long: bool) -> None:
    """One landing per day, whichever run came first; in the long form ten rounds, each with other bytes."""
    stack.add_customer("busy", max_quarantined=0.2)
    for round_ in range(10 if long else 1):
        files = {day: stack.deliver("busy", f"{day}.json", b"\n".join([*RECORDS, attempt(100 + round_)])) for day in DAYS}
        runs = [start(stack, "busy", day) for day in [*DAYS, DAYS[3]]]
        assert wait_for_all(stack, runs, 560) == ["success"] * 8
        already = [run.receipt()["already_landed"] for run in runs]
        assert already.count(True) == 1
        assert already[3] != already[7], "one of the two landed it, the other found that"
        lake = stack.lake("busy")
        for day in DAYS:
            assert len(lake.landings(day)) == round_ + 1
            refuse_differences(stack, "busy", day, [files[day]])


def test_a_late_file_is_waited_for(stack: Landfall, late: LandingRun) -> None:
    assert wait_for_all(stack, [late], 120) == ["success"]
    assert stack.lake("late").in_force(DAY).landed == 1
