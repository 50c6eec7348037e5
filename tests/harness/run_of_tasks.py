"""The tasks of a landing, as the DAG has them, run one by one in whatever order: their receipts lie in XComs that behave as Airflow's do.

Lake and validation are real, on local files; Kafka keeps records in a dictionary, and Spark writes the tables that `recount` finds.
"""

import json
import runpy
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import fsspec
import pyarrow.parquet as pq
import pytest
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import BaseSensorOperator
from airflow.sdk.exceptions import AirflowException

import connections
import kafka_operators
import spark_operators
from include import receipts
from include.answers import pages
from include.contracts import Contract
from include.kafka.ledger import ingest_id
from include.lake.lake import Lake
from include.receipts import PublishReceipt, Source
from include.run_identity import TASKS
from include.source import delivery
from include.source.files import SourceRefused
from include.storage import acl
from spark_operators import TransformOperator, path_of
from tests.oracle.built_landing import CUSTOMER, DAY, build

DAGS = Path(__file__).parents[2] / "dags" / "land_assessments.py"
MAKE_DAG: Callable[[Contract], Any] = runpy.run_path(str(DAGS))["land_assessments"]


@dataclass
class World:
    """What all runs share: inbox, topic and lake of one customer."""

    folder: Path
    contract: Contract = field(
        default_factory=lambda: Contract(customer=CUSTOMER, source="acme/{day}.ndjson", quiet_seconds=0, deadline_hours=0)
    )
    topic: dict[str, list[bytes]] = field(default_factory=dict)  # ingest to its records

    @property
    def connected(self) -> Any:
        """What templates get as `conn`."""
        return SimpleNamespace(
            spark_default=SimpleNamespace(extra_dejson={}),
            kafka_default=SimpleNamespace(extra_dejson={"bootstrap.servers": "b:9092"}),
            hdfs_default=SimpleNamespace(extra_dejson=SimpleNamespace(fs=f"hdfs://n{self.folder}"), login="landfall"),
        )

    @property
    def fs(self) -> Any:
        return fsspec.filesystem("file", auto_mkdir=True)

    def lake(self, customer: str = CUSTOMER) -> Lake:
        return Lake.open(customer, f"sqlite:///{self.folder}/catalog.sqlite?timeout=60", f"file://{self.folder}", self.fs)

    def deliver(self, *records: bytes) -> str:
        """The day's file, in place of what lay there; returns its sha256."""
        content = b"".join(record + b"\n" for record in records)
        path = self.folder / CUSTOMER / f"{DAY}.ndjson"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return sha256(content).hexdigest()

    def visible(self) -> tuple[str, list[bytes]] | None:
        """The sha256 that the landing in force says of its source, and the records that readers see; None if nothing has landed."""
        lake = self.lake()
        state = lake.state()
        if state is None:
            return None
        found: list[bytes] = []
        for path in lake.files("raw_assessments", state.snapshots["raw_assessments"], DAY):
            rows = pq.read_table(path, columns=["record", "value"]).to_pylist()
            found += [row["value"] for row in sorted(rows, key=lambda row: row["record"])]
        landing = lake.in_force(DAY)
        assert landing is not None
        return landing.sha256, found

    # ---- in place of Kafka and Spark

    def publish(self, source: Source, **_: Any) -> PublishReceipt:
        """As the real one: reads the file if not all of it is in the topic, and then only the one that was described."""
        ingest, sent = ingest_id(source.customer, source.day, source.sha256, 1), 0
        if ingest not in self.topic:
            content = Path(source.files[0].uri).read_bytes()
            if sha256(content).hexdigest() != source.sha256:
                raise SourceRefused(f"{source.files[0].uri} is not the file that was described")
            self.topic[ingest] = content.splitlines()
            sent = len(self.topic[ingest])
        records = self.topic[ingest]
        built = build(self.folder / "aside", records=records, day=source.day, ingest=ingest)
        return replace(built.publish, source_sha256=source.sha256, sent=sent)

    def submit(self, operator: TransformOperator, context: object) -> None:
        given = dict(zip(operator.application_args[::2], operator.application_args[1::2], strict=True))
        records = self.topic[given["--ingest"]]
        root = path_of(given["--lake"])
        built = build(self.folder, records, given["--day"], fs=self.fs, root=root, landing=given["--landing"], ingest=given["--ingest"])
        path = Path(path_of(given["--receipt"]))
        path.parent.mkdir(parents=True, exist_ok=True)
        receipts.write(built.transform, path)


@dataclass
class Run:
    """One run of the DAG. `done` names the tasks that succeeded or failed, in the order in which they ran."""

    world: World
    run_id: str = "manual__1"
    params: dict[str, Any] = field(default_factory=dict)
    xcoms: dict[str, dict[str, str]] = field(default_factory=dict)
    done: list[tuple[str, bool]] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    skipped: bool = False
    events: Any = field(default_factory=lambda: defaultdict(lambda: SimpleNamespace(add_partitions=lambda day: None)))  # of assets

    def from_task(self, first: str) -> bool:
        """Clears the task and all after it: they run until one fails. Returns whether none has."""
        self.skipped = False
        for task in TASKS[TASKS.index(first) :]:
            if not self.task(task):
                return False
            if self.skipped:
                return True
        return True

    def task(self, name: str) -> bool:
        """Runs one try of the task: Airflow takes away what its last try has pushed when a new one begins."""
        self.xcoms[name] = {}
        operator = MAKE_DAG(self.world.contract).task_dict[name]
        context = self._context(operator)
        operator.render_template_fields(context)
        try:
            returned = operator.poke(context) if isinstance(operator, BaseSensorOperator) else operator.execute(context)
        except AirflowException as error:
            self.reasons[name] = str(error)
            self.done.append((name, False))
            return False
        if name == "find_source":
            assert returned, "the day is claimed by nobody"
            returned = returned.xcom_value
        self.xcoms[name]["return_value"] = json.dumps(returned)
        self.done.append((name, True))
        return True

    def pulled(self, task_ids: str, key: str = "return_value") -> Any:
        pushed = self.xcoms.get(task_ids, {}).get(key)
        return None if pushed is None else json.loads(pushed)

    def _context(self, operator: Any) -> Any:
        def skip(ti: Any, tasks: Any) -> None:
            self.skipped = True

        if operator.task_id == "find_source":
            operator.skip = skip
        ti = SimpleNamespace(
            id=uuid4(),
            xcom_push=lambda key, value: self.xcoms[operator.task_id].update({key: json.dumps(value)}),
            xcom_pull=self.pulled,
            get_dr_count=lambda **_: 0,  # no other run is under way
        )
        run = SimpleNamespace(
            dag_id=f"land_assessments_{self.world.contract.customer}", run_id=self.run_id,
            run_type=SimpleNamespace(value="manual"), logical_date=None,
            run_after=datetime(2018, 1, 29, tzinfo=UTC), start_date=None, conf={}, triggering_user_name="ann",
        )  # fmt: skip
        asked = {
            "day": DAY,
            "source": None,
            "again": False,
            "max_quarantined": self.world.contract.max_quarantined,
            "accept_problems": None,
        }
        params = {**asked, **self.params}
        dag = SimpleNamespace(params=params)
        return {
            "ti": ti,
            "dag_run": run,
            "dag": dag,
            "run_id": self.run_id,
            "task": operator,
            "params": params,
            "conn": self.world.connected,
            "outlet_events": self.events,
        }


def serving(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The operators work in this world."""
    monkeypatch.setenv("LANDFALL_INBOX", str(world.folder))
    monkeypatch.delenv("LANDFALL_REPORTS", raising=False)
    monkeypatch.setattr(delivery, "SETTLE_SECONDS", 0)
    monkeypatch.setattr(acl, "grant", lambda fs, root, readers: None)  # wants a NameNode: tests/integration
    monkeypatch.setattr(pages, "write", lambda lake, landing, copies: {"json": landing.day})  # tests/unit/answers looks at it
    for name, stub in {
        "lake": world.lake, "hdfs": lambda: world.fs, "serve_sources": lambda: None,
        "spark": lambda: SimpleNamespace(host="local[*]", extra_dejson={}), "kafka_admin": lambda: None, "kafka_config": dict,
    }.items():  # fmt: skip
        monkeypatch.setattr(connections, name, stub)
    monkeypatch.setattr(kafka_operators, "ensure_topic", lambda admin, topic: [])
    monkeypatch.setattr(kafka_operators, "refuse_short_retention", lambda *_: None)
    monkeypatch.setattr(kafka_operators, "publish", world.publish)
    monkeypatch.setattr(spark_operators, "require_readable", lambda admin, published: None)
    monkeypatch.setattr(SparkSubmitOperator, "execute", lambda operator, context: world.submit(operator, context))
    yield world
