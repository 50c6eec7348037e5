"""The seam between Airflow and Spark is a command line: this side parses it."""

from datetime import date

import pytest

from transform_assessments import arguments, cause

GIVEN = {
    "--bootstrap-servers": "127.0.0.1:29192",
    "--topic": "assessments.acme",
    "--offsets": '{"0": [0, 1138], "2": [5, 5]}',
    "--ingest": "5f3a9c1e5f3a9c1e",
    "--day": "2018-01-28",
    "--landing": "2018-01-28-5f3a9c1e-1",
    "--lake": "hdfs://127.0.0.1:29820/lake/acme",
    "--receipt": "hdfs://127.0.0.1:29820/lake/acme/receipts/landing=2018-01-28-5f3a9c1e-1.json",
}


def command(**changed: str | None) -> list[str]:
    given = {**GIVEN, **{f"--{name.replace('_', '-')}": value for name, value in changed.items()}}
    return [part for name, value in given.items() if value is not None for part in (name, value)]


def test_a_whole_command_line() -> None:
    options = arguments([*command(), "--test-exam-name", "yeahsdf", "--test-exam-name", "^Draft", "--test-base-exam-id", "^example-id$"])
    assert vars(options) == {
        "bootstrap_servers": "127.0.0.1:29192",
        "topic": "assessments.acme",
        "offsets": {0: (0, 1138), 2: (5, 5)},
        "ingest": "5f3a9c1e5f3a9c1e",
        "day": date(2018, 1, 28),
        "landing": "2018-01-28-5f3a9c1e-1",
        "lake": "hdfs://127.0.0.1:29820/lake/acme",
        "receipt": "hdfs://127.0.0.1:29820/lake/acme/receipts/landing=2018-01-28-5f3a9c1e-1.json",
        "raw": [],
        "test_exam_name": ["yeahsdf", "^Draft"],
        "test_base_exam_id": ["^example-id$"],
        "forgotten_salt": "",
        "forgotten": [],
        "forgotten_before": (0, 0),
    }


def test_what_is_forgotten() -> None:
    raw = command(bootstrap_servers=None, offsets=None, raw="a.parquet", forgotten_salt="s", forgotten="ab", forgotten_before="2:ff")
    options = arguments([*raw, "--forgotten", "cd"])
    assert (options.forgotten_salt, options.forgotten, options.forgotten_before) == ("s", ["ab", "cd"], (2, 255))


def test_raw_records_in_place_of_kafka() -> None:
    options = arguments([*command(bootstrap_servers=None, offsets=None), "--raw", "a.parquet", "--raw", "b.parquet"])
    assert (options.raw, options.offsets, options.bootstrap_servers) == (["a.parquet", "b.parquet"], None, None)


def test_a_day_without_records_has_no_offsets() -> None:
    assert arguments(command(offsets="{}")).offsets == {}


def test_a_contract_without_test_exams() -> None:
    assert arguments(command()).test_exam_name == []


@pytest.mark.parametrize(
    ("why", "changed", "says"),
    [
        (
            "neither Kafka nor raw records",
            {"offsets": None, "bootstrap_servers": None},
            "or --raw",
        ),
        ("offsets of no broker", {"bootstrap_servers": None}, "or --raw"),
        ("raw records and Kafka", {"raw": "a.parquet"}, "or --raw"),
        ("an end before the start", {"offsets": '{"0": [7, 6]}'}, "0: [7, 6]"),
        ("no negative offsets: they mean earliest and latest to Spark", {"offsets": '{"0": [-2, -1]}'}, "0: [-2, -1]"),
        ("not JSON", {"offsets": "0:1"}, "found '0:1'"),
        ("a list", {"offsets": "[[0, 1]]"}, "expected"),
        ("one number", {"offsets": '{"0": [1]}'}, "expected"),
        ("what HDFS has no more, though Kafka has it", {"forgotten_before": "2:ff"}, "goes with --raw"),
        ("a count without a hash", {"forgotten_before": "2"}, "COUNT:HASH"),
        ("no date", {"day": "28.1.2018"}, "--day"),
        ("nothing has a default that could be wrong", {"ingest": None}, "--ingest"),
    ],
)
def test_refuses(why: str, changed: dict[str, str | None], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        arguments(command(**changed))
    assert exit_.value.code == 2, why
    assert says in capsys.readouterr().err, why


def test_a_worker_without_pyarrow_is_said_with_what_to_do() -> None:
    said = cause(OSError("ModuleNotFoundError: No module named 'pyarrow'"))
    assert said.endswith(
        "Python on Spark's workers needs pyarrow, in the version that the driver has. Nothing was written. Mend their image."
    )
