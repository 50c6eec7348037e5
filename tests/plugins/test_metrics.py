"""A landing's figures as a real StatsD would get them: Airflow's own client, a UDP socket."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from airflow.sdk._shared.observability.metrics.base_stats_logger import NoStatsLogger
from airflow.sdk.observability import stats
from airflow.sdk.observability.metrics.stats_utils import get_stats_factory

import metrics
from include.figures import Place, shown
from tests.oracle.built_landing import build


@pytest.fixture
def statsd(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Receives what Airflow sends as it is configured here, by the way in which its task processes begin."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "True")
        monkeypatch.setenv("AIRFLOW__METRICS__STATSD_HOST", "127.0.0.1")
        monkeypatch.setenv("AIRFLOW__METRICS__STATSD_PORT", str(receiver.getsockname()[1]))
        stats.initialize(factory=get_stats_factory(), export_legacy_names=True)
        yield receiver
        stats.initialize(factory=NoStatsLogger, export_legacy_names=True)


def test_records_by_what_became_of_them_and_seconds_by_task(statsd: socket.socket, tmp_path: Path) -> None:
    landing = replace(build(tmp_path).landing, seconds={"find_source": 1.5, "publish": 2.25})
    metrics.landed(landing, 0.5)
    said = {statsd.recv(1000).decode() for _ in range(4 + len(shown(Place.EVENTS)))}
    assert said >= {
        "airflow.landfall.acme.landings:1|c",
        "airflow.landfall.acme.records.published:12|c",
        "airflow.landfall.acme.records.landed:8|c",
        "airflow.landfall.acme.records.duplicates:2|c",
        "airflow.landfall.acme.records.quarantined:2|c",
        "airflow.landfall.acme.records.forgotten:0|c",
        "airflow.landfall.acme.seconds.find_source:1500.000000|ms",
        "airflow.landfall.acme.seconds.publish:2250.000000|ms",
        "airflow.landfall.acme.seconds.commit:500.000000|ms",
    }


def test_without_a_backend_nothing_happens(tmp_path: Path) -> None:
    metrics.landed(build(tmp_path).landing, 0.5)
