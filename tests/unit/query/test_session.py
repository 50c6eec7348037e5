"""Questions to a lake: what is answered, with which types, what is refused, and that nothing else is touched."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.parquet as pq
import pytest

from include.errors import LandfallError, Refused
from include.lake.lake import Lake
from include.query import session as asking
from include.query.session import ONCE, NotAnswered, Session, ask
from include.schemas import TABLES, VIEWS
from tests.oracle.built_landing import CUSTOMER, RECORDS, attempt, build


def open_lake(folder: Path, fs: Any = None) -> Lake:
    return Lake.open(CUSTOMER, f"sqlite:///{folder}/catalog.sqlite?timeout=60", f"file://{folder}", fs or fsspec.filesystem("file"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with two days landed; the second has no quarantine."""
    made = tmp_path_factory.mktemp("lake")
    lake = open_lake(made)
    for built in (build(made), build(made, records=[attempt(1), attempt(2)], day="2018-01-29")):
        lake.commit(built.landing, built.transform)
    return made


@pytest.fixture
def lake(folder: Path) -> Lake:
    return open_lake(folder)


ANSWERS = [
    ("every table by its plain name", "select count(*) from questions", [[16]]),
    ("in any case, in any place", 'select (select count(*) from Assessments a where exists (from "QUARANTINE")) as n', [[10]]),
    ("joins", "select count(*) from options join questions q using (keen_id, hash) where q.position = question_position",
     [[32]]),
    ("common table expressions", "with mine as (select * from exam_scores) select sum(copies) from mine", [[12]]),
    ("landings too", "select day::varchar, landed from landings order by day", [["2018-01-28", 8], ["2018-01-29", 2]]),
    ("dates are dates", "select max(day) from assessments", [[date(2018, 1, 29)]]),
    ("times are in UTC", "select keen_timestamp from assessments limit 1", [[datetime(2018, 1, 28, 19, 19, 11, 279837, tzinfo=UTC)]]),
    ("hours are UTC's", "select distinct extract(hour from started_at) from assessments where started_at is not null", [[9]]),
    ("decimals are decimals", "select 1.50::decimal(5, 2) as d", [[Decimal("1.50")]]),
    ("sums are whole numbers, however large", "select sum(attempts), sum(9223372036854775807) from exam_scores",
     [[10, 9223372036854775807 * 9]]),
    ("sums over nothing are null", "select sum(attempts) as n from exam_scores where exam_name = 'none'", [[None]]),
    ("bytes are bytes", f"select value from raw_assessments where record = {len(RECORDS) - 1}", [[RECORDS[-1]]]),
    ("null is not empty", "select certification is null, score from assessments where keen_id = 'keen 5'", [[True, None]]),
    ("columns with names that SQL knows, quoted", 'select count("at"), max("offset") from options, raw_assessments', [[224, 1003]]),
    ("pivot", "pivot questions on user_result using count(*) group by day order by day", None),
    ("describe", "describe quarantine", None),
    ("which tables there are", "select name from (show tables) order by name", [[name] for name in sorted([*TABLES, *VIEWS])]),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "sql", "rows"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_questions_are_answered(lake: Lake, reason: str, sql: str, rows: list[list[Any]] | None) -> None:
    found = ask(lake, sql)
    assert found.rows, reason
    assert rows is None or found.rows == rows, reason
    assert len(found.columns) == len(found.types) == len(found.rows[0])


REFUSED = [
    ("a table that is not there", "select * from exams", "there is no table exams. There are: raw_assessments, assessments, questions"),
    ("a column that is not there", "select scores from assessments", 'Candidate bindings: "score"'),
    ("a slip of the pen", "selct 1", "syntax error at or near"),
    ("a keyword for a column", "select at from options", "The columns at and offset are keywords of SQL: write them in double quotes."),
    ("nothing", "", "one query is expected, found 0"),
    ("only a comment", "-- hm", "one query is expected, found 0"),
    ("two at once", "select 1; select 2", "one query is expected, found 2"),
    ("writing", "insert into assessments select * from assessments",
     "a lake is read here, never changed: a select is expected, found insert"),
    ("deleting", "drop table assessments", "found drop"),
    ("settings", "set threads = 1", "found set"),
    ("exporting", "copy (select 1 as x) to 'lake:///x.csv'", "found copy"),
    ("exporting to this machine", "copy (select 1 as x) to 'landfall-x.csv'", "found copy"),
    ("attaching", "attach 'landfall-x.db'", "found attach"),
    ("extensions", "install httpfs", "found load"),
    ("files of this machine", "select * from read_text('/etc/hostname')", "file system operations are disabled"),
    ("files of this machine, as a table", "select * from '/etc/hostname'", ""),
    ("the network", "select * from read_csv('http://127.0.0.1:1/x.csv')", ""),
    ("files outside of the lake", "select * from read_text('lake:///etc/hostname')", ""),
    ("files outside of the lake, on a detour", "select * from read_text('lake:///{root}/../../../../../../../etc/hostname')", ""),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "sql", "sentence"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_cannot_be_answered_is_refused_with_the_reason(lake: Lake, reason: str, sql: str, sentence: str) -> None:
    with pytest.raises(LandfallError) as refused:
        ask(lake, sql.format(root=lake.path))
    assert sentence in str(refused.value), reason
    assert isinstance(refused.value, NotAnswered | LandfallError), reason


def test_what_pivot_becomes_cannot_write_either(lake: Lake, folder: Path) -> None:
    with pytest.raises(LandfallError):
        ask(lake, f"copy (pivot questions on user_result using count(*)) to 'lake://{lake.path}/x.csv'")
    assert not Path(lake.path, "x.csv").exists()


def test_the_files_of_a_session_can_be_read_and_nothing_else(lake: Lake, folder: Path) -> None:
    files = asking._LakeFiles(lake.fs, lake.path)
    for path in (f"lake://{lake.path}/../../catalog.sqlite", "lake:///etc/hostname", lake.path, f"{lake.path}2/x"):
        with pytest.raises(PermissionError, match="is not in this lake"):
            files.open(path)
    with pytest.raises(PermissionError, match="never written"):
        files.open(f"lake://{lake.path}/x", "wb")


def test_an_empty_lake_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotAnswered, match=r"acme: nothing has landed yet.* ./landfall land --customer acme --day"):
        ask(open_lake(tmp_path), "select 1")


def test_an_attempt_belongs_to_the_first_day_it_was_seen_on_whatever_the_order_of_landings(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    again, new, first = attempt(1), attempt(2), attempt(3)
    for day, records in (("2018-01-30", [again, new]), ("2018-01-28", [again, again, first]), ("2018-01-29", [again])):
        built = build(tmp_path, records=records, day=day)
        lake.commit(built.landing, built.transform)
    seen = ask(lake, "select keen_id, first_day::varchar, days from first_seen order by 1").rows
    assert seen == [["keen 1", "2018-01-28", 3], ["keen 2", "2018-01-30", 1], ["keen 3", "2018-01-28", 1]]
    distinct = (
        "select day::varchar, count(*) from assessments join first_seen using (keen_id, hash) where day = first_day group by 1 order by 1"
    )
    assert ask(lake, distinct).rows == [["2018-01-28", 2], ["2018-01-30", 1]]


@pytest.fixture(scope="module")
def repeating(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The second day brings nothing but attempts of the first."""
    folder = tmp_path_factory.mktemp("repeating")
    for built in (build(folder), build(folder, records=RECORDS[:4], day="2018-01-29")):
        open_lake(folder).commit(built.landing, built.transform)
    return open_lake(folder)


@pytest.mark.parametrize("table", ONCE)
def test_what_came_again_on_a_later_day_can_be_left_out(repeating: Lake, table: str) -> None:
    """What is left is the first day's rows, as they were landed."""
    lake = repeating
    with Session(lake) as all_days, Session(lake, once=True) as once:
        first = all_days.ask(f"select * from {table} where day = '2018-01-28' order by all")
        assert all_days.ask(f"select count(*) from {table} where day = '2018-01-29'").rows != [[0]]
        assert once.ask(f"select * from {table} order by all") == first
        assert once.ask(f"select count(*) from all_{table}") == all_days.ask(f"select count(*) from {table}")
        assert all_days.ask(f"select * from all_{table} order by all") == all_days.ask(f"select * from {table} order by all")


def test_a_refusal_is_final() -> None:
    assert issubclass(NotAnswered, Refused)


def test_a_column_that_came_later_is_null_in_rows_of_the_version_before(tmp_path: Path) -> None:
    lake, later = open_lake(tmp_path), ["proof", "claim"]
    first = build(tmp_path)
    lake.commit(first.landing, first.transform)
    [row] = lake.files("landings", lake.metadata("landings").current_snapshot_id or 0)
    pq.write_table(pq.read_table(row, partitioning=None).drop_columns(later), row)
    with lake._load("landings").update_schema(allow_incompatible_changes=True) as update:
        for column in later:
            update.delete_column(column)
    select = "select day::varchar, claim, landed from landings where proof is null or proof <> '' order by day"
    assert ask(lake, select).rows == [["2018-01-28", None, 8]], "before anything was landed since"
    second = build(tmp_path, records=[attempt(1)], day="2018-01-29")
    lake.commit(replace(second.landing, claim=7), second.transform)
    assert ask(lake, select).rows == [["2018-01-28", None, 8], ["2018-01-29", 7, 1]]


def test_tables_that_a_question_does_not_name_are_not_opened(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[str] = []
    real = Lake.dated_files
    monkeypatch.setattr(Lake, "dated_files", lambda self, table, snapshot: looked_up.append(table) or real(self, table, snapshot))
    ask(lake, "select count(*) from quarantine")
    assert looked_up == ["quarantine"]


DAYS = [
    ("a day", "where day = '2018-01-29'", 1),
    ("a day as a parameter", "where $day::date is null or day = $day::date", 1),
    ("a day as text", "where day::varchar = '2018-01-29'", 1),
    ("a span of days", "where day > '2018-01-28'", 1),
    ("some days", "where day in ('2018-01-27', '2018-01-29')", 1),
    ("any day", "", 2),
]


@pytest.mark.parametrize(("reason", "where", "files"), DAYS, ids=[row[0] for row in DAYS])
def test_of_a_question_about_some_days_the_files_of_others_stay_closed(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, reason: str, where: str, files: int
) -> None:
    fetched: list[str] = []
    real = lake.fs.cat_file
    monkeypatch.setattr(lake.fs, "cat_file", lambda path: fetched.append(path) or real(path))
    with Session(lake) as session:
        session.ask("describe assessments")  # one file's columns stand for all
        described = set(fetched)
        found = session.ask(f"select sum(copies) from assessments {where}", {"day": "2018-01-29"} if "$day" in where else None)
    assert len(described) == 1
    assert len(set(fetched) - described) == files - (not where), reason
    assert found.rows == ([[2]] if where else [[12]])


def test_a_session_is_one_moment_also_when_a_landing_is_committed_meanwhile(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    first, second = build(tmp_path), build(tmp_path, records=[attempt(1)], try_number=2)
    lake.commit(first.landing, first.transform)
    with Session(lake) as session:
        assert session.ask("select count(*) from assessments").rows == [[8]]
        lake.commit(second.landing, second.transform)
        assert session.ask("select count(*) from assessments").rows == [[8]]
        assert session.ask("select count(*) from questions").rows == [[14]]  # looked up only now
        assert session.ask("select count(*) from landings").rows == [[1]]
    assert ask(lake, "select count(*) from questions").rows == [[1]]


def test_a_table_that_came_after_the_landing_is_there_and_empty(lake: Lake) -> None:
    state = lake.state()
    assert state is not None
    older = replace(state, snapshots={table: snapshot for table, snapshot in state.snapshots.items() if table != "quarantine"})
    with Session(lake, older) as session:
        assert session.ask("select count(*), max(day) from quarantine").rows == [[0, None]]


def test_large_files_are_read_by_ranges(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "SMALL_BYTES", 10)
    assert ask(lake, "select count(*), count(value) from raw_assessments").rows == [[14, 14]]


def test_a_filesystem_that_fails_within_a_query_is_named_and_may_be_asked_again(lake: Lake) -> None:
    """A question that is wrong would be refused for good; this one is only unlucky."""

    class Failing(type(lake.fs)):  # type: ignore[misc]
        cachable = False

        def cat_file(self, path: str, *_: Any, **__: Any) -> bytes:
            raise ConnectionError(f"OPEN {path}: HTTP 500 from 127.0.0.1:9864")

    lake.fs = Failing()
    with pytest.raises(LandfallError, match=r"the lake could not be read: ConnectionError: OPEN .*HTTP 500 from 127.0.0.1:9864") as failed:
        ask(lake, "select count(*) from questions where position = 0")
    assert not isinstance(failed.value, Refused)
    assert "Traceback" not in str(failed.value)
