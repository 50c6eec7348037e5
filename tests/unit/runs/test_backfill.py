"""A backfill of more than a month: how many days it is, how long it takes, and that somebody is asked."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from include.cli import land, services
from include.contracts import Contract
from include.errors import Refused
from include.runs import backfill

NOW = datetime(2018, 3, 1, 0, 30, tzinfo=UTC)
FIRST = date(2018, 1, 1)


def contract(**terms: Any) -> Contract:
    return Contract(customer="acme", source="{day}", **{"first_day": FIRST, **terms})


def landings(*seconds: float) -> list[Any]:
    return [SimpleNamespace(seconds={"publish": each / 2, "transform": each / 2}) for each in seconds]


COUNTED = [
    ("both ends are in it", {}, date(2018, 1, 31), 31),
    ("a day that is not over is not", {}, date(2018, 3, 31), 59),
    ("nor one that is not over in the customer's zone", {"time_zone": "America/New_York"}, date(2018, 3, 31), 58),
    ("nor one that the schedule leaves out", {"schedule": "0 6 * * 1", "days": "scheduled"}, date(2018, 1, 31), 5),
]


@pytest.mark.parametrize(("why", "terms", "last", "days"), COUNTED, ids=[row[0] for row in COUNTED])
def test_the_days_of_a_backfill_are_counted_as_airflow_will(why: str, terms: dict[str, Any], last: date, days: int) -> None:
    assert len(backfill.days_of(contract(**terms), FIRST, last, NOW)) == days, why


def test_a_span_before_the_contract_s_first_day_is_refused_before_anybody_is_asked() -> None:
    with pytest.raises(Refused, match="Set first_day"):
        backfill.days_of(contract(), FIRST - timedelta(days=1), FIRST, NOW)


TIMES = [
    ("by what the newest landings took, two at a time", landings(*([500.0] * 10), *([60.0] * 10)), "about 30 min, if each takes 60 s"),
    ("one slow one among them says nothing", landings(60, 60, 9000), "about 30 min"),
    ("hours", landings(600), "about 5 h 0 min"),
    ("nothing to go by", [], "How long that takes is not known"),
]


@pytest.mark.parametrize(("why", "landed", "said"), TIMES, ids=[row[0] for row in TIMES])
def test_the_time_that_a_backfill_takes_is_foretold(why: str, landed: list[Any], said: str) -> None:
    days = [FIRST + timedelta(days=number) for number in range(60)]
    warning = backfill.warning(contract(), days, 2, landed)
    assert said in warning, why
    assert "60 days of acme, from 2018-01-01 to 2018-03-01, 2 at a time" in warning


def test_more_than_a_month_is_not_landed_where_nobody_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A month is, without asking the lake how long it takes."""
    monkeypatch.setattr(services, "lake", lambda customer: SimpleNamespace(landings=lambda: landings(60)))
    with pytest.raises(Refused, match=r"32 days of acme.*about 16 min.*Nothing was started.*--yes"):
        land._confirm_backfill(contract(), FIRST, date(2018, 2, 1), 2)
    monkeypatch.delattr(services, "lake")
    land._confirm_backfill(contract(), FIRST, date(2018, 1, 31), 2)
