"""The job that Spark's class archive is made by: a landing, then the classes of the file that one from Kafka to HDFS needs beside it.

    spark-submit training.py CLASSES JOB ARGUMENT...

Runs within Spark's driver, with what that has of Python. A class that cannot be loaded, for want of something that no landing needs, is
left out.
"""

import runpy
import sys
from contextlib import suppress
from pathlib import Path

from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark import SparkContext


def main() -> None:
    names = Path(sys.argv[1]).read_text().split()
    del sys.argv[:2]
    sys.path[0] = str(Path(sys.argv[0]).parent)
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as ended:
        if ended.code:
            raise
    jvm = SparkContext._jvm
    assert jvm is not None
    loader = jvm.java.lang.ClassLoader.getSystemClassLoader()
    for name in names:
        with suppress(Py4JJavaError):
            jvm.java.lang.Class.forName(name, False, loader)


if __name__ == "__main__":
    main()
