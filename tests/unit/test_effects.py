"""The seam for side effects: it can stop a process exactly where asked, and nothing goes around it unnoticed."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
from include.effects import Effect, effect
for n in (1, 2, 3):
    with effect(Effect.SEND_CHUNK, chunk=n):
        print("sent", n, flush=True)
"""

STOPS = [
    ("never", None, ["sent 1", "sent 2", "sent 3"], 0),
    ("before the second", "before:send_chunk:2", ["sent 1"], -signal.SIGKILL),
    ("after the second", "after:send_chunk:2", ["sent 1", "sent 2"], -signal.SIGKILL),
    ("another effect", "before:create_topic:1", ["sent 1", "sent 2", "sent 3"], 0),
]


@pytest.mark.parametrize(("where", "fault", "sent", "code"), STOPS, ids=[row[0] for row in STOPS])
def test_a_process_can_be_stopped_around_any_effect(where: str, fault: str | None, sent: list[str], code: int) -> None:
    environment = {"PYTHONPATH": str(ROOT), **({"LANDFALL_FAULT": fault} if fault else {})}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout.split("\n")[:-1], done.returncode) == (sent, code), where
