"""Who has seen which failure: two people lose nothing, and another failure of the same run is unseen again."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import fsspec
import pytest

from include.errors import LandfallError
from include.lake.lake import Lake
from include.runs.day_states import Run
from include.runs.seen import Seen, failure, mark_seen, seen_failures, who_saw

NOON = datetime(2018, 1, 28, 12, tzinfo=UTC)
RUN = Run("manual__2018-01-28T12:00:00+00:00", date(2018, 1, 28), "failed", NOON - timedelta(hours=1), NOON)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open("acme", f"sqlite:///{tmp_path}/catalog.sqlite", f"file://{tmp_path}", fsspec.filesystem("file"))


def test_a_failure_is_seen_by_the_first_who_says_so(lake: Lake) -> None:
    assert (seen_failures(lake), who_saw(lake, RUN)) == (frozenset(), None)
    seen = mark_seen(lake, RUN, "olga", now=NOON)
    assert seen == Seen(RUN.run_id, "olga", "2018-01-28T12:00:00+00:00")
    assert mark_seen(lake, RUN, "vera") == seen, "the first stays"
    assert (seen_failures(lake), who_saw(lake, RUN)) == (frozenset({failure(RUN)}), seen)


def test_a_run_that_was_tried_again_and_failed_again_is_unseen(lake: Lake) -> None:
    mark_seen(lake, RUN, "olga")
    again = replace(RUN, ended=NOON + timedelta(hours=1))
    assert failure(again) not in seen_failures(lake)
    assert who_saw(lake, again) is None


def test_a_lake_that_cannot_be_reached_is_said(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: Any, **__: Any) -> Any:
        raise ConnectionError("the NameNode does not answer")

    for name in ("ls", "cat_file", "exists"):
        monkeypatch.setattr(lake.fs, name, unreachable)
    for call in (lambda: seen_failures(lake), lambda: who_saw(lake, RUN), lambda: mark_seen(lake, RUN, "olga")):
        with pytest.raises(LandfallError, match="acme: .*the NameNode does not answer"):
            call()
