"""SPARK_HOME without Spark's packed Python. That a job's Python is the virtualenv's is shown in tests/spark."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from include.stack.jars import pyspark_jars
from include.stack.settings import Ports, Settings
from include.stack.spark_home import link_spark_home, spark_home


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", ports=Ports(), tools=tmp_path / "tools")


def test_it_has_what_spark_submit_needs_and_none_of_sparks_python(settings: Settings) -> None:
    link_spark_home(settings)
    home = spark_home(settings)
    assert home.parent == settings.tools
    assert (home / "bin" / "spark-class").is_file()
    assert (home / "jars").samefile(pyspark_jars())
    assert not (home / "python").exists()


def test_where_tools_cannot_be_written_it_is_what_pip_installed(settings: Settings) -> None:
    settings.tools.write_text("no folder")
    link_spark_home(settings)
    assert spark_home(settings) == pyspark_jars().parent


def test_many_may_make_it_at_once_and_leave_nothing_beside_it(settings: Settings) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(link_spark_home, [settings] * 16))
    assert [each.name for each in settings.tools.iterdir()] == [spark_home(settings).name]
