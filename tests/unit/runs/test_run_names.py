"""Run ids and notes carry the landed day, and no other date that a search would find."""

import re
from datetime import datetime, timedelta, timezone

from include.runs import run_names
from include.runs.airflow_client import run_of

NOW = datetime(2026, 11, 27, 1, 30, 0, 5, tzinfo=timezone(timedelta(hours=2)))


def test_the_only_date_of_an_id_is_the_landed_day() -> None:
    ids = {run_names.manual_run_id("2018-01-28", NOW) for _ in range(100)}
    assert len(ids) == 100, "no two runs share an id, also of one day and moment"
    assert all(re.fullmatch(r"manual__2018-01-28__20261126T233000\.000005Z_[0-9a-f]{8}", each) for each in ids)
    assert run_names.manual_run_id(None, NOW).startswith("manual__20261126T233000.000005Z_")


def test_a_run_that_is_asked_for_has_day_and_customer_as_its_note() -> None:
    run = run_of("land_assessments_acme", {"day": "2018-01-28", "again": True})
    assert (run["note"], run["conf"]) == ("acme 2018-01-28", {"day": "2018-01-28", "again": True})
    assert run["dag_run_id"].startswith("manual__2018-01-28__")
    assert "note" not in run_of("tidy_lake", {}), "Airflow's own users write notes of other DAGs"
