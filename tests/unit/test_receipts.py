"""Receipts survive the way through an XCom, and a damaged one is refused by name."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from include import receipts
from include.errors import Refused
from include.receipts import PublishReceipt, SourceFile, plain, publish_receipt_of, read, source_of
from tests.oracle.built_landing import build

PUBLISHED = PublishReceipt(
    customer="acme", day="2018-01-28", topic="assessments.acme", source_sha256="ab", ingest="0" * 16, generation=0, published=3,
    content_hash="f" * 16, offsets={0: (0, 1), 2: (5, 5)}, chunks=1, chunk_records=10, sent=3, source_records=3, source_hash="f" * 16,
)  # fmt: skip


@pytest.mark.parametrize(
    "way", [lambda plain: plain, lambda plain: json.loads(json.dumps(plain)), lambda plain: json.dumps(plain).encode()]
)
def test_a_receipt_comes_back_as_it_went(way) -> None:
    assert receipts.read(PublishReceipt, way(receipts.plain(PUBLISHED)), "XCom") == PUBLISHED


DAMAGED = [
    ("nothing was handed on", None, "Expected `object`, got `null`"),
    ("cut off", b'{"customer": "acme"', "truncated"),
    ("a field is missing", {"customer": "acme"}, "missing required field"),
    ("a number became a text", {**receipts.plain(PUBLISHED), "published": "three"}, "published"),
]


@pytest.mark.parametrize(("why", "given", "said"), DAMAGED, ids=[row[0] for row in DAMAGED])
def test_a_damaged_receipt_is_refused_by_name(why: str, given: object, said: str) -> None:
    with pytest.raises(Refused, match="the receipt of publish is not a readable PublishReceipt") as refused:
        receipts.read(PublishReceipt, given, "the receipt of publish")
    assert said in str(refused.value), why


def test_a_landing_says_what_its_source_was(tmp_path: Path) -> None:
    landing = build(tmp_path).landing
    alone = source_of(landing)
    assert alone.files == (SourceFile("file:///in/a.json", landing.bytes, landing.sha256),)
    several = source_of(replace(landing, source=("a", "b")))
    assert (several.uris, several.bytes, several.sha256, several.found_at) == (["a", "b"], landing.bytes, landing.sha256, landing.found_at)
    again = publish_receipt_of(landing, ("hdfs://n/raw.parquet",), ("told",))
    assert read(PublishReceipt, plain(again), "here") == again
    old = {name: value for name, value in plain(again).items() if name != "raw"}
    assert read(PublishReceipt, old, "of an earlier version").raw == ()
