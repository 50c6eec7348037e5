"""Contracts: one YAML file per customer says what is delivered, where it goes and what is still acceptable."""

import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import yaml
from croniter import CroniterError, croniter
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from include import patterns, time_limits
from include.channels import checked_channel, checked_expected_by
from include.errors import Refused

log = logging.getLogger(__name__)

OURS = Path(__file__).parent / "customers"
FOLDER = Path(os.environ.get("LANDFALL_CUSTOMERS") or OURS)  # an absolute path: daemons have directories of their own
TEMPLATE = OURS / "contract.yaml.in"
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
READER = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*")
OWNERS = ("landfall", "hdfs")
MOST_READERS = 28
"""HDFS takes 32 entries in an access control list; owner, group, mask and others are four."""


@dataclass(frozen=True)
class TopicSpec:
    """A customer's topic as its contract describes it. `chunk_records` is how many records one Kafka transaction takes.

    Its default by measurement: 100,000 records of 4.5 KB take 1.8 s in chunks of 10,000, 1.7 s of 25,000, 1.6 s in one (medians of 4),
    and a chunk is what a killed publisher sends again.
    """

    name: str
    partitions: int = 3
    replication: int = 1
    retention_hours: int = 168
    max_message_bytes: int = 1_048_576
    chunk_records: int = 10_000

    @property
    def ledger(self) -> str:
        """The topic that holds one entry for each chunk published to this one."""
        return f"{self.name}.ledger"


class ContractRefused(Refused):
    """A contract is wrong. The message lists every wrong key with what was found and why."""


def _regex(pattern: str) -> str:
    patterns.refuse_uncommon_regex(pattern)
    return pattern


def _time_zone(name: str) -> str:
    try:
        if name == "localtime" or name.startswith(("posix/", "right/")):
            raise ValueError(name)  # another one on each machine, or with leap seconds
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # such as Europe, which is a folder there
        raise ValueError("is not a time zone of the tz database, such as UTC or Europe/Berlin") from error
    return name


def _cron(schedule: str) -> str:
    if len(schedule.split()) != 5:
        raise ValueError("is not a cron schedule: expected minute, hour, day of month, month and day of week, such as 30 2 * * *")
    if any(field[0] in "Rr" for field in re.split(r"[\s,]+", schedule.strip(" ,")) if field):
        raise ValueError("is not a cron schedule: R is another moment in every process that reads it")
    try:
        croniter(schedule, datetime(2018, 1, 1, tzinfo=UTC)).get_next()
    except CroniterError as error:  # also of one that never comes, such as 30 February
        raise ValueError(f"is not a cron schedule: {error}") from error
    return schedule


def _runs(schedule: str) -> tuple[int, bool]:
    """How many runs a day with a run has, and whether every day has one."""
    most = (60, 24, 31, 12, 7)
    minutes, hours, *days = (wide if field == ["*"] else len(field) for field, wide in zip(croniter.expand(schedule)[0], most, strict=True))
    return minutes * hours, tuple(days) == most[2:]


def _with_day(pattern: str) -> str:
    patterns.refuse_wrong_glob(pattern)
    return pattern


def _reader(name: str) -> str:
    if not READER.fullmatch(name):
        raise ValueError("is not a user of HDFS: expected a letter or _ first, then letters, digits and . _ -")
    if name in OWNERS:
        raise ValueError("may write everywhere in the lake and needs no entry")
    return name


def _readers(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) > MOST_READERS:
        raise ValueError(f"are {len(set(names))} users, HDFS takes {MOST_READERS} at most: give the rights to fewer, shared users")
    return names


Regex = Annotated[str, AfterValidator(_regex)]
Reader = Annotated[str, AfterValidator(_reader)]
ChannelText = Annotated[str, AfterValidator(checked_channel)]


class _Terms(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TopicTerms(_Terms):
    """The customer's Kafka topic. Changing partitions, replication or sizes of a living topic is a drift, not an update."""

    partitions: int = Field(default=3, ge=1, le=1000)
    replication: int = Field(default=1, ge=1, le=9)
    retention_hours: int = Field(default=168, ge=1, le=2**63 // 3_600_000 - 1)  # Kafka counts milliseconds in 64 bits
    max_message_bytes: int = Field(default=1024 * 1024, ge=1024, le=512 * 1024 * 1024)
    chunk_records: int = Field(default=TopicSpec.chunk_records, ge=1, le=2**31 - 1)


class TestExams(_Terms):
    """Attempts that are landed and flagged, but left out of answers: a pattern found anywhere in the value is enough."""

    __test__ = False  # pytest collects classes named Test*

    exam_name: tuple[Regex, ...] = ()
    base_exam_id: tuple[Regex, ...] = ()


class TidyTerms(_Terms):
    """What the weekly `tidy_lake` may take away or put together."""

    unneeded_days: int = Field(default=14, ge=1, le=36_500)
    max_files: int = Field(default=8, ge=1, le=1_000_000)


class NotifyTerms(_Terms):
    """Who is told of what: channels, see include/channels.py. `quarantine_above` is a share of a day's records, 0 to 1."""

    failed: tuple[ChannelText, ...] = ()
    late: tuple[ChannelText, ...] = ()
    quarantine: tuple[ChannelText, ...] = ()
    quarantine_above: float = Field(default=0.0, ge=0, le=1)


class Contract(_Terms):
    """What one customer delivers and expects.

    `source`: glob of a day's files, `{day}` stands for YYYY-MM-DD; relative to the inbox, or any fsspec URL.
    `schedule`: cron, read in `time_zone`; a run covers the day that has just ended. `days`: `every` day is landed, for which the schedule
    has one run on each; `scheduled` says that only those are delivered on which the schedule has a run: the day before the next one of
    them is not landed, and a run comes when the schedule's next one does. `deadline_hours` after the end of the
    day a missing file is an error (`missing_source: fail`) or a day without data (`skip`).
    `quiet_seconds`: how long a file must not have changed to count as whole; `marker`: a file that is delivered last, with `{day}`.
    `empty_source`: files without a single record are an error (`fail`) or a day with no attempts (`accept`).
    `readers`: users of HDFS who may read the customer's tables, besides their owner nobody else may.
    `transform_hours`: how long a day's Spark job may take before it is ended and tried again.
    `tidy.unneeded_days`: how many days old what no landing in force needs is before it is removed; `tidy.max_files`: how many files of a
    table a day may have before they are put together.
    `max_quarantined`: share of a day's records, 0 to 1, that may be unreadable before the run is red.
    `holes_points`: by how many percentage points a field may be missing, null or empty more or less often than on the seven
    landed days before; beyond that the receipt warns, unless chance may do it too (`include/validation/holes.py`).
    `min_n`: of so few attempts or more, coefficients of questions and exams are computed; below, answers say that there are too few.
    `notify`: who is told of a run that failed, of a day that is late, of more unreadable records than a share.
    `expected_by`: when a day should be landed, as a time of the day after, in `time_zone`; `notify.late` is told of one that is not.
    Empty: nobody waits for it.
    """

    customer: str
    description: str = ""
    source: Annotated[str, AfterValidator(_with_day)]
    schedule: Annotated[str, AfterValidator(_cron)] = "0 0 * * *"
    time_zone: Annotated[str, AfterValidator(_time_zone)] = "UTC"
    days: str = Field(default="every", pattern=r"^(every|scheduled)$")
    first_day: date = Field(default=date(2018, 1, 1), ge=date(1970, 1, 1), le=date(2199, 12, 31))
    deadline_hours: float = Field(default=24.0, ge=0, le=1_000_000)
    missing_source: str = Field(default="fail", pattern=r"^(fail|skip)$")
    quiet_seconds: float = Field(default=60.0, ge=0, le=7 * 86_400)
    marker: Annotated[str, AfterValidator(_with_day)] | None = None
    empty_source: str = Field(default="fail", pattern=r"^(fail|accept)$")
    readers: Annotated[tuple[Reader, ...], AfterValidator(_readers)] = ()
    transform_hours: float = Field(default=2.0, ge=0.001, le=1000)
    max_quarantined: float = Field(default=0.01, ge=0, le=1)
    holes_points: float = Field(default=5.0, ge=0, le=100)
    min_n: int = Field(default=30, ge=4, le=1_000_000)
    topic: TopicTerms = TopicTerms()
    test_exams: TestExams = TestExams()
    tidy: TidyTerms = TidyTerms()
    expected_by: Annotated[str, BeforeValidator(checked_expected_by)] = ""
    notify: NotifyTerms = Field(default=NotifyTerms(), validate_default=True)

    @field_validator("notify")
    @classmethod
    def _late_has_a_time(cls, notify: NotifyTerms, info: ValidationInfo) -> NotifyTerms:
        """Either without the other would be a line that nothing follows from."""
        if "expected_by" in info.data and bool(notify.late) != bool(info.data["expected_by"]):
            lacking = "expected_by, which says when a day is late" if notify.late else "late under notify: nobody is told at expected_by"
            raise ValueError(f"lacks {lacking}")
        return notify

    @model_validator(mode="after")
    def _keys_agree(self) -> Self:
        if reasons := [reason for reason in (self._uncovered_days(), self._short_retention()) if reason]:
            raise ValueError("\n  ".join(reasons))
        return self

    def _uncovered_days(self) -> str:
        a_day, on_every_day = _runs(self.schedule)
        if a_day > 1:
            return f"schedule: {self.schedule!r} has {a_day} runs a day, of which all but the last find a day that is not over"
        if self.days == "every" and not on_every_day:
            return (
                f"schedule: {self.schedule!r} has no run on some days, which would never be landed. Expected one run on every day, such as "
                "30 2 * * *. Where nothing is delivered for the other days, say so with days: scheduled"
            )
        return ""

    def _short_retention(self) -> str:
        longest = time_limits.read_within(self.transform_hours) / timedelta(hours=1)
        if self.topic.retention_hours >= longest:
            return ""
        return (
            f"topic.retention_hours: a run with transform_hours {self.transform_hours:g} may take {longest:.1f} hours with all its "
            f"retries, the topic keeps its records for {self.topic.retention_hours}. Raise retention_hours, or lower transform_hours"
        )

    @property
    def topic_spec(self) -> TopicSpec:
        return TopicSpec(name=f"assessments.{self.customer}", **self.topic.model_dump())


def load(path: Path) -> Contract:
    """The contract in this file. Raises ContractRefused that names the file, every wrong key, its value and the reason."""
    _refuse_name(path.stem)
    given = _mapping(path)
    if "customer" in given:
        raise ContractRefused(f"{path.name}: customer: the file's name says it already. Remove the key.")
    try:
        return Contract.model_validate_json(_as_json({**given, "customer": path.stem}))
    except TypeError as error:
        raise ContractRefused(f"{path.name}: a key or a value is of a kind that no contract has: {error}. Put it into quotes.") from error
    except ValidationError as error:
        wrong = "\n".join(f"  {line}" for line in _reasons(error))
        raise ContractRefused(f"{path.name}: {error.error_count()} wrong:\n{wrong}") from error


def readers_of(path: Path) -> tuple[str, ...]:
    """Whom a contract names as readers, also one that is wrong in something else; a name that no user of HDFS has is left out.

    Raises ContractRefused where the file does not say: it cannot be read, or its readers are no list of names.
    """
    names = _mapping(path).get("readers", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ContractRefused(f"{path.name}: readers: expected a list of names, found {names!r}")
    return tuple(name for name in names if READER.fullmatch(name) and name not in OWNERS)


def _mapping(path: Path) -> dict[str, Any]:
    try:
        given = yaml.load(path.read_text(encoding="utf-8"), _Yaml)  # a SafeLoader
    except OSError as error:
        raise ContractRefused(f"{path.name}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, ValueError) as error:  # PyYAML's own for a day such as 2018-02-30, and what is not UTF-8
        raise ContractRefused(f"{path.name}: is not readable as YAML: {error}") from error
    if not isinstance(given, dict):
        raise ContractRefused(f"{path.name}: expected keys with values at the top level, found {type(given).__name__}")
    return given


def min_n(customer: str) -> int:
    """The customer's `min_n`; the default where there is no contract, or a wrong one, for what has landed is still answered."""
    path = FOLDER / f"{customer}.yaml"
    try:
        return load(path).min_n
    except ContractRefused:
        return int(Contract.model_fields["min_n"].default)


def add(name: str, folder: Path | None = None, first_day: date | None = None) -> Path:
    """Writes a commented contract for a new customer, which begins today unless another first day is named.

    Raises ContractRefused for a name that cannot be one, or is taken.
    """
    _refuse_name(name)
    path = (folder or FOLDER) / f"{name}.yaml"
    text = TEMPLATE.read_text(encoding="utf-8").format(customer=name, first_day=first_day or datetime.now(UTC).date())
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


def require_folder() -> Path:
    """The folder of the contracts where this package is installed: outside of the code, which has none.

    Raises ContractRefused where LANDFALL_CUSTOMERS is not set, or names no folder: without contracts nobody would miss a DAG.
    """
    if FOLDER == OURS:
        raise ContractRefused("LANDFALL_CUSTOMERS is not set: it names the folder of the contracts, a YAML file for each customer. Set it.")
    if not FOLDER.is_dir():
        raise ContractRefused(f"LANDFALL_CUSTOMERS: expected the folder of the contracts, found no folder {FOLDER}. Make or correct it.")
    return FOLDER


def load_all(folder: Path | None = None) -> dict[str, Contract | ContractRefused]:
    """Every contract of the folder by customer; a wrong one as the error that says why, so that it does not stop the others."""
    return dict(_each(folder or FOLDER))


def names(reader: str | None = None, folder: Path | None = None) -> list[str]:
    """All customers, those with a wrong contract too; or those whose contract names this reader."""
    found = load_all(folder)
    return [name for name, each in found.items() if reader is None or (isinstance(each, Contract) and reader in each.readers)]


def customer(name: str, folder: Path | None = None) -> Contract:
    """The contract of one customer. Raises ContractRefused, naming the customers there are, for an unknown one."""
    folder = folder or FOLDER
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
        found = "" if each["type"] == "missing" or not key else f", found {each['input']!r}"
        yield f"{key}: {each['msg'].removeprefix('Value error, ')}{found}".removeprefix(": ")
