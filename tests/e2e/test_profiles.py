"""A whole deployment known by a profile alone: it is looked at, and a day is landed through its Airflow, from a home without a stack."""

from pathlib import Path

import pytest

from tests.harness.private_landfall import Landfall
from tests.harness.profile import Foreign

CUSTOMER, DAY = "of_a_profile", "2018-03-01"
RECORD = b'{"keen_id": "k1", "exam_name": "Learning Git", "started_at": "2018-03-01T09:00:00Z"}\n'


@pytest.fixture
def foreign(stack: Landfall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Foreign:
    """Profiles of the running stack: `foreign`, one with a password that is wrong, and one of a user who may only look."""
    at = stack.settings.endpoints
    found = Foreign(tmp_path, monkeypatch, capfd)
    monkeypatch.setenv("FOREIGN_PASSWORD", at.airflow_password)
    common = f"""
        customers = "{stack.environment["LANDFALL_CUSTOMERS"]}"
        kafka."bootstrap.servers" = "{at.bootstrap_servers}"
        hdfs = {{hosts = "{at.webhdfs_host}", port = {at.webhdfs_port}, user = "{at.hdfs_user}", fs = "{at.hdfs_uri}"}}
        catalog.uri = "{stack.settings.catalog_uri}"
    """
    users = {"foreign": ("admin", '{env = "FOREIGN_PASSWORD"}'), "wrong": ("admin", '"no"'), "looking": ("viewer", '"viewer"')}
    token = stack.api.sign_in()
    found.write(
        f'[token]\n{common}\nairflow = {{url = "{at.airflow_url}", token = "{token}"}}\n'
        + "\n".join(
            f'[{name}]\n{common}\nairflow = {{url = "{at.airflow_url}", user = "{user}", password = {password}}}'
            for name, (user, password) in users.items()
        )
    )
    return found


def test_a_run_is_started_and_followed_by_a_profile_and_the_deployment_looked_at(stack: Landfall, foreign: Foreign) -> None:
    stack.add_customer("skipping", missing_source="skip")
    receipt = foreign.json("land", "--customer", "skipping", "--day", DAY)
    assert (receipt["state"], receipt["published"]) == ("success", None)
    states = {(each["part"], each["step"]): each["state"] for each in foreign.json("doctor")["steps"]}
    assert {state for (part, _), state in states.items() if part != "spark"} == {"ok"}, states
    assert len(states) == 1 + 7 + 8 + 7 + 3 + 1
    parts = {part["name"]: (part["up"], part["version"][:2]) for part in foreign.json("status")["parts"]}
    assert parts == {"airflow": (True, "3."), "kafka": (True, ""), "hdfs": (True, "3."), "catalog": (True, "")}
    [mine] = [each for each in foreign.json("status", profile="token")["customers"] if each["customer"] == "skipping"]
    assert (mine["landed"], mine["unknown"]) == (0, ""), "a token is let in too"
    assert not (foreign.folder / "home").exists()


@pytest.mark.long("the test above starts a run; tests/integration/test_profiles.py asks what has landed")
def test_a_day_is_landed_and_asked_by_a_profile(stack: Landfall, foreign: Foreign) -> None:
    stack.add_customer(CUSTOMER)
    file = stack.deliver(CUSTOMER, f"{DAY}.ndjson", RECORD)
    receipt = foreign.json("land", "--customer", CUSTOMER, "--day", DAY, "--source", str(file))
    assert (receipt["state"], receipt["landed"], receipt["report"]) == ("success", 1, None), "reports are on the other machine"
    assert foreign.json("query", "--customer", CUSTOMER, "select keen_id from assessments")["rows"] == [["k1"]]
    [landing] = foreign.json("landings", "--customer", CUSTOMER)
    assert landing["landing"] == receipt["landing"]
    [way] = foreign.json("explain", "--customer", CUSTOMER, "--day", DAY, "--record", "0")["ways"]
    assert way["in_kafka"] == "there"
    [mine] = [each for each in foreign.json("status", profile="token")["customers"] if each["customer"] == CUSTOMER]
    assert (mine["landed"], mine["newest"], mine["unknown"]) == (1, DAY, "")


def test_an_airflow_that_does_not_let_us_in_or_start_runs_is_named(foreign: Foreign) -> None:
    def failed(profile: str) -> dict[str, str]:
        [step] = [each for each in foreign.json("doctor", code=1, profile=profile)["steps"] if each["state"] == "failed"]
        assert step["part"] == "airflow"
        return step

    assert failed("wrong")["step"] == "login"
    assert "does not let admin in" in failed("wrong")["detail"]
    looking = failed("looking")
    assert (looking["step"], "viewer may not start runs of land_assessments_" in looking["detail"]) == ("start runs", True)


def test_the_stack_of_this_machine_is_looked_at_without_a_profile(stack: Landfall) -> None:
    steps = stack.json("doctor")["steps"]
    assert {each["state"] for each in steps} == {"ok"}
    [version] = [each["detail"] for each in steps if (each["part"], each["step"]) == ("spark", "version")]
    assert version.startswith("Spark 4.")
    found = stack.json("status")
    assert all(part["up"] for part in found["parts"])
    assert {disk["name"] for disk in found["disks"]} == {"HDFS", str(stack.settings.home)}
