"""Every check of a landing, shown to fail on the defect it is for: planted in real Parquet files, named in a sentence."""

import ast
import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from include.validation import checks as all_checks
from include.validation import queries
from include.validation.checks import found_on_hdfs, problems, read_landed, warnings
from tests.oracle.built_landing import DAY, RECORDS, Built, Rows, attempt, build
from tests.oracle.planted_defects import DEFECTS, Defect, drop, transformed

OF_RECORDS = ("keen 1", "keen 2", "keen 6", "keen of demo", "nobody", "Learning", "Nullology", "Prüfung", "id of ", "user exam")
ALLOWED = 0.2  # of the records built here, two of twelve are quarantined on purpose


def judged(built: Built, max_quarantined: float = ALLOWED) -> list[str]:
    return problems(built.publish, built.transform, read_landed(built.fs, built.transform), max_quarantined)


def test_a_correct_landing_has_no_problem_and_says_what_is_worth_a_look(tmp_path: Path) -> None:
    built = build(tmp_path)
    assert judged(built) == []
    assert warnings(built.publish, built.transform, read_landed(built.fs, built.transform), [], 5.0) == [
        "2 of 12 records are in quarantine: invalid_json 1, missing_keen_id 1",
        "2 attempts share their keen_id with other bytes; every version has landed, with is_conflict",
    ]


def test_what_was_found_is_counted_from_the_files_not_taken_from_a_receipt(tmp_path: Path) -> None:
    built = build(tmp_path, plant=drop("raw_assessments"))
    facts = read_landed(built.fs, built.transform).facts
    assert facts
    found = found_on_hdfs(facts, built.transform)
    assert (found.records, found.landed, found.duplicates, found.quarantined) == (11, 8, 2, 2)
    assert found.content_hash != built.publish.content_hash


def test_counts_that_do_not_tally_are_a_warning_not_a_problem(tmp_path: Path) -> None:
    untallied = attempt(1).replace(b'"correct": 1', b'"correct": 7')
    built = build(tmp_path, records=(untallied, attempt(2)))
    assert judged(built) == []
    assert warnings(built.publish, built.transform, read_landed(built.fs, built.transform), [], 5.0) == [
        "1 attempts have counts that do not agree with their questions (tallies is false)",
        "1 attempts have impossible counts, so no score, and are in no sum: more correct than total 1",
    ]


def test_one_record_is_a_landing(tmp_path: Path) -> None:
    assert judged(build(tmp_path, records=RECORDS[:1])) == []


def test_a_day_without_records_is_a_landing_only_where_that_is_accepted(tmp_path: Path) -> None:
    built = build(tmp_path, records=())
    landed = read_landed(built.fs, built.transform)
    assert problems(built.publish, built.transform, landed, ALLOWED, accept_empty=True) == []
    [problem] = problems(built.publish, built.transform, landed, ALLOWED)
    assert problem.startswith("nothing landed: of 0 records")


def test_that_nothing_may_land_excuses_no_record_that_was_there(tmp_path: Path) -> None:
    unreadable = build(tmp_path, records=(b'{"keen_id": 6}',))
    landed = read_landed(unreadable.fs, unreadable.transform)
    found = problems(unreadable.publish, unreadable.transform, landed, 1.0, accept_empty=True)
    assert [told.partition(":")[0] for told in found] == ["nothing landed"]


# ---------------------------------------------------------------- planted defects


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Defect], list[str]]:
    """What `validate` says of a landing with the defect, worked out once."""
    folder = tmp_path_factory.mktemp("planted")
    return functools.cache(lambda defect: judged(defect.build(folder / str(DEFECTS.index(defect)))))


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_planted_defect_is_named(said: Callable[[Defect], list[str]], defect: Defect) -> None:
    found = said(defect)
    assert any(defect.said in told for told in found), f"{defect.name}: no sentence says {defect.said!r} among\n" + "\n".join(found)
    assert all(told.endswith(".") for told in found)
    assert not [told for told in found if any(text in told for text in OF_RECORDS)], "logs and XComs are for others than readers"


def checks() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Every sentence that `checks.py` can say, as a pattern: from its source, so that a new one without a defect is found."""
    for node in ast.walk(ast.parse(Path(all_checks.__file__).read_text())):
        if isinstance(node, ast.Yield) and isinstance(node.value, ast.JoinedStr):
            parts = [re.escape(part.value) if isinstance(part, ast.Constant) else ".*" for part in node.value.values]
            yield ast.unparse(node.value), re.compile("".join(parts), re.DOTALL)
        elif isinstance(node, ast.Dict) and len(node.keys) > 1:
            for key in node.keys:  # the tables of sentences
                if isinstance(key, ast.Constant):
                    yield key.value, re.compile(re.escape(key.value))


def test_every_check_is_tripped_by_a_planted_defect(said: Callable[[Defect], list[str]], tmp_path: Path) -> None:
    sentences = [*judged(build(tmp_path), max_quarantined=0.1), *(sentence for defect in DEFECTS for sentence in said(defect))]
    untripped = [name for name, pattern in checks() if not any(pattern.search(sentence) for sentence in sentences)]
    assert untripped == []
    assert len(list(checks())) >= 15


def test_what_hadoop_hides_is_no_data_file(tmp_path: Path) -> None:
    built = build(tmp_path)
    Path(built.path("questions")).with_name("_SUCCESS").touch()
    Path(built.path("questions")).with_name(".part-00000.crc").write_bytes(b"x")
    assert judged(built) == []


def test_reasons_that_did_not_occur_may_stand_in_the_receipt_with_0(tmp_path: Path) -> None:
    built = build(tmp_path)
    assert judged(transformed(reasons={**built.transform.reasons, "blank": 0})(built)) == []


# ---------------------------------------------------------------- quarantine and nothing


LIMITS = [
    ("over", 0.16, True),
    ("just over", 0.1666, True),
    ("exactly the share", 2 / 12, False),
    ("none allowed", 0.0, True),
    ("all allowed", 1.0, False),
]


@pytest.mark.parametrize(("reason", "limit", "too_many"), LIMITS, ids=[row[0] for row in LIMITS])
def test_quarantine_over_its_limit_is_a_problem_that_lists_the_reasons(tmp_path: Path, reason: str, limit: float, too_many: bool) -> None:
    found = judged(build(tmp_path), max_quarantined=limit)
    assert bool(found) is too_many, reason
    if too_many:
        assert found[0].startswith("2 of 12 records (16.67%) are unreadable")
        assert "invalid_json 1, missing_keen_id 1" in found[0]


def test_nothing_but_quarantine_is_nothing_landed_even_if_all_of_it_is_allowed(tmp_path: Path) -> None:
    found = judged(build(tmp_path, records=[b"[]", b"null"]), max_quarantined=1.0)
    assert found == ["nothing landed: of 2 records none became an attempt. Look at the source, or at the quarantine's reasons."]


def test_a_filesystem_out_of_reach_is_an_error_not_a_finding(tmp_path: Path) -> None:
    """Trying again may mend it; a sentence would say that the landing is bad."""
    built = build(tmp_path)

    class Away(type(built.fs)):  # type: ignore[misc]
        cachable = False

        def open(self, path: str, mode: str = "rb", **options: Any) -> Any:
            raise TimeoutError(f"OPEN {path}: 127.0.0.1:9870 did not answer")

    with pytest.raises(TimeoutError, match="did not answer"):
        read_landed(Away(), built.transform)


def test_examples_are_few_and_the_count_is_of_all(tmp_path: Path) -> None:
    built = build(
        tmp_path, records=[attempt(number) for number in range(20)], plant=lambda rows: rows["assessments"].__delitem__(slice(0, 10))
    )
    lost = next(told for told in judged(built) if "neither landed nor quarantined" in told)
    assert lost.startswith("10 of 20 records neither landed nor quarantined: record 0 (hash 5951307712832651815)")
    assert lost.count("record ") == queries.EXAMPLES
    assert ", ..." in lost


def test_the_day_is_the_receipts_day(tmp_path: Path) -> None:
    assert judged(build(tmp_path, day="2020-02-29")) == []
    assert DAY != "2020-02-29"


def test_a_record_whose_key_the_publisher_could_not_read_lands_all_the_same(tmp_path: Path) -> None:
    def keyless(rows: Rows) -> None:
        rows["raw_assessments"][1]["keen_id"] = None

    built = build(tmp_path, plant=keyless)
    assert problems(built.publish, built.transform, read_landed(built.fs, built.transform), max_quarantined=1) == []


def test_impossible_counts_are_told_by_reason(tmp_path: Path) -> None:
    counts = {"total": 1, "correct": 100, "incorrect": 0, "incomplete": 0, "unanswered": 0, "submitted": 1, "all_correct": False}
    records = [
        attempt(1),
        attempt(2, sequences={"counts": counts}),
        attempt(3, sequences={"counts": {**counts, "correct": -5}}),
        attempt(4, sequences={"counts": {**counts, "total": -1}}),
    ]
    built = build(tmp_path, records)
    landed = read_landed(built.fs, built.transform)
    assert problems(built.publish, built.transform, landed, max_quarantined=1) == []
    assert "3 attempts have impossible counts, so no score, and are in no sum: a negative count 2, more correct than total 1" in warnings(
        built.publish, built.transform, landed, [], 5
    )
