"""The ACLs of docs/settings.md let Landfall make topics, publish, and read what it published; and none of them is more than that takes."""

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AclBinding, AclBindingFilter, AclOperation, AclPermissionType, ResourcePatternType, ResourceType

from include import contracts
from include.contracts import Contract, TopicSpec
from include.deployment import check_kafka
from include.deployment.checkup import OK, run
from include.deployment.deployment import Deployment
from include.errors import LandfallError
from include.kafka.client import Admin
from include.kafka.kept import Spot, kept
from include.kafka.publish import publish
from include.kafka.retention import refuse_short_retention, require_readable
from include.kafka.topics import ensure_topic
from include.source.files import describe
from tests.harness import guarded_kafka
from tests.harness.guarded_kafka import USER, Guarded
from tests.oracle.built_landing import attempt

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
OPERATIONS = {each.name.replace("_", "").lower(): each for each in AclOperation}
KINDS = {"topic": ResourceType.TOPIC, "transactional-id": ResourceType.TRANSACTIONAL_ID, "group": ResourceType.GROUP}


def rules() -> list[AclBinding]:
    """Those of the page, one for each operation."""
    [block] = re.findall(r"^```acl\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    found = []
    for line in block.splitlines():
        words = shlex.split(line)
        options = list(pairwise(words))
        [(kind, name)] = [(KINDS[option[2:]], value) for option, value in options if option[2:] in KINDS]
        assert ("--resource-pattern-type", "prefixed") in options
        assert ("--allow-principal", f"User:{USER}") in options
        found += [rule(kind, name, OPERATIONS[value.lower()]) for option, value in options if option == "--operation"]
    return found


def rule(kind: ResourceType, name: str, operation: AclOperation) -> AclBinding:
    return AclBinding(kind, name, ResourcePatternType.PREFIXED, f"User:{USER}", "*", operation, AclPermissionType.ALLOW)


@pytest.fixture(scope="module")
def broker(jars: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded_kafka.running(tmp_path_factory.mktemp("acls"), everyone=False) as running:
        yield running


@contextmanager
def allowing(broker: Guarded, given: list[AclBinding]) -> Iterator[None]:
    """These rules are in force, and no other."""
    admin = Admin({"bootstrap.servers": broker.plain})
    for answer in admin.create_acls(given).values():
        answer.result(20)
    try:
        yield
    finally:
        every = AclBindingFilter(ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY)
        for answer in admin.delete_acls([every]).values():
            answer.result(20)


def land(kafka: dict[str, str], customer: str, folder: Path) -> None:
    """All that tasks and commands ask of Kafka, Spark's reading aside."""
    topic, admin = TopicSpec(f"assessments.{customer}", chunk_records=2), Admin(kafka)
    records = [attempt(number) for number in range(5)]
    (folder / f"{customer}.json").write_bytes(b"\n".join(records))
    source = describe(customer, "2018-01-28", [str(folder / f"{customer}.json")], "2018-01-29T00:00:00Z")
    ensure_topic(admin, topic)
    refuse_short_retention(admin, topic.name, timedelta(hours=1))
    published = publish(source, topic, kafka, folder / "spool")
    again = publish(source, topic, kafka, folder / "spool")
    assert (published.published, published.sent, again.sent) == (5, 5, 0)
    require_readable(admin, published)
    partition, (first, _) = next(iter(published.offsets.items()))
    assert "nobody knows" not in kept(kafka, topic.name, [Spot(partition, first, 0)])[0]
    steps = run("kafka", check_kafka.checks(kafka, Deployment("here", "the test", "", kafka=kafka), {customer: terms(customer, folder)}))
    assert [each for each in steps if each.state != OK] == []


def terms(customer: str, folder: Path) -> Contract:
    path = folder / f"{customer}.yaml"
    path.write_text("source: 'x/{day}'\nfirst_day: 2018-01-28\ntopic: {chunk_records: 2}\n")
    return contracts.load(path)


def test_with_the_rules_of_the_page_all_that_is_asked_of_kafka_is_answered(broker: Guarded, tmp_path: Path) -> None:
    with allowing(broker, rules()):
        land(broker.login(), "acme", tmp_path)


@pytest.mark.parametrize("left_out", range(len(rules())), ids=[f"{each.restype.name} {each.operation.name}" for each in rules()])
def test_without_one_of_them_something_is_refused(broker: Guarded, tmp_path: Path, left_out: int) -> None:
    given = rules()
    del given[left_out]
    # Without Write, the client's own message of each record is that it was taken back; doctor names the right.
    refused = r"(?i)authoriz|0 of the 2 records of chunk 0 were acknowledged"
    with allowing(broker, given), pytest.raises((LandfallError, KafkaException), match=refused):
        land(broker.login(), f"beta{left_out}", tmp_path)
