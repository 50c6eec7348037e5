"""What runs on Spark's workers: records in Arrow batches in, the same with their verdict out. Needs pyarrow, and nothing else.

Behind its records each task adds a row without one, whose `summary` is what it counted; `total` adds these up.
"""

import gc
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

import packing
from judging import Judge, Verdict
from record import ANSWERS, LANDED, RECORD, Fields

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
_LANDED = arrow_type(LANDED)
_OWN = [("reason", pa.string()), ("detail", pa.string()), ("attempt", _LANDED), ("summary", pa.string())]
_OWN += [("block", pa.string()), ("packed", pa.binary())]
PACKED = ("timestamp", "value")  # which are in `packed` only


def judge_batches(batches: Iterable[pa.RecordBatch], salt: str, tombstones: Collection[str]) -> Iterator[pa.RecordBatch]:
    """For `mapInArrow`: the records less the forgotten ones, with `reason`, `detail`, `attempt` and `summary`; the first row of each batch
    has also the records of its `block`, `packed`.
    """
    gc.disable()  # what JSON holds has no cycles, and looking for them is a sixth of the work
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
    kept = [field.with_nullable(True) for field in messages if field.name not in PACKED]
    return pa.schema(kept + [pa.field(name, kind) for name, kind in _OWN])


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
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    attempts = pa.array((verdict.attempt for verdict in stay), ATTEMPT)
    questions = pc.struct_field(attempts, ["sequences", "questions"])
    own = {
        "reason": pa.array((verdict.reason for verdict in stay), pa.string()),
        "detail": pa.array((verdict.detail for verdict in stay), pa.string()),
        "attempt": _without_questions(attempts, questions),
        "summary": pa.nulls(len(stay), pa.string()),
        **_packed(columns, attempts, questions),
    }
    columns |= own
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


def _without_questions(attempts: pa.StructArray, questions: pa.ListArray) -> pa.StructArray:
    """The attempts as LANDED has them: counted answers in place of the questions."""
    answers = packing.answers(questions)
    counted = pa.StructArray.from_arrays([answers[name] for name in ANSWERS], list(ANSWERS))
    sequences = _remade(attempts.field("sequences"), LANDED["sequences"], {"answers": counted})
    return _remade(attempts, LANDED, {"sequences": sequences})


def _remade(structs: pa.StructArray, fields: Fields, other: dict[str, pa.Array]) -> pa.StructArray:
    """The structs with these fields, some of which are `other` ones."""
    columns = [other[name] if name in other else structs.field(name) for name in fields]
    return pa.StructArray.from_arrays(columns, list(fields), mask=structs.is_null())


def _packed(columns: dict[str, pa.Array], attempts: pa.StructArray, questions: pa.ListArray) -> dict[str, pa.Array]:
    """`block`, the name of this batch, and `packed`, all of it in its first row."""
    exam = {name: attempts.field(name) for name in ("base_exam_id", "exam_name")}
    records = {**columns, "keen_id": columns["key"], "attempt_id": attempts.field("keen_id"), **exam, "questions": questions}
    number = len(questions)
    block = pa.repeat(f"{columns['partition'][0]}-{columns['offset'][0]}" if number else "", number)
    return {"block": block, "packed": pa.array([packing.pack(records).to_pybytes(), *[None] * (number - 1)][:number], pa.binary())}


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
