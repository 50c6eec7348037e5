"""Is everything there? Compares what was published, what Spark says it wrote, and what lies on HDFS, before anybody sees it.

`problems` compares numbers that came from different places and returns sentences; no sentence means that every record of the source has
arrived exactly once, as an attempt, a copy of one, or in quarantine.
"""

from collections.abc import Iterator

from include import content_hash
from include.figures import COUNTED, SUM, counted
from include.lake.aggregates import SUMMED
from include.receipts import Found, PublishReceipt, TransformReceipt
from include.schemas import LANDED
from include.validation.evidence import expected_columns, read_landed
from include.validation.facts import Attempts, Facts, Gaps, Landed, Raw, Some
from include.validation.holes import PATHS, Earlier, moved

__all__ = ["broken_limits", "contradictions", "found_on_hdfs", "problems", "read_landed", "warnings"]

AGAIN = "Clear transform and the tasks after it to run them again."


def problems(
    publish: PublishReceipt, transform: TransformReceipt, landed: Landed, max_quarantined: float, accept_empty: bool = False
) -> list[str]:
    """Sentences about everything that is wrong, none if nothing is. `max_quarantined` is a share of the published records, 0 to 1.

    A day without a single attempt is wrong, unless its source holds no record and `accept_empty`.
    For a day that is landed again from HDFS (`publish.raw`), what the source and the topic held is the word of the landing in force, whose
    own proof it was; that Spark read exactly those records, and that they lie on HDFS, is counted and hashed anew as always.
    """
    return [
        *contradictions(publish, transform, landed),
        *broken_limits(publish, transform, landed, max_quarantined, accept_empty),
    ]


def contradictions(publish: PublishReceipt, transform: TransformReceipt, landed: Landed) -> list[str]:
    """Of the problems those that no reason excuses: receipts, files and tables do not say the same.

    The sums of such a landing are wrong whoever takes that on, and it could be mended by nothing: compacting it and forgetting an attempt
    in it prove the day anew, and would fail on it for ever. So these cannot be overridden; the limits of `broken_limits` can.
    """
    found = [*_receipts(publish, transform), *_files(transform, landed)]
    if landed.facts is None:
        return found or ["the landing's files could not be read, and no reason was found. " + AGAIN]
    facts = landed.facts
    return [
        *found,
        *_days(transform, facts),
        *_raw(publish, transform, facts.raw),
        *_conservation(publish, transform, facts),
        *_children(facts),
        *_gaps(facts.gaps),
        *_ranges(facts),
    ]


def broken_limits(
    publish: PublishReceipt, transform: TransformReceipt, landed: Landed, max_quarantined: float, accept_empty: bool
) -> list[str]:
    """Of the problems those about the records themselves: all of them are accounted for, but too few could be read."""
    if landed.facts is None:
        return []
    return [
        *_emptiness(publish, transform, landed.facts, accept_empty),
        *_quarantine(publish, landed.facts.attempts, max_quarantined),
    ]


def found_on_hdfs(facts: Facts, transform: TransformReceipt) -> Found:
    """The landing's last column of the receipt of conservation: counted and hashed from the files, not taken from a receipt."""
    attempts = facts.attempts
    return Found(
        records=facts.raw.rows + transform.forgotten,
        content_hash=content_hash.together([facts.raw.content_hash, transform.forgotten_hash]),
        landed=attempts.distinct,
        duplicates=attempts.copies - attempts.distinct,
        quarantined=attempts.quarantined,
        forgotten=transform.forgotten,
    )


def warnings(publish: PublishReceipt, transform: TransformReceipt, landed: Landed, earlier: Earlier, holes_points: float) -> list[str]:
    """Sentences about what is right but worth a look. `earlier` are the landed days before this one, and their holes."""
    told = []
    if transform.quarantined:
        told.append(f"{transform.quarantined:,} of {publish.published:,} records are in quarantine: {_reasons(transform.reasons)}")
    if transform.conflicts:
        told.append(f"{transform.conflicts:,} attempts share their keen_id with other bytes; every version has landed, with is_conflict")
    attempts = landed.facts.attempts if landed.facts else None
    if attempts and attempts.untallied:
        told.append(f"{attempts.untallied:,} attempts have counts that do not agree with their questions (tallies is false)")
    if attempts and attempts.impossible:
        without = sum(attempts.impossible.values())
        told.append(f"{without} attempts have impossible counts, so no score, and are in no sum: {_reasons(attempts.impossible)}")
    if landed.facts:
        told += moved(landed.facts.gaps.holes, earlier, holes_points)
    return told


def _receipts(publish: PublishReceipt, transform: TransformReceipt) -> Iterator[str]:
    for what in ("ingest", "day", "topic"):
        published, read = getattr(publish, what), getattr(transform, what)
        if published != read:
            yield f"{what}: published was {published}, Spark read {read}: the receipts are of different runs. {AGAIN}"
    if (publish.source_records, publish.source_hash) != (publish.published, publish.content_hash):
        yield (
            f"the source holds {publish.source_records} records with content hash {publish.source_hash}, published were "
            f"{publish.published} with {publish.content_hash}. Clear publish and the tasks after it to run them again."
        )
    if transform.read != publish.published:
        yield f"{publish.published} records were published to {publish.topic}, Spark read {transform.read}. {AGAIN}"
    if transform.content_hash != publish.content_hash:
        yield (
            f"content hash: published {publish.content_hash}, read by Spark {transform.content_hash}: "
            f"the records that Spark read are not those that were published. {AGAIN}"
        )
    parts = transform.distinct + transform.duplicates + transform.quarantined + transform.forgotten
    if parts != transform.read:
        yield (
            f"Spark read {transform.read} records but accounts for {parts}: {transform.distinct} distinct, "
            f"{transform.duplicates} duplicates, {transform.quarantined} quarantined{_and_forgotten(transform)}. {AGAIN}"
        )
    if transform.forgotten and not transform.tombstones:
        yield f"Spark left out {transform.forgotten} records as forgotten, but nothing was to be forgotten. {AGAIN}"


def _and_forgotten(transform: TransformReceipt) -> str:
    return f", {transform.forgotten} forgotten" if transform.forgotten else ""


def _files(transform: TransformReceipt, landed: Landed) -> Iterator[str]:
    if set(transform.tables) != set(LANDED):
        yield f"Spark's receipt lists the tables {', '.join(sorted(transform.tables))}; expected {', '.join(sorted(LANDED))}. {AGAIN}"
    for table, files in transform.tables.items():
        there = landed.files.get(table, {})
        promised = {file.path: file.bytes for file in files.files}
        for path in sorted(promised.keys() - there.keys()):
            yield f"{table}: {path} is in Spark's receipt but not on HDFS. {AGAIN}"
        for path in sorted(there.keys() - promised.keys()):
            yield f"{table}: {path} is on HDFS but not in Spark's receipt: another try wrote into this landing. {AGAIN}"
        for path, file in sorted(there.items()):
            if path in promised and file.bytes != promised[path]:
                yield f"{table}: {path} has {file.bytes} bytes, Spark's receipt says {promised[path]}. {AGAIN}"
            if file.unreadable:
                yield f"{table}: {path} is not a readable Parquet file: {file.unreadable}. {AGAIN}"
            if file.columns is not None:
                yield from _columns(table, path, file.columns)
        rows = sum(file.rows for file in there.values())
        if rows != files.rows and not any(file.unreadable for file in there.values()):
            yield f"{table}: the files hold {rows} rows, Spark's receipt says {files.rows}. {AGAIN}"


def _columns(table: str, path: str, columns: dict[str, str]) -> Iterator[str]:
    expected = expected_columns(table)
    wrong = [
        f"{name} {expected.get(name, 'nothing')} expected, {columns.get(name, 'nothing')} found"
        for name in {**expected, **columns}
        if expected.get(name) != columns.get(name)
    ]
    if wrong:
        yield f"{table}: {path} has other columns than the table: {'; '.join(wrong)}. spark_jobs and include/schemas.py must agree."


def _days(transform: TransformReceipt, facts: Facts) -> Iterator[str]:
    for table, days in facts.days.items():
        others = {day: rows for day, rows in days.items() if day != transform.day}
        if others:
            found = ", ".join(f"{rows} of {day}" for day, rows in sorted(others.items()))
            yield f"{table}: all rows must be of {transform.day}, found {found}. {AGAIN}"


def _raw(publish: PublishReceipt, transform: TransformReceipt, raw: Raw) -> Iterator[str]:
    strangers = {ingest: rows for ingest, rows in raw.ingests.items() if ingest != publish.ingest}
    if strangers:
        found = ", ".join(f"{rows} of {ingest}" for ingest, rows in sorted(strangers.items()))
        yield f"raw_assessments: all records must be of ingest {publish.ingest}, found {found}: they are another publishing's. {AGAIN}"
    expected_rows = publish.published - transform.forgotten
    if raw.rows != expected_rows:
        yield f"{publish.published} records were published, raw_assessments holds {raw.rows}{_and_forgotten(transform)}. {AGAIN}"
    if (hashed := content_hash.together([raw.content_hash, transform.forgotten_hash])) != publish.content_hash:
        yield (
            f"content hash: published {publish.content_hash}, of the bytes in raw_assessments {hashed}: "
            f"records were lost, doubled or changed on the way. {AGAIN}"
        )
    if raw.wrong_hashes.count:
        yield f"raw_assessments: {raw.wrong_hashes.count} rows whose hash is not that of their value: {raw.wrong_hashes}. {AGAIN}"
    if raw.repeated_offsets.count:
        yield f"raw_assessments: {raw.repeated_offsets.count} Kafka records are there more than once: {raw.repeated_offsets}. {AGAIN}"
    for partition, (first, last) in sorted(raw.offsets.items()):
        expected = publish.offsets.get(partition)
        if expected is None:
            yield f"raw_assessments: records of partition {partition}, where nothing was published. {AGAIN}"
        elif first < expected[0] or last > expected[1]:
            yield (
                f"raw_assessments: offsets {first} to {last} of partition {partition}; "
                f"published were {expected[0]} to {expected[1]}. {AGAIN}"
            )
    numbers = (raw.records, raw.lowest_record, raw.highest_record)
    # A forgotten record leaves a gap, at either end too.
    inside = raw.records == expected_rows and 0 <= (raw.lowest_record or 0) <= (raw.highest_record or 0) < publish.published
    if raw.rows and not (inside if transform.forgotten else numbers == (publish.published, 0, publish.published - 1)):
        yield (
            f"record numbers must be 0 to {publish.published - 1}, each once; raw_assessments has {raw.records} different ones "
            f"from {raw.lowest_record} to {raw.highest_record}. {AGAIN}"
        )


def _emptiness(publish: PublishReceipt, transform: TransformReceipt, facts: Facts, accept_empty: bool) -> Iterator[str]:
    if (
        facts.attempts.distinct == 0
        and not (accept_empty and publish.source_records == 0)
        and not 0 < publish.published == transform.forgotten
    ):
        yield f"nothing landed: of {publish.published} records none became an attempt. Look at the source, or at the quarantine's reasons."


def _conservation(publish: PublishReceipt, transform: TransformReceipt, facts: Facts) -> Iterator[str]:
    found = facts.attempts
    compared = [
        (SUM["landed"], transform.distinct, found.distinct),
        (SUM["duplicates"], transform.duplicates, found.copies - found.distinct),
        (SUM["quarantined"], transform.quarantined, found.quarantined),
        *((COUNTED[name], said, facts.figures[name]) for name, said in counted(transform).items()),
    ]
    for figure, said, there in compared:
        if said not in (None, there):  # a receipt of an earlier version says nothing of it
            yield f"{figure.what}: Spark's receipt says {said}, the tables hold {there}. {AGAIN}"
    if {reason: rows for reason, rows in transform.reasons.items() if rows} != found.reasons:
        yield f"quarantine: Spark's receipt says {_reasons(transform.reasons)}, the table holds {_reasons(found.reasons)}. {AGAIN}"
    arrived = found.copies + found.quarantined + transform.forgotten
    if arrived != publish.published:
        yield (
            f"{publish.published} records were published, {arrived} arrived: {found.distinct} distinct attempts, "
            f"{found.copies - found.distinct} duplicates, {found.quarantined} quarantined{_and_forgotten(transform)}. {AGAIN}"
        )
    if (hashed := content_hash.together([found.content_hash, transform.forgotten_hash])) != publish.content_hash:
        yield (
            f"content hash: published {publish.content_hash}, of assessments (hash x copies) and quarantine {hashed}: "
            f"counts may agree, the records do not. {AGAIN}"
        )
    if found.lost.count:
        yield f"{found.lost.count} of {publish.published} records neither landed nor quarantined: {found.lost}. {AGAIN}"
    if found.invented.count:
        yield f"{found.invented.count} records landed or quarantined more often than raw_assessments holds them: {found.invented}. {AGAIN}"
    if found.repeated_keys.count:
        yield f"assessments: {found.repeated_keys.count} attempts have more than one row: {found.repeated_keys}. {AGAIN}"
    if found.without_copies.count:
        yield f"assessments: {found.without_copies.count} rows with copies below 1: {found.without_copies}. {AGAIN}"
    if found.wrong_conflicts.count:
        yield f"assessments: is_conflict is wrong in {found.wrong_conflicts.count} rows: {found.wrong_conflicts}. {AGAIN}"


def _children(facts: Facts) -> Iterator[str]:
    found = facts.children
    sentences = {
        "rows of questions belong to no attempt in assessments": found.orphan_questions,
        "rows of options belong to no question in questions": found.orphan_options,
        "attempts do not have the questions that their question_count says": found.wrong_questions,
        "questions do not have the options that their option_count says": found.wrong_options,
        "rows of exam_scores are not what assessments adds up to": found.wrong_sums["exam_scores"],
        "rows of question_days are not what questions adds up to": found.wrong_sums["question_days"],
        "rows of item_days are not what questions adds up to": found.wrong_sums["item_days"],
        "rows of option_days are not what options adds up to": found.wrong_sums["option_days"],
        "rows of item_times are not what questions and options add up to": found.wrong_sums["item_times"],
    }
    yield from _counted(sentences)
    for table, (counted_rows, rows) in found.unbalanced.items():
        source, column = SUMMED[table]
        yield f"{table}: its {column} adds up to {counted_rows}, {source} has {rows} rows. {AGAIN}"


def _gaps(gaps: Gaps) -> Iterator[str]:
    wrong = [f"{path} is not there" for path in sorted(PATHS - gaps.holes.keys())]
    wrong += [f"{path} is not a path of the schema" for path in sorted(gaps.holes.keys() - PATHS)]
    if wrong:
        yield f"holes must have every path of the schema: {'; '.join(wrong)}. spark_jobs and include/validation/holes.py must agree."
    sentences = {
        "paths are in holes more than once": gaps.repeated_paths,
        "rows of holes do not add up to their parents": gaps.wrong_sums,
        "fields are not as often in the tables as holes counts them": gaps.wrong_counts,
    }
    yield from _counted(sentences)


def _ranges(facts: Facts) -> Iterator[str]:
    yield from _counted({"attempts do not have the score that their counts make": facts.attempts.wrong_scores})
    yield from _counted({f"rows are outside of the range of {column}": some for column, some in facts.out_of_range.items()})


def _counted(sentences: dict[str, Some]) -> Iterator[str]:
    for sentence, some in sentences.items():
        if some.count:
            yield f"{some.count} {sentence}: {some}. {AGAIN}"


def _quarantine(publish: PublishReceipt, attempts: Attempts, max_quarantined: float) -> Iterator[str]:
    share = attempts.quarantined / publish.published if publish.published else 0.0
    if share > max_quarantined:
        yield (
            f"{attempts.quarantined:,} of {publish.published:,} records ({share:.2%}) are unreadable, {max_quarantined:.2%} is allowed: "
            f"{_reasons(attempts.reasons)}. Mend the source, or run again with a higher max_quarantined to land the rest."
        )


def _reasons(reasons: dict[str, int]) -> str:
    return ", ".join(f"{reason} {rows}" for reason, rows in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))) or "nothing"
