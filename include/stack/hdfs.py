"""HDFS: one NameNode and one DataNode, permissions and ACLs on."""

import http.client
import json
import shutil
from pathlib import Path
from urllib.parse import urlencode

from include.stack.environment import inherited
from include.stack.jars import jars_of, pyspark_jar
from include.stack.java import Java
from include.stack.service import Service, StackError, hadoop_xml, jvm, log4j, run_job, write
from include.stack.settings import HOST, Settings

SUPERUSER = "hdfs"
OWNER = "landfall"
LAKE = "/lake"

# What HDFS needs from pyspark's own jars, so that they need not be fetched twice.
FROM_PYSPARK = (
    "hadoop-client-api-*.jar",
    "hadoop-client-runtime-*.jar",
    "slf4j-api-*.jar",
    "log4j-api-*.jar",
    "log4j-core-*.jar",
    "log4j-slf4j2-impl-*.jar",
    "log4j-1.2-api-*.jar",
    "jcl-over-slf4j-*.jar",
)


def namenode(settings: Settings, java: Java) -> Service:
    return Service(
        name="namenode",
        title="the NameNode",
        ports=("namenode", "namenode_http"),
        command=jvm(java, "org.apache.hadoop.hdfs.server.namenode.NameNode", classpath(settings), "256m"),
        environ={**inherited(), "HADOOP_USER_NAME": SUPERUSER},
        prepare=lambda: _prepare(settings, java),
        missing=lambda: None if _state(settings) else "no answer yet",
    )


def datanode(settings: Settings, java: Java) -> Service:
    return Service(
        name="datanode",
        title="the DataNode",
        ports=("datanode", "datanode_http", "datanode_ipc"),
        command=jvm(java, "org.apache.hadoop.hdfs.server.datanode.DataNode", classpath(settings), "256m"),
        environ={**inherited(), "HADOOP_USER_NAME": SUPERUSER},
        prepare=lambda: _configure(settings),
        missing=lambda: _missing(settings),
        finish=lambda: _make_lake(settings),
    )


def classpath(settings: Settings) -> list[Path]:
    jars = [jar for jar in jars_of(settings, "hdfs") if not jar.name.endswith("-tests.jar")]
    return [settings.conf / "hdfs", settings.jars / "pages", *jars, *map(pyspark_jar, FROM_PYSPARK)]


def core_site(settings: Settings) -> dict[str, object]:
    return {
        "fs.defaultFS": settings.endpoints.hdfs_uri,
        "hadoop.tmp.dir": settings.tmp / "hadoop",
        "hadoop.http.staticuser.user": "nobody",  # who browses the NameNode's pages sees what everybody may see
        # Users are names that the client gives; nobody looks them up on this machine.
        "hadoop.security.group.mapping": "org.apache.hadoop.security.NullGroupsMapping",
        "hadoop.user.group.static.mapping.overrides": f"{SUPERUSER}={SUPERUSER};{OWNER}={OWNER}",
        "ipc.client.connect.retry.interval": 200,  # ms: the DataNode starts beside the NameNode and asks until it is there
        "ipc.client.connect.max.retries": 300,
    }


def hdfs_site(settings: Settings) -> dict[str, object]:
    ports = settings.ports
    return {
        "dfs.replication": 1,
        "dfs.namenode.name.dir": settings.data / "namenode",
        "dfs.datanode.data.dir": settings.data / "datanode",
        "dfs.namenode.rpc-bind-host": HOST,
        "dfs.namenode.http-address": f"{HOST}:{ports.namenode_http}",
        "dfs.datanode.address": f"{HOST}:{ports.datanode}",
        "dfs.datanode.http.address": f"{HOST}:{ports.datanode_http}",
        "dfs.datanode.ipc.address": f"{HOST}:{ports.datanode_ipc}",
        "dfs.datanode.hostname": HOST,
        "dfs.client.use.datanode.hostname": "true",
        "dfs.namenode.datanode.registration.ip-hostname-check": "false",
        "dfs.permissions.enabled": "true",
        "dfs.permissions.superusergroup": SUPERUSER,
        "dfs.namenode.acls.enabled": "true",
        "dfs.webhdfs.user.provider.user.pattern": "^[A-Za-z_][A-Za-z0-9._-]*[$]?$",
        "dfs.namenode.safemode.extension": 0,
        "dfs.heartbeat.interval": 1,
        "dfs.namenode.heartbeat.recheck-interval": 5000,  # ms: a DataNode that died is known to be dead after 20 s, not 10 minutes
        "dfs.client.block.write.locateFollowingBlock.initial.delay.ms": 10,  # by default each small file over WebHDFS waits 400 ms
    }


def _prepare(settings: Settings, java: Java) -> None:
    _configure(settings)
    data = settings.data / "namenode"
    if not data.exists():
        _format(settings, java, data)


def _configure(settings: Settings) -> None:
    conf = settings.conf / "hdfs"
    write(conf / "log4j2.properties", log4j(BlockStateChange="warn", org_apache_hadoop_hdfs_StateChange="warn"))
    write(conf / "core-site.xml", hadoop_xml(core_site(settings)))
    write(conf / "hdfs-site.xml", hadoop_xml(hdfs_site(settings)))


def _format(settings: Settings, java: Java, data: Path) -> None:
    """Formats aside and renames: a format that was cut off is never taken for a finished one."""
    aside = data.with_suffix(".new")
    shutil.rmtree(aside, ignore_errors=True)
    arguments = ("-D", f"dfs.namenode.name.dir={aside}", "-format", "-nonInteractive")
    command = jvm(java, "org.apache.hadoop.hdfs.server.namenode.NameNode", classpath(settings), "128m", *arguments)
    run_job(settings, "namenode-format", "the NameNode's format", command, {**inherited(), "HADOOP_USER_NAME": SUPERUSER})
    aside.rename(data)


def _state(settings: Settings) -> dict[str, object] | None:
    """What the NameNode says about the file system; None while it says nothing."""
    try:
        _, body = _request(settings, "GET", "/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState")
        beans: list[dict[str, object]] = json.loads(body)["beans"]
        return beans[0] if beans else None
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return None


def _missing(settings: Settings) -> str | None:
    state = _state(settings)
    if state is None:
        return "no answer from the NameNode"
    if state.get("FSState") != "Operational":
        return f"the NameNode is in state {state.get('FSState')}"
    return None if state.get("NumLiveDataNodes") == 1 else "not yet known to the NameNode"


def _make_lake(settings: Settings) -> None:
    """The folder of all tables; what is already there stays as it is."""
    _webhdfs(settings, LAKE, op="MKDIRS", permission="755")
    _webhdfs(settings, LAKE, op="SETOWNER", owner=OWNER, group=OWNER)


def _webhdfs(settings: Settings, path: str, **parameters: str) -> None:
    query = urlencode({"user.name": SUPERUSER, **parameters})
    try:
        status, body = _request(settings, "PUT", f"/webhdfs/v1{path}?{query}", seconds=60)  # the first request of all takes a while
    except (OSError, http.client.HTTPException) as error:
        raise StackError(f"HDFS {path}: {parameters['op']} got no answer: {error!r}") from error
    if status != http.client.OK:
        raise StackError(f"HDFS {path}: {parameters['op']} answered {status}: {body.decode(errors='replace')[:500]}")


def _request(settings: Settings, method: str, path: str, seconds: float = 10) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(HOST, settings.ports.namenode_http, timeout=seconds)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
