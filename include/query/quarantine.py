"""What could not be read, by reason, with a few examples of each: of the landings in force, or of one try that came to nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.errors import LandfallError
from include.lake.lake import Lake
from include.query.faults import excerpt
from include.query.session import NotAnswered, Session
from include.receipts import TransformReceipt

EXAMPLES = 3
VALUES_HIDDEN = ("wrong_type", "unreadable_value", "missing_keen_id")  # whose detail is a field, what is expected, and the value

# `reason` is the group; of each group the first few records, with their bytes, which only raw_assessments has.
_EXAMPLES = f"""
    select quarantine.reason, quarantine.day, quarantine.record, quarantine.keen_id, quarantine.detail, raw_assessments.value
    from quarantine join raw_assessments
        on raw_assessments.day = quarantine.day and raw_assessments.partition = quarantine.partition
        and raw_assessments."offset" = quarantine."offset"
    where $day::date is null or quarantine.day = $day::date
    qualify row_number() over (partition by quarantine.reason order by quarantine.day, quarantine.record) <= {EXAMPLES}
    order by quarantine.day, quarantine.record"""
_REASONS = """
    select reason, count(*) as records, list(distinct day order by day) as days from quarantine
    where $day::date is null or day = $day::date group by reason order by records desc, reason"""
_COLUMNS = ["record", "keen_id", "reason", "detail"]


@dataclass(frozen=True)
class Example:
    """One quarantined record; `value` is the part of its bytes that is at fault (`faults.excerpt`)."""

    day: date
    record: int
    keen_id: str | None
    detail: str | None
    value: str


@dataclass(frozen=True)
class Reason:
    """All records that were quarantined for one reason."""

    reason: str
    records: int
    days: list[date]
    examples: list[Example]


def quarantined(lake: Lake, day: str | None = None) -> list[Reason]:
    """The reasons of one day, or of all, the most frequent first, as of the newest landing; none if nothing has landed."""
    state = lake.state()
    if state is None:
        return []
    with Session(lake, state) as session:
        reasons = session.ask(_REASONS, {"day": day}).rows
        examples = session.ask(_EXAMPLES, {"day": day}).rows if reasons else []
    return [Reason(reason, records, days, [_example(row) for row in examples if row[0] == reason]) for reason, records, days in reasons]


def _example(row: list[Any]) -> Example:
    reason, day, record, keen_id, detail, value = row
    return Example(day, record, keen_id, detail, excerpt(bytes(value), reason, detail))


def quarantined_by(lake: Lake, transform: TransformReceipt) -> list[Reason]:
    """The same of what one try of `transform` wrote, whether it landed or not, from its own files.

    Raises NotAnswered if these files are gone, as they are some days after a failure.
    """
    rows = _read(lake, transform, "quarantine", _COLUMNS).sort_by("record").to_pylist()
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        grouped.setdefault(row["reason"], []).append(row)
    shown = [row["record"] for group in grouped.values() for row in group[:EXAMPLES]]
    values = _values(lake, transform, shown) if shown else {}
    day = date.fromisoformat(transform.day)
    reasons = [
        Reason(
            reason,
            len(group),
            [day],
            [_example([reason, day, each["record"], each["keen_id"], each["detail"], values[each["record"]]]) for each in group[:EXAMPLES]],
        )
        for reason, group in grouped.items()
    ]
    return sorted(reasons, key=lambda each: (-each.records, each.reason))


def _values(lake: Lake, transform: TransformReceipt, records: list[int]) -> dict[int, bytes]:
    """The bytes of these records, empty for one that the files do not have: the landing is then wrong in a way that `validate` names."""
    rows = _read(lake, transform, "raw_assessments", ["record", "value"], pc.field("record").isin(records)).to_pylist()
    return {**dict.fromkeys(records, b""), **{row["record"]: row["value"] for row in rows}}


def _rows(lake: Lake, path: str, columns: list[str], rows: pc.Expression | None) -> pa.Table:
    """Without Arrow's threads: one that still reads through Python when the process ends aborts it."""
    with lake.fs.open(path, "rb") as file:
        read = pq.ParquetFile(file).read(columns, use_threads=False)
    return read if rows is None else read.filter(rows)


def _read(lake: Lake, transform: TransformReceipt, table: str, columns: list[str], rows: pc.Expression | None = None) -> pa.Table:
    try:
        files = [_rows(lake, file.path, columns, rows) for file in transform.tables[table].files]
    except FileNotFoundError as error:
        raise NotAnswered(
            f"{lake.customer} {transform.day}: the files of landing {transform.landing} are not there any more ({error}). What no landing "
            f"in force needs is removed by tidy_lake_{lake.customer} after the contract's tidy.unneeded_days. Land the day again to see "
            "its quarantine."
        ) from error
    except (OSError, pa.ArrowException) as error:
        raise LandfallError(f"{lake.customer} {transform.day}: {table} of landing {transform.landing} cannot be read: {error}") from error
    return pa.concat_tables(files) if files else pa.table({column: [] for column in columns})


def in_words(lake: Lake, transform: TransformReceipt, run_id: str) -> Iterator[str]:
    """Lines for a task's log about the unreadable records of a try: which, and what is wrong with them, without what stands in them.

    Whoever may see a DAG's log may not be a reader of the customer's records. Nothing for a try without any; never raises LandfallError,
    for what `validate` has to say is more important.
    """
    if not transform.quarantined:
        return
    try:
        for reason in quarantined_by(lake, transform):
            examples = "; ".join(_without_value(reason.reason, each) for each in reason.examples)
            yield f"unreadable: {reason.reason}: {reason.records:,} records, such as {examples}"
    except LandfallError as error:
        yield str(error)
    yield (
        "Their faulty parts are on the Landing tab of this run and the Landings page, or: "
        f"./landfall quarantine --customer {lake.customer} --run {run_id}"
    )


def _without_value(reason: str, example: Example) -> str:
    where = (example.detail or "").partition(", found ")[0] if reason in VALUES_HIDDEN else ""
    return f"record {example.record}{f': {where}' if where else ''}"
