"""HDFS, step by step: the NameNodes, the folder of all lakes, and what a landing does there: list, write, read, rights.

What is written is in a folder of doctor's own, which is gone afterwards.
"""

import secrets
from contextlib import suppress
from typing import Any

from include.deployment.checkup import Check, Misconfigured, address_of, connects, resolves
from include.deployment.deployment import Deployment, Hdfs
from include.errors import LandfallError
from include.storage.webhdfs import WebHDFS, filesystem

LAKE = "/lake"
RPC_PORT = 8020


def checks(at: Hdfs, deployment: Deployment) -> list[Check]:
    where = f"WebHDFS' address in {deployment.origin}"
    own = f"{LAKE}/.doctor-{secrets.token_hex(4)}"
    active: list[WebHDFS] = []

    def fs() -> WebHDFS:
        if not active:
            active.append(_active(at, where))
        return active[0]

    return [
        ("name", lambda: resolves(at.hosts, where)),
        ("TCP", lambda: connects([(host, at.port) for host in at.hosts], where)),
        ("WebHDFS", lambda: f"the active NameNode is {fs().storage_options['host']}" if len(at.hosts) > 1 else f"answers as {fs().user}"),
        ("list", lambda: _list(fs())),
        ("write", lambda: _write(fs(), own)),
        ("ACL", lambda: _acl(fs(), own)),
        ("RPC", lambda: _rpc(at, deployment)),
    ]


def _active(at: Hdfs, where: str) -> WebHDFS:
    """The filesystem of the first NameNode that answers for itself."""
    said: list[str] = []
    for host in at.hosts:
        fs = filesystem(host, at.port, at.user)
        try:
            fs.call_once("GETFILESTATUS", path="/").json()
        except PermissionError as error:
            raise Misconfigured(str(error), f"Correct the user in {where}, or let {at.user} in: Kerberos is not offered yet.") from error
        except (OSError, ValueError) as error:
            said.append(f"{host}: {error}")
        else:
            return fs
    if any("StandbyException" in each or "standby" in each.lower() for each in said):
        raise Misconfigured("; ".join(said), f"Name both NameNodes as hosts in {where}, and see why none is active.")
    raise Misconfigured(
        "; ".join(said), f"Take the NameNode's HTTP port in {where} ({9870} by default, not that of RPC), with dfs.webhdfs.enabled."
    )


def _list(fs: WebHDFS) -> str:
    try:
        owner, there = fs.info(LAKE)["owner"], fs.ls(LAKE)
    except FileNotFoundError as error:
        fix = f"As HDFS's superuser: hdfs dfs -mkdir {LAKE}; hdfs dfs -chown {fs.user} {LAKE}"
        raise Misconfigured(f"there is no {LAKE}", fix) from error
    except PermissionError as error:
        raise Misconfigured(str(error), f"As HDFS's superuser: hdfs dfs -chmod 755 {LAKE}") from error
    return f"{LAKE} belongs to {owner} and holds {len(there)} names"


def _write(fs: WebHDFS, own: str) -> str:
    content = b"doctor"
    try:
        fs.mkdir(own, permission="750")
        fs.pipe_file(f"{own}/file", content)
        read = fs.cat_file(f"{own}/file")
    except PermissionError as error:
        raise Misconfigured(str(error), f"As HDFS's superuser: hdfs dfs -chown {fs.user} {LAKE}") from error
    except (ConnectionError, TimeoutError) as error:
        raise Misconfigured(str(error), _fix_of_write(str(error))) from error
    finally:
        _remove(fs, own)
    if read != content:
        raise Misconfigured(f"{own}/file: {content!r} was written, {read!r} is read", "Look at the DataNodes' logs.")
    return "a file was written, read and removed"


def _fix_of_write(said: str) -> str:
    if "safe mode" in said.lower():
        return "Wait until enough DataNodes report, or: hdfs dfsadmin -safemode leave"
    return "Let this machine reach the DataNodes by the names that the NameNode sends it to (DNS, dfs.datanode.hostname)."


def _acl(fs: WebHDFS, own: str) -> str:
    wanted = "user::rwx,user:landfall-doctor:r-x,group::r-x,mask::r-x,other::---"
    try:
        fs.mkdir(own, permission="750")
        fs.set_acl(own, wanted)
        entries: Any = fs.acl_status(own)["entries"]
    except (OSError, ValueError) as error:
        if "acl" in str(error).lower():
            raise Misconfigured(
                str(error), "Set dfs.namenode.acls.enabled to true in the NameNode's hdfs-site.xml, and restart it."
            ) from error
        raise
    finally:
        _remove(fs, own)
    if "user:landfall-doctor:r-x" not in entries:
        raise Misconfigured(f"an entry was set and is not there: {entries}", "Look at the NameNode's log.")
    return "a reader's entry can be set"


def _remove(fs: WebHDFS, own: str) -> None:
    with suppress(OSError):
        fs.rm(own, recursive=True)


def _rpc(at: Hdfs, deployment: Deployment) -> str:
    """Spark goes by RPC to what the paths of the tables name; a name service's address only its own configuration knows."""
    authority = at.fs.removeprefix("hdfs://").rstrip("/")
    where = f"`fs` of HDFS in {deployment.origin}"
    if ":" not in authority and authority not in at.hosts:
        return f"{authority} is taken for a name service, which Spark's own configuration must know"
    try:
        address = address_of(authority, RPC_PORT)
    except ValueError as error:
        raise LandfallError(f"{where}: {error}") from error
    resolves([address[0]], where)
    return connects([address], where)
