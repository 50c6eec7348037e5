"""Spark's submit, step by step, as Airflow's worker on this machine would find it: Java, spark-submit, its version, the master."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from include.deployment.checkup import Check, Misconfigured, connects, resolves
from include.deployment.deployment import Deployment, Spark
from include.stack.java import SUITABLE, inspect

MADE_FOR = "4.1"  # where Spark is a cluster's own, no pyspark is installed that would say so
SECONDS = 60  # for a JVM to say its version
SUITABLE_WORDS = " or ".join(map(str, SUITABLE))


def checks(at: Spark, deployment: Deployment) -> list[Check]:
    where = f"Spark's connection in {deployment.origin}"
    found = [
        ("Java", lambda: _java(at)),
        ("spark-submit", lambda: str(_submit(at))),
        ("version", lambda: _version(at)),
    ]
    if at.properties_file:
        found.append(("settings", lambda: _properties(at.properties_file, where)))
    return [*found, ("master", lambda: _master(at.master, where))]


def _java(at: Spark) -> str:
    home = at.java_home or os.environ.get("JAVA_HOME", "")
    executable = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if executable is None:
        raise Misconfigured(
            "there is no java: JAVA_HOME is not set, and PATH has none", f"Install Java {SUITABLE_WORDS}, and set JAVA_HOME."
        )
    java = inspect(executable, "JAVA_HOME" if home else "PATH")
    if java is None:
        raise Misconfigured(f"{executable} does not run", f"Set JAVA_HOME to a Java {SUITABLE_WORDS}.")
    if java.version not in SUITABLE:
        raise Misconfigured(f"{executable} is Java {java.version}", f"Set JAVA_HOME to a Java {SUITABLE_WORDS}: Spark runs on these.")
    return f"{executable} is Java {java.version}"


def _submit(at: Spark) -> Path:
    home = at.home or os.environ.get("SPARK_HOME", "")
    if home:
        path = Path(home) / "bin" / "spark-submit"
        if not os.access(path, os.X_OK):
            raise Misconfigured(f"{path} is not there, or cannot be run", "Set SPARK_HOME to the folder of a Spark.")
        return path
    found = shutil.which("spark-submit")
    if found is None:
        raise Misconfigured("there is no spark-submit: SPARK_HOME is not set, and PATH has none", "Install Spark, and set SPARK_HOME.")
    return Path(found)


def _version(at: Spark) -> str:
    environ = {**os.environ, **({"JAVA_HOME": at.java_home} if at.java_home else {}), **({"SPARK_HOME": at.home} if at.home else {})}
    command = [str(_submit(at)), "--version"]
    try:
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise Misconfigured(
            f"{command[0]} --version says nothing within {SECONDS} s", "Run it by hand and see what it waits for."
        ) from error
    found = re.search(r"version (\d+\.\d+)(\S*)", done.stdout + done.stderr)
    if done.returncode or not found:
        said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
        raise Misconfigured(
            f"{command[0]} --version: exit code {done.returncode}: {said}", "Run it by hand: its Java or its jars are damaged."
        )
    if found[1] != MADE_FOR:
        raise Misconfigured(
            f"Spark {found[1]}{found[2]}", f"Install Spark {MADE_FOR}: the jars of Kafka and the transform are made for it."
        )
    return f"Spark {found[1]}{found[2]}"


def _properties(name: str, where: str) -> str:
    if not os.access(name, os.R_OK):
        raise Misconfigured(
            f"{name} is not there, or cannot be read", f"Correct properties-file of {where}; the embedded stack's is made by ./landfall up."
        )
    return name


def _master(master: str, where: str) -> str:
    """A cluster's own address is asked for; `local[*]` is this machine, and YARN's address is in Hadoop's configuration."""
    if master.startswith("local"):
        return f"{master}: inside of spark-submit"
    if master == "yarn":
        folder = os.environ.get("HADOOP_CONF_DIR") or os.environ.get("YARN_CONF_DIR")
        if not folder or not Path(folder).is_dir():
            raise Misconfigured(
                "the master is yarn, and HADOOP_CONF_DIR names no folder", "Set HADOOP_CONF_DIR to the cluster's configuration."
            )
        return f"yarn, by {folder}"
    at = urlsplit(master.removeprefix("k8s://"))
    if not at.hostname or not at.scheme:
        raise Misconfigured(f"{master} is no master", f"Correct {where}: local[*], yarn, spark://HOST:PORT or k8s://https://HOST:PORT.")
    resolves([at.hostname], where)
    return connects([(at.hostname, at.port or {"spark": 7077}.get(at.scheme, 443))], where)
