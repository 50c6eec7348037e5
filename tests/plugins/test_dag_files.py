"""What DAG files have in common, and the one function that a folder of DAGs elsewhere calls."""

from pathlib import Path

import pytest

import dag_files
from include import contracts
from include.contracts import ContractRefused
from include.errors import Refused

CONTRACT = 'source: "x/{day}"\nfirst_day: 2018-01-28\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the contracts, with one customer."""
    monkeypatch.setattr(contracts, "FOLDER", tmp_path)
    (tmp_path / "beta.yaml").write_text(CONTRACT)
    return tmp_path


PAUSED = [("", False), ("false", False), ("False", False), ("true", True), ("True", True)]


@pytest.mark.parametrize(("value", "paused"), PAUSED)
def test_all_dags_begin_paused_or_none(folder: Path, monkeypatch: pytest.MonkeyPatch, value: str, paused: bool) -> None:
    (folder / "wrong.yaml").write_text("source: 1\n")
    monkeypatch.setenv(dag_files.PAUSED, value)
    dags = dag_files.every_dag()
    assert dags.keys() == {"land_assessments_beta", "land_assessments_wrong", "tidy_lake", "keep_rights", "forget_attempt"}
    assert {dag.is_paused_upon_creation for dag in dags.values()} == {paused}


def test_a_value_that_is_neither_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(dag_files.PAUSED, "yes")
    with pytest.raises(Refused, match=r"LANDFALL_DAGS_PAUSED: expected true or false, found 'yes'"):
        dag_files.every_dag()


def test_a_process_that_parses_again_sees_a_new_customer(folder: Path) -> None:
    assert "land_assessments_gamma" not in dag_files.every_dag()
    (folder / "gamma.yaml").write_text(CONTRACT)
    assert "land_assessments_gamma" in dag_files.every_dag()


def test_without_a_folder_of_contracts_there_is_a_reason_and_no_empty_list(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for folder, reason in ((contracts.OURS, "is not set"), (tmp_path / "nothing", f"found no folder {tmp_path}/nothing")):
        monkeypatch.setattr(contracts, "FOLDER", folder)
        with pytest.raises(ContractRefused, match=reason):
            dag_files.every_dag()
