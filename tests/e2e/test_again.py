"""A customer is added; its day is landed again after Kafka forgot it and its file is gone: from HDFS, without what is to be forgotten."""

import json
import re
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition

from include.kafka.client import Admin
from include.query.session import ask
from include.receipts import Landing
from include.runs.run import dag_of
from tests.harness import readme
from tests.harness.private_landfall import Landfall

DAY = "2018-05-01"
COLUMNS = 'record, partition, "offset", keen_id, hash, value'
ROWS = [
    f"select {COLUMNS} from raw_assessments order by record",
    "select * from assessments order by all",
    "select * from exam_scores order by all",
]

# publish, transform and commit, each once; in the long form
KILLS = ["after:init_transactions:1", "after:spark_submit:1", "after:stage_table:3"]


def attempts(count: int) -> bytes:
    records = [{"keen_id": f"id-{number}", "exam_name": "Knots", "base_exam_id": "knots"} for number in range(count)]
    unreadable = [{"keen_id": 6}] if count >= 200 else []  # below the share that is allowed
    return json.dumps([*records, records[0], *unreadable]).encode()


def forget(stack: Landfall, topic: str, offsets: dict[int, tuple[int, int]]) -> None:
    """As retention does: the records of these offsets are no longer there."""
    admin = Admin({"bootstrap.servers": stack.settings.endpoints.bootstrap_servers})
    for partition, (_, last) in offsets.items():
        where = TopicPartition(topic, partition, last + 1)
        admin.delete_records([where])[where].result(30)


@pytest.fixture(scope="module")
def added(stack: Landfall) -> str:
    """The customer of the README's commands, on a stack that is up; its contract is mended to begin with the tests' day, not today."""
    add, check = (command for command in readme.commands() if command[0] == "customers")
    contract = Path(stack(*add).stdout.strip())
    contract.write_text(re.sub(r"(?m)^first_day: .*$", f"first_day: {DAY}", contract.read_text()))
    assert add[-1] in stack(*check).stdout
    return add[-1]


def test_a_day_is_landed_again_from_hdfs_without_what_is_to_be_forgotten(stack: Landfall, added: str, long: bool) -> None:
    """The attempt of two copies goes, from the tables at once, and from what HDFS still gives."""
    file = stack.deliver(added, f"{DAY}.json", attempts(300))
    receipt = stack.json("land", "--customer", added, "--day", DAY)
    assert (receipt["state"], receipt["landed"]) == ("success", 300), "without a restart of anything"
    lake = stack.lake(added)
    landed = lake.in_force(DAY)
    assert landed is not None
    refuse_untold(stack, landed)

    forgotten = stack.json("forget", "--customer", added, "--keen-id", "id-0", "--asked-by", "ann", "--yes")
    assert (forgotten["asked_by"], forgotten["days"], forgotten["rows"]["raw_assessments"]) == ("ann", {DAY: 2}, 2)
    assert forgotten["kafka_until"] > forgotten["asked_at"]
    without = lake.in_force(DAY)
    assert without is not None
    before = [ask(lake, sql).rows for sql in ROWS]
    assert [row[0] for row in before[0]] == [number for number in range(302) if number not in (0, 300)]

    file.unlink()
    forget(stack, landed.topic, landed.offsets)
    for kills in ([], KILLS) if long else ([],):  # the second time from what was itself read from HDFS
        landings = len(lake.landings(DAY))
        faults = Path(stack.environment["LANDFALL_FAULTS"])
        faults.write_text("".join(f"{kill}\n" for kill in kills))
        [again] = stack.json("backfill", "--customer", added, "--from", DAY, "--to", DAY, "--again")["days"]
        assert (again["state"], again["already_landed"], faults.read_text()) == ("success", False, "")
        assert any("landed again from HDFS: Kafka has forgotten" in warning for warning in again["warnings"])
        assert len(lake.landings(DAY)) == landings + 1
        newest = lake.in_force(DAY)
        assert newest is not None
        assert newest.run_id == again["run_id"]
        assert newest.run_id.startswith(f"backfill__{DAY}T"), "Airflow's own id would be of the day after"
        assert stack.api.run(dag_of(added), newest.run_id)["note"] == f"{added} {DAY}"
        for name in ("source", "bytes", "sha256", "ingest", "generation", "offsets", "published", "content_hash", "quarantined"):
            assert getattr(newest, name) == getattr(landed, name), name
        assert (newest.tables, newest.conservation) == (without.tables, without.conservation)
        refuse_forgotten(newest, published=302, landed=299)
        assert [ask(lake, sql).rows for sql in ROWS] == before


def test_a_forgotten_attempt_stays_out_of_a_correction_and_of_what_kafka_still_has(stack: Landfall, added: str, long: bool) -> None:
    """After the test above."""
    if not long:
        pytest.skip("part of the long form: --long; tests/spark leaves them out of messages and of raw records alike")
    stack.deliver(added, f"{DAY}.json", attempts(20))
    lake = stack.lake(added)
    for _ in ("corrected", "from Kafka"):
        receipt = stack.json("land", "--customer", added, "--day", DAY, "--again")
        assert receipt["state"] == "success"
        assert not any("from HDFS" in warning for warning in receipt["warnings"])
        refuse_forgotten(lake.in_force(DAY), published=21, landed=19)
        assert ask(lake, "select count(*), count(*) filter (keen_id = 'id-0') from assessments").rows == [[19, 0]]


def refuse_untold(stack: Landfall, landed: Landing) -> None:
    """Other DAGs get the landing with its day as partition, and the logs say what was proved, and how far Spark was."""
    run = {"source_dag_id": f"land_assessments_{landed.customer}", "source_run_id": landed.run_id}
    events = stack.api._call("GET", "/api/v2/assets/events", params=run)["asset_events"]
    assert {event["partition_key"] for event in events} == {None, DAY}
    for event in events:
        said = event["extra"]
        assert (said["landing"], said["day"], said["sha256"], said["published"]) == (landed.landing, DAY, landed.sha256, landed.published)
        assert (said["snapshots"], said["rows"]) == (landed.snapshots, landed.tables)
        assert stack.lake(landed.customer).fs.exists(said["report"])
    logs = "".join(path.read_text() for path in (stack.settings.logs / "airflow").rglob(f"*run_id={landed.run_id}/*/*.log"))
    files = [f"{landed.source[0]}: {landed.bytes} bytes, sha256 {landed.sha256}"]
    steps = ["transform_assessments: read ", "is what readers see, since"]
    for line in [*files, *steps, *(f"  {column:<6} {landed.published} records" for column in ("source", "topic", "spark", "hdfs"))]:
        assert line in logs, line


def refuse_forgotten(landing: Landing, published: int, landed: int) -> None:
    """Both copies count as published and as neither landed nor duplicates."""
    assert (landing.published, landing.landed, landing.duplicates, landing.forgotten) == (published, landed, 0, 2)
    assert {each["records"] for each in landing.conservation.values()} == {published}
    assert {each["content_hash"] for each in landing.conservation.values()} == {landing.content_hash}
