"""What is said of a landing, in the log of its tasks and to people: made from receipts, and so of counts, names and hashes only.

No text here carries anything of a record: neither bytes, nor ids, nor an error's own words, which may quote either.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from include.figures import PARTS, Place, shown
from include.receipts import Conservation, Found, Landing, PublishReceipt, Source, TransformReceipt, conservation

FILES = 10  # of a day, that are named


def files(source: Source) -> list[str]:
    """The files of a day, a line each, with size and hash; of many the first ten."""
    lines = [f"  {file.uri}: {file.bytes} bytes, sha256 {file.sha256}" for file in source.files[:FILES]]
    more = len(source.files) - len(lines)
    return [*lines, f"  and {more} more"] if more > 0 else lines


def proof(publish: PublishReceipt, transform: TransformReceipt, found: Found | None, problems: int, seconds: float) -> list[str]:
    """What `validate` compared: records and content hash of source, topic, Spark and HDFS, and the rows of every table."""
    what = f"{publish.customer} {publish.day}, landing {transform.landing}"
    judged = f"{problems or 'no'} problem{'' if problems == 1 else 's'}"
    rows = {table: files.rows for table, files in transform.tables.items()}
    return [
        f"{what}: {judged}, looked at in {seconds:.1f} s",
        *_columns(conservation(publish, transform, found)),
        *_counted("quarantined for", transform.reasons),
        *_counted("rows", rows),
    ]


def visible(landing: Landing, seconds: float) -> list[str]:
    """What `commit` made visible, with the seconds of every step so far."""
    steps = {**landing.seconds, "commit": round(seconds, 2)}
    return [
        f"{landing.customer} {landing.day}: landing {landing.landing} is what readers see, since {landing.committed_at}",
        *_columns(landing.conservation),
        *_counted("rows", landing.tables),
        *_counted("snapshots", landing.snapshots),
        *_counted("seconds", steps),
    ]


def event(landing: Landing, location: str) -> dict[str, Any]:
    """What other DAGs get to know of a landing, as plain JSON types. `location` is the URI of the customer's lake.

    `landing` is the same for a commit that was repeated; `report` is written by the task that follows the commit.
    """
    names = ("customer", "day", "landing", "run_id", "committed_at", "sha256", "content_hash", *shown(Place.EVENTS), "snapshots")
    said = {name: getattr(landing, name) for name in names}
    return {**said, "rows": landing.tables, "report": f"{location}/answers/{landing.day}.json"}


@dataclass(frozen=True)
class Notice:
    """One message to people. `event` is failed, late or quarantine; `step` is the task it is about; `day` is "" if it is not known."""

    event: str
    customer: str
    day: str
    step: str
    link: str
    subject: str
    text: str


WHAT_TO_DO = {
    "find_source": "Its log names the files, or the place that was searched. Bring them, then clear the task.",
    "ensure_topic": "Its log lists every difference between the contract and the topic. Change one of them, then clear the task.",
    "publish": "Its log names the byte, the record or the broker. Nothing was sent twice, and a retry sends only what is missing.",
    "transform": "The last error of its log is Spark's own cause. Clear the task to try again.",
    "validate": "Each problem is a sentence in its log. Clear transform with downstream, or bring a better source.",
    "commit": "Clear the task: a commit that was stopped half-way has changed nothing.",
    "answer": "The day is landed and visible all the same. Clear this task alone.",
}
NOT_YET_VISIBLE = "Nothing of this run is visible to readers; a landing of the day from before, if there is one, is still in force."


def failed(customer: str, day: str, step: str, try_number: int, link: str) -> Notice:
    """A run failed at this task, at its last try."""
    what = f"{_which(customer, day)}: {step} failed"
    visible = "" if step == "answer" else f"{NOT_YET_VISIBLE} "
    text = f"{what}, at try {try_number}. {visible}{WHAT_TO_DO.get(step, '')}".rstrip()
    return Notice("failed", customer, day, step, link, f"[landfall] {what}", f"{text}\n{link}")


def quarantined(customer: str, transform: TransformReceipt, above: float, step: str, link: str) -> Notice | None:
    """More of the day's records than this share, 0 to 1, cannot be read; None if not. Counts by reason, none of the records."""
    if not transform.read or transform.quarantined / transform.read <= above:
        return None
    share = f"{transform.quarantined} of {transform.read} records ({transform.quarantined / transform.read:.2%})"
    what = f"{_which(customer, transform.day)}: {share} cannot be read"
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(transform.reasons.items()))
    text = f"{what}, {above:.2%} would be without a message. By reason: {reasons}. See them with ./landfall quarantine.\n{link}"
    return Notice("quarantine", customer, transform.day, step, link, f"[landfall] {what}", text)


def late(customer: str, day: str, expected: datetime, step: str, link: str) -> Notice:
    """A day is not landed by the time the contract says. `step` is the first task that is not done; "" if no run has begun."""
    why = f"the run is at {step}" if step else "no run of it has begun: is its DAG paused, or the scheduler down?"
    what = f"{_which(customer, day)} is late"
    text = f"{what}: expected by {expected:%Y-%m-%d %H:%M} UTC, and not landed; {why}"
    return Notice("late", customer, day, step, link, f"[landfall] {what}, {step or 'no run'}", f"{text}\n{link}")


def _which(customer: str, day: str) -> str:
    return f"{customer} {day}" if day else f"{customer} (day not known)"


def _columns(counted: Conservation) -> Iterable[str]:
    """One line a column: how many records it has, their hash, and what became of them where that is known."""
    for column, each in counted.items():
        parts = ", ".join(f"{each[part]} {part}" for part in PARTS if part in each)
        yield f"  {column:<6} {each['records']} records, content hash {each['content_hash']}{': ' if parts else ''}{parts}"


def _counted(what: str, counts: Mapping[str, float]) -> list[str]:
    return [f"  {what}: {', '.join(f'{name} {count}' for name, count in counts.items())}"] if counts else []
