"""How fast publishing is, beside kcat on the same broker and the same records: ratios of runs that took turns.

    PYTHONPATH=. .local/venv/bin/python bench/publish.py [--records 100000] [--size 5000] [--rounds 3]

Makes its own records in a temporary folder and starts its own broker. Says which part it left out when kcat or jq is not installed.
"""

import itertools
import json
import random
import shutil
import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from include.contracts import TopicSpec
from include.kafka.client import Admin
from include.kafka.publish import publish
from include.kafka.topics import ensure_topic
from include.source.files import describe
from include.stack import lifecycle
from include.stack.settings import Settings

DAY = "2018-01-28"
OURS = "landfall: split, key, hash, ledger, transactions, lz4"
SPLIT = "kcat -P -l of the same, split before, not compressed"
SQUEEZED = "kcat -P -z lz4 -l of the same, split before"
JQ = "jq -c '.[]' FILE | kcat -P"


def main(
    records: Annotated[int, typer.Option(help="how many records")] = 100_000,
    size: Annotated[int, typer.Option(help="bytes of a record, about")] = 5_000,
    rounds: Annotated[int, typer.Option(help="how often each takes its turn")] = 3,
) -> None:
    """Prints the median seconds of each way, and how they compare."""
    with tempfile.TemporaryDirectory(prefix="landfall-bench-") as name:
        folder = Path(name)
        array, lines = make(folder, records, size)
        with lifecycle.running(Settings.private(folder / "stack"), lifecycle.KAFKA) as settings:
            servers = settings.endpoints.bootstrap_servers
            seconds = take_turns(ways(array, lines, servers, folder), rounds, servers)
        report(seconds, array.stat().st_size, records)


def make(folder: Path, count: int, size: int) -> tuple[Path, Path]:
    """The same records as one JSON array and as NDJSON."""
    array, lines = folder / "records.json", folder / "records.ndjson"
    with array.open("wb") as a, lines.open("wb") as b:
        for number, record in enumerate(attempts(count, size)):
            a.write((b"[" if number == 0 else b", ") + record)
            b.write(record + b"\n")
        a.write(b"]")
    return array, lines


def attempts(count: int, size: int) -> Iterator[bytes]:
    """Exam attempts with as many questions as fit; every id drawn anew, so that they compress as real ones do."""
    generator = random.Random(5)
    for _ in range(count):
        questions: list[dict[str, object]] = []
        attempt = {"started_at": "2018-01-28T10:00:00.000Z", "sequences": {"questions": questions, "attempt": 1}}
        attempt |= {"keen_id": f"{generator.getrandbits(96):024x}", "exam_name": "Gardening with Graphs"}
        length = 200
        while length < size - 250:
            options = [
                {
                    "checked": generator.random() < 0.3,
                    "id": str(uuid.UUID(int=generator.getrandbits(128))),
                    "at": "2018-01-28T10:00:07.123Z",
                }
                for _ in range(4)
            ]
            questions.append({"id": str(uuid.UUID(int=generator.getrandbits(128))), "options": options, "user_result": "correct"})
            length += 550
        yield json.dumps(attempt).encode()


def ways(array: Path, lines: Path, servers: str, folder: Path) -> dict[str, Callable[[str], object]]:
    """Each way to publish into a topic that is there already. What describes the source runs before, as the task before does."""
    source = describe("bench", DAY, [str(array)], "2018-01-29T00:00:00Z")
    found: dict[str, Callable[[str], object]] = {
        OURS: lambda topic: publish(source, TopicSpec(topic), {"bootstrap.servers": servers}, folder / "spool")
    }
    if shutil.which("kcat"):
        found[SPLIT] = lambda topic: shell(f"kcat -P -b {servers} -t {topic} -l {lines}")
        found[SQUEEZED] = lambda topic: shell(f"kcat -P -z lz4 -b {servers} -t {topic} -l {lines}")
    if shutil.which("kcat") and shutil.which("jq"):
        found[JQ] = lambda topic: shell(f"jq -c '.[]' {array} | kcat -P -b {servers} -t {topic}")
    for way in [SPLIT, SQUEEZED, JQ]:
        if way not in found:
            typer.echo(f"left out, not installed: {way}", err=True)
    return found


def shell(command: str) -> None:
    subprocess.run(["bash", "-o", "pipefail", "-c", command], check=True)


def take_turns(ways: dict[str, Callable[[str], object]], rounds: int, servers: str) -> dict[str, list[float]]:
    """Seconds of every run. Each publishes into a new topic, which is deleted before the next one begins."""
    admin, seconds = Admin({"bootstrap.servers": servers}), {name: list[float]() for name in ways}
    for number, (name, way) in itertools.product(range(rounds), ways.items()):
        topic = TopicSpec(f"bench.{number}.{uuid.uuid4().hex}")
        ensure_topic(admin, topic)
        began = time.monotonic()
        way(topic.name)
        seconds[name].append(time.monotonic() - began)
        for deleted in admin.delete_topics([topic.name, topic.ledger]).values():
            deleted.result()
    return seconds


def report(seconds: dict[str, list[float]], size: int, records: int) -> None:
    table = Table(title=f"{records:,} records, {size / 1e6:,.0f} MB, {len(seconds[OURS])} rounds")
    for column in ("way", "median s", "all s", "MB/s", "times ours"):
        table.add_column(column, justify="left" if column == "way" else "right")
    ours = statistics.median(seconds[OURS])
    for name, taken in seconds.items():
        median = statistics.median(taken)
        table.add_row(name, f"{median:.2f}", " ".join(f"{one:.2f}" for one in taken), f"{size / median / 1e6:,.0f}", f"{median / ours:.2f}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
