"""Kafka, step by step: brokers and their listeners, each customer's topics and rights, and a transaction.

Nothing is written to a customer's topic, and no publisher is fenced: the transactional id that is tried is one of doctor's own.
"""

import logging
from collections.abc import Mapping

from confluent_kafka import KafkaError, KafkaException, Producer, TopicCollection
from confluent_kafka.admin import AclOperation, NewTopic  # type: ignore[attr-defined]

from include.contracts import Contract, TopicSpec
from include.deployment.checkup import Check, Misconfigured, address_of, connects, number_of, resolves
from include.deployment.deployment import Deployment
from include.errors import Refused
from include.kafka.client import Admin, Complaints, client_settings, code, reason
from include.kafka.topics import described, differences_from

ANSWER = 10.0  # seconds
NEEDED = (AclOperation.READ, AclOperation.WRITE, AclOperation.DESCRIBE, AclOperation.DESCRIBE_CONFIGS)
SILENT = logging.getLogger("landfall.doctor.kafka")  # the client writes a refusal to stderr itself: the step says it
SILENT.addHandler(logging.NullHandler())
SILENT.propagate = False
ID = "landfall.{customer}.doctor"


def checks(settings: Mapping[str, str], deployment: Deployment, contracts: Mapping[str, Contract]) -> list[Check]:
    where = f"Kafka's bootstrap.servers in {deployment.origin}"
    admins: list[Admin] = []
    topics = {name: contract.topic_spec for name, contract in contracts.items()}

    def servers() -> list[tuple[str, int]]:
        return [address_of(each) for each in settings.get("bootstrap.servers", "").split(",")]

    def admin() -> Admin:
        if not admins:
            admins.append(Admin({**settings, "socket.connection.setup.timeout.ms": "5000"}))
        return admins[0]

    return [
        ("settings", lambda: _settings(deployment)),
        ("name", lambda: resolves([host for host, _ in servers()], where)),
        ("TCP", lambda: connects(servers(), where)),
        ("login", lambda: _login(admin(), deployment)),
        ("listeners", lambda: _listeners(admin())),
        ("topics", lambda: _topics(admin(), topics)),
        ("rights", lambda: _rights(admin(), topics)),
        ("transactional id", lambda: _transaction(settings, next(iter(topics), "customer"))),
    ]


def _settings(deployment: Deployment) -> str:
    try:
        settings = deployment.kafka_settings()
    except Refused as error:
        raise Misconfigured(str(error), f"Correct the key or its value in {deployment.origin}.") from error
    return f"{settings.get('security.protocol', 'plaintext').upper()}, {number_of(len(settings), 'setting')}"


def _login(admin: Admin, deployment: Deployment) -> str:
    try:
        found = admin.list_topics(timeout=ANSWER)
    except KafkaException as error:
        fix = f"Correct security.protocol, sasl.* and ssl.* for this listener, in {deployment.origin}; else see the broker's log."
        raise Misconfigured(reason(error, admin), fix) from error
    return f"{number_of(len(found.brokers), 'broker')}, {number_of(len(found.topics), 'topic')} to be seen"


def _listeners(admin: Admin) -> str:
    """Clients go to the addresses that brokers advertise, whatever they were given to begin with."""
    brokers = [(str(each.host), int(each.port or 0)) for each in admin.list_topics(timeout=ANSWER).brokers.values()]
    try:
        resolves([host for host, _ in brokers], "")
        return connects(brokers, "")
    except Misconfigured as error:
        raise Misconfigured(
            f"a broker advertises an address that leads nowhere from here: {error}",
            "Set advertised.listeners of the broker, or take the port of the listener that is meant for this machine.",
        ) from error


def _topics(admin: Admin, topics: Mapping[str, TopicSpec]) -> str:
    made, wrong, missing = 0, [], []
    try:
        for spec in topics.values():
            there = described(admin, [spec.name, spec.ledger], ANSWER)
            made += len(there) == 2
            wrong += differences_from(admin, spec)
            if len(there) == 1:
                wrong.append(
                    f"{next(iter(there))} is there without {({spec.name, spec.ledger} - there.keys()).pop()}, which a run would make empty"
                )
            if not there:
                _could_be_made(admin, spec)
                missing.append(spec.name)
    except KafkaException as error:
        raise Misconfigured(reason(error, admin), "Allow DESCRIBE and DESCRIBE_CONFIGS on the customers' topics.") from error
    if wrong:
        raise Misconfigured("; ".join(wrong), "Change the contract, or alter or recreate the topic: docs/architecture.md, Publishing.")
    return f"{made} customers' are as their contracts say" + (f"; not there, the first run makes: {', '.join(missing)}" if missing else "")


def _could_be_made(admin: Admin, spec: TopicSpec) -> None:
    """Has the brokers say whether they would make the topic, without making it."""
    topic = NewTopic(spec.name, num_partitions=spec.partitions, replication_factor=spec.replication)
    try:
        admin.create_topics([topic], request_timeout=ANSWER, operation_timeout=ANSWER, validate_only=True)[spec.name].result()
    except KafkaException as error:
        if code(error) == KafkaError.TOPIC_ALREADY_EXISTS:
            return
        fix = f"Make topic.replication of the contract fit the brokers, or let this user CREATE {spec.name}."
        raise Misconfigured(f"{spec.name} is not there, and cannot be made: {reason(error)}", fix) from error


def _rights(admin: Admin, topics: Mapping[str, TopicSpec]) -> str:
    names = [name for spec in topics.values() for name in (spec.name, spec.ledger)]
    looked = 0
    try:
        answers = admin.describe_topics(TopicCollection(names), include_authorized_operations=True, request_timeout=ANSWER) if names else {}
        for name, answer in answers.items():
            try:
                allowed = set(answer.result().authorized_operations or ())
            except KafkaException as error:
                if code(error) == KafkaError.UNKNOWN_TOPIC_OR_PART:
                    continue
                raise
            looked += 1
            if lacking := [each.name for each in NEEDED if each not in allowed and AclOperation.ALL not in allowed]:
                raise Misconfigured(
                    f"{name}: this user may not {', '.join(lacking)}",
                    f"kafka-acls --add --allow-principal User:... --topic {name} " + " ".join(f"--operation {each}" for each in lacking),
                )
    except KafkaException as error:
        raise Misconfigured(reason(error, admin), "Allow DESCRIBE on the customers' topics.") from error
    return f"{', '.join(each.name for each in NEEDED)} on {number_of(looked, 'topic')}"


def _transaction(settings: Mapping[str, str], customer: str) -> str:
    complaints, name = Complaints(), ID.format(customer=customer)
    producer = Producer({**client_settings(settings), "transactional.id": name, "error_cb": complaints, "logger": SILENT})
    try:
        producer.init_transactions(ANSWER)
    except KafkaException as error:
        if code(error) in (KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED):
            fix = "kafka-acls --add --allow-principal User:... --operation Write --operation Describe --transactional-id landfall. "
            raise Misconfigured(f"{name} is refused: {reason(error)}", f"{fix}--resource-pattern-type prefixed") from error
        fix = "Look at the brokers' transaction.state.log.replication.factor and min.isr: there must be as many brokers."
        raise Misconfigured(f"{name}: no transaction can begin: {reason(error)} {complaints}".rstrip(), fix) from error
    return f"{name}: a transaction can begin"
