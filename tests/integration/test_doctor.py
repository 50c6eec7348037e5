"""Planted misconfigurations of Kafka, HDFS and the catalog, each named by `doctor` at the step where it shows, with what mends it."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import psycopg2
import pytest
from confluent_kafka.admin import AclOperation, NewTopic, ResourceType
from sqlalchemy import make_url

from include import contracts
from include.contracts import Contract, TopicSpec
from include.deployment import check_catalog, check_hdfs, check_kafka
from include.deployment.checkup import FAILED, OK, SKIPPED, Step, run
from include.deployment.deployment import Deployment, Hdfs
from include.kafka.client import Admin
from include.kafka.topics import ensure_topic
from include.lake.lake import Lake
from include.stack.hdfs import classpath
from include.stack.java import find_java
from include.stack.settings import Settings
from tests.harness import guarded_kafka
from tests.harness.guarded_kafka import NOWHERE, Guarded
from tests.harness.ports import free_port
from tests.harness.postgres import Postgres

HERE = Deployment("here", "the test", "See to it.")


def contract(folder: Path, name: str = "acme", **topic: int) -> dict[str, Contract]:
    path = folder / f"{name}.yaml"
    path.write_text(f"source: 'x/{{day}}'\nfirst_day: 2018-01-28\ntopic: {topic or {'partitions': 3}}\n")
    return {name: contracts.load(path)}


def named(steps: list[Step], step: str, message: str, fix: str) -> None:
    """All is well up to this step, which has failed with this message and fix; what comes after it was not looked at."""
    states = {each.step: each.state for each in steps}
    [failed] = [each for each in steps if each.state == FAILED]
    assert (failed.step, message in failed.detail, fix in failed.fix) == (step, True, True), failed
    assert "\n" not in failed.detail + failed.fix
    before, after = list(states)[: list(states).index(step)], list(states)[list(states).index(step) + 1 :]
    assert {states[each] for each in before} <= {OK}
    assert {states[each] for each in after} <= {SKIPPED}


# ---- Kafka


@pytest.fixture(scope="module")
def guarded(jars: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded_kafka.running(tmp_path_factory.mktemp("guarded")) as broker:
        yield broker


def kafka_steps(settings: dict[str, str], of: dict[str, Contract]) -> list[Step]:
    return run("kafka", check_kafka.checks(settings, replace(HERE, kafka=settings), of))


def test_a_broker_with_a_login_is_right(guarded: Guarded, tmp_path: Path) -> None:
    of = contract(tmp_path, "right")
    ensure_topic(Admin({"bootstrap.servers": guarded.plain}), of["right"].topic_spec)
    steps = kafka_steps(guarded.login(), of)
    assert [each.state for each in steps] == [OK] * 8, steps
    assert "on 2 topics" in steps[6].detail


def test_a_customer_without_a_topic_is_right_for_its_first_run_makes_it(guarded: Guarded, tmp_path: Path) -> None:
    topics = kafka_steps({"bootstrap.servers": guarded.plain}, contract(tmp_path, "newcomer"))[5]
    assert (topics.state, "the first run makes: assessments.newcomer" in topics.detail) == (OK, True)


def test_kafka_s_misconfigurations_are_named(guarded: Guarded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_kafka, "ANSWER", 4.0)  # one of them is that nothing is answered
    of, plain = contract(tmp_path), {"bootstrap.servers": guarded.plain}
    named(
        kafka_steps({"bootstrap.servers": "no-such-host.invalid:9092"}, of),
        "name",
        "no-such-host.invalid has no address",
        "Correct Kafka's",
    )
    named(kafka_steps({"bootstrap.servers": f"127.0.0.1:{free_port()}"}, of), "TCP", "nothing listens at 127.0.0.1", "Correct the port")
    named(kafka_steps({"bootstrap.servers": "127.0.0.1"}, of), "name", "expected HOST:PORT, found '127.0.0.1'", "")
    named(
        kafka_steps(plain | {"sasl.mechansim": "PLAIN"}, of),
        "settings",
        'No such configuration property: "sasl.mechansim"',
        "Correct the key",
    )
    named(kafka_steps(guarded.login("wrong"), of), "login", "Authentication failed", "Correct security.protocol, sasl.*")
    named(kafka_steps({"bootstrap.servers": guarded.sasl}, of), "login", "did not answer", "Correct security.protocol, sasl.*")
    named(
        kafka_steps({"bootstrap.servers": guarded.lost}, of),
        "listeners",
        f"leads nowhere from here: {NOWHERE} has no address",
        "advertised.listeners",
    )
    named(
        kafka_steps({"bootstrap.servers": guarded.shut}, of), "listeners", "from here: nothing listens at 127.0.0.1", "advertised.listeners"
    )
    named(
        kafka_steps(plain, contract(tmp_path, "three", replication=3)),
        "topics",
        "assessments.three is not there, and cannot be made",
        "replication",
    )


def test_topics_that_are_not_as_the_contract_says_are_named(guarded: Guarded, tmp_path: Path) -> None:
    plain = {"bootstrap.servers": guarded.plain}
    ensure_topic(Admin(plain), TopicSpec("assessments.drifted", partitions=1))
    said = "assessments.drifted: partitions is 1, the contract says 3"
    named(kafka_steps(plain, contract(tmp_path, "drifted")), "topics", said, "Change the contract, or alter")
    admin, ledger = Admin(plain), NewTopic("assessments.halved.ledger", 1, 1, config={"cleanup.policy": "compact"})
    admin.create_topics([ledger])[ledger.topic].result(20)
    named(kafka_steps(plain, contract(tmp_path, "halved")), "topics", "assessments.halved.ledger is there without assessments.halved", "")


def test_rights_that_kafka_denies_are_named(guarded: Guarded, tmp_path: Path) -> None:
    of = contract(tmp_path, "denied")
    ensure_topic(Admin({"bootstrap.servers": guarded.plain}), of["denied"].topic_spec)
    with guarded.denying(ResourceType.TOPIC, "assessments.denied", AclOperation.WRITE):
        named(kafka_steps(guarded.login(), of), "rights", "this user may not WRITE", "--topic assessments.denied --operation WRITE")
    with guarded.denying(ResourceType.TRANSACTIONAL_ID, "landfall.", AclOperation.WRITE):
        said = "Transactional Id authorization failed"
        named(kafka_steps(guarded.login(), of), "transactional id", said, "--transactional-id landfall. --resource-pattern-type prefixed")


# ---- HDFS


@pytest.fixture
def at(hdfs: Any) -> Hdfs:
    return Hdfs((hdfs.host,), hdfs.port, hdfs.user, hdfs.uri)


def hdfs_steps(at: Hdfs) -> list[Step]:
    return run("hdfs", check_hdfs.checks(at, HERE))


def test_hdfs_is_right_and_stays_as_it_was(at: Hdfs) -> None:
    before = check_hdfs.filesystem(at.hosts[0], at.port, at.user).ls("/lake")
    assert [each.state for each in hdfs_steps(at)] == [OK] * 7
    assert check_hdfs.filesystem(at.hosts[0], at.port, at.user).ls("/lake") == before


def test_hdfs_s_misconfigurations_are_named(at: Hdfs) -> None:
    rpc = int(at.fs.rpartition(":")[2])
    named(
        hdfs_steps(replace(at, hosts=("no-such-host.invalid",))), "name", "no-such-host.invalid has no address", "Correct WebHDFS' address"
    )
    named(hdfs_steps(replace(at, port=free_port())), "TCP", "nothing listens at", "Correct the port")
    named(hdfs_steps(replace(at, port=rpc)), "WebHDFS", "127.0.0.1: ", "the NameNode's HTTP port")
    named(hdfs_steps(replace(at, user="alice")), "write", "Permission denied: user=alice", "hdfs dfs -chown alice /lake")
    named(hdfs_steps(replace(at, fs=f"hdfs://127.0.0.1:{free_port()}")), "RPC", "nothing listens at", "`fs` of HDFS in the test")


class WithoutAcls(BaseHTTPRequestHandler):
    """Leads everything to the real NameNode but for ACLs, of which it says what one says that has them off (Hadoop 3.4)."""

    namenode: str

    def do_GET(self) -> None:
        self.send_response(307)
        self.send_header("Location", f"http://{self.namenode}{self.path}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_PUT(self) -> None:
        if "op=SETACL" not in self.path:
            return self.do_GET()
        message = "The ACL operation has been rejected.  Support for ACLs has been disabled by setting dfs.namenode.acls.enabled to false."
        answer = {"exception": "AclException", "javaClassName": "org.apache.hadoop.hdfs.protocol.AclException", "message": message}
        body = json.dumps({"RemoteException": answer}).encode()
        self.send_response(403)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_DELETE = do_GET

    def log_message(self, *_: object) -> None:
        """Quiet."""


def test_an_hdfs_without_acls_is_named(at: Hdfs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WithoutAcls, "namenode", f"{at.hosts[0]}:{at.port}", raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), WithoutAcls) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        steps = hdfs_steps(replace(at, port=server.server_port))
        server.shutdown()
    named(steps, "ACL", "Support for ACLs has been disabled", "Set dfs.namenode.acls.enabled to true")
    assert not [name for name in check_hdfs.filesystem(at.hosts[0], at.port, at.user).ls("/lake") if "doctor" in name], "taken back"


def test_a_namenode_in_safe_mode_is_named(at: Hdfs, tmp_path: Path) -> None:
    def safe_mode(what: str) -> None:
        java = find_java(tmp_path)
        command = [java.executable, "-cp", ":".join(map(str, classpath(Settings.load()))), "org.apache.hadoop.hdfs.tools.DFSAdmin"]
        environ = {**os.environ, "HADOOP_USER_NAME": "hdfs"}
        subprocess.run([*command, "-fs", at.fs, "-safemode", what], env=environ, check=True, capture_output=True, timeout=120)

    safe_mode("enter")
    try:
        named(hdfs_steps(at), "write", "Name node is in safe mode", "hdfs dfsadmin -safemode leave")
    finally:
        safe_mode("leave")


# ---- the catalog


@pytest.fixture
def catalog(postgres: Postgres, tmp_path: Path) -> str:
    """A catalog with tables; `guest` may look, `guarded` needs a password."""
    uri = postgres.database()
    Lake.open("acme", uri, f"file://{tmp_path}", fsspec.filesystem("file")).create_tables()
    at = make_url(uri)
    with closing(psycopg2.connect(host="127.0.0.1", port=postgres.port, user="postgres", dbname=at.database)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("drop owned by guest" if _is_role(cursor, "guest") else "create role guest login")
        cursor.execute("grant select on all tables in schema public to guest")
        if not _is_role(cursor, "guarded"):
            cursor.execute("create role guarded login password 's3cret'")
            cursor.execute("show hba_file")
            file = Path(cursor.fetchone()[0])
            file.write_text("host all guarded 127.0.0.1/32 scram-sha-256\n" + file.read_text())
            cursor.execute("select pg_reload_conf()")
    return uri


def _is_role(cursor: Any, name: str) -> bool:
    cursor.execute("select 1 from pg_roles where rolname = %s", (name,))
    return cursor.fetchone() is not None


def catalog_steps(uri: str) -> list[Step]:
    return run("catalog", check_catalog.checks(uri, HERE, ["acme"]))


def test_the_catalog_s_misconfigurations_are_named(catalog: str) -> None:
    def but(**changes: Any) -> str:
        return make_url(catalog).set(**changes).render_as_string(hide_password=False)

    right = catalog_steps(catalog)
    assert [each.state for each in right] == [OK] * 5, right
    assert right == catalog_steps(catalog), "what was written was taken back"
    named(catalog_steps(but(host="no-such-host.invalid")), "name", "no-such-host.invalid has no address", "the catalog's URI in the test")
    named(catalog_steps(but(port=free_port())), "TCP", "nothing listens at 127.0.0.1", "Correct the port")
    named(catalog_steps(but(username="nobody")), "login", 'role "nobody" does not exist', "Correct the user")
    named(catalog_steps(but(database="nothing")), "login", 'database "nothing" does not exist', "Correct the database's name")
    wrong = catalog_steps(but(username="guarded", password="wr0ng"))
    named(wrong, "login", "password authentication failed", "Correct the user and password")
    assert "wr0ng" not in str(wrong)
    named(
        catalog_steps(but(username="guest")), "write", "permission denied for table iceberg_tables", "Let guest insert, update and delete"
    )
    named(catalog_steps("postgres//lake"), "address", "is none of SQLAlchemy's", "postgresql+psycopg2://")


def test_a_database_without_tables_stays_without(postgres: Postgres) -> None:
    uri = postgres.database()
    for _ in range(2):
        steps = catalog_steps(uri)
        assert [each.state for each in steps] == [OK] * 5, steps
        assert steps[-1].detail == "tables can be made; it was taken back"
