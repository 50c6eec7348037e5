"""Which day of a customer stands how, from landings, runs and the contract."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from include.contracts import Contract
from include.lake.day_index import LandedDay
from include.runs import day_states
from include.runs.day_states import NotRight, Run, State

DAY = date(2018, 1, 28)
NOW = datetime(2018, 1, 30, 12, tzinfo=UTC)
NOON, EVENING = datetime(2018, 1, 29, 12, tzinfo=UTC), datetime(2018, 1, 29, 20, tzinfo=UTC)


def contract(**terms: Any) -> Contract:
    return Contract(customer="acme", source="{day}", **{"first_day": DAY, "deadline_hours": 0.0, "days": "scheduled", **terms})


def landed(day: date = DAY, at: datetime = NOON) -> LandedDay:
    return LandedDay(day, at, published=12, landed=8, duplicates=2, quarantined=2, has_warnings=False)


def run(state: str, ended: datetime | None = None, run_id: str = "r", day: date = DAY) -> Run:
    return Run(run_id, day, state, NOON - timedelta(hours=1), ended)


FAIL, SKIP, LATE = contract(), contract(missing_source="skip"), contract(deadline_hours=48.0)
STATES = [
    ("landed", FAIL, [landed()], [run("success", NOON)], State.LANDED),
    ("landed, and Airflow has forgotten the run", FAIL, [landed()], [], State.LANDED),
    ("nothing has happened and the deadline has passed", FAIL, [], [], State.MISSING),
    ("nothing has happened, but the deadline is to come", LATE, [], [], None),
    ("a run waits for files before the deadline", LATE, [], [run("running")], State.RUNNING),
    ("a run that is queued is under way too", FAIL, [], [run("queued")], State.RUNNING),
    ("a run failed", FAIL, [], [run("failed", NOON)], State.RED),
    ("a run failed where a day without files is none", SKIP, [], [run("failed", NOON)], State.RED),
    ("a correction failed: readers see the landing before", FAIL, [landed(at=NOON)], [run("failed", EVENING)], State.LANDED_FAILED),
    (
        "its run failed after the commit, at its answers",
        FAIL,
        [landed(at=NOON)],
        [run("failed", NOON + timedelta(seconds=5))],
        State.LANDED_FAILED,
    ),
    ("a failure before the landing is history", FAIL, [landed(at=EVENING)], [run("failed", NOON)], State.LANDED),
    ("a failure, then a success", FAIL, [landed()], [run("failed", NOON, "a"), run("success", EVENING, "b")], State.LANDED),
    ("a success, then a failure", FAIL, [landed()], [run("success", NOON, "a"), run("failed", EVENING, "b")], State.LANDED_FAILED),
    ("failed, and tried again right now", FAIL, [], [run("failed", EVENING, "a"), run("running", None, "b")], State.RUNNING),
    ("landed, and landing again right now", FAIL, [landed()], [run("success", NOON, "a"), run("queued", None, "b")], State.RUNNING),
    ("no files where a day without files is none", SKIP, [], [run("success", NOON)], State.SKIPPED),
    ("nobody has looked for files where such a day is none", SKIP, [], [], State.NOT_RUN),
    ("a run was marked as a success by hand: still nothing landed", FAIL, [], [run("success", NOON)], State.MISSING),
]


@pytest.mark.parametrize(("why", "terms", "landings", "runs", "state"), STATES, ids=[row[0] for row in STATES])
def test_how_a_day_stands(why: str, terms: Contract, landings: list[LandedDay], runs: list[Run], state: State | None) -> None:
    found = day_states.days(terms, {each.day: each for each in landings}, runs, NOW)
    assert (found[DAY].state if DAY in found else None) == state, why


def test_every_state_but_not_due_has_a_row() -> None:
    assert {row[4] for row in STATES} == {*State, None} - {State.NOT_DUE}


def test_a_day_that_is_not_in_the_schedule_shows_if_it_has_landed() -> None:
    weekly = contract(schedule="0 0 * * 1", days="scheduled", first_day=date(2018, 1, 1))
    found = day_states.days(weekly, {DAY: landed()}, [], NOW)
    assert {day: each.state for day, each in found.items()} == {
        **{date(2018, 1, number): State.MISSING for number in (1, 8, 15, 22, 29)},
        DAY: State.LANDED,
    }


OVERDUE = [
    ("the day is over in UTC", {}, datetime(2018, 1, 29, tzinfo=UTC), [DAY]),
    ("a second before", {}, datetime(2018, 1, 28, 23, 59, 59, tzinfo=UTC), []),
    ("in Auckland it was over earlier", {"time_zone": "Pacific/Auckland"}, datetime(2018, 1, 28, 11, tzinfo=UTC), [DAY]),
    ("in New York it is not over yet", {"time_zone": "America/New_York"}, datetime(2018, 1, 29, 4, 59, tzinfo=UTC), []),
    ("files may be a day late", {"deadline_hours": 24.0}, datetime(2018, 1, 29, 23, 59, tzinfo=UTC), []),
    ("a first day that is to come", {"first_day": date(2018, 2, 1)}, datetime(2018, 1, 29, tzinfo=UTC), []),
    ("where clocks go forward", {"schedule": "30 2 * * *", "time_zone": "Europe/Berlin", "first_day": date(2018, 3, 24)},
     datetime(2018, 3, 26, tzinfo=UTC), [date(2018, 3, 24), date(2018, 3, 25)]),
]  # fmt: skip


@pytest.mark.parametrize(("why", "terms", "now", "days"), OVERDUE, ids=[row[0] for row in OVERDUE])
def test_which_days_are_overdue(why: str, terms: dict[str, Any], now: datetime, days: list[date]) -> None:
    assert list(day_states.overdue_days(contract(**terms), now)) == days, why


def test_what_is_not_right_is_red_days_and_spans_of_missing_ones_newest_first() -> None:
    february = [date(2018, 2, number) for number in range(1, 11)]
    runs = [run("failed", NOON, "a", february[2]), run("failed", NOON, "b", february[6])]
    landings = {february[4]: landed(february[4])}
    found = day_states.days(contract(first_day=february[0]), landings, runs, datetime(2018, 2, 11, tzinfo=UTC))
    assert day_states.not_right(found) == [
        NotRight(State.RED, february[6], february[6], 1, runs[1]),
        NotRight(State.RED, february[2], february[2], 1, runs[0]),
        NotRight(State.MISSING, february[7], february[9], 3),
        NotRight(State.MISSING, february[5], february[5], 1),
        NotRight(State.MISSING, february[3], february[3], 1),
        NotRight(State.MISSING, february[0], february[1], 2),
    ]


def test_a_landed_day_whose_correction_failed_is_not_right_until_somebody_has_seen_it() -> None:
    """What readers see stays in sight; a red day that was seen stays red, for nothing of it has landed."""
    next_day = DAY + timedelta(days=1)
    runs = [run("failed", EVENING, "correction"), run("failed", EVENING, "other", next_day)]
    found = day_states.days(contract(), {DAY: landed(at=NOON)}, runs, NOW)
    assert (found[DAY].state, found[DAY].landed, found[DAY].failed) == (State.LANDED_FAILED, landed(at=NOON), runs[0])
    assert [each.state for each in day_states.not_right(found)] == [State.RED, State.LANDED_FAILED]
    seen = day_states.with_seen(found, lambda failed: failed in runs)
    assert {day: (each.state, each.seen) for day, each in seen.items() if each.seen} == {
        DAY: (State.LANDED, True), next_day: (State.RED, True),
    }  # fmt: skip
    assert (seen[DAY].failed, day_states.not_right(seen)) == (runs[0], [])
    assert day_states.with_seen(found, lambda failed: False) == found


def test_a_backfill_runs_the_days_of_the_schedule_that_are_over() -> None:
    since = contract(first_day=date(2018, 1, 1))
    at = datetime(2018, 2, 1, 12, tzinfo=UTC)
    assert day_states.days_to_run(since, date(2018, 1, 30), date(2018, 2, 28), at) == 2
    assert day_states.days_to_run(contract(first_day=date(2018, 1, 1), schedule="0 0 * * 1"), date(2018, 1, 1), date(2018, 1, 31), at) == 5
    assert day_states.days_to_run(contract(first_day=date(2018, 1, 1)), date(2009, 1, 1), date(2018, 1, 3), at) == 3


def test_how_long_days_take_is_the_median_of_the_newest_runs_that_succeeded() -> None:
    """Began an hour before noon: an hour, and half as long again for days that are two at a time."""
    assert day_states.seconds_to_run([run("failed", NOON), run("running")], 10, 2) is None
    runs = [run("success", NOON, "a"), run("success", NOON - timedelta(minutes=30), "b"), run("success", EVENING, "c")]
    assert day_states.seconds_to_run(runs, 3250, 2) == 1625 * 3600
    assert day_states.seconds_to_run(runs, 3, 2) == 2 * 3600


def test_weekends_that_are_not_due_do_not_part_a_span() -> None:
    working_days = contract(schedule="0 0 * * 1-5", days="scheduled", first_day=date(2018, 2, 1))
    [span] = day_states.not_right(day_states.days(working_days, {}, [], datetime(2018, 2, 7, tzinfo=UTC)))
    assert (span.first, span.last, span.days) == (date(2018, 2, 1), date(2018, 2, 6), 4)


def test_only_days_that_landed_lately_and_are_at_rest_are_looked_at() -> None:
    days = [DAY - timedelta(days=number) for number in range(12)]
    at = {day: NOW - timedelta(hours=20 * number) for number, day in enumerate(days)}
    runs = [run("running", day=days[0]), run("failed", NOW, "f", days[1]), run("success", at[days[2]], "s", days[2])]
    found = day_states.days(contract(first_day=days[-1]), {day: landed(day, at[day]) for day in days}, runs, NOW)
    assert [day.day for day in day_states.freshly_landed(found, NOW)] == days[2:9], "a run looks at one, of one a failure is shown; a week"
    busy = {day: landed(day, NOW) for day in days}
    assert len(day_states.freshly_landed(day_states.days(contract(), busy, [], NOW), NOW)) == day_states.LOOKED_AT
