"""That all tables of a customer move in one transaction of the catalog, on SQLite and on Postgres, whatever it is that commits."""

import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from pyiceberg.exceptions import CommitFailedException

from include.lake import commit as committing
from include.lake import proofs
from include.lake.staging import Staging
from include.receipts import TableFiles
from include.schemas import LANDED
from tests.harness import deeds
from tests.harness.deeds import DEEDS, Prepared, Rows, readable_rows, versions, with_landing
from tests.harness.lakes import DESCRIBED, commit, described, newest_landings, open_lake
from tests.harness.looks import goes_back, land_meanwhile, reading
from tests.harness.outward_calls import COMMIT, COMMITTED, Calls, killed
from tests.oracle.built_landing import CUSTOMER, Built, attempt, build

State = tuple[tuple[int, ...], Rows]  # which version of each table, and what it holds


@pytest.fixture(autouse=True)
def on_both(catalog: str) -> None:
    """Every test of this file runs on both catalogs."""


SHORT = {"landing", "expiry"}
ALL = [pytest.param(name, marks=[] if name in SHORT else pytest.mark.long("a landing and an expiry")) for name in DEEDS]

# ---------------------------------------------------------------- read meanwhile


@pytest.mark.not_quick("a process that reads meanwhile; test_of_two_interleaved_commits_one_wins_and_the_other_begins_again has none")
@pytest.mark.timeout(6000)
def test_all_tables_at_their_newest_in_one_look_are_of_one_landing(tmp_path: Path, long: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, landings = (10_000, 200) if long else (100, 5)
    monkeypatch.setattr(committing, "KEPT_LANDINGS", 3)  # a long history only takes time
    open_lake(tmp_path).create_tables()
    commit(open_lake(tmp_path), build(tmp_path))
    with reading(tmp_path, looks) as (number, over, answer):

        def wait(part: float) -> None:
            while number.value < looks * part - 1 and not answer.poll(0.01):
                pass

        landed = land_meanwhile(tmp_path, landings, wait)
        over.value = 1
        seen = answer.recv()
    print(f"{seen.looks} looks in one transaction, {seen.plain} plain ones, {len(landed)} landings, {len(seen.landings)} of them seen")
    print(f"plain looks that saw several landings: {len([order for order in seen.orders if len(order) > 1])}; looked again: {seen.gone}")
    assert seen.looks >= looks
    assert seen.mixed == []
    assert goes_back(seen.orders, landed) == []
    assert len(seen.landings) > landings / 2, "it did read while they landed"


# ---------------------------------------------------------------- killed


def undisturbed(prepared: Prepared, name: str) -> tuple[list[str], list[State]]:
    """The outward calls of a deed that nothing disturbs, and the lake before it and after each of its swaps."""
    prepared.restore()
    calls, states = Calls(), [(versions(prepared.lake), readable_rows(prepared.lake))]
    real = Staging.swap

    def swap(self: Staging) -> None:
        real(self)
        states.append((versions(prepared.lake), readable_rows(prepared.lake)))

    with pytest.MonkeyPatch.context() as patch, calls.noted():
        patch.setattr(Staging, "swap", swap)
        deeds.do(name, prepared.folder, prepared.built)
    return calls.names, states


def expect_old_or_new(prepared: Prepared, name: str, call: int, states: list[State], caplog: pytest.LogCaptureFixture) -> int:
    """Kills the deed just before this call, and lets another commit follow, or the deed again. Returns which state the kill had left."""
    prepared.restore()
    killed(name, prepared.folder, prepared.built, call)
    lake = prepared.lake
    left = versions(lake), readable_rows(lake)
    assert left in states, f"{name}, before call {call}: neither what was nor what is to be"
    assert len(newest_landings(lake)) == 1
    caplog.clear()
    with caplog.at_level("WARNING"):
        if call % 2:
            deeds.landing(lake, prepared.following)
            assert readable_rows(lake) == with_landing(left[1], prepared.following)
        else:
            deeds.do(name, prepared.folder, prepared.built)
            assert readable_rows(lake) == states[-1][1]
            assert described(lake) == DESCRIBED
    assert caplog.messages == [], f"{name}, before call {call}: nothing to mend"
    assert len(newest_landings(lake)) == 1
    return states.index(left)


def around_the_swap(calls: list[str]) -> set[int]:
    """Just before the database is asked to commit the first swap, and just after."""
    last_update = max(number for number, name in enumerate(calls) if name == "update" and calls[number + 1] == COMMIT)
    assert calls[last_update + 2] == COMMITTED
    return {last_update + 1, last_update + 2}


@pytest.mark.not_quick("processes that are killed; test_stopped_anywhere_every_table_is_as_before_or_as_after stops within this one")
@pytest.mark.parametrize("name", ALL)
def test_killed_before_an_outward_call_there_is_what_was_or_what_is_to_be_and_nothing_to_mend(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    prepared = Prepared.of(tmp_path, name)
    calls, states = undisturbed(prepared, name)
    left = [expect_old_or_new(prepared, name, call, states, caplog) for call in sorted(around_the_swap(calls))]
    assert left[1] == left[0] + 1


@pytest.mark.long("test_killed_before_an_outward_call_there_is_what_was_or_what_is_to_be_and_nothing_to_mend")
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("name", DEEDS)
def test_killed_before_every_outward_call_there_is_what_was_or_what_is_to_be_and_nothing_to_mend(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    prepared = Prepared.of(tmp_path, name)
    calls, states = undisturbed(prepared, name)
    left = [expect_old_or_new(prepared, name, call, states, caplog) for call in range(len(calls))]
    assert set(left) == set(range(len(states))), "every state that it goes through was left by some kill"
    assert left == sorted(left)
    print(f"{name}: {len(calls)} kills, {len(states) - 1} swaps")


# ---------------------------------------------------------------- raced


class Meeting:
    """Two commits, neither of which swaps before the other has staged. `lost` has who was refused, by its thread."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.lost: list[str] = []
        self._met, self._barrier = set[str](), threading.Barrier(2)
        real = Staging.swap

        def swap(staging: Staging) -> None:
            me = threading.current_thread().name
            if me not in self._met:
                self._met.add(me)
                self._barrier.wait(60)
            try:
                real(staging)
            except CommitFailedException:
                self.lost.append(me)
                raise

        patch.setattr(Staging, "swap", swap)


def race(*both: Callable[[], object]) -> list[str]:
    """Does both at once; returns who lost, once for each time."""
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as pool:
        meeting = Meeting(patch)
        for done in [pool.submit(each) for each in both]:
            done.result()
    return meeting.lost


def races(folder: Path, number: int, build: Callable[..., Built] = build) -> None:
    """So many races of two landings, of days of their own, on one lake."""
    lakes = [open_lake(folder), open_lake(folder)]
    lakes[0].create_tables()
    for each in range(number):
        days = [f"20{18 + which}-{1 + each // 28:02}-{1 + each % 28:02}" for which in (0, 1)]
        builts = [build(folder, [attempt(each)], day) for day in days]
        before = versions(lakes[0])
        lost = race(*(partial(commit, *landing) for landing in zip(lakes, builts, strict=True)))
        assert len(lost) == 1, f"race {each}: one wins, the other one sees a conflict and succeeds when it tries again"
        moved = [after - version for version, after in zip(before, versions(lakes[0]), strict=True)]
        landed = 1 + len(builts[0].transform.tables)
        assert sorted(moved) == [0] * (len(moved) - landed) + [2] * landed, f"race {each}: each moved each of its tables once"
        assert newest_landings(lakes[0], {"questions", "landings"}) in [{built.transform.landing} for built in builts]
    assert len(lakes[0].landings()) == 2 * number
    assert sum(readable_rows(lakes[0])["questions"].values()) == 2 * number


@pytest.mark.not_quick("processes that race; test_of_two_interleaved_commits_one_wins_and_the_other_begins_again has none")
def test_of_two_landings_that_race_one_wins_and_the_other_succeeds_when_it_tries_again(tmp_path: Path) -> None:
    races(tmp_path, 5)


@pytest.mark.long("test_of_two_landings_that_race_one_wins_and_the_other_succeeds_when_it_tries_again")
@pytest.mark.timeout(6000)
@pytest.mark.parametrize("part", range(20))
def test_of_two_landings_that_race_a_thousand_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int) -> None:
    """Fifty a lake. Two lakes in twenty land all tables; the others, for time, one and `landings`, which are held to all nine as well."""
    monkeypatch.setattr(committing, "KEPT_LANDINGS", 3)
    if part > 1:
        for module in (committing, proofs):
            monkeypatch.setattr(module, "LANDED", {"questions": LANDED["questions"]})
    races(tmp_path, 50, one_table if part > 1 else build)


BUILT: dict[str, Built] = {}  # what `one_table` copies


def one_table(folder: Path, records: Sequence[bytes], day: str) -> Built:
    """The landing with one of its tables; its rows are counted and written for the first lake."""
    model = BUILT.get(day) or BUILT.setdefault(day, build(folder, records, day))
    [old] = model.transform.tables["questions"].files
    new = Path(old.path.replace(model.root, f"{folder}/lake/{CUSTOMER}"))
    if not new.exists():
        new.parent.mkdir(parents=True)
        shutil.copy(old.path, new)
    tables = {"questions": TableFiles(model.transform.tables["questions"].rows, (replace(old, path=str(new)),))}
    return replace(model, transform=replace(model.transform, tables=tables))


@pytest.mark.parametrize("name", ALL[1:])
def test_whatever_races_a_landing_loses_or_wins_and_both_are_there(tmp_path: Path, long: bool, name: str) -> None:
    prepared = Prepared.of(tmp_path, name)
    _, states = undisturbed(prepared, name)
    for _ in range(25 if long else 1):
        prepared.restore()
        lost = race(
            lambda: deeds.do(name, tmp_path, prepared.built),
            lambda: deeds.landing(open_lake(tmp_path), prepared.following),
        )
        assert lost, "they met"
        assert readable_rows(prepared.lake) == with_landing(states[-1][1], prepared.following)
        assert described(prepared.lake) == DESCRIBED
        assert len(newest_landings(prepared.lake)) == 1
