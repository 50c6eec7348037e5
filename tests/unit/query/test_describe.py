"""The tables as `./landfall tables` tells of them: from the catalog, with the rows that readers see."""

from pathlib import Path

import pytest

from include.lake.lake import Lake
from include.query.describe import described
from include.query.session import NotAnswered, ask
from include.schemas import TABLES, VIEWS
from tests.harness.lakes import SECOND, commit, open_lake
from tests.oracle.built_landing import RECORDS, attempt, build


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Two days, the first of them corrected; the quarantine of the second one is empty."""
    lake = open_lake(tmp_path)
    for built in (
        build(tmp_path),
        build(tmp_path, records=[attempt(1), attempt(2)], day=SECOND),
        build(tmp_path, records=[*RECORDS, attempt(1), attempt(40)], try_number=2),
    ):
        commit(lake, built)
    return lake


def test_every_table_and_view_is_there_with_its_rows_in_force(lake: Lake) -> None:
    found = described(lake)
    assert [each.name for each in found] == [*TABLES, *VIEWS]
    for each in found:
        assert [[each.rows]] == ask(lake, f"select count(*) from {each.name}").rows, each.name
    assert {each.kind for each in found if each.name in VIEWS} == {"view"}


def test_columns_are_told_as_the_catalog_has_them_in_order_with_type(lake: Lake) -> None:
    with lake._load("options").update_schema() as update:
        update.update_column("at", doc="of another version")
    [options] = described(lake, "options")
    told = {column.name: (column.type, column.description) for column in options.columns}
    assert list(told) == TABLES["options"].arrow.names
    assert told["at"] == ("timestamptz", "of another version"), "from the catalog, not from this version's code"
    assert told["hash"] == ("long", TABLES["options"].iceberg.find_field("hash").doc)


def test_before_the_first_landing_of_a_table_it_has_no_rows(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    commit(lake, build(tmp_path, records=[attempt(1)]))
    assert {each.name: each.rows for each in described(lake)}["quarantine"] == 0


def test_a_table_that_there_is_not_is_refused_and_so_is_an_empty_lake(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(NotAnswered, match=r"there is no table attempts\. There are: raw_assessments, .*first_seen\."):
        described(lake, "attempts")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotAnswered, match="nothing has landed yet"):
        described(open_lake(tmp_path / "empty"))
