"""A landed day is landed again after Kafka forgot it and its file is gone: from HDFS, with the same rows."""

import json
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition

from include.brokers import Admin
from tests.private_landfall import Landfall

DAY = "2018-05-01"
COLUMNS = 'record, partition, "offset", keen_id, hash, value'

CUSTOMER = "mindful"
# publish, transform and commit, each once; in the long form
KILLS = ["after:init_transactions:1", "after:spark_submit:1", "after:replace_day:3"]


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
def mindful(stack: Landfall) -> Landfall:
    """With a customer of these tests, whose topic may forget."""
    stack.add_customer(CUSTOMER, missing_source="skip")
    return stack


def test_a_day_is_landed_again_from_hdfs(mindful: Landfall, tmp_path: Path, long: bool) -> None:
    file = tmp_path / "day.json"
    file.write_bytes(attempts(300))
    first = mindful.json("land", "--customer", CUSTOMER, "--day", DAY, "--source", str(file))
    lake = mindful.lake(CUSTOMER)
    landed = lake.in_force(DAY)
    assert landed is not None
    rows = f"select {COLUMNS} from raw_assessments where day = '{DAY}' order by record"
    scores = f"select * from exam_scores where day = '{DAY}' order by all"
    before = [mindful.json("query", "--customer", CUSTOMER, sql)["rows"] for sql in (rows, scores)]

    from_kafka = mindful.json("land", "--customer", CUSTOMER, "--day", DAY, "--again")
    assert (from_kafka["state"], from_kafka["source"], from_kafka["warnings"]) == ("success", first["source"], first["warnings"])
    file.unlink()
    forget(mindful, landed.topic, landed.offsets)
    for kills in ([], KILLS) if long else ([],):  # the second time from what was itself read from HDFS
        faults = Path(mindful.environment["LANDFALL_FAULTS"])
        faults.write_text("".join(f"{kill}\n" for kill in kills))
        again = mindful.json("land", "--customer", CUSTOMER, "--day", DAY, "--again")
        assert (again["state"], again["already_landed"], faults.read_text()) == ("success", False, "")
        for name in ("source", "bytes", "sha256", "published", "landed", "duplicates", "quarantined", "content_hash", "tables"):
            assert again[name] == first[name], name
        assert again["conservation"] == first["conservation"]
        assert any("landed again from HDFS: Kafka has forgotten" in warning for warning in again["warnings"])
        assert [mindful.json("query", "--customer", CUSTOMER, sql)["rows"] for sql in (rows, scores)] == before
    runs = [landing["run_id"] for landing in mindful.json("landings", "--customer", CUSTOMER, "--day", DAY)]
    assert len(set(runs)) == len(runs)
    newest = lake.in_force(DAY)
    assert newest is not None
    assert (newest.run_id, newest.ingest, newest.generation, newest.offsets) == (
        again["run_id"], landed.ingest, landed.generation, landed.offsets,
    )  # fmt: skip


def test_a_correction_is_still_one_and_a_day_that_never_landed_still_waits_for_its_file(mindful: Landfall, tmp_path: Path) -> None:
    """After the test above."""
    file = tmp_path / "corrected.json"
    file.write_bytes(attempts(20))
    corrected = mindful.json("land", "--customer", CUSTOMER, "--day", DAY, "--source", str(file), "--again")
    assert (corrected["state"], corrected["published"], corrected["landed"]) == ("success", 21, 20)
    never = mindful.json("land", "--customer", CUSTOMER, "--day", "2018-05-09", "--again")
    assert never["published"] is None


def test_a_forgotten_attempt_stays_out_when_its_day_is_landed_again(mindful: Landfall, long: bool) -> None:
    """After the test above: the attempt of two copies goes, from the tables at once, and from what HDFS, and Kafka, still give."""
    ask = f"select count(*), sum(copies), count(*) filter (keen_id = 'id-0') from assessments where day = '{DAY}'"
    forgotten = mindful.json("forget", "--customer", CUSTOMER, "--keen-id", "id-0", "--asked-by", "ann", "--yes")
    assert (forgotten["asked_by"], forgotten["days"], forgotten["rows"]["raw_assessments"]) == ("ann", {DAY: 2}, 2)
    assert forgotten["kafka_until"] > forgotten["asked_at"]
    landed = mindful.lake(CUSTOMER).in_force(DAY)
    assert landed is not None
    for from_hdfs in (False, True) if long else (True,):
        if from_hdfs:
            forget(mindful, landed.topic, landed.offsets)
        again = mindful.json("land", "--customer", CUSTOMER, "--day", DAY, "--again")
        assert [again[name] for name in ("state", "published", "landed", "duplicates", "forgotten")] == ["success", 21, 19, 0, 2]
        assert {each["records"] for each in again["conservation"].values()} == {21}
        assert {each["content_hash"] for each in again["conservation"].values()} == {landed.content_hash}
        assert mindful.json("query", "--customer", CUSTOMER, ask)["rows"] == [[19, 19, 0]]
        assert any("from HDFS" in warning for warning in again["warnings"]) == from_hdfs
