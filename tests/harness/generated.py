"""What hypothesis makes up: attempts that meet in exams and forms, and bytes that nobody would send."""

import json

from hypothesis import strategies as st

from record import RECORD  # of spark_jobs

# --- Attempts, as objects

# Few values of each, so that attempts meet in a form; ids that other orders than that of bytes would sort otherwise.
IDS = st.sampled_from(["a", "b", "B", "ä", "a\nb", "\x00", "", "\uffff", "\U0001f600", None])
MOMENTS = st.sampled_from(
    [None, "2018-01-28T09:00:00Z", "2018-01-28T09:00:59.999999Z", "2018-01-28T09:01:00Z", "2018-01-28T09:10:59Z", "2018-01-28T11:00:00Z"]
)
FLAGS = st.sampled_from([True, False, None])
OPTIONS = st.fixed_dictionaries({"id": IDS, "checked": FLAGS, "correct": FLAGS, "at": MOMENTS})
RESULTS = st.sampled_from(["correct", "incorrect", "missed_some", "unanswered", "unanswered", "other", None])
QUESTIONS = st.fixed_dictionaries({"id": IDS, "user_result": RESULTS, "options": st.none() | st.lists(st.none() | OPTIONS, max_size=3)})
WITH_ID = st.fixed_dictionaries(
    {"id": IDS.filter(lambda each: each is not None), "user_result": RESULTS, "options": st.lists(OPTIONS, max_size=3)}
)
DISTINCT = st.lists(WITH_ID, max_size=5, unique_by=lambda each: each["id"])
WHOLE = DISTINCT.map(lambda questions: [each for each in questions if each["user_result"]])  # has a form and a score
REPEATED = WHOLE.map(lambda questions: [*questions, *questions[:1]])
LISTS = st.none() | st.lists(st.none() | QUESTIONS, max_size=5) | DISTINCT | WHOLE | REPEATED
ATTEMPTS = st.fixed_dictionaries(
    {
        "keen_id": st.sampled_from(["one", "two", "three"]),
        "exam_name": st.sampled_from(["Git", "a yeahsdf", None]),
        "base_exam_id": st.sampled_from(["id", None]),
        "started_at": MOMENTS,
        "sequences": st.fixed_dictionaries({"questions": LISTS}),
    }
)


# --- Records, as bytes: JSON that is odd in every way, and what is none

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
HOSTILE = st.one_of(
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
