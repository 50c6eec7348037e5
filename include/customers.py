"""Contracts: one YAML file per customer says what is delivered, where it goes and what is still acceptable."""

import logging
import os
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import yaml
from croniter import CroniterError, croniter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from include.errors import Refused
from include.topics import TopicSpec

log = logging.getLogger(__name__)

OURS = Path(__file__).parent / "customers"
FOLDER = Path(os.environ.get("LANDFALL_CUSTOMERS") or OURS)  # an absolute path: daemons have directories of their own
TEMPLATE = OURS / "contract.yaml.in"
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
READER = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*")
OWNERS = ("landfall", "hdfs")


class ContractRefused(Refused):
    """A contract is wrong. The message lists every wrong key with what was found and why."""


def _regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from error
    return pattern


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # such as Europe, which is a folder there
        raise ValueError("is not a time zone of the tz database, such as UTC or Europe/Berlin") from error
    return name


def _cron(schedule: str) -> str:
    if len(schedule.split()) != 5:
        raise ValueError("is not a cron schedule: expected minute, hour, day of month, month and day of week, such as 30 2 * * *")
    try:
        croniter(schedule, datetime(2018, 1, 1, tzinfo=UTC)).get_next()
    except CroniterError as error:  # also of one that never comes, such as 30 February
        raise ValueError(f"is not a cron schedule: {error}") from error
    return schedule


def _with_day(pattern: str) -> str:
    if "{day}" not in pattern:
        raise ValueError("has no {day}: without it every day would find the same files")
    return pattern


def _reader(name: str) -> str:
    if not READER.fullmatch(name):
        raise ValueError("is not a user of HDFS: expected a letter or _ first, then letters, digits and . _ -")
    if name in OWNERS:
        raise ValueError("may write everywhere in the lake and needs no entry")
    return name


Regex = Annotated[str, AfterValidator(_regex)]
Reader = Annotated[str, AfterValidator(_reader)]


class _Terms(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TopicTerms(_Terms):
    """The customer's Kafka topic. Changing partitions, replication or sizes of a living topic is a drift, not an update."""

    partitions: int = Field(default=3, ge=1, le=1000)
    replication: int = Field(default=1, ge=1, le=9)
    retention_hours: int = Field(default=168, ge=1)
    max_message_bytes: int = Field(default=1024 * 1024, ge=1024, le=512 * 1024 * 1024)
    chunk_records: int = Field(default=TopicSpec.chunk_records, ge=1)


class TestExams(_Terms):
    """Attempts that are landed and flagged, but left out of answers: a pattern found anywhere in the value is enough."""

    __test__ = False  # pytest collects classes named Test*

    exam_name: tuple[Regex, ...] = ()
    base_exam_id: tuple[Regex, ...] = ()


class TidyTerms(_Terms):
    """What the weekly `tidy_lake` may take away or put together."""

    unneeded_days: int = Field(default=14, ge=1)
    max_files: int = Field(default=8, ge=1)


class Contract(_Terms):
    """What one customer delivers and expects.

    `source`: glob of a day's files, `{day}` stands for YYYY-MM-DD; relative to the inbox, or any fsspec URL.
    `schedule`: cron, read in `time_zone`; a run covers the day that has just ended. `deadline_hours` after the end of the
    day a missing file is an error (`missing_source: fail`) or a day without data (`skip`).
    `quiet_seconds`: how long a file must not have changed to count as whole; `marker`: a file that is delivered last, with `{day}`.
    `empty_source`: files without a single record are an error (`fail`) or a day with no attempts (`accept`).
    `readers`: users of HDFS who may read the customer's tables, besides their owner nobody else may.
    `transform_hours`: how long a day's Spark job may take before it is ended and tried again.
    `tidy.unneeded_days`: how many days old what no landing in force needs is before it is removed; `tidy.max_files`: how many files of a
    table a day may have before they are put together.
    `max_quarantined`: share of a day's records, 0 to 1, that may be unreadable before the run is red.
    `holes_points`: by how many percentage points a field may be missing, null or empty more or less often than on the nearest earlier
    day before the receipt warns.
    """

    customer: str
    description: str = ""
    source: Annotated[str, AfterValidator(_with_day)]
    schedule: Annotated[str, AfterValidator(_cron)] = "0 0 * * *"
    time_zone: Annotated[str, AfterValidator(_time_zone)] = "UTC"
    first_day: date = Field(default=date(2018, 1, 1))
    deadline_hours: float = Field(default=24.0, ge=0)
    missing_source: str = Field(default="fail", pattern=r"^(fail|skip)$")
    quiet_seconds: float = Field(default=60.0, ge=0, le=7 * 86_400)
    marker: Annotated[str, AfterValidator(_with_day)] | None = None
    empty_source: str = Field(default="fail", pattern=r"^(fail|accept)$")
    readers: tuple[Reader, ...] = ()
    transform_hours: float = Field(default=2.0, gt=0)
    max_quarantined: float = Field(default=0.01, ge=0, le=1)
    holes_points: float = Field(default=5.0, ge=0, le=100)
    topic: TopicTerms = TopicTerms()
    test_exams: TestExams = TestExams()
    tidy: TidyTerms = TidyTerms()

    @property
    def topic_spec(self) -> TopicSpec:
        return TopicSpec(name=f"assessments.{self.customer}", **self.topic.model_dump())


def load(path: Path) -> Contract:
    """The contract in this file. Raises ContractRefused that names the file, every wrong key, its value and the reason."""
    _refuse_name(path.stem)
    try:
        given = yaml.load(path.read_text(encoding="utf-8"), _Yaml)  # noqa: S506: a SafeLoader
    except OSError as error:
        raise ContractRefused(f"{path.name}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, ValueError) as error:  # PyYAML's own for a day such as 2018-02-30, and what is not UTF-8
        raise ContractRefused(f"{path.name}: is not readable as YAML: {error}") from error
    if not isinstance(given, dict):
        raise ContractRefused(f"{path.name}: expected keys with values at the top level, found {type(given).__name__}")
    if "customer" in given:
        raise ContractRefused(f"{path.name}: customer: the file's name says it already. Remove the key.")
    try:
        return Contract.model_validate_json(_as_json({**given, "customer": path.stem}))
    except TypeError as error:
        raise ContractRefused(f"{path.name}: a key or a value is of a kind that no contract has: {error}. Put it into quotes.") from error
    except ValidationError as error:
        wrong = "\n".join(f"  {line}" for line in _reasons(error))
        raise ContractRefused(f"{path.name}: {error.error_count()} wrong:\n{wrong}") from error


def add(name: str, folder: Path = FOLDER) -> Path:
    """Writes a commented contract for a new customer. Raises ContractRefused for a name that cannot be one, or is taken."""
    _refuse_name(name)
    path = folder / f"{name}.yaml"
    text = TEMPLATE.read_text(encoding="utf-8").format(customer=name)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise ContractRefused(f"there is a customer {name!r} already: {path}. Nothing was changed.") from error
    return path


def _refuse_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise ContractRefused(
            f"{name!r} cannot be a customer's name, which is the name of its file without .yaml; "
            "expected small letters, digits and _ (a letter first, at most 40). Choose another."
        )


def as_key(name: str) -> str:
    """The name in an id of Airflow's. A file whose name cannot be a customer's gets one that no customer can have."""
    return name if NAME.fullmatch(name) else re.sub(r"[^A-Za-z0-9_.-]", "-", f"-{name}")[:100]


def load_all(folder: Path = FOLDER) -> dict[str, Contract | ContractRefused]:
    """Every contract of the folder by customer; a wrong one as the error that says why, so that it does not stop the others."""
    return dict(_each(folder))


def names(reader: str | None = None, folder: Path = FOLDER) -> list[str]:
    """All customers, those with a wrong contract too; or those whose contract names this reader."""
    found = load_all(folder)
    return [name for name, each in found.items() if reader is None or (isinstance(each, Contract) and reader in each.readers)]


def customer(name: str, folder: Path = FOLDER) -> Contract:
    """The contract of one customer. Raises ContractRefused, naming the customers there are, for an unknown one."""
    path = folder / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.yaml"))) or "none"
        raise ContractRefused(f"there is no customer {name!r}; known are: {known}. A customer is a file in {folder}.")
    return load(path)


def _each(folder: Path) -> Iterator[tuple[str, Contract | ContractRefused]]:
    for path in sorted(folder.glob("*.yaml")):
        try:
            yield path.stem, load(path)
        except ContractRefused as error:
            yield path.stem, error
        except Exception as error:  # whatever is wrong with one customer's file, the others' are read
            log.exception("%s", path)
            yield path.stem, ContractRefused(f"{path.name}: cannot be read: {type(error).__name__}: {error}")


class _Yaml(yaml.SafeLoader):
    """YAML that refuses a key that stands twice: of two lists of readers, one would be ignored without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[str, yaml.Mark] = {}
        for key, _ in node.value:
            name = str(getattr(key, "value", ""))
            if name in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {name!r} stands twice", key.start_mark)
            seen[name] = key.start_mark
        return super().construct_mapping(node, deep)


def _as_json(given: dict[str, Any]) -> bytes:
    """YAML's values as JSON: strict types, but dates as the text that JSON has for them."""
    return msgspec.json.encode(given)


def _reasons(error: ValidationError) -> Iterator[str]:
    for each in error.errors():
        key = ".".join(str(part) for part in each["loc"])
        found = "" if each["type"] == "missing" else f", found {each['input']!r}"
        yield f"{key}: {each['msg'].removeprefix('Value error, ')}{found}"
