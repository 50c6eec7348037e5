"""What runs on Spark's workers: records in Arrow batches in, the same with their verdict out. Needs pyarrow, and nothing else.

Behind its records each task adds a row without one, whose `summary` is what it counted; `total` adds these up.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import pyarrow as pa

from judging import Judge, Verdict
from record import RECORD

_MOMENT = pa.timestamp("us", tz="UTC")
_TYPES = {"text": pa.string(), "boolean": pa.bool_(), "whole number": pa.int32(), "number": pa.float64()}
_TYPES |= {"moment": _MOMENT, "unix seconds": _MOMENT}
SUMS = ("read", "bytes", "hashes", "unnumbered", "forgotten", "forgotten_hashes")


def arrow_type(holds: Any) -> pa.DataType:
    """Arrow's type of what the written schema says."""
    if isinstance(holds, dict):
        return pa.struct([(name, arrow_type(below)) for name, below in holds.items()])
    return pa.list_(arrow_type(holds[0])) if isinstance(holds, list) else _TYPES[holds]


ATTEMPT = arrow_type(RECORD)


def judge_batches(batches: Iterable[pa.RecordBatch], salt: str, tombstones: Collection[str]) -> Iterator[pa.RecordBatch]:
    """For `mapInArrow`: the records less the forgotten ones, with `reason`, `detail`, `attempt` and `summary`."""
    judge, sums, reasons = Judge(salt, frozenset(tombstones)), Counter[str](), Counter[str]()
    schema = None
    for batch in batches:
        schema = schema or _schema(batch.schema)
        values = batch.column("value").to_pylist()
        verdicts = list(map(judge.judge, values, batch.column("key").to_pylist()))
        sums["bytes"] += sum(map(len, values))
        _count(sums, batch, verdicts)
        reasons.update(verdict.reason for verdict in verdicts if verdict and verdict.reason)
        yield _judged(batch, verdicts, schema)
    if schema:
        judge.fold()
        fields = [[*what, number] for what, number in judge.tally.items()]
        summary = {**sums, "reasons": reasons, "fields": fields, "unknown": judge.unknown}
        yield pa.RecordBatch.from_pylist([{"summary": json.dumps(summary)}], schema)


def _schema(messages: pa.Schema) -> pa.Schema:
    own = [("reason", pa.string()), ("detail", pa.string()), ("attempt", ATTEMPT), ("summary", pa.string())]
    return pa.schema([field.with_nullable(True) for field in messages] + [pa.field(name, kind) for name, kind in own])


def _count(sums: Counter[str], batch: pa.RecordBatch, verdicts: list[Verdict | None]) -> None:
    hashes = batch.column("hash").to_pylist()
    gone = [number for number, verdict in enumerate(verdicts) if verdict is None]
    sums["read"] += len(batch)
    sums["hashes"] += sum(hashes)
    sums["unnumbered"] += batch.column("record").null_count
    sums["forgotten"] += len(gone)
    sums["forgotten_hashes"] += sum(hashes[number] for number in gone)


def _judged(batch: pa.RecordBatch, verdicts: list[Verdict | None], schema: pa.Schema) -> pa.RecordBatch:
    if None in verdicts:
        batch = batch.filter(pa.array(verdict is not None for verdict in verdicts))
    stay = [verdict for verdict in verdicts if verdict]
    own = [
        pa.array((verdict.reason for verdict in stay), pa.string()),
        pa.array((verdict.detail for verdict in stay), pa.string()),
        pa.array((verdict.attempt for verdict in stay), ATTEMPT),
        pa.nulls(len(stay), pa.string()),
    ]
    return pa.RecordBatch.from_arrays([*batch.columns, *own], schema=schema)


def total(summaries: Iterable[str]) -> dict[str, Any]:
    """All tasks together: the SUMS, and `reasons`, `fields` ((path, what) -> number) and `unknown` (path -> number) as Counters."""
    sums: Counter[str] = Counter()
    counters: dict[str, Counter[Any]] = {"reasons": Counter(), "fields": Counter(), "unknown": Counter()}
    for summary in map(json.loads, summaries):
        sums.update({name: summary[name] for name in SUMS})
        counters["reasons"].update(summary["reasons"])
        counters["fields"].update({(path, what): number for path, what, number in summary["fields"]})
        counters["unknown"].update(summary["unknown"])
    return {**{name: sums[name] for name in SUMS}, **counters}
