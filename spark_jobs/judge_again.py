"""Judges quarantined records again, with the rules as they are now. A plain Python program: neither Spark nor Java is started.

    python judge_again.py < records.arrows > result.json

Reads an Arrow stream whose column `value` holds the bytes of each record, and prints how many are `passing` of how many `quarantined`, and
the `reasons` of the others, as JSON. Prints `judge_again failed: <cause>` to stderr and exits 1 on any failure.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from judging import Judge


def judge_again(values: Iterable[bytes]) -> dict[str, Any]:
    """`quarantined` records there are, how many of them are `passing` now, and the `reasons` of the others."""
    judge = Judge()
    verdicts = Counter(verdict.reason for verdict in map(judge.judge, values) if verdict)
    passing = verdicts.pop(None, 0)
    return {"quarantined": passing + verdicts.total(), "passing": passing, "reasons": verdicts}


def main() -> int:
    try:
        with pa.ipc.open_stream(sys.stdin.buffer) as batches:
            result = judge_again(value for batch in batches for value in batch.column("value").to_pylist())
    except (pa.ArrowException, OSError, KeyError) as error:
        print(f"judge_again failed: {' '.join(str(error).split())}", file=sys.stderr, flush=True)
        return 1
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
