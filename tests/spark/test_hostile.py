"""Records that nobody would write, and some that somebody did: the judge never fails, and agrees with other code and the publisher."""

import json
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from batches import ATTEMPT
from include.source.record_key import key_of
from json_text import DETAIL_LENGTH
from judging import Judge
from record import RECORD
from tests.oracle.recount import judge as recounted

JUDGE = Judge()  # before any example: it raises Python's limit of recursion

TEXTS = st.one_of(
    st.text(max_size=6),
    st.sampled_from(
        ["", " ", "\u2028", "\ufeff", "\x00", '":', '" :', "2018-01-28T10:00:00Z", "2018-02-30T00:00:00Z", "1.5", "1e999", "9" * 40]
    ),
)
NUMBERS = st.sampled_from(
    ["0", "-0", "1", "-1", "1.0", "1e2", "1e400", "-1e400", "2147483647", "2147483648", "9" * 30, "9" * 5000, "01", "NaN"]
)
ESCAPED = st.sampled_from(
    [r'"\ud800"', r'"\ud83d\ude00"', r'"\ude00\ud83d"', r'"\u0000"', r'"k\u0065en"', r'"\x6b"', '"a\tb"', r'"\\ud800"']
)
SCALARS = st.one_of(TEXTS.map(json.dumps), NUMBERS, ESCAPED, st.sampled_from(["null", "true", "false", "nul", ""]))
NAMES = st.one_of(
    st.sampled_from([*RECORD, *RECORD["sequences"], *RECORD["sequences"]["counts"], "options", "at", "x"]).map(json.dumps),
    st.sampled_from([r'"keen\u005fid"', r'"\u0078"', "x", '""', r'"\ud800"']),
)
GAPS = st.sampled_from(["", "", "", " ", "\n", "\t", "\x0b"])
OBJECT = ("{", "}")


def _joined(parts: list[str], brackets: tuple[str, str], end: str) -> str:
    return brackets[0] + ",".join(parts) + end + brackets[1]


def _nested(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    members = st.builds(lambda name, gap, value: f"{name}{gap}:{gap}{value}", NAMES, GAPS, values)
    ends = st.sampled_from(["", "", "", "", ","])
    objects = st.builds(_joined, st.lists(members, max_size=5), st.just(OBJECT), ends)
    return st.one_of(objects, st.builds(_joined, st.lists(values, max_size=3), st.just(("[", "]")), ends))


VALUES = st.recursive(SCALARS, _nested, max_leaves=12)
DEEP = st.builds(lambda levels, value: "[" * levels + value + "]" * levels, st.sampled_from([0, 0, 0, 900, 990, 999, 1000, 5000]), VALUES)
SOUND = st.dictionaries(st.sampled_from([name for name in RECORD if name != "keen_id"]).map(json.dumps), VALUES, max_size=3)
RECORDS = st.one_of(
    VALUES.map(str.encode),
    st.builds(
        lambda fields, deep, tail: (
            '{"keen_id":"k",' + "".join(f"{n}:{v}," for n, v in fields.items()) + f'"deep":{deep}}}{tail}'
        ).encode(),
        SOUND,
        DEEP,
        st.sampled_from(["", "", "", " ", "\r\n", "x", "{}", "\ufeff"]),
    ),
    st.binary(max_size=20),
)


@settings(max_examples=600, deadline=None)
@given(RECORDS)
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
