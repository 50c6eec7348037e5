"""`./landfall` on a whole stack of the tests' own: its folder, its ports, its end."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from include import contracts
from include.contracts import OURS, Contract
from include.lake.lake import Lake
from include.runs import run as landing_run
from include.runs.airflow_client import OVER, AirflowApi
from include.runs.run import LandingRun
from include.stack import processes
from include.stack.settings import Ports, Settings
from include.storage.webhdfs import filesystem

ROOT = Path(__file__).parents[2]
REAL_FILE = ROOT.parent / "shared" / "data" / "assessment-attempts-20180128-121051-nested.json"


def wait_for(condition: Callable[[], bool], seconds: float, every: float = 0.2) -> bool:
    """Whether it comes true within so many seconds. What was true once need not be true when asked again, so it is not asked again."""
    end = time.monotonic() + seconds
    while not (true := condition()) and time.monotonic() < end:
        time.sleep(every)
    return true


@dataclass(frozen=True)
class Landfall:
    """`./landfall` with the environment of the test's stack."""

    settings: Settings
    environment: dict[str, str]

    def __call__(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(ROOT / "landfall"), *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, (
            f"landfall {' '.join(arguments)}: exit code {done.returncode}, expected {code}\n{done.stdout}\n{done.stderr}"
        )
        return done

    def json(self, *arguments: str, code: int = 0) -> Any:
        """What `--json` prints: exactly one document, so that anything else on stdout fails here."""
        return json.loads(self(*arguments, "--json", code=code).stdout)

    @property
    def api(self) -> AirflowApi:
        at = self.settings.endpoints
        return AirflowApi(at.airflow_url, at.airflow_user, at.airflow_password)

    def add_customer(self, name: str, **terms: Any) -> Contract:
        """A contract whose days' files lie in the customer's folder of the inbox.

        It begins today, so that the schedule starts no run beside those of the test.
        """
        path = Path(self.environment["LANDFALL_CUSTOMERS"]) / f"{name}.yaml"
        usual = {"source": f"{name}/{{day}}*", "deadline_hours": 0, "quiet_seconds": 0, "first_day": datetime.now(UTC).date()}
        path.write_text(yaml.safe_dump({**usual, **terms}))
        return contracts.load(path)

    def deliver(self, customer: str, name: str, content: bytes) -> Path:
        """A file in the customer's folder of the inbox, there for an hour, so that nobody waits until it is quiet."""
        path = self.settings.inbox / customer / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (time.time() - 3600,) * 2)
        return path

    def start(self, customer: str, day: str) -> LandingRun:
        """Triggers the customer's DAG for the files of the day."""
        return landing_run.start(self.api, customer, day=day, source=[], again=False)

    def task_states(self, run: LandingRun) -> dict[str, str]:
        return {task["task_id"]: task["state"] for task in self.api.tasks(run.dag_id, run.run_id)}

    def end(self, run: LandingRun) -> None:
        """Marks the run failed, which ends its tasks."""
        self.api._call("PATCH", f"/api/v2/dags/{run.dag_id}/dagRuns/{run.run_id}", json={"state": "failed"})

    def wait_for_all(self, runs: list[LandingRun], seconds: float) -> list[str]:
        """How they stand when all are over, or after so many seconds.

        Asks up to the first that is not over: asking for all of them takes from the CPU that they wait for.
        """

        def state(run: LandingRun) -> str:
            return str(self.api.run(run.dag_id, run.run_id)["state"])

        wait_for(lambda: all(state(run) in OVER for run in runs), seconds, every=2)
        return [state(run) for run in runs]

    def lake(self, customer: str) -> Lake:
        at = self.settings.endpoints
        fs = filesystem(at.webhdfs_host, at.webhdfs_port, at.hdfs_user)
        return Lake.open(customer, catalog_uri=self.settings.catalog_uri.format(customer=customer), hdfs_uri=at.hdfs_uri, fs=fs)


@contextmanager
def private_landfall(home: Path) -> Iterator[Landfall]:
    """Nothing is up at first. The contracts are copies, so that tests may add some.

    Faults that are written to `home/faults` happen to the tasks of this stack."""
    tools = Settings.load().tools
    ports = Ports.free()
    moved = {Ports.variable(name): str(getattr(ports, name)) for name in Ports.names()}
    shutil.copytree(OURS, home / "customers", dirs_exist_ok=True)
    ours = {
        "LANDFALL_CUSTOMERS": str(home / "customers"),
        "LANDFALL_HOME": str(home),
        "LANDFALL_TOOLS": str(tools),
        "LANDFALL_FAULTS": str(home / "faults"),
        "LANDFALL_SOURCES": json.dumps({"*": ["*", "http://127.0.0.1:*", "hdfs:///lake/delivered"]}),
    }
    environment = {**os.environ, **moved, **ours}
    run = Landfall(Settings.load(environment), environment)
    try:
        yield run
    finally:
        run("down")
        assert processes.alive(run.settings) == []
