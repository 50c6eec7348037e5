"""The facts of a landing, asked of its tables in SQL: what was loaded of them into DuckDB, `raw_assessments` as `raw`."""

from typing import Any

import pyarrow as pa

from include import content_hash
from include.lake.aggregates import AGGREGATES, IMPOSSIBLE, SCORED_QUESTIONS, SUMMED
from include.schemas import LANDED, READ_FROM
from include.validation.facts import Attempts, Children, Facts, Gaps, Raw, Some
from include.validation.holes import Counts

EXAMPLES = 3

NEEDED = {
    "assessments": (
        "day", "hash", "record", "copies", "is_test", "is_conflict", "score", "tallies", *READ_FROM["assessments"].values(),
    ),
    "questions": ("day", "keen_id", "hash", "position", *READ_FROM["questions"].values()),
    "options": ("day", "keen_id", "hash", "question_position", "position", *READ_FROM["options"].values()),
    "quarantine": ("day", "hash", "keen_id", "record", "reason"),
    **{table: tuple(LANDED[table].arrow.names) for table in (*AGGREGATES, "holes")},
}  # fmt: skip

# Every column whose values have bounds: the least and the most, None for no bound. What is delivered as it is (counts, dates) has none.
RANGES: dict[str, dict[str, tuple[int, int | None]]] = {
    "raw": {"partition": (0, None), "offset": (0, None), "record": (0, None)},
    "assessments": {"score": (0, 1), "copies": (1, None), "record": (0, None), "question_count": (0, None)},
    "questions": {"position": (0, None), "option_count": (0, None)},
    "options": {"question_position": (0, None), "position": (0, None)},
    "quarantine": {"record": (0, None)},
    "exam_scores": {
        **dict.fromkeys(("correct", "total", "conflicts", "incomplete", "incorrect", "unanswered"), (0, None)),
        **dict.fromkeys(("attempts", "copies"), (1, None)),
    },
    "question_days": {**dict.fromkeys(("correct", "incorrect", "missed", "unanswered"), (0, None)), "asked": (1, None)},
    "item_days": {
        **dict.fromkeys(("score", "correct", "incorrect", "missed", "unanswered", "not_reached"), (0, None)),
        "asked": (1, None),
    },
    "option_days": {**dict.fromkeys(("score", "chosen", "chosen_right"), (0, None)), "offered": (1, None)},
    "item_times": {"seconds": (0, 3600), **dict.fromkeys(("correct", "changed", "disordered"), (0, None)), "asked": (1, None)},
    "holes": {**dict.fromkeys(("parents", "present", "nulls", "missing", "empty", "wrong_type"), (0, None))},
}

# The figures of `Figures` (include/figures.py) counted again: in which table, and the condition that its rows meet. Each row of such a
# table is of one attempt or record, so that forgetting can subtract those that go.
FIGURES: dict[str, tuple[str, str]] = {
    "test": ("assessments", "is_test"),
    "conflicts": ("assessments", "is_conflict"),
}

# How a row is named in a sentence: by its record's number and hash, never by its keen_id or a text, for sentences go into logs and XComs,
# which others read than the customer's readers. Null is said, for `||` with a null would name nothing.
_MACROS = """
    create macro said(value) as coalesce(value::varchar, 'null');
    create macro record_of(of_hash) as
        coalesce('record ' || (select min(record) from raw where found_hash = of_hash), 'no record of the source');
    create macro attempt(keen_id, hash) as record_of(hash) || ' (hash ' || said(hash) || ')';
    create macro question(keen_id, hash, place) as attempt(keen_id, hash) || ' question ' || said(place)"""


def facts_of(tables: Any) -> Facts:
    """What the loaded tables hold."""
    tables.execute(_MACROS)  # of tables, which must be there first
    return Facts(
        days=_days_of(tables),
        raw=_raw_of(tables),
        attempts=_attempts_of(tables),
        figures=counted_again(tables),
        children=_children_of(tables),
        gaps=_gaps_of(tables),
        out_of_range=_out_of_range(tables),
    )


def counted_again(tables: Any) -> dict[str, int]:
    """Each figure of `FIGURES`, of the rows that these tables hold."""
    counts = {}
    for name, (table, condition) in FIGURES.items():
        (counts[name],) = tables.execute(f"select count(*) filter ({condition}) from {table}").fetchone()
    return counts


def _days_of(tables: Any) -> dict[str, dict[str, int]]:
    named = {"raw_assessments": "raw", **{table: table for table in NEEDED}}
    return {
        table: {
            str(day) if day else "no day": rows for day, rows in tables.execute(f"select day, count(*) from {name} group by day").fetchall()
        }
        for table, name in named.items()
    }


def _raw_of(tables: Any) -> Raw:
    rows, total, records, lowest, highest = tables.execute(
        "select count(*), sum(found_hash::hugeint), count(distinct record), min(record), max(record) from raw"
    ).fetchone()
    offsets = tables.execute('select partition, min("offset"), max("offset") from raw group by partition').fetchall()
    return Raw(
        rows=rows,
        content_hash=content_hash.total([total or 0]),
        ingests=dict(tables.execute("select coalesce(ingest, 'no ingest'), count(*) from raw group by all").fetchall()),
        wrong_hashes=_some(tables, "select 'record ' || said(record) from raw where hash is distinct from found_hash order by record"),
        repeated_offsets=_some(
            tables,
            """select 'partition ' || said(partition) || ' offset ' || said("offset")
               from raw group by partition, "offset" having count(*) > 1 order by all""",
        ),
        offsets={partition: (first, last) for partition, first, last in offsets},
        records=records,
        lowest_record=lowest,
        highest_record=highest,
    )


# Every record's way: how often it was read, how often it came out as an attempt, a copy of one or a quarantined record. A record whose key
# the publisher could not read is known by its bytes: the same bytes are the same attempt.
_ACCOUNT = """(
    select keen_id, hash, sum(read) as read, sum(landed) as landed, min(record) as record from (
        select coalesce(raw.keen_id, as_judged.keen_id) as keen_id, found_hash as hash, 1 as read, 0 as landed, record
            from raw left join (select hash, min(keen_id) as keen_id from assessments group by hash) as_judged
                on raw.found_hash = as_judged.hash
        union all select keen_id, hash, 0, copies, record from assessments
        union all select keen_id, hash, 0, 1, record from quarantine)
    group by keen_id, hash)"""


def _attempts_of(tables: Any) -> Attempts:
    distinct, copies, total, untallied = tables.execute(
        """select count(*), coalesce(sum(copies), 0), coalesce(sum(hash::hugeint * copies), 0), count(*) filter (not tallies)
           from assessments"""
    ).fetchone()
    reasons = dict(tables.execute("select coalesce(reason, 'no reason'), count(*) from quarantine group by all").fetchall())
    (quarantine_total,) = tables.execute("select coalesce(sum(hash::hugeint), 0) from quarantine").fetchone()
    return Attempts(
        distinct=distinct,
        copies=copies,
        quarantined=sum(reasons.values()),
        reasons=reasons,
        content_hash=content_hash.total([total, quarantine_total]),
        repeated_keys=_some(
            tables, "select attempt(keen_id, hash) from assessments group by keen_id, hash having count(*) > 1 order by all"
        ),
        without_copies=_some(tables, "select attempt(keen_id, hash) from assessments where coalesce(copies, 0) < 1 order by all"),
        wrong_conflicts=_some(
            tables,
            """select attempt(keen_id, hash) || ' has is_conflict ' || said(is_conflict)
               from (select *, count(distinct hash) over (partition by keen_id) > 1 as found from assessments)
               where is_conflict is distinct from found order by all""",
        ),
        lost=_records(tables, "read - landed"),
        invented=_records(tables, "landed - read"),
        untallied=untallied,
        wrong_scores=_some(
            tables,
            f"""select attempt(keen_id, hash) || ' has score ' || said(score) || ' with correct ' || said(correct)
                    || ' of total ' || said(total)
                from assessments
                where score is distinct from case when total > 0 and {IMPOSSIBLE} is null then correct / total end order by all""",
        ),
        impossible=dict(
            tables.execute(f"select {IMPOSSIBLE} as reason, count(*) from assessments where reason is not null group by all").fetchall()
        ),
    )


def _out_of_range(tables: Any) -> dict[str, Some]:
    found = {}
    for table, columns in RANGES.items():
        outside = {
            column: f'"{column}" < {least}' + ("" if most is None else f' or "{column}" > {most}')
            for column, (least, most) in columns.items()
        }
        counts = ", ".join(f"count(*) filter ({condition})" for condition in outside.values())
        wrong = tables.execute(f"select {counts} from {table}").fetchone()
        for (column, condition), number in zip(outside.items(), wrong, strict=True):
            if number:
                found[_bounded(table, column)] = _some(
                    tables, f'select said("{column}") from {table} where {condition} order by "{column}"'
                )
    return found


def _bounded(table: str, column: str) -> str:
    least, most = RANGES[table][column]
    bounds = f"at least {least}" if most is None else f"{least} to {most}"
    return f"{'raw_assessments' if table == 'raw' else table}.{column}, which is {bounds}"


def _records(tables: Any, surplus: str) -> Some:
    """The records of which there is a surplus on one side of the account."""
    return _some(
        tables,
        f"select 'record ' || said(record) || ' (hash ' || said(hash) || ')' from {_ACCOUNT} where {surplus} > 0 order by record",
        total=f"select sum({surplus}) from {_ACCOUNT} where {surplus} > 0",
    )


def _children_of(tables: Any) -> Children:
    tables.execute(f"create temp table scored_questions as {SCORED_QUESTIONS}")  # for three of the sums
    return Children(
        orphan_questions=_some(
            tables, "select question(keen_id, hash, position) from questions anti join assessments using (keen_id, hash) order by all"
        ),
        orphan_options=_some(
            tables,
            """select question(keen_id, hash, question_position) || ' option ' || said(position)
               from options anti join (select keen_id, hash, position as question_position from questions) q
                   using (keen_id, hash, question_position)
               order by all""",
        ),
        wrong_questions=_some(
            tables,
            f"""select attempt(keen_id, hash) || ' has question_count ' || said(question_count)
                    || ' and ' || coalesce(rows, 0) || ' questions'
                from assessments left join {_numbered("keen_id, hash", "questions")} using (keen_id, hash)
                where coalesce(question_count, 0) <> coalesce(rows, 0) or not coalesce(numbered, true) order by all""",
        ),
        wrong_options=_some(
            tables,
            f"""select question(keen_id, hash, question_position) || ' has option_count ' || said(option_count)
                    || ' and ' || coalesce(rows, 0) || ' options'
                from (select *, position as question_position from questions)
                left join {_numbered("keen_id, hash, question_position", "options")} using (keen_id, hash, question_position)
                where coalesce(option_count, 0) <> coalesce(rows, 0) or not coalesce(numbered, true) order by all""",
        ),
        wrong_sums={table: _differing(tables, table, expected) for table, expected in AGGREGATES.items()},
        unbalanced=_unbalanced(tables),
    )


def _unbalanced(tables: Any) -> dict[str, tuple[int, int]]:
    """Counted without a join, so that rows which a join loses on both sides of `_differing` are missed here."""
    found = {}
    for table, (rows, counts) in SUMMED.items():
        counted, there = tables.execute(f"select (select coalesce(sum({counts}), 0) from {table}), count(*) from {rows}").fetchone()
        if counted != there:
            found[table] = (int(counted), there)
    return found


_JOIN_COPIES = {"assessments": ""}  # which has them itself
_OF_ATTEMPTS = "join (select keen_id, hash, copies from assessments) using (keen_id, hash)"
# How often each path holds a value, by the rows of the tables: at least so often, and if nothing is in quarantine exactly so often.
_HELD = "\nunion all\n".join(
    f"""select '{path}' as path, coalesce(sum(copies) filter ({table}."{column}" is not null), 0) as held
        from {table} {_JOIN_COPIES.get(table, _OF_ATTEMPTS)}"""
    for table, columns in READ_FROM.items()
    for path, column in columns.items()
)


def _gaps_of(tables: Any) -> Gaps:
    counts = "parents, present, nulls, missing, empty, wrong_type"
    return Gaps(
        holes={path: Counts(*found) for path, *found in tables.execute(f"select path, {counts} from holes").fetchall()},
        repeated_paths=_some(tables, "select said(path) from holes group by path having count(*) > 1 order by all"),
        wrong_sums=_some(
            tables,
            """select said(path) || ' has ' || said(parents) || ' parents and ' || said(found) from
               (select *, present + nulls + missing + empty + wrong_type as found from holes)
               where found is distinct from parents or least(present, nulls, missing, empty, wrong_type) < 0 order by all""",
        ),
        wrong_counts=_some(
            tables,
            f"""select path || ' is there ' || said(present + empty) || ' times, in the tables ' || said(held)
                from ({_HELD}) left join holes using (path), (select count(*) as quarantined from quarantine)
                where coalesce(present + empty < held, true) or (quarantined = 0 and present + empty > held) order by all""",
        ),
    )


def _numbered(parent: str, children: str) -> str:
    """SQL: for each parent its number of children, and whether their positions are 0, 1, 2 and so on."""
    return f"""(
        select {parent}, count(*) as rows,
            count(distinct position) = count(*) and min(position) = 0 and max(position) = count(*) - 1 as numbered
        from {children} group by {parent})"""


def _differing(tables: Any, table: str, expected: str) -> Some:
    """Rows of the table that are not among those counted again, and the other way round; of their columns only the counts are shown."""
    columns = ", ".join(f'"{column}"' for column in NEEDED[table])
    counts = ", ".join(f"'{field.name}': \"{field.name}\"" for field in LANDED[table].arrow if pa.types.is_integer(field.type))
    tables.execute(
        f"""create temp table differing as select {columns}, sum(side)::bigint as surplus
            from (select {columns}, 1 as side from {table} union all select {columns}, -1 from ({expected}))
            group by {columns} having surplus <> 0"""
    )
    found = _some(
        tables,
        f"""select case when surplus > 0 then 'found ' else 'expected ' end || to_json({{{counts}}})::varchar as row
            from differing order by surplus > 0 desc, row""",
        total="select coalesce(sum(abs(surplus)), 0) from differing",
    )
    tables.execute("drop table differing")
    return found


def _some(tables: Any, rows: str, total: str | None = None) -> Some:
    """How many rows the query has (or what `total` sums up to), and the first few."""
    (count,) = tables.execute(total or f"select count(*) from ({rows})").fetchone()
    if not count:
        return Some(0)
    return Some(int(count), tuple(str(row[0]) for row in tables.execute(f"{rows} limit {EXAMPLES}").fetchall()))
