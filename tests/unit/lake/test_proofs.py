"""What a landing rests on: receipts that belong together, a proof that is of them, files that are as they were proven, and the claim."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from include import receipts
from include.errors import Refused
from include.lake.commit import LandingSuperseded
from include.lake.lake import Lake
from include.lake.proofs import Unproven, evidence, landing_of, prove, require_proven, require_related
from include.maintenance import compact
from include.receipts import Override, Proof, PublishReceipt, Source, SourceFile, TransformReceipt, digest
from include.validation.checks import found_on_hdfs, read_landed
from tests.harness.lakes import OTHER_RECORDS, current, open_lake, scattered, seen
from tests.oracle.built_landing import CUSTOMER, DAY, Built, build

Chain = tuple[Source, PublishReceipt, TransformReceipt]
OVERRIDE = Override("agreed with acme", "ann", ("6 of 12 records are unreadable.",))


def chain(built: Built, claim: int | None = 1) -> Chain:
    """The receipts of a run that has come to `validate`."""
    sha256 = built.publish.source_sha256
    source = Source(CUSTOMER, DAY, (SourceFile("file:///in/a.json", 1000, sha256),), 1000, sha256, "2018-01-29T06:00:00+00:00", claim)
    publish = replace(built.publish, builds_on=digest(source))
    return source, publish, replace(built.transform, builds_on=digest(publish))


def proof_of(built: Built, run: Chain, **judgement: Any) -> Proof:
    facts = read_landed(built.fs, built.transform).facts
    assert facts
    return prove(*run, found_on_hdfs(facts, built.transform), **{"max_quarantined": 0.2, "accept_empty": False, **judgement})


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(tmp_path)


@pytest.fixture
def built(tmp_path: Path) -> Built:
    return build(tmp_path)


# ---------------------------------------------------------------- receipts that belong together

STRANGERS = [
    ("as they were handed on", {}, {}, {}, None),
    ("the source was found again, later", {"found_at": "2018-01-30T06:00:00Z"}, {}, {}, "find_source has run again since publish"),
    ("under another claim", {"claim": 2}, {}, {}, "find_source has run again since publish. Clear publish and the tasks after it."),
    ("another file", {"sha256": "cd" * 32}, {}, {}, "publish has published sha256 abab"),
    ("another day", {"day": "2018-01-29"}, {}, {}, "publish has published day 2018-01-28, find_source has found 2018-01-29"),
    ("another customer", {"customer": "demo"}, {}, {}, "publish has published customer acme, find_source has found demo"),
    ("published again, with nothing to send", {}, {"sent": 0}, {}, "publish has run again since transform. Clear transform and the tasks"),
    ("published again, as another ingest", {}, {"ingest": "f" * 16}, {}, "transform has read ingest 0123456789abcdef, publish has"),
    ("Spark read another topic", {}, {}, {"topic": "t"}, "transform has read topic t, publish has published assessments.acme"),
    ("a receipt of an earlier version", {}, {}, {"builds_on": ""}, "publish has run again since transform"),
]  # fmt: skip


@pytest.mark.parametrize(("why", "found", "published", "read", "said"), STRANGERS, ids=[row[0] for row in STRANGERS])
def test_receipts_that_do_not_build_on_each_other_are_refused(
    built: Built, why: str, found: Any, published: Any, read: Any, said: str | None
) -> None:
    source, publish, transform = chain(built)
    run = replace(source, **found), replace(publish, **published), replace(transform, **read)
    if said is None:
        require_related(*run)
        return
    with pytest.raises(Unproven, match="receipts of this run do not belong together") as refused:
        require_related(*run)
    assert said in str(refused.value), why


def test_a_digest_is_the_same_on_either_side_of_an_xcom(built: Built) -> None:
    for receipt in chain(built):
        assert digest(receipts.read(type(receipt), receipts.plain(receipt), "here")) == digest(receipt)
    proof = proof_of(built, chain(built), override=OVERRIDE)
    assert receipts.read(Proof, receipts.plain(proof), "here") == proof


# ---------------------------------------------------------------- the proof


def test_a_proof_names_what_it_is_about(built: Built) -> None:
    run = chain(built)
    proof = proof_of(built, run, warnings=("told",), override=OVERRIDE)
    assert (proof.landing, proof.customer, proof.day) == (built.transform.landing, CUSTOMER, DAY)
    assert (proof.ingest, proof.sha256) == (built.publish.ingest, built.publish.source_sha256)
    assert proof.rests_on == dict(zip(("find_source", "publish", "transform"), map(digest, run), strict=True))
    assert proof.files["holes"][0].bytes == built.fs.info(built.path("holes"))["size"]
    assert proof.rows["assessments"] == 8
    assert (proof.found.records, proof.found.content_hash) == (12, built.publish.content_hash)
    assert proof.warnings == (OVERRIDE.sentence, "told")


def test_other_limits_leave_the_evidence_what_it_is(built: Built) -> None:
    run = chain(built)
    strict, lax = proof_of(built, run), proof_of(built, run, max_quarantined=1.0, accept_empty=True, override=OVERRIDE)
    assert evidence(strict) == evidence(lax)
    assert evidence(strict) != evidence(replace(strict, found=replace(strict.found, records=13)))


NOT_OF_IT = [
    ("another try of transform", {"landing": "2018-01-28-another"}, "to be committed is 2018-01-28-5f3a9c1e-1, which nobody has looked at"),
    (
        "it rests on another receipt",
        {"rests_on": {"find_source": "", "publish": "", "transform": ""}},
        "publish and transform ran again since",
    ),
    ("other files", {"files": {}}, "it names other files or figures than the receipts"),
    ("another day's", {"day": "2018-01-29"}, "it names other files or figures"),
    ("another customer's", {"customer": "demo"}, "it names other files or figures"),
    ("another source", {"sha256": "cd" * 32}, "it names other files or figures"),
    ("another ingest", {"ingest": "f" * 16}, "it names other files or figures"),
]


@pytest.mark.parametrize(("why", "changed", "said"), NOT_OF_IT, ids=[row[0] for row in NOT_OF_IT])
def test_a_proof_of_something_else_is_refused(built: Built, why: str, changed: Any, said: str) -> None:
    run = chain(built)
    proof = proof_of(built, run)
    require_proven(proof, *run)
    with pytest.raises(Unproven, match="Nothing was changed. Clear validate and the tasks after it") as refused:
        landing_of(*run, replace(proof, **changed), run_id="r", seconds={})
    assert said in str(refused.value), why


# ---------------------------------------------------------------- what the lake commits


def commit(lake: Lake, built: Built, claim: int | None = None, **changed: Any) -> Any:
    run = chain(built, claim)
    return lake.commit(replace(landing_of(*run, proof_of(built, run), run_id="r", seconds={}), **changed), run[2])


def test_nothing_is_committed_without_a_proof(lake: Lake, built: Built) -> None:
    with pytest.raises(Unproven, match="comes without a proof. Nothing was changed"):
        commit(lake, built, proof="")
    assert lake.landings() == []


def test_the_row_keeps_proof_claim_and_override(lake: Lake, built: Built) -> None:
    done = commit(lake, built, claim=3, override=OVERRIDE)
    assert lake.newest() == lake.in_force(DAY) == done
    assert (done.claim, done.override, len(done.proof)) == (3, OVERRIDE, 64)
    table = lake._load("landings").scan().to_arrow()
    assert table["override"].to_pylist()[0].startswith('{"reason": "agreed with acme"')
    assert commit(lake, build(Path(lake.path).parents[1], OTHER_RECORDS, try_number=2), claim=4).override is None
    assert lake._load("landings").scan().to_arrow()["override"].null_count == 1, "null, which a query can ask for"


OTHERS = [
    ("another file", {"sha256": "cd" * 32}, "sha256 abab"),
    ("another publishing", {"ingest": "f" * 16}, "ingest 0123456789abcdef, now ffff"),
    ("another proof", {"proof": "e" * 64}, "proof "),
]


@pytest.mark.parametrize(("why", "changed", "said"), OTHERS, ids=[row[0] for row in OTHERS])
def test_a_landing_of_the_same_name_is_done_only_if_it_is_the_same(lake: Lake, built: Built, why: str, changed: Any, said: str) -> None:
    done = commit(lake, built)
    before = current(lake)
    assert commit(lake, built) == done
    with pytest.raises(Refused, match=r"was committed at .* by run r for other records") as refused:
        commit(lake, built, **changed)
    assert said in str(refused.value), why
    assert (lake.landings(), current(lake)) == ([done], before)


CHANGED = [
    ("grown", lambda path: path.write_bytes(path.read_bytes() + b"x"), r"holes/.*: expected \d+ bytes, found \d+ bytes"),
    ("gone", lambda path: path.unlink(), r"holes/.*: expected \d+ bytes, found no file"),
    ("one more", lambda path: (path.parent / "more.parquet").write_bytes(b"x"), r"more.parquet: expected no file, found 1 bytes"),
]


@pytest.mark.parametrize(("why", "change", "said"), CHANGED, ids=[row[0] for row in CHANGED])
def test_files_that_are_not_those_that_were_proven_are_refused(lake: Lake, built: Built, why: str, change: Any, said: str) -> None:
    run = chain(built)
    row = landing_of(*run, proof_of(built, run), run_id="r", seconds={})
    change(Path(built.path("holes")))
    with pytest.raises(Unproven, match=said):
        lake.commit(row, run[2])
    assert lake.landings() == [], why


def test_what_is_committed_already_may_have_lost_its_files(lake: Lake, built: Built) -> None:
    """A later landing took its place, and they were tidied away; its cleared `commit` has nothing to do."""
    run = chain(built)
    row = landing_of(*run, proof_of(built, run), run_id="r", seconds={})
    done = lake.commit(row, run[2])
    Path(built.path("holes")).unlink()
    assert lake.commit(row, run[2]) == done


CLAIMS = [
    ("a later claim, whatever the clocks say", 2, "2018-01-30T06:00:00+00:00", 3, "2018-01-29T06:00:00+00:00", True),
    ("the same one: the same run again", 2, "2018-01-30T06:00:00+00:00", 2, "2018-01-29T06:00:00+00:00", True),
    ("an earlier claim, whatever the clocks say", 3, "2018-01-29T06:00:00+00:00", 2, "2018-01-30T06:00:00+00:00", False),
    ("of an earlier version, which had no claim", None, "2018-01-30T06:00:00+00:00", 1, "2018-01-29T06:00:00+00:00", True),
    ("both of it, found later", None, "2018-01-29T06:00:00+00:00", None, "2018-01-30T06:00:00+00:00", True),
    ("both of it, found earlier", None, "2018-01-30T06:00:00+00:00", None, "2018-01-29T06:00:00+00:00", False),
    ("without a claim after one with it", 1, "2018-01-29T06:00:00+00:00", None, "2018-01-30T06:00:00+00:00", False),
]


@pytest.mark.parametrize("row", CLAIMS, ids=[row[0] for row in CLAIMS])
def test_claims_order_the_landings_of_a_day(lake: Lake, tmp_path: Path, row: tuple[Any, ...]) -> None:
    why, claim, found_at, next_claim, next_found_at, lands = row
    first, second = build(tmp_path), build(tmp_path, OTHER_RECORDS, try_number=2)
    commit(lake, first, claim, found_at=found_at)
    before = seen(lake), current(lake)
    if lands:
        assert commit(lake, second, next_claim, found_at=next_found_at) == lake.in_force(DAY), why
        return
    with pytest.raises(LandingSuperseded, match="would undo a newer one. Nothing was changed"):
        commit(lake, second, next_claim, found_at=next_found_at)
    assert (seen(lake), current(lake)) == before, why


def claimed(lake: Lake, number: int, run: str) -> None:
    folder = Path(lake.path, "claims", DAY)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / str(number)).write_text(run)


def test_a_day_that_another_run_has_claimed_since_is_not_landed(lake: Lake, built: Built) -> None:
    claimed(lake, 1, "r")
    claimed(lake, 2, "scheduled__2")  # has not removed the one before it yet
    with pytest.raises(LandingSuperseded, match=r"run scheduled__2 has claimed the day \(claim 2, this run's was 1\)"):
        commit(lake, built, claim=1)
    assert lake.landings() == []
    assert commit(lake, built, claim=2).claim == 2


def test_compacted_it_is_as_old_as_the_landing_it_replaces_and_proven_anew(lake: Lake, built: Built) -> None:
    """Also while a run has claimed the day for a correction, which is later than both."""
    scattered_built = scattered(built)
    done = commit(lake, scattered_built, claim=1, override=OVERRIDE)
    claimed(lake, 2, "scheduled__2")
    assert [each.day for each in compact.compact(lake, max_files=1)] == [DAY]
    newest = lake.in_force(DAY)
    assert newest is not None
    assert newest.landing != done.landing
    assert (newest.claim, newest.override) == (1, OVERRIDE)
    assert len(newest.proof) == 64
    assert newest.proof != done.proof
    with pytest.raises(Unproven):
        lake.commit(replace(newest, landing=built.transform.landing, proof=""), scattered_built.transform)


def test_a_lake_of_an_earlier_version_gets_the_columns(lake: Lake, tmp_path: Path) -> None:
    first = commit(lake, build(tmp_path), found_at="2018-01-28T06:00:00+00:00")
    with lake._load("landings").update_schema() as update:
        for column in ("claim", "proof", "override"):
            update.delete_column(column)
    assert [(each.claim, each.proof, each.override) for each in lake.landings()] == [(None, "", None)]
    second = commit(lake, build(tmp_path, OTHER_RECORDS, try_number=2), claim=1, override=OVERRIDE)
    assert [(each.landing, each.claim, each.override) for each in lake.landings()] == [
        (first.landing, None, None),
        (second.landing, 1, OVERRIDE),
    ]
