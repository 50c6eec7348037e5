"""Contracts: a right one is read, a wrong one is refused with every fault at once."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from include import contracts
from include.channels import Channel, channel
from include.contracts import Contract, ContractRefused

RIGHT = "source: acme/{day}.json\n"


def contract(folder: Path, text: str, name: str = "acme") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    return path


@pytest.mark.parametrize("name", ["demo", "acme"])
def test_the_contracts_that_come_with_landfall_are_right(name: str) -> None:
    assert contracts.customer(name).topic_spec.name == f"assessments.{name}"


def test_a_short_contract_has_defaults(tmp_path: Path) -> None:
    read = contracts.load(contract(tmp_path, RIGHT))
    assert (read.customer, read.time_zone, read.max_quarantined, read.topic.partitions) == ("acme", "UTC", 0.01, 3)


WRONG = [
    ("a key that nobody reads is a slip of the pen", RIGHT + "retension: 3\n", ["retension", "Extra inputs"]),
    ("without a source there is nothing to land", "description: x\n", ["source", "Field required"]),
    ("one pattern for all days lands one file every day", "source: acme.json\n", ["source", "{day}", "'acme.json'"]),
    ("a number in quotes is not a number", RIGHT + "topic: {partitions: '3'}\n", ["topic.partitions", "'3'"]),
    ("no topic has zero partitions", RIGHT + "topic: {partitions: 0}\n", ["topic.partitions", "greater than or equal to 1", "found 0"]),
    ("a share is at most 1", RIGHT + "max_quarantined: 5\n", ["max_quarantined", "less than or equal to 1"]),
    ("a time zone has a name", RIGHT + "time_zone: Mars/Olympus\n", ["time_zone", "Mars/Olympus", "tz database"]),
    ("a pattern must compile", RIGHT + "test_exams: {exam_name: ['(']}\n", ["test_exams.exam_name.0", "regular expression"]),
    ("a cron line has five fields", RIGHT + "schedule: daily\n", ["schedule", "'daily'"]),
    ("a reader is a user of HDFS", RIGHT + "readers: [a lice]\n", ["readers.0", "not a user of HDFS", "'a lice'"]),
    ("an owner is no reader", RIGHT + "readers: [landfall]\n", ["readers.0", "needs no entry", "'landfall'"]),
    ("an empty source is one of two things", RIGHT + "empty_source: maybe\n", ["empty_source", "'maybe'"]),
    ("a day has at least one file", RIGHT + "tidy: {max_files: 0}\n", ["tidy.max_files", "found 0"]),
    ("all faults at once", RIGHT + "max_quarantined: 5\ntime_zone: Mars\n", ["2 wrong", "max_quarantined", "time_zone"]),
    ("the file's name is the customer", RIGHT + "customer: beta\n", ["customer", "file's name"]),
    ("a list is no contract", "- a\n", ["expected keys", "list"]),
    ("not YAML", "source: [", ["not readable as YAML"]),
    ("a day that no calendar has", RIGHT + "first_day: 2018-02-30\n", ["not readable as YAML", "day is out of range"]),
    ("YAML takes on for a truth", RIGHT + "on: 5\n", ["of a kind that no contract has", "quotes"]),
    ("a folder of the tz database", RIGHT + "time_zone: Europe\n", ["time_zone", "tz database"]),
    ("a key twice", RIGHT + "readers: [alice]\nreaders: [bob]\n", ["'readers' stands twice", "line 3"]),
    ("a minute that no hour has", RIGHT + 'schedule: "99 0 * * *"\n', ["schedule", "not a cron schedule", "'99 0 * * *'"]),
    ("a day of the week that no week has", RIGHT + 'schedule: "0 0 * * someday"\n', ["schedule", "not a cron schedule"]),
    ("a day that never comes", RIGHT + 'schedule: "0 0 30 2 *"\n', ["schedule", "not a cron schedule"]),
    (
        "a channel is one of three",
        RIGHT + "notify: {failed: ['sms:+49']}\n",
        ["notify.failed.0", "is no channel", "mail:ADDRESS", "'sms:+49'"],
    ),
    ("a mail has an address", RIGHT + "notify: {failed: ['mail:on call@x']}\n", ["notify.failed.0", "no mail address", "'mail:on call@x'"]),
    ("a mail has one address", RIGHT + "notify: {failed: ['mail:a@x,b@x']}\n", ["notify.failed.0", "no mail address"]),
    ("an address may be a secret", RIGHT + "notify: {failed: ['webhook:https://x/y']}\n", ["notify.failed.0", "names no connection", "id"]),
    ("a connection has a name", RIGHT + "notify: {failed: ['slack:']}\n", ["notify.failed.0", "names no connection"]),
    (
        "a share of records",
        RIGHT + "notify: {quarantine: [slack], quarantine_above: 2}\n",
        ["notify.quarantine_above", "less than or equal to 1"],
    ),
    ("an event that there is not", RIGHT + "notify: {succeeded: [slack]}\n", ["notify.succeeded", "Extra inputs"]),
    ("late is later than a time", RIGHT + "notify: {late: [slack]}\n", ["notify", "lacks expected_by"]),
    ("who waits is told", RIGHT + 'expected_by: "06:30"\n', ["notify", "lacks late under notify"]),
    ("a time that no day has", RIGHT + 'expected_by: "24:30"\nnotify: {late: [slack]}\n', ["expected_by", "is no time", "'24:30'"]),
    ("YAML counts minutes", RIGHT + "expected_by: 16:30\nnotify: {late: [slack]}\n", ["expected_by", "quotes", "found 990"]),
    ("not UTF-8", RIGHT + "description: \udcff\n", ["not readable as YAML"]),
    ("an empty file", "", ["expected keys", "NoneType"]),
    # What failed at run time only, of a contract that was called right.
    ("braces that no glob understands", "source: acme/{day}.{json,ndjson}\n", ["source", "other braces than {day}", "{json,ndjson}"]),
    ("a brace that is open", "source: 'acme/{day}.{json'\n", ["source", "other braces than {day}"]),
    ("a Python-only expression", RIGHT + "test_exams: {exam_name: ['(?P<draft>Draft)']}\n", ["test_exams.exam_name.0", "(?P", "Java"]),
    ("more readers than HDFS takes", RIGHT + f"readers: {[f'reader{number}' for number in range(29)]}\n", ["readers", "29", "28 at most"]),
    ("a schedule of one day in seven", RIGHT + 'schedule: "0 6 * * 1"\n', ["schedule", "'0 6 * * 1'", "never be landed", "scheduled"]),
    ("a schedule of one day a month", RIGHT + 'schedule: "0 6 1 * *"\n', ["schedule", "never be landed"]),
    ("a run an hour, over a day that is not over", RIGHT + 'schedule: "0 * * * *"\n', ["schedule", "24 runs a day", "not over"]),
    ("the same where only some days count", RIGHT + 'days: scheduled\nschedule: "0 0,12 * * 1"\n', ["schedule", "2 runs a day"]),
    ("a schedule of another minute in every process", RIGHT + 'schedule: "R 2 * * *"\n', ["schedule", "another moment"]),
    ("days are two things", RIGHT + "days: monday\n", ["days", "'monday'"]),
    ("a wait longer than calendars go", RIGHT + "deadline_hours: 1.0e+12\n", ["deadline_hours", "less than or equal to"]),
    ("a Spark job that never ends", RIGHT + "transform_hours: 1.0e+12\n", ["transform_hours", "less than or equal to"]),
    ("a Spark job that ends before it begins", RIGHT + "transform_hours: 1.0e-9\n", ["transform_hours", "greater than or equal to"]),
    ("infinite is no number of hours", RIGHT + "deadline_hours: .inf\n", ["deadline_hours"]),
    ("records that age out before they are read", RIGHT + "topic: {retention_hours: 2}\n", ["topic.retention_hours", "13.3 hours"]),
    ("the same for a longer job", RIGHT + "transform_hours: 48\n", ["topic.retention_hours", "transform_hours 48", "168"]),
    ("both", RIGHT + 'transform_hours: 48\nschedule: "0 6 * * 1"\n', ["schedule", "topic.retention_hours"]),
    ("milliseconds that no 64 bits hold", RIGHT + "topic: {retention_hours: 9000000000000}\n", ["topic.retention_hours", "less than"]),
    ("a first day that no zone can have", RIGHT + "first_day: 0001-01-01\n", ["first_day", "greater than or equal to"]),
    ("days that no calendar has", RIGHT + "tidy: {unneeded_days: 1000000000}\n", ["tidy.unneeded_days", "less than or equal to"]),
    ("another zone on every machine", RIGHT + "time_zone: localtime\n", ["time_zone", "tz database"]),
]

TAKEN = [
    ("a weekly delivery, where it is said", 'days: scheduled\nschedule: "0 6 * * 1"\n'),
    ("a schedule that names all days", 'schedule: "30 2 1-31 * mon-sun"\n'),
    ("as many readers as HDFS takes", f"readers: {[f'reader{number}' for number in range(28)]}\n"),
    ("a reader twice is one", f"readers: {[f'reader{number % 28}' for number in range(40)]}\n"),
    ("characters in brackets", "test_exams: {exam_name: ['(?i)^(draft|test)[ _-]?[0-9]{1,3}$']}\n"),
]


@pytest.mark.parametrize(("why", "text"), TAKEN, ids=[row[0] for row in TAKEN])
def test_a_contract_that_a_landing_survives_is_taken(tmp_path: Path, why: str, text: str) -> None:
    assert contracts.load(contract(tmp_path, RIGHT + text)).customer == "acme", why


READERS = [
    ("a right one", RIGHT + "readers: [alice, bob]\n", ("alice", "bob")),
    ("wrong elsewhere", "readers: [alice]\nsource: 5\n", ("alice",)),
    ("a name that nobody has", RIGHT + "readers: [alice, 'a b', hdfs]\n", ("alice",)),
    ("nobody is named", "source: 5\n", ()),
]


@pytest.mark.parametrize(("why", "text", "readers"), READERS, ids=[row[0] for row in READERS])
def test_the_readers_of_a_wrong_contract_are_those_it_names(tmp_path: Path, why: str, text: str, readers: tuple[str, ...]) -> None:
    assert contracts.readers_of(contract(tmp_path, text)) == readers, why


@pytest.mark.parametrize("text", ["readers: [alice", "readers: alice\n", "readers: [5]\n", "- alice\n"])
def test_a_contract_that_does_not_say_who_reads_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ContractRefused, match="acme.yaml"):
        contracts.readers_of(contract(tmp_path, text))


@pytest.mark.parametrize(("why", "text", "said"), WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_contract_is_refused_with_file_key_and_reason(tmp_path: Path, why: str, text: str, said: list[str]) -> None:
    with pytest.raises(ContractRefused) as refused:
        contracts.load(contract(tmp_path, text))
    for part in ["acme.yaml", *said]:
        assert part in str(refused.value), why


def test_who_is_told_is_read_as_it_stands(tmp_path: Path) -> None:
    text = RIGHT + 'expected_by: "06:30+2"\nnotify: {failed: [mail:a@example.com, webhook], late: [slack:team], quarantine_above: 0.1}\n'
    notify = contracts.load(contract(tmp_path, text)).notify
    assert [channel(each) for each in notify.failed] == [
        Channel("mail", "smtp_default", "a@example.com"),
        Channel("webhook", "landfall_webhook"),
    ]
    assert [channel(each) for each in notify.late] == [Channel("slack", "team")]
    assert (notify.quarantine, notify.quarantine_above) == ((), 0.1)


def test_a_wrong_contract_leaves_the_others_alone(tmp_path: Path) -> None:
    contract(tmp_path, RIGHT)
    contract(tmp_path, "source: 5\n", "beta")
    contract(tmp_path, RIGHT, "Not a name")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    found = contracts.load_all(tmp_path)
    wrong = {name for name, each in found.items() if isinstance(each, ContractRefused)}
    assert (set(found) - wrong, wrong) == ({"acme"}, {"beta", "Not a name", "folder", "gone"})


def test_what_nobody_thought_of_in_one_contract_leaves_the_others_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contract(tmp_path, RIGHT)
    contract(tmp_path, RIGHT, "beta")
    load = contracts.load
    monkeypatch.setattr(contracts, "load", lambda path: 1 / 0 if path.stem == "beta" else load(path))
    found = contracts.load_all(tmp_path)
    assert isinstance(found["acme"], Contract)
    assert "division by zero" in str(found["beta"])


@pytest.mark.parametrize("name", ["acme copy", "Acme", "datenströme", "x" * 300])
def test_a_name_that_no_customer_can_have_is_a_key_that_no_customer_has(name: str) -> None:
    key = contracts.as_key(name)
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", key)
    with pytest.raises(ContractRefused):
        contracts.add(key)


def test_a_reader_s_customers_are_those_whose_contract_names_them(tmp_path: Path) -> None:
    contract(tmp_path, RIGHT + "readers: [alice]\n")
    contract(tmp_path, RIGHT + "readers: [bob]\n", name="beta")
    contract(tmp_path, "readers: [alice]\n", name="wrong")
    assert contracts.names(folder=tmp_path) == ["acme", "beta", "wrong"]
    assert contracts.names(reader="alice", folder=tmp_path) == ["acme"], "a wrong contract names nobody"


def test_an_unknown_customer_is_told_who_is_known(tmp_path: Path) -> None:
    contract(tmp_path, RIGHT)
    with pytest.raises(ContractRefused, match="no customer 'acne'; known are: acme"):
        contracts.customer("acne", tmp_path)


def test_a_new_customer_is_one_file_that_is_right_as_it_is_and_shows_every_key(tmp_path: Path) -> None:
    path = contracts.add("beta", tmp_path)
    today = datetime.now(UTC).date()
    added = contracts.load(path)
    assert added == Contract(customer="beta", source="beta/{day}*", first_day=added.first_day)
    assert added.first_day in (today, today - timedelta(days=1)), "it misses no day before it was added; midnight may have passed"
    uncommented = "\n".join(re.sub(r"^# (?=\w+:|  )", "", line) for line in path.read_text().splitlines())
    path.write_text(uncommented)
    given = contracts.load(path)
    defaults = Contract(customer="beta", source="beta/{day}*", first_day=added.first_day)
    assert given.model_dump(exclude={"description"}) == defaults.model_dump(exclude={"description"}), "the defaults that are shown are true"
    assert set(yaml.safe_load(uncommented)) == set(Contract.model_fields) - {"customer"}
    assert set(yaml.safe_load(uncommented)["topic"]) == set(contracts.TopicTerms.model_fields)
    assert set(yaml.safe_load(uncommented)["tidy"]) == set(contracts.TidyTerms.model_fields)
    assert set(yaml.safe_load(uncommented)["notify"]) == set(contracts.NotifyTerms.model_fields)
    assert set(yaml.safe_load(uncommented)["test_exams"]) == set(contracts.TestExams.model_fields)


def test_a_customer_can_be_added_with_an_earlier_first_day(tmp_path: Path) -> None:
    assert contracts.load(contracts.add("beta", tmp_path, date(2018, 5, 1))).first_day == date(2018, 5, 1)


@pytest.mark.parametrize("name", ["Beta", "1st", "b-eta", "../beta", ""])
def test_a_name_that_cannot_be_a_customer_s_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ContractRefused, match="cannot be a customer's name"):
        contracts.add(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_customer_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = contract(tmp_path, RIGHT)
    with pytest.raises(ContractRefused, match="there is a customer 'acme' already"):
        contracts.add("acme", tmp_path)
    assert path.read_text() == RIGHT
