"""
# After each landed day

A DAG of your own that runs once for each day that lands: by schedule, in a backfill, as a correction or with `again`. Copy this file into
your folder of DAGs and put your customer in place of `demo`.

The run's partition is the day. The event says what was landed: `customer`, `day`, `landing`, `run_id`, `committed_at`, `sha256` of the
source, `content_hash` of its records, `published`, `landed`, `duplicates`, `quarantined`, `forgotten`, `rows` and `snapshots` table by
table, and where the `report` will be. Read the tables at these snapshots: then a later landing changes nothing under your hands.

A day that lands twice before Airflow has started a run for the first is one run, with both events: the last one is in force. A commit that
was killed at its end and tried again may say the same `landing` twice.
"""

from datetime import date

from airflow.sdk import DAG, Asset, PartitionedAssetTimetable, task

LANDED_DAYS = Asset(name="lake/demo/days")

with DAG(
    dag_id="after_each_landed_day_of_demo",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=LANDED_DAYS),
    is_paused_upon_creation=False,
):

    @task
    def count(partition_key: str | None = None, triggering_asset_events=None) -> dict:
        """What the newest event says of the day."""
        landed = triggering_asset_events[LANDED_DAYS][-1].extra
        assert date.fromisoformat(landed["day"]) == date.fromisoformat(partition_key or "")
        print(
            f"{landed['customer']} {landed['day']}: {landed['rows']['assessments']} attempts at snapshot",
            landed["snapshots"]["assessments"],
        )
        return landed

    count()
