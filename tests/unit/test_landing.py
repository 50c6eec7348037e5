"""Every check of a landing, shown to fail on the defect it is for: planted in real Parquet files, named in a sentence."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from include import landed
from include.landing import found_on_hdfs, problems, read_landed, warnings
from include.receipts import DataFile, TableFiles
from include.tables import LANDED
from tests.built_landing import DAY, RECORDS, Built, Rows, attempt, build, rewrite
from tests.recount import hash_of

ALLOWED = 0.2  # of the records built here, two of twelve are quarantined on purpose


def judged(built: Built, max_quarantined: float = ALLOWED) -> list[str]:
    return problems(built.publish, built.transform, read_landed(built.fs, built.transform), max_quarantined)


def test_a_correct_landing_has_no_problem_and_says_what_is_worth_a_look(tmp_path: Path) -> None:
    built = build(tmp_path)
    assert judged(built) == []
    assert warnings(built.publish, built.transform, read_landed(built.fs, built.transform), None, 5.0) == [
        "2 of 12 records are in quarantine: invalid_json 1, missing_keen_id 1",
        "2 attempts share their keen_id with other bytes; every version has landed, with is_conflict",
    ]


def test_what_was_found_is_counted_from_the_files_not_taken_from_a_receipt(tmp_path: Path) -> None:
    built = build(tmp_path, plant=drop("raw_assessments"))
    facts = read_landed(built.fs, built.transform).facts
    assert facts
    found = found_on_hdfs(facts)
    assert (found.records, found.landed, found.duplicates, found.quarantined) == (11, 8, 2, 2)
    assert found.content_hash != built.publish.content_hash


def test_counts_that_do_not_tally_are_a_warning_not_a_problem(tmp_path: Path) -> None:
    untallied = attempt(1).replace(b'"correct": 1', b'"correct": 7')
    built = build(tmp_path, records=(untallied, attempt(2)))
    assert judged(built) == []
    assert warnings(built.publish, built.transform, read_landed(built.fs, built.transform), None, 5.0) == [
        "1 attempts have counts that do not agree with their questions (tallies is false)"
    ]


def test_one_record_is_a_landing(tmp_path: Path) -> None:
    assert judged(build(tmp_path, records=RECORDS[:1])) == []


# ---------------------------------------------------------------- defects in the rows

# name, what is done to the rows before they are written, what some sentence must say. The receipts tell of the rows before.
Plant = Callable[[Rows], Any]


def change(table: str, row: int, **cells: Any) -> Plant:
    return lambda rows: rows[table][row].update(cells)


def drop(table: str, row: int = 0) -> Plant:
    return lambda rows: rows[table].pop(row)


def double(table: str, row: int = 0) -> Plant:
    return lambda rows: rows[table].append(dict(rows[table][row]))


def instead(table: str, lost: int, doubled: int) -> Plant:
    """One row lost, another one there twice: every count is right."""

    def plant(rows: Rows) -> None:
        rows[table][lost] = dict(rows[table][doubled])

    return plant


def both(*plants: Plant) -> Plant:
    return lambda rows: [plant(rows) for plant in plants]


def all_rows(table: str, **cells: Any) -> Plant:
    return lambda rows: [row.update(cells) for row in rows[table]]


def changed_byte(rows: Rows) -> None:
    row = rows["raw_assessments"][0]
    row["value"] = row["value"].replace(b"Learning", b"learning")


def changed_byte_and_hash(rows: Rows) -> None:
    changed_byte(rows)
    rows["raw_assessments"][0]["hash"] = hash_of(rows["raw_assessments"][0]["value"])


def swapped_hashes(rows: Rows) -> None:
    one, other = rows["assessments"][0], rows["assessments"][1]
    one["hash"], other["hash"] = other["hash"], one["hash"]


def hole(path: str, **cells: Any) -> Plant:
    """Adds to the cells of one row of holes."""

    def plant(rows: Rows) -> None:
        row = next(row for row in rows["holes"] if row["path"] == path)
        row.update({name: row[name] + more for name, more in cells.items()})

    return plant


NEXT_DAY = date(2018, 1, 29)
DEFECTS: list[tuple[str, Plant, str]] = [
    # holes against the other tables
    ("a path lost", drop("holes"), "holes must have every path of the schema: keen_id is not there"),
    ("a path of nowhere", change("holes", 0, path="ken_id"), "ken_id is not a path of the schema"),
    ("a path twice", double("holes", 1), "1 paths are in holes more than once: exam_name"),
    ("parents made up", hole("exam_name", parents=1), "1 rows of holes do not add up to their parents: exam_name has 12 parents and 11"),
    ("less than nothing", hole("exam_name", nulls=-1, missing=1), "exam_name has 11 parents and 11"),
    ("a hole not counted", hole("sequences.questions[].user_result", missing=5, present=-5),
     "sequences.questions[].user_result is there 10 times, in the tables 15"),
    ("a null made of a value", all_rows("questions", user_submitted=True),
     "sequences.questions[].user_submitted is there"),
    ("a day off in holes", all_rows("holes", day=date(2018, 1, 29)), "holes: all rows must be of 2018-01-28, found"),
    # raw_assessments against what was published
    ("a record lost", drop("raw_assessments"), "12 records were published, raw_assessments holds 11"),
    ("a record doubled", double("raw_assessments"), "Kafka records are there more than once: partition 0 offset 1000"),
    ("one lost, one doubled: the count is right", instead("raw_assessments", 5, 7), "of the bytes in raw_assessments"),
    ("one lost, one doubled: the number is missing", instead("raw_assessments", 5, 7),
     "raw_assessments has 11 different ones from 0 to 11"),
    ("a byte changed on the way", changed_byte, "content hash: published"),
    ("a byte changed, the hash column is of the old one", changed_byte, "1 rows whose hash is not that of their value: record 0"),
    ("a byte changed, hash column and all", changed_byte_and_hash,
     "1 of 12 records neither landed nor quarantined: record 0 (keen_id keen 1"),
    ("a record of another ingest", change("raw_assessments", 3, ingest="f" * 16),
     "found 1 of ffffffffffffffff: they are another publishing's"),
    ("no ingest", change("raw_assessments", 3, ingest=None), "found 1 of no ingest"),
    ("an offset before the published ones", change("raw_assessments", 0, offset=999),
     "offsets 999 to 1003 of partition 0; published were 1000 to 1003"),
    ("an offset after the published ones", change("raw_assessments", 9, offset=2000), "offsets 1000 to 2000 of partition 0"),
    ("a partition where nothing was published", change("raw_assessments", 4, partition=7),
     "records of partition 7, where nothing was published"),
    ("record numbers from 1", lambda rows: [row.update(record=row["record"] + 1) for row in rows["raw_assessments"]],
     "12 different ones from 1 to 12"),
    ("a record number twice", change("raw_assessments", 3, record=4), "record numbers must be 0 to 11, each once"),
    ("a value that is null", change("raw_assessments", 3, value=None), "1 rows whose hash is not that of their value: record 3"),
    # days
    *[(f"{table}: a day off by one", change(table, 0, day=NEXT_DAY), f"{table}: all rows must be of 2018-01-28, found 1 of 2018-01-29")
      for table in LANDED],
    ("no day", change("questions", 0, day=None), "questions: all rows must be of 2018-01-28, found 1 of no day"),
    # assessments and quarantine against the raw records
    ("an attempt lost", drop("assessments", 1), "1 of 12 records neither landed nor quarantined: record 1 (keen_id keen 2 hash"),
    ("an attempt lost: its children are orphans", drop("assessments", 1),
     "4 rows of questions belong to no attempt in assessments: keen_id keen 2"),
    ("an attempt twice", double("assessments"), "assessments: 1 attempts have more than one row: keen_id keen 1"),
    ("an attempt twice: more landed than read", double("assessments"),
     "3 records landed or quarantined more often than raw_assessments holds them"),
    ("an attempt twice: Spark's count", double("assessments"), "distinct attempts: Spark's receipt says 8, the tables hold 9"),
    ("one attempt lost, another one doubled", instead("assessments", 1, 2), "of assessments (hash x copies) and quarantine"),
    ("copies not counted", change("assessments", 0, copies=1), "2 of 12 records neither landed nor quarantined: record 0"),
    ("copies not counted: duplicates", change("assessments", 0, copies=1), "duplicates: Spark's receipt says 2, the tables hold 0"),
    ("copies moved to another attempt", both(change("assessments", 0, copies=2), change("assessments", 1, copies=2)), "(hash x copies)"),
    ("copies of 0", change("assessments", 1, copies=0), "1 rows with copies below 1: keen_id keen 2"),
    ("copies null", change("assessments", 1, copies=None), "1 rows with copies below 1: keen_id keen 2"),
    ("hashes of two attempts swapped: every sum is right", swapped_hashes, "neither landed nor quarantined: record 0 (keen_id keen 1"),
    ("another customer's attempt", change("assessments", 2, keen_id="keen of demo", hash=5), "keen_id keen of demo hash 5"),
    ("keen_id null", change("assessments", 2, keen_id=None), "keen_id null"),
    ("is_conflict forgotten", change("assessments", 5, is_conflict=False), "is_conflict is wrong in 1 rows: keen_id keen 6"),
    ("is_conflict without conflict", change("assessments", 0, is_conflict=True), "is_conflict is wrong in 1 rows: keen_id keen 1"),
    ("is_conflict null", change("assessments", 0, is_conflict=None), "has is_conflict null"),
    ("a test exam not flagged", change("assessments", 3, is_test=False), "test attempts: Spark's receipt says 1, the tables hold 0"),
    ("a quarantined record lost", drop("quarantine"), "1 of 12 records neither landed nor quarantined: record 9 (keen_id null"),
    ("a quarantined record twice", double("quarantine"), "quarantined records: Spark's receipt says 2, the tables hold 3"),
    ("landed and quarantined", lambda rows: rows["quarantine"].append({**rows["quarantine"][0], "hash": rows["assessments"][1]["hash"],
     "keen_id": "keen 2"}),
     "1 records landed or quarantined more often"),
    ("another reason", change("quarantine", 0, reason="blank"), "the table holds blank 1, missing_keen_id 1"),
    ("a reason that is null", change("quarantine", 0, reason=None), "the table holds missing_keen_id 1, no reason 1"),
    ("nothing landed", lambda rows: [rows[table].clear() for table in rows if table not in ("raw_assessments", "quarantine")],
     "nothing landed: of 12 records"),
    # children
    ("a question lost", drop("questions", 1), "1 attempts do not have the questions that their question_count says: keen_id keen 1"),
    ("a question lost: its options are orphans", drop("questions", 1),
     "2 rows of options belong to no question in questions: keen_id keen 1"),
    ("all questions of an attempt lost", lambda rows: [rows["questions"].pop(0) for _ in range(2)], "has question_count 2 and 0 questions"),
    ("a question twice", double("questions"), "do not have the questions that their question_count says"),
    ("a question's position wrong", change("questions", 1, position=5),
     "1 attempts do not have the questions that their question_count says"),
    ("a question of nobody", change("questions", 0, keen_id="nobody"),
     "1 rows of questions belong to no attempt in assessments: keen_id nobody"),
    ("question_count wrong", change("assessments", 0, question_count=1), "has question_count 1 and 2 questions"),
    ("question_count null though there are questions", change("assessments", 0, question_count=None),
     "has question_count null and 2 questions"),
    ("an option lost", drop("options", 0), "1 questions do not have the options that their option_count says: keen_id keen 1"),
    ("an option twice", double("options"), "do not have the options that their option_count says"),
    ("an option's position wrong", change("options", 0, position=1), "do not have the options that their option_count says"),
    ("an option of another question", change("options", 0, question_position=9), "1 rows of options belong to no question in questions"),
    ("option_count wrong", change("questions", 0, option_count=3), "has option_count 3 and 2 options"),
    # sums
    ("exam_scores: attempts", change("exam_scores", 0, attempts=9), "2 rows of exam_scores are not what assessments adds up to: found {"),
    ("exam_scores: copies", change("exam_scores", 0, copies=9), "rows of exam_scores are not what"),
    ("exam_scores: a row lost", drop("exam_scores"),
     '1 rows of exam_scores are not what assessments adds up to: expected {"day":"2018-01-28"'),
    ("exam_scores: a row twice", double("exam_scores"), "1 rows of exam_scores are not what"),
    ("exam_scores: a score for attempts without one", change("exam_scores", 4, correct=0, total=1), "rows of exam_scores are not what"),
    ("exam_scores: last_taken", all_rows("exam_scores", last_taken=None), "rows of exam_scores are not what"),
    ("question_days: asked", change("question_days", 0, asked=9), "2 rows of question_days are not what questions adds up to"),
    ("question_days: null counted as incorrect", change("question_days", 5, incorrect=9), "rows of question_days are not what"),
    ("a result changed in questions only", change("questions", 0, user_result="incorrect"), "rows of question_days are not what"),
]  # fmt: skip


@pytest.mark.parametrize(("defect", "plant", "sentence"), DEFECTS, ids=[row[0] for row in DEFECTS])
def test_a_planted_defect_is_named(tmp_path: Path, defect: str, plant: Plant, sentence: str) -> None:
    found = judged(build(tmp_path, plant=plant))
    assert any(sentence in told for told in found), f"{defect}: no sentence says {sentence!r} among\n" + "\n".join(found)
    assert all(told.endswith(".") for told in found)


# ---------------------------------------------------------------- defects in the files


def truncate(built: Built, table: str = "questions") -> Built:
    path = Path(built.path(table))
    path.write_bytes(path.read_bytes()[:-100])
    return built


def empty(built: Built) -> Built:
    Path(built.path("questions")).write_bytes(b"")
    return built


def corrupt(built: Built) -> Built:
    """The footer is sound, the data are not."""
    path = Path(built.path("raw_assessments"))
    content = bytearray(path.read_bytes())
    content[4:400] = b"\xa5" * 396
    path.write_bytes(bytes(content))
    return built


def remove(built: Built) -> Built:
    Path(built.path("questions")).unlink()
    return built


def remove_folder(built: Built) -> Built:
    path = Path(built.path("questions"))
    path.unlink()
    path.parent.rmdir()
    return built


def stranger(built: Built, folder: str = "questions") -> Built:
    Path(built.path("questions")).with_name("part-00001.parquet").write_bytes(Path(built.path(folder)).read_bytes())
    return built


def stranger_where_nothing_was_written(built: Built) -> Built:
    clean = build(Path(built.root).parents[1], records=RECORDS[:1], try_number=3)
    folder = Path(clean.root, "quarantine", f"landing={clean.transform.landing}")
    folder.mkdir(parents=True)
    Path(folder, "part-00000.parquet").write_bytes(Path(built.path("quarantine")).read_bytes())
    return clean


def longer(built: Built) -> Built:
    path = built.path("options")
    files = replace(built.transform.tables["options"], files=(DataFile(path, 17),))
    return replace(built, transform=replace(built.transform, tables={**built.transform.tables, "options": files}))


def without_column(built: Built) -> Built:
    return rewrite(built, "questions", lambda content: content.drop_columns("user_result"))


def other_type(built: Built) -> Built:
    def as_text(content: pa.Table) -> pa.Table:
        at = content.schema.get_field_index("correct")
        return content.set_column(at, "correct", content["correct"].cast(pa.string()))

    return rewrite(built, "assessments", as_text)


def local_times(built: Built) -> Built:
    def without_zone(content: pa.Table) -> pa.Table:
        at = content.schema.get_field_index("started_at")
        return content.set_column(at, "started_at", content["started_at"].cast(pa.timestamp("us")))

    return rewrite(built, "assessments", without_zone)


def extra_column(built: Built) -> Built:
    return rewrite(built, "options", lambda content: content.append_column("note", pa.nulls(len(content), pa.string())))


def fewer_rows(built: Built) -> Built:
    return rewrite(built, "options", lambda content: content.slice(3))


FILE_DEFECTS = [
    ("a truncated file", truncate, "is not a readable Parquet file: "),
    ("a truncated file: its length", truncate, "bytes, Spark's receipt says"),
    ("a truncated raw file", lambda built: truncate(built, "raw_assessments"), "raw_assessments: "),
    ("an empty file", empty, "is not a readable Parquet file: "),
    ("data destroyed, footer sound", corrupt,
     "raw_assessments/landing=2018-01-28-5f3a9c1e-1/part-00000.zstd.parquet is not a readable Parquet file: "),
    ("a file missing", remove, "questions/landing=2018-01-28-5f3a9c1e-1/part-00000.zstd.parquet is in Spark's receipt but not on HDFS"),
    ("a folder missing", remove_folder, "is in Spark's receipt but not on HDFS"),
    ("a file too many", stranger, "part-00001.parquet is on HDFS but not in Spark's receipt: another try wrote into this landing"),
    ("a file of another table", lambda built: stranger(built, "options"), "part-00001.parquet has other columns than the table"),
    ("a file where the receipt has none", stranger_where_nothing_was_written, "quarantine: "),
    ("another length", longer, "bytes, Spark's receipt says 17"),
    ("a column missing: readers would see null", without_column, "user_result string expected, nothing found"),
    ("a column of another type", other_type, "correct int32 expected, string found"),
    ("timestamps without zone", local_times, "started_at timestamp[us, tz=UTC] expected, timestamp[us] found"),
    ("a column too many", extra_column, "note nothing expected, string found"),
    ("rows missing in the file", fewer_rows, "options: the files hold 25 rows, Spark's receipt says 28"),
]  # fmt: skip


@pytest.mark.parametrize(("defect", "plant", "sentence"), FILE_DEFECTS, ids=[row[0] for row in FILE_DEFECTS])
def test_a_planted_defect_in_the_files_is_named(tmp_path: Path, defect: str, plant: Callable[[Built], Built], sentence: str) -> None:
    found = judged(plant(build(tmp_path)))
    assert any(sentence in told for told in found), f"{defect}: no sentence says {sentence!r} among\n" + "\n".join(found)


def test_what_hadoop_hides_is_no_data_file(tmp_path: Path) -> None:
    built = build(tmp_path)
    Path(built.path("questions")).with_name("_SUCCESS").touch()
    Path(built.path("questions")).with_name(".part-00000.crc").write_bytes(b"x")
    assert judged(built) == []


# ---------------------------------------------------------------- defects in the receipts


def published(**changes: Any) -> Callable[[Built], Built]:
    return lambda built: replace(built, publish=replace(built.publish, **changes))


def transformed(**changes: Any) -> Callable[[Built], Built]:
    return lambda built: replace(built, transform=replace(built.transform, **changes))


def without_tables(built: Built) -> Built:
    return replace(built, transform=replace(built.transform, tables={"questions": built.transform.tables["questions"]}))


def without_files(built: Built) -> Built:
    tables = {table: TableFiles(0, ()) for table in LANDED}
    return replace(built, transform=replace(built.transform, tables=tables, distinct=0, duplicates=0, quarantined=0, read=0))


RECEIPT_DEFECTS = [
    ("receipts of two ingests", transformed(ingest="f" * 16), "ingest: published was 0123456789abcdef, Spark read ffffffffffffffff"),
    ("receipts of two days", published(day="2018-01-29"), "day: published was 2018-01-29, Spark read 2018-01-28"),
    ("receipts of two topics", transformed(topic="assessments.demo"), "topic: published was assessments.acme, Spark read assessments.demo"),
    ("Spark read less", transformed(read=11), "12 records were published to assessments.acme, Spark read 11"),
    ("Spark's sum", transformed(duplicates=1), "Spark read 12 records but accounts for 11: 8 distinct, 1 duplicates, 2 quarantined"),
    ("more was published", published(published=13), "13 records were published, raw_assessments holds 12"),
    (
        "more was published: what arrived",
        published(published=13),
        "13 records were published, 12 arrived: 8 distinct attempts, 2 duplicates, 2 quarantined",
    ),
    (
        "Spark's content hash",
        transformed(content_hash="0" * 16),
        "read by Spark 0000000000000000: the records that Spark read are not those",
    ),
    (
        "the publisher's content hash",
        published(content_hash="0" * 16),
        "content hash: published 0000000000000000, of the bytes in raw_assessments",
    ),
    ("a record of the source was not published", published(source_records=13), "the source holds 13 records with content hash"),
    ("the source's content hash", published(source_hash="0" * 16), "with content hash 0000000000000000, published were 12 with"),
    (
        "reasons",
        transformed(reasons={"blank": 2}),
        "quarantine: Spark's receipt says blank 2, the table holds invalid_json 1, missing_keen_id 1",
    ),
    ("conflicts", transformed(conflicts=0), "conflicting attempts: Spark's receipt says 0, the tables hold 2"),
    ("tables missing in the receipt", without_tables, "Spark's receipt lists the tables questions; expected assessments"),
    ("no files at all", without_files, "12 records were published to assessments.acme, Spark read 0"),
]


@pytest.mark.parametrize(("defect", "plant", "sentence"), RECEIPT_DEFECTS, ids=[row[0] for row in RECEIPT_DEFECTS])
def test_a_wrong_receipt_is_named(tmp_path: Path, defect: str, plant: Callable[[Built], Built], sentence: str) -> None:
    found = judged(plant(build(tmp_path)))
    assert any(sentence in told for told in found), f"{defect}: no sentence says {sentence!r} among\n" + "\n".join(found)


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
    assert lost.startswith("10 of 20 records neither landed nor quarantined: record 0 (keen_id keen 0")
    assert lost.count("record ") == landed.EXAMPLES
    assert ", ..." in lost


def test_the_day_is_the_receipts_day(tmp_path: Path) -> None:
    assert judged(build(tmp_path, day="2020-02-29")) == []
    assert DAY != "2020-02-29"
