"""Starting and stopping the stack, and saying how it is."""

import fcntl
import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass

import psutil

from include.errors import Refused
from include.stack import processes
from include.stack.airflow import airflow_services
from include.stack.hdfs import datanode, namenode
from include.stack.jars import fetch_jars
from include.stack.java import Java, find_java
from include.stack.kafka import kafka
from include.stack.service import Service, StackError, log_of, write
from include.stack.settings import HOST, Ports, Settings
from include.stack.spark import archive_classes, configure_spark

KAFKA = ("kafka",)
HDFS = ("namenode", "datanode")
AIRFLOW = ("airflow-api-server", "airflow-scheduler", "airflow-dag-processor")
EVERYTHING = (*KAFKA, *HDFS, *AIRFLOW)

START_SECONDS = 300.0  # the longest that we wait for a daemon that lives but is not ready: some machines are busy with other things
TASKS_SECONDS = 10.0  # the longest that tasks get to say that they were stopped
STOP_SECONDS = 20.0  # the longest between SIGTERM and SIGKILL

Report = Callable[[str], None]
Job = Callable[[Callable[[], bool]], None]  # is given what says whether it is still wanted


def _silent(_: str) -> None:
    return None


@dataclass(frozen=True)
class ServiceStatus:
    """How one daemon is. `state`: ready, starting (alive, not ready), dead (should be there and is not) or down.

    `detail` says what a starting one waits for, and shows the end of a dead one's log.
    """

    name: str
    title: str
    state: str
    pid: int | None
    ports: dict[str, int]
    detail: str
    log: str


def up(settings: Settings, report: Report = _silent, names: Iterable[str] = EVERYTHING) -> None:
    """Starts what is not running of the named services, all at once, and returns when all are ready. Data is kept.

    Raises Refused for a port that somebody else has, and StackError, with the end of its log, for a daemon that does not come up;
    what this call started is stopped then.
    """
    names = frozenset(names)
    with _one_at_a_time(settings, report):
        java = find_java(settings.home / "java")
        fetch_jars(settings, java, report)
        processes.stop(processes.strays(settings.home, EVERYTHING), STOP_SECONDS)
        running = processes.daemons(settings.home)
        _refuse_moved_ports(settings, running)
        services = [service for service in _services(settings, java) if service.name in names]
        _refuse_busy_ports(settings, [service for service in services if service.name not in running])
        _write_running(settings, names | running.keys())
        configure_spark(settings, java)
        for folder in (settings.tmp, settings.lake, settings.inbox):
            folder.mkdir(parents=True, exist_ok=True)
        jobs: list[Job] = []
        if "airflow-scheduler" in names:  # its tasks submit to Spark
            jobs.append(lambda given_up: archive_classes(settings, java, report, given_up))
        _start_all(settings, services, running, report, jobs)


def down(settings: Settings, report: Report = _silent) -> int:
    """Stops every process of the stack, whoever started it and whatever became of that; returns how many there were. Data is kept."""
    with _one_at_a_time(settings, report):
        return _stop_all(settings, report)


def clean(settings: Settings, report: Report = _silent) -> int:
    """Stops the stack and removes its data: topics, tables, runs, logs, samples. Keeps what was downloaded: virtualenv and jars."""
    with _one_at_a_time(settings, report):
        stopped = _stop_all(settings, report)
        data = (settings.data, settings.lake, settings.airflow_home, settings.inbox / "demo")
        for folder in (*data, settings.conf, settings.logs, settings.tmp):
            with suppress(FileNotFoundError):
                shutil.rmtree(folder)
        return stopped


def status(settings: Settings) -> list[ServiceStatus]:
    """How every daemon is, in the order of EVERYTHING."""
    wanted = _wanted(settings)
    leaders = processes.daemons(settings.home)
    services = _services(settings, find_java(settings.home / "java"))
    with ThreadPoolExecutor(len(services)) as pool:
        return list(pool.map(lambda service: _status(settings, service, leaders.get(service.name), service.name in wanted), services))


def addresses(settings: Settings) -> dict[str, str]:
    """Where people and programs find the running stack."""
    at = settings.endpoints
    return {
        "Airflow": f"{at.airflow_url}  login {at.airflow_user} / {at.airflow_password}; viewer / viewer may only look",
        "NameNode": f"{at.namenode_url}  no login",
        "HDFS": f"{at.hdfs_uri}  user {at.hdfs_user}",
        "Kafka": at.bootstrap_servers,
        "Logs": str(settings.logs),
    }


@contextmanager
def running(settings: Settings, names: Iterable[str] = EVERYTHING, report: Report = _silent) -> Iterator[Settings]:
    """The named services for as long as the block lasts: for tests, with `Settings.private(folder)`."""
    try:
        up(settings, report, names)
        yield settings
    finally:
        down(settings)


def _services(settings: Settings, java: Java) -> list[Service]:
    return [kafka(settings, java), namenode(settings, java), datanode(settings, java), *airflow_services(settings, java)]


# Starting


class _GivenUpError(Exception):
    """Another service failed, so this one is no longer waited for."""


def _start_all(
    settings: Settings,
    services: Sequence[Service],
    running: dict[str, psutil.Process],
    report: Report,
    jobs: Sequence[Job] = (),
) -> None:
    """Each service, and each job beside them, in a thread of its own.

    The first failure, or Ctrl-C, ends the waiting of all and stops what was started here.
    """
    began, give_up = time.monotonic(), threading.Event()

    def bring_up(service: Service) -> None:
        if service.name in running:
            _wait_ready(settings, service, running[service.name].is_running, give_up)
        else:
            _start(settings, service, give_up)
            report(f"{service.title} is up after {time.monotonic() - began:.0f} s")
        service.finish()

    with ThreadPoolExecutor(len(services) + len(jobs)) as pool:
        futures = [*(pool.submit(bring_up, service) for service in services), *(pool.submit(job, give_up.is_set) for job in jobs)]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
            failures = [error for future in futures if future.done() and (error := future.exception())]
            if failures:
                raise failures[0]
        except BaseException:
            give_up.set()
            _stop_started(settings, running)
            raise


def _start(settings: Settings, service: Service, give_up: threading.Event) -> None:
    service.prepare()
    if give_up.is_set():
        raise _GivenUpError
    log = log_of(settings, service.name)
    if log.exists():
        log.replace(log.with_suffix(".previous.log"))
    child = processes.start(settings.home, service.name, service.command, service.environ, log)
    _wait_ready(settings, service, lambda: child.process.poll() is None, give_up)


def _wait_ready(settings: Settings, service: Service, lives: Callable[[], bool], give_up: threading.Event) -> None:
    deadline = time.monotonic() + START_SECONDS
    log = log_of(settings, service.name)
    while missing := service.missing():
        if not lives():
            raise StackError(f"{service.title} ended while it started. The end of {log}:\n{processes.tail(log)}")
        if time.monotonic() > deadline:
            raise StackError(
                f"{service.title} is not ready after {START_SECONDS:.0f} s: {missing}. The end of {log}:\n{processes.tail(log)}"
            )
        if give_up.wait(0.1):
            raise _GivenUpError


def _stop_started(settings: Settings, kept: Iterable[str]) -> None:
    """Until nothing is left: a thread may be between two steps of its service's start."""
    while left := processes.strays(settings.home, kept):
        processes.stop(left, STOP_SECONDS)


def _refuse_moved_ports(settings: Settings, running: dict[str, psutil.Process]) -> None:
    """What runs was configured with its ports: half of a stack cannot move."""
    if not running:
        return
    used = _read_running(settings).get("ports", {})
    moved = {name: port for name, port in asdict(settings.ports).items() if used.get(name, port) != port}
    if moved:
        found = ", ".join(f"{Ports.variable(name)} {port} (running: {used[name]})" for name, port in moved.items())
        raise Refused(f"the stack is running with other ports: {found}. Unset these, or stop the stack first: ./landfall down")


def _refuse_busy_ports(settings: Settings, services: Sequence[Service]) -> None:
    busy = [
        f"port {port} for {service.title} is taken{_holder(port)}; {Ports.variable(name)}=... moves it"
        for service in services
        for name in service.ports
        if not _is_free(port := getattr(settings.ports, name))
    ]
    if busy:
        raise Refused("nothing was started:\n" + "\n".join(busy))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the daemons do: connections that linger do no harm
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def _holder(port: int) -> str:
    """` by process 4711 (nginx)`, if the system tells."""
    with suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port and connection.pid:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    return ""


# Stopping


def _stop_all(settings: Settings, report: Report) -> int:
    """Tasks end first, while they can still tell the api-server; then everything, again and again until nothing is left."""
    ended: set[psutil.Process] = set()
    tasks = processes.trees(settings.home, ("airflow-scheduler", "airflow-dag-processor"))
    if tasks:
        report("stopping Airflow's scheduler, its tasks and the dag-processor")
        ended |= tasks
        processes.stop(tasks, TASKS_SECONDS)
    while left := processes.everything(settings.home):
        report(f"stopping {len(left)} processes")
        ended |= left
        processes.stop(left, STOP_SECONDS)
    _write_running(settings, ())
    return len(ended)


# What is known between two calls


def _write_running(settings: Settings, names: Iterable[str]) -> None:
    """Written before the first start, so that a daemon that should be there and is not can be named."""
    names = sorted(names)
    write(settings.running_file, json.dumps({"services": names, "ports": asdict(settings.ports) if names else {}}))


def _read_running(settings: Settings) -> dict[str, dict[str, int]]:
    try:
        found: dict[str, dict[str, int]] = json.loads(settings.running_file.read_text())
    except FileNotFoundError:
        return {}
    return found


def _wanted(settings: Settings) -> Iterable[str]:
    return _read_running(settings).get("services", ())


def _status(settings: Settings, service: Service, leader: psutil.Process | None, wanted: bool) -> ServiceStatus:
    log = log_of(settings, service.name)
    state, detail = "down", ""
    if leader:
        missing = service.missing()
        state, detail = ("starting", missing) if missing else ("ready", "")
    elif wanted:
        state, detail = "dead", f"{service.title} is no longer there. The end of {log}:\n{processes.tail(log)}"
    ports = {name: getattr(settings.ports, name) for name in service.ports}
    return ServiceStatus(service.name, service.title, state, leader.pid if leader else None, ports, detail, str(log))


@contextmanager
def _one_at_a_time(settings: Settings, report: Report) -> Iterator[None]:
    settings.run.mkdir(parents=True, exist_ok=True)
    with (settings.run / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("another ./landfall is starting or stopping the stack; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
