"""What a landing says to other DAGs: two assets a customer, and an event of each with what was landed.

`lake/<customer>/days` is partitioned by day: a DAG scheduled by `PartitionedAssetTimetable` gets a run of its own for each landed day, be
it of a schedule, a backfill, a correction or `again`. Airflow runs no DAG with a plain schedule for an event that has a partition, so there
is `lake/<customer>` beside it, for DAGs that want to run after any landing, once also after several.

docs/example_downstream.py is such a DAG.
"""

from collections.abc import Iterable
from typing import Any

from airflow.sdk import Asset, Context

from include.receipts import Landing
from include.runs import notices

DAYS = "/days"


def outlets(customer: str) -> list[Asset]:
    """Of the task that makes a landing visible."""
    return [Asset(name=f"lake/{customer}"), Asset(name=f"lake/{customer}{DAYS}")]


def announce(context: Context, assets: Iterable[Any], landed: Landing, location: str) -> None:
    """Fills the events of these outlets, which Airflow sends when the task has succeeded. `location` is the URI of the customer's lake."""
    for asset in assets:
        said = context["outlet_events"][asset]
        said.extra = notices.event(landed, location)
        if asset.name.endswith(DAYS):
            said.add_partitions(landed.day)
