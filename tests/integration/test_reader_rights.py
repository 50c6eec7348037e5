"""Who reads, on a real HDFS, whatever a customer's own DAG does: contracts that are wrong, removed or cannot be read."""

from pathlib import Path
from typing import Any

import pytest

from include.errors import Refused
from include.maintenance import reader_rights
from include.maintenance.reader_rights import RightsNotKept
from include.storage.acl import grant
from include.storage.webhdfs import WebHDFS, filesystem

ROOT = "/lake/of_reader_rights"  # a lake of these tests alone
USERS = ("alice", "bob")

CUSTOMERS = {  # by name: the contract's text, and who of alice and bob may read after it, where both could before
    "in_line": ("source: 'x/{day}'\nreaders: [alice, bob]\n", USERS),
    "fewer": ("source: 'x/{day}'\nreaders: [bob]\n", ("bob",)),
    "nobody": ("source: 'x/{day}'\n", ()),
    "wrong": ("source: 5\nreaders: [alice]\n", ("alice",)),
    "wrong_without_readers": ("source: 5\n", ()),
    "wrong_with_a_new_one": ("source: 5\nreaders: [alice, carol]\n", ("alice",)),
    "removed": (None, ()),
    "torn": ("source: 'x/{day}'\nreaders: [al", USERS),
}


@pytest.fixture
def fs(hdfs: Any) -> WebHDFS:
    fs = filesystem(hdfs.host, hdfs.port, hdfs.user)
    if fs.exists(ROOT):
        fs.rm(ROOT, recursive=True)
    fs.mkdir(ROOT, permission="755")
    return fs


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    for name, (text, _) in CUSTOMERS.items():
        if text is not None:
            (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


@pytest.fixture
def lakes(fs: WebHDFS) -> list[str]:
    for name in CUSTOMERS:
        grant(fs, f"{ROOT}/{name}", USERS)
        fs.pipe_file(f"{ROOT}/{name}/file", b"rows")
    return [f"{ROOT}/{name}" for name in CUSTOMERS]


def readers_of(hdfs: Any, path: str) -> tuple[str, ...]:
    """Those of three users who can read the customer's file."""

    def reads(user: str) -> bool:
        try:
            return bool(filesystem(hdfs.host, hdfs.port, user).cat_file(f"{path}/file"))
        except PermissionError:
            return False

    return tuple(user for user in (*USERS, "carol") if reads(user))


def changed(fs: WebHDFS, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths whose rights are set from now on."""
    paths: list[str] = []
    set_acl = WebHDFS.set_acl
    monkeypatch.setattr(WebHDFS, "set_acl", lambda self, path, spec: (paths.append(path), set_acl(self, path, spec))[1])
    return paths


def test_rights_shrink_for_all_customers_and_who_does_not_say_is_named(
    hdfs: Any, fs: WebHDFS, contracts: Path, lakes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {readers_of(hdfs, path) for path in lakes} == {USERS}
    with pytest.raises(RightsNotKept, match=r"torn: torn\.yaml: is not readable as YAML") as refused:
        reader_rights.keep(fs, contracts, ROOT)
    assert "wrong" not in str(refused.value), "of a wrong contract that says who reads, everything is done"
    assert {name: readers_of(hdfs, f"{ROOT}/{name}") for name in CUSTOMERS} == {name: after for name, (_, after) in CUSTOMERS.items()}
    paths = changed(fs, monkeypatch)
    (contracts / "torn.yaml").write_text("source: 'x/{day}'\nreaders: [alice]\n")
    assert reader_rights.keep(fs, contracts, ROOT) == {"torn": ["user:bob:r-x"]}
    assert {path.removeprefix(f"{ROOT}/").split("/")[0] for path in paths} == {"torn"}
    paths.clear()
    assert (reader_rights.keep(fs, contracts, ROOT), paths) == ({}, []), "nothing is changed where nothing has changed"


def test_a_reader_of_a_right_contract_is_let_in(hdfs: Any, fs: WebHDFS, lakes: list[str], tmp_path: Path) -> None:
    (tmp_path / "in_line.yaml").write_text("source: 'x/{day}'\nreaders: [carol, bob]\n")
    assert reader_rights.keep(fs, tmp_path, ROOT)["in_line"] == ["user:alice:r-x"]
    assert readers_of(hdfs, f"{ROOT}/in_line") == ("bob", "carol")


def test_a_directory_that_everybody_may_read_is_shut(fs: WebHDFS, contracts: Path, lakes: list[str], hdfs: Any) -> None:
    (contracts / "torn.yaml").unlink()
    fs._call("SETPERMISSION", method="put", path=f"{ROOT}/nobody", permission="777")
    assert "mode 777" in reader_rights.keep(fs, contracts, ROOT)["nobody"]
    assert fs.acl_status(f"{ROOT}/nobody")["permission"] == "750"


def test_what_no_landing_has_made_a_customer_s_is_left_alone(fs: WebHDFS, contracts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first landing makes the directory and its rights itself, and others may keep files beside the customers'."""
    (contracts / "torn.yaml").unlink()
    for name in ("in_line", "delivered"):
        fs.mkdir(f"{ROOT}/{name}", permission="755")
    paths = changed(fs, monkeypatch)
    assert (reader_rights.keep(fs, contracts, ROOT), paths) == ({}, [])


def test_without_any_contract_nobody_is_shut_out(fs: WebHDFS, lakes: list[str], tmp_path: Path, hdfs: Any) -> None:
    """A folder that is not mounted is no decision about readers."""
    with pytest.raises(Refused, match=rf"no contracts in {tmp_path}.*No rights were changed"):
        reader_rights.keep(fs, tmp_path, ROOT)
    assert readers_of(hdfs, lakes[0]) == USERS


def test_before_the_first_customer_there_is_nothing_to_keep(fs: WebHDFS, tmp_path: Path) -> None:
    assert reader_rights.keep(fs, tmp_path, f"{ROOT}/none") == {}
