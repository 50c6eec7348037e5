"""SPARK_HOME: links to all that pip installed of Spark and spark-submit needs, less its Python.

spark-submit puts the packed sources of `$SPARK_HOME/python` before everything else on the path of the driver and of each worker, which
then compile a hundred modules, every time. Where there are none, both import the same modules from the virtualenv, compiled already.
"""

import os
import sysconfig
import tempfile
from contextlib import suppress
from pathlib import Path

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
    with suppress(OSError):
        settings.tools.mkdir(parents=True, exist_ok=True)
        _make(home)


def _make(home: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="spark-home.", dir=home.parent) as aside:
        made = Path(aside) / home.name
        made.mkdir()
        for part in PARTS:
            (made / part).symlink_to(os.path.relpath(_installed() / part, home))
        made.rename(home)


def _of_links(settings: Settings) -> Path:
    return settings.tools / f"spark-{Path(sysconfig.get_paths()['purelib']).parent.name}"  # such as spark-python3.11


def _installed() -> Path:
    return Path(sysconfig.get_paths()["purelib"]) / "pyspark"
