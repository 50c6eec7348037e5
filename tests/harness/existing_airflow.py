"""An Airflow that a company has already: a virtualenv, a database and processes of its own, and nothing of Landfall."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from tests.harness import wheel
from tests.harness.ports import free_port
from tests.harness.private_landfall import wait_for

ROOT = Path(__file__).parents[2]
PARTS = ("api-server", "scheduler", "dag-processor")
LOGIN = ("admin", "s3cret")


class ExistingAirflow:
    """`environment` is what its processes have, and `url` where it will listen. Nothing is up at first."""

    def __init__(self, home: Path, version: str, java_home: Path) -> None:
        self.home, port = home, free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.python = wheel.environment(home / "venv")
        (home / "constraints.txt").write_text(constraints())
        (home / "dags").mkdir()
        (home / "passwords.json").write_text(json.dumps(dict([LOGIN])))
        inherited = {name: value for name, value in os.environ.items() if name.lower().startswith("pip_") or "proxy" in name.lower()}
        self.environment = {
            **inherited,
            "PATH": f"{home / 'bin'}:{self.python.parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(home),
            "JAVA_HOME": str(java_home),
            "PIP_CONSTRAINT": str(home / "constraints.txt"),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": "s" * 32,
            "AIRFLOW__API_AUTH__JWT_SECRET": "s" * 64,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{LOGIN[0]}:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }
        self.run("-m", "pip", "install", "--quiet", f"apache-airflow=={version}")
        self.run("-m", "airflow", "db", "migrate")

    def run(self, *arguments: str) -> str:
        command = [str(self.python), *arguments]
        done = subprocess.run(command, cwd=self.home, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout

    @contextmanager
    def running(self, environment: dict[str, str]) -> Iterator[None]:
        """Its processes, with this environment, for as long as the block lasts."""
        processes = []
        try:
            for part in PARTS:
                with (self.home / f"{part}.log").open("wb") as log:
                    command = [str(self.python), "-m", "airflow", part]
                    started = subprocess.Popen(command, cwd=self.home, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
                processes.append(psutil.Process(started.pid))
            assert wait_for(self.is_well, 180, every=1), "\n".join(self.log(part) for part in PARTS)
            yield
        finally:
            every = [each for process in processes if process.is_running() for each in (process, *process.children(recursive=True))]
            for each in every:
                each.terminate()
            for each in psutil.wait_procs(every, timeout=20)[1]:
                each.kill()

    def is_well(self) -> bool:
        try:
            health = httpx.get(f"{self.url}/api/v2/monitor/health", timeout=10).json()
        except (httpx.HTTPError, ValueError):
            return False
        return all(health[part]["status"] == "healthy" for part in ("metadatabase", "scheduler", "dag_processor"))

    def log(self, part: str) -> str:
        """The end of what this process has written."""
        return f"{part}: {(self.home / f'{part}.log').read_text(errors='replace')[-3000:]}"


def constraints() -> str:
    """The versions that requirements.txt locks, without their digests."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return "".join(f"{line.removesuffix(chr(92)).strip()}\n" for line in lines if re.match(r"[A-Za-z0-9]", line))


def hdfs_command(folder: Path, java_home: Path, jars: Path, uri: str) -> None:
    """Hadoop's own `hdfs dfs`, which a cluster has and a virtualenv has not."""
    folder.mkdir(parents=True, exist_ok=True)
    default = f"<property><name>fs.defaultFS</name><value>{uri}</value></property>"
    (folder / "core-site.xml").write_text(f"<configuration>{default}</configuration>")
    java = f"exec {java_home}/bin/java -cp '{folder}:{jars}/*' org.apache.hadoop.fs.FsShell"
    (folder / "hdfs").write_text(f'#!/bin/sh\nshift\n{java} "$@"\n')
    (folder / "hdfs").chmod(0o755)
