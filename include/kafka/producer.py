"""The one transactional producer of a customer: a chunk of records and its ledger entry, all of them or none."""

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from include import content_hash
from include.contracts import TopicSpec
from include.effects import Effect, effect
from include.errors import LandfallError
from include.kafka import ledger
from include.kafka.client import Complaints, client_settings, code, reason
from include.kafka.ledger import Entry
from include.source.records import Records

log = logging.getLogger(__name__)

INIT_SECONDS = 30
DELIVERY_SECONDS = 90  # survives a broker that pauses or restarts for a minute
ABORT_SECONDS = 15
TRANSACTION_SECONDS = 300  # the broker ends a transaction of a publisher that paused longer, and fences it
POLL_EVERY = 500  # records; a poll serves the delivery reports

FENCED = {KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_ID_MAPPING}


class PublisherFenced(LandfallError):
    """Another publisher of this customer has begun, or this one paused for longer than a transaction may last."""


class Undelivered(LandfallError):
    """Kafka did not acknowledge every record of a chunk; none of the chunk is visible."""


class _Deliveries:
    """What Kafka reports of the records of one chunk: how many it took and where they lie, or why not."""

    def __init__(self) -> None:
        self.acknowledged = 0
        self.offsets: dict[int, tuple[int, int]] = {}
        self.failures: list[KafkaError] = []

    def __call__(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.failures.append(error)
            return
        self.acknowledged += 1
        partition, offset = message.partition(), message.offset()
        assert partition is not None  # an acknowledged message has both
        assert offset is not None
        first, last = self.offsets.get(partition, (offset, offset))
        self.offsets[partition] = (offset if offset < first else first, offset if offset > last else last)


class Publisher:
    """A transactional producer of one customer. It fences others once, when it begins, and never again: once fenced itself, it stops."""

    def __init__(self, customer: str, topic: TopicSpec, kafka: Mapping[str, str]) -> None:
        self._topic = topic
        self._servers = kafka.get("bootstrap.servers", "")
        self._complaints = Complaints()
        self._producer = Producer(settings(customer, topic, kafka) | {"error_cb": self._complaints})

    def __enter__(self) -> "Publisher":
        return self

    def __exit__(self, *_: object) -> None:
        self._producer.purge()  # nothing that was not acknowledged may still go out, or be waited for

    def fence(self) -> None:
        """Ends whatever an earlier publisher of this customer left open, and keeps it from writing again."""
        with effect(Effect.INIT_TRANSACTIONS, topic=self._topic.name), self._explained("init_transactions"):
            self._producer.init_transactions(INIT_SECONDS)

    def send(self, chunk: Entry, records: Records, confirm: Callable[[], None] | None = None) -> Entry:
        """The chunk's records and its ledger entry, all of them or none. Returns the entry.

        `confirm` is called when all records have been read, by another thread while they go out; what it raises keeps the chunk invisible.
        """
        what = {"topic": self._topic.name, "ingest": chunk.ingest, "chunk": f"{chunk.chunk + 1}/{chunk.chunks}", "records": chunk.records}
        confirmed: list[Future[None]] = []
        with effect(Effect.SEND_CHUNK, **what), self._explained(f"chunk {chunk.chunk}"), ThreadPoolExecutor(1, "sha256") as pool:
            self._producer.begin_transaction()
            try:
                entry = self._send_records(chunk, records, lambda: confirmed.extend([pool.submit(confirm)] if confirm else []))
                self._send_entry(entry)
                for confirmation in confirmed:
                    confirmation.result()
            except (KafkaException, SystemError, LandfallError):
                self._abort()
                raise
        with effect(Effect.COMMIT_TRANSACTION, **what), self._explained(f"the commit of chunk {chunk.chunk}"):
            self._producer.commit_transaction(DELIVERY_SECONDS)
        return entry

    def _send_records(self, chunk: Entry, records: Records, when_read: Callable[[], None]) -> Entry:
        """Sends the chunk's records, waits for every acknowledgement, and returns the entry that says so. Raises Undelivered.

        `when_read` is called between sending and waiting.
        """
        produce, poll, delivered = self._producer.produce, self._producer.poll, _Deliveries()
        topic, ingest, digest = self._topic.name, chunk.ingest.encode(), 0
        for number, (record, key) in enumerate(records.keyed(chunk.first_record, chunk.records), chunk.first_record):
            digest += content_hash.of_record(record)
            while True:
                try:
                    produce(topic, record, key, on_delivery=delivered, headers=[("ingest", ingest), ("record", b"%d" % number)])
                    break
                except BufferError:  # the queue is full: wait until the broker has taken some of it
                    poll(0.05)
            if number % POLL_EVERY == 0:
                poll(0)
                if delivered.failures:
                    break
        when_read()
        self._producer.flush()
        if delivered.failures or delivered.acknowledged != chunk.records:
            raise self._undelivered(chunk, delivered)
        return ledger.sealed(
            msgspec.structs.replace(chunk, content_hash=content_hash.total([digest]), offsets=dict(sorted(delivered.offsets.items())))
        )

    def _send_entry(self, entry: Entry) -> None:
        delivered = _Deliveries()
        self._producer.produce(self._topic.ledger, ledger.encode(entry), entry.key, on_delivery=delivered)
        self._producer.flush()
        if delivered.acknowledged != 1:
            raise self._undelivered(entry, delivered)

    def _undelivered(self, chunk: Entry, delivered: _Deliveries) -> LandfallError:
        fenced = next((error for error in delivered.failures if error.code() in FENCED), None)
        if fenced is not None:
            return self._fenced(f"chunk {chunk.chunk}", fenced.str())
        first = delivered.failures[0].str() if delivered.failures else "no report"
        return Undelivered(
            f"{self._topic.name}: {delivered.acknowledged:,} of the {chunk.records:,} records of chunk {chunk.chunk} were acknowledged; "
            f"first cause: {first}{self._heard()}. Nothing of the chunk is visible. The next try sends it again."
        )

    def _abort(self) -> None:
        """Ends the transaction at once, if the broker can be told; if not, the next `init_transactions` or the broker's time limit does."""
        try:
            self._producer.purge()
            with effect(Effect.ABORT_TRANSACTION, topic=self._topic.name):
                self._producer.abort_transaction(ABORT_SECONDS)
        except (KafkaException, SystemError) as error:
            log.warning("%s: the transaction could not be aborted now: %s", self._topic.name, error)

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except (KafkaException, SystemError) as raised:
            error = raised if isinstance(raised, KafkaException) else self._behind(raised)
            if code(error) in FENCED:
                raise self._fenced(what, reason(error)) from error
            with suppress(KafkaException, SystemError):
                self._producer.poll(0)  # serves the error callbacks that have come since
            raise LandfallError(
                f"{self._topic.name}: {what} failed at {self._servers}: {reason(error)}{self._heard()}. "
                "Chunks committed before stay; the next try finds out how this one ended and goes on from there."
            ) from error

    def _behind(self, error: SystemError) -> KafkaException:
        """The fatal error behind a SystemError: the client raises it between two callbacks, where Python often loses it.

        A producer with a fatal error answers every call with it, and so does not begin the transaction that it is asked for here.
        """
        try:
            self._producer.begin_transaction()
        except KafkaException as fatal:
            return fatal
        raise error

    def _fenced(self, what: str, said: str) -> PublisherFenced:
        return PublisherFenced(
            f"{self._topic.name}: fenced at {what}: {said}. Another publisher of this customer has begun, or this one paused for longer "
            f"than the {TRANSACTION_SECONDS} s that a transaction may last. This try stops here and fences nobody; a next try may begin."
        )

    def _heard(self) -> str:
        heard = str(self._complaints)
        return f" ({heard})" if heard else ""


def settings(customer: str, topic: TopicSpec, kafka: Mapping[str, str]) -> dict[str, Any]:
    """The producer's configuration: ours, over it the connection's, over that what correctness hangs on."""
    ours = {
        "compression.type": "lz4",
        "linger.ms": 20,
        "partitioner": "murmur2_random",  # the same partition for a key as a Java client chooses
        "queue.buffering.max.messages": 200_000,
        "queue.buffering.max.kbytes": 262_144,
        "message.timeout.ms": DELIVERY_SECONDS * 1000,
        "transaction.timeout.ms": TRANSACTION_SECONDS * 1000,
    }
    fixed = {
        "transactional.id": f"landfall.{customer}",  # one per customer, so that any publisher of the customer fences every earlier one
        "enable.idempotence": True,
        "acks": "all",
        # A batch counts against the topic's maximum; a ledger entry must fit in any case.
        "batch.size": min(topic.max_message_bytes, 1 << 20),
        "message.max.bytes": max(topic.max_message_bytes, 1 << 20),
    }
    return ours | client_settings(kafka) | fixed
