"""Whatever people clear, mark or skip, in whatever order: readers see a source as it is proven, or what they saw before.

Each row does something to one task of a run and then clears another one with all after it, as a person would who wants to go on.
"""

import itertools
import shutil
from collections.abc import Iterator
from dataclasses import replace
from json import dumps as dumped
from pathlib import Path
from typing import Any

import pytest

from include import receipts
from include.receipts import Proof, PublishReceipt, Source
from include.run_identity import TASKS
from include.storage import claims
from tests.harness.run_of_tasks import Run, World, serving
from tests.oracle.built_landing import DAY, attempt

RECORDS = (attempt(1), attempt(2, results=("incorrect",)), attempt(1))
CORRECTED = (attempt(1), attempt(3))
HALF_UNREADABLE = (attempt(1), b'{"keen_id": ')
PROVING = ("find_source", "publish", "transform", "validate")  # each works on what the one before it has handed on


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    yield from serving(World(tmp_path), monkeypatch)


# ---------------------------------------------------------------- every pair of tasks


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Run, Path]]]:
    """Two runs that have come to `commit`: `proven`, whose commit failed, and `refused`, by `validate`; each with a copy of its world."""
    found = {}
    with pytest.MonkeyPatch.context() as patched:
        for name, records in (("proven", RECORDS), ("refused", HALF_UNREADABLE)):
            folder = tmp_path_factory.mktemp(name)
            world = next(serving(World(folder / "world"), patched))
            world.folder.mkdir()
            world.deliver(*records)
            run = Run(world)
            assert [run.task(task) for task in TASKS[:5]] == [True] * 4 + [name == "proven"]
            shutil.copytree(world.folder, folder / "copy")
            found[name] = (run, folder / "copy")
        yield found


@pytest.fixture
def go_on(begun: dict[str, tuple[Run, Path]], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The run as it was begun, in its world as it was then."""

    def begin(name: str) -> Run:
        run, copy = begun[name]
        shutil.rmtree(run.world.folder)
        shutil.copytree(copy, run.world.folder)
        world = next(serving(replace(run.world, topic=dict(run.world.topic)), monkeypatch))
        return replace(run, world=world, xcoms={task: dict(pushed) for task, pushed in run.xcoms.items()}, done=list(run.done), reasons={})

    return begin


def cleared_alone(run: Run, task: str) -> None:
    run.task(task)


def skipped(run: Run, task: str) -> None:
    run.xcoms[task] = {}
    run.done = [each for each in run.done if each[0] != task]


def marked(run: Run, task: str) -> None:
    """As a success or as failed: nothing runs, what was pushed stays, and so does the row's whole point: nothing was proven."""


def cleared_with_all_after(run: Run, task: str) -> None:
    run.from_task(task)


# What is cleared is the same task or a later one: from an earlier one on, all run again whatever was done to one of them.
PAIRS = list(itertools.combinations_with_replacement(TASKS, 2))
ROWS = [
    *(("proven", cleared_alone, *pair) for pair in PAIRS),
    *(("proven", skipped, *pair) for pair in PAIRS),
    *(("refused", marked, *pair) for pair in PAIRS),
    *(("refused", cleared_with_all_after, task, "commit") for task in TASKS),
]


def proven_last(run: Run) -> bool:
    """Whether the tasks that a proof rests on have all succeeded the last time they ran, each after the one before it."""
    last = {task: number for number, (task, _) in enumerate(run.done)}
    if not all(task in last and run.done[last[task]][1] for task in PROVING):
        return False
    places = [last[task] for task in PROVING]
    return places == sorted(places)


@pytest.mark.not_quick("every pair of tasks; the tests behind it are those that people came upon")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}: {row[2]} {row[1].__name__}, then from {row[3]}")
def test_what_becomes_visible_is_proven(go_on: Any, row: tuple[str, Any, str, str]) -> None:
    """The file is corrected before anything is done: whoever reads it again reads something else."""
    begun_with, action, task, then = row
    run = go_on(begun_with)
    corrected = run.world.deliver(*CORRECTED)
    sources = {corrected: list(CORRECTED), receipts_sha(run): list(RECORDS if begun_with == "proven" else HALF_UNREADABLE)}
    action(run, task)
    committed = run.from_task(then)
    seen = run.world.visible()
    if TASKS.index(then) <= TASKS.index("commit") and action is not cleared_with_all_after:
        assert (seen is not None) == proven_last(run), run.reasons
    if seen is None:
        assert "Nothing was changed." in run.reasons["commit"] if then == "commit" else not committed
    else:
        assert seen[1] == sources[seen[0]], "the row names the very source that readers see"
        assert sources[seen[0]] != list(HALF_UNREADABLE)


def receipts_sha(run: Run) -> str:
    return str(run.pulled("find_source")["sha256"])


# ---------------------------------------------------------------- what follows from it


def test_a_correction_that_was_found_beside_old_receipts_lands_with_the_next_run(world: World) -> None:
    world.deliver(*RECORDS)
    run = Run(world)
    assert [run.task(task) for task in TASKS[:5]] == [True] * 5
    corrected = world.deliver(*CORRECTED)
    assert run.task("find_source")
    assert not run.from_task("commit")
    assert "publish has published sha256" in run.reasons["commit"]
    assert "Clear publish and the tasks after it." in run.reasons["commit"]
    following = Run(world, "manual__2")
    assert following.from_task("find_source")
    assert not following.skipped, "it is not taken for landed already"
    assert world.visible() == (corrected, list(CORRECTED))


def test_files_that_nobody_has_looked_at_do_not_land_and_say_which_task_to_clear(world: World) -> None:
    world.deliver(*RECORDS)
    run = Run(world)
    assert [run.task(task) for task in TASKS[:5]] == [True] * 5
    proof = receipts.read(Proof, run.pulled("validate", "proof"), "here")
    assert run.task("transform")
    assert not run.from_task("commit")
    landing = run.pulled("transform")["landing"]
    assert f"is of landing {proof.landing}, to be committed is {landing}, which nobody has looked at" in run.reasons["commit"]
    assert run.reasons["commit"].endswith("Clear validate and the tasks after it.")
    assert run.from_task("validate")


def test_a_file_that_changed_since_it_was_proven_does_not_land(world: World) -> None:
    world.deliver(*RECORDS)
    run = Run(world)
    assert [run.task(task) for task in TASKS[:5]] == [True] * 5
    path = Path(receipts.read(Proof, run.pulled("validate", "proof"), "here").files["questions"][0].path)
    path.write_bytes(path.read_bytes() + b"more")
    assert not run.from_task("commit")
    assert f"{path}: expected {path.stat().st_size - 4} bytes, found {path.stat().st_size} bytes" in run.reasons["commit"]
    assert world.visible() is None


def test_the_refused_figures_are_handed_on_and_are_no_proof(world: World) -> None:
    """The page and the CLI show them."""
    world.deliver(*HALF_UNREADABLE)
    run = Run(world)
    assert not run.from_task("find_source")
    assert run.pulled("validate", "found")["quarantined"] == 1
    assert [problem[:40] for problem in run.pulled("validate", "problems")] == ["1 of 2 records (50.00%) are unreadable, 5"[:40]]
    assert run.pulled("validate", "proof") is None
    assert not run.from_task("commit")
    assert run.reasons["commit"].startswith("validate has handed on no Proof: it has not run, or not to its end, whatever it is marked as.")


# ---------------------------------------------------------------- limits that somebody lifts


def test_a_reason_lands_the_day_and_stays_with_it(world: World) -> None:
    world.deliver(*HALF_UNREADABLE)
    refused = Run(world)
    assert not refused.from_task("find_source")
    assert "start a run of the day with a reason in accept_problems" in refused.reasons["validate"]
    run = Run(world, "manual__2", {"accept_problems": "agreed with acme, ticket 12"})
    assert run.from_task("find_source")
    landing = world.lake().in_force(DAY)
    assert landing is not None
    assert landing.override is not None
    assert (landing.override.by, landing.override.reason) == ("ann", "agreed with acme, ticket 12")
    assert landing.override.problems == tuple(run.pulled("validate", "problems"))
    assert landing.warnings[0] == landing.override.sentence, "shown wherever warnings are"
    assert landing == world.lake().newest()


def test_a_higher_limit_than_the_contract_s_is_an_override_and_says_so(world: World) -> None:
    world.deliver(*HALF_UNREADABLE)
    assert Run(world, params={"max_quarantined": 0.5}).from_task("find_source")
    landing = world.lake().in_force(DAY)
    assert landing is not None
    assert landing.override is not None
    assert landing.override.reason == f"max_quarantined 0.5 in this run, {world.contract.max_quarantined:g} in the contract"
    assert "1 of 2 records (50.00%) are unreadable" in landing.override.problems[0]


def test_a_reason_where_nothing_is_wrong_is_no_override(world: World) -> None:
    world.deliver(*RECORDS)
    assert Run(world, params={"accept_problems": "to be sure"}).from_task("find_source")
    landing = world.lake().in_force(DAY)
    assert landing is not None
    assert landing.override is None
    assert not any("has landed this day" in warning for warning in landing.warnings)


def test_no_reason_lands_what_does_not_agree(world: World) -> None:
    world.deliver(*RECORDS)
    run = Run(world, params={"accept_problems": "whatever it is"})
    assert [run.task(task) for task in TASKS[:4]] == [True] * 4
    Path(run.pulled("transform")["tables"]["questions"]["files"][0]["path"]).unlink()
    assert not run.from_task("validate")
    assert "is in Spark's receipt but not on HDFS" in run.reasons["validate"]
    assert run.reasons["validate"].endswith("accept_problems lifts limits only: what does not agree is landed for no reason.")
    assert not run.from_task("commit")


# ---------------------------------------------------------------- the order of landings


def test_an_older_source_does_not_land_over_a_newer_one_whatever_the_clocks_say(world: World) -> None:
    """The first run's worker has a clock that is years ahead."""
    world.deliver(*RECORDS)
    older = Run(world)
    assert [older.task(task) for task in TASKS[:5]] == [True] * 5
    corrected = world.deliver(*CORRECTED)
    newer = Run(world, "manual__2")
    assert newer.from_task("find_source")
    found = older.pulled("find_source")
    ahead(older, "2031-01-01T00:00:00+00:00")
    assert older.pulled("find_source")["found_at"] > newer.pulled("find_source")["found_at"] > found["found_at"]
    assert older.task("validate")
    assert not older.from_task("commit")
    assert "later than this run's (2031-01-01T00:00:00+00:00 under claim 1)" in older.reasons["commit"]
    assert world.visible() == (corrected, list(CORRECTED))
    assert len(world.lake().landings(DAY)) == 1
    world.deliver(*RECORDS)
    assert older.from_task("find_source"), "as the message says: its source is read anew, and is the newest then"
    landing = world.lake().in_force(DAY)
    assert landing is not None
    assert (landing.run_id, landing.claim) == ("manual__1", 3)


def ahead(run: Run, moment: str) -> None:
    """The run as if the worker of `find_source` had had another clock; what was built on its receipt is built on this one."""
    run.xcoms["find_source"]["return_value"] = dumped({**run.pulled("find_source"), "found_at": moment})
    for task, before, kind in (("publish", "find_source", Source), ("transform", "publish", PublishReceipt)):
        builds_on = receipts.digest(receipts.read(kind, run.pulled(before), before))
        run.xcoms[task]["return_value"] = dumped({**run.pulled(task), "builds_on": builds_on})


def test_a_run_that_ends_at_once_has_confirmed_the_landing_in_force(world: World) -> None:
    """It has read the source later than a run whose commit waits."""
    world.deliver(*CORRECTED)
    assert Run(world).from_task("find_source")
    world.deliver(*RECORDS)
    waiting = Run(world, "manual__2")
    assert [waiting.task(task) for task in TASKS[:5]] == [True] * 5
    confirmed = world.deliver(*CORRECTED)
    last = Run(world, "manual__3")
    assert last.from_task("find_source")
    assert last.skipped
    assert not waiting.from_task("commit")
    assert "run manual__3 has claimed the day (claim 3, this run's was 2)" in waiting.reasons["commit"]
    assert world.visible() == (confirmed, list(CORRECTED))


def test_lost_claims_hold_nobody_up(world: World) -> None:
    world.deliver(*RECORDS)
    assert Run(world).from_task("find_source")
    world.fs.rm(f"{world.lake().path}/claims", recursive=True)
    sha = world.deliver(*CORRECTED)
    assert Run(world, "manual__2").from_task("find_source")
    assert world.visible() == (sha, list(CORRECTED))
    landing = world.lake().in_force(DAY)
    claim = claims.in_force(world.fs, world.lake().path, DAY)
    assert landing is not None
    assert claim is not None
    assert landing.claim == claim.number == 2


def test_a_run_of_the_same_name_and_try_makes_another_landing(world: World) -> None:
    """As a backfill's after Airflow's database was cleaned."""
    names = []
    for records in (RECORDS, CORRECTED):
        world.deliver(*records)
        run = Run(world, "backfill__2018-01-28T00:00:00+00:00")
        assert run.from_task("find_source")
        names.append(run.pulled("commit")["landing"])
        seen = world.visible()
        assert seen is not None
        assert seen[1] == list(records)
    assert len(set(names)) == 2
