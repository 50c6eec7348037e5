"""Everything that can be wrong with a landing between the steps, planted: what it is, how it is done, and what a sentence must say of it.

Row defects change the rows before they are written, file defects the files, receipt defects what the steps said; each from a correct
landing of RECORDS, on whatever filesystem it was built.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from include.receipts import DataFile, TableFiles
from include.schemas import LANDED
from include.validation.queries import RANGES
from tests.oracle.built_landing import RECORDS, Built, Rows, build, rewrite
from tests.oracle.recount import hash_of

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


def exchanged(table: str, column: str) -> Plant:
    """The column's values of the first row and of the first that has another one: each value is there as often as before."""

    def plant(rows: Rows) -> None:
        one = rows[table][0]
        other = next(row for row in rows[table] if row[column] != one[column])
        one[column], other[column] = other[column], one[column]

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


def least_to(least: int, most: int | None) -> str:
    return f"at least {least}" if most is None else f"{least} to {most}"


BOUNDED = {"raw_assessments" if table == "raw" else table: columns for table, columns in RANGES.items()}
NEXT_DAY = date(2018, 1, 29)
NOON = datetime(2018, 1, 28, 12, tzinfo=UTC)
ROW_DEFECTS: list[tuple[str, Plant, str]] = [
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
     "1 of 12 records neither landed nor quarantined: record 0 (hash "),
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
    ("an attempt lost", drop("assessments", 1), "1 of 12 records neither landed nor quarantined: record 1 (hash -1735421085720271652)"),
    ("an attempt lost: its children are orphans", drop("assessments", 1),
     "4 rows of questions belong to no attempt in assessments: record 1 (hash"),
    ("an attempt twice", double("assessments"), "assessments: 1 attempts have more than one row: record 0 (hash"),
    ("an attempt twice: more landed than read", double("assessments"),
     "3 records landed or quarantined more often than raw_assessments holds them"),
    ("an attempt twice: Spark's count", double("assessments"), "distinct attempts: Spark's receipt says 8, the tables hold 9"),
    ("one attempt lost, another one doubled", instead("assessments", 1, 2), "of assessments (hash x copies) and quarantine"),
    ("copies not counted", change("assessments", 0, copies=1), "2 of 12 records neither landed nor quarantined: record 0"),
    ("copies not counted: duplicates", change("assessments", 0, copies=1), "duplicates: Spark's receipt says 2, the tables hold 0"),
    ("copies moved to another attempt", both(change("assessments", 0, copies=2), change("assessments", 1, copies=2)), "(hash x copies)"),
    ("copies of 0", change("assessments", 1, copies=0), "1 rows with copies below 1: record 1 (hash"),
    ("copies null", change("assessments", 1, copies=None), "1 rows with copies below 1: record 1 (hash"),
    ("hashes of two attempts swapped: every sum is right", swapped_hashes, "neither landed nor quarantined: record 0 (hash "),
    ("another customer's attempt", change("assessments", 2, keen_id="keen of demo", hash=5), "no record of the source (hash 5)"),
    ("keen_id null", change("assessments", 2, keen_id=None), "neither landed nor quarantined: record 3 (hash"),
    ("is_conflict forgotten", change("assessments", 5, is_conflict=False), "is_conflict is wrong in 1 rows: record 7 (hash"),
    ("is_conflict without conflict", change("assessments", 0, is_conflict=True), "is_conflict is wrong in 1 rows: record 0 (hash"),
    ("is_conflict null", change("assessments", 0, is_conflict=None), "has is_conflict null"),
    ("a test exam not flagged", change("assessments", 3, is_test=False), "test attempts: Spark's receipt says 1, the tables hold 0"),
    ("a quarantined record lost", drop("quarantine"), "1 of 12 records neither landed nor quarantined: record 9 (hash"),
    ("a quarantined record twice", double("quarantine"), "quarantined records: Spark's receipt says 2, the tables hold 3"),
    ("landed and quarantined", lambda rows: rows["quarantine"].append({**rows["quarantine"][0], "hash": rows["assessments"][1]["hash"],
     "keen_id": "keen 2"}),
     "1 records landed or quarantined more often"),
    ("another reason", change("quarantine", 0, reason="blank"), "the table holds blank 1, missing_keen_id 1"),
    ("a reason that is null", change("quarantine", 0, reason=None), "the table holds missing_keen_id 1, no reason 1"),
    ("nothing landed", lambda rows: [rows[table].clear() for table in rows if table not in ("raw_assessments", "quarantine")],
     "nothing landed: of 12 records"),
    # scores and ranges
    ("a score above 1", change("assessments", 0, score=1.5), "1 rows are outside of the range of assessments.score, which is 0 to 1: 1.5"),
    ("a negative score", change("assessments", 0, score=-0.5),
     "1 rows are outside of the range of assessments.score, which is 0 to 1: -0.5"),
    ("a score that the counts do not make", change("assessments", 0, score=0.25),
     "1 attempts do not have the score that their counts make: record 0 (hash "),
    ("a score lost", change("assessments", 0, score=None), "has score null with correct 1 of total 2"),
    ("a score of impossible counts", change("assessments", 0, correct=3), "has score 0.5 with correct 3 of total 2"),
    ("a score beside a negative count", change("assessments", 0, incomplete=-1), "has score 0.5 with correct 1 of total 2"),
    *[(f"{table}.{column} out of its range", change(table, 0, **{column: least - 7}),
       f"1 rows are outside of the range of {table}.{column}, which is {least_to(least, most)}: {least - 7}")
      for table, columns in BOUNDED.items() for column, (least, most) in columns.items()],
    # children
    ("a question lost", drop("questions", 1), "1 attempts do not have the questions that their question_count says: record 0 (hash"),
    ("a question lost: its options are orphans", drop("questions", 1),
     "2 rows of options belong to no question in questions: record 0 (hash"),
    ("all questions of an attempt lost", lambda rows: [rows["questions"].pop(0) for _ in range(2)], "has question_count 2 and 0 questions"),
    ("a question twice", double("questions"), "do not have the questions that their question_count says"),
    ("a question's position wrong", change("questions", 1, position=5),
     "1 attempts do not have the questions that their question_count says"),
    ("a question of nobody", change("questions", 0, keen_id="nobody"),
     "1 rows of questions belong to no attempt in assessments: record 0 (hash"),
    ("question_count wrong", change("assessments", 0, question_count=1), "has question_count 1 and 2 questions"),
    ("question_count null though there are questions", change("assessments", 0, question_count=None),
     "has question_count null and 2 questions"),
    ("an option lost", drop("options", 0), "1 questions do not have the options that their option_count says: record 0 (hash"),
    ("an option twice", double("options"), "do not have the options that their option_count says"),
    ("an option's position wrong", change("options", 0, position=1), "do not have the options that their option_count says"),
    ("an option of another question", change("options", 0, question_position=9), "1 rows of options belong to no question in questions"),
    ("option_count wrong", change("questions", 0, option_count=3), "has option_count 3 and 2 options"),
    # sums
    ("exam_scores: attempts", change("exam_scores", 0, attempts=9), "2 rows of exam_scores are not what assessments adds up to: found {"),
    ("exam_scores: copies", change("exam_scores", 0, copies=9), "rows of exam_scores are not what"),
    ("exam_scores: a row lost", drop("exam_scores"),
     '1 rows of exam_scores are not what assessments adds up to: expected {"correct":1,"total":2'),
    ("exam_scores: a row twice", double("exam_scores"), "1 rows of exam_scores are not what"),
    ("exam_scores: a score for attempts without one", change("exam_scores", 4, correct=0, total=1), "rows of exam_scores are not what"),
    ("exam_scores: last_taken", all_rows("exam_scores", last_taken=None), "rows of exam_scores are not what"),
    ("question_days: asked", change("question_days", 0, asked=9), "2 rows of question_days are not what questions adds up to"),
    ("question_days: null counted as incorrect", change("question_days", 5, incorrect=9), "rows of question_days are not what"),
    ("question_days: a row lost", drop("question_days"), "question_days: its asked adds up to 10, questions has 14 rows"),
    ("a result changed in questions only", change("questions", 0, user_result="incorrect"), "rows of question_days are not what"),
    ("item_days: asked", change("item_days", 0, asked=9), "2 rows of item_days are not what questions adds up to: found {"),
    ("item_days: a row lost", drop("item_days"), "item_days: its asked adds up to 13, questions has 14 rows"),
    ("item_days: a row twice", double("item_days"), "1 rows of item_days are not what questions adds up to: found {"),
    ("item_days: the score of another attempt", change("item_days", 0, score=2), "2 rows of item_days are not what"),
    ("item_days: two forms exchanged", exchanged("item_days", "form"), "4 rows of item_days are not what"),
    ("item_days: a score for attempts that cannot be compared", all_rows("item_days", score=0), "rows of item_days are not what"),
    ("item_days: left open, but reached", all_rows("item_days", not_reached=0), "2 rows of item_days are not what"),
    ("item_days: a result changed in questions only", change("questions", 0, user_result="incorrect"), "rows of item_days are not what"),
    ("item_days: an id changed in questions only", change("questions", 0, question_id="other"), "rows of item_days are not what"),
    ("option_days: chosen", change("option_days", 0, chosen=0), "2 rows of option_days are not what options adds up to: found {"),
    ("option_days: a row lost", drop("option_days"), "option_days: its offered adds up to "),
    ("option_days: a row twice", double("option_days"), "1 rows of option_days are not what options adds up to: found {"),
    ("option_days: chosen_right", change("option_days", 0, chosen_right=0), "2 rows of option_days are not what"),
    ("option_days: another key", all_rows("option_days", is_key=True), "rows of option_days are not what"),
    ("option_days: a tick changed in options only", change("options", 0, checked=False), "rows of option_days are not what"),
    ("option_days: an id changed in questions only", change("questions", 0, question_id="other"), "rows of option_days are not what"),
    ("item_times: changed", change("item_times", 0, changed=1), "2 rows of item_times are not what questions and options add up"),
    ("item_times: a row lost", drop("item_times"), "item_times: its asked adds up to "),
    ("item_times: a row twice", double("item_times"), "1 rows of item_times are not what questions and options add up to: found {"),
    ("item_times: another time", change("item_times", 0, seconds=7), "2 rows of item_times are not what"),
    ("item_times: no time", all_rows("item_times", seconds=None), "rows of item_times are not what"),
    ("item_times: a clock out of order", change("item_times", 0, disordered=1), "2 rows of item_times are not what"),
    ("item_times: a touch moved in options only", change("options", 0, at=NOON), "rows of item_times are not what"),
    ("item_times: a start moved in assessments only", change("assessments", 0, started_at=NOON), "rows of item_times are not what"),
]  # fmt: skip


# ---------------------------------------------------------------- defects in the files


def read(built: Built, path: str) -> bytes:
    with built.fs.open(path, "rb") as file:
        return bytes(file.read())


def write(built: Built, path: str, content: bytes) -> Built:
    with built.fs.open(path, "wb") as file:
        file.write(content)
    return built


def truncate(built: Built, table: str = "questions") -> Built:
    return write(built, built.path(table), read(built, built.path(table))[:-100])


def empty(built: Built) -> Built:
    return write(built, built.path("questions"), b"")


def corrupt(built: Built) -> Built:
    """The footer is sound, the data are not."""
    content = read(built, built.path("raw_assessments"))
    return write(built, built.path("raw_assessments"), content[:4] + b"\xa5" * 396 + content[400:])


def remove(built: Built) -> Built:
    built.fs.rm(built.path("questions"))
    return built


def remove_folder(built: Built) -> Built:
    built.fs.rm(built.path("questions").rpartition("/")[0], recursive=True)
    return built


def stranger(built: Built, folder: str = "questions") -> Built:
    return write(built, built.path("questions").rpartition("/")[0] + "/part-00001.parquet", read(built, built.path(folder)))


def stranger_where_nothing_was_written(built: Built) -> Built:
    clean = build(Path(), records=RECORDS[:1], try_number=3, fs=built.fs, root=built.root)
    folder = f"{clean.root}/quarantine/landing={clean.transform.landing}"
    clean.fs.makedirs(folder, exist_ok=True)
    return write(clean, f"{folder}/part-00000.parquet", read(built, built.path("quarantine")))


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
    (
        "records that nobody wanted forgotten",
        transformed(forgotten=2, distinct=6),
        "Spark left out 2 records as forgotten, but nothing was to be forgotten",
    ),
    (
        "forgotten, and landed all the same",
        transformed(forgotten=2, tombstones=("ab" * 32,)),
        "12 records were published, raw_assessments holds 12, 2 forgotten",
    ),
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


@dataclass(frozen=True)
class Defect:
    """One defect: `name` says what it is, `said` what some sentence of `validate` must contain."""

    name: str
    said: str
    rows: Plant | None = None
    after: Callable[[Built], Built] | None = None

    def build(self, folder: Path, **options: Any) -> Built:
        """A landing with this defect; `options` are those of `build`."""
        built = build(folder, plant=self.rows, **options)
        return self.after(built) if self.after else built


DEFECTS = [
    *(Defect(name, said, rows=plant) for name, plant, said in ROW_DEFECTS),
    *(Defect(name, said, after=plant) for name, plant, said in FILE_DEFECTS),
    *(Defect(name, said, after=plant) for name, plant, said in RECEIPT_DEFECTS),
]
