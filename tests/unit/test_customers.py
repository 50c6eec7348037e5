"""Contracts: a right one is read, a wrong one is refused with every fault at once."""

from pathlib import Path

import pytest

from include import customers
from include.customers import Contract, ContractRefused

RIGHT = "source: acme/{day}.json\n"


def contract(folder: Path, text: str, name: str = "acme") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["demo", "acme"])
def test_the_contracts_that_come_with_landfall_are_right(name: str) -> None:
    assert customers.customer(name).topic_spec.name == f"assessments.{name}"


def test_a_short_contract_has_defaults(tmp_path: Path) -> None:
    read = customers.load(contract(tmp_path, RIGHT))
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
    ("all faults at once", RIGHT + "max_quarantined: 5\ntime_zone: Mars\n", ["2 wrong", "max_quarantined", "time_zone"]),
    ("the file's name is the customer", RIGHT + "customer: beta\n", ["customer", "file's name"]),
    ("a list is no contract", "- a\n", ["expected keys", "list"]),
    ("not YAML", "source: [", ["not readable as YAML"]),
    ("an empty file", "", ["expected keys", "NoneType"]),
]


@pytest.mark.parametrize(("why", "text", "said"), WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_contract_is_refused_with_file_key_and_reason(tmp_path: Path, why: str, text: str, said: list[str]) -> None:
    with pytest.raises(ContractRefused) as refused:
        customers.load(contract(tmp_path, text))
    for part in ["acme.yaml", *said]:
        assert part in str(refused.value), why


def test_a_wrong_contract_leaves_the_others_alone(tmp_path: Path) -> None:
    contract(tmp_path, RIGHT)
    contract(tmp_path, "source: 5\n", "beta")
    contract(tmp_path, RIGHT, "Not a name")
    found = customers.load_all(tmp_path)
    assert {name: type(each) for name, each in found.items()} == {"acme": Contract, "beta": ContractRefused, "Not a name": ContractRefused}


def test_an_unknown_customer_is_told_who_is_known(tmp_path: Path) -> None:
    contract(tmp_path, RIGHT)
    with pytest.raises(ContractRefused, match="no customer 'acne'; known are: acme"):
        customers.customer("acne", tmp_path)
