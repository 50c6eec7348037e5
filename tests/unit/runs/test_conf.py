"""A run's conf: a key that no DAG knows is refused by name."""

from typing import Any

import pytest

from include.runs import conf
from include.runs.conf import ConfRefused

KNOWN = ("day", "source", "again", "max_quarantined")

UNKNOWN = [
    ("letters that changed places", {"dya": "2018-01-28"}, "unknown key 'dya' (is 'day' meant?)"),
    ("capitals", {"Day": "2018-01-28"}, "unknown key 'Day' (is 'day' meant?)"),
    ("one too many", {"sources": ["a.json"], "day": "2018-01-28"}, "unknown key 'sources' (is 'source' meant?)"),
    ("a dash", {"max-quarantined": 1}, "unknown key 'max-quarantined' (is 'max_quarantined' meant?)"),
    ("nothing like it", {"customer": "acme"}, "unknown key 'customer'; expected only day, source, again, max_quarantined"),
    ("two of them", {"dya": 1, "agian": True}, "unknown key 'dya' (is 'day' meant?), unknown key 'agian' (is 'again' meant?)"),
]


@pytest.mark.parametrize(("why", "given", "said"), UNKNOWN, ids=[row[0] for row in UNKNOWN])
def test_an_unknown_key_is_refused_by_name_with_the_nearest_known_one(why: str, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfRefused) as refused:
        conf.refuse_unknown(given, KNOWN)
    assert said in str(refused.value), why


def test_a_dag_without_parameters_takes_no_key() -> None:
    with pytest.raises(ConfRefused, match="unknown key 'day'; expected none"):
        conf.refuse_unknown({"day": "2018-01-28"}, ())


@pytest.mark.parametrize("given", [None, {}, {"day": None, "again": True}, {"airflow/task_span_detail_level": 2}])
def test_known_keys_and_airflow_s_own_are_taken(given: dict[str, Any] | None) -> None:
    conf.refuse_unknown(given, KNOWN)
