"""Where a customer's files may lie: the rows are what somebody may try."""

import json
from pathlib import Path

import pytest

from include.errors import Refused
from include.source.inbox import NotThisCustomers, places
from include.storage.http_files import is_inside

LISTED = {
    "acme": [
        "/data/acme",
        "https://files.acme.example/export",
        "hdfs:///drop/acme",
        "http://127.0.0.1:8001/in",
        "webhdfs://n.example:9870/drop",
    ],
    "*": ["s3://shared/days"],
}
ALLOWED = [
    ("the own inbox", "{inbox}/acme/2018-01-28.json"),
    ("a folder in it, with any name", "{inbox}/acme/..a/http:/x#?.json"),
    ("a listed folder", "/data/acme/a/b.json"),
    ("a listed folder, as a URI", "file:///data/acme/a.json"),
    ("a listed URL", "https://files.acme.example/export/2018-01-28.json?sig=../x"),
    ("the same, otherwise written", "https://FILES.acme.example:443/export/a.json"),
    ("a listed folder of HDFS", "hdfs:///drop/acme/a.json"),
    ("the same by its host", "hdfs://namenode:8020/drop/acme/a.json"),
    ("its own folder in the lake", "hdfs:///lake/acme/kept/a.json", {"acme": ["hdfs:///"]}),
    ("an inside address that is named", "http://127.0.0.1:8001/in/a.json"),
    ("another cluster that is named", "webhdfs://n.example:9870/drop/a.json"),
    ("what all may read", "s3://shared/days/a.json"),
    ("anything, by *", "/etc/hostname", {"*": ["*"]}),
    ("the inbox itself, by *", "{inbox}/2018-01-28.json", {"*": ["*"]}),
    ("another customer's inbox, by its own name", "{inbox}/beta/a.json", {"acme": ["{inbox}/beta"]}),
    ("another customer's folder in the lake, by its own name", "hdfs:///lake/beta/a.json", {"acme": ["hdfs:///lake/beta", "*"]}),
    ("every port of a host", "http://127.0.0.1:5000/a.json", {"acme": ["http://127.0.0.1:*"]}),
]
REFUSED = [
    ("a file of this machine", "/etc/hostname", "not in the inbox of 'acme'"),
    ("the inbox of all", "{inbox}/2018-01-28.json", "not in the inbox of 'acme'"),
    ("another customer's", "{inbox}/beta/a.json", "is the inbox of 'beta'"),
    ("out of its own", "{inbox}/acme/../beta/a.json", "is the inbox of 'beta'"),
    ("by a link out of its own", "{inbox}/acme/link/a.json", "is the inbox of 'beta'"),
    ("by a link to a file", "{inbox}/acme/passwd", "leads to /etc/passwd"),
    ("a name that begins like its own", "{inbox}/acme2/a.json", "is the inbox of 'acme2'"),
    ("a folder that begins like a listed one", "/data/acme2/a.json", "not in the inbox"),
    ("a URL that begins like a listed one", "https://files.acme.example/exports/a.json", "not listed"),
    ("a host that begins like a listed one", "https://files.acme.example.evil.example/export/a.json", "not listed"),
    ("a host behind a user", "https://files.acme.example@evil.example/export/a.json", "not listed"),
    ("a host behind a query", "https://evil.example?@files.acme.example/export/a.json", "no host with a port|not listed"),
    ("a host behind a backslash", "https://evil.example\\@files.acme.example/export/a.json", "no host with a port|not listed"),
    ("up in a URL", "https://files.acme.example/export/../a.json", "goes up"),
    ("up in a URL, hidden", "https://files.acme.example/export/%2e%2E/a.json", "goes up"),
    ("another scheme", "http://files.acme.example/export/a.json", "not listed"),
    ("another port", "http://127.0.0.1:8002/in/a.json", "not listed"),
    ("an inside address", "http://169.254.169.254/latest/meta-data", "not listed"),
    ("an inside address under a whole scheme", "http://127.0.0.1:8080/api", "inside network", {"*": ["http://", "https://"]}),
    ("an inside address under *", "http://[::1]:8080/api", "inside network", {"*": ["*"]}),
    ("an inside address as a number", "http://2130706433/", "inside network", {"*": ["*"]}),
    ("an inside address within IPv6", "http://[::ffff:127.0.0.1]/", "inside network", {"*": ["*"]}),
    ("the lake by another door", "webhdfs://hdfs@127.0.0.1:9870/lake/acme/x", "inside network", {"*": ["*"]}),
    ("another user of a cluster that is named", "webhdfs://hdfs@n.example:9870/drop/a.json", "not listed"),
    ("another folder of HDFS", "hdfs:///drop/beta/a.json", "not listed"),
    ("up on HDFS", "hdfs:///drop/acme/../beta/a.json", "goes up"),
    ("another customer's folder in the lake", "hdfs:///lake/beta/raw/a.parquet", "another customer's", {"*": ["*"]}),
    ("the same with more slashes", "hdfs:////lake//beta/a", "another customer's", {"*": ["hdfs://", "*"]}),
    ("another bucket", "s3://other/days/a.json", "not listed"),
    ("another customer's inbox under *", "{inbox}/beta/a.json", "is the inbox of 'beta'", {"*": ["*", "/"]}),
    ("another customer's inbox under the whole inbox", "{inbox}/beta/a.json", "is the inbox of 'beta'", {"*": ["{inbox}"]}),
]  # fmt: skip


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    inbox = tmp_path / "inbox"
    for name in ("acme", "beta", "acme2"):
        (inbox / name).mkdir(parents=True)
    (inbox / "acme" / "link").symlink_to(inbox / "beta")
    (inbox / "acme" / "passwd").symlink_to("/etc/passwd")
    return inbox


def of_acme(inbox: Path, setting: object = LISTED):
    return places("acme", inbox, json.dumps(setting).replace("{inbox}", str(inbox)))


@pytest.mark.parametrize("row", ALLOWED, ids=[row[0] for row in ALLOWED])
def test_a_customer_may_land_from(inbox: Path, row: tuple) -> None:
    _, location, *setting = row
    of_acme(inbox, *setting).refuse_others([location.replace("{inbox}", str(inbox))])


@pytest.mark.parametrize("row", REFUSED, ids=[row[0] for row in REFUSED])
def test_a_customer_may_not_land_from(inbox: Path, row: tuple) -> None:
    _, location, said, *setting = row
    with pytest.raises(NotThisCustomers, match=said) as caught:
        of_acme(inbox, *setting).refuse_others([location.replace("{inbox}", str(inbox))])
    assert "Nothing of it was read." in str(caught.value)
    assert "LANDFALL_SOURCES" in str(caught.value), "what would allow it"


def test_without_the_setting_only_the_own_inbox_is_open(inbox: Path) -> None:
    for setting in (None, "", "{}"):
        alone = places("acme", inbox, setting)
        alone.refuse_others([str(inbox / "acme" / "a.json")])
        for other in ("/data/acme/a.json", "https://files.acme.example/export/a.json", "hdfs:///drop/acme/a.json"):
            with pytest.raises(NotThisCustomers):
                alone.refuse_others([other])


@pytest.mark.parametrize("setting", ["no JSON", "[]", '{"acme": "/data"}', '{"acme": ["data"]}', '{"acme": [1]}'])
def test_a_wrong_setting_opens_nothing(inbox: Path, setting: str) -> None:
    with pytest.raises(Refused, match="LANDFALL_SOURCES is wrong"):
        places("acme", inbox, setting)


def test_what_is_inside() -> None:
    rows = [
        ("127.0.0.1", True),
        ("localhost", True),
        ("10.1.2.3", True),
        ("::1", True),
        ("8.8.8.8", False),
        ("nowhere.invalid", False),
        ("", False),
    ]
    for host, expected in rows:
        assert is_inside(host) == expected, host
