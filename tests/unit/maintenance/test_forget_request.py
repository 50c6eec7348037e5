"""What a run that forgets is asked for and may say: refused where it holds the id, and counts without it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from include import receipts
from include.contracts import TopicSpec
from include.errors import Refused
from include.lake import tombstones
from include.maintenance import forget_request as request
from include.maintenance.forget import Forgotten, forget
from tests.harness.lakes import open_lake, shorten_pages
from tests.oracle.built_landing import DAY, attempt, build

ID = "5a6d-SENTINEL-of-ann"
NAMELESS = b'{"exam_name": "' + ID.encode() + b'"}'  # quarantined without a keen_id, and mentions the id
TOPIC = TopicSpec("assessments.acme")

REFUSED: list[tuple[str, Callable[[], object], str | None]] = [
    ("no Variable", lambda: request.id_of("acme", None), "landfall_forget_secret_acme is not there, or is empty"),
    ("an empty line", lambda: request.id_of("acme", "\r\n"), "is not there, or is empty"),
    ("an id", lambda: request.id_of("acme", f"{ID}\n"), None),
    ("an id that is not masked", lambda: request.id_of("acme", "1234"), "use ./landfall forget"),
    ("a dry run", lambda: request.refuse_unconfirmed("acme", True, None), None),
    ("confirmed", lambda: request.refuse_unconfirmed("acme", False, "acme"), None),
    ("not confirmed", lambda: request.refuse_unconfirmed("acme", False, None), "`confirm` is not this customer's name"),
    ("another customer's name", lambda: request.refuse_unconfirmed("acme", False, "beta"), "`confirm` is not this customer's name"),
    ("the id in the conf", lambda: request.refuse_id_in_run(ID, "r1", {"asked_by": f"of {ID}"}), "Delete this run"),
    ("the id as a key", lambda: request.refuse_id_in_run(ID, "r1", {ID: 1}), "Delete this run"),
    ("an id beyond ASCII in the conf", lambda: request.refuse_id_in_run("ännchen", "r1", {"confirm": "ännchen"}), "Delete this run"),
    ("an id with a quote in the conf", lambda: request.refuse_id_in_run('a"b', "r1", {"confirm": ['a"b']}), "Delete this run"),
    ("the id in the run's own", lambda: request.refuse_id_in_run(ID, f"manual {ID}", None), "Delete this run"),
    ("a run without it", lambda: request.refuse_id_in_run(ID, "r1", {"customer": "acme"}), None),
]


@pytest.mark.parametrize(("why", "call", "reason"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_is_refused_says_what_to_do_and_not_which_id(why: str, call: Callable[[], object], reason: str | None) -> None:
    if reason is None:
        call()
        return
    with pytest.raises(Refused, match=reason) as refused:
        call()
    assert ID not in str(refused.value), why


def test_the_ends_of_a_line_are_not_part_of_the_id() -> None:
    assert request.id_of("acme", f" {ID}\r\n") == f" {ID}"


def test_what_is_counted_and_said_of_a_forgetting_is_without_the_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shorten_pages(monkeypatch)
    lake = open_lake(tmp_path)
    built = build(tmp_path, records=(attempt(1, keen_id=ID), attempt(1, keen_id=ID), attempt(2), NAMELESS))
    lake.commit(replace(built.landing, source=(f"/in/{DAY}-a.json", f"/in/{DAY}-b.json")), built.transform)
    looked = request.look(lake, ID)
    assert (looked.dry_run, looked.days, looked.records, looked.mentioned, looked.rows) == (True, 1, 2, 1, None)
    with pytest.raises(Refused, match="is not the one that was forgotten"):
        request.refuse_not_forgotten(lake, ID)
    assert tombstones.tombstones(lake.fs, lake.path) == [], "looking makes none"

    done: Forgotten = forget(lake, ID, asked_by="a ticket", topic=TOPIC)
    counts = request.counts(done)
    assert (counts.dry_run, counts.days, counts.records, counts.mentioned) == (False, 1, 2, 1)
    assert counts.rows == done.rows
    assert (counts.landings, counts.sources, counts.files_deleted) == (1, 2, done.files_deleted)
    assert counts.kafka_until == done.kafka_until is not None
    said = request.still_holding(done, TOPIC)
    assert said[:3] == [
        f"source files of: {DAY}",
        f"the topic assessments.acme: until {done.kafka_until}",
        f"{DAY}: quarantined records that have no keen_id mention the id: [3]",
    ]
    assert ID not in json.dumps([receipts.plain(counts), said])
    request.refuse_not_forgotten(lake, ID)
    with pytest.raises(Refused, match="is not the one that was forgotten"):
        request.refuse_not_forgotten(lake, "keen 2")
