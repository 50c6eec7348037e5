"""Topics and ledger that the code of an earlier version wrote, out of git's history: published on from, and nothing twice."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from include.kafka.client import Admin
from include.kafka.topics import ensure_topic
from tests.harness.acme import Acme, attempts
from tests.harness.version_before import version_before

# With the modules as that version has them: it makes the topics, and publishes the file.
PROGRAM = """
import sys
from pathlib import Path
from include.brokers import Admin
from include.publishing import publish
from include.source import describe
from include.topics import TopicSpec, ensure_topic

servers, customer, file = sys.argv[1:]
topic = TopicSpec(f"assessments.{customer}", chunk_records=10, max_message_bytes=20_000)
ensure_topic(Admin({"bootstrap.servers": servers}), topic)
source = describe(customer, "2018-01-28", [file], "2018-01-29T00:00:00Z")
publish(source, topic, {"bootstrap.servers": servers}, Path(file).parent / "spool")
"""
CASES = [("all of it", "", 0), ("killed after the first of three chunks", "after:commit_transaction:1", 20)]


@pytest.mark.parametrize(("why", "fault", "missing"), CASES, ids=[row[0] for row in CASES])
def test_what_the_version_before_published_is_not_published_again(kafka: str, tmp_path: Path, why: str, fault: str, missing: int) -> None:
    code = version_before(tmp_path)
    if code is None:
        pytest.skip("git's history does not reach back to the version before")
    acme = Acme(kafka, tmp_path)
    acme.delete_topics(acme.topic.name, acme.topic.ledger)
    records = attempts(30)
    source = acme.deliver(records)
    environment = {**os.environ, "PYTHONPATH": str(code), "LANDFALL_FAULT": fault}
    command = [sys.executable, "-c", PROGRAM, kafka, acme.customer, source.files[0].uri]
    before = subprocess.run(command, cwd=code, env=environment, capture_output=True, text=True, check=False)
    assert before.returncode == (-signal.SIGKILL if fault else 0), before.stderr
    assert ensure_topic(Admin(acme.kafka), acme.topic) == [], "they are as this version would make them"
    receipt = acme.publish(source)
    assert (receipt.published, receipt.sent) == (30, missing)
    rows = acme.committed()
    assert [row.value for row in rows] == records
    assert {row.ingest for row in rows} == {receipt.ingest}
