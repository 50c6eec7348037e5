"""The step that runs on Spark."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException

import connections
from include import receipts
from include.contracts import Contract
from include.effects import Effect, effect
from include.errors import Refused
from include.kafka.retention import require_readable
from include.lake import tombstones
from include.lake.lake import Lake
from include.lake.proofs import require_related
from include.lake.unknown_fields import without_names
from include.receipts import PublishReceipt, Source, TransformReceipt
from include.source.files import unpacked_bytes
from include.transform_command import Batch, FromKafka, FromLake, transform_arguments, tuning
from steps import receipt_of, step

JOB = Path(__file__).parents[1] / "spark_jobs" / "transform_assessments.py"
FAILED = "transform_assessments failed:"
GRACE_SECONDS = 5


class TransformOperator(SparkSubmitOperator):
    """Reads exactly the published offsets, writes every table as Parquet into a directory of this try alone, and a receipt.

    Nothing refers to that directory until `commit`, so a try that is killed, or goes on as a zombie, leaves only files
    that nobody reads.

    Waits first until no open transaction hides the end of the batch, and refuses a batch of which records have aged out. A day that
    `publish` found forgotten by Kafka is read from the files of `raw_assessments` that its receipt names.

    Spark's settings are those of its own configuration, or of the file that `properties-file` in the connection's extra names. For a small
    day, by the bytes of its source, nothing is compiled (`tuning` in include/transform_command.py); that counts more than the
    configuration, unless the connection's extra has `"tuning": false`.

    On call: "have aged out" names partition and offsets; clear publish with downstream, and the source goes out again
    (or is read from HDFS, in a run with `again`).
    Otherwise the last error is Spark's own cause (a broker or NameNode that does not answer, memory); the whole driver log
    stands above it. Clear this task to try again.
    """

    def __init__(self, *, contract: Contract, **kwargs: Any) -> None:
        lake = f"{{{{ conn.{connections.HDFS}.extra_dejson.fs }}}}/lake/{contract.customer}"
        published = "(ti.xcom_pull(task_ids='publish') or {})"  # nothing handed on is refused in `execute`, with a sentence
        landing = f"{{{{ landing_id({published}.get('day'), ti.id) }}}}"
        super().__init__(
            conn_id=connections.SPARK,
            application=str(JOB),
            name=f"transform_assessments {contract.customer}",
            env_vars={"HADOOP_USER_NAME": f"{{{{ conn.{connections.HDFS}.login }}}}"},
            properties_file=f"{{{{ conn.{connections.SPARK}.extra_dejson.get('properties-file', '') }}}}",
            durable=False,
            application_args=transform_arguments(
                Batch(
                    topic=contract.topic_spec.name,
                    ingest=f"{{{{ {published}.get('ingest') }}}}",
                    day=f"{{{{ {published}.get('day') }}}}",
                    landing=landing,
                    lake=lake,
                    receipt=f"{lake}/receipts/landing={landing}.json",
                ),
                FromKafka(
                    bootstrap_servers=f"{{{{ conn.{connections.KAFKA}.extra_dejson['bootstrap.servers'] }}}}",
                    offsets=f"{{{{ {published}.get('offsets') | tojson }}}}",
                ),
                test_exam_names=contract.test_exams.exam_name,
                test_base_exam_ids=contract.test_exams.base_exam_id,
            ),
            **kwargs,
        )
        self.contract = contract

    def execute(self, context: Context) -> dict[str, Any]:  # type: ignore[override]
        with step(context):
            source, published = receipt_of(context, "find_source", Source), receipt_of(context, "publish", PublishReceipt)
            require_related(source, published)
            require_readable(connections.kafka_admin(), published)
            lake = connections.lake(self.contract.customer)
            lake.create_tables()  # their folders too, with the rights that Spark would not give them
            batch = self.compose(published, lake)
            self.tune(source)
            try:
                with effect(Effect.SPARK_SUBMIT, landing=batch.landing):
                    super().execute(context)
            except AirflowException as error:
                raise AirflowException(cause(str(error))) from error
            receipt = receipts.read(TransformReceipt, connections.hdfs().cat_file(path_of(batch.receipt)), batch.receipt)
            refuse_another(receipt, published, batch)
            self.log.info("%s: %d read, %d distinct, %d quarantined", batch.receipt, receipt.read, receipt.distinct, receipt.quarantined)
            return receipts.plain(without_names(replace(receipt, builds_on=receipts.digest(published))))

    def tune(self, source: Source) -> None:
        """Settings that the bytes of the day ask for, unless the connection's extra has `"tuning": false`."""
        connection = connections.spark()
        if not connection.extra_dejson.get("tuning", True):
            return
        # A driver elsewhere has a Java of its own, for which this process's options are not meant.
        here = os.environ if (connection.host or "").startswith("local") else {}
        asked = tuning(unpacked_bytes(source.files), {**here, **(self.env_vars or {})})
        self.conf = {**asked.conf, **(self.conf or {})}
        self.env_vars = {**(self.env_vars or {}), **asked.environment}

    def compose(self, published: PublishReceipt, lake: Lake) -> Batch:
        """Composes the command anew of what the templates have become and what is known only now. Returns what this try is about."""
        words = self.application_args or []
        options = dict(zip(words[::2], words[1::2], strict=True))
        batch, records = Batch.of(options), FromKafka(options["--bootstrap-servers"], options["--offsets"])
        salt, hashes = tombstones.salted(lake)
        self.application_args = transform_arguments(
            batch,
            FromLake(published.raw, published.forgotten, published.forgotten_hash) if published.raw else records,
            test_exam_names=self.contract.test_exams.exam_name,
            test_base_exam_ids=self.contract.test_exams.base_exam_id,
            salt=salt,
            tombstones=hashes,
        )
        return batch

    def on_kill(self) -> None:
        """Ends spark-submit and everything it started: the JVM, and the Python driver that is the JVM's child."""
        submitted = self._hook and self._hook._submit_sp
        if submitted:
            end_tree(submitted.pid)


def refuse_another(receipt: TransformReceipt, published: PublishReceipt, batch: Batch) -> None:
    """Raises Refused where Spark's receipt is not of this try and of what was published."""
    asked = {"landing": batch.landing, "day": published.day, "topic": published.topic, "ingest": published.ingest}
    found = {what: getattr(receipt, what) for what in asked}
    wrong = [f"{what} {asked[what]!r} expected, {found[what]!r} found" for what in asked if asked[what] != found[what]]
    if wrong:
        raise Refused(f"{batch.receipt} is another try's receipt: {'; '.join(wrong)}. Clear transform and the tasks after it.")


def path_of(uri: str) -> str:
    """`hdfs://host:port/a/b` as `/a/b`."""
    return "/" + uri.split("://", 1)[1].split("/", 1)[1]


def cause(failure: str) -> str:
    """The one line of the driver's output that says why it failed; all that there is where the driver never came so far."""
    said = [line.partition(FAILED)[2].strip() for line in failure.splitlines() if FAILED in line]
    if said:
        return f"Spark: {said[-1]}"
    return failure


def end_tree(pid: int) -> None:
    """SIGTERM to the process and its descendants, SIGKILL to what is left after a few seconds."""
    try:
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for process in tree:
        _signal(process.terminate)
    _, left = psutil.wait_procs(tree, timeout=GRACE_SECONDS)
    for process in left:
        _signal(process.kill)
    psutil.wait_procs(left, timeout=GRACE_SECONDS)


def _signal(send: Any) -> None:
    try:
        send()
    except psutil.NoSuchProcess:
        return
