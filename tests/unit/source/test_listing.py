"""Which files a pattern names: names are names, nothing is passed over in silence, nothing but a regular file is opened."""

import gzip
import os
import socket
from pathlib import Path

import fsspec
import pytest

from include.errors import LandfallError
from include.source import listing
from include.source.files import SourceRefused, describe, find, gone, spool
from include.storage.stores import Entry
from tests.harness.file_names import NAMES

DAY = "2018-01-28"
NOW = "2018-01-29T02:00:00Z"
PLACES = ["in", "in [1]#?%20::é*{2}", "in\nner", "http:", "-", "~"]


@pytest.mark.parametrize("place", PLACES)
def test_names_are_names_wherever_they_lie(tmp_path: Path, place: str) -> None:
    root = tmp_path / place
    root.mkdir()
    for number, name in enumerate(NAMES):
        (root / name).write_text(f'[{{"keen_id": "{number}"}}]')
    uris = find("D*", DAY, root)
    assert uris == sorted(str(root / name) for name in NAMES)
    source = describe("acme", DAY, uris, NOW)
    assert {Path(uri).name: Path(uri).read_text() for uri in source.uris} == {
        name: f'[{{"keen_id": "{n}"}}]' for n, name in enumerate(NAMES)
    }
    assert [path.read_bytes() for path in spool(source, tmp_path).paths] == [Path(uri).read_bytes() for uri in uris]
    assert not any(gone([uri]) for uri in uris)
    assert [entry.uri for entry in listing.named(uris).files] == uris, "named by hand, nothing is a wildcard"


def test_unpacking_goes_by_the_name_that_was_found(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    try:
        for number, name in enumerate(("a.json?x=1.gz", "b#c.json.gz", "d::e.json.gz")):
            (tmp_path / name).write_bytes(gzip.compress(b"[%d]" % number))
            memory.pipe(f"/names/{name}", gzip.compress(b"[%d]" % number))
        for pattern in ("*.gz", "memory://names/*.gz"):
            (folder := tmp_path / f"spool{len(pattern)}").mkdir()
            spooled = spool(describe("acme", DAY, find(pattern, DAY, tmp_path), NOW), folder)
            assert [path.read_bytes() for path in spooled.paths] == [b"[0]", b"[1]", b"[2]"], pattern
    finally:
        memory.rm("/names", recursive=True)


def names(root: Path, pattern: str) -> list[str]:
    return [str(Path(uri).relative_to(root)) for uri in find(pattern, DAY, root)]


def test_what_a_pattern_names(tmp_path: Path) -> None:
    for name in ("a/x.json", "a/y.ndjson", "a/b/z.json", "c/x.json", "[d]/x.json", f"{DAY}.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"[]")
    rows = [
        ("one character", "?/x.json", ["a/x.json", "c/x.json"]),
        ("a set", "[ab]/*.json", ["a/x.json"]),
        ("not of a set", "[!a]/*.json", ["c/x.json"]),
        ("any depth", "**/*.json", ["2018-01-28.json", "[d]/x.json", "a/b/z.json", "a/x.json", "c/x.json"]),
        ("all below", "a/**", ["a/b/z.json", "a/x.json", "a/y.ndjson"]),
        ("a bracket as itself", "[[]d]/*", ["[d]/x.json"]),
        ("dots and slashes that say nothing", "./a//x.json", ["a/x.json"]),
        ("the day", "{day}*", [f"{DAY}.json"]),
        ("a folder that is not there", "nowhere/*/x.json", []),
        ("a file where a folder is asked for", "a/x.json/*", []),
    ]
    for why, pattern, expected in rows:
        matching = [str(Path(e.uri).relative_to(tmp_path)) for e, left in listing._matching(pattern.replace("{day}", DAY), tmp_path)]
        assert sorted(matching) == sorted(expected), why
    with pytest.raises(SourceRefused, match=r"\*\*"):
        find("a**", DAY, tmp_path)


LEFT = [
    ("a browser", f"{DAY}.json.crdownload"), ("an upload", f"{DAY}.json.filepart"), ("a copy", f"{DAY}.json.part"),
    ("a temporary file", f"{DAY}.json.TMP"), ("an editor", f"{DAY}.json~"), ("a backup", f"{DAY}.json.bak"), ("vim", f".{DAY}.json.swp"),
    ("rsync", f".{DAY}.json.Ab3xYz"), ("HDFS", f"{DAY}.json._COPYING_"), ("emacs", f"#{DAY}.json#"), ("Hadoop", "_SUCCESS"),
]  # fmt: skip


@pytest.mark.parametrize(("who", "name"), LEFT, ids=[row[0] for row in LEFT])
def test_what_writers_and_editors_leave_is_left_out_unless_it_is_named(tmp_path: Path, who: str, name: str) -> None:
    (tmp_path / f"{DAY}.json").write_bytes(b"[]")
    (tmp_path / name).write_bytes(b"[")
    assert names(tmp_path, "*") == [f"{DAY}.json"]
    by_name = name.replace(DAY, "{day}")
    assert names(tmp_path, by_name) == [name], "its own name"


def test_a_wildcard_may_ask_for_what_is_left_out(tmp_path: Path) -> None:
    for name in ("a.bak", ".b", "_c.json", "d.json"):
        (tmp_path / name).write_bytes(b"[]")
    assert (names(tmp_path, "*.bak"), names(tmp_path, ".*"), names(tmp_path, "*")) == (["a.bak"], [".b"], ["_c.json", "d.json"])
    found = listing.find("*", DAY, tmp_path)
    assert [entry.name for entry in found.left_out] == [".b", "a.bak"]


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(path.parent)  # an address of a socket may not be long
        server.bind(path.name)


def make_folder(path: Path) -> None:
    path.mkdir()
    (path / "hidden.json").write_bytes(b"[]")


NO_FILES = [
    ("a link that leads nowhere", lambda path: path.symlink_to("/nowhere/x"), r"is a link that leads nowhere \(/nowhere/x\)"),
    ("a link to itself", lambda path: path.symlink_to(path), "is a link that leads nowhere"),
    ("a folder with a file", make_folder, r"is a directory, expected a file.*with /\*"),
    ("a link to a folder", lambda path: (make_folder(path.parent / "other"), path.symlink_to("other")), "is a directory"),
    ("a pipe", make_pipe, "is a pipe, expected a file"),
    ("a socket", make_socket, "is a socket"),
    ("a device", lambda path: path.symlink_to("/dev/null"), "is a device"),
]


@pytest.mark.parametrize(("why", "make", "said"), NO_FILES, ids=[row[0] for row in NO_FILES])
def test_what_is_no_file_is_refused_by_its_name_and_never_opened(tmp_path, monkeypatch, why, make, said) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"{DAY}.json"
    make(path)
    (tmp_path / f"{DAY}-b.json").write_bytes(b"[]")
    for look in (lambda: find("{day}*", DAY, tmp_path), lambda: listing.named([str(path)])):
        with pytest.raises(SourceRefused, match=rf"{DAY}\.json {said}"):
            look()
    with pytest.raises(LandfallError):
        describe("acme", DAY, [str(path)], NOW)


def test_a_folder_that_is_a_link_to_nowhere_is_not_a_day_without_files(tmp_path: Path) -> None:
    (tmp_path / "acme").symlink_to("/nowhere/mounted")
    for pattern in ("acme/{day}*", "acme/{day}.json", "acme/*/{day}.json", "*/{day}.json", "acme/**"):
        with pytest.raises(SourceRefused, match=r"/acme is a link that leads nowhere \(/nowhere/mounted\)"):
            find(pattern, DAY, tmp_path)
    assert gone([str(tmp_path / "acme" / "a.json")])


def test_a_file_under_two_names_is_refused(tmp_path: Path) -> None:
    first, second = tmp_path / f"{DAY}-a.json", tmp_path / f"{DAY}-b.json"
    first.write_bytes(b"[{}]")
    for link in (second.symlink_to, second.hardlink_to):
        link(first)
        with pytest.raises(SourceRefused, match=r"-a\.json and .*-b\.json are one file under two names"):
            find("{day}*", DAY, tmp_path)
        second.unlink()
    second.write_bytes(first.read_bytes())
    assert len(describe("acme", DAY, find("{day}*", DAY, tmp_path), NOW).files) == 2, "two files may hold the same"


def test_two_names_that_come_out_as_the_same_bytes_are_refused_where_nothing_tells_them_apart(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    try:
        for name, content in (("a", b"[{}]"), ("b", b"[{}]"), ("c", b""), ("d", b"")):
            memory.pipe(f"/same/{name}", content)
        with pytest.raises(SourceRefused, match="memory:///same/a and memory:///same/b come out as the same 4 bytes"):
            describe("acme", DAY, ["memory:///same/a", "memory:///same/b"], NOW)
        assert describe("acme", DAY, ["memory:///same/c", "memory:///same/d"], NOW).bytes == 0
    finally:
        memory.rm("/same", recursive=True)


def test_a_length_other_than_listed_is_not_landed(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(b"[{}]")
    assert describe("acme", DAY, [str(file)], NOW, {str(file): 4}).bytes == 4
    with pytest.raises(LandfallError, match="4 bytes were read, its listing says 40"):
        describe("acme", DAY, [str(file)], NOW, {str(file): 40})


def test_a_name_that_no_receipt_can_say_is_refused(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/2018-01-28\xff.json", "wb"):
        pass
    with pytest.raises(SourceRefused, match=r"2018-01-28\\xff.json': the name is no UTF-8"):
        find("{day}*", DAY, tmp_path)


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.json").write_bytes(b"[]")
    (tmp_path / "a" / "up").symlink_to(tmp_path / "a")
    assert names(tmp_path, "a/**/x.json") == ["a/x.json"]


def test_the_beginning_of_a_pattern_is_above_all_that_it_can_name() -> None:
    rows = [
        ("https://x.example/a/2018*.json?sig=1", "https://x.example/a"),
        ("https://x.example/a/b?.json", "https://x.example/a/b"),
        ("hdfs:///drop/a?/b", "hdfs:///drop"),
        ("hdfs://n:8020/drop/a", "hdfs://n:8020/drop/a"),
        ("https://x.example/*", "https://x.example/"),
    ]
    for pattern, expected in rows:
        assert listing.beginning(pattern).rstrip("/") == expected.rstrip("/"), pattern


def test_an_entry_knows_its_age(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(b"[]")
    os.utime(file, (0, 0))
    [entry] = listing.find("*.json", DAY, tmp_path).files
    assert isinstance(entry, Entry)
    assert (entry.size, entry.changed) == (2, 0.0)
    assert entry.age is not None
    assert entry.age > 1e9
