"""SPARK_HOME: links to all that pip installed of Spark and spark-submit needs, less its Python.

spark-submit puts the packed sources of `$SPARK_HOME/python` before everything else on the path of the driver and of each worker, which
then compile a hundred modules, every time. Where there are none, both import the same modules from the virtualenv, compiled already.
"""

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from include.stack.jars import pyspark_jars
from include.stack.settings import Settings

PARTS = ("bin", "jars")


def spark_home(settings: Settings) -> Path:
    """The folder of links; what pip installed where there is none."""
    home = _of_links(settings)
    return home if home.exists() else _installed()


def link_spark_home(settings: Settings) -> None:
    """Makes the folder, whole or not at all, unless it is there. Not in tools of another user: Spark does as well without."""
    home = _of_links(settings)
    if home.exists():
        return
    aside = home.with_name(f"{home.name}.{secrets.token_hex(4)}")
    with suppress(OSError):  # also where another process makes it at the same time, and is first
        aside.mkdir(parents=True)
        for part in PARTS:
            (aside / part).symlink_to(os.path.relpath(_installed() / part, home))
        aside.rename(home)
    shutil.rmtree(aside, ignore_errors=True)


def _of_links(settings: Settings) -> Path:
    return settings.tools / f"spark-{_installed().parents[1].name}"  # such as spark-python3.11


def _installed() -> Path:
    return pyspark_jars().parent
