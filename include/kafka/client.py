"""Speaking to Kafka's brokers: how long to wait for them, and what the client says of them when a call fails.

When a broker is away, librdkafka's calls only say "timed out"; the cause ("Connect to 127.0.0.1:9092 failed: Connection refused")
goes to a callback. `Complaints` keeps it, so that an error can name the broker and the cause.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

T = TypeVar("T")
MOVING = {
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
}
SETTLE_SECONDS = 10
ANSWER_SECONDS = 20  # the longest that one administrative request waits for an answer
QUIET = {"log_level": 2}  # else a broker that is away costs twenty lines a second on stderr; `Complaints` hears the same


class Complaints:
    """An `error_cb` that remembers the last few things that the client said about its brokers."""

    def __init__(self) -> None:
        self._heard: deque[str] = deque(maxlen=20)

    def __call__(self, error: KafkaError) -> None:
        self._heard.append(error.str())

    def __str__(self) -> str:
        """The latest that names a broker, else the latest at all; empty when there was nothing to complain about."""
        named = [said for said in self._heard if "://" in said or "/bootstrap" in said or ":" in said.partition(" ")[0]]
        return (named or [*self._heard] or [""])[-1]


class Admin(AdminClient):
    """An AdminClient that remembers where it is connected to, and what went wrong with its brokers."""

    def __init__(self, kafka: Mapping[str, str]) -> None:
        self.complaints = Complaints()
        self.servers = kafka.get("bootstrap.servers", "no bootstrap.servers")
        super().__init__(client_settings(kafka) | {"error_cb": self.complaints})


def client_settings(kafka: Mapping[str, str]) -> dict[str, Any]:
    """Those of a connection's settings that every kind of client takes; a consumer's group and offsets are no business of ours."""
    foreign = ("group.", "auto.", "enable.auto", "session.", "max.poll", "transactional.", "error_cb")
    return QUIET | {key: value for key, value in kafka.items() if not key.startswith(foreign)}


def settled(ask: Callable[[], T]) -> T:
    """What `ask` returns, once the partitions have leaders again: a topic just made, or one whose broker changes, has none for a moment."""
    moving = retry_if_exception(lambda error: isinstance(error, KafkaException) and code(error) in MOVING)
    return Retrying(retry=moving, wait=wait_fixed(0.1), stop=stop_after_delay(SETTLE_SECONDS), reraise=True)(ask)


def reason(error: KafkaException, client: object = None) -> str:
    """What failed, in the client's own words, with the broker and the cause that an Admin heard of meanwhile."""
    said = error.args[0].str() if error.args and isinstance(error.args[0], KafkaError) else str(error)
    if not isinstance(client, Admin):
        return said
    client.poll(0)  # serves the error callbacks that have come since
    heard = str(client.complaints)
    return f"{client.servers} did not answer: {said}" + (f" ({heard})" if heard and heard != said else "")


def code(error: KafkaException) -> int | None:
    """The error's code (`KafkaError.…`), None if it carries none."""
    return error.args[0].code() if error.args and isinstance(error.args[0], KafkaError) else None
