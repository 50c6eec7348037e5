"""Finding, describing and spooling the files of a day, on the local disk and behind a URI (fsspec's memory filesystem)."""

import gzip
import hashlib
from pathlib import Path

import fsspec
import pytest
import zstandard

from include.errors import LandfallError, Refused
from include.receipts import Source, SourceFile
from include.source.files import SourceRefused, describe, find, gone, spool, unpacked_bytes

CONTENT = b'[{"keen_id": "a"}, {"keen_id": "b"}]' * 9000
NOW = "2018-01-29T02:00:00Z"


@pytest.fixture
def memory():
    filesystem = fsspec.filesystem("memory")
    yield filesystem
    filesystem.rm("/", recursive=True)


def spooled(source: Source, folder: Path) -> list[Path]:
    folder.mkdir(exist_ok=True)
    files = spool(source, folder)
    files.confirm()
    return files.paths


def test_find_gives_the_files_of_the_day_sorted_by_name(tmp_path):
    for name in ("in/2018-01-28/b.json", "in/2018-01-28/a.json.gz", "in/2018-01-27/c.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"[]")
    (tmp_path / "in/2018-01-27/empty").mkdir()
    found = [str(tmp_path / "in/2018-01-28" / name) for name in ("a.json.gz", "b.json")]
    rows = [
        ("relative to the root", "in/{day}/*", found),
        ("absolute", f"{tmp_path}/in/{{day}}/*", found),
        ("as a file URI", f"file://{tmp_path}/in/{{day}}/*", found),
        ("one file by its name", "in/{day}/b.json", found[1:]),
        ("several patterns, each file once", ["in/{day}/b.*", "in/{day}/*"], found),
        ("a folder that holds nothing", "in/2018-01-27/*", [str(tmp_path / "in/2018-01-27/c.json")]),
        ("nothing there yet", "in/2018-01-29/*", []),
    ]
    for why, pattern, expected in rows:
        assert find(pattern, "2018-01-28", tmp_path) == expected, why


def test_find_on_a_remote_filesystem(memory, tmp_path):
    memory.pipe("/drop/2018-01-28.json", b"[]")
    assert find("memory://drop/{day}*", "2018-01-28", tmp_path) == ["memory:///drop/2018-01-28.json"]


UNKNOWN = [
    ("that nobody knows", "nosuch://drop/{day}", "nosuch://drop/2018-01-28: nosuch:// cannot be opened here: Protocol not known"),
    ("whose package is not installed", "s3://drop/{day}", "s3:// cannot be opened here: Install s3fs .*Add the package"),
    ("whose library is not installed", "hdfs://drop/{day}", "hdfs:// cannot be opened here: [^\n]{0,80}. Nothing was published"),
]


@pytest.mark.parametrize(("why", "pattern", "said"), UNKNOWN, ids=[row[0] for row in UNKNOWN])
def test_find_refuses_a_scheme(tmp_path, monkeypatch, why, pattern, said):
    monkeypatch.setattr("include.storage.stores._served", {})
    with pytest.raises(SourceRefused, match=said):
        find(pattern, "2018-01-28", tmp_path)


def test_what_is_gone_is_told_from_what_cannot_be_seen(tmp_path, memory):
    (tmp_path / "a.json").write_bytes(b"[]")
    there, away = str(tmp_path / "a.json"), str(tmp_path / "b.json")
    rows = [("nothing named", [], True), ("all", [away, "memory://b.json"], True), ("one of two", [away, there], False)]
    for why, uris, expected in rows:
        assert gone(uris) == expected, why


def test_a_source_of_one_file_has_that_files_hash(tmp_path):
    file = tmp_path / "a.json"
    file.write_bytes(CONTENT)
    source = describe("acme", "2018-01-28", [str(file)], NOW)
    assert (source.bytes, source.sha256) == (len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    assert source.files[0].sha256 == source.sha256


def test_a_source_of_several_files_hashes_their_hashes_in_order(tmp_path):
    contents = [b"[1]", b"[2]"]
    for name, content in zip("ab", contents, strict=True):
        (tmp_path / name).write_bytes(content)
    hashes = [hashlib.sha256(content).hexdigest() for content in contents]
    source = describe("acme", "2018-01-28", [str(tmp_path / "a"), str(tmp_path / "b")], NOW)
    assert source.sha256 == hashlib.sha256(f"{hashes[0]}\n{hashes[1]}\n".encode()).hexdigest()
    assert source.bytes == 6
    swapped = describe("acme", "2018-01-28", [str(tmp_path / "b"), str(tmp_path / "a")], NOW)
    assert swapped.sha256 != source.sha256, "the order of the files numbers the records"


ABSENT = [
    ("no file at all", [], "no source file"),
    ("a missing file", ["/nowhere/gone.json"], "gone.json cannot be read: No such file"),
    ("a folder", ["/"], "/ cannot be read: Is a directory"),
    ("a missing remote file", ["memory://gone.json"], "gone.json cannot be read"),
]


@pytest.mark.parametrize(("why", "uris", "message"), ABSENT, ids=[row[0] for row in ABSENT])
def test_describe_refuses_what_is_not_there(why, uris, message):
    with pytest.raises(SourceRefused, match=message):
        describe("acme", "2018-01-28", uris, NOW)


def test_a_local_file_is_used_where_it_lies(tmp_path):
    file = tmp_path / "a.json"
    file.write_bytes(CONTENT)
    assert spooled(describe("acme", "2018-01-28", [str(file)], NOW), tmp_path / "spool") == [file]
    assert not list((tmp_path / "spool").iterdir())


def test_remote_and_compressed_files_are_spooled(tmp_path, memory):
    zstd = zstandard.ZstdCompressor()
    rows = [
        ("remote", "memory://drop/a.json", CONTENT, "a.json"),
        ("gzip", f"{tmp_path}/a.ndjson.gz", gzip.compress(CONTENT), "a.ndjson"),
        ("gzip of several members", f"{tmp_path}/b.json.gz", gzip.compress(CONTENT[:7]) + gzip.compress(CONTENT[7:]), "b.json"),
        ("zstd", f"{tmp_path}/a.json.zst", zstd.compress(CONTENT), "a.json"),
        ("zstd of several frames", f"{tmp_path}/b.json.ZST", zstd.compress(CONTENT[:7]) + zstd.compress(CONTENT[7:]), "b.json"),
        ("remote and compressed", "memory://drop/b.json.gz", gzip.compress(CONTENT), "b.json"),
    ]
    for number, (why, uri, delivered, name) in enumerate(rows):
        with fsspec.open(uri, "wb") as file:
            file.write(delivered)
        source = describe("acme", "2018-01-28", [uri], NOW)
        assert source.bytes == len(delivered), f"{why}: bytes are counted as delivered"
        [path] = spooled(source, tmp_path / f"spool{number}")
        assert (path.name, path.read_bytes()) == (name, CONTENT), why


def test_two_files_of_the_same_name_do_not_overwrite_each_other(tmp_path):
    uris = [str(tmp_path / folder / "a.json.gz") for folder in "xy"]
    for uri in uris:
        Path(uri).parent.mkdir()
        Path(uri).write_bytes(gzip.compress(uri.encode()))
    paths = spooled(describe("acme", "2018-01-28", uris, NOW), tmp_path / "spool")
    assert [path.read_text() for path in paths] == uris


def test_padding_and_long_windows_are_unpacked(tmp_path):
    """Zeros after gzip, which tapes leave, within and beyond a block; zstd --long=31."""
    far = zstandard.ZstdCompressionParameters(window_log=28, enable_ldm=True)
    stream = zstandard.ZstdCompressor(compression_params=far).compressobj()  # of unknown length, so that the frame names the window
    rows = [
        ("zeros", "a.json.gz", gzip.compress(CONTENT) + b"\0" * 512),
        ("zeros beyond a block", "b.json.gz", gzip.compress(CONTENT) + b"\0" * 600_000),
        ("zeros between members", "c.json.gz", gzip.compress(CONTENT[:9]) + b"\0" * 99 + gzip.compress(CONTENT[9:])),
        ("a window of 256 MB", "d.json.zst", stream.compress(CONTENT) + stream.flush()),
    ]
    for number, (why, name, delivered) in enumerate(rows):
        (tmp_path / name).write_bytes(delivered)
        [path] = spooled(describe("acme", "2018-01-28", [str(tmp_path / name)], NOW), tmp_path / f"spool{number}")
        assert path.read_bytes() == CONTENT, why


PACKED = {".gz": gzip.compress(CONTENT), ".zst": zstandard.ZstdCompressor().compress(CONTENT)}
DAMAGES = [
    ("cut", lambda content: content[:-20], r"is truncated: it ends at byte [\d,]+ in the middle"),
    ("cut after its first bytes", lambda content: content[:3], "is truncated: it ends at byte 3 "),
    ("not compressed at all", lambda _: CONTENT[:100], r"is named as \w+ and is none: it begins with '\['\. .* without \.\w+\."),
    ("damaged", lambda content: content[:12] + b"\xff" * 8 + content[20:], "is damaged between bytes 0 and"),
    ("with text behind it", lambda content: content + b"text", "is damaged between bytes 0 and"),
]


@pytest.mark.parametrize("suffix", PACKED)
@pytest.mark.parametrize(("why", "damage", "message"), DAMAGES, ids=[row[0] for row in DAMAGES])
def test_a_damaged_compressed_file_is_refused_naming_the_place(tmp_path, suffix, why, damage, message):
    file = tmp_path / f"a.json{suffix}"
    file.write_bytes(damage(PACKED[suffix]))
    source = describe("acme", "2018-01-28", [str(file)], NOW)
    with pytest.raises(SourceRefused, match=message):
        spooled(source, tmp_path / "spool")


def test_bytes_other_than_described_are_not_published(tmp_path, memory):
    rows = [
        ("a local file: nobody need try again", f"{tmp_path}/a.json", b"[1]", b"[2]", SourceRefused),
        ("a local file, now empty", f"{tmp_path}/d.json", b"[1]", b"", SourceRefused),
        ("a compressed file", f"{tmp_path}/b.json.gz", gzip.compress(b"[1]"), gzip.compress(b"[2]"), SourceRefused),
        ("a remote file: a cut connection looks the same", "memory://c.json", b"[1]", b"[1", LandfallError),
    ]
    for number, (why, uri, then, now, kind) in enumerate(rows):
        with fsspec.open(uri, "wb") as file:
            file.write(then)
        source = describe("acme", "2018-01-28", [uri], NOW)
        with fsspec.open(uri, "wb") as file:
            file.write(now)
        with pytest.raises(LandfallError, match="is not what was found for this day") as caught:
            spooled(source, tmp_path / f"spool{number}")
        assert isinstance(caught.value, Refused) == (kind is SourceRefused), why


def test_packed_files_count_as_what_is_in_them() -> None:
    assert unpacked_bytes([SourceFile("a.json", 7, ""), SourceFile("b.json.gz", 7, ""), SourceFile("hdfs://n/c.ndjson.zst", 1, "")]) == 87
