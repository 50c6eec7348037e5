"""Figures of a landing as metrics, by Airflow's own StatsD or OpenTelemetry (its section [metrics]); nothing where neither is on.

For each customer, and as tags where the backend has them:
`landfall.<customer>.landings`, a counter;
`landfall.<customer>.records.<figure>`, counters: published, landed, duplicates, quarantined, forgotten, and what else include/figures.py
shows in `Place.EVENTS`;
`landfall.<customer>.seconds.<task>`, timings of the tasks up to `commit`.
"""

from datetime import timedelta

from airflow.sdk.observability.stats import incr, timing

from include.figures import Place, shown
from include.receipts import Landing


def landed(landing: Landing, seconds: float) -> None:
    """What a commit made visible; `seconds` are its own. A commit that is repeated counts again."""
    name, tags = f"landfall.{landing.customer}", {"customer": landing.customer}
    incr(f"{name}.landings", tags=tags)
    for each in shown(Place.EVENTS):
        if (count := getattr(landing, each)) is not None:
            incr(f"{name}.records.{each}", count, tags=tags)
    for task, took in {**landing.seconds, "commit": seconds}.items():
        timing(f"{name}.seconds.{task}", timedelta(seconds=took), tags=tags)
