"""docs/install.md, followed block by block in an Airflow of its own, ends in a landed file; nothing of include/stack is in that Airflow."""

import json
import os
import re
import shutil
from pathlib import Path

import httpx
import pytest

from include.stack.jars import jars_of, pyspark_jars
from include.stack.java import find_java
from include.stack.settings import Settings
from tests.conftest import Hdfs
from tests.harness import install_page
from tests.harness.existing_airflow import LOGIN, ExistingAirflow, hdfs_command
from tests.harness.private_landfall import wait_for
from tests.oracle.built_landing import attempt

ROOT = Path(__file__).parents[2]
IN_A_CLONE = (2, 3)  # steps whose commands are given in the folder of the clone
RESTART = 8


def clone(folder: Path) -> Path:
    """The repository's files, without what running it has made."""
    left_out = shutil.ignore_patterns(".git", ".local", "__pycache__", ".*_cache", "dist")
    return Path(shutil.copytree(ROOT, folder, ignore=left_out))


def sample(path: Path) -> Path:
    path.write_text(json.dumps([json.loads(attempt(number)) for number in range(40)]))
    os.utime(path, (1517180000,) * 2)  # long ago: nobody waits until it is quiet
    return path


@pytest.mark.long(
    "tests/unit/test_wheel.py: what is installed works where the repository is out of reach; tests/unit/test_docs.py reads the page"
)
def test_the_page_ends_in_a_landed_file(kafka: str, hdfs: Hdfs, tmp_path: Path) -> None:
    java = find_java(tmp_path / "java")
    airflow = ExistingAirflow(tmp_path, "3.3.2", java.home)
    hdfs_command(tmp_path / "bin", java.home, pyspark_jars(), hdfs.uri)
    jars = tmp_path / "jars"
    jars.mkdir()
    for jar in jars_of(Settings.load(), "spark"):
        (jars / jar.name).symlink_to(jar)
    ours = {
        "AIRFLOW_HOME": str(tmp_path), "LANDFALL": str(tmp_path / "landfall"), "BROKERS": kafka, "NAMENODE": hdfs.host,
        "NAMENODE_PORT": str(hdfs.port), "HDFS": hdfs.uri, "CATALOG": f"sqlite:///{tmp_path}/landfall/catalog.sqlite?timeout=60",
        "SPARK_MASTER": "local[*]", "SPARK_JARS": str(jars), "AIRFLOW_URL": airflow.url, "AIRFLOW_USER": LOGIN[0],
        "AIRFLOW_PASSWORD": LOGIN[1], "SAMPLE": str(sample(tmp_path / "attempts.json")),
    }  # fmt: skip
    assert install_page.values().keys() == ours.keys()
    shell = install_page.Shell(tmp_path, {**airflow.environment, **ours})
    source = clone(tmp_path / "clone")
    before, after = [], []
    for block in install_page.blocks()[1:]:
        (before if block.step < RESTART else after).append(block)
    for block in before:
        shell.run(block.commands, source if block.step in IN_A_CLONE else tmp_path)
    shutil.rmtree(source)  # what is installed needs no clone
    with airflow.running(shell.environment()):
        assert wait_for(lambda: "land_assessments_beta" in airflow.run("-m", "airflow", "dags", "list"), 120, every=5)
        said = [shell.run(block.commands, tmp_path) for block in after]
        assert httpx.get(f"{airflow.url}/landings/api/customers").status_code == 401, "the page is there, for users that Airflow knows"
    assert re.search(r"^landed +40$", said[-1], re.MULTILINE), said[-1]
    assert said[-1].split()[-1] == "40"
    assert not (tmp_path / ".local").exists()
