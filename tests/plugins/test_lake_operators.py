"""Tidying as the contract and the trigger form ask for it, in a lake of local files."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

import connections
from include.contracts import Contract, TidyTerms
from include.lake.lake import Lake
from lake_operators import ALL_CUSTOMERS, TidyLakeOperator
from tests.harness.lakes import FIRST, SECOND, age, commit, directories, files, open_lake, scattered, there
from tests.oracle.built_landing import Built, build

AGE = 15  # days since the abandoned landing was written
FEW, MANY = 4, 400  # fewer files, or days, than there are in this lake, and more


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """A landed day in a file for every row."""
    lake = open_lake(tmp_path)
    commit(lake, scattered(build(tmp_path)))
    monkeypatch.setattr(connections, "lake", {"acme": lake}.__getitem__)
    return lake


@pytest.fixture
def abandoned(lake: Lake, tmp_path: Path) -> Built:
    """A landing that was written long ago, and never committed."""
    built = build(tmp_path, day=SECOND)
    age(built, AGE)
    return built


def tidy(
    *, max_files: int, unneeded_days: int, dry_run: bool, conf: dict[str, Any] | None = None, customer: str = ALL_CUSTOMERS
) -> dict[str, Any]:
    contract = Contract(customer="acme", source="{day}.json", tidy=TidyTerms(max_files=max_files, unneeded_days=unneeded_days))
    ti = SimpleNamespace(xcom_push=lambda key, value: None)
    params = {"dry_run": dry_run, "customer": customer}
    context = {"ti": ti, "params": params, "dag": SimpleNamespace(params=params), "dag_run": SimpleNamespace(conf=conf)}
    return TidyLakeOperator(task_id="tidy_acme", contract=contract).execute(context)  # type: ignore[arg-type]


ASKED = [
    ("both, and it is done", FEW, FEW, False, True, True),
    ("only more files than so many", FEW, MANY, False, True, False),
    ("only what is older than so many days", MANY, FEW, False, False, True),
    ("both, and only told", FEW, FEW, True, False, False),
]


@pytest.mark.parametrize(("why", "max_files", "unneeded_days", "dry_run", "together", "gone"), ASKED, ids=[row[0] for row in ASKED])
def test_the_contracts_terms_and_the_dry_run_are_what_is_done(
    lake: Lake, abandoned: Built, why: str, max_files: int, unneeded_days: int, dry_run: bool, together: bool, gone: bool
) -> None:
    before, tables = sum(files(lake, FIRST).values()), len(files(lake, FIRST))
    told = tidy(max_files=max_files, unneeded_days=unneeded_days, dry_run=dry_run)
    after = sum(files(lake, FIRST).values())
    assert (after, there(abandoned)) == (tables if together else before, not gone), why
    compacted = [{"day": FIRST, "before": before, "after": None if dry_run else tables}] if max_files < before else []
    assert (told["customer"], told["dry_run"], told["compacted"]) == ("acme", dry_run, compacted)
    assert told["landings"]["count"] == (len(directories(abandoned)) if unneeded_days < AGE else 0)
    assert json.loads(json.dumps(told)) == told, "an XCom is JSON"


def test_a_dry_run_that_is_misspelled_removes_nothing(lake: Lake, abandoned: Built) -> None:
    before = sum(files(lake, FIRST).values())
    with pytest.raises(AirflowFailException, match=r"unknown key 'dryrun' \(is 'dry_run' meant\?\)"):
        tidy(max_files=FEW, unneeded_days=FEW, dry_run=False, conf={"dryrun": True})
    assert (sum(files(lake, FIRST).values()), there(abandoned)) == (before, True)


def test_a_run_for_one_customer_skips_the_others(lake: Lake, abandoned: Built) -> None:
    before = sum(files(lake, FIRST).values())
    with pytest.raises(AirflowSkipException, match="tidies the lake of beta alone"):
        tidy(max_files=FEW, unneeded_days=FEW, dry_run=False, customer="beta")
    assert (sum(files(lake, FIRST).values()), there(abandoned)) == (before, True)
    assert tidy(max_files=FEW, unneeded_days=FEW, dry_run=True, customer="acme")["landings"]["count"] > 0
