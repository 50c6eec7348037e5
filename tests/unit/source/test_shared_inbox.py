"""Several workers and their inboxes: one folder that all have, or a refusal that says what to do. HDFS is a local folder here."""

import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem

from include.source.shared_inbox import KNOWN, MARK, NotShared, refuse_own_inbox

PATTERN = "acme/{day}*.json"


class Local(LocalFileSystem):
    """As HDFS does, it renames nothing to a name that is taken."""

    def mv(self, path1: str, path2: str, **_: Any) -> None:
        Path(path2).hardlink_to(path1)
        Path(path1).unlink()


@dataclass(frozen=True)
class Workers:
    """A deployment's lake, and folders that its workers may have as their inbox."""

    fs: Any
    lake: str
    inboxes: tuple[Path, Path]

    def look(self, worker: int, *sources: str, inbox: int | None = None) -> None:
        folder = self.inboxes[worker if inbox is None else inbox]
        refuse_own_inbox(folder, sources or (PATTERN,), self.fs, self.lake, f"worker-{worker}")


@pytest.fixture
def workers(tmp_path: Path) -> Workers:
    inboxes = (tmp_path / "inbox0", tmp_path / "inbox1")
    for folder in (*inboxes, tmp_path / "lake" / "acme"):
        folder.mkdir(parents=True)
    return Workers(Local(auto_mkdir=True), str(tmp_path / "lake" / "acme"), inboxes)


def test_workers_that_share_a_folder_look_for_files_in_it_again_and_again(workers: Workers) -> None:
    for worker in (0, 1, 0):
        workers.look(worker, inbox=0)
    mark = (workers.inboxes[0] / MARK).read_text().strip()
    assert json.loads(Path(workers.lake, KNOWN).read_text()) == {"mark": mark, "worker": "worker-0", "inbox": str(workers.inboxes[0])}
    assert [path.name for path in workers.inboxes[0].iterdir()] == [MARK], "nothing is left beside it"


@pytest.mark.parametrize("of_another", [False, True], ids=["never marked", "marked by another deployment"])
def test_a_worker_with_a_folder_of_its_own_is_refused_by_name_and_lands_nothing(workers: Workers, of_another: bool) -> None:
    workers.look(0)
    if of_another:
        (workers.inboxes[1] / MARK).write_text("another\n")
    with pytest.raises(NotShared) as refused:
        workers.look(1)
    found = "holds another" if of_another else "is not there"
    for said in (
        "of worker worker-1 is not the folder that worker worker-0 has",
        found,
        "mount one folder",
        f"remove {workers.lake}/{KNOWN}",
    ):
        assert said in str(refused.value)
    workers.look(0)


def test_an_inbox_that_was_replaced_is_taken_once_a_person_says_so(workers: Workers) -> None:
    workers.look(0)
    Path(workers.lake, KNOWN).unlink()
    workers.look(1)
    with pytest.raises(NotShared):
        workers.look(0)


def test_of_two_workers_that_are_first_at_once_one_is_refused(workers: Workers) -> None:
    together, refused = threading.Barrier(2), []

    def look(worker: int) -> None:
        together.wait()
        try:
            workers.look(worker)
        except NotShared:
            refused.append(worker)

    threads = [threading.Thread(target=look, args=(worker,)) for worker in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1


def test_what_is_not_on_a_worker_s_disk_needs_no_proof(workers: Workers) -> None:
    workers.look(1, "hdfs://lake/drop/{day}.json", "https://files.example/{day}.json")
    assert not (workers.inboxes[1] / MARK).exists()
    assert not Path(workers.lake, KNOWN).exists()


@pytest.mark.parametrize("source", ["/data/acme/a.json", "acme/../../a.json", "link/a.json", "file:///data/a.json"])
def test_a_local_file_outside_of_the_inbox_is_refused(workers: Workers, tmp_path: Path, source: str) -> None:
    (workers.inboxes[0] / "link").symlink_to(tmp_path)
    with pytest.raises(NotShared, match="lies outside of the inbox"):
        workers.look(0, source)


def test_an_inbox_that_cannot_be_marked_says_what_to_make_there(workers: Workers) -> None:
    workers.inboxes[0].rmdir()
    with pytest.raises(NotShared, match=rf"cannot be marked by worker worker-0 \(No such file.*Make .*{MARK} with a line"):
        workers.look(0)
