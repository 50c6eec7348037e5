"""What `doctor` names without any daemon: Java, spark-submit, connections, and an Airflow that answers wrongly."""

import json
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from include import contracts
from include.cli import health
from include.deployment import check_airflow, check_catalog, check_spark, doctor, profiles
from include.deployment.checkup import FAILED, OK, SKIPPED, Misconfigured, Step, run
from include.deployment.deployment import Airflow, Deployment, Spark, embedded
from include.stack.settings import Settings
from tests.harness import airflow_server

HERE = Deployment("here", "the test", "See to it.")


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def java(folder: Path, number: int) -> str:
    program(folder / "bin" / "java", f'printf "    java.home = {folder}\\n    java.specification.version = {number}\\n" >&2')
    return str(folder)


def spark(folder: Path, says: str) -> str:
    program(folder / "bin" / "spark-submit", f'echo "{says}" >&2')
    return str(folder)


@pytest.fixture
def right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Spark:
    """A Java and a Spark as they should be, and none beside them."""
    for name in ("JAVA_HOME", "SPARK_HOME", "HADOOP_CONF_DIR", "YARN_CONF_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    file = tmp_path / "spark.properties"
    file.write_text("")
    return Spark("local[*]", str(file), spark(tmp_path / "spark", f"version {version('pyspark')}"), java(tmp_path / "java", 17))


def named(steps: list[Step], step: str, message: str, fix: str) -> None:
    [failed] = [each for each in steps if each.state == FAILED]
    assert (failed.step, message in failed.detail, fix in failed.fix) == (step, True, True), failed


def test_a_spark_that_is_right(right: Spark) -> None:
    steps = run("spark", check_spark.checks(right, HERE))
    assert [(each.step, each.state) for each in steps] == [(name, OK) for name in ("Java", "spark-submit", "version", "settings", "master")]


def test_what_is_wrong_with_spark_is_named(right: Spark, tmp_path: Path) -> None:
    def steps(**changes: str) -> list[Step]:
        return run("spark", check_spark.checks(replace(right, **changes), HERE))

    named(steps(java_home=""), "Java", "there is no java", "Install Java 17 or 21")
    named(steps(java_home=str(tmp_path)), "Java", "/bin/java does not run", "Set JAVA_HOME to a Java 17 or 21")
    named(steps(java_home=java(tmp_path / "old", 11)), "Java", "is Java 11", "Set JAVA_HOME to a Java 17 or 21")
    named(steps(home=""), "spark-submit", "there is no spark-submit", "Install Spark, and set SPARK_HOME")
    named(steps(home=str(tmp_path / "no")), "spark-submit", "/no/bin/spark-submit is not there", "Set SPARK_HOME")
    named(steps(home=spark(tmp_path / "three", "version 3.5.1")), "version", "Spark 3.5.1", "Install Spark 4")
    broken = program(tmp_path / "broken" / "bin" / "spark-submit", "echo no jars >&2; exit 1").parents[1]
    named(steps(home=str(broken)), "version", "exit code 1: no jars", "Run it by hand")
    named(steps(properties_file=str(tmp_path / "no")), "settings", "/no is not there", "Correct properties-file")
    named(steps(master="yarn"), "master", "HADOOP_CONF_DIR names no folder", "Set HADOOP_CONF_DIR")
    named(steps(master="cluster"), "master", "cluster is no master", "local[*], yarn, spark://HOST:PORT")
    named(steps(master="spark://no-such-host.invalid"), "master", "no-such-host.invalid has no address", "Correct Spark's connection")


def test_a_worker_needs_every_connection_a_profile_what_it_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contracts, "FOLDER", tmp_path)
    steps = {step.part: step for step in doctor.examine(profiles.load(profiles.ENVIRONMENT, {}))}
    assert steps["hdfs"] == Step(
        "hdfs",
        "connection",
        FAILED,
        "AIRFLOW_CONN_HDFS_DEFAULT is not set",
        "Set AIRFLOW_CONN_HDFS_DEFAULT: docs/settings.md has each key.",
    )
    assert {part for part, step in steps.items() if step.state == FAILED} == {"contracts", "airflow", "kafka", "hdfs", "catalog", "spark"}
    assert f"there is no contract in {tmp_path}" in steps["contracts"].detail
    (tmp_path / "wrong.yaml").write_text("source: 5\n")
    steps = {step.part: step for step in doctor.examine(HERE)}
    assert {part: step.state for part, step in steps.items()} == {"contracts": FAILED} | dict.fromkeys(doctor.VARIABLES, SKIPPED)
    assert "wrong.yaml" in steps["contracts"].detail


def test_a_catalog_of_files_is_looked_at_and_none_is_made(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/{{customer}}.sqlite"
    steps = run("catalog", check_catalog.checks(uri, HERE, ["acme"]))
    assert [each.state for each in steps] == [OK] * 3
    assert list(tmp_path.iterdir()) == []
    named(
        run("catalog", check_catalog.checks(f"sqlite:///{tmp_path}/no/a.sqlite", HERE, ["acme"])),
        "folder",
        "there is no folder",
        "make the folder",
    )
    (tmp_path / "acme.sqlite").write_text("this is no database, but a text of some length" * 50)
    named(run("catalog", check_catalog.checks(uri, HERE, ["acme"])), "list", "file is not a database", "")


class Wrong(airflow_server.Airflow):
    """Answers as `answers` says, by path."""

    answers: dict[str, tuple[int, dict]] = {}  # noqa: RUF012

    def do_GET(self) -> None:
        self.answer(*self.answers[self.path.partition("?")[0].removeprefix("/api/v2/")])

    def post(self, body: dict) -> None:
        self.answer(*self.answers["POST"])


HEALTHY = {name: {"status": "healthy"} for name in check_airflow.COMPONENTS}
ERROR = {"filename": "land_assessments.py", "stack_trace": "Traceback\n  in x\nModuleNotFoundError: No module named 'include'\n"}
BROKEN = {"total_entries": 1, "import_errors": [ERROR]}
DAGS = {"dags": [{"dag_id": "land_assessments_acme"}]}
RIGHT = {
    "version": (200, {"version": "3.3.2"}),
    "monitor/health": (200, HEALTHY),
    "dags": (200, DAGS),
    "importErrors": (200, {"total_entries": 0, "import_errors": []}),
    "POST": (422, {"detail": "not a date"}),
}
PLANTED = [
    ("another program", {"version": (404, {"detail": "Not Found"})}, "version", "not as Airflow 3 does", "another program"),
    ("no scheduler", {"monitor/health": (200, HEALTHY | {"scheduler": {"status": "ill"}})}, "health", "scheduler is ill", "Start"),
    ("a token that is old", {"dags": (401, {"detail": "Invalid JWT"})}, "login", "Invalid JWT", "make a new one"),
    ("no DAG", {"dags": (200, {"dags": []})}, "list", "knows no DAG land_assessments_", "Put dags/ of this version"),
    ("a file that fails", {"importErrors": (200, BROKEN)}, "list", "No module named 'include'", "Mend that file"),
    ("a user who may look", {"POST": (403, {"detail": "Forbidden"})}, "start runs", "may not start runs of land_", "Give that user"),
]  # fmt: skip


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Airflow]:
    with airflow_server.serving(Wrong) as served:
        yield Airflow(served.url, token="t")


@pytest.mark.parametrize(("why", "answers", "step", "message", "fix"), PLANTED, ids=[row[0] for row in PLANTED])
def test_what_is_wrong_with_airflow_is_named(
    api: Airflow, monkeypatch: pytest.MonkeyPatch, why: str, answers: dict, step: str, message: str, fix: str
) -> None:
    monkeypatch.setattr(Wrong, "answers", RIGHT | answers)
    named(run("airflow", check_airflow.checks(api, replace(HERE, airflow=api), {})), step, message, fix)


def test_an_airflow_that_is_right(api: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Wrong, "answers", RIGHT)
    steps = run("airflow", check_airflow.checks(api, replace(HERE, airflow=api), {}))
    assert [each.state for each in steps] == [OK] * 7, steps


def test_the_command_shows_every_step_and_fails_if_one_does(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> str:
        raise Misconfigured("nothing listens at a:1", "Start it.")

    steps = run("kafka", [("name", lambda: "a is 10.0.0.1"), ("TCP", broken), ("login", lambda: "never")])
    monkeypatch.setattr(doctor, "examine", lambda deployment: steps)
    with pytest.raises(health.typer.Exit) as ended:
        health.doctor()
    assert ended.value.exit_code == 1
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "✓ kafka name a is 10.0.0.1",
        "✗ TCP nothing listens at a:1",
        "Start it.",
        "– login not looked at, for the step before",
    ]
    with pytest.raises(health.typer.Exit):
        health.doctor(as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert (document["failed"], document["steps"][1]["fix"], [each["state"] for each in document["steps"]]) == (
        1,
        "Start it.",
        [OK, FAILED, SKIPPED],
    )


def test_a_stack_of_this_machine_that_is_not_up_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contracts, "FOLDER", contracts.OURS)
    monkeypatch.setattr(check_spark, "_version", lambda at: "which takes a JVM seconds to say")
    steps = doctor.examine(embedded(Settings.private(tmp_path)))
    failed = {(step.part, step.step): step.fix for step in steps if step.state == FAILED}
    assert set(failed) == {("airflow", "TCP"), ("kafka", "TCP"), ("hdfs", "TCP"), ("catalog", "folder"), ("spark", "settings")}
    assert set(failed.values()) == {"Start the stack with: ./landfall up"}


def test_certificates_that_cannot_be_read_are_named(api: Airflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Wrong, "answers", RIGHT)
    (tmp_path / "ca.pem").write_text("no certificate")
    for name in ("ca.pem", "no_such.pem"):
        at = replace(api, ca=str(tmp_path / name))
        named(run("airflow", check_airflow.checks(at, replace(HERE, airflow=at), {})), "version", f"{name}: the certificates to trust", "")
