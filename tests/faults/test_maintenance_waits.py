"""Maintenance that waits for however long before any of its outward effects, while all else goes on: nothing is lost, nothing undone.

On local files, with the real commits. Just before an effect of a forgetting, a tidying, a compaction or an update of descriptions, a
landing, a correction and another maintenance step go through whole; then it goes on. By default it waits before the first effect of each
kind and before every swap, in the long form before every single one.
"""

import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.answers import pages
from include.contracts import TopicSpec
from include.effects import Effect
from include.errors import LandfallError
from include.lake.lake import Lake
from include.lake.tombstones import tombstones
from include.maintenance.cleanup import ASIDE, tidy
from include.maintenance.compact import MARK as COMPACTED
from include.maintenance.compact import compact
from include.maintenance.forget import MARK as FORGOT
from include.maintenance.forget import forget
from include.schemas import LANDED
from tests.harness.lakes import (
    DESCRIBED,
    FIRST,
    MAX_FILES,
    SECOND,
    age,
    days,
    described,
    forget_what_things_mean,
    holding,
    newest_landings,
    open_lake,
    scattered,
)
from tests.oracle.built_landing import RECORDS, Built, attempt, build

THIRD, FOURTH = "2018-01-30", "2018-01-31"
TOPIC = TopicSpec("assessments.acme")


@pytest.fixture(autouse=True)
def pages_without_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "chart", lambda answer: None)


def land(lake: Lake, built: Built) -> None:
    known = tuple(tombstones(lake.fs, lake.path))
    lake.commit(built.landing, replace(built.transform, tombstones=known))


def forgetting(lake: Lake) -> None:
    forget(lake, "keen 1", asked_by="ann", topic=TOPIC)


def tidying(lake: Lake) -> None:
    tidy(lake, 14, now=datetime.now(UTC) + timedelta(days=15))


def compacting(lake: Lake) -> None:
    compact(lake, MAX_FILES)


def describing(lake: Lake) -> None:
    lake.create_tables()


STEPS: dict[str, tuple[Callable[[Lake], None], Callable[[Lake], None]]] = {  # what waits, and the other one that goes through meanwhile
    "forgetting": (forgetting, tidying),
    "tidying": (tidying, forgetting),
    "compacting": (compacting, forgetting),
    "describing": (describing, compacting),
}


class Waiting:
    """Before the n-th effect of the step, whichever thread comes there, something else goes through whole."""

    def __init__(self, number: int | None, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.number, self.meanwhile = number, meanwhile
        self.effects: list[Effect] = []
        self.busy, self.lock = False, threading.Lock()

    def __call__(self, moment: str, kind: Effect) -> None:
        with self.lock:
            if moment != "before" or self.busy:
                return
            self.effects.append(kind)
            if len(self.effects) != self.number:
                return
            self.busy = True
        self.meanwhile()
        self.busy = False


OFTEN = {"tidying": "forgetting, while which a tidying goes through, and compacting wait"}
CHOSEN = [pytest.param(name, marks=[pytest.mark.long(OFTEN[name])] if name in OFTEN else []) for name in STEPS]


@pytest.fixture(scope="module", params=CHOSEN)
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Path]:
    """The step, the folder of a lake with work for every step, and a copy of it."""
    folder = tmp_path_factory.mktemp("waits")
    lake = open_lake(folder)
    for built in (build(folder, RECORDS[:8]), scattered(build(folder, RECORDS[:8], try_number=2)), build(folder, RECORDS[:4], SECOND)):
        land(lake, built)
    if request.param == "describing":
        forget_what_things_mean(lake)
    lake.catalog.engine.dispose()
    return request.param, folder, shutil.copytree(folder, tmp_path_factory.mktemp("copy") / "of")


@pytest.mark.timeout(1800)  # seconds; each place where it waits is a lake of its own
def test_what_waits_before_any_effect_loses_nothing_and_undoes_nothing(
    prepared: tuple[str, Path, Path], monkeypatch: pytest.MonkeyPatch, figures: list[str], long: bool
) -> None:
    name, folder, copy = prepared
    step, other = STEPS[name]

    def wait(number: int | None) -> Waiting:
        shutil.rmtree(folder)
        shutil.copytree(copy, folder)

        def meanwhile() -> None:
            elsewhere = open_lake(folder)
            for day in (THIRD, SECOND):
                written = build(folder, [attempt(70), attempt(71)], day, try_number=5)
                age(written, days=-16)  # for a tidying that is in 15 days
                land(elsewhere, written)
            other(elsewhere)
            elsewhere.catalog.engine.dispose()

        waiting, lake = Waiting(number, meanwhile), open_lake(folder)
        with monkeypatch.context() as patched:
            patched.setattr("include.effects._stop_here", waiting)
            step(lake)
        if number is not None:
            assert len(waiting.effects) >= number
            whole(lake, folder, name, other.__name__, number)
        lake.catalog.engine.dispose()
        return waiting

    effects = wait(None).effects
    first = {effects.index(kind) for kind in effects}
    places = [at for at, kind in enumerate(effects) if long or at in first or kind == Effect.SWAP_TABLES]
    for at in places:
        try:
            wait(at + 1)
        except LandfallError as error:
            raise AssertionError(f"{name} waited before effect {at + 1}, {effects[at]}: {error}") from error
    figures.append(f"{name} waited before {len(places)} of its {len(effects)} effects: " + ", ".join(effects[at] for at in places))


def whole(lake: Lake, folder: Path, step: str, other: str, number: int) -> None:
    """All is readable and complete, what went through is in force, and the next commit works."""
    where = f"{step} waited before effect {number} while {other} went through"
    assert len(newest_landings(lake)) == 1, where
    land(lake, build(folder, [attempt(80)], FOURTH))
    state, in_force = lake.state(), {row.day: row for row in lake.landings()}
    assert state, where
    assert set(in_force) == {FIRST, SECOND, THIRD, FOURTH}, where
    for day in (SECOND, THIRD):
        assert in_force[day].landing.partition(COMPACTED)[0].partition(FORGOT)[0] == f"{day}-5f3a9c1e-5", where
    for table in LANDED:
        found = days(lake, table, state.snapshots[table])
        assert found == {day: row.tables[table] for day, row in in_force.items() if row.tables[table]}, f"{where}: {table}"
    if "forgetting" in (step, other):
        assert holding(folder / "lake", "keen 1") == [], where
        assert in_force[FIRST].forgotten == 3, where
    if step == "describing":
        assert described(lake) == DESCRIBED, where
    assert [path for path in (folder / "lake" / "acme" / ASIDE).rglob("*") if path.is_file()] == [], where
