"""The figures of landed days from Iceberg's manifests: the same as those of the landings themselves, and no data file is opened."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import fsspec
import pytest

from include.errors import LandfallError
from include.lake.day_index import LandedDay, landed_days
from include.lake.lake import Lake
from include.receipts import Landing
from tests.oracle.built_landing import CUSTOMER, RECORDS, attempt, build

DAYS = ("2018-01-27", "2018-01-28", "2018-01-29")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(CUSTOMER, f"sqlite:///{tmp_path}/catalog.sqlite", f"file://{tmp_path}", fsspec.filesystem("file"))


def land(lake: Lake, folder: Path, day: str, number: int, records: tuple[bytes, ...], warnings: tuple[str, ...] = ()) -> Landing:
    built = build(folder, records=records, day=day, try_number=number)
    return lake.commit(replace(built.landing, warnings=warnings), built.transform)


@pytest.fixture
def landings(lake: Lake, tmp_path: Path) -> list[Landing]:
    """Three days; the middle one is landed again, with fewer records and a warning that is longer than a bound keeps."""
    first = [land(lake, tmp_path, day, 1, RECORDS) for day in DAYS]
    return [*first, land(lake, tmp_path, DAYS[1], 2, (attempt(50),), ("exam_name is missing in 80.0 % of 5",))]


def test_a_day_s_figures_are_those_of_its_landing_in_force(lake: Lake, landings: list[Landing]) -> None:
    assert landed_days(lake) == {date.fromisoformat(each.day): LandedDay.of(each) for each in landings}
    again = landed_days(lake)[date(2018, 1, 28)]
    assert (again.published, again.landed, again.quarantined, again.has_warnings) == (1, 1, 0, True)
    assert (landed_days(lake)[date(2018, 1, 27)].quarantined, landed_days(lake)[date(2018, 1, 27)].published) == (2, 12)


def test_no_data_file_is_opened(lake: Lake, landings: list[Landing], tmp_path: Path) -> None:
    found = landed_days(lake)
    gone = list((tmp_path / "lake" / CUSTOMER).rglob("*.parquet"))
    assert len(gone) >= len(landings)
    for path in gone:
        path.unlink()
    assert landed_days(lake) == found


def test_a_file_of_several_landings_is_read_all_the_same(lake: Lake, landings: list[Landing]) -> None:
    found = landed_days(lake)
    table = lake.catalog.load_table(("lake", "landings"))
    table.overwrite(table.scan().to_arrow().sort_by("day"))
    files = table.inspect.files().to_pylist()
    assert max(file["record_count"] for file in files) > 1
    assert landed_days(lake) == found


def test_nothing_has_landed_yet(lake: Lake) -> None:
    assert landed_days(lake) == {}
    lake.create_tables()
    assert landed_days(lake) == {}


def test_a_catalog_that_cannot_be_read_says_so(lake: Lake, landings: list[Landing], tmp_path: Path) -> None:
    lake.catalog.engine.dispose()
    (tmp_path / "catalog.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(LandfallError, match=f"{CUSTOMER}: the lake's catalog cannot be read"):
        landed_days(lake)
