"""The connections as Airflow has them in its environment: AIRFLOW_CONN_KAFKA_DEFAULT and so on, as JSON or as a URI.

For commands that run beside Airflow's own processes, where these are set: without Airflow, which takes seconds to import. Connections of
Airflow's database and of a secrets backend are not seen here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from include.deployment.deployment import Airflow, Deployment, Hdfs, Spark
from include.errors import Refused
from include.source.inbox import INBOX, VARIABLE

PREFIX = "AIRFLOW_CONN_"
KAFKA, HDFS, CATALOG, SPARK = (f"{PREFIX}{name}" for name in ("KAFKA_DEFAULT", "HDFS_DEFAULT", "LAKE_CATALOG", "SPARK_DEFAULT"))
URL = "LANDFALL_AIRFLOW_URL"


@dataclass(frozen=True)
class Connection:
    """One connection; what it does not name is "", None or empty."""

    host: str = ""
    port: int | None = None
    login: str = ""
    password: str = field(default="", repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


def of_environment(environ: Mapping[str, str]) -> Deployment:
    """The deployment that this process is a part of. A connection that is not set is not known; one that is wrong is Refused."""
    kafka, catalog = parsed(KAFKA, environ), parsed(CATALOG, environ)
    customers, inbox, reports = (
        Path(environ[key]) if environ.get(key) else None for key in ("LANDFALL_CUSTOMERS", INBOX, "LANDFALL_REPORTS")
    )
    return Deployment(
        name="environment",
        origin="the environment",
        advice=f"Expected there: {KAFKA}, {HDFS}, {CATALOG}, {SPARK} and {URL}; ./landfall --profile environment doctor looks at each.",
        airflow=_airflow(environ),
        kafka={key: str(value) for key, value in kafka.extra.items()} if kafka else None,
        hdfs=_hdfs(parsed(HDFS, environ)),
        catalog=_key(CATALOG, catalog, "uri") if catalog else None,
        spark=_spark(parsed(SPARK, environ), environ),
        customers=customers,
        inbox=inbox,
        sources=environ.get(VARIABLE),
        reports=reports,
    )


def parsed(variable: str, environ: Mapping[str, str]) -> Connection | None:
    """What the variable holds, None if it is not set. Raises Refused, naming the variable and never its content."""
    text = environ.get(variable, "").strip()
    if not text:
        return None
    try:
        return _of_json(json.loads(text)) if text.startswith("{") else _of_uri(text)
    except (ValueError, TypeError, AttributeError) as error:  # a message of JSON's or urllib's might quote a password
        kind = "JSON" if text.startswith("{") else "URI"
        raise Refused(f"{variable}: expected a connection as Airflow writes it, found {kind} that cannot be read. Correct it.") from error


def _of_json(given: Mapping[str, Any]) -> Connection:
    extra = given.get("extra") or {}
    extra = json.loads(extra) if isinstance(extra, str) else extra
    port = given.get("port")
    return Connection(
        given.get("host") or "", int(port) if port else None, given.get("login") or "", given.get("password") or "", dict(extra)
    )


def _of_uri(text: str) -> Connection:
    at = urlsplit(text)
    query = dict(parse_qsl(at.query, keep_blank_values=True))
    extra = json.loads(query["__extra__"]) if "__extra__" in query else query
    return Connection(unquote(at.hostname or ""), at.port, unquote(at.username or ""), unquote(at.password or ""), extra)


def _key(variable: str, connection: Connection, key: str) -> str:
    value = connection.extra.get(key)
    if not isinstance(value, str) or not value:
        raise Refused(f"{variable}: expected {key!r} in its extra, found {', '.join(connection.extra) or 'nothing'}. Complete it.")
    return value


def _hdfs(connection: Connection | None) -> Hdfs | None:
    if connection is None:
        return None
    host, port, login = connection.host, connection.port, connection.login
    if not (host and port and login):
        raise Refused(f"{HDFS}: expected host, port and login, found {host!r}, {port!r}, {login!r}. Complete it.")
    return Hdfs(tuple(host.split(",")), port, login, _key(HDFS, connection, "fs"))


def _spark(connection: Connection | None, environ: Mapping[str, str]) -> Spark | None:
    if connection is None:
        return None
    if not connection.host:
        raise Refused(f"{SPARK}: expected a host such as local[*] or spark://HOST, found none. Complete it.")
    master = f"{connection.host}:{connection.port}" if connection.port else connection.host
    file = str(connection.extra.get("properties-file") or "")
    return Spark(master, file, environ.get("SPARK_HOME", ""), environ.get("JAVA_HOME", ""))


def _airflow(environ: Mapping[str, str]) -> Airflow | None:
    url = environ.get(URL, "").rstrip("/")
    if not url:
        return None
    user, password, token = (environ.get(f"LANDFALL_AIRFLOW_{name}", "") for name in ("USER", "PASSWORD", "TOKEN"))
    if not url.startswith(("http://", "https://")) or not (token or (user and password)):
        raise Refused(
            f"{URL}: expected http://... or https://..., and either LANDFALL_AIRFLOW_TOKEN, or LANDFALL_AIRFLOW_USER and "
            f"LANDFALL_AIRFLOW_PASSWORD; found {url!r} with {'a user' if user else 'no user'}. Complete them."
        )
    return Airflow(url, user, "" if token else password, token, environ.get("LANDFALL_AIRFLOW_CA", ""))
