"""Profiles: deployments by name, in one TOML file, or as the environment of Airflow's own processes has them.

    [prod]
    customers = "/srv/landfall/customers"
    [prod.airflow]
    url = "https://airflow.example"
    user = "landfall"
    password = {env = "PROD_AIRFLOW_PASSWORD"}

`docs/command_line.md` has every key. Any text may instead be `{env = "NAME"}` or `{file = "PATH"}`: what the variable or file holds. The
profile `environment` needs no file: it is the AIRFLOW_CONN_... of this process.
"""

import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from include.deployment import connections
from include.deployment.deployment import Airflow, Deployment, Hdfs, Spark
from include.errors import Refused

VARIABLE = "LANDFALL_PROFILES"
ENVIRONMENT = "environment"
FOLDERS = ("customers", "inbox", "reports")
# Key to whether it must be there. Those of `kafka` are librdkafka's own.
SECTIONS: dict[str, dict[str, bool]] = {
    "airflow": {"url": True, "user": False, "password": False, "token": False, "ca": False},
    "kafka": {"bootstrap.servers": True},
    "hdfs": {"hosts": True, "port": False, "user": True, "fs": True},
    "catalog": {"uri": True},
    "spark": {"master": True, "properties-file": False, "home": False, "java_home": False},
}
TOP = {*SECTIONS, *FOLDERS, "sources", "connections"}
SECRET_WORDS = ("password", "token", "secret", ".pem", "jaas")
OTHERS = stat.S_IRWXG | stat.S_IRWXO
WEBHDFS_PORT = 9870


def file(environ: Mapping[str, str]) -> Path:
    """Where profiles are: LANDFALL_PROFILES, else landfall/profiles.toml among the user's settings."""
    if environ.get(VARIABLE):
        return Path(environ[VARIABLE]).expanduser()
    return Path(environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "landfall" / "profiles.toml"


def load(name: str, environ: Mapping[str, str] | None = None) -> Deployment:
    """The deployment of this name. Raises Refused, naming file and key, for what cannot be read or is wrong."""
    environ = os.environ if environ is None else environ
    path = file(environ)
    if name == ENVIRONMENT:
        return connections.of_environment(environ)
    found = _read(path)
    if name not in found:
        known = ", ".join(sorted({*found, ENVIRONMENT}))
        raise Refused(f"{path}: there is no profile {name!r}; known are: {known}. Correct --profile, or add [{name}] there.")
    return _deployment(_Profile(path, name, environ), found[name])


def names(environ: Mapping[str, str] | None = None) -> list[str]:
    """Those of the file, and `environment`; for a shell, so a file that is wrong has none."""
    try:
        return sorted({*_read(file(os.environ if environ is None else environ)), ENVIRONMENT})
    except Refused:
        return [ENVIRONMENT]


def _read(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        mode = path.stat().st_mode
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Refused(f"{path}: the profiles cannot be read: {error.strerror}. Make it a file that you may read.") from error
    except ValueError as error:  # TOML's, and what is not UTF-8
        raise Refused(f"{path}: the profiles are not readable as TOML: {error}. docs/command_line.md has an example.") from error
    if (secrets := list(_secrets(found))) and mode & OTHERS:
        raise Refused(
            f"{path}: it holds secrets ({', '.join(secrets)}), and others than its owner may read or write it (mode {mode & 0o777:o}). "
            f'Nothing was done. chmod 600 {path}, or name a variable or file instead: {{env = "NAME"}}, {{file = "PATH"}}.'
        )
    return found


def _secrets(value: Any, where: str = "") -> Any:
    """Where secrets are written out, such as `prod.airflow.password`."""
    if isinstance(value, dict):
        for key, each in value.items() if not value.keys() <= {"env", "file"} else ():  # those say where a secret is
            yield from _secrets(each, f"{where}.{key}".lstrip("."))
    elif isinstance(value, str) and (any(word in where.lower() for word in SECRET_WORDS) or _has_password(where, value)):
        yield where


def _has_password(where: str, value: str) -> bool:
    if not where.endswith(".catalog.uri"):
        return False
    try:
        return bool(make_url(value).password)
    except ArgumentError:
        return True  # what it is nobody knows


class _Profile:
    """One profile of the file, for messages, and what its values stand for."""

    def __init__(self, path: Path, name: str, environ: Mapping[str, str]) -> None:
        self.origin = f"{path}, profile {name!r}"
        self.path, self.name, self.environ = path, name, environ

    def refused(self, key: str, message: str) -> Refused:
        return Refused(f"{self.origin}: {key}: {message}. docs/command_line.md has every key.")

    def section(self, given: Mapping[str, Any], name: str) -> dict[str, str] | None:
        """The section's values as texts, None where it is not there."""
        if name not in given:
            return None
        known, found = SECTIONS[name], given[name]
        if not isinstance(found, dict):
            raise self.refused(name, f"expected a table [{self.name}.{name}], found {found!r}")
        unknown = [key for key in found if key not in known] if name != "kafka" else []
        if unknown:
            raise self.refused(name, f"expected {', '.join(known)}, found {', '.join(unknown)}")
        if lacking := [key for key, needed in known.items() if needed and key not in found]:
            raise self.refused(name, f"expected {', '.join(lacking)}, found {', '.join(found) or 'nothing'}")
        return {key: self.text(f"{name}.{key}", value) for key, value in found.items()}

    def text(self, key: str, value: Any) -> str:
        if isinstance(value, dict) and len(value) == 1:
            [(kind, place)] = value.items()
            if kind == "env" and isinstance(place, str):
                return self._variable(key, place)
            if kind == "file" and isinstance(place, str):
                return self._content(key, place)
        if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
            return ",".join(value)
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, str | int | float) and str(value):
            return str(value)
        raise self.refused(key, 'expected a text, {env = "NAME"} or {file = "PATH"}, found another kind of value')

    def _variable(self, key: str, name: str) -> str:
        if not self.environ.get(name):
            raise self.refused(key, f"the environment has no {name}, which it is to be taken from; set it")
        return self.environ[name]

    def _content(self, key: str, place: str) -> str:
        path = self.path.parent / Path(place).expanduser()
        try:
            return path.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise self.refused(key, f"{path}, which it is to be taken from, cannot be read: {error}") from error


def _deployment(profile: _Profile, given: Any) -> Deployment:
    if not isinstance(given, dict):
        raise profile.refused(profile.name, f"expected a table [{profile.name}], found {given!r}")
    if unknown := [key for key in given if key not in TOP]:
        raise profile.refused(", ".join(unknown), f"expected one of {', '.join(sorted(TOP))}")
    inherited = Deployment(profile.name, "", "")
    if "connections" in given:
        if given["connections"] != ENVIRONMENT:
            raise profile.refused("connections", f'expected "{ENVIRONMENT}", found {given["connections"]!r}')
        inherited = connections.of_environment(profile.environ)
    texts = {key: profile.text(key, given[key]) for key in (*FOLDERS, "sources") if key in given}
    folders = {key: Path(texts[key]).expanduser() for key in FOLDERS if key in texts}
    if relative := [key for key, path in folders.items() if not path.is_absolute()]:
        raise profile.refused(", ".join(relative), "expected an absolute path")
    kafka, catalog = profile.section(given, "kafka"), profile.section(given, "catalog")
    return Deployment(
        name=profile.name,
        origin=profile.origin,
        advice=f"./landfall --profile {profile.name} doctor says which part is wrong.",
        airflow=_airflow(profile, profile.section(given, "airflow")) or inherited.airflow,
        kafka=kafka or inherited.kafka,
        hdfs=_hdfs(profile, profile.section(given, "hdfs")) or inherited.hdfs,
        catalog=catalog["uri"] if catalog else inherited.catalog,
        spark=_spark(profile.section(given, "spark")) or inherited.spark,
        customers=folders.get("customers", inherited.customers),
        inbox=folders.get("inbox", inherited.inbox),
        sources=texts.get("sources", inherited.sources),
        reports=folders.get("reports", inherited.reports),
    )


def _airflow(profile: _Profile, given: dict[str, str] | None) -> Airflow | None:
    if given is None:
        return None
    if not given["url"].startswith(("http://", "https://")):
        raise profile.refused("airflow.url", f"expected http://... or https://..., found {given['url']!r}")
    if ("token" in given) == ("user" in given and "password" in given):
        raise profile.refused("airflow", "expected either token, or user and password")
    return Airflow(**{**given, "url": given["url"].rstrip("/")})


def _hdfs(profile: _Profile, given: dict[str, str] | None) -> Hdfs | None:
    if given is None:
        return None
    port = given.get("port", str(WEBHDFS_PORT))
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise profile.refused("hdfs.port", f"expected a port from 1 to 65535, found {port!r}")
    if not given["fs"].startswith("hdfs://"):
        raise profile.refused("hdfs.fs", f"expected hdfs://HOST:PORT or the name service, found {given['fs']!r}")
    return Hdfs(tuple(host.strip() for host in given["hosts"].split(",")), int(port), given["user"], given["fs"])


def _spark(given: dict[str, str] | None) -> Spark | None:
    if given is None:
        return None
    return Spark(given["master"], given.get("properties-file", ""), given.get("home", ""), given.get("java_home", ""))
