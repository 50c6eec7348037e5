"""Records stay in a topic for a time only: will they be there when Spark reads them, are they there, and may they be read already?

Spark itself is no help with either: past an open transaction it reports data loss where there is none, and what has aged out before it
looks it would, with other settings, pass over in silence.
"""

import logging
from collections.abc import Mapping
from datetime import timedelta

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its typed __init__ re-exports without saying so
    ConfigResource,
    OffsetSpec,
    ResourceType,
)
from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_delay, wait_fixed

from include.errors import LandfallError, Refused
from include.kafka.client import ANSWER_SECONDS, Admin, reason, settled
from include.kafka.producer import TRANSACTION_SECONDS
from include.kafka.topics import described
from include.receipts import PublishReceipt

log = logging.getLogger(__name__)

OPEN_SECONDS = TRANSACTION_SECONDS + 30  # by then the broker has ended a transaction that its publisher forgot
PUBLISH_AGAIN = (
    "Clear publish and the tasks after it: the ledger notices, and the whole source is published again as the next generation "
    "(a run that lands a landed day again reads it from HDFS)."
)
EARLIEST, LATEST = OffsetSpec.earliest(), OffsetSpec.latest()  # type: ignore[no-untyped-call]
Offsets = Mapping[int, int]


class RecordsLost(Refused):
    """Records that a receipt says are in the topic are no longer there. The message names partition and offsets."""


class RetentionTooShort(Refused):
    """The topic may delete records before the run that needs them is over."""


def refuse_short_retention(admin: Admin, topic: str, run: timedelta) -> None:
    """Raises RetentionTooShort if the topic keeps records for less time than a run may take, from publish to the end of transform.

    Asks the broker, not the contract. LandfallError when the broker does not answer.
    """
    try:
        [asked] = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)], request_timeout=ANSWER_SECONDS).values()
        configs = {name: int(asked.result()[name].value) for name in ("retention.ms", "retention.bytes")}
    except KafkaException as error:
        raise _unanswered(topic, error, admin) from error
    kept = timedelta(milliseconds=configs["retention.ms"])
    remedy = "Nothing was published. Raise retention_hours in the contract and retention.ms of the topic."
    if configs["retention.ms"] >= 0 and kept < run:
        raise RetentionTooShort(f"{topic} keeps records for {_hours(kept)}; a run with all its retries may take {_hours(run)}. {remedy}")
    if configs["retention.bytes"] >= 0:
        raise RetentionTooShort(
            f"{topic} keeps only {configs['retention.bytes']:,} bytes of each partition, however new they are. Nothing was published. "
            "Set retention.bytes of the topic to -1."
        )


def require_readable(admin: Admin, receipt: PublishReceipt, patience: float = OPEN_SECONDS) -> None:
    """Waits until a `read_committed` reader may read to the batch's end, at most `patience` seconds; then every offset must still be there.

    Raises RecordsLost with partition and offsets, LandfallError when a transaction stays open or the broker does not answer.
    A batch without records, or one that is read from the lake, asks nothing of Kafka.
    """
    if receipt.raw or not receipt.offsets:
        return
    ends = {partition: last + 1 for partition, (_, last) in receipt.offsets.items()}
    try:
        if receipt.topic not in described(admin, [receipt.topic]):
            raise RecordsLost(f"{receipt.topic} is no longer there. {PUBLISH_AGAIN}")
        _refuse_missing_end(receipt.topic, ends, _ask(admin, receipt, LATEST))
        _await_stable(admin, receipt, ends, patience)
        lows = _ask(admin, receipt, EARLIEST)
    except KafkaException as error:
        raise _unanswered(receipt.topic, error, admin) from error
    lost = {partition: (first, lows[partition] - 1) for partition, (first, _) in receipt.offsets.items() if lows[partition] > first}
    if lost:
        told = "; ".join(f"partition {partition}: offsets {first} to {last}" for partition, (first, last) in sorted(lost.items()))
        raise RecordsLost(f"{receipt.topic} has deleted records that are to be landed: {told} have aged out. {PUBLISH_AGAIN}")


def _refuse_missing_end(topic: str, ends: Offsets, highs: Offsets) -> None:
    short = {partition: (highs[partition], end) for partition, end in ends.items() if highs[partition] < end}
    if short:
        told = "; ".join(f"partition {partition} ends at offset {high}, the batch at {end}" for partition, (high, end) in short.items())
        raise RecordsLost(f"{topic} does not hold what was published: {told}: it was made anew, or its broker lost data. {PUBLISH_AGAIN}")


def _await_stable(admin: Admin, receipt: PublishReceipt, ends: Offsets, patience: float) -> None:
    """Until the last stable offset, before which every transaction has ended, has reached the end of the batch."""

    def open_before_end() -> dict[int, tuple[int, int]]:
        stable = _ask(admin, receipt, LATEST, IsolationLevel.READ_COMMITTED)
        return {partition: (stable[partition], end) for partition, end in ends.items() if stable[partition] < end}

    def tell(state: RetryCallState) -> None:
        if state.attempt_number == 1 and state.outcome:
            log.info("%s: a transaction is open before the end of the batch: %s; waiting", receipt.topic, state.outcome.result())

    def give_up(state: RetryCallState) -> None:
        assert state.outcome is not None  # there has been a try
        told = "; ".join(f"partition {one}: stable to {stable}, batch to {end}" for one, (stable, end) in state.outcome.result().items())
        raise LandfallError(
            f"{receipt.topic}: for {patience:.0f} s a transaction has been open before the end of the batch ({told}); it hides what comes "
            "after it. Find the publisher that hangs (kafka-transactions.sh find-hanging) and end it, then clear this task."
        )

    Retrying(
        retry=retry_if_result(bool),
        wait=wait_fixed(0.5),
        stop=stop_after_delay(patience),
        before_sleep=tell,
        retry_error_callback=give_up,
    )(open_before_end)


def _ask(admin: Admin, receipt: PublishReceipt, which: OffsetSpec, isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED) -> Offsets:
    """An offset of each of the receipt's partitions."""
    asked = {TopicPartition(receipt.topic, partition): which for partition in receipt.offsets}

    def answer() -> Offsets:
        futures = admin.list_offsets(asked, isolation_level=isolation, request_timeout=ANSWER_SECONDS)
        return {partition.partition: future.result().offset for partition, future in futures.items()}

    return settled(answer)


def _unanswered(topic: str, error: KafkaException, admin: Admin) -> LandfallError:
    return LandfallError(f"{topic}: {reason(error, admin)}. Is the broker up?")


def _hours(time: timedelta) -> str:
    hours = time / timedelta(hours=1)
    return f"{hours:,.0f} hours" if hours >= 2 else f"{time.total_seconds():,.0f} seconds"
