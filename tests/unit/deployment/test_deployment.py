"""Of several NameNodes the active one is asked, and who names only the standby is told so."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from include.deployment import check_hdfs
from include.deployment.checkup import FAILED, run
from include.deployment.deployment import Deployment, Hdfs
from include.errors import LandfallError

STANDBY, ACTIVE = "127.0.0.1", "127.0.0.2"  # one port has both, as NameNodes of a name service have
REFUSAL = {
    "exception": "StandbyException",
    "javaClassName": "org.apache.hadoop.ipc.StandbyException",
    "message": "Operation category READ is not supported in state standby. Visit https://s.apache.org/sbnn-error",
}


class NameNode(BaseHTTPRequestHandler):
    """Answers as Hadoop 3.4 does to GETFILESTATUS."""

    standby: ClassVar[tuple[str, ...]] = (STANDBY,)

    def do_GET(self) -> None:
        is_standby = self.server.server_address[0] in self.standby
        status = {"pathSuffix": "", "type": "DIRECTORY", "length": 0, "owner": "landfall", "modificationTime": 0, "fileId": 1}
        body = json.dumps({"RemoteException": REFUSAL} if is_standby else {"FileStatus": status}).encode()
        self.send_response(403 if is_standby else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def hdfs() -> Iterator[Hdfs]:
    with HTTPServer((STANDBY, 0), NameNode) as first, HTTPServer((ACTIVE, first.server_port), NameNode) as second:
        for server in (first, second):
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield Hdfs((STANDBY, ACTIVE), first.server_port, "landfall", "hdfs://lake")
        first.shutdown()
        second.shutdown()


def test_the_active_namenode_is_asked(hdfs: Hdfs) -> None:
    assert Deployment("here", "the test", "See to it.", hdfs=hdfs).filesystem().storage_options["host"] == ACTIVE


def test_doctor_says_which_one_is_active(hdfs: Hdfs) -> None:
    steps = {step.step: step for step in run("hdfs", check_hdfs.checks(hdfs, Deployment("here", "the test", "See to it.")))}
    assert steps["WebHDFS"].detail == f"the active NameNode is {ACTIVE}"


def test_without_an_active_one_both_are_named(hdfs: Hdfs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NameNode, "standby", (STANDBY, ACTIVE))
    here = Deployment("here", "the test", "See to it.", hdfs=hdfs)
    with pytest.raises(LandfallError, match=rf"HDFS does not answer at http://{STANDBY}.* nor at http://{ACTIVE}.*See to it"):
        here.filesystem()
    [failed] = [step for step in run("hdfs", check_hdfs.checks(hdfs, here)) if step.state == FAILED]
    assert (failed.step, "state standby" in failed.detail) == ("WebHDFS", True)
    assert failed.fix.startswith("Name both NameNodes as hosts")
