"""A customer's topic and the ledger beside it: made as the contract says, or compared with it."""

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its typed __init__ re-exports without saying so
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourceType,
    TopicDescription,
)
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from include.contracts import TopicSpec
from include.effects import Effect, effect
from include.errors import LandfallError, Refused
from include.kafka.client import ANSWER_SECONDS, code, reason

HOUR_MS = 3_600_000
IN_SYNC = "min.insync.replicas"  # how many must have a record before `acks=all` acknowledges it
T = TypeVar("T")


class TopicDrift(Refused):
    """A topic exists and is not what the contract says. The message lists every difference."""


@dataclass(frozen=True)
class Layout:
    """How one topic stands, or is to stand, on the brokers. `replication` lists every factor found among the partitions."""

    name: str
    partitions: int
    replication: tuple[int, ...]
    configs: Mapping[str, str]


def layouts(spec: TopicSpec) -> list[Layout]:
    """The topic for the records and the one for the ledger.

    `retention.bytes` is written down because a limit by size would let records age out that the contract's hours still promise.
    The ledger is compacted, never aged: an entry is needed as long as anybody may publish its source again. Where there is more than one
    replica, a record is acknowledged when two have it, so that the loss of a broker loses nothing that was acknowledged.
    """
    copies = {IN_SYNC: str(min(spec.replication, 2))}
    records = {
        "cleanup.policy": "delete",
        "retention.ms": str(spec.retention_hours * HOUR_MS),
        "retention.bytes": "-1",
        "max.message.bytes": str(spec.max_message_bytes),
        **copies,
    }
    return [
        Layout(spec.name, spec.partitions, (spec.replication,), records),
        Layout(spec.ledger, 1, (spec.replication,), {"cleanup.policy": "compact", **copies}),
    ]


def ensure_topic(admin: AdminClient, spec: TopicSpec) -> list[str]:
    """Makes the topic and its ledger where they are missing; returns the names of those it made.

    Raises TopicDrift with every difference where one exists and is not as the contract says (then nothing is made), Refused where the
    brokers will not have such a topic, LandfallError where they do not answer within 20 s.
    """
    wanted = layouts(spec)
    try:
        found = _describe(admin, wanted)
        _refuse_drift(spec, wanted, found)
        made = [layout.name for layout in wanted if layout.name not in found and _create(admin, layout)]
        _refuse_drift(spec, wanted, _describe_all(admin, wanted))
    except KafkaException as error:
        raise LandfallError(f"{spec.name}: {reason(error, admin)}. Nothing was made. Is the broker up?") from error
    return made


def differences_from(admin: AdminClient, spec: TopicSpec) -> list[str]:
    """Each way in which topic and ledger, where they exist, differ from the contract. Raises KafkaException where no broker answers."""
    wanted = layouts(spec)
    found = _describe(admin, wanted)
    return [line for layout in wanted if layout.name in found for line in differences(layout, found[layout.name])]


def differences(wanted: Layout, found: Layout) -> list[str]:
    """Each way in which a topic is not as wanted, as a sentence that names topic, setting, found and expected."""
    pairs = [("partitions", found.partitions, wanted.partitions), ("replication", _factors(found), _factors(wanted))]
    pairs += [(key, found.configs.get(key, "not set"), value) for key, value in wanted.configs.items()]
    wrong = [pair for pair in pairs if pair[1] != pair[2] and not (pair[0] == IN_SYNC and _is_stricter(wanted, found))]
    return [f"{wanted.name}: {what} is {is_}, the contract says {should}" for what, is_, should in wrong]


def _is_stricter(wanted: Layout, found: Layout) -> bool:
    """Whether the topic waits for more replicas than it must, and has them."""
    text = found.configs.get(IN_SYNC, "")
    return text.isdigit() and int(wanted.configs[IN_SYNC]) <= int(text) <= min(found.replication)


def _factors(layout: Layout) -> str:
    return " and ".join(str(factor) for factor in layout.replication)


def _refuse_drift(spec: TopicSpec, wanted: list[Layout], found: Mapping[str, Layout]) -> None:
    drift = [line for layout in wanted if layout.name in found for line in differences(layout, found[layout.name])]
    if drift:
        raise TopicDrift("; ".join(drift) + f". Nothing was published. Change the contract, or alter or recreate the topic {spec.name}.")


def _create(admin: AdminClient, layout: Layout) -> bool:
    """Whether the topic was made here; not if somebody else made it in between."""
    topic = NewTopic(layout.name, num_partitions=layout.partitions, replication_factor=layout.replication[0], config=dict(layout.configs))
    try:
        with effect(Effect.CREATE_TOPIC, topic=layout.name, partitions=layout.partitions):
            admin.create_topics([topic], request_timeout=ANSWER_SECONDS, operation_timeout=ANSWER_SECONDS)[layout.name].result()
    except KafkaException as error:
        if code(error) == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        if error.args[0].retriable() or code(error) in (KafkaError._TIMED_OUT, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN):
            raise
        raise Refused(f"{layout.name}: the brokers refuse to make it: {reason(error)}. Change the contract or the brokers.") from error
    return True


def _describe_all(admin: AdminClient, wanted: list[Layout]) -> dict[str, Layout]:
    """As `_describe`, once every broker's metadata shows the new topics: that lags a moment behind their creation."""
    lagging = retry_if_result(lambda found: len(found) < len(wanted))
    try:
        return Retrying(retry=lagging, wait=wait_fixed(0.1), stop=stop_after_delay(ANSWER_SECONDS))(_describe, admin, wanted)
    except RetryError as error:
        missing = ", ".join(sorted({layout.name for layout in wanted} - set(error.last_attempt.result())))
        raise LandfallError(f"{missing}: made, and not to be seen {ANSWER_SECONDS} s later. Try again.") from error


def _describe(admin: AdminClient, wanted: list[Layout]) -> dict[str, Layout]:
    """Those of the topics that exist, as they are."""
    found = described(admin, [layout.name for layout in wanted])
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in found]
    configs = admin.describe_configs(resources, request_timeout=ANSWER_SECONDS) if resources else {}
    settings = _present({resource.name: answer for resource, answer in configs.items()})
    # One may have been deleted between the two questions, or not be known yet to the broker that answers the second.
    return {name: _layout(found[name], {key: entry.value for key, entry in entries.items()}) for name, entries in settings.items()}


def _layout(topic: TopicDescription, configs: Mapping[str, str]) -> Layout:
    factors = {len(partition.replicas) for partition in topic.partitions}
    return Layout(topic.name, len(topic.partitions), tuple(sorted(factors)), configs)


def described(admin: AdminClient, names: list[str], patience: float | None = None) -> dict[str, TopicDescription]:
    """Those of the topics that exist. Raises KafkaException when no broker answers within `patience` seconds, or the usual ones."""
    return _present(admin.describe_topics(TopicCollection(names), request_timeout=patience or ANSWER_SECONDS))


def _present(answers: Mapping[str, Future[T]]) -> dict[str, T]:
    """The answers of those topics that exist."""
    found = {}
    for name, answer in answers.items():
        try:
            found[name] = answer.result()
        except KafkaException as error:
            if code(error) != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
    return found
