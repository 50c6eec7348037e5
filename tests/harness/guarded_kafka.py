"""A Kafka with a login and ACLs, and with a listener whose advertised address leads nowhere: what `doctor` is to name."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka.admin import AclBinding, AclBindingFilter, AclOperation, AclPermissionType, ResourcePatternType, ResourceType

from include.kafka.client import Admin
from include.stack import kafka, lifecycle
from include.stack.settings import Settings
from tests.harness.ports import free_port

USER, PASSWORD = "landfall", "s3cret"
PROTOCOLS = "listener.security.protocol.map"
NOWHERE = "no-such-broker.invalid"


@dataclass(frozen=True)
class Guarded:
    """`plain` is open to everybody, `lost` advertises NOWHERE, `shut` a port where nobody listens.

    `sasl` asks USER for PASSWORD. ACLs bind USER alone."""

    plain: str
    lost: str
    shut: str
    sasl: str

    def login(self, password: str = PASSWORD) -> dict[str, str]:
        security = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN"}
        return {"bootstrap.servers": self.sasl, **security, "sasl.username": USER, "sasl.password": password}

    @contextmanager
    def denying(self, kind: ResourceType, name: str, operation: AclOperation) -> Iterator[None]:
        """While the block lasts, USER may not do this to what has this name, or to what the name is a prefix of."""
        pattern = ResourcePatternType.PREFIXED
        rules = [
            AclBinding(
                kind, name, pattern, f"User:{USER}", "*", AclOperation.ALL, AclPermissionType.ALLOW
            ),  # else the first rule shuts all out
            AclBinding(kind, name, pattern, f"User:{USER}", "*", operation, AclPermissionType.DENY),
        ]
        admin = Admin({"bootstrap.servers": self.plain})
        for answer in admin.create_acls(rules).values():
            answer.result(20)
        try:
            yield
        finally:
            taken = AclBindingFilter(kind, name, pattern, None, None, AclOperation.ANY, AclPermissionType.ANY)
            for each in admin.delete_acls([taken]).values():
                each.result(20)


@contextmanager
def running(home: Path, everyone: bool = True) -> Iterator[Guarded]:
    """`everyone`: what no rule is about, USER may do too."""
    settings = Settings.private(home)
    lost, shut, sasl = free_port(), free_port(), free_port()
    usual = kafka.server_properties
    jaas = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'

    def guarded(settings: Settings, data: Path) -> dict[str, object]:
        given = usual(settings, data)
        return {
            **given,
            "listeners": f"{given['listeners']},LOST://127.0.0.1:{lost},SHUT://127.0.0.1:{shut},SASL://127.0.0.1:{sasl}",
            "advertised.listeners": f"{given['advertised.listeners']},LOST://{NOWHERE}:{lost},SHUT://127.0.0.1:{free_port()},SASL://127.0.0.1:{sasl}",
            "listener.security.protocol.map": f"{given[PROTOCOLS]},LOST:PLAINTEXT,SHUT:PLAINTEXT,SASL:SASL_PLAINTEXT",
            "listener.name.sasl.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl.plain.sasl.jaas.config": jaas,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            "allow.everyone.if.no.acl.found": str(everyone).lower(),
        }

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kafka, "server_properties", guarded)
        with lifecycle.running(settings, lifecycle.KAFKA):
            yield Guarded(settings.endpoints.bootstrap_servers, f"127.0.0.1:{lost}", f"127.0.0.1:{shut}", f"127.0.0.1:{sasl}")
