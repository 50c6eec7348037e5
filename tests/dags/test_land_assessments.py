"""The DAGs as Airflow sees them: which there are, in which order their tasks run, what they submit to Spark."""

import json
import runpy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID
from zoneinfo import ZoneInfo

import airflow
import pendulum
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.models.dagrun import DagRun
from airflow.sdk.exceptions import AirflowFailException, ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import DataInterval, TimeRestriction
from airflow.utils.types import DagRunType

from include import contracts

TASKS = ["find_source", "ensure_topic", "publish", "transform", "validate", "commit", "answer"]
EXPECTED = {"land_assessments_acme", "land_assessments_demo"}


@pytest.fixture
def dag(dags: dict):
    return dags["land_assessments_acme"]


def test_there_is_a_dag_for_each_customer_and_no_other(dags: dict) -> None:
    assert set(dags) == {*EXPECTED, "forget_attempt", "keep_rights", "tidy_lake"}


@pytest.mark.parametrize("dag_id", sorted(EXPECTED))
def test_the_tasks_form_one_chain(dags: dict, dag_id: str) -> None:
    tasks = dags[dag_id].task_dict
    assert set(tasks) == set(TASKS)
    for before, after in zip(TASKS, [*TASKS[1:], None], strict=True):
        assert tasks[before].downstream_task_ids == ({after} if after else set())


@pytest.mark.parametrize("task_id", TASKS)
def test_every_task_retries_ends_some_time_and_helps_the_person_on_call(dag, task_id: str) -> None:
    task = dag.task_dict[task_id]
    assert task.retries >= 2
    assert task.retry_exponential_backoff
    assert task.execution_timeout <= timedelta(hours=2)
    assert "On call:" in (type(task).__doc__ or "")


def test_the_steps_are_operators_of_their_own(dag) -> None:
    assert len({type(task) for task in dag.tasks}) == len(TASKS)


@pytest.mark.parametrize("task_id", ["publish", "commit", "answer"])
def test_what_is_the_customer_s_alone_runs_one_at_a_time(dag, task_id: str) -> None:
    assert dag.task_dict[task_id].max_active_tis_per_dag == 1


@pytest.mark.parametrize("hours", [0.5, 2, 48], ids=lambda hours: f"transform_hours {hours}")
def test_records_must_be_kept_until_the_last_try_of_transform_is_over(dag, hours: float) -> None:
    """A topic that may forget them sooner is refused: tests/plugins/test_kafka_operators.py."""
    contract = contracts.customer("acme").model_copy(update={"transform_hours": hours})
    tasks = runpy.run_path(dag.fileloc)["land_assessments"](contract).task_dict
    assert tasks["transform"].execution_timeout == timedelta(hours=hours)
    both = [tasks[name] for name in ("publish", "transform")]
    longest = sum(((task.retries + 1) * task.execution_timeout + task.retries * task.max_retry_delay for task in both), timedelta())
    assert tasks["publish"].read_within >= longest > timedelta(hours=4 * hours)


def test_the_topic_that_is_published_to_is_the_one_that_was_made_and_is_read(dags: dict) -> None:
    for dag_id in EXPECTED:
        tasks = dags[dag_id].task_dict
        assert tasks["publish"].topic == tasks["ensure_topic"].topic
        read = tasks["transform"].application_args
        assert read[read.index("--topic") + 1] == tasks["publish"].topic.name


def test_a_run_covers_the_day_that_has_ended_and_missed_days_are_not_caught_up(dag) -> None:
    timetable = dag.timetable
    assert (type(timetable).__name__, timetable.serialize()) == ("DayTimetable", {"expression": "0 0 * * *", "timezone": "UTC"})
    assert dag.catchup is False


def test_the_backfill_form_is_explained_in_its_own_words(dag) -> None:
    """In the DAG's page, and in the form itself; Airflow offers no way to change what it has chosen."""
    words = Path(airflow.__file__).parent / "ui" / "dist" / "i18n" / "locales" / "en" / "components.json"
    form = json.loads(words.read_text())["backfill"]
    for place in (dag.doc_md, dag.params.get_param("day").description):
        assert all(form[name] in place for name in ("reprocessBehavior", "allRuns", "missingRuns"))
    assert form["missingAndErroredRuns"] in dag.doc_md


RUN_IDS = [
    ("midnight of the customer's clock, which is not ours", "0 0 * * *", "Europe/Berlin", "2018-01-28"),
    ("where clocks are behind ours", "30 2 * * *", "America/New_York", "2018-01-28"),
    ("a week whose file is its first day's", "0 6 * * 0", "UTC", "2018-01-28"),
]


@pytest.mark.parametrize(("why", "schedule", "zone", "day"), RUN_IDS, ids=[row[0] for row in RUN_IDS])
def test_the_run_of_a_day_has_it_in_its_id(
    dags: dict, dag_folder: Path, others: Path, why: str, schedule: str, zone: str, day: str
) -> None:
    """Of the schedule, and of a backfill, which asks for no id but takes the moment from which a run may start."""
    (others / "one.yaml").write_text(f"source: one/{{day}}\nschedule: '{schedule}'\ntime_zone: {zone}\ndays: scheduled\n")
    built = DagBag(str(dag_folder)).dags["land_assessments_one"]
    dag = DagSerialization.from_dict(DagSerialization.to_dict(built))  # as scheduler and api-server have it
    first = datetime(2018, 1, 28, tzinfo=ZoneInfo(zone))
    info = next(iter(dag.iter_dagrun_infos_between(first, first + timedelta(days=1) - timedelta(seconds=1))))
    assert DagRun.generate_run_id(run_type=DagRunType.BACKFILL_JOB, logical_date=info.logical_date, run_after=info.run_after).startswith(
        f"backfill__{day}T"
    ), why
    scheduled = dag.timetable.generate_run_id(
        run_type=DagRunType.SCHEDULED, run_after=info.data_interval.end, data_interval=info.data_interval
    )
    assert scheduled.startswith(f"scheduled__{day}__2018"), why
    assert scheduled.count("-") == 2, "no other date is found by a search"


def test_a_run_of_the_schedule_does_not_start_before_its_day_is_over(dag) -> None:
    timetable = DagSerialization.from_dict(DagSerialization.to_dict(dag)).timetable
    yesterday = pendulum.now("UTC").start_of("day").subtract(days=1)
    for catchup in (False, True):
        before = DataInterval(yesterday.subtract(days=1), yesterday)
        over = timetable.next_dagrun_info(last_automated_data_interval=before, restriction=TimeRestriction(yesterday, None, catchup))
        today = timetable.next_dagrun_info(
            last_automated_data_interval=over.data_interval, restriction=TimeRestriction(None, None, catchup)
        )
        assert (over.data_interval.start, today.run_after) == (yesterday, yesterday.add(days=2))


def test_a_landing_tells_other_dags(dag) -> None:
    """What it tells: tests/dags/test_landed_assets.py."""
    assert [asset.name for asset in dag.task_dict["commit"].outlets] == ["lake/acme", "lake/acme/days"]


def test_the_page_of_a_dag_is_its_runbook(dag) -> None:
    for task in TASKS:
        assert f"`{task}`" in dag.doc_md


FORM = [
    ("nothing given", {}, True),
    ("a day and files", {"day": "2018-01-28", "source": ["/a.json", "/b.json"], "again": True, "max_quarantined": 0.5}, True),
    ("a day that is no date", {"day": "28.1.2018"}, False),
    ("one file, not a list", {"source": "/a.json"}, False),
    ("a share over 1", {"max_quarantined": 5}, False),
    ("again is yes or no", {"again": "yes"}, False),
    ("a reason", {"accept_problems": "half of it is the sender's test; agreed with acme on 2018-02-01"}, True),
    ("a reason is words", {"accept_problems": True}, False),
]


@pytest.mark.parametrize(("why", "given", "right"), FORM, ids=[row[0] for row in FORM])
def test_the_trigger_form_checks_what_is_typed(dag, why: str, given: dict, right: bool) -> None:
    for key, value in given.items():
        param = dag.params.get_param(key)
        if right:
            assert param.resolve(value) == value, why
        else:
            with pytest.raises(ParamValidationError):
                param.resolve(value)


def test_every_field_of_the_trigger_form_explains_itself(dag) -> None:
    assert list(dag.params) == ["day", "source", "again", "max_quarantined", "accept_problems"]
    assert all(dag.params.get_param(key).description and dag.params.get_param(key).schema["title"] for key in dag.params)


TRY = UUID("019aa6f4-c2e0-7b1c-9d3f-0a1b2c3d4e5f")
SUBMITTED = """\
--master local[*]
--properties-file /etc/spark.properties
--name transform_assessments acme
{jobs}/transform_assessments.py
--bootstrap-servers 127.0.0.1:9092
--topic assessments.acme
--offsets {"0": [0, 41], "2": [7, 7]}
--ingest 0123456789012345
--day 2018-01-28
--landing 2018-01-28-225f06f695b10c94
--lake hdfs://127.0.0.1:9820/lake/acme
--receipt hdfs://127.0.0.1:9820/lake/acme/receipts/landing=2018-01-28-225f06f695b10c94.json
--test-exam-name Example Exam For Development and Testing
--test-base-exam-id ^example-id$"""


def test_the_command_that_spark_gets(dag, dag_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seam to Spark is this command line; tests/spark parses the same one."""
    monkeypatch.setenv("AIRFLOW_CONN_SPARK_DEFAULT", json.dumps({"conn_type": "spark", "host": "local[*]"}))
    published = {"day": "2018-01-28", "offsets": {"0": [0, 41], "2": [7, 7]}, "ingest": "0123456789012345"}
    task = dag.task_dict["transform"]
    task.render_template_fields(
        {
            "ti": SimpleNamespace(
                id=UUID("019aa6f4-c2e0-7b1c-9d3f-0a1b2c3d4e5f"), xcom_pull=lambda task_ids: {"publish": published}[task_ids]
            ),
            "conn": SimpleNamespace(
                spark_default=SimpleNamespace(extra_dejson={"properties-file": "/etc/spark.properties"}),
                kafka_default=SimpleNamespace(extra_dejson={"bootstrap.servers": "127.0.0.1:9092"}),
                hdfs_default=SimpleNamespace(extra_dejson=SimpleNamespace(fs="hdfs://127.0.0.1:9820"), login="landfall"),
            ),
        }
    )
    command = task._get_hook()._build_spark_submit_command(task.application)[1:]
    lines = SUBMITTED.replace("{jobs}", str(dag_folder.parent / "spark_jobs")).splitlines()
    assert command == [part for line in lines for part in (line.split(" ", 1) if line.startswith("--") else [line])]
    assert task.env_vars == {"HADOOP_USER_NAME": "landfall"}


def test_a_wrong_contract_shows_its_reason_and_leaves_the_other_dags_alone(dags: dict) -> None:
    factory = runpy.run_path(dags["land_assessments_acme"].fileloc)["refused_contract"]
    dag = factory("beta", "beta.yaml: 1 wrong:\n  source: Field required")
    assert dag.dag_id == "land_assessments_beta"
    assert "source: Field required" in dag.doc_md
    with pytest.raises(AirflowFailException, match="source: Field required"):
        dag.task_dict["wrong_contract"].execute({})


@pytest.fixture
def others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of contracts that the DAG files read in place of the project's."""
    load_all = contracts.load_all
    monkeypatch.setattr(contracts, "load_all", lambda: load_all(tmp_path))
    return tmp_path


def test_whatever_one_customer_s_file_is_the_others_have_their_dags(dags: dict, dag_folder: Path, others: Path) -> None:
    (others / "right.yaml").write_text("source: right/{day}.json\n")
    (others / "wrong.yaml").write_text('source: wrong/{day}.json\nschedule: "99 0 * * *"\n')
    (others / "right copy.yaml").write_text("source: right/{day}.json\n")
    (others / "folder.yaml").mkdir()
    bag = DagBag(str(dag_folder))
    assert bag.import_errors == {}
    wrong = {f"land_assessments_{name}": bag.dags.get(f"land_assessments_{name}") for name in ("wrong", "-right-copy", "folder")}
    assert bag.dags.keys() == {"land_assessments_right", *wrong, "forget_attempt", "keep_rights", "tidy_lake"}
    assert all(set(each.task_dict) == {"wrong_contract"} for each in wrong.values())
    assert bag.dags["tidy_lake"].task_dict.keys() == {"tidy_right", "tidy_wrong", "tidy_-right-copy", "tidy_folder"}
    for dag in bag.dags.values():
        DagSerialization.to_dict(dag)
        assert dag.is_paused_upon_creation is False, "Airflow keeps it for the DAG of the mended contract"


def test_what_airflow_refuses_of_one_contract_is_that_customer_s(dags: dict, dag_folder: Path, others: Path) -> None:
    for name in ("one", "two"):
        (others / f"{name}.yaml").write_text("source: {day}.json\n".replace("{day}", name + "/{day}"))
    build = runpy.run_path(str(dag_folder / "land_assessments.py"))
    contract = contracts.load_all()["one"].model_copy(update={"transform_hours": "long"})
    assert set(build["dag_for"]("one", contract).task_dict) == {"wrong_contract"}
    assert "land_assessments_two" in build


def test_a_customer_s_first_day_begins_at_its_midnight(dags: dict, dag_folder: Path, others: Path) -> None:
    (others / "east.yaml").write_text("source: east/{day}.json\ntime_zone: Asia/Tokyo\nfirst_day: 2018-01-28\n")
    dag = DagBag(str(dag_folder)).dags["land_assessments_east"]
    assert dag.start_date == datetime(2018, 1, 27, 15, tzinfo=UTC)


def test_the_wait_for_a_late_file_is_as_long_as_the_contract_says(dags: dict, dag_folder: Path, others: Path) -> None:
    (others / "late.yaml").write_text("source: late/{day}.json\ndeadline_hours: 240\n")
    sensor = DagBag(str(dag_folder)).dags["land_assessments_late"].task_dict["find_source"]
    assert sensor.timeout > 240 * 3600
