"""Ports and folders of the stack."""

import json
import socket
from pathlib import Path

import pytest

from include.errors import Refused
from include.stack.lifecycle import _is_free
from include.stack.settings import Ports, Settings

CHOICES = [
    ("nothing said: the default", {}, {}, Ports().kafka),
    ("the environment moves it", {"LANDFALL_KAFKA_PORT": "9092"}, {}, 9092),
    ("a running stack is found where it is", {}, {"kafka": 7001}, 7001),
    ("the environment wins over the running stack", {"LANDFALL_KAFKA_PORT": "9092"}, {"kafka": 7001}, 9092),
    ("empty is not said", {"LANDFALL_KAFKA_PORT": ""}, {}, Ports().kafka),
    ("a port that an older version wrote is no longer one of ours", {}, {"triggerer": 7001}, Ports().kafka),
]


@pytest.mark.parametrize(("why", "environ", "running", "expected"), CHOICES, ids=[row[0] for row in CHOICES])
def test_a_port_is_chosen(why: str, environ: dict[str, str], running: dict[str, int], expected: int) -> None:
    assert Ports.choose(environ, running).kafka == expected, why


REFUSED = [
    ("not a number", {"LANDFALL_KAFKA_PORT": "kafka"}, "LANDFALL_KAFKA_PORT: expected a port from 1 to 65535, found 'kafka'"),
    ("beyond the last port", {"LANDFALL_AIRFLOW_PORT": "65536"}, "LANDFALL_AIRFLOW_PORT"),
    ("0 would be another port each time", {"LANDFALL_AIRFLOW_PORT": "0"}, "LANDFALL_AIRFLOW_PORT"),
    ("digits of other scripts", {"LANDFALL_AIRFLOW_PORT": "８０８０"}, "LANDFALL_AIRFLOW_PORT"),
    ("two services on one port", {"LANDFALL_KAFKA_PORT": "28080"}, "LANDFALL_KAFKA_PORT or LANDFALL_AIRFLOW_PORT"),
]


@pytest.mark.parametrize(("why", "environ", "message"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_wrong_port_names_its_variable(why: str, environ: dict[str, str], message: str) -> None:
    with pytest.raises(Refused) as refused:
        Ports.choose(environ, {})
    assert message in str(refused.value), why


def test_home_and_tools_can_be_moved_apart(tmp_path: Path) -> None:
    settings = Settings.load({"LANDFALL_HOME": str(tmp_path / "home"), "LANDFALL_TOOLS": str(tmp_path / "tools")})
    assert (settings.data, settings.jars) == (tmp_path / "home" / "data", tmp_path / "tools" / "jars")
    assert Settings.load({"LANDFALL_HOME": str(tmp_path)}).jars == tmp_path / "jars"


def test_a_symbolic_link_leads_to_the_same_stack(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    assert Settings.load({"LANDFALL_HOME": str(tmp_path / "link")}).home == tmp_path.resolve()


def test_a_running_stack_keeps_its_ports_for_later_calls(tmp_path: Path) -> None:
    settings = Settings.load({"LANDFALL_HOME": str(tmp_path), "LANDFALL_NAMENODE_PORT": "7020"})
    settings.run.mkdir()
    settings.running_file.write_text(json.dumps({"ports": {"namenode": 7020}}))
    assert Settings.load({"LANDFALL_HOME": str(tmp_path)}).endpoints.hdfs_uri == "hdfs://127.0.0.1:7020"


def test_free_ports_are_free_and_different() -> None:
    ports = Ports.free()
    numbers = [getattr(ports, name) for name in Ports.names()]
    assert len(set(numbers)) == len(numbers)
    assert all(_is_free(port) for port in numbers)


def test_a_port_with_a_listener_is_not_free() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        assert not _is_free(listener.getsockname()[1])
