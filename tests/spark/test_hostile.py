"""Records that nobody would write, and some that somebody did: the judge never fails, and agrees with other code and the publisher."""

from typing import Any

import pyarrow as pa
from hypothesis import given, settings

from batches import ATTEMPT
from include.source.record_key import key_of
from json_text import DETAIL_LENGTH
from judging import Judge
from tests.harness.generated import HOSTILE
from tests.oracle.recount import judge as recounted

JUDGE = Judge()  # before any example: it raises Python's limit of recursion


@settings(max_examples=600, deadline=None)
@given(HOSTILE)
def test_the_judge_agrees_with_independent_code_and_with_the_publisher(value: bytes) -> None:
    verdict = JUDGE.judge(value)
    assert verdict
    reason, expected = recounted(value)
    assert verdict.reason == reason, verdict.detail
    if reason is not None:
        assert verdict.detail
        assert len(verdict.detail) <= DETAIL_LENGTH
        return
    assert key_of(value) in (None, (verdict.keen_id or "").encode())
    landed = pa.array([verdict.attempt], ATTEMPT).to_pylist()[0]
    assert _plain(landed, expected) == expected


def _plain(landed: Any, like: Any) -> Any:
    """What has landed in the form of the other: a field that is not there is null in both, and halves of pairs are question marks."""
    if isinstance(like, dict) and isinstance(landed, dict):
        return {name: _plain(landed[name], like[name]) for name in like}
    if isinstance(like, list) and isinstance(landed, list):
        return [_plain(one, other) for one, other in zip(landed, like, strict=True)]
    return like if isinstance(like, str) and landed == like.encode(errors="replace").decode() else landed
