"""A landed day is landed again after Kafka forgot it and its file is gone: from HDFS, with the same rows."""

import json
from pathlib import Path

from confluent_kafka import TopicPartition

from include.brokers import Admin
from tests.private_landfall import Landfall

DAY = "2018-05-01"
COLUMNS = 'record, partition, "offset", keen_id, hash, value'

KILLS = ["after:init_transactions:1", "after:spark_submit:1", "after:replace_day:3"]  # publish, transform and commit, each once


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


def test_a_day_is_landed_again_from_hdfs(stack: Landfall, tmp_path: Path) -> None:
    file = tmp_path / "day.json"
    file.write_bytes(attempts(300))
    first = stack.json("land", "--customer", "acme", "--day", DAY, "--source", str(file))
    lake = stack.lake("acme")
    landed = lake.in_force(DAY)
    assert landed is not None
    rows = f"select {COLUMNS} from raw_assessments where day = '{DAY}' order by record"
    scores = f"select * from exam_scores where day = '{DAY}' order by all"
    before = [stack.json("query", "--customer", "acme", sql)["rows"] for sql in (rows, scores)]

    from_kafka = stack.json("land", "--customer", "acme", "--day", DAY, "--again")
    assert (from_kafka["state"], from_kafka["source"], from_kafka["warnings"]) == ("success", first["source"], first["warnings"])
    file.unlink()
    forget(stack, landed.topic, landed.offsets)
    for kills in ([], KILLS):  # the second time from what was itself read from HDFS
        faults = Path(stack.environment["LANDFALL_FAULTS"])
        faults.write_text("".join(f"{kill}\n" for kill in kills))
        again = stack.json("land", "--customer", "acme", "--day", DAY, "--again")
        assert (again["state"], again["already_landed"], faults.read_text()) == ("success", False, "")
        for name in ("source", "bytes", "sha256", "published", "landed", "duplicates", "quarantined", "content_hash", "tables"):
            assert again[name] == first[name], name
        assert again["conservation"] == first["conservation"]
        assert any("landed again from HDFS: Kafka has forgotten" in warning for warning in again["warnings"])
        assert [stack.json("query", "--customer", "acme", sql)["rows"] for sql in (rows, scores)] == before
    runs = [landing["run_id"] for landing in stack.json("landings", "--customer", "acme", "--day", DAY)]
    assert len(set(runs)) == len(runs)
    newest = lake.in_force(DAY)
    assert newest is not None
    assert (newest.run_id, newest.ingest, newest.generation, newest.offsets) == (
        again["run_id"], landed.ingest, landed.generation, landed.offsets,
    )  # fmt: skip


def test_a_correction_is_still_one_and_a_day_that_never_landed_still_waits_for_its_file(stack: Landfall, tmp_path: Path) -> None:
    """After the test above."""
    file = tmp_path / "corrected.json"
    file.write_bytes(attempts(20))
    corrected = stack.json("land", "--customer", "acme", "--day", DAY, "--source", str(file), "--again")
    assert (corrected["state"], corrected["published"], corrected["landed"]) == ("success", 21, 20)
    never = stack.json("land", "--customer", "acme", "--day", "2018-05-09", "--again")
    assert never["published"] is None
