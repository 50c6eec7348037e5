"""WebHDFS against a real NameNode and DataNode."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from include.storage.webhdfs import WebHDFS, filesystem, make_directory, write_file

CONTENT = bytes(range(256)) * 60_000  # 15 MB


@pytest.fixture(scope="module")
def fs(hdfs: Any) -> WebHDFS:
    made = filesystem(hdfs.host, hdfs.port, hdfs.user)
    make_directory(made, "/lake/honest")
    return made


def test_what_is_written_is_read_back_whole_by_ranges_and_from_many_threads(fs: WebHDFS) -> None:
    path = "/lake/honest/ü landing=2018-01-28-5f3a9c1e-1 100%.bin"
    write_file(fs, path, CONTENT)
    assert fs.info(path)["size"] == len(CONTENT)
    assert fs.ls("/lake/honest") == [path]
    with fs.open(f"hdfs://anything:1{path}") as file:
        file.seek(-1000, 2)
        assert file.read() == CONTENT[-1000:]
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda start: fs.cat_file(path, start, start + 1_000_000), range(0, len(CONTENT), 1_000_000)))
    assert b"".join(parts) == CONTENT


def test_a_file_is_replaced_whole_and_an_empty_one_is_a_file(fs: WebHDFS) -> None:
    for content in (b"long before", b"short", b""):
        write_file(fs, "/lake/honest/replaced", content)
        assert fs.cat_file("/lake/honest/replaced") == content
    fs.rm("/lake/honest/replaced")
    assert not fs.exists("/lake/honest/replaced")


def test_what_was_not_finished_is_not_there(fs: WebHDFS) -> None:
    file = fs.open("/lake/honest/half", "wb")

    def stop_half_way() -> None:
        with file:
            file.write(b"half of it")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stop_half_way()
    assert not fs.exists("/lake/honest/half")


def test_the_customers_directory_is_closed_to_others(hdfs: Any, fs: WebHDFS) -> None:
    write_file(fs, "/lake/honest/secret", b"marks")
    assert fs.info("/lake/honest")["permission"] == "750"
    bob = filesystem(hdfs.host, hdfs.port, "bob")
    for attempt in (
        lambda: bob.cat_file("/lake/honest/secret"),
        lambda: bob.exists("/lake/honest/secret"),
        lambda: bob.ls("/lake/honest"),
        lambda: write_file(bob, "/lake/honest/mine", b""),
        lambda: bob.rm("/lake/honest/secret"),
    ):
        with pytest.raises(PermissionError, match="Permission denied: user=bob"):
            attempt()


WRONG = [
    ("a file that is not there", lambda fs: fs.cat_file("/lake/honest/none"), FileNotFoundError, "/lake/honest/none"),
    ("a folder that is not there", lambda fs: fs.ls("/lake/nowhere"), FileNotFoundError, "/lake/nowhere"),
    ("deleting what is not there", lambda fs: fs.rm("/lake/honest/none"), FileNotFoundError, "/lake/honest/none"),
    ("moving what is not there", lambda fs: fs.mv("/lake/honest/none", "/lake/honest/some"), OSError, "RENAME /lake/honest/none"),
    ("a colon in a name", lambda fs: write_file(fs, "/lake/honest/a:b", b""), ValueError, "a:b"),
]


@pytest.mark.parametrize(("reason", "ask", "kind", "sentence"), WRONG, ids=[row[0] for row in WRONG])
def test_the_namenodes_refusals_are_pythons(fs: WebHDFS, reason: str, ask: Any, kind: type[Exception], sentence: str) -> None:
    with pytest.raises(kind) as raised:
        ask(fs)
    assert sentence in str(raised.value), reason
