"""Days of one customer: an export of months, cut and landed by Airflow's backfill, a day twice at once, a day whose file comes late."""

import itertools
import json
import subprocess
import time
from datetime import date, timedelta
from pathlib import Path

import psutil
import pytest

from include.contracts import customer
from include.query.session import ask
from include.runs.run import LandingRun
from include.stack import processes
from tests.harness import readme
from tests.harness.private_landfall import REAL_FILE, ROOT, Landfall, wait_for
from tests.oracle.built_landing import attempt
from tests.oracle.landed import differences
from tests.oracle.recount import recount

DAY, NEXT_DAY = "2018-06-01", "2018-06-02"
FIRST, DAYS = date(2018, 1, 26), 2
ALL = ("2017-11-21", "2018-01-28")
real_file = pytest.mark.skipif(not REAL_FILE.exists(), reason=f"the real file is not at {REAL_FILE}")


def days() -> list[str]:
    """Those of the README's backfill."""
    return [(FIRST + timedelta(days=number)).isoformat() for number in range(DAYS)]


@pytest.fixture(scope="module")
def late(stack: Landfall) -> LandingRun:
    """A run that waited for its file, which has come now: it looks once a minute, while the other tests land theirs."""
    stack.add_customer("late", deadline_hours=10**6)
    run = stack.start("late", DAY)

    waits = wait_for(lambda: stack.task_states(run).get("find_source") == "up_for_reschedule", 180, every=0.5)
    assert waits, "it waits without holding a slot"
    [change, waiting] = itertools.islice(run.follow(), 2)
    assert (change.state, waiting.reason.partition("; ")[0]) == (
        "up_for_reschedule",
        f"find_source: late {DAY}: no files at late/{DAY}* in {stack.settings.inbox}",
    )
    stack.deliver("late", f"{DAY}.json", b"[" + attempt(1) + b"]")
    return run


@pytest.fixture(scope="module")
def files(stack: Landfall) -> dict[str, Path]:
    """The daily files of the whole export in the customer's inbox, by day, as the README's command puts them there."""
    out = stack.settings.inbox / "acme"
    given = {"FILE": str(REAL_FILE), ".local/inbox/acme": str(out)}
    told = stack.json(*(given.get(word, word) for word in readme.command("split")))
    assert (told["records"], len(told["days"])) == (3280, 69)
    found = {day["day"]: Path(day["path"]) for day in told["days"]}
    assert (min(found), max(found)) == ALL
    found.pop(ALL[1]).unlink()  # a day without a file
    return found


@real_file
def test_r7_days_at_once_and_one_of_them_twice(stack: Landfall, late: LandingRun, files: dict[str, Path]) -> None:
    """Two days by the README's backfill, and the first of them by hand too; the long form below has sixty-nine."""
    by_hand = days()[:1]
    runs = [stack.start("acme", day) for day in by_hand]
    told = stack.json(*readme.command("backfill"), "--at-once", str(DAYS))
    assert stack.wait_for_all(runs, 120) == ["success"]
    assert [(day["day"], day["state"]) for day in told["days"]] == [(day, "success") for day in days()]
    [twice] = [run.receipt() for run in runs]
    assert {twice["already_landed"], told["days"][0]["already_landed"]} == {True, False}, "one of the two landed it, the other found that"
    tests = customer("acme").test_exams
    lake = stack.lake("acme")
    for day, receipt in zip([*by_hand, *days()], [twice, *told["days"]], strict=True):
        expected = recount([files[day]], day, tests.exam_name, tests.base_exam_id)
        assert (receipt["published"], receipt["landed"]) == (expected.figures.published, expected.figures.landed)
        assert receipt["content_hash"] == expected.figures.content_hash
        assert differences(lake, day, expected) == []
        assert len(lake.landings(day)) == 1


@real_file
def test_the_span_again_replaces_a_corrected_day_leaves_the_others_and_skips_days_without_a_file(
    stack: Landfall, files: dict[str, Path]
) -> None:
    corrected = days()[-2]
    before = {day: stack.lake("acme").in_force(day) for day in days()}
    files[corrected].write_bytes(b"[" + attempt(1) + b"]")
    told = stack("backfill", "--customer", "acme", "--from", corrected, "--to", ALL[1]).stdout
    assert [line.split()[:2] for line in told.splitlines() if line.lstrip().startswith("2018")] == [
        [day, "success"] for day in [*days()[-2:], ALL[1]]
    ]
    after = {day: stack.lake("acme").in_force(day) for day in days()}
    assert [day for day in days() if before[day] != after[day]] == [corrected]
    assert after[corrected].landed == 1


def test_a_late_file_is_waited_for(stack: Landfall, late: LandingRun, long: bool) -> None:
    """It is found without a new run; in the long form it is landed too, as any other."""
    if long:
        assert stack.wait_for_all([late], 120) == ["success"]
        assert stack.lake("late").in_force(DAY).landed == 1
        return
    assert wait_for(lambda: stack.task_states(late).get("find_source") == "success", 120, every=1), stack.task_states(late)
    stack.end(late)


def test_a_run_of_a_paused_dag_says_so_and_a_key_that_nobody_knows_lands_nothing(stack: Landfall, late: LandingRun) -> None:
    misspelled = LandingRun(stack.api, "late", stack.api.trigger(late.dag_id, {"dya": DAY}))
    assert stack.wait_for_all([misspelled], 120) == ["failed"]
    assert "unknown key 'dya' (is 'day' meant?)" in misspelled.receipt()["reason"]
    stack.api._call("PATCH", f"/api/v2/dags/{late.dag_id}", json={"is_paused": True})
    try:
        run = stack.start("late", NEXT_DAY)
        assert f"{late.dag_id} is paused in Airflow" in next(run.follow()).reason
        found = stack.api._call("GET", f"/api/v2/dags/{late.dag_id}/dagRuns", params={"run_id_pattern": NEXT_DAY})["dag_runs"]
        assert [(each["dag_run_id"], each["note"]) for each in found] == [(run.run_id, f"late {NEXT_DAY}")], "a search for the day"
        stack.end(run)
    finally:
        stack.api._call("PATCH", f"/api/v2/dags/{late.dag_id}", json={"is_paused": False})


def scheduler(stack: Landfall) -> psutil.Process:
    """The process that `./landfall up` started, parent of those that run tasks."""
    return next(each for each in processes.alive(stack.settings) if each.cmdline()[1:4] == ["-m", "airflow", "scheduler"])


@real_file
@pytest.mark.timeout(3600)
def test_all_days_land_once_although_the_scheduler_is_killed_in_the_middle(stack: Landfall, long: bool, tmp_path: Path) -> None:
    if not long:
        pytest.skip("part of the long form: --long")
    tests = customer("acme").test_exams
    stack.add_customer("months", first_day=date(2017, 11, 1), test_exams=tests.model_dump(mode="json"))
    stack("split", "--source", str(REAL_FILE), "--out", str(stack.settings.inbox / "months"))
    lake = stack.lake("months")
    began = time.monotonic()
    command = [str(ROOT / "landfall"), "backfill", "--customer", "months", "--from", ALL[0], "--to", ALL[1], "--yes", "--json"]
    with (tmp_path / "told").open("w") as out, (tmp_path / "shown").open("w") as shown:
        running = subprocess.Popen(command, env=stack.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=shown)
        while len(lake.landings()) < 20:
            assert running.poll() is None, (tmp_path / "shown").read_text()
            time.sleep(5)
        scheduler(stack).kill()
        stack("up")
        code = running.wait()
    seconds = time.monotonic() - began
    told = json.loads((tmp_path / "told").read_text())
    assert (code, told["failed"], len(told["days"])) == (0, 0, 69), told
    print(f"69 days in {seconds:.0f} s, {seconds / 69:.1f} s a day")
    assert len(lake.landings()) == 69
    assert ask(lake, "select count(*), sum(copies) from assessments").rows == [[3242, 3280]]
    whole = recount([REAL_FILE], ALL[1], tests.exam_name, tests.base_exam_id).tables["exam_scores"]
    sums = "base_exam_id, exam_name, is_test, correct, total"
    landed = ask(lake, f"select {sums}, sum(attempts), sum(copies) from exam_scores group by all").rows
    expected = [[*(row[name] for name in sums.split(", ")), row["attempts"], row["copies"]] for row in whole]
    assert sorted(landed, key=repr) == sorted(expected, key=repr)
