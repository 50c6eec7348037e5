"""The two steps that touch Kafka."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator, Context

import connections
import lineage
from include import receipts
from include.contracts import TopicSpec
from include.kafka.publish import LandedBefore, publish
from include.kafka.retention import refuse_short_retention
from include.kafka.topics import ensure_topic
from include.receipts import Landing, Source
from include.storage.spool import spool_folder
from steps import receipt_of, step


class EnsureTopicOperator(BaseOperator):
    """Makes the customer's topic and its ledger as the contract says; a topic that differs is an error, never changed.

    On call: the error lists every difference between the contract and the broker. Change the contract, or the topic by
    hand (partitions can only grow, and then records of one attempt may lie on two partitions). Clear this task after that.
    May run any number of times.
    """

    def __init__(self, *, topic: TopicSpec, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.topic = topic

    def execute(self, context: Context) -> list[str]:
        with step(context):
            made = ensure_topic(connections.kafka_admin(), self.topic)
            self.log.info("made %s", ", ".join(made) if made else "nothing: topic and ledger are as the contract says")
            return made


class PublishJsonOperator(lineage.PublishLineage, BaseOperator):
    """Publishes every record of the source to Kafka, byte for byte, in transactions with a ledger of what was sent.

    On call: a refused source (syntax error, truncated, record too large) names the byte or the record and has published
    nothing. An unreachable broker is retried. "fenced" means that another publisher of this customer began after this
    one: look for a second run of the customer; the retry goes on where the ledger ends. Runs again without sending twice.
    A topic that keeps records for less than `read_within`, the longest that a run may take to read them, is refused.
    A source without a record is refused unless `accept_empty`.

    A run that lands a landed day again sends nothing: where Kafka has forgotten records, it hands on where they lie on HDFS.
    """

    def __init__(self, *, topic: TopicSpec, read_within: timedelta, accept_empty: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.topic = topic
        self.read_within = read_within
        self.accept_empty = accept_empty

    def execute(self, context: Context) -> dict[str, Any]:
        with step(context), spool_folder("publish") as spool:
            source = receipt_of(context, "find_source", Source)
            landed = self.landed_before(context, source)
            if landed is None:  # what was published before may age out whatever we refuse; then it is read from HDFS
                refuse_short_retention(connections.kafka_admin(), self.topic.name, self.read_within)
            connections.serve_sources()
            if landed is None:  # else its files need not be there
                connections.refuse_own_inbox(source.customer, source.uris)
            receipt = publish(
                source,
                topic=self.topic,
                kafka=connections.kafka_config(),
                spool=spool,
                accept_empty=self.accept_empty,
                landed=landed,
            )
            self.log.info(
                "%s: %d records in %d chunks, %d of them sent now; content hash %s, ingest %s, offsets %s",
                receipt.topic, receipt.published, receipt.chunks, receipt.sent, receipt.content_hash, receipt.ingest, receipt.offsets,
            )  # fmt: skip
            lineage.remember(self, source, receipt)
            return receipts.plain(replace(receipt, builds_on=receipts.digest(source)))

    @staticmethod
    def landed_before(context: Context, source: Source) -> LandedBefore | None:
        """The landing that this run lands again, None for a source that is new."""
        given = context["ti"].xcom_pull(task_ids="find_source", key="landed_again")
        if given is None:
            return None
        landing = receipts.read(Landing, given, "the landing that find_source wants to land again")
        lake = connections.lake(source.customer)
        return LandedBefore(landing, lambda: [lake.uri(path) for path in lake.files_in_force("raw_assessments", landing)])
