"""Who may read a customer's lake: POSIX ACLs on HDFS, kept in line with the readers that the contract names.

The customer's directory has mode 750, an entry for every reader, and the same entries as default: whatever is made below inherits them,
by whomever. So a reader who is taken off is shut out by one change at the top; one who is added needs an entry on all that is there.
See the HDFS Permissions Guide, "ACLs (Access Control Lists)".
"""

import logging
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from include.effects import Effect, effect
from include.storage.webhdfs import WebHDFS

log = logging.getLogger(__name__)


def grant(fs: WebHDFS, root: str, readers: Iterable[str]) -> int:
    """Lets these users, and nobody else but the owner and its group, read all under `root`, which is made if it is not there.

    Returns how many files and directories were changed: 0 where all is as the contract says. Stopped at any moment, it leaves nobody
    with more than they had, takes off first, and the next call goes on.
    """
    wanted = sorted(set(readers))
    if not fs.exists(root):
        with effect(Effect.MAKE_DIRECTORY, path=root):
            fs.makedirs(root, exist_ok=True, permission="750")
    there = fs.acl_status(root)
    if set(there["entries"]) == _directory(wanted) and there["permission"] == "750":
        return 0
    kept = [name for name in wanted if f"user:{name}:r-x" in there["entries"]]
    _set(fs, root, _access(kept, "r-x"))  # shuts out whoever is no longer a reader; the defaults stay as they were, so this is not done yet
    seen: set[str] = set()
    # A second look finds what a landing made in a directory before that had its new defaults.
    while below := [each for each in _below(fs, root) if each[0] not in seen]:
        for path, is_directory in below:
            _set(fs, path, [*_access(wanted, "r-x"), *_defaults(wanted)] if is_directory else _access(wanted, "r--"))
            seen.add(path)
    _set(fs, root, [*_access(wanted, "r-x"), *_defaults(wanted)])
    log.info("%s: readers are %s; %d entries below were brought in line", root, ", ".join(wanted) or "nobody", len(seen))
    return len(seen) + 1


def shut_out(fs: WebHDFS, root: str, readers: Iterable[str]) -> list[str]:
    """Takes the rights to `root` from all but its owner, its group and these users. One change at the top, none where nobody has too much.

    Gives nobody anything: a landing, or `grant`, does that. Returns what was taken off, such as `user:carol:r-x`.
    """
    status, wanted = fs.acl_status(root), set(readers)
    access = [entry for entry in status["entries"] if not entry.startswith("default:")]
    extra = [entry for entry in access if not _is_due(entry, wanted)]
    if int(status["permission"], 8) & 0o777 & ~0o750:
        extra.append(f"mode {status['permission']}")
    if extra:
        _set(fs, root, _access(sorted(name for name in wanted if f"user:{name}:r-x" in access), "r-x"))
        log.warning("%s: taken off: %s", root, ", ".join(extra))
    return extra


def _is_due(entry: str, readers: set[str]) -> bool:
    """Whether an entry is the group's, or a reader's, and no more than to read."""
    kind, name, rights = entry.rsplit(":", 2)
    return "w" not in rights and (kind, name) in {("group", ""), *(("user", reader) for reader in readers)}


def was_granted(fs: WebHDFS, root: str) -> bool:
    """Whether `grant` has been through with this directory once: it alone gives what is made below its rights."""
    return any(entry.startswith("default:") for entry in fs.acl_status(root)["entries"])


def _below(fs: WebHDFS, root: str) -> list[tuple[str, bool]]:
    """All under a directory, parents first; what vanishes while we look needs nothing any more."""
    found: list[tuple[str, bool]] = []
    waiting = [root]
    while waiting:
        try:
            infos: list[dict[str, Any]] = fs.ls(waiting.pop(), detail=True)
        except FileNotFoundError:
            continue
        found += [(info["name"], info["type"] == "directory") for info in infos]
        waiting += [info["name"] for info in infos if info["type"] == "directory"]
    return sorted(found, key=lambda each: PurePosixPath(each[0]).parts)


def _set(fs: WebHDFS, path: str, spec: list[str]) -> None:
    try:
        with effect(Effect.SET_ACL, path=path):
            fs.set_acl(path, ",".join(spec))
    except FileNotFoundError:
        log.info("%s is gone", path)


def _access(readers: list[str], rights: str) -> list[str]:
    owner = "rwx" if rights == "r-x" else "rw-"
    return [f"user::{owner}", *(f"user:{name}:{rights}" for name in readers), f"group::{rights}", f"mask::{rights}", "other::---"]


def _defaults(readers: list[str]) -> list[str]:
    return [f"default:{entry}" for entry in _access(readers, "r-x")]


def _directory(readers: list[str]) -> set[str]:
    """The entries that the NameNode tells of a directory with these readers: those of owner, mask and others are in its mode."""
    return {*(f"user:{name}:r-x" for name in readers), "group::r-x", *_defaults(readers)}
