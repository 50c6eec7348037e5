"""`--profile` in front of a command: what is refused there, before anything is asked."""

from pathlib import Path

import pytest

from tests.harness.profile import Foreign


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Foreign:
    (tmp_path / "acme.yaml").write_text("source: 'x/{day}'\nfirst_day: 2018-01-28\n")
    found = Foreign(tmp_path, monkeypatch, capfd)
    found.write(f'[foreign]\ncustomers = "{tmp_path}"')
    return found


@pytest.mark.parametrize("command", ["up", "down", "clean", "demo"])
def test_what_is_about_this_machine_is_refused(foreign: Foreign, command: str) -> None:
    message = foreign(command, code=1)
    assert "this command is about the stack of this machine, and profile 'foreign' is another deployment. Nothing was done" in message
    assert not (foreign.folder / "home").exists()


LACKING = [
    ("land", ["land", "--customer", "acme", "--day", "2018-01-28"], "says nothing of airflow, which is needed here"),
    ("a file", ["land", "--customer", "acme", "--day", "2018-01-28", "--source", "day.json"], "an absolute path on the machine of the"),
    ("query", ["query", "--customer", "acme", "select 1"], "says nothing of hdfs, which is needed here"),
    ("a contract of this clone", ["query", "--customer", "demo", "select 1"], "there is no customer 'demo'; known are: acme"),
    ("explain", ["explain", "--customer", "acme", "--day", "2018-01-28", "--record", "0"], "says nothing of kafka, which is needed here"),
]


@pytest.mark.parametrize(("why", "arguments", "message"), LACKING, ids=[row[0] for row in LACKING])
def test_what_a_profile_lacks_is_said_by_the_command_that_needs_it(foreign: Foreign, why: str, arguments: list[str], message: str) -> None:
    assert message in foreign.json(*arguments, code=1)["error"]


def test_a_wrong_profile_is_refused_by_every_command_but_for_its_help(foreign: Foreign) -> None:
    assert "there is no profile 'other'; known are: environment, foreign" in foreign.json("landings", code=1, profile="other")["error"]
    assert "Land one day" in foreign("land", "--help", profile="other")


def test_the_environment_may_choose_the_profile(foreign: Foreign) -> None:
    foreign.monkeypatch.setenv("LANDFALL_PROFILE", "foreign")
    assert "profile 'foreign' is another deployment" in foreign("down", code=1, profile=None)
