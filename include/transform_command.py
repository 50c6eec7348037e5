"""The command line of the transform, which is all that Airflow and Spark know of each other: what `transform_assessments.py` parses.

The DAG's file composes it of templates, and a try of values, by the same function. `tuning` is what the bytes of a day ask of Spark.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Self

from include.content_hash import ZERO


@dataclass(frozen=True)
class Batch:
    """What one try is about: its records, what becomes of them (`landing`), and the URIs of where it writes."""

    topic: str
    ingest: str
    day: str
    landing: str
    lake: str
    receipt: str

    @classmethod
    def of(cls, options: Mapping[str, str]) -> Self:
        """The batch of a command with these options, by their names with `--`."""
        return cls(**{field.name: options[f"--{field.name}"] for field in fields(cls)})


@dataclass(frozen=True)
class FromKafka:
    """Records that are in the topic. `offsets` is JSON: partition to [first, last], both inclusive."""

    bootstrap_servers: str
    offsets: str


@dataclass(frozen=True)
class FromLake:
    """Records of a landed day, in these files of `raw_assessments`; so many were forgotten since, with this content hash."""

    raw: Sequence[str]
    forgotten: int = 0
    forgotten_hash: str = ZERO


def transform_arguments(
    batch: Batch,
    records: FromKafka | FromLake,
    *,
    test_exam_names: Sequence[str] = (),
    test_base_exam_ids: Sequence[str] = (),
    salt: str = "",
    tombstones: Sequence[str] = (),
) -> list[str]:
    """The arguments. What has a tombstone, the sha256 of salt and id, is left out."""
    written = asdict(batch)
    topic = ["--topic", written.pop("topic")]
    if isinstance(records, FromKafka):
        read = ["--bootstrap-servers", records.bootstrap_servers, *topic, "--offsets", records.offsets]
    else:
        before = ["--forgotten-before", f"{records.forgotten}:{records.forgotten_hash}"] if records.forgotten else []
        read = [*_each("--raw", records.raw), *before, *topic]
    return [
        *read,
        *(part for name, value in written.items() for part in (f"--{name}", value)),
        *_each("--test-exam-name", test_exam_names),
        *_each("--test-base-exam-id", test_base_exam_ids),
        *(["--forgotten-salt", salt, *_each("--forgotten", tombstones)] if tombstones else []),
    ]


@dataclass(frozen=True)
class Tuning:
    """Settings of Spark, and variables of the environment that `spark-submit` is started in."""

    conf: Mapping[str, str]
    environment: Mapping[str, str]


SMALL_BYTES = 300_000_000
"""Of records, not packed. Up to here a day is over before compiled queries and the JVM's optimising compiler have paid for themselves:
docs/performance.md."""

_NOTHING_COMPILED = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",  # it plans each stage once more
}
_JAVA_OPTIONS = "JDK_JAVA_OPTIONS"  # the JVM's own variable: options of a deployment's configuration come after it, and count more
_QUICK_START = "-XX:TieredStopAtLevel=1"


def tuning(size: int, environment: Mapping[str, str]) -> Tuning:
    """For records of so many bytes, with these variables for the driver's JVM so far. A large day has Spark's own defaults."""
    if size > SMALL_BYTES:
        return Tuning({}, {})
    return Tuning(_NOTHING_COMPILED, {_JAVA_OPTIONS: f"{environment.get(_JAVA_OPTIONS, '')} {_QUICK_START}".lstrip()})


def _each(option: str, values: Sequence[str]) -> list[str]:
    return [part for value in values for part in (option, value)]
