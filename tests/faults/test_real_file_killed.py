"""The real file, its publisher killed with SIGKILL when half of it was sent, then landed by Airflow."""

import signal
from pathlib import Path

import pytest

from include.contracts import customer
from include.kafka import ledger
from include.receipts import PublishReceipt
from tests.harness.acme import DAY, Acme, committed, entries
from tests.harness.private_landfall import REAL_FILE, Landfall

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
def test_the_real_file_killed_at_half_is_finished_by_the_next_try(stack: Landfall, tmp_path: Path, figures: list[str]) -> None:
    acme = Acme(stack.settings.endpoints.bootstrap_servers, tmp_path)
    acme.customer, acme.topic = "acme", customer("acme").topic_spec
    stack("land", "--customer", "acme", "--day", "2018-01-01", "--source", str(small(tmp_path)))  # makes the topic
    before = len(acme.committed())
    source = acme.describe(REAL_FILE)
    publisher = acme.publish_elsewhere(source, before=HALF, chunk_records=200)
    assert publisher.wait(120) == -signal.SIGKILL
    receipt = stack.json("land", "--customer", "acme", "--day", DAY, "--source", str(REAL_FILE))
    published = PublishReceipt(**xcom(stack, receipt["run_id"]))
    rows = [row for row in committed(acme.servers, acme.topic.name) if row.ingest == published.ingest]
    written = [entry for entry in entries(acme.servers, acme.topic) if (entry.key or b"").startswith(published.ingest.encode())]
    figures.append(
        f"real file: killed after 1,640 of {RECORDS:,} records; the next try sent {published.sent:,}, the ledger has {len(written)} of "
        f"{published.chunks} chunks, the topic {len(rows):,} committed records; {receipt['conservation']}"
    )
    assert (published.chunk_records, published.chunks, published.sent) == (200, 17, RECORDS - 8 * 200), "the plan of the first try stays"
    assert [row.number for row in rows] == list(range(RECORDS))
    assert len(acme.committed()) == before + RECORDS
    assert [ledger.decode(entry.key, entry.value or b"", "").chunk for entry in written] == list(range(17))
    assert {(each["records"], each["content_hash"]) for each in receipt["conservation"].values()} == {(RECORDS, receipt["content_hash"])}
    assert list(receipt["conservation"]) == ["source", "topic", "spark", "hdfs"]


def small(folder: Path) -> Path:
    file = folder / "small.ndjson"
    file.write_bytes(b'{"keen_id": "one"}\n')
    return file


def xcom(stack: Landfall, run_id: str) -> dict[str, object]:
    from include.runs.airflow_client import AirflowApi

    at = stack.settings.endpoints
    return dict(AirflowApi(at.airflow_url, at.airflow_user, at.airflow_password).xcom("land_assessments_acme", run_id, "publish"))
