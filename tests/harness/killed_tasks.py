"""Tries of a run's tasks against a stack's Kafka, HDFS and Spark, each in a process of its own that a fault may kill; without a scheduler.

The processes are forks of one that has imported Airflow and the operators already: else each kill would cost three seconds of imports.
"""

import multiprocessing
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from include.contracts import Contract

FORKS = multiprocessing.get_context("forkserver")
SECONDS = 300


class Tried(NamedTuple):
    """What a try that came to its end has handed on, or why it failed."""

    xcoms: dict[str, str]
    reason: str | None


@contextmanager
def forking(environment: Mapping[str, str]) -> Iterator[None]:
    """Airflow reads its configuration when it is imported: once, in this environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        FORKS.set_forkserver_preload(["tests.harness.run_of_tasks"])
        # Starts what forks, and waits until it has imported everything.
        first = FORKS.Process(target=os.getpid)
        first.start()
        first.join(SECONDS)
        yield


@dataclass
class KilledRun:
    """One run of a customer's DAG for a day's file."""

    contract: Contract
    connections: Mapping[str, Mapping[str, Any]]
    params: dict[str, Any]
    xcoms: dict[str, dict[str, str]] = field(default_factory=dict)

    def killed(self, task: str, fault: str) -> tuple[int, Tried | None]:
        """Exit code of a try of the task that the fault is to kill, and what it says if it was not killed."""
        return self._try(task, fault)

    def to_its_end(self, task: str) -> None:
        """Asserts that a try which nothing kills succeeds; the next task gets what it hands on."""
        code, tried = self._try(task, "")
        assert (code, tried and tried.reason) == (0, None), f"{task}: {tried}"
        assert tried is not None
        self.xcoms[task] = tried.xcoms

    def _try(self, task: str, fault: str) -> tuple[int, Tried | None]:
        ours, theirs = FORKS.Pipe(duplex=False)
        process = FORKS.Process(target=_run, args=(theirs, self, task, fault))
        process.start()
        theirs.close()
        try:
            tried = ours.recv()
        except EOFError:  # it was killed before it could say anything
            tried = None
        process.join(SECONDS)
        assert process.exitcode is not None, f"{task} does not end"
        return process.exitcode, tried


def _run(answer: Connection, run: KilledRun, task: str, fault: str) -> None:
    """In the process that may be killed."""
    from tests.harness.run_of_tasks import Run

    os.setpgid(0, 0)
    os.environ["LANDFALL_FAULT"] = fault
    os.environ.pop("LANDFALL_FAULTS", None)  # those of the stack's own tasks
    tries = Run(_World(run.contract, run.connections), params=run.params, xcoms=dict(run.xcoms))  # type: ignore[arg-type]
    tries.task(task)
    answer.send(Tried(tries.xcoms[task], tries.reasons.get(task)))


class _World(NamedTuple):
    """As `run_of_tasks.World`, of a stack that is up."""

    contract: Contract
    given: Mapping[str, Mapping[str, Any]]

    @property
    def connected(self) -> Any:
        def connection(name: str) -> SimpleNamespace:
            of = self.given[name.upper()]
            return SimpleNamespace(extra_dejson=Extra(of["extra"]), login=of.get("login"))

        return SimpleNamespace(**{name: connection(name) for name in ("spark_default", "kafka_default", "hdfs_default")})


class Extra(dict[str, Any]):
    """A dictionary whose values are attributes too, as templates have them."""

    def __getattr__(self, name: str) -> Any:
        return self[name]
