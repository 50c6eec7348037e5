"""Commands that read and forget, by a profile that names a Kafka and an HDFS from elsewhere: this clone has no stack of its own."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from include.kafka.client import Admin
from include.kafka.topics import ensure_topic
from include.lake.lake import Lake
from include.storage.webhdfs import filesystem
from tests.harness.acme import Acme
from tests.harness.profile import Foreign
from tests.oracle.built_landing import DAY, RECORDS, build

CUSTOMER = "foreign_acme"


@pytest.fixture
def foreign(kafka: str, hdfs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Foreign:
    """A landed day of a customer whose contract is elsewhere too."""
    catalog = f"sqlite:///{tmp_path}/{{customer}}.sqlite?timeout=60"
    (tmp_path / "customers").mkdir()
    (tmp_path / "customers" / f"{CUSTOMER}.yaml").write_text("source: 'x/{day}'\nfirst_day: 2018-01-28\n")
    lake = Lake.open(CUSTOMER, catalog.format(customer=CUSTOMER), hdfs.uri, filesystem(hdfs.host, hdfs.port, hdfs.user))
    lake.create_tables()
    source = tmp_path / "day.ndjson"
    source.write_bytes(b"\n".join(RECORDS) + b"\n")
    built = build(tmp_path, fs=lake.fs, root=lake.path, customer=CUSTOMER)
    lake.commit(replace(built.landing, source=(str(source),)), built.transform)
    acme = Acme(kafka, tmp_path)
    ensure_topic(Admin(acme.kafka), replace(acme.topic, name=f"assessments.{CUSTOMER}"))
    found = Foreign(tmp_path, monkeypatch, capfd)
    found.write(f"""
        [foreign]
        customers = "{tmp_path}/customers"
        reports = "{tmp_path}/reports"
        [foreign.kafka]
        "bootstrap.servers" = "{kafka}"
        [foreign.hdfs]
        hosts = ["127.0.0.2", "{hdfs.host}"]
        port = {hdfs.port}
        user = "{hdfs.user}"
        fs = "{hdfs.uri}"
        [foreign.catalog]
        uri = "{catalog}"
    """)
    return found


def test_every_command_that_reads_goes_where_the_profile_says(foreign: Foreign) -> None:
    of = ("--customer", CUSTOMER)
    assert foreign.json("query", *of, "select count(*) from assessments")["rows"] == [[8]]
    assert {row["name"]: row["rows"] for row in foreign.json("tables", *of)}["assessments"] == 8
    assert foreign.json("answers", *of)
    assert [row["day"] for row in foreign.json("landings", *of)] == [DAY]
    [way] = foreign.json("explain", *of, "--day", DAY, "--record", "1")["ways"]
    assert way["outcome"] == "landed"
    assert way["in_kafka"].startswith("no longer there"), "the profile's broker was asked, and its topic is empty"
    assert {row["reason"] for row in foreign.json("quarantine", *of)} == {"invalid_json", "missing_keen_id"}
    assert foreign.json("replay", *of, "--day", DAY, "--dry-run")["quarantined"] == 2
    assert foreign.json("customers", "check") == [{"customer": CUSTOMER, "wrong": None}]
    assert foreign("customers", "add", "beta").strip() == str(foreign.folder / "customers" / "beta.yaml")
    assert foreign.json("forget", *of, "--keen-id", "keen 2", "--yes")["days"] == {DAY: 1}
    assert foreign.json("query", *of, "select count(*) from assessments")["rows"] == [[7]]
    assert list((foreign.folder / "reports").rglob("*.html"))
    found = foreign.json("status")
    assert [(part["name"], part["up"]) for part in found["parts"]] == [("kafka", True), ("hdfs", True), ("catalog", True)]
    assert [(each["customer"], each["landed"], each["newest"]) for each in found["customers"]] == [("beta", 0, None), (CUSTOMER, 1, DAY)]
    assert found["disks"][0]["name"] == "HDFS"
    assert not (foreign.folder / "home").exists(), "nothing of a stack of this clone's own was made"
