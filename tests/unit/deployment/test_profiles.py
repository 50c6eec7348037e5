"""Profiles as a file and the environment have them, and what is refused by name."""

import json
from pathlib import Path

import pytest

from include.deployment import connections, profiles
from include.deployment.deployment import Airflow, Hdfs, Spark
from include.errors import Refused

WHOLE = """
[prod]
customers = "/srv/customers"
inbox = "/srv/inbox"
reports = "~/reports"
sources = '{"*": ["hdfs:///drop"]}'

[prod.airflow]
url = "https://airflow.example/"
user = "me"
password = {env = "PROD_PASSWORD"}

[prod.kafka]
"bootstrap.servers" = ["one:9092", "two:9092"]
"security.protocol" = "SASL_SSL"
"sasl.password" = {file = "kafka.secret"}
"enable.ssl.certificate.verification" = false

[prod.hdfs]
hosts = ["nn1", "nn2"]
user = "landfall"
fs = "hdfs://lake"

[prod.catalog]
uri = {env = "PROD_CATALOG"}

[prod.spark]
master = "spark://master:7077"
"""
ENVIRON = {"PROD_PASSWORD": "p", "PROD_CATALOG": "postgresql+psycopg2://landfall:s@db/lake"}


def written(folder: Path, text: str, mode: int = 0o600, **environ: str) -> dict[str, str]:
    """The environment that has profiles of this text."""
    path = folder / "profiles.toml"
    path.write_text(text)
    path.chmod(mode)
    return {profiles.VARIABLE: str(path), **environ}


def test_a_profile_has_all_that_a_deployment_is(tmp_path: Path) -> None:
    (tmp_path / "kafka.secret").write_text("k\n")
    found = profiles.load("prod", written(tmp_path, WHOLE, 0o644, **ENVIRON))
    assert found.airflow == Airflow("https://airflow.example", "me", "p")
    assert found.kafka == {
        "bootstrap.servers": "one:9092,two:9092",
        "security.protocol": "SASL_SSL",
        "sasl.password": "k",
        "enable.ssl.certificate.verification": "false",
    }
    assert found.hdfs == Hdfs(("nn1", "nn2"), 9870, "landfall", "hdfs://lake")
    assert found.catalog_of("acme") == ENVIRON["PROD_CATALOG"]
    assert found.spark == Spark("spark://master:7077")
    assert (found.customers, found.inbox, found.reports) == (Path("/srv/customers"), Path("/srv/inbox"), Path.home() / "reports")
    assert found.places("acme").listed == ("hdfs:///drop",)
    assert not [secret for secret in ("p'", "k'", ":s@") if secret in repr(found)], "secrets are not shown"


def test_the_environment_alone_is_a_profile_too(tmp_path: Path) -> None:
    environ = {
        "AIRFLOW_CONN_KAFKA_DEFAULT": json.dumps({"conn_type": "kafka", "extra": {"bootstrap.servers": "kafka:9092", "retries": 3}}),
        "AIRFLOW_CONN_HDFS_DEFAULT": "hdfs://landfall@namenode:9870/?fs=hdfs%3A%2F%2Fnamenode%3A8020",
        "AIRFLOW_CONN_LAKE_CATALOG": json.dumps({"conn_type": "generic", "extra": json.dumps({"uri": "sqlite:////lake/{customer}"})}),
        "AIRFLOW_CONN_SPARK_DEFAULT": json.dumps({"conn_type": "spark", "host": "spark://master", "port": 7077}),
        "LANDFALL_AIRFLOW_URL": "http://airflow:8080",
        "LANDFALL_AIRFLOW_TOKEN": "t",
        "LANDFALL_INBOX": "/inbox",
    }
    found = profiles.load(profiles.ENVIRONMENT, environ)
    assert found.airflow == Airflow("http://airflow:8080", token="t")
    assert found.kafka == {"bootstrap.servers": "kafka:9092", "retries": "3"}
    assert found.hdfs == Hdfs(("namenode",), 9870, "landfall", "hdfs://namenode:8020")
    assert (found.catalog_of("acme"), found.spark) == ("sqlite:////lake/acme", Spark("spark://master:7077"))
    assert (found.inbox, found.reports, found.customers) == (Path("/inbox"), None, None)
    here = written(
        tmp_path, '[here]\nconnections = "environment"\nreports = "/r"\n[here.airflow]\nurl = "http://a"\ntoken = "x"', **environ
    )
    mixed = profiles.load("here", here)
    assert (mixed.airflow, mixed.kafka, mixed.reports) == (Airflow("http://a", token="x"), found.kafka, Path("/r"))


def test_what_a_profile_does_not_name_is_missed_only_where_it_is_needed(tmp_path: Path) -> None:
    found = profiles.load("p", written(tmp_path, '[p.kafka]\n"bootstrap.servers" = "k:1"'))
    assert found.need(found.kafka, "kafka")
    with pytest.raises(
        Refused, match=r"profiles.toml, profile 'p' says nothing of hdfs, which is needed here. ./landfall --profile p doctor"
    ):
        found.filesystem()


AIRFLOW = '[p.airflow]\nurl = "http://a"\n'
REFUSED = [
    ("a profile that is none", "[q]\n", "there is no profile 'p'; known are: environment, q"),
    ("what is no TOML", "[p", "not readable as TOML"),
    ("a key that is none", "[p]\nhdsf = 1\n", "hdsf: expected one of airflow, catalog"),
    ("a key of a section that is none", AIRFLOW + 'pass = "x"', "airflow: expected url, user, password, token, ca, found pass"),
    ("a part that lacks a key", '[p.hdfs]\nhosts = "a"\n', "hdfs: expected user, fs, found hosts"),
    ("neither token nor password", AIRFLOW + 'user = "me"', "airflow: expected either token, or user and password"),
    ("both", AIRFLOW + 'user = "me"\npassword = "p"\ntoken = "t"', "airflow: expected either token, or user and password"),
    ("an address that is none", '[p.airflow]\nurl = "airflow:8080"\ntoken = "t"', "airflow.url: expected http://"),
    ("a variable that is not set", AIRFLOW + 'token = {env = "NO_SUCH"}', "airflow.token: the environment has no NO_SUCH"),
    ("a file that is not there", AIRFLOW + 'token = {file = "no_such"}', "airflow.token: .*/no_such, which it is to be taken from"),
    ("a port that is none", '[p.hdfs]\nhosts = "a"\nuser = "u"\nfs = "hdfs://a"\nport = 99999', "hdfs.port: expected a port"),
    ("a filesystem that is none", '[p.hdfs]\nhosts = "a"\nuser = "u"\nfs = "a:8020"', "hdfs.fs: expected hdfs://"),
    ("a folder of wherever one is", '[p]\ninbox = "here"\n', "inbox: expected an absolute path"),
    ("connections of elsewhere", '[p]\nconnections = "database"\n', 'connections: expected "environment", found'),
    ("a value of another kind", AIRFLOW + 'token = {env = "A", file = "B"}', "airflow.token: expected a text"),
]


@pytest.mark.parametrize(("why", "text", "message"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused_by_name(tmp_path: Path, why: str, text: str, message: str) -> None:
    with pytest.raises(Refused, match=message):
        profiles.load("p", written(tmp_path, text))


def test_what_is_no_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=f"{tmp_path}: the profiles cannot be read: Is a directory. Make it a file that you may read"):
        profiles.load("p", {profiles.VARIABLE: str(tmp_path)})


SECRETS = [
    ("a password", AIRFLOW + 'user = "me"\npassword = "s3cret"', "p.airflow.password"),
    ("a token", AIRFLOW + 'token = "s3cret"', "p.airflow.token"),
    ("Kafka's", '[p.kafka]\n"bootstrap.servers" = "k"\n"sasl.password" = "s3cret"', "p.kafka.sasl.password"),
    ("one in an address", '[p.catalog]\nuri = "postgresql://me:s3cret@db/lake"', "p.catalog.uri"),
    ("that of another profile", '[p]\n[q.airflow]\nurl = "http://a"\ntoken = "s3cret"', "q.airflow.token"),
]


@pytest.mark.parametrize(("why", "text", "where"), SECRETS, ids=[row[0] for row in SECRETS])
def test_a_file_with_secrets_that_others_can_read_is_refused(tmp_path: Path, why: str, text: str, where: str) -> None:
    with pytest.raises(Refused, match=rf"it holds secrets \({where}\), and others .*chmod 600") as refused:
        profiles.load("p", written(tmp_path, text, 0o640))
    assert "s3cret" not in str(refused.value)
    assert profiles.load("p", written(tmp_path, text, 0o600))


WRONG = [
    ("AIRFLOW_CONN_KAFKA_DEFAULT", '{"extra": {s3cret', "found JSON that cannot be read"),
    ("AIRFLOW_CONN_HDFS_DEFAULT", "hdfs://u:s3cret@h:port", "found URI that cannot be read"),
    ("AIRFLOW_CONN_HDFS_DEFAULT", '{"host": "namenode", "port": 9870}', "expected host, port and login, found 'namenode', 9870, ''"),
    ("AIRFLOW_CONN_LAKE_CATALOG", '{"extra": {"url": "s3cret"}}', "expected 'uri' in its extra, found url"),
    ("LANDFALL_AIRFLOW_URL", "http://airflow:8080", "either LANDFALL_AIRFLOW_TOKEN, or"),
]


@pytest.mark.parametrize(("variable", "text", "message"), WRONG)
def test_a_connection_that_is_wrong_is_refused_without_what_it_holds(variable: str, text: str, message: str) -> None:
    with pytest.raises(Refused, match=f"{variable}: .*{message}") as refused:
        profiles.load(profiles.ENVIRONMENT, {variable: text})
    assert "s3cret" not in str(refused.value)


PAGE = (Path(__file__).parents[3] / "docs" / "command_line.md").read_text()


def test_the_page_has_every_key_and_its_example_is_right(tmp_path: Path) -> None:
    keys = [key for key in profiles.TOP if key not in profiles.SECTIONS]
    keys += [f"{section}.{key}" if "." not in key else f'{section}."{key}"' for section, of in profiles.SECTIONS.items() for key in of]
    assert [key for key in keys if f"`{key}`" not in PAGE] == []
    variables = (connections.KAFKA, connections.HDFS, connections.CATALOG, connections.SPARK, connections.URL, profiles.VARIABLE)
    assert [name for name in variables if f"`{name}`" not in PAGE] == []
    example = PAGE.partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "kafka.password").write_text("k")
    environ = {"PROD_AIRFLOW_PASSWORD": "p", "PROD_CATALOG": "postgresql+psycopg2://db/lake"}
    found = profiles.load("prod", written(tmp_path, example, 0o644, **environ))
    assert all((found.airflow, found.kafka, found.hdfs, found.catalog))


def test_the_file_is_where_settings_of_users_are() -> None:
    assert profiles.file({}) == Path.home() / ".config" / "landfall" / "profiles.toml"
    assert profiles.file({"XDG_CONFIG_HOME": "/x"}) == Path("/x/landfall/profiles.toml")
    assert profiles.file({profiles.VARIABLE: "/y.toml", "XDG_CONFIG_HOME": "/x"}) == Path("/y.toml")
