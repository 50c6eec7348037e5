"""The quarantine judged again, by the program as `replay --dry-run` starts it: what today's rules accept passes, the rest has a reason."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa

from judge_again import judge_again

JOB = Path(__file__).parents[2] / "spark_jobs" / "judge_again.py"
VALUES = [b'{"keen_id": "k"}', b'{"keen_id": "k"', b'{"exam_name": "no id"}', b'{"keen_id": "l"}']
EXPECTED = {"quarantined": 4, "passing": 2, "reasons": {"invalid_json": 1, "missing_keen_id": 1}}


def test_what_is_sound_today_would_pass() -> None:
    assert judge_again(VALUES) == EXPECTED


def test_the_program_imports_no_spark_and_says_what_was_no_stream() -> None:
    code = f"import runpy, sys; sys.path.insert(0, {str(JOB.parent)!r}); runpy.run_path({str(JOB)!r}); sys.exit('pyspark' in sys.modules)"
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0
    done = subprocess.run([sys.executable, str(JOB)], input=b"no stream", capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"judge_again failed: ")


def test_the_program_reads_a_stream_and_prints_the_result() -> None:
    sink = pa.BufferOutputStream()
    batch = pa.RecordBatch.from_pydict({"value": pa.array(VALUES, pa.binary())})
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    done = subprocess.run([sys.executable, str(JOB)], input=sink.getvalue().to_pybytes(), capture_output=True, check=True)
    assert done.stdout.decode().strip() == '{"quarantined": 4, "passing": 2, "reasons": {"invalid_json": 1, "missing_keen_id": 1}}'
