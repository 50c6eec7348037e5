"""What a replay would bring, asked without Spark: only quarantined records are judged, and by the rules of the job."""

from pathlib import Path
from typing import Any

import pytest

from include.errors import LandfallError
from include.query import replay
from include.query.replay import Judgement, dry_run
from include.receipts import Landing
from tests.oracle.built_landing import Rows, build, landing_of


class OneDay:
    """A lake that holds one landing; everything but the reading of files is made up."""

    def __init__(self, folder: Path, plant: Any = None) -> None:
        self.built = build(folder, plant=plant)
        self.customer, self.fs = "acme", self.built.fs
        self.snapshots = dict.fromkeys(self.built.rows, 1)

    def in_force(self, day: str) -> Landing | None:
        return landing_of(self.built.publish, self.built.transform)

    def state(self) -> "OneDay":
        return self

    def files(self, table: str, snapshot: int, day: str) -> list[str]:
        return [file.path for file in self.built.transform.tables[table].files]


def refused_too_strictly(rows: Rows) -> None:
    """As rules of an earlier version might have left it: a sound record among the quarantined ones."""
    sound = rows["assessments"][0]["record"]
    raw = next(row for row in rows["raw_assessments"] if row["record"] == sound)
    rows["quarantine"].append({**rows["quarantine"][0], **{name: raw[name] for name in ("partition", "offset", "record", "hash")}})


def test_what_is_sound_today_would_pass(tmp_path: Path) -> None:
    lake: Any = OneDay(tmp_path, refused_too_strictly)
    assert dry_run(lake, "2018-01-28") == Judgement(3, 1, {"invalid_json": 1, "missing_keen_id": 1})


def test_a_program_that_fails_is_an_error_that_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "judge_again.py"
    broken.write_text("import sys; sys.exit('judge_again failed: no room')")
    monkeypatch.setattr(replay, "JOB", broken)
    lake: Any = OneDay(tmp_path)
    with pytest.raises(LandfallError, match="judging again: no room"):
        dry_run(lake, "2018-01-28")
