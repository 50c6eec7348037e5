"""Files behind HTTP and a day without a record, through a whole run. (One on HDFS is in test_customers.py.)"""

import gzip
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.private_landfall import Landfall

DAY = "2018-06-01"
NOTHING = {"records": 0, "content_hash": "0" * 16}


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a plain web server, and its root."""
    root = tmp_path_factory.mktemp("web")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(root))) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}", root
        server.shutdown()


@pytest.fixture(scope="module")
def quiet(stack: Landfall, web: tuple[str, Path]) -> Landfall:
    """With a customer whose files come by HTTP and may be empty."""
    stack.add_customer("quiet", source=f"{web[0]}/{{day}}/*.json*", empty_source="accept")
    return stack


def test_a_day_without_a_record_lands_as_nothing_everywhere(quiet: Landfall, web: tuple[str, Path]) -> None:
    (web[1] / DAY).mkdir()
    (web[1] / DAY / "a.json").write_bytes(b"[]\n")
    (web[1] / DAY / "b.json.gz").write_bytes(gzip.compress(b""))
    receipt = quiet.json("land", "--customer", "quiet", "--day", DAY)
    assert (receipt["state"], receipt["source"]) == ("success", [f"{web[0]}/{DAY}/{name}" for name in ("a.json", "b.json.gz")])
    assert (receipt["published"], receipt["landed"], receipt["duplicates"], receipt["quarantined"]) == (0, 0, 0, 0)
    assert {where: {name: counted[name] for name in NOTHING} for where, counted in receipt["conservation"].items()} == dict.fromkeys(
        ("source", "topic", "spark", "hdfs"), NOTHING
    )
    assert "the source holds no record" in receipt["warnings"][0]
    assert quiet.json("query", "--customer", "quiet", "select count(*) from assessments")["rows"] == [[0]]


def test_a_day_without_a_record_lands_again(quiet: Landfall, long: bool) -> None:
    """After the test above."""
    if not long:
        pytest.skip("part of the long form: --long")
    again = quiet.json("land", "--customer", "quiet", "--day", DAY, "--again")
    assert (again["state"], again["already_landed"], again["published"]) == ("success", False, 0)
