"""R1: tasks killed with SIGKILL before and after what they do to the world; they are tried again, and every row is there once.

Every kind of effect of a run is killed before and after, each in a process of its own that runs one task, on a customer that has nothing
yet. Tasks killed in a run of Airflow are tried again by Airflow. Then the tables are compared row by row with an independent count of
the file, and the topic with the number of its records.
"""

import signal
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from tenacity import Retrying, retry_if_exception_type, retry_if_result, stop_after_delay, wait_fixed

from include import contracts as customers
from include.contracts import Contract
from include.effects import Effect
from include.errors import Refused
from include.run_identity import TASKS
from include.runs.airflow_client import OVER
from include.runs.run import dag_of
from include.stack.airflow import airflow_environment, connections
from tests.harness.acme import committed
from tests.harness.killed_tasks import KilledRun, forking
from tests.harness.private_landfall import Landfall
from tests.oracle.built_landing import RECORDS, attempt
from tests.oracle.landed import differences
from tests.oracle.recount import recount

RECORDS_OF_THE_NEXT_DAY = [*RECORDS[:7], *(attempt(number) for number in range(100, 140))]


class Run(NamedTuple):
    """A landing, and what kills its tasks: three in one task at most, for it has three retries."""

    customer: str
    day: str
    records: Sequence[bytes]
    kills: list[str]


# What kills the tries of each task, one after the other, before one comes to its end. A later try finds what earlier ones have left.
KILLS = {
    "find_source": [
        "before:make_directory:1", "after:make_directory:1", "before:set_acl:1", "after:set_acl:2", "before:claim_day:1",
        "after:claim_day:1",
    ],
    "ensure_topic": ["before:create_topic:1", "after:create_topic:1"],
    "publish": [
        "before:init_transactions:1", "after:init_transactions:1", "before:send_chunk:1", "after:send_chunk:1",
        "before:commit_transaction:1", "after:commit_transaction:1",
    ],
    "transform": [
        "before:create_namespace:1", "after:create_namespace:1", "before:create_table:4", "after:create_table:2",
        "before:spark_submit:1", "after:spark_submit:1",
    ],
    "validate": [],
    "commit": ["before:stage_table:2", "after:stage_table:3", "before:swap_tables:1", "after:swap_tables:1"],
    "answer": ["before:write_file:1", "after:write_file:1", "after:write_file:8"],  # the last between the two files of the day's report
}  # fmt: skip
IN_AIRFLOW = [
    Run("alpha", "2018-05-02", RECORDS_OF_THE_NEXT_DAY, ["before:commit_transaction:1", "after:spark_submit:1", "after:swap_tables:1"]),
]
LONG = [
    Run("beta", "2018-05-01", RECORDS, [
        "after:make_directory:1", "before:set_acl:1",  # find_source
        "after:create_topic:1",  # ensure_topic
        "after:init_transactions:1", "before:send_chunk:1", "after:commit_transaction:1",  # publish
        "before:create_namespace:1", "after:create_table:4",  # transform
        "after:stage_table:3", "before:swap_tables:1",  # commit
        "before:write_file:1", "after:write_file:1",  # answer
    ]),
]  # fmt: skip
# Not part of a run that nothing but a kill disturbs; tests/integration and tests/unit have them.
OTHERS = {Effect.ABORT_TRANSACTION, Effect.DELETE_FILES}
OTHERS |= {Effect.SET_ASIDE, Effect.REMOVE}  # of a tidying
OTHERS |= {Effect.NOTIFY}  # its customers have nobody to tell


def test_every_kind_of_effect_is_killed_before_and_after() -> None:
    kinds = {kind.value for kind in Effect} - {kind.value for kind in OTHERS}
    both = {f"{moment}:{kind}" for kind in kinds for moment in ("before", "after")}
    assert {kill.rpartition(":")[0] for kills in KILLS.values() for kill in kills} == both
    assert tuple(KILLS) == TASKS


def scheduled_runs_are_over(stack: Landfall) -> bool:
    """Whether those are that come with the stack. They would take kills upon themselves. Raises Refused for a DAG that is not there yet."""
    dags = [*(dag_of(name) for name in customers.load_all()), "tidy_lake"]
    runs = [stack.api.runs(dag, datetime(2018, 1, 1, tzinfo=UTC), datetime.now(UTC)) for dag in dags]
    return all(runs_of_one and {run["state"] for run in runs_of_one} <= set(OVER) for runs_of_one in runs)


@pytest.fixture(scope="module")
def contracts(stack: Landfall) -> dict[str, Contract]:
    """Of customers of these tests alone: another run of theirs would do some of what is to be killed."""
    until_over = retry_if_exception_type(Refused) | retry_if_result(lambda over: not over)
    Retrying(retry=until_over, wait=wait_fixed(1), stop=stop_after_delay(120))(scheduled_runs_are_over, stack)
    rules = customers.customer("acme").test_exams.model_dump(mode="json")
    names = {run.customer for run in [*IN_AIRFLOW, *LONG]}
    return {name: stack.add_customer(name, readers=["bob"], test_exams=rules) for name in names}


def expect_landed_once(stack: Landfall, contract: Contract, day: str, file: Path) -> None:
    tests = contract.test_exams
    lake = stack.lake(contract.customer)
    assert differences(lake, day, recount([file], day, tests.exam_name, tests.base_exam_id)) == []
    assert len(lake.landings(day)) == 1


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("source")


def test_each_task_may_be_killed_before_and_after_all_that_it_does(
    stack: Landfall, contracts: dict[str, Contract], source: Path, figures: list[str]
) -> None:
    """The default form of R1. `alpha` has no topic, directory or table yet."""
    contract, day = contracts["alpha"], "2018-05-01"
    file = source / "killed.ndjson"
    file.write_bytes(b"".join(record + b"\n" for record in RECORDS))
    run = KilledRun(contract, connections(stack.settings), {"day": day, "source": [str(file)], "max_quarantined": 1.0})
    with forking({**airflow_environment(stack.settings), "LANDFALL_CUSTOMERS": stack.environment["LANDFALL_CUSTOMERS"]}):
        for task, kills in KILLS.items():
            ends = {kill: run.killed(task, kill) for kill in kills}
            assert ends == dict.fromkeys(kills, (-signal.SIGKILL, None)), f"{task}: where it was not killed, the fault never came up"
            run.to_its_end(task)
    figures.append(f"R1 {contract.customer} {day}: {sum(map(len, KILLS.values()))} kills")
    landing = stack.lake("alpha").in_force(day)
    assert landing is not None
    assert landing.published == len(RECORDS)
    assert len(committed(stack.settings.endpoints.bootstrap_servers, contract.topic_spec.name)) == len(RECORDS)
    expect_landed_once(stack, contract, day, file)


@pytest.mark.parametrize("run", [*IN_AIRFLOW, *LONG], ids=lambda run: f"{run.customer} {run.day}")
def test_a_run_whose_tasks_are_killed_lands_every_row_once(
    stack: Landfall, contracts: dict[str, Contract], source: Path, long: bool, run: Run, figures: list[str]
) -> None:
    if run in LONG and not long:
        pytest.skip("part of the long form: --long")
    name, day, records, kills = run
    file = source / f"{name}-{day}.ndjson"
    file.write_bytes(b"".join(record + b"\n" for record in records))
    waiting = Path(stack.environment["LANDFALL_FAULTS"])
    waiting.write_text("".join(f"{kill}\n" for kill in kills))
    receipt = stack.json("land", "--customer", name, "--day", day, "--source", str(file), "--max-quarantined", "1")
    left = waiting.read_text().split()
    figures.append(
        f"R1 {name} {day}: {len(kills) - len(left)} of {len(kills)} kills happened; published {receipt['published']}, "
        f"landed {receipt['landed']}, duplicates {receipt['duplicates']}, quarantined {receipt['quarantined']}"
    )
    assert left == [], "these kills never came up: the run went another way"
    assert receipt["state"] == "success"
    assert {each["records"] for each in receipt["conservation"].values()} == {len(records)}
    assert stack.lake(name).fs.cat_file(f"/lake/{name}/answers/{day}.html") == Path(receipt["report"]).read_bytes()
    expect_landed_once(stack, contracts[name], day, file)
