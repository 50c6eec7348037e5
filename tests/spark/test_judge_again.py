"""The quarantine judged again: what today's rules accept passes, the rest keeps its reason, and records of others do not count."""

import json
from pathlib import Path

from pyspark.sql import SparkSession

from judge_again import arguments, judge_again
from tests.built_landing import Built, Rows, build


def refused_too_strictly(rows: Rows) -> None:
    """As rules of an earlier version might have left it: a sound record among the quarantined ones."""
    sound = rows["assessments"][0]["record"]
    raw = next(row for row in rows["raw_assessments"] if row["record"] == sound)
    rows["quarantine"].append({**rows["quarantine"][0], **{name: raw[name] for name in ("partition", "offset", "record", "hash")}})


def uris(built: Built, table: str) -> list[str]:
    return [f"file://{file.path}" for file in built.transform.tables[table].files]


def test_what_is_sound_today_would_pass(spark: SparkSession, tmp_path: Path) -> None:
    built = build(tmp_path, plant=refused_too_strictly)
    found = judge_again(spark, uris(built, "raw_assessments"), uris(built, "quarantine"))
    assert found == {"quarantined": 3, "passing": 1, "reasons": {"invalid_json": 1, "missing_keen_id": 1}}
    assert json.loads(json.dumps(found)) == found


def test_files_may_be_given_one_by_one() -> None:
    options = arguments(["--raw", "a", "--raw", "b", "--quarantine", "c", "--result", "r.json"])
    assert (options.raw, options.quarantine, options.result) == (["a", "b"], ["c"], Path("r.json"))
