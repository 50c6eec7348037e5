"""Landing, committing and asking over a real HDFS; the catalog is SQLite, as in the embedded stack."""

import io
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pyiceberg.avro.file import AvroFile

from include.answers import pages
from include.contracts import TopicSpec
from include.errors import LandfallError
from include.lake.lake import Lake
from include.lake.staging import NAMESPACE
from include.maintenance.cleanup import tidy
from include.maintenance.forget import forget
from include.query.session import ask
from include.storage.webhdfs import filesystem
from include.validation.checks import problems, read_landed
from tests.oracle.built_landing import CUSTOMER, RECORDS, Built, attempt, build

SECOND, THIRD = "2018-01-29", "2018-01-30"


@pytest.fixture(scope="module")
def lake(hdfs: Any, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    catalog = tmp_path_factory.mktemp("catalog") / "acme.sqlite"
    return Lake.open(CUSTOMER, f"sqlite:///{catalog}?timeout=60", hdfs.uri, filesystem(hdfs.host, hdfs.port, hdfs.user))


def built(lake: Lake, folder: Path, **options: Any) -> Built:
    lake.create_tables()
    return build(folder, fs=lake.fs, root=lake.path, **options)


def test_a_day_lands_is_corrected_and_asked_over_webhdfs(lake: Lake, tmp_path: Path) -> None:
    first, second = built(lake, tmp_path), built(lake, tmp_path, day=SECOND)
    correction = built(lake, tmp_path, records=[attempt(1), attempt(2)], try_number=2)
    for each in (first, second, correction):
        assert problems(each.publish, each.transform, read_landed(lake.fs, each.transform), max_quarantined=0.2) == []
        done = lake.commit(each.landing, each.transform)
        assert lake.newest() == done
    counts = ask(lake, "select day::varchar, count(*), sum(copies) from assessments group by day order by day").rows
    assert counts == [["2018-01-28", 2, 2], [SECOND, 8, 10]]
    assert ask(lake, "select value from raw_assessments where record = 1 and day = '2018-01-29'").rows == [[RECORDS[1]]]
    assert [row.landing for row in lake.landings()] == [each.transform.landing for each in (first, second, correction)]
    assert lake.commit(first.landing, first.transform).landing == first.transform.landing  # recognised, not landed again
    assert len(lake.landings()) == 3


def test_reports_are_written_beside_the_tables(lake: Lake) -> None:
    newest = lake.newest()
    assert newest is not None
    paths = pages.write(lake, newest)
    assert paths == {
        **{kind: f"/lake/acme/answers/{newest.day}.{kind}" for kind in ("json", "html")},
        **{f"all_days_{kind}": f"/lake/acme/answers/all_days.{kind}" for kind in ("json", "html")},
    }
    for page in ("html", "all_days_html"):
        assert b"Most common exams" in lake.fs.cat_file(paths[page])


def test_a_landing_and_a_tidying_at_once_lose_nothing(hdfs: Any, lake: Lake, tmp_path: Path) -> None:
    waiting = built(lake, tmp_path, day="2018-01-30")  # written, not yet committed
    over = threading.Event()
    tidied = []

    def tidy_on() -> None:
        other = Lake.open(CUSTOMER, lake.catalog.engine.url.render_as_string(), hdfs.uri, filesystem(hdfs.host, hdfs.port, hdfs.user))
        while not over.is_set():
            try:
                tidied.append(tidy(other, unneeded_days=14))
            except LandfallError:
                continue

    tidier = threading.Thread(target=tidy_on)
    tidier.start()
    try:
        for _ in range(20):
            try:
                done = lake.commit(waiting.landing, waiting.transform)
                break
            except LandfallError:
                continue
    finally:
        over.set()
        tidier.join()
    assert lake.newest() == done
    assert sum(each.landings.count for each in tidied) == 0
    before = ask(lake, "select day::varchar, count(*) from options group by day order by day").rows
    gone = tidy(lake, unneeded_days=14, now=datetime.now(UTC) + timedelta(days=15))
    assert gone.landings.count > 0  # those of the landing that was corrected
    assert gone.landings.bytes > 0
    assert ask(lake, "select day::varchar, count(*) from options group by day order by day").rows == before


@pytest.mark.long("tests/unit/maintenance/test_forget.py on local files; tests/e2e/test_again.py forgets on HDFS")
def test_a_forgotten_attempt_is_in_no_file_any_more(lake: Lake, tmp_path: Path) -> None:
    keen_id = "59a5f3c2e4b0a1d2c3f4a5b6"
    records = [attempt(1), attempt(2, keen_id=keen_id), attempt(3)]
    for number in (5, 6):  # the second is a correction, the first is then in old snapshots only
        each = built(lake, tmp_path, day=THIRD, records=[*records, attempt(number)], try_number=number)
        lake.commit(each.landing, each.transform)
    built(lake, tmp_path, day=THIRD, records=records, try_number=7)  # never committed
    assert len(holding(lake, keen_id)) >= 12
    done = forget(lake, keen_id, asked_by="ann", topic=TopicSpec("assessments.acme"))
    assert (done.days, done.rows["assessments"], done.rows["raw_assessments"]) == ({THIRD: 1}, 1, 1)
    assert holding(lake, keen_id) == []
    newest = lake.newest()
    assert newest is not None
    assert (newest.published, newest.landed, newest.forgotten) == (4, 3, 1)
    assert ask(lake, "select sum(forgotten) from landings").rows == [[1]]


def holding(lake: Lake, text: str) -> list[str]:
    """Files under the lake with the text in their bytes, or as a value of a Parquet file."""
    found, table = [], lake.catalog.load_table((NAMESPACE, "assessments"))
    for path in lake.fs.find(lake.path):
        content = lake.fs.cat_file(path)
        if path.endswith(".parquet"):
            content += str(pq.read_table(io.BytesIO(content)).to_pylist()).encode()
        elif path.endswith(".avro"):
            with AvroFile(table.io.new_input(lake.uri(path))) as records:
                content += "".join(str(vars(record)) for record in records).encode()
        if text[:12].encode() in content:
            found.append(path)
    return found


def test_another_user_sees_nothing_and_is_told_why(hdfs: Any, lake: Lake) -> None:
    bob = Lake.open(CUSTOMER, str(lake.catalog.engine.url), hdfs.uri, filesystem(hdfs.host, hdfs.port, "bob"))
    with pytest.raises(LandfallError, match="PermissionError: .*Permission denied: user=bob"):
        bob.newest()


def test_a_namenode_that_is_not_there_is_told(hdfs: Any, lake: Lake) -> None:
    nobody = Lake.open(CUSTOMER, str(lake.catalog.engine.url), hdfs.uri, filesystem(hdfs.host, 1, "landfall"))
    with pytest.raises(LandfallError, match="127.0.0.1:1: .*refused"):
        nobody.newest()
