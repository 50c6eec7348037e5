"""What runs on Spark's workers first: messages in Arrow batches in, blocks of judged records out. Needs pyarrow, and nothing else.

A block is the records of a batch with their verdicts, as one value: so Spark carries them to `parquet_files.py`, for as its rows they
cost many times as much (docs/performance.md). Behind its blocks each task adds a row with the `summary` of what it counted, which `total`
adds up, and `ids`, 8 bytes for the keen_id of each fit record.
"""

import gc
import json
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from hashlib import blake2b
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from judging import Judge, Verdict
from record import RECORD

_MOMENT = pa.timestamp("us", tz="UTC")
_TYPES = {"text": pa.string(), "boolean": pa.bool_(), "whole number": pa.int32(), "number": pa.float64()}
_TYPES |= {"moment": _MOMENT, "unix seconds": _MOMENT}
SUMS = ("read", "bytes", "hashes", "unnumbered", "forgotten", "forgotten_hashes")
JUDGED = pa.schema([("block", pa.binary()), ("summary", pa.string()), ("ids", pa.binary())])
PLACES = pa.schema([("keen_id", pa.string()), *((name, pa.int64()) for name in ("hash", "record", "partition", "offset"))])


def arrow_type(holds: Any) -> pa.DataType:
    """Arrow's type of what the written schema says."""
    if isinstance(holds, dict):
        return pa.struct([(name, arrow_type(below)) for name, below in holds.items()])
    return pa.list_(arrow_type(holds[0])) if isinstance(holds, list) else _TYPES[holds]


ATTEMPT = arrow_type(RECORD)


def judge_batches(batches: Iterable[pa.RecordBatch], salt: str, tombstones: Collection[str]) -> Iterator[pa.RecordBatch]:
    """For `mapInArrow`: messages, as `raw_assessments` has them, to JUDGED. Forgotten ones are counted, and in no block."""
    gc.disable()  # what JSON holds has no cycles, and looking for them is a sixth of the work
    judge, sums, reasons = Judge(salt, frozenset(tombstones)), Counter[str](), Counter[str]()
    ids = bytearray()
    for batch in batches:
        values = batch.column("value").to_pylist()
        verdicts = list(map(judge.judge, values, batch.column("key").to_pylist()))
        sums["bytes"] += sum(map(len, values))
        _count(sums, batch, verdicts)
        reasons.update(verdict.reason for verdict in verdicts if verdict and verdict.reason)
        ids += b"".join(_digest(verdict.attempt["keen_id"]) for verdict in verdicts if verdict and verdict.attempt)
        yield _row(block=packed(_judged(batch, verdicts)))
    judge.fold()
    fields = [[*what, number] for what, number in judge.tally.items()]
    yield _row(summary=json.dumps({**sums, "reasons": reasons, "fields": fields, "unknown": judge.unknown}), ids=bytes(ids))


def _row(**columns: Any) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([columns], JUDGED)


def _count(sums: Counter[str], batch: pa.RecordBatch, verdicts: list[Verdict | None]) -> None:
    hashes = batch.column("hash").to_pylist()
    gone = [number for number, verdict in enumerate(verdicts) if verdict is None]
    sums["read"] += len(batch)
    sums["hashes"] += sum(hashes)
    sums["unnumbered"] += batch.column("record").null_count
    sums["forgotten"] += len(gone)
    sums["forgotten_hashes"] += sum(hashes[number] for number in gone)


def _judged(batch: pa.RecordBatch, verdicts: list[Verdict | None]) -> pa.RecordBatch:
    """The messages that stay with `reason`, `detail` and `attempt`, what was read of them: null in quarantine."""
    if None in verdicts:
        batch = batch.filter(pa.array(verdict is not None for verdict in verdicts))
    stay = [verdict for verdict in verdicts if verdict]
    own = {
        "reason": pa.array((verdict.reason for verdict in stay), pa.string()),
        "detail": pa.array((verdict.detail for verdict in stay), pa.string()),
        "attempt": pa.array((verdict.attempt for verdict in stay), ATTEMPT),
    }
    return pa.RecordBatch.from_arrays([*batch.columns, *own.values()], [*batch.schema.names, *own])


def packed(rows: pa.RecordBatch | pa.Table) -> bytes:
    """As one value: a block of records, or rows of a small sum."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as stream:
        stream.write(rows)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def unpacked(block: pa.BinaryScalar, columns: Collection[str] | None = None) -> pa.RecordBatch:
    """The records of a block, or these columns of them alone."""
    whole = pa.ipc.open_stream(block.as_buffer())
    if columns is None:
        return whole.read_next_batch()
    chosen = [whole.schema.get_field_index(name) for name in columns]
    return pa.ipc.open_stream(block.as_buffer(), options=pa.ipc.IpcReadOptions(included_fields=chosen)).read_next_batch()


def _digest(keen_id: str) -> bytes:
    """8 bytes that are the same for the same id, and hardly ever for another."""
    return blake2b(keen_id.encode(), digest_size=8).digest()


def not_alone(ids: Iterable[bytes]) -> frozenset[bytes]:
    """Those of the `ids` of all tasks that are there more than once."""
    numbers = [pa.Array.from_buffers(pa.int64(), len(each) // 8, [None, pa.py_buffer(each)]) for each in ids]
    counts = pc.value_counts(pa.chunked_array(numbers, pa.int64()))
    several = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    return frozenset(number.to_bytes(8, sys.byteorder, signed=True) for number in several.to_pylist())


def places(batches: Iterable[pa.RecordBatch], among: frozenset[bytes]) -> Iterator[pa.RecordBatch]:
    """For `mapInArrow`: PLACES of the fit records whose ids are among these."""
    for batch in batches:
        for block in batch.column("block"):
            records = unpacked(block, ("hash", "record", "partition", "offset", "attempt"))
            ids = pc.struct_field(records.column("attempt"), "keen_id")
            chosen = pa.array((each is not None and _digest(each) in among for each in ids.to_pylist()), pa.bool_())
            columns = [ids, *(records.column(name).cast(pa.int64()) for name in PLACES.names[1:])]
            yield pa.RecordBatch.from_arrays(columns, schema=PLACES).filter(chosen)


def total(summaries: Iterable[str]) -> dict[str, Any]:
    """All tasks together: the SUMS, and `reasons`, `fields` ((path, what) -> number) and `unknown` (path -> number) as Counters."""
    sums: Counter[str] = Counter()
    counters: dict[str, Counter[Any]] = {"reasons": Counter(), "fields": Counter(), "unknown": Counter()}
    for summary in map(json.loads, summaries):
        sums.update({name: summary[name] for name in SUMS if name in summary})
        counters["reasons"].update(summary["reasons"])
        counters["fields"].update({(path, what): number for path, what, number in summary["fields"]})
        counters["unknown"].update(summary["unknown"])
    return {**{name: sums[name] for name in SUMS}, **counters}
