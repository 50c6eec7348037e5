"""docker-compose.yml says the same as the embedded stack, as far as both must agree. No container is started here."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import yaml

from include import contracts
from include.stack.airflow import airflow_environment, connections
from include.stack.settings import Settings

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


def test_airflow_is_told_the_same_folders(compose: dict[str, Any], tmp_path: Path) -> None:
    embedded = airflow_environment(Settings.private(tmp_path))
    told = {name for name in compose["services"]["airflow-scheduler"]["environment"] if name.startswith("LANDFALL_")}
    # A container's own /tmp is its spool.
    assert told == {name for name in embedded if name.startswith("LANDFALL_")} - {"LANDFALL_SPOOL", "LANDFALL_FAULTS", "LANDFALL_CUSTOMERS"}


def test_every_customer_has_a_catalog(compose: dict[str, Any]) -> None:
    made = compose["configs"]["catalogs"]["content"]
    assert [f"create database lake_{name};" for name in sorted(contracts.load_all())] == sorted(made.strip().splitlines())


def test_permissions_and_acls_are_on(compose: dict[str, Any]) -> None:
    site = ET.fromstring(compose["configs"]["hdfs-site"]["content"])
    values = {each.findtext("name"): each.findtext("value") for each in site}
    assert (values["dfs.permissions.enabled"], values["dfs.namenode.acls.enabled"]) == ("true", "true")
