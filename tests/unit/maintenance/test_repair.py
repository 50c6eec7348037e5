"""Repairing a lake that a version before destroyed, on local files: every landing in force is readable again, and the next commit works."""

from pathlib import Path

import pytest

from include import receipts
from include.cli import output
from include.contracts import TopicSpec
from include.errors import LandfallError, Refused
from include.lake.lake import Lake, State
from include.maintenance import repair as repairing
from include.maintenance.forget import forget
from include.maintenance.repair import MARK, repair
from include.query.session import ask
from include.schemas import LANDED
from tests.harness import lakes
from tests.harness.lakes import OTHER_RECORDS, SECOND, commit, expected, newest_landings, open_lake, seen
from tests.oracle.built_landing import Built, attempt, build

THIRD = "2018-01-30"


@pytest.fixture(autouse=True)
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    lakes.shorten_pages(monkeypatch)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(tmp_path)


def expire_all_but_as_before(lake: Lake, state: State) -> None:
    """What forgetting did last, on a state that it had read before: set every table back to it, and expire all other snapshots."""
    for name in LANDED:
        table = lake._load(name)
        if table.metadata.current_snapshot_id != state.snapshots[name]:
            table.manage_snapshots().set_current_snapshot(state.snapshots[name]).commit()
        old = [each for each in table.metadata.snapshots if each.snapshot_id != table.metadata.current_snapshot_id]
        kept = table.current_snapshot()
        assert kept
        files = {kept.manifest_list, *(manifest.manifest_path for manifest in kept.manifests(table.io))}
        freed = {path for each in old for path in (each.manifest_list, *(one.manifest_path for one in each.manifests(table.io)))} - files
        table.maintenance.expire_snapshots().by_ids([each.snapshot_id for each in old]).commit()
        for path in freed:
            table.io.delete(path)


def destroyed(lake: Lake, folder: Path) -> list[Built]:
    """A landing and a correction while a forgetting waits before it expires snapshots; returns what is in force."""
    first, second = build(folder), build(folder, OTHER_RECORDS, SECOND)
    for built in (first, second):
        commit(lake, built)
    read_before = lake.state()
    assert read_before
    correction, third = build(folder, [attempt(1), attempt(60)], SECOND, try_number=2), build(folder, day=THIRD)
    for built in (correction, third):
        commit(lake, built)
    expire_all_but_as_before(lake, read_before)
    return [first, correction, third]


def test_a_destroyed_lake_names_the_command_that_repairs_it(lake: Lake, tmp_path: Path) -> None:
    destroyed(lake, tmp_path)
    with pytest.raises(LandfallError, match=r"snapshot \d+ of assessments is gone: .*\./landfall repair --customer acme"):
        ask(lake, "select count(*) from assessments")
    with pytest.raises(
        Refused, match=r"snapshot \d+ of raw_assessments, .* is gone\. Nothing was changed\. \./landfall repair --customer acme"
    ):
        commit(lake, build(tmp_path, try_number=9))
    with pytest.raises(LandfallError, match=r"\./landfall repair --customer acme"):
        forget(lake, "nobody", asked_by="ann", topic=TopicSpec("assessments.acme"))


def test_it_says_what_it_would_do_then_does_it_and_every_day_in_force_is_readable(
    lake: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    in_force = destroyed(lake, tmp_path)
    landings = lake.landings()
    planned = repair(lake)
    assert [sentence.split(":")[0] for sentence in planned.wrong] == list(LANDED)
    assert (planned.missing, planned.landing) == ((), None)
    assert planned.days == {built.transform.day: built.transform.landing for built in in_force}
    assert planned.rows == sum(files.rows for built in in_force for files in built.transform.tables.values())
    assert lake.landings() == landings, "nothing was changed"
    done = repair(lake, do_it=True)
    assert done.landing
    assert done.landing.startswith(f"{THIRD}-5f3a9c1e-1{MARK}")
    output.repair(planned)
    output.repair(done)
    shown = capsys.readouterr().out
    assert (
        f"acme: --yes would rebuild the tables of 3 days from {planned.files} files with {planned.rows} rows. Nothing was changed." in shown
    )
    assert f"as landing {done.landing}. Every day can be read again." in shown
    assert seen(lake) == expected(*in_force)
    assert newest_landings(lake) == {done.landing}
    assert len(lake.landings()) == len(landings) + 1
    again = build(tmp_path, OTHER_RECORDS, try_number=8)
    commit(lake, again)
    assert seen(lake) == expected(again, *in_force[1:])
    assert (repair(lake).wrong, repair(lake).missing) == ((), ())


@pytest.mark.not_quick("two repairs; the tests above have one each")
def test_a_repaired_lake_that_is_destroyed_again_is_repaired_again(lake: Lake, tmp_path: Path) -> None:
    in_force = destroyed(lake, tmp_path)
    repair(lake, do_it=True)
    read_before = lake.state()
    assert read_before
    again = build(tmp_path, OTHER_RECORDS, try_number=8)
    commit(lake, again)
    expire_all_but_as_before(lake, read_before)
    assert repair(lake, do_it=True).landing
    assert seen(lake) == expected(again, *in_force[1:])
    forget(lake, "keen 1", asked_by="ann", topic=TopicSpec("assessments.acme"))
    assert (repair(lake).wrong, repair(lake).missing) == ((), ())


def test_a_sound_lake_is_left_alone(lake: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Refused, match="acme: nothing has landed, so there is nothing to repair"):
        repair(lake)
    commit(lake, build(tmp_path))
    commit(lake, build(tmp_path, OTHER_RECORDS, try_number=2))
    before = lake.state()
    done = repair(lake, do_it=True)
    assert (done.wrong, done.missing, done.landing, lake.state()) == ((), (), None, before)
    output.repair(done)
    assert capsys.readouterr().out == f"acme: nothing is wrong. Every table has the {done.files} files of 1 days in force.\n"


DAMAGES = [
    ("a file is gone", lambda file: file.unlink(), "expected 5 rows"),
    ("a file was cut off", lambda file: file.write_bytes(file.read_bytes()[:-40]), "part-00000"),
]


@pytest.mark.parametrize(("why", "damage", "said"), DAMAGES, ids=[row[0] for row in DAMAGES])
def test_without_all_files_nothing_is_changed(lake: Lake, tmp_path: Path, why: str, damage: object, said: str) -> None:
    in_force = destroyed(lake, tmp_path)
    damage(Path(in_force[1].path("options")))  # type: ignore[operator]
    before = lake.landings()
    planned = repair(lake)
    assert [sentence for sentence in planned.missing if SECOND in sentence or "options" in sentence], why
    with pytest.raises(
        Refused, match="cannot be repaired, and nothing was changed, for files of landings in force are not there or not whole"
    ):
        repair(lake, do_it=True)
    assert lake.landings() == before


def test_the_receipt_of_spark_says_how_long_each_file_is(lake: Lake, tmp_path: Path) -> None:
    in_force = destroyed(lake, tmp_path)
    folder = Path(lake.path, "receipts")
    folder.mkdir()
    for built in in_force:
        receipts.write(built.transform, folder / f"landing={built.transform.landing}.json")
    assert repair(lake).missing == ()
    file = Path(in_force[0].path("questions"))
    file.rename(file.with_name("part-00001.zstd.parquet"))
    assert [sentence.rpartition(": ")[2] for sentence in repair(lake).missing] == [
        f"expected {in_force[0].transform.tables['questions'].files[0].bytes} bytes, found no file",
        f"expected no bytes, found {file.with_name('part-00001.zstd.parquet').stat().st_size}",
    ]
    assert repairing._directory(f"a{MARK}abcdef") == "a"
