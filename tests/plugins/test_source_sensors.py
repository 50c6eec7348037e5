"""What a run lands: new files, the same ones again, or, with `again`, a landing whose files are gone."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

import connections
import source_sensors
from include import run_identity
from include.contracts import Contract
from include.receipts import Landing
from include.source import delivery
from include.source.files import describe
from include.storage import acl, claims
from include.storage.claims import Claim, Taken
from source_sensors import FindSourceSensor

DAY = "2018-01-28"
NOW = "2018-01-29T00:00:00+00:00"


@dataclass
class Run:
    """One poke of the sensor in an inbox of its own, with a lake that says what is in force."""

    inbox: Path
    pushed: dict[str, Any] = field(default_factory=dict)
    skipped: list[Any] = field(default_factory=list)
    granted: list[Any] = field(default_factory=list)
    type: str = "manual"
    conf: dict[str, Any] = field(default_factory=dict)
    terms: dict[str, Any] = field(default_factory=lambda: {"quiet_seconds": 0})
    started: datetime | None = None
    looks_again_after: Callable[[], float] = field(init=False)

    def poke(self, *, again: bool, source: list[str] | None = None, day: str | None = DAY) -> Any:
        contract = Contract(customer="acme", source="acme/{day}*.json", deadline_hours=0, readers=("alice",), **self.terms)
        sensor = FindSourceSensor(task_id="find_source", contract=contract)
        self.looks_again_after = lambda: sensor.poke_interval
        sensor.skip = lambda ti, tasks: self.skipped.extend(tasks)  # type: ignore[method-assign]
        ti = SimpleNamespace(xcom_push=lambda key, value: self.pushed.update({key: value}))
        run = SimpleNamespace(
            run_id="r2", run_type=SimpleNamespace(value=self.type), logical_date=None, run_after=datetime(2018, 1, 29, tzinfo=UTC),
            conf=self.conf, start_date=self.started,
        )  # fmt: skip
        task = SimpleNamespace(get_direct_relatives=lambda upstream: ["ensure_topic"])
        params = {"day": day, "source": source, "again": again}
        dag = SimpleNamespace(params=params)
        return sensor.poke({"ti": ti, "dag_run": run, "task": task, "dag": dag, "params": params})  # type: ignore[typeddict-item]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("LANDFALL_INBOX", str(tmp_path))
    (tmp_path / "acme").mkdir()
    monkeypatch.setattr(connections, "serve_sources", lambda: None)
    monkeypatch.setattr(delivery, "SETTLE_SECONDS", 0)
    found = Run(tmp_path)
    monkeypatch.setattr(acl, "grant", lambda fs, root, readers: found.granted.append(readers))  # wants a NameNode: tests/integration
    monkeypatch.setattr(claims, "claim", lambda fs, root, day, run_id, under_way, above: Claim(7, run_id))
    return found


def landed(run: Run, monkeypatch: pytest.MonkeyPatch, *names: str) -> Landing:
    """A landing in force of these files, which are made."""
    paths = [run.inbox / "acme" / name for name in names]
    for path in paths:
        path.write_text(f'[{{"keen_id": "{path.name}"}}]')
    found = describe("acme", DAY, [str(path) for path in paths], "2018-01-28T12:00:00+00:00")
    landing = Landing(
        landing="one", customer="acme", day=DAY, run_id="r", found_at=found.found_at, committed_at=NOW, source=tuple(found.uris),
        bytes=found.bytes, sha256=found.sha256, topic="assessments.acme", ingest="0" * 16, generation=1, offsets={0: (0, 0)}, published=1,
        landed=1, duplicates=0, quarantined=0, test=0, conflicts=0, content_hash="1" * 16, reasons={}, tables={}, snapshots={},
        seconds={}, warnings=(),
    )  # fmt: skip
    monkeypatch.setattr(connections, "lake", lambda customer: SimpleNamespace(in_force=lambda day: landing, fs=None, path="/lake/acme"))
    return landing


def test_the_same_files_end_the_run_and_with_again_go_on_as_the_landing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    landing = landed(run, monkeypatch, f"{DAY}.json")
    run.poke(again=False)
    assert (run.skipped, run.pushed["already_landed"]["landing"]) == (["ensure_topic"], "one")
    run.pushed.clear()
    done = run.poke(again=True)
    assert (done.xcom_value["sha256"], run.pushed["landed_again"]["landing"]) == (landing.sha256, "one")
    assert done.xcom_value["found_at"] > landing.found_at, "it was found just now"


@pytest.mark.parametrize("named", [False, True], ids=["by the contract's pattern", "by name"])
def test_with_again_files_that_are_gone_are_what_the_landing_says(run: Run, monkeypatch: pytest.MonkeyPatch, named: bool) -> None:
    landing = landed(run, monkeypatch, f"{DAY}.json")
    Path(landing.source[0]).unlink()
    with pytest.raises(AirflowFailException):
        run.poke(again=False, source=list(landing.source) if named else None)
    done = run.poke(again=True, source=list(landing.source) if named else None)
    found = done.xcom_value
    assert [file["uri"] for file in found["files"]] == list(landing.source)
    assert (found["bytes"], found["sha256"], found["found_at"]) == (landing.bytes, landing.sha256, landing.found_at)
    assert run.pushed["landed_again"]["ingest"] == landing.ingest


def test_another_run_of_the_day_is_waited_for_with_more_looks_than_files_are(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    landing = landed(run, monkeypatch, f"{DAY}.json")
    monkeypatch.setattr(claims, "claim", lambda fs, root, day, run_id, under_way, above: Taken("r1"))
    assert run.poke(again=False) is False
    assert (run.skipped, run.looks_again_after()) == ([], source_sensors.SOON)
    assert run.pushed["waits_for"] == f"acme {DAY}: run r1 of the same day is under way; waiting until it is over"
    Path(landing.source[0]).unlink()
    monkeypatch.setattr(run_identity, "deadline", lambda *_: datetime.now(UTC) + timedelta(hours=1))
    assert run.poke(again=False) is False
    assert run.looks_again_after() == 60
    assert f"no files at acme/{DAY}*.json in {run.inbox}; waiting until" in run.pushed["waits_for"], "whoever follows the run reads it"


def test_with_again_other_bytes_are_a_correction(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    landing = landed(run, monkeypatch, f"{DAY}.json")
    Path(landing.source[0]).write_text('[{"keen_id": "other"}]')
    done = run.poke(again=True)
    assert done.xcom_value["sha256"] != landing.sha256
    assert run.pushed.keys() == {"seconds"}


def test_the_log_names_the_files_of_the_day_up_to_ten(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(connections, "lake", lambda customer: SimpleNamespace(in_force=lambda day: None, fs=None, path="/lake/acme"))
    for number in range(12):
        (run.inbox / "acme" / f"{DAY}-{number:02} 100%d.json").write_text("[]")
    run.poke(again=False)
    said = capsys.readouterr().out
    assert f"  {run.inbox}/acme/{DAY}-09 100%d.json: 2 bytes, sha256 " in said
    assert f"{DAY}-10" not in said
    assert "  and 2 more" in said


@pytest.mark.parametrize("skip", [False, True], ids=["fail", "skip"])
def test_files_that_are_not_quiet_are_waited_for_also_after_the_deadline_and_never_skipped(
    run: Run, monkeypatch: pytest.MonkeyPatch, skip: bool
) -> None:
    """A run of a day long past begins after its deadline: its files, just brought, are there and not whole for a minute."""
    run.terms = {"missing_source": "skip" if skip else "fail"}
    landing = landed(run, monkeypatch, f"{DAY}-2.json", f"{DAY}.json")
    run.started = datetime.now(UTC)
    assert run.poke(again=False) is False
    assert run.looks_again_after() == source_sensors.SOON
    run.started = datetime.now(UTC) - timedelta(hours=1)
    with pytest.raises(AirflowFailException, match=r"found 2 files, of which .* changed less than 60 s ago .* by the deadline"):
        run.poke(again=False)
    for path in landing.source:
        os.utime(path, (0, 0))
    run.poke(again=False)
    assert run.pushed["already_landed"]["landing"] == "one"


def test_a_day_is_skipped_only_where_nothing_is_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.terms = {"missing_source": "skip"}
    landing = landed(run, monkeypatch, f"{DAY}.json")
    Path(landing.source[0]).rename(f"{landing.source[0]}.json.part")
    with pytest.raises(AirflowFailException, match=r"left out as what a writer leaves: .*\.json\.part"):
        run.poke(again=False)
    Path(f"{landing.source[0]}.json.part").unlink()
    with pytest.raises(AirflowSkipException):
        run.poke(again=False)


def test_a_run_takes_no_file_from_where_the_customer_may_not_read(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    landed(run, monkeypatch, f"{DAY}.json")
    (run.inbox / "beta").mkdir()
    (run.inbox / "beta" / "a.json").write_text("[{}]")
    for source in ("/etc/hostname", "beta/a.json", "http://127.0.0.1:8080/api", "hdfs:///lake/beta/a.json"):
        with pytest.raises(AirflowFailException, match="Nothing of it was read"):
            run.poke(again=False, source=[source])
    monkeypatch.setenv("LANDFALL_SOURCES", json.dumps({"acme": [str(run.inbox / "beta")]}))
    assert run.poke(again=False, source=["beta/a.json"]).xcom_value["bytes"] == 4


@pytest.mark.parametrize("executor", ["CeleryExecutor", "LocalExecutor,acme:airflow.providers.celery.executors.CeleryExecutor"])
def test_a_day_is_neither_skipped_nor_landed_where_another_worker_has_the_inbox(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, executor: str
) -> None:
    run.terms["missing_source"] = "skip"
    fs, path = fsspec.filesystem("file", auto_mkdir=True), str(tmp_path / "lake" / "acme")
    monkeypatch.setattr(connections, "lake", lambda customer: SimpleNamespace(in_force=lambda day: None, fs=fs, path=path))
    with pytest.raises(AirflowSkipException):
        run.poke(again=False)
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)
    with pytest.raises(AirflowSkipException):  # the first worker's inbox is the one
        run.poke(again=False)
    own = tmp_path / "own"
    (own / "acme").mkdir(parents=True)
    monkeypatch.setenv("LANDFALL_INBOX", str(own))
    with pytest.raises(AirflowFailException, match="is not the folder that worker"):
        run.poke(again=False)


@pytest.mark.parametrize("again", [False, True], ids=["", "again"])
def test_a_part_of_the_landed_files_is_refused_unless_it_is_named(run: Run, monkeypatch: pytest.MonkeyPatch, again: bool) -> None:
    landing = landed(run, monkeypatch, f"{DAY}-a.json", f"{DAY}-b.json")
    Path(landing.source[1]).unlink()
    with pytest.raises(AirflowFailException, match=rf"landing one has 2 files, of which {landing.source[1]} cannot be found"):
        run.poke(again=again)
    done = run.poke(again=again, source=[landing.source[0]])
    assert len(done.xcom_value["files"]) == 1


def test_readers_are_brought_in_line_also_where_there_is_nothing_to_land(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "lake", lambda customer: SimpleNamespace(in_force=lambda day: None, fs=None, path="/lake/acme"))
    with pytest.raises(AirflowFailException, match="found no files"):
        run.poke(again=False)
    assert run.granted == [("alice",)]


@pytest.mark.parametrize("asked", [{"day": DAY}, {"source": ["x.json"]}], ids=["day", "source"])
def test_a_backfill_takes_neither_a_day_nor_files_for_all_its_days(run: Run, asked: dict[str, Any]) -> None:
    run.type = "backfill"
    with pytest.raises(AirflowFailException, match=next(iter(asked))):
        run.poke(again=False, **{"day": None, **asked})


def test_a_conf_with_an_unknown_key_lands_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lands no other day in place of the one that was meant; the rights are not touched either."""
    landed(run, monkeypatch, f"{DAY}.json")
    run.conf = {"dya": DAY}
    with pytest.raises(AirflowFailException, match=r"unknown key 'dya' \(is 'day' meant\?\)"):
        run.poke(again=False, day=None)
    assert (run.granted, run.pushed.keys()) == ([], {"seconds"})


def test_without_a_day_the_last_complete_one_is_landed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    landed(run, monkeypatch, f"{DAY}.json")
    run.poke(again=False, day=None)
    assert run.pushed["already_landed"]["day"] == DAY


def test_with_again_a_day_that_never_landed_needs_its_files(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "lake", lambda customer: SimpleNamespace(in_force=lambda day: None, fs=None, path="/lake/acme"))
    with pytest.raises(AirflowFailException, match="found no files"):
        run.poke(again=True)
