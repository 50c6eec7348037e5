"""What the tables say of themselves: every column, and nothing that the sample files contradict."""

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from include.contracts import OURS, load
from include.figures import COUNTED
from include.receipts import Landing
from include.schemas import LANDED, LANDINGS, READ_FROM, TABLES, VIEWS, Table, View
from include.stack import samples
from tests.oracle.recount import recount

DAY = "2018-01-28"
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rows]:
    """The tables of the sample files, as counted without Spark."""
    exams = load(OURS / "demo.yaml").test_exams
    files = samples.write(tmp_path_factory.mktemp("samples"), DAY)
    return recount(sorted(files), DAY, exams.exam_name, exams.base_exam_id).tables


def docs(table: Table) -> dict[str, str]:
    return {field.name: str(field.doc) for field in table.iceberg.fields}


@pytest.mark.parametrize("described", [*TABLES.values(), *VIEWS.values()], ids=lambda each: each.name)
def test_every_column_has_a_description_that_reads_as_one_sentence(described: Table | View) -> None:
    assert described.description.startswith("One row per ")
    for name, _, meaning in described.columns:
        assert len(meaning) > 5, name
        assert not meaning.endswith("."), name
        assert not meaning[0].isspace(), name


def test_what_is_read_from_a_record_says_where() -> None:
    for table, paths in READ_FROM.items():
        for path, column in paths.items():
            assert column in TABLES[table].arrow.names
            if column != "keen_id":
                assert f"; read from {path}, null where" in docs(TABLES[table])[column]


def nulls(table: Table, rows: Rows) -> Iterator[str]:
    """Columns with a null that their description does not speak of."""
    for name, doc in docs(table).items():
        if "null" not in doc and any(name in row and row[name] is None for row in rows):
            yield name


@pytest.mark.parametrize("table", LANDED.values(), ids=lambda table: table.name)
def test_where_a_description_does_not_speak_of_null_there_is_none(table: Table, rows: dict[str, Rows]) -> None:
    assert rows[table.name]
    assert list(nulls(table, rows[table.name])) == []


def test_an_unspoken_null_is_found() -> None:
    assert list(nulls(LANDED["assessments"], [{"copies": None, "score": None, "day": 1}])) == ["copies"]


def test_what_a_landing_may_lack_is_said_to_be_null_there() -> None:
    """Columns that came later are null in the rows of an earlier version."""
    later = [name for name, doc in docs(LANDINGS).items() if "null before" in doc]
    figures = [name for name in COUNTED if Landing.__dataclass_fields__[name].default is None]
    assert later == ["conservation", "unknown_fields", "forgotten", "claim", "proof", *figures]
    assert set(LANDINGS.arrow.names) == set(Landing.__dataclass_fields__)


@pytest.mark.parametrize("view", VIEWS.values(), ids=lambda view: view.name)
def test_a_view_has_the_columns_that_are_described(view: View) -> None:
    lake = duckdb.connect()
    lake.execute(f"create table {view.table} ({', '.join(f'{name} {kind}' for name, kind in TABLES[view.table].duckdb.items())})")
    assert lake.sql(view.rows).columns == [name for name, _, _ in view.columns]
