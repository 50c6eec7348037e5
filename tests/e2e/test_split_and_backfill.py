"""An export of months, cut into days and landed by Airflow's backfill: as many rows, in their days, as the file holds."""

import json
import subprocess
import time
from datetime import date, timedelta
from pathlib import Path

import psutil
import pytest

from include.asking import ask
from include.customers import customer
from include.stack import processes
from tests.built_landing import attempt
from tests.e2e import readme
from tests.landed import differences
from tests.private_landfall import REAL_FILE, ROOT, Landfall
from tests.recount import recount

FIRST, DAYS = date(2018, 1, 23), 5
ALL = ("2017-11-21", "2018-01-28")
pytestmark = pytest.mark.skipif(not REAL_FILE.exists(), reason=f"the real file is not at {REAL_FILE}")


def days() -> list[str]:
    return [(FIRST + timedelta(days=number)).isoformat() for number in range(DAYS)]


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


def test_every_day_lands_what_its_file_holds(stack: Landfall, files: dict[str, Path]) -> None:
    told = stack.json(*readme.command("backfill"))
    assert [(day["day"], day["state"]) for day in told["days"]] == [(day, "success") for day in days()]
    tests = customer("acme").test_exams
    lake = stack.lake("acme")
    for day, receipt in zip(days(), told["days"], strict=True):
        expected = recount([files[day]], day, tests.exam_name, tests.base_exam_id)
        assert (receipt["published"], receipt["landed"]) == (expected.figures.published, expected.figures.landed)
        assert receipt["content_hash"] == expected.figures.content_hash
        assert differences(lake, day, expected) == []
        assert len(lake.landings(day)) == 1


def test_the_span_again_replaces_a_corrected_day_leaves_the_others_and_skips_days_without_a_file(
    stack: Landfall, files: dict[str, Path]
) -> None:
    corrected = days()[-2]
    before = {day: stack.lake("acme").in_force(day) for day in days()}
    files[corrected].write_bytes(b"[" + attempt(1) + b"]")
    told = stack("backfill", "--customer", "acme", "--from", corrected, "--to", ALL[1]).stdout
    assert [line.split()[:2] for line in told.splitlines() if line.startswith("  2018")] == [
        [day, "success"] for day in [*days()[-2:], ALL[1]]
    ]
    after = {day: stack.lake("acme").in_force(day) for day in days()}
    assert [day for day in days() if before[day] != after[day]] == [corrected]
    assert after[corrected].landed == 1


def test_a_customer_is_added_by_one_command_and_lands_without_a_restart(stack: Landfall) -> None:
    add, check = (command for command in readme.commands() if command[0] == "customers")
    name = add[-1]
    stack(*add)
    assert name in stack(*check).stdout
    stack.deliver(name, "2018-07-01.json", b"[" + attempt(1) + b"]")
    receipt = stack.json("land", "--customer", name, "--day", "2018-07-01")
    assert (receipt["state"], receipt["landed"]) == ("success", 1)


def scheduler(stack: Landfall) -> psutil.Process:
    """The process that `./landfall up` started, parent of those that run tasks."""
    return next(each for each in processes.alive(stack.settings) if each.cmdline()[1:4] == ["-m", "airflow", "scheduler"])


@pytest.mark.timeout(3600)
def test_all_days_land_once_although_the_scheduler_is_killed_in_the_middle(stack: Landfall, long: bool, tmp_path: Path) -> None:
    if not long:
        pytest.skip("part of the long form: --long")
    tests = customer("acme").test_exams
    stack.add_customer("months", first_day=date(2017, 11, 1), test_exams=tests.model_dump(mode="json"))
    stack("split", "--source", str(REAL_FILE), "--out", str(stack.settings.inbox / "months"))
    lake = stack.lake("months")
    began = time.monotonic()
    command = [str(ROOT / "landfall"), "backfill", "--customer", "months", "--from", ALL[0], "--to", ALL[1], "--json"]
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
