"""What a run of a day does next: a row for each case."""

from dataclasses import replace
from typing import Any

import pytest

from include.receipts import Landing, Source
from include.source.decision import Known, Next, decide
from include.storage.claims import Claim, Taken

BOTH = ("file:///a", "file:///b")
NOW = "2018-01-29T00:00:00+00:00"
LANDING = Landing(
    landing="one", customer="acme", day="2018-01-28", run_id="r", found_at=NOW, committed_at=NOW, source=BOTH, bytes=1, sha256="ab",
    topic="t", ingest="1" * 16, generation=1, offsets={0: (0, 0)}, published=1, landed=1, duplicates=0, quarantined=0, test=0, conflicts=0,
    content_hash="1" * 16, reasons={}, tables={}, snapshots={}, seconds={}, warnings=(),
)  # fmt: skip
SAME = Source("acme", "2018-01-28", (), 1, "ab", NOW)
OTHER = replace(SAME, sha256="cd")
LOOKED = Known(again=False, named=False, uris=BOTH, awaited=False, gone=False)
OURS = {"claim": Claim(7, "r2")}
LANDED = {**OURS, "landed": LANDING}

CASES: list[tuple[str, dict[str, Any], Next]] = [
    ("files are not there yet", {"awaited": True}, Next.WAIT_FOR_FILES),
    ("files are not there yet, again", {"awaited": True, "again": True}, Next.WAIT_FOR_FILES),
    ("files are there", {}, Next.CLAIM),
    ("files of a landed day are gone, again", {"awaited": True, "again": True, "gone": True, "uris": ()}, Next.CLAIM),
    ("another run has the day", {"claim": Taken("r1")}, Next.WAIT_FOR_RUN),
    ("another run has the day that landed", {"claim": Taken("r1"), "landed": LANDING}, Next.WAIT_FOR_RUN),
    ("claimed, nothing has landed", OURS, Next.DESCRIBE),
    ("claimed, the day has landed", LANDED, Next.DESCRIBE),
    ("claimed, files of a landed day are gone", {**LANDED, "again": True, "gone": True, "awaited": True}, Next.LAND_FROM_ROW),
    ("claimed, a part of the landed files", {**LANDED, "uris": BOTH[:1]}, Next.REFUSE_PART),
    ("claimed, a part of the landed files, again", {**LANDED, "uris": BOTH[:1], "again": True}, Next.REFUSE_PART),
    ("claimed, a part of the landed files, named", {**LANDED, "uris": BOTH[:1], "named": True}, Next.DESCRIBE),
    ("claimed, another file beside the landed ones", {**LANDED, "uris": (*BOTH, "file:///c")}, Next.DESCRIBE),
    ("described, nothing has landed", {**OURS, "source": OTHER}, Next.LAND),
    ("described, nothing has landed, again", {**OURS, "source": OTHER, "again": True}, Next.LAND),
    ("described, a correction", {**LANDED, "source": OTHER}, Next.LAND),
    ("described, a correction, again", {**LANDED, "source": OTHER, "again": True}, Next.LAND),
    ("described, the landed bytes", {**LANDED, "source": SAME}, Next.SKIP),
    ("described, the landed bytes, again", {**LANDED, "source": SAME, "again": True}, Next.LAND_AGAIN),
    ("described, the landed bytes, by name", {**LANDED, "source": SAME, "named": True}, Next.SKIP),
]


@pytest.mark.parametrize(("why", "known", "then"), CASES, ids=[row[0] for row in CASES])
def test_what_comes_next(why: str, known: dict[str, Any], then: Next) -> None:
    assert decide(replace(LOOKED, **known)) is then, why


def test_every_answer_has_a_case() -> None:
    assert {then for _, _, then in CASES} == set(Next)
