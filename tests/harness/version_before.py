"""The version that committed one table after the other, nine commits a landing, out of git's history: to measure it, and for its lakes."""

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BEFORE = "560c457cfb22bb3361be266ef88a905942db754b^"  # the commit before all tables moved in one
# Lands days with whatever version is first on the path: a line of stdin is a day, a line of stdout what its commit took.
PROGRAM = """
import json, sys, time, warnings
from dataclasses import replace
from pathlib import Path
import fsspec
try:
    from include.lake.lake import Lake
    from include.storage.webhdfs import filesystem
    from tests.oracle.built_landing import attempt, build
except ImportError:
    from include.hdfs import filesystem
    from include.lake import Lake
    from tests.built_landing import attempt, build

warnings.simplefilter("ignore")
customer, catalog, hdfs, webhdfs, folder = sys.argv[1:]
host, _, port = webhdfs.partition(":")
fs = filesystem(host, int(port), "landfall") if webhdfs else fsspec.filesystem("file")
lake = Lake.open(customer, catalog, hdfs, fs)
for line in sys.stdin:
    day, number, attempts = json.loads(line)
    options = {"records": [attempt(each) for each in range(attempts)]} if attempts else {}
    built = build(Path(folder), day=day, try_number=number, fs=fs, root=lake.path, customer=customer, **options)
    wall, cpu = time.monotonic(), time.process_time()
    landing = lake.commit(built.landing, built.transform)
    print(json.dumps([time.monotonic() - wall, time.process_time() - cpu, landing.landing]), flush=True)
"""


def version_before(folder: Path) -> Path | None:
    """That version's code, unpacked under the folder; None where git or its history is missing."""
    try:
        archive = subprocess.run(["git", "archive", BEFORE, "include", "tests"], cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    target = folder / "before"
    with tarfile.open(fileobj=BytesIO(archive)) as packed:
        packed.extractall(target, filter="data")
    return target


class Lander:
    """A process that lands days, one when asked."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def land(self, day: str, number: int = 1, attempts: int = 0) -> tuple[float, float, str]:
        """Wall and CPU seconds of the commit, and the landing's id. `attempts` 0: the records that tests land mostly."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([day, number, attempts]) + "\n")
        self._process.stdin.flush()
        answer: list[Any] = json.loads(self._process.stdout.readline())
        return answer[0], answer[1], answer[2]


@contextmanager
def lander(code: Path, customer: str, catalog: str, hdfs: str, webhdfs: str, folder: Path) -> Iterator[Lander]:
    """Lands with the code under this path. `webhdfs` is `host:port`, empty for local files."""
    environment = {**os.environ, "PYTHONPATH": str(code)}
    command = [sys.executable, "-c", PROGRAM, customer, catalog, hdfs, webhdfs, str(folder)]
    with subprocess.Popen(command, cwd=code, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Lander(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
