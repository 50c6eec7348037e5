"""What a run is called in Airflow: an id and a note that carry the day it lands.

Airflow's list of runs is searched by parts of ids. In the ids made here the only date with dashes is the landed day; the moment that makes
an id unique is written without them. So a search for 2018-01-28 finds the runs of that day, whenever they were started.
"""

import secrets
from datetime import UTC, datetime

PREFIX = "land_assessments_"


def customer_of(dag_id: str) -> str | None:
    """Whose DAG this is; None for one that lands nothing."""
    return dag_id.removeprefix(PREFIX) if dag_id.startswith(PREFIX) else None


def manual_run_id(day: str | None, now: datetime) -> str:
    """Of a run that is started here. No other has it, so that asking again after a lost answer finds the run."""
    return f"manual__{f'{day}__' if day else ''}{compact(now)}_{secrets.token_hex(4)}"


def compact(moment: datetime) -> str:
    """UTC to the microsecond, such as 20180129T000000.000000Z."""
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")


def note(customer: str, day: str) -> str:
    """What Airflow shows beside the run."""
    return f"{customer} {day}"
