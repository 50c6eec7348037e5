"""Kafka: one node, broker and controller at once (KRaft)."""

import base64
import shutil
import uuid
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from include.stack.environment import inherited
from include.stack.jars import jars_of, pyspark_jar
from include.stack.java import Java
from include.stack.service import Service, jvm, log4j, properties, run_job, write
from include.stack.settings import HOST, Settings


def kafka(settings: Settings, java: Java) -> Service:
    return Service(
        name="kafka",
        title="Kafka",
        ports=("kafka", "kafka_controller"),
        command=jvm(java, "kafka.Kafka", _classpath(settings), "512m", str(settings.conf / "kafka" / "server.properties")),
        environ=inherited(),
        prepare=lambda: _prepare(settings, java),
        missing=lambda: _missing(settings),
    )


def _classpath(settings: Settings) -> list[Path]:
    # Kafka's own slf4j-api 1.7 finds no binding and logs nothing: pyspark's slf4j 2 and its log4j binding in its place.
    jars = [jar for jar in jars_of(settings, "kafka") if not jar.name.startswith("slf4j-api")]
    return [settings.conf / "kafka", pyspark_jar("slf4j-api-2.*.jar"), pyspark_jar("log4j-slf4j2-impl-*.jar"), *jars]


def server_properties(settings: Settings, data: Path) -> dict[str, object]:
    ports = settings.ports
    return {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{HOST}:{ports.kafka_controller}",
        "listeners": f"PLAINTEXT://{HOST}:{ports.kafka},CONTROLLER://{HOST}:{ports.kafka_controller}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{ports.kafka}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": data,
        # Topics are made by ensure_topic, with what the contract says, or not at all.
        "auto.create.topics.enable": "false",
        # One node keeps one copy of everything.
        "default.replication.factor": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 2,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        # Small: two network and two I/O threads are as many as there are cores.
        "num.network.threads": 2,
        "num.io.threads": 2,
        "log.cleaner.dedupe.buffer.size": 4194304,
        "controlled.shutdown.max.retries": 1,
    }


def _prepare(settings: Settings, java: Java) -> None:
    conf, data = settings.conf / "kafka", settings.data / "kafka"
    write(conf / "log4j2.properties", log4j(kafka_log_LogCleaner="warn", org_apache_kafka_clients="warn"))
    write(conf / "server.properties", properties(server_properties(settings, data)))
    if not data.exists():
        _format(settings, java, data)


def _format(settings: Settings, java: Java, data: Path) -> None:
    """Formats aside and renames: a format that was cut off is never taken for a finished one."""
    aside = data.with_suffix(".new")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    file = settings.conf / "kafka" / "format.properties"
    write(file, properties(server_properties(settings, aside)))
    format_ = ["format", f"--cluster-id={cluster_id()}", "-c", str(file)]
    command = jvm(java, "kafka.tools.StorageTool", _classpath(settings), "128m", *format_)
    run_job(settings, "kafka-format", "Kafka's format", command, inherited())
    aside.rename(data)


def cluster_id() -> str:
    """One of a new cluster, as Kafka writes them: 16 bytes in base64."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def _missing(settings: Settings) -> str | None:
    """A broker that answers with metadata has been admitted by its controller: it takes produce requests."""
    try:
        client = AdminClient({"bootstrap.servers": settings.endpoints.bootstrap_servers, "log_level": 0, "socket.timeout.ms": 2000})
        client.list_topics(timeout=2)
    except KafkaException:
        return "no answer yet"
    return None
