"""The real file, its publisher killed with SIGKILL when half of it was sent: the next try sends what is left. R1 has it in Airflow."""

import signal
from dataclasses import replace
from pathlib import Path

import pytest

from include.kafka import ledger
from include.kafka.client import Admin
from include.kafka.topics import ensure_topic
from tests.harness.acme import Acme, entries
from tests.harness.broker import Broker
from tests.harness.private_landfall import REAL_FILE

RECORDS = 3280
HALF = """
keyed = Records.keyed
sent = 0
def keyed_and_killed(self, first, count, keys=True):
    global sent
    for item in keyed(self, first, count, keys):
        if sent == 1640:
            os.kill(os.getpid(), signal.SIGKILL)
        sent += 1
        yield item
Records.keyed = keyed_and_killed
"""


@pytest.mark.skipif(not REAL_FILE.exists(), reason=f"the real file is not at {REAL_FILE}")
def test_the_real_file_killed_at_half_is_finished_by_the_next_try(broker: Broker, tmp_path: Path, figures: list[str]) -> None:
    acme = Acme(broker.servers, tmp_path)
    acme.topic = replace(acme.topic, name=f"{acme.topic.name}.real", max_message_bytes=1_048_576)
    ensure_topic(Admin(acme.kafka), acme.topic)
    source = acme.describe(REAL_FILE)
    publisher = acme.publish_elsewhere(source, before=HALF, chunk_records=200)
    assert publisher.wait(120) == -signal.SIGKILL
    published = acme.publish(source, chunk_records=10_000)
    rows = acme.committed()
    written = entries(acme.servers, acme.topic)
    figures.append(
        f"real file: killed after 1,640 of {RECORDS:,} records; the next try sent {published.sent:,}, the ledger has {len(written)} of "
        f"{published.chunks} chunks, the topic {len(rows):,} committed records"
    )
    assert (published.chunk_records, published.chunks, published.sent) == (200, 17, RECORDS - 8 * 200), "the plan of the first try stays"
    assert (published.published, published.source_records, published.source_hash) == (RECORDS, RECORDS, published.content_hash)
    assert [row.number for row in rows] == list(range(RECORDS))
    assert {row.ingest for row in rows} == {published.ingest}
    assert [ledger.decode(entry.key, entry.value or b"", "").chunk for entry in written] == list(range(17))
