"""The seam for side effects: it can stop a process exactly where asked, and nothing goes around it unnoticed."""

import ast
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
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


def test_a_fault_that_waits_in_a_file_happens_once(tmp_path: Path) -> None:
    faults = tmp_path / "faults"
    faults.write_text("before:create_topic:1\nafter:send_chunk:1\n")
    environment = {"PYTHONPATH": str(ROOT), "LANDFALL_FAULTS": str(faults)}
    codes = [subprocess.run([sys.executable, "-c", PROGRAM], env=environment, stdout=subprocess.PIPE, check=False).returncode for _ in "12"]
    assert codes == [-signal.SIGKILL, 0]
    assert faults.read_text() == "before:create_topic:1\n"


# What changes something outside of the process, by the name of the method: Kafka's, PyIceberg's, fsspec's, the operating system's.
OUTWARD = {
    "produce", "produce_batch", "init_transactions", "commit_transaction", "abort_transaction", "create_topics", "delete_topics",
    "create_partitions", "alter_configs", "incremental_alter_configs", "delete_records", "create_table", "drop_table", "create_namespace",
    "create_namespace_if_not_exists", "transaction", "update_schema", "manage_snapshots", "mkdir", "makedirs", "rm", "rm_file", "mv",
    "unlink", "rename", "set_acl", "write", "write_bytes", "write_text", "writelines", "write_table", "put", "Popen", "run",
    "pipe", "pipe_file", "put_file", "cp_file", "touch", "rmdir", "rmtree", "delete", "symlink_to", "hardlink_to", "notify",
}  # fmt: skip
# Where such a call stands outside of an effect, and why that is right. Everything else is a way around the seam.
ALLOWED = {
    ("include/kafka/producer", "Publisher._send_records", "produce"): "called within send_chunk; not visible before commit_transaction",
    ("include/kafka/producer", "Publisher._send_entry", "produce"): "called within send_chunk; not visible before commit_transaction",
    ("include/kafka/publish", "_publish_missing", "mkdir"): "a folder of this process",
    ("include/source/files", "_spool_file", "mkdir"): "a folder of this process",
    ("include/storage/spool", "_made_root", "mkdir"): "the folder of all spooled files, empty",
    ("include/storage/spool", "spool_folder", "mkdir"): "a folder of this process",
    ("include/storage/spool", "spool_folder", "rmtree"): "a folder of this process",
    ("include/storage/webhdfs", "WebHDFS.makedirs", "mkdir"): "the filesystem itself; those who call it do so within an effect",
    ("include/storage/webhdfs", "WebHDFS.rm_file", "rm"): "the filesystem itself; those who call it do so within an effect",
    ("include/storage/iceberg_files", "HdfsOutputFile.create", "open"): "PyIceberg's files; commits are effects as a whole",
    ("include/storage/webhdfs", "make_file", "write"): "those who call it do so within an effect",
    ("include/storage/webhdfs", "make_file", "open"): "those who call it do so within an effect",
    ("include/storage/webhdfs", "make_file", "mv"): "those who call it do so within an effect",
    ("include/storage/webhdfs", "make_file", "rm_file"): "those who call it do so within an effect",
    ("include/answers/questions", "write_csv", "mkdir"): "a person's folder, no part of a run",
    ("include/answers/questions", "write_csv", "open"): "a person's files, no part of a run",
    ("plugins/lake_operators", "AnswerOperator.execute", "write"): "report.write, whose files are effects",
    ("include/lake/table_changes", "describe", "update_schema"): "called within stage_table",
    ("include/lake/table_changes", "replace_day", "delete"): "called within stage_table",
    ("include/answers/rollups", "_keep", "write_table"): "into memory",
    ("include/runs/run", "LandingRun.follow", "run"): "asks Airflow for a run",
    ("include/runs/run", "LandingRun.receipt", "run"): "asks Airflow for a run",
    ("include/query/replay", "_run", "run"): "a dry run: the program reads a file of this process and prints",
    ("include/effects", "_is_due", "write_text"): "the fault suite's own file",
    ("include/receipts", "write", "write_bytes"): "a local file, no part of a run",
    ("plugins/landings_page/web", "seen", "put"): "the method of a route; what it notes is an effect",
    ("include/contracts", "add", "write"): "a contract, no part of a run",
    ("include/contracts", "add", "open"): "a contract, no part of a run",
}
WRITING = re.compile(r"[rbt]*[wax+][rwaxbt+]*")
NOT_OF_A_RUN = ("include/cli/", "include/stack/", "include/deployment/", "include/source/split", "include/query/export")
"""What serves a person at a terminal, who owns the files that it writes, and the embedded stack."""


def outward(source: str) -> Iterator[tuple[str, str]]:
    """(function, call) of each outward call in a module that does not stand within `with effect(...)`."""

    def visit(node: ast.AST, function: str, within: bool) -> Iterator[tuple[str, str]]:
        for child in ast.iter_child_nodes(node):
            inner, covered = function, within
            if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                inner = f"{function}.{child.name}".lstrip(".")
            if isinstance(child, ast.With):
                covered = within or any(_name(item.context_expr) == "effect" for item in child.items)
            if isinstance(child, ast.Call) and not covered and (_name(child) in OUTWARD or _opens_to_write(child)):
                yield inner, _name(child)
            yield from visit(child, inner, covered)

    return visit(ast.parse(source), "", False)


def _name(call: ast.AST) -> str:
    called = getattr(call, "func", call)
    return str(getattr(called, "attr", None) or getattr(called, "id", ""))


def _opens_to_write(call: ast.Call) -> bool:
    """`open(path, mode)` and `path.open(mode)`, in that place or as a keyword; a keyword that is worked out may be any mode."""
    if _name(call) != "open":
        return False
    named = [keyword.value for keyword in call.keywords if keyword.arg == "mode"]
    placed = [each for each in call.args[:2] if isinstance(each, ast.Constant)][-1:]
    modes = [each.value if isinstance(each, ast.Constant) else "w" for each in named or placed]
    return any(isinstance(mode, str) and WRITING.fullmatch(mode) for mode in modes)


def test_nothing_that_a_run_does_to_the_world_goes_around_the_seam() -> None:
    paths = [path for folder in ("include", "plugins") for path in sorted((ROOT / folder).rglob("*.py"))]
    modules = {path.relative_to(ROOT).with_suffix("").as_posix(): path for path in paths}
    found = {
        (module, *call) for module, path in modules.items() if not module.startswith(NOT_OF_A_RUN) for call in outward(path.read_text())
    }
    assert found - set(ALLOWED) == set(), "put these calls within `with effect(...)`, or say in ALLOWED why they need not be"
    assert set(ALLOWED) - found == set(), "these are no longer there"


AROUND = [
    ("a producer used outright", "def f(producer):\n    producer.produce('t')", [("f", "produce")]),
    ("within an effect", "def f(producer):\n    with effect(1):\n        producer.produce('t')", []),
    ("a file opened to be written", "class A:\n    def f(self):\n        self.fs.open('a', 'wb')", [("A.f", "open")]),
    ("a file opened to be read", "def f(fs):\n    fs.open('a', 'rb')", []),
    ("a mode by its name", "def f(fs):\n    fs.open('a', mode='wb')", [("f", "open")]),
    ("a mode by its name, to read", "def f(fs):\n    fs.open('a', mode='rb')", []),
    ("a mode that cannot be told", "def f(path, mode):\n    path.open(mode=mode)", [("f", "open")]),
    ("a path's own open", "def f(path):\n    path.open('x', encoding='utf-8')", [("f", "open")]),
    ("a path's own open, to read", "def f(path):\n    path.open('r', encoding='utf-8')", []),
    ("a file read and written", "def f(path):\n    open(path, 'r+b')", [("f", "open")]),
    ("bytes given to a filesystem", "def f(fs):\n    fs.pipe_file('/a', b'')", [("f", "pipe_file")]),
    ("an empty file", "def f(path):\n    path.touch()", [("f", "touch")]),
    ("a directory and all in it", "def f(path):\n    shutil.rmtree(path)", [("f", "rmtree")]),
]


@pytest.mark.parametrize(("why", "source", "calls"), AROUND, ids=[row[0] for row in AROUND])
def test_a_call_around_the_seam_is_seen(why: str, source: str, calls: list[tuple[str, str]]) -> None:
    assert list(outward(source)) == calls, why
