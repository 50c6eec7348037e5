"""How long the tasks of a run may take, and how often they are tried: what bounds the time from a record's publishing to its reading."""

from datetime import timedelta

RETRIES = 3
RETRY_DELAY = timedelta(seconds=5)
MAX_RETRY_DELAY = timedelta(minutes=10)
PUBLISH = timedelta(hours=1)


def read_within(transform_hours: float) -> timedelta:
    """The longest from a record's publishing to the end of Spark's reading: every try of both tasks uses up its time and its delay."""
    return (RETRIES + 1) * (PUBLISH + timedelta(hours=transform_hours) + 2 * MAX_RETRY_DELAY)
