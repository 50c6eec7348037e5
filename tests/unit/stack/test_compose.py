"""docker-compose.yml says the same as the embedded stack, as far as both must agree. No container is started here."""

import ast
import json
import os
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import yaml

from include.deployment import profiles
from include.errors import Refused
from include.stack import airflow, compose_env, hdfs, kafka, spark
from include.stack.airflow import airflow_environment, connections
from include.stack.service import log4j
from include.stack.settings import Settings
from tests.harness import image

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_the_broker_is_the_one_of_the_embedded_stack(compose: dict[str, Any]) -> None:
    dependencies = ET.parse(ROOT / "include" / "stack" / "ivy.xml").iter("dependency")
    [kafka] = [each.attrib["rev"] for each in dependencies if each.attrib["name"] == "kafka_2.13"]
    assert compose["services"]["kafka"]["image"] == f"apache/kafka:{kafka}"


def test_airflow_has_the_same_connections(compose: dict[str, Any], tmp_path: Path) -> None:
    embedded = connections(Settings.private(tmp_path))
    environment = compose["services"]["airflow-scheduler"]["environment"]
    composed = {name.removeprefix("AIRFLOW_CONN_"): json.loads(value) for name, value in environment.items() if "AIRFLOW_CONN_" in name}
    assert composed.keys() == embedded.keys()
    for name, connection in embedded.items():
        assert composed[name].keys() == connection.keys(), name
        assert composed[name].get("extra", {}).keys() == connection.get("extra", {}).keys(), name


def test_airflow_has_the_same_folders(compose: dict[str, Any], tmp_path: Path) -> None:
    embedded = airflow_environment(Settings.private(tmp_path))
    composed = {name for name in compose["services"]["airflow-scheduler"]["environment"] if name.startswith("LANDFALL_")}
    assert composed == {name for name in embedded if name.startswith("LANDFALL_")} - {"LANDFALL_FAULTS"} | {
        "LANDFALL_CUSTOMERS",
        "LANDFALL_PROFILE",
    }


def test_commands_in_a_container_are_about_compose(compose: dict[str, Any]) -> None:
    """Else they would look for the embedded stack, and advise to start a second one inside the container."""
    environment = compose["services"]["cli"]["environment"]
    found = profiles.load(environment["LANDFALL_PROFILE"], environment)
    assert (found.airflow.url, found.hdfs.fs) == ("http://airflow-api-server:8080", "hdfs://namenode:8020")  # type: ignore[union-attr]
    assert found.kafka == {"bootstrap.servers": "kafka:9092"}
    assert (str(found.customers), found.spark.master) == ("/etc/landfall/customers", "local[*]")  # type: ignore[union-attr]
    others = [name for name, service in compose["services"].items() if "AIRFLOW_HOME" in (service.get("environment") or {})]
    assert all(compose["services"][name]["environment"]["LANDFALL_PROFILE"] == "environment" for name in others)
    assert len(others) == 5


def test_airflow_has_the_same_settings(compose: dict[str, Any], tmp_path: Path) -> None:
    """All that the embedded stack found necessary, but for what is of this one machine."""
    embedded = {f"AIRFLOW__{name}": str(value) for name, value in airflow._configuration(Settings.private(tmp_path)).items()}
    composed = {name: str(value) for name, value in compose["services"]["airflow-scheduler"]["environment"].items()}
    of_its_own = {
        name
        for name in embedded
        if re.search("FOLDER|SECRET|FERNET|SQL_ALCHEMY|PASSWORDS_FILE|_URL|PARALLELISM|LOG|HOSTNAME|API__(HOST|PORT|WORKERS)", name)
    }
    assert {name: composed.get(name) for name in embedded.keys() - of_its_own} == {
        name: value for name, value in embedded.items() if name not in of_its_own
    }


@pytest.mark.parametrize("file", ["core-site", "hdfs-site"])
def test_hdfs_has_the_same_settings(compose: dict[str, Any], tmp_path: Path, file: str) -> None:
    settings = Settings.private(tmp_path)
    embedded = {"core-site": hdfs.core_site, "hdfs-site": hdfs.hdfs_site}[file](settings)
    site = ET.fromstring(compose["configs"][file]["content"].replace("$$", "$"))
    composed = {str(each.findtext("name")): each.findtext("value") for each in site}
    where = re.compile(r"dir$|address$|bind-host|defaultFS|datanode\.hostname$|ipc\.client")
    assert {name: value for name, value in composed.items() if not where.search(name)} == {
        name: str(value) for name, value in embedded.items() if not where.search(name)
    }


def test_spark_has_the_same_settings(compose: dict[str, Any], tmp_path: Path) -> None:
    embedded = {name: str(value) for name, value in spark.spark_defaults(Settings.private(tmp_path), "").items()}
    lines = compose["configs"]["spark-properties"]["content"].splitlines()
    composed = dict(line.split(" ", 1) for line in lines)
    of_its_own = {
        "spark.jars",
        "spark.driver.extraClassPath",
        "spark.driver.extraJavaOptions",
        "spark.local.dir",
        "spark.sql.warehouse.dir",
    }
    of_its_own |= {"spark.driver.host", "spark.driver.bindAddress"}
    assert composed.keys() - of_its_own == embedded.keys() - of_its_own
    assert all(composed[name] == embedded[name] for name in composed.keys() - of_its_own)
    assert {"-XX:+UseSerialGC", "-XX:-UsePerfData"} <= set(composed["spark.driver.extraJavaOptions"].split())
    assert compose["configs"]["spark-log4j"]["content"] == log4j(root="warn")


def test_kafka_has_the_same_settings(compose: dict[str, Any], tmp_path: Path) -> None:
    embedded = {name: str(value) for name, value in kafka.server_properties(Settings.private(tmp_path), tmp_path).items()}
    environment = compose["services"]["kafka"]["environment"]
    composed = {name.removeprefix("KAFKA_").lower().replace("_", "."): str(value) for name, value in environment.items()}
    where = {"controller.quorum.voters", "listeners", "advertised.listeners", "log.dirs"}
    assert {name: value for name, value in composed.items() if name not in where} == {
        name: embedded.get(name) for name in composed if name not in where
    }
    assert {name for name in embedded if "replication" in name or "min.isr" in name} <= composed.keys()


def test_every_service_is_known_to_be_ready(compose: dict[str, Any]) -> None:
    """`up --wait` waits for health; a job that ends has none."""
    for name, service in compose["services"].items():
        assert ("healthcheck" in service) == (service["restart"] != "no"), name
        assert service["logging"]["options"]["max-size"], name
        if "healthcheck" in service:
            assert service["healthcheck"]["interval"] == "60s", "a check costs CPU for ever"


def test_no_port_lets_a_user_of_the_machine_be_the_superuser_of_hdfs(compose: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert published == {"airflow-api-server": ["127.0.0.1:${AIRFLOW_PORT:-8080}:8080"]}


def test_every_secret_is_asked_for_and_none_has_a_default(compose: dict[str, Any]) -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    assert set(re.findall(r"\$\{(\w+):\?", text)) == compose_env.SECRETS.keys()
    assert set(re.findall(r"\$\{(\w+):-", text)) == {
        "AIRFLOW_PARALLELISM",
        "AIRFLOW_PORT",
        "LANDFALL_CUSTOMERS",
        "LANDFALL_INBOX",
        "LANDFALL_SOURCES",
    }


def test_secrets_are_made_once_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    assert compose_env.complete(path) == list(compose_env.SECRETS)
    first = path.read_text()
    assert (os.stat(path).st_mode & 0o777, len(set(first.splitlines()))) == (0o600, len(compose_env.SECRETS))
    assert compose_env.complete(path) == []
    assert path.read_text() == first


def test_what_is_in_the_file_already_is_kept(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# ours\nAIRFLOW_PORT=9090\nLAKE_PASSWORD=chosen")
    added = compose_env.complete(path)
    assert "LAKE_PASSWORD" not in added
    assert path.read_text().startswith("# ours\nAIRFLOW_PORT=9090\nLAKE_PASSWORD=chosen\nPOSTGRES_PASSWORD=")


def test_an_empty_secret_is_refused(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("LAKE_PASSWORD=\n")
    with pytest.raises(Refused, match="expected a value for LAKE_PASSWORD, found none"):
        compose_env.complete(path)
    assert path.read_text() == "LAKE_PASSWORD=\n"


def test_the_image_leaves_out_only_what_nothing_of_it_imports() -> None:
    names = image.left_out()
    folders = ("dags", "plugins", "include", "spark_jobs")
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            imported += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not names & {name.partition(".")[0] for name in imported}, path
