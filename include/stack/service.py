"""What the parts of the stack have in common: how to start one, and how to see that it is ready."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from include.errors import LandfallError
from include.stack import processes
from include.stack.java import Java
from include.stack.settings import Settings


class StackError(LandfallError):
    """A part of the stack did not start, or is no longer there. The message ends with the tail of its log."""


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Service:
    """One daemon.

    `prepare` runs before its start (configuration, first format), `finish` once it is ready; both may run any number of times.
    `missing` says in a few words what it is still waiting for; None is ready.
    """

    name: str
    title: str
    ports: tuple[str, ...]
    command: list[str]
    environ: Mapping[str, str]
    missing: Callable[[], str | None]
    prepare: Callable[[], None] = _nothing
    finish: Callable[[], None] = _nothing


def log_of(settings: Settings, name: str) -> Path:
    return settings.logs / f"{name}.log"


def run_job(settings: Settings, name: str, title: str, command: list[str], environ: Mapping[str, str], seconds: float = 120) -> None:
    """Runs something to its end as a process of the stack: a format, a migration."""
    child = processes.start(settings.home, name, command, environ, log_of(settings, name))
    try:
        code = child.process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.process.kill()
        raise StackError(f"{title} did not end within {seconds:.0f} s. The end of {child.log}:\n{processes.tail(child.log)}") from None
    if code:
        raise StackError(f"{title} failed, {processes.ending(code)}. The end of {child.log}:\n{processes.tail(child.log)}")


def jvm(java: Java, main: str, classpath: list[Path], heap: str, *arguments: str) -> list[str]:
    """The command of a small daemon: it starts quickly and stays small rather than running fast."""
    return [
        java.executable,
        f"-Xmx{heap}",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:-UsePerfData",
        "-Xshare:auto",
        "-Djava.net.preferIPv4Stack=true",
        *("-cp", ":".join(map(str, classpath)), main),
        *arguments,
    ]


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Writes a configuration file; whole, for somebody may be reading the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with open(handle, "w") as file:
        file.write(text)
    os.chmod(aside, mode)
    os.replace(aside, path)


def properties(values: Mapping[str, object]) -> str:
    """A Java properties file."""
    return "".join(f"{key}={value}\n" for key, value in values.items())


def hadoop_xml(values: Mapping[str, object]) -> str:
    """A Hadoop configuration file."""
    rows = (f"<property><name>{escape(key)}</name><value>{escape(str(value))}</value></property>" for key, value in values.items())
    return "<configuration>\n" + "\n".join(rows) + "\n</configuration>\n"


LOG4J = """status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %p %c{1}: %m%n
rootLogger.level = ROOT
rootLogger.appenderRef.console.ref = console
"""


def log4j(root: str = "info", **levels: str) -> str:
    """log4j2.properties: everything from `root` on to stdout, but for the named loggers (dots written as underscores)."""
    named = (f"logger.{name}.name = {name.replace('_', '.')}\nlogger.{name}.level = {level}\n" for name, level in levels.items())
    return LOG4J.replace("ROOT", root) + "".join(named)
