"""Answers of Kafka's AdminClient about topics, for what a real broker cannot be made to say at the right moment."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import ConfigEntry

T = TypeVar("T")


def answer(known: Mapping[str, T], name: str, say: Callable[[T], Any]) -> Future[Any]:
    """What there is to say of the topic; of one that is not known, that there is none of this name."""
    future: Future[Any] = Future()
    if name in known:
        future.set_result(say(known[name]))
    else:
        future.set_exception(KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)))
    return future


def configs(values: Mapping[str, str]) -> dict[str, ConfigEntry]:
    return {name: ConfigEntry(name, value) for name, value in values.items()}
