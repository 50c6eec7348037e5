"""R1: tasks killed with SIGKILL before and after what they do to the world; Airflow tries again, and every row is there once.

Each fault kills the task that comes there, in a real run of the DAG: every kind of effect of a run once, on a customer that has nothing yet
(so that topics, directory and tables are made as well) and on the day after. Then the tables are compared row by row with an independent
count of the file, and the topic with the number of its records.
"""

from pathlib import Path

import pytest

from include.customers import customer
from include.effects import Effect
from tests.built_landing import RECORDS, attempt
from tests.landed import differences
from tests.private_landfall import Landfall
from tests.recount import recount

# A task has three retries, so at most three faults of a run may lie in one task. Some effects come only where another fault was.
FIRST_DAY = [
    "before:create_topic:1", "after:create_topic:1",  # ensure_topic
    "after:init_transactions:1", "before:send_chunk:1", "before:commit_transaction:1",  # publish
    "before:make_directory:1", "after:create_namespace:1", "before:create_table:4",  # transform
    "after:replace_day:3", "after:restore_table:1", "before:append_landing:1",  # commit
    "before:write_file:1",  # answer
]  # fmt: skip
SECOND_DAY = [
    "before:init_transactions:1", "after:send_chunk:1", "after:commit_transaction:1",  # publish
    "before:spark_submit:1", "after:spark_submit:1",  # transform
    "before:replace_day:2", "before:restore_table:1", "after:append_landing:1",  # commit
    "after:write_file:2",  # answer
]  # fmt: skip
# Not part of a run that nothing but a kill disturbs; tests/integration and tests/unit have them.
OTHERS = {Effect.ABORT_TRANSACTION, Effect.ADD_COLUMNS}
DAYS = {"2018-05-01": (FIRST_DAY, RECORDS), "2018-05-02": (SECOND_DAY, [*RECORDS[:7], *(attempt(number) for number in range(100, 140))])}


def test_every_kind_of_effect_is_killed_before_or_after() -> None:
    assert {fault.split(":")[1] for faults, _ in DAYS.values() for fault in faults} == {kind.value for kind in Effect} - {
        kind.value for kind in OTHERS
    }


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("source")


@pytest.mark.parametrize("day", DAYS)
def test_a_run_whose_tasks_are_killed_lands_every_row_once(stack: Landfall, source: Path, day: str, figures: list[str]) -> None:
    faults, records = DAYS[day]
    file = source / f"{day}.ndjson"
    file.write_bytes(b"".join(record + b"\n" for record in records))
    waiting = Path(stack.environment["LANDFALL_FAULTS"])
    waiting.write_text("".join(f"{fault}\n" for fault in faults))
    receipt = stack.json("land", "--customer", "acme", "--day", day, "--source", str(file), "--max-quarantined", "1")
    left = waiting.read_text().split()
    figures.append(
        f"R1 {day}: {len(faults) - len(left)} of {len(faults)} kills happened; published {receipt['published']}, "
        f"landed {receipt['landed']}, duplicates {receipt['duplicates']}, quarantined {receipt['quarantined']}"
    )
    assert left == [], "these faults never came up: the run went another way"
    assert receipt["state"] == "success"
    assert {each["records"] for each in receipt["conservation"].values()} == {len(records)}
    tests = customer("acme").test_exams
    assert differences(stack.lake("acme"), day, recount([file], day, tests.exam_name, tests.base_exam_id)) == []
    assert [landing["day"] for landing in stack.json("landings", "--customer", "acme", "--day", day)] == [day]
