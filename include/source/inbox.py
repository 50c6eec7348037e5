"""Where a customer's files may lie: the customer's own inbox, and what the deployment lists besides.

A task of Airflow's reads whatever its user can: files of this machine, all of HDFS, addresses that only the inside network reaches. Whoever
may start a customer's runs, or deliver a link into its inbox, is not to have all of that landed and shown.

The own inbox is the folder of the customer's name in LANDFALL_INBOX. LANDFALL_SOURCES lists the rest, as JSON:

    {"acme": ["/data/acme", "https://files.acme.example/export"], "*": ["hdfs:///drop"]}

A path or URL stands for itself and all below it; `https://` for every host of the public network; the port `*` for every port; `*` for
anything anywhere. But for what such an entry names itself, hosts of the inside network, inboxes of others and their folders in the lake
stay closed, so an entry that covers them from above does not open them.
"""

import json
import os
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from include.errors import Refused
from include.storage.http_files import is_inside
from include.storage.stores import HTTP, is_uri, split

INBOX = "LANDFALL_INBOX"
VARIABLE = "LANDFALL_SOURCES"
ANYTHING = "*"
WEBHDFS = ("webhdfs", "swebhdfs")
HDFS = ("hdfs", *WEBHDFS)
OVER_HTTP = (*HTTP, *WEBHDFS)
AUTHORITY = re.compile(r"([\w.~%!$&'()*+,;=:-]*@)?(\[[0-9A-Fa-f:.]+\]|[\w.~-]+)(:\d+)?")  # no two readings of where the host is
PORTS = {"http": 80, "https": 443, "webhdfs": 9870, "swebhdfs": 9871}


class NotThisCustomers(Refused):
    """A source lies where this customer's files may not lie. The message says what would allow it."""


@dataclass(frozen=True)
class Places:
    """Where the files of one customer may lie. `listed` are the deployment's entries for it; `lake` is the folder of all lakes on HDFS."""

    customer: str
    inbox: Path
    listed: tuple[str, ...] = ()
    lake: str = "/lake"

    def refuse_others(self, locations: Sequence[str]) -> None:
        """Raises NotThisCustomers for the first location, a path or URI, that lies elsewhere. Links are followed."""
        for location in locations:
            reason = self._closed(location)
            if reason:
                raise NotThisCustomers(
                    f"{location}: {reason}. Nothing of it was read. Files of {self.customer} lie in {self.inbox / self.customer}; "
                    f"what else it may land from, the deployment lists in {VARIABLE}, such as "
                    f"{json.dumps({self.customer: [_parent(location)]})}."
                )

    def _closed(self, location: str) -> str:
        """Why the location is none of this customer's; empty if it is."""
        if is_uri(location) and split(location)[0] != "file":
            return self._closed_uri(location)
        return self._closed_path(os.path.realpath(split(location)[2]))

    def _closed_path(self, path: str) -> str:
        root, own = os.path.realpath(self.inbox), os.path.realpath(self.inbox / self.customer)
        if _is_below(path, own):
            return ""
        listed = [os.path.realpath(entry) for entry in self.listed if not is_uri(entry) and entry != ANYTHING]
        covering = [entry for entry in listed if _is_below(path, entry)]
        if any(_is_below(entry, root) and entry != root for entry in covering):
            return ""
        inside = path.removeprefix(root + "/")
        if inside != path and "/" in inside:
            return f"it leads to {path}, which is the inbox of {inside.partition('/')[0]!r} and not of {self.customer!r}"
        return "" if covering or ANYTHING in self.listed else f"it leads to {path}, which is not in the inbox of {self.customer!r}"

    def _closed_uri(self, uri: str) -> str:
        scheme, authority, path = split(uri)
        plain = re.sub("/+", "/", unquote(path.partition("?")[0]) if scheme in HTTP else path)
        if any(part in (".", "..") for part in plain.split("/")):
            return "its path goes up and down"
        if scheme in OVER_HTTP and not AUTHORITY.fullmatch(authority):
            return "what stands before its path is no host with a port"
        covering = [entry for entry in self.listed if _covers(entry, uri)]
        if not covering:
            return f"{scheme}://{authority} is not listed for {self.customer!r}"
        if scheme in HDFS and _is_below(plain, self.lake) and not _is_below(plain, f"{self.lake}/{self.customer}"):
            named = [entry for entry in covering if entry != ANYTHING and _is_below(split(entry)[2].rstrip("/"), self.lake)]
            return "" if named else f"it lies in the lake and not in {self.lake}/{self.customer}, so it is another customer's"
        if scheme in OVER_HTTP and all(entry == ANYTHING or not split(entry)[1] for entry in covering) and is_inside(_host(uri)):
            return f"{_host(uri)} is an address of the inside network, which is not listed by its name"
        return ""


def places(customer: str, inbox: Path, setting: str | None, lake: str = "/lake") -> Places:
    """As the deployment's setting has them, which is the value of LANDFALL_SOURCES. Raises Refused where that is wrong."""
    try:
        given: Any = json.loads(setting or "{}")
        entries = [entry for key in (customer, "*") for entry in given.get(key, [])]
        if not all(isinstance(entry, str) and (entry == ANYTHING or is_uri(entry) or entry.startswith("/")) for entry in entries):
            raise ValueError(f"expected absolute paths, URLs or *, found {entries}")
    except (ValueError, AttributeError, TypeError) as error:
        raise Refused(f'{VARIABLE} is wrong: {error}. Nothing was read. Expected JSON such as {{"acme": ["/data/acme"]}}.') from error
    return Places(customer, inbox, tuple(entries), lake)


def of_deployment(customer: str, lake: str, environment: Mapping[str, str] = os.environ) -> Places:
    """As the environment of Airflow's processes has them; `lake` is the customer's folder on HDFS. Raises Refused where it has no inbox."""
    try:
        inbox = Path(environment[INBOX])
    except KeyError as error:
        raise Refused(f"{INBOX} is not set: it names the folder that relative source patterns of contracts begin at") from error
    return places(customer, inbox, environment.get(VARIABLE), posixpath.dirname(lake))


def _covers(entry: str, uri: str) -> bool:
    """Whether a listed URL is this one or stands above it."""
    if entry == ANYTHING:
        return True
    scheme, authority, path = split(entry)
    there = split(uri)
    if scheme != there[0] or not scheme:
        return False
    if not authority and scheme in OVER_HTTP:
        return True
    if scheme in OVER_HTTP:
        same = _host(entry) == _host(uri) and ("*" in authority.rpartition(":")[2:] or _port(entry) == _port(uri))
        if scheme in WEBHDFS and _user(uri) not in ("", _user(entry)):
            return False  # there a user is whoever says so
        return same and _is_below(there[2].partition("?")[0] or "/", path or "/")
    return (not authority or there[1] in ("", authority)) and _is_below(there[2] or "/", path or "/")


def _host(uri: str) -> str:
    authority = split(uri)[1].rpartition("@")[2]
    if authority.startswith("["):
        return authority[1:].partition("]")[0].lower()
    return authority.partition(":")[0].lower()


def _user(uri: str) -> str:
    return split(uri)[1].rpartition("@")[0]


def _port(uri: str) -> int | None:
    port = split(uri)[1].rpartition("@")[2].rpartition("]")[2].rpartition(":")
    return int(port[2]) if port[1] and port[2].isdigit() else PORTS.get(split(uri)[0])


def _is_below(path: str, above: str) -> bool:
    above = above.rstrip("/")
    return path == above or path.startswith(f"{above}/")


def _parent(location: str) -> str:
    scheme, authority, path = split(location)
    return f"{scheme}://{authority}{posixpath.dirname(path)}" if scheme else posixpath.dirname(path)
