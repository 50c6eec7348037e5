"""When Spark's class archive is made and when it is not; what stands for spark-submit here is a shell. A real one is in tests/spark."""

from dataclasses import replace
from pathlib import Path

import pytest

from include.stack.class_data import archive_of, make_archive, new_archive
from include.stack.jars import one_at_a_time
from include.stack.java import Java
from include.stack.settings import Ports, Settings
from include.stack.spark import configure_spark, properties_file

JAVA = Java(Path("/opt/java"), 17, "PATH", "17.0.15+6")
ENVIRON = {"PATH": "/usr/bin:/bin"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", ports=Ports(), tools=tmp_path / "tools")


def shell(settings: Settings, script: str) -> list[str]:
    """Notes that it was called; the job and its arguments are the shell's."""
    return ["/bin/sh", "-c", f"echo called >> {settings.tools}/calls; {script}"]


def calls(settings: Settings) -> int:
    return len((settings.tools / "calls").read_text().splitlines())


def test_it_is_made_once_for_a_java_and_three_are_kept(settings: Settings) -> None:
    told: list[str] = []
    javas = [JAVA, *(replace(JAVA, build=f"17.0.16+{number}") for number in range(3))]
    writes = shell(settings, f"echo classes > {new_archive(settings)}")
    made = [make_archive(settings, java, writes, ENVIRON, told.append) for java in (*javas, javas[-1])]
    assert made == [True] * 4 + [False]
    assert [archive_of(settings, java).exists() for java in javas] == [False, True, True, True]
    assert (calls(settings), [line.split()[0] for line in told]) == (4, ["archiving", "Spark's"] * 4)
    assert not new_archive(settings).parent.exists()


def test_the_job_gets_sample_records_and_a_lake_on_the_local_disk(settings: Settings) -> None:
    make_archive(settings, JAVA, shell(settings, f'ls {new_archive(settings).parent}; echo "$0 $@"; exit 1'), ENVIRON, print)
    log = (settings.logs / "class-data.log").read_text()
    assert log.startswith("classes\nlake\nmessages.parquet\n")
    assert "transform_assessments.py --raw file:///" in log


def test_a_job_that_fails_is_told_and_tried_again_the_next_time(settings: Settings) -> None:
    told: list[str] = []
    for _ in range(2):
        make_archive(settings, JAVA, shell(settings, f"echo half > {new_archive(settings)}; echo no memory; exit 1"), ENVIRON, told.append)
    assert (calls(settings), len(told)) == (2, 4)
    assert told[1].startswith("Spark starts without its class archive")
    assert "no memory" in told[1]
    assert not archive_of(settings, JAVA).exists()
    assert not new_archive(settings).parent.exists()


def test_a_java_that_writes_none_is_not_asked_again(settings: Settings) -> None:
    told: list[str] = []
    for _ in range(2):
        make_archive(settings, JAVA, shell(settings, "true"), ENVIRON, told.append)
    assert (calls(settings), len(told)) == (1, 1)


def test_what_a_killed_one_left_is_in_nobodys_way(settings: Settings) -> None:
    (new_archive(settings).parent / "lake" / "assessments").mkdir(parents=True)
    new_archive(settings).write_text("half")
    make_archive(
        settings, JAVA, shell(settings, f"test ! -e {new_archive(settings)} && echo whole > {new_archive(settings)}"), ENVIRON, print
    )
    assert archive_of(settings, JAVA).read_text() == "whole\n"


def test_one_that_another_is_making_is_not_waited_for(settings: Settings) -> None:
    told: list[str] = []
    with one_at_a_time(settings.tools / "class_data.lock") as alone:
        assert alone
        assert make_archive(settings, JAVA, shell(settings, "true"), ENVIRON, told.append) is False
    assert "being made by another" in told[0]


def test_tools_that_cannot_be_written_keep_nobody_from_starting(settings: Settings) -> None:
    told: list[str] = []
    settings.tools.write_text("not a folder")  # as root may write anywhere
    assert make_archive(settings, JAVA, ["/bin/true"], ENVIRON, told.append) is False
    assert told[0].startswith("Spark starts without its class archive")


def test_nothing_begins_once_the_start_is_given_up(settings: Settings) -> None:
    assert make_archive(settings, JAVA, shell(settings, "true"), ENVIRON, print, given_up=lambda: True) is False
    assert not (settings.tools / "calls").exists()


def test_spark_is_told_of_an_archive_once_there_is_one_also_at_a_path_with_a_space(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "my home", ports=Ports(), tools=tmp_path / "my tools")
    configure_spark(settings, JAVA)
    assert "SharedArchiveFile" not in properties_file(settings).read_text()
    archive_of(settings, JAVA).write_text("classes")
    configure_spark(settings, JAVA)
    assert f'"-XX:SharedArchiveFile={archive_of(settings, JAVA)}"' in properties_file(settings).read_text()
