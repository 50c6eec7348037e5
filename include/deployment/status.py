"""How a deployment is: which parts are up, and of which version; each customer's days that are late, failed or missing; room on disks."""

import shutil
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException

import include
from include import contracts as contracts_of
from include import run_identity
from include.contracts import Contract
from include.deployment import check_catalog
from include.deployment.check_airflow import component_states
from include.deployment.checkup import FAILED, number_of
from include.deployment.checkup import run as run_checks
from include.deployment.deployment import Deployment
from include.errors import LandfallError, Refused
from include.kafka.client import Admin, reason
from include.lake.day_index import LandedDay, landed_days
from include.lake.lake import Lake
from include.runs import day_states, lateness, seen
from include.runs.airflow_client import PAGE, AirflowApi
from include.runs.day_states import Day, NotRight, Run, State
from include.runs.run import dag_of

ANSWER = 5.0  # seconds
BEANS = {"FSNamesystemState": ("FSState", "NumLiveDataNodes", "CapacityTotal", "CapacityRemaining"), "NameNodeInfo": ("SoftwareVersion",)}


@dataclass(frozen=True)
class Part:
    """Whether a part answers, its version where it says so, and what it says of itself or why it does not answer."""

    name: str
    up: bool
    version: str
    detail: str


@dataclass(frozen=True)
class Disk:
    """Room in bytes."""

    name: str
    free: int
    total: int


@dataclass(frozen=True)
class Trouble:
    """So many days of a customer that want a person: `what` is late, failed, or missing. `run` is the one that failed."""

    customer: str
    what: str
    first: str
    last: str
    detail: str
    run: str | None = None
    days: int = 1


@dataclass(frozen=True)
class Customer:
    """`unknown` says why days or runs are not known; what is counted then is less than all."""

    customer: str
    landed: int
    newest: str | None
    landed_at: str | None
    under_way: int
    troubles: tuple[Trouble, ...] = ()
    unknown: str = ""


@dataclass(frozen=True)
class Status:
    deployment: str
    version: str
    parts: tuple[Part, ...]
    customers: tuple[Customer, ...]
    disks: tuple[Disk, ...]


def status(at: Deployment, now: datetime | None = None) -> Status:
    """Asks every part once, all beside each other. What does not answer is a part that is down, and no error."""
    contracts = {name: each for name, each in contracts_of.load_all().items() if isinstance(each, Contract)}
    looks: list[Callable[[], tuple[Part, list[Disk]]]] = []
    if at.airflow:
        looks.append(lambda: (_part("airflow", lambda: _airflow(at.airflow_api())), []))
    if at.kafka:
        looks.append(lambda: (_part("kafka", lambda: _kafka(at.kafka or {})), []))
    if at.hdfs:
        looks.append(lambda: _hdfs_and_room(at))
    if at.catalog:
        looks.append(lambda: (_catalog(at, contracts), []))
    with ThreadPoolExecutor(len(looks) or 1) as pool:
        answers = list(pool.map(lambda look: look(), looks))
    parts = tuple(part for part, _ in answers)
    up = {part.name for part in parts if part.up}
    disks = [disk for _, found in answers for disk in found] + _local(at)
    moment = now or datetime.now(UTC)
    customers = tuple(_customer(at, contract, up, moment) for contract in contracts.values())
    return Status(at.origin, include.__version__, parts, customers, tuple(disks))


def _part(name: str, ask: Callable[[], tuple[str, str]]) -> Part:
    try:
        return Part(name, True, *ask())
    except (LandfallError, OSError, ValueError, KeyError) as error:
        return Part(name, False, "", " ".join(str(error).split()))


def _airflow(api: AirflowApi) -> tuple[str, str]:
    version = api.public("version")["version"]
    ill = [f"{name} {state}" for name, state in component_states(api).items() if state != "healthy"]
    return version, ", ".join(ill) or "scheduler and dag_processor healthy"


def _kafka(settings: Mapping[str, str]) -> tuple[str, str]:
    admin = Admin(settings)
    try:
        found = admin.list_topics(timeout=ANSWER)
    except KafkaException as error:
        raise LandfallError(reason(error, admin)) from error
    return "", number_of(len(found.brokers), "broker")


def _catalog(at: Deployment, customers: Iterable[str]) -> Part:
    steps = run_checks("catalog", [each for each in check_catalog.checks(at.catalog or "", at, customers) if each[0] != "write"])
    wrong = [step.detail for step in steps if step.state == FAILED]
    return Part("catalog", not wrong, "", (wrong or [step.detail for step in steps])[-1])


def _hdfs_and_room(at: Deployment) -> tuple[Part, list[Disk]]:
    disks: list[Disk] = []

    def ask() -> tuple[str, str]:
        fs = at.filesystem()
        found: dict[str, Any] = {}
        for bean, names in BEANS.items():
            answer = fs.send("jmx", "get", f"{fs.url.partition('/webhdfs')[0]}/jmx", params={"qry": f"Hadoop:service=NameNode,name={bean}"})
            beans = answer.json()["beans"]
            found |= {name: beans[0].get(name) for name in names} if beans else {}
        if found.get("CapacityTotal"):
            disks.append(Disk("HDFS", found["CapacityRemaining"], found["CapacityTotal"]))
        nodes = found.get("NumLiveDataNodes")
        return str(found.get("SoftwareVersion") or ""), f"{found.get('FSState')}, {number_of(int(nodes or 0), 'DataNode')}"

    return _part("hdfs", ask), disks


def _local(at: Deployment) -> list[Disk]:
    folders: Iterable[Path | None] = [at.embedded.home] if at.embedded else [at.inbox, at.reports]
    found = []
    for folder in folders:
        if folder and folder.is_dir():
            usage = shutil.disk_usage(folder)
            found.append(Disk(str(folder), usage.free, usage.total))
    return found


def _customer(at: Deployment, contract: Contract, up: set[str], now: datetime) -> Customer:
    """As the page Landings has it: what landed, by the tables; what runs and failed, by Airflow's newest runs."""
    unknown = [f"{what}, for {part} is not known to answer" for part, what in (("hdfs", "days"), ("airflow", "runs")) if part not in up]
    lake, landed, runs = None, {}, []
    try:
        lake = _lake(at, contract.customer) if "hdfs" in up else None
        landed = landed_days(lake) if lake else {}
    except (LandfallError, OSError) as error:
        unknown.append(f"days: {error}")
    are_days_known = not unknown or unknown[-1].startswith("runs,")
    try:
        runs = _runs(at.airflow_api(), contract) if "airflow" in up else []
    except LandfallError as error:
        unknown.append(f"runs: {error}")
    newest = max(landed.values(), key=lambda each: each.day, default=None)
    return Customer(
        customer=contract.customer,
        landed=len(landed),
        newest=newest.day.isoformat() if newest else None,
        landed_at=newest.committed_at.isoformat(timespec="seconds") if newest else None,
        under_way=sum(run.under_way for run in runs),
        troubles=_troubles(contract, lake, landed, runs, now) if are_days_known else (),
        unknown="; ".join(" ".join(each.split()) for each in unknown),
    )


def _troubles(
    contract: Contract, lake: Lake | None, landed: Mapping[date, LandedDay], runs: list[Run], now: datetime
) -> tuple[Trouble, ...]:
    days = _without_seen(lake, day_states.days(contract, landed, runs, now))
    found = [_trouble(contract.customer, each) for each in day_states.not_right(days)]
    return (*_late(contract, days, now), *found)


def _lake(at: Deployment, customer: str) -> Lake | None:
    """None where a catalog that is a file has not been made yet: to open it would make it."""
    from sqlalchemy import make_url

    address = make_url(at.catalog_of(customer))
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").exists():
        return None
    return at.lake(customer)


def _runs(api: AirflowApi, contract: Contract) -> list[Run]:
    """The newest runs; a customer whose DAG Airflow does not know yet has none."""
    try:
        found = api.get(f"dags/{dag_of(contract.customer)}/dagRuns", order_by="-run_after", limit=PAGE)["dag_runs"]
    except Refused as error:
        if ": 404 " in str(error):
            return []
        raise
    return [run for each in found if (run := _run(each, contract))]


def _run(given: Mapping[str, Any], contract: Contract) -> Run | None:
    """None for a run whose day nobody can tell: it was asked for one that is none."""
    logical, after, began, ended = (
        datetime.fromisoformat(given[name]) if given.get(name) else None for name in ("logical_date", "run_after", "start_date", "end_date")
    )
    try:
        day = run_identity.day_of_run(
            asked=(given.get("conf") or {}).get("day"),
            logical_date=logical,
            run_after=after or datetime.now(UTC),
            run_type=given["run_type"],
            time_zone=contract.time_zone,
        )
    except (Refused, TypeError):
        return None
    return Run(given["dag_run_id"], day, given["state"], began, ended)


def _without_seen(lake: Lake | None, days: dict[date, Day]) -> dict[date, Day]:
    if lake is None or not any(day.failed for day in days.values()):
        return days
    known = seen.seen_failures(lake)
    return day_states.with_seen(days, lambda run: seen.failure(run) in known)


def _late(contract: Contract, days: Mapping[date, Day], now: datetime) -> list[Trouble]:
    """What should be landed by now and is not, and is nothing worse: failed, or past its deadline."""
    if not contract.expected_by:
        return []
    moments = lateness.due_days(contract, now)
    return [
        Trouble(
            contract.customer, "late", day.isoformat(), day.isoformat(), f"expected by {moments[day].astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        )
        for day in moments
        if day not in days or _is_open(days[day])
    ]


def _is_open(day: Day) -> bool:
    return day.landed is None and day.state in (State.NOT_DUE, State.RUNNING)


def _trouble(customer: str, found: NotRight) -> Trouble:
    what = "missing" if found.state is State.MISSING else "failed"
    detail = number_of(found.days, "day") if what == "missing" else "its earlier landing is in force"
    if found.state is State.RED:
        detail = "nothing of it is in force"
    return Trouble(
        customer, what, found.first.isoformat(), found.last.isoformat(), detail, found.run.run_id if found.run else None, found.days
    )
