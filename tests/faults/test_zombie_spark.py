"""R3: a Spark job that is stopped, overtaken by the next try, and wakes up: it writes into the directory of its own try, nowhere else."""

import subprocess
import time
from dataclasses import replace
from pathlib import Path

import psutil

from include import receipts
from include.lake.lake import Lake
from include.lake.proofs import landing_of, prove
from include.receipts import PublishReceipt, TransformReceipt, digest
from include.schemas import LANDED
from include.stack.airflow import airflow_environment
from include.stack.spark import properties_file, spark_submit
from include.transform_command import tuning
from include.validation.checks import found_on_hdfs, problems, read_landed
from tests.harness.acme import DAY, Acme
from tests.harness.private_landfall import ROOT, Landfall
from tests.oracle.built_landing import RECORDS
from tests.oracle.landed import differences
from tests.oracle.recount import recount_records

JOB = ROOT / "spark_jobs" / "transform_assessments.py"


def submit(stack: Landfall, lake: Lake, published: PublishReceipt, landing: str, log: Path) -> psutil.Popen:
    """The job as Airflow starts it, for this try."""
    small = tuning(0, {})
    environment = {**airflow_environment(stack.settings), **small.environment, "HADOOP_USER_NAME": stack.settings.endpoints.hdfs_user}
    offsets = "{" + ", ".join(f'"{partition}": [{first}, {last}]' for partition, (first, last) in published.offsets.items()) + "}"
    arguments = {
        "bootstrap-servers": stack.settings.endpoints.bootstrap_servers,
        "topic": published.topic,
        "offsets": offsets,
        "ingest": published.ingest,
        "day": published.day,
        "landing": landing,
        "lake": lake.location,
        "receipt": f"{lake.location}/receipts/landing={landing}.json",
    }
    command = [*spark_submit(properties_file(stack.settings), small.conf), str(JOB)]
    command += [part for name, value in arguments.items() for part in (f"--{name}", value)]
    with log.open("wb") as output:
        return psutil.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)


def tree(process: psutil.Popen) -> list[psutil.Process]:
    return [psutil.Process(process.pid), *process.children(recursive=True)] if process.poll() is None else []


def test_r3_a_spark_job_that_wakes_up_disturbs_nobody(stack: Landfall, tmp_path: Path, figures: list[str]) -> None:
    acme = Acme(stack.settings.endpoints.bootstrap_servers, tmp_path)
    source = acme.deliver(list(RECORDS), "a.ndjson")
    published = acme.publish(source)
    lake = stack.lake(acme.customer)
    lake.create_tables()
    first, second = f"{DAY}-5f3a9c1e-1", f"{DAY}-5f3a9c1e-2"
    zombie = submit(stack, lake, published, first, tmp_path / "first.log")
    stopped: list[psutil.Process] = []
    try:
        deadline = time.monotonic() + 400
        while not written(lake, first):
            assert zombie.poll() is None, (tmp_path / "first.log").read_text()[-3000:]
            assert time.monotonic() < deadline
            time.sleep(0.02)
        stopped = tree(zombie)
        for process in stopped:
            process.suspend()
        tables_begun = written(lake, first)
        assert submit(stack, lake, published, second, tmp_path / "second.log").wait(300) == 0, (tmp_path / "second.log").read_text()[-3000:]
        path = f"{lake.path}/receipts/landing={second}.json"
        transformed = receipts.read(TransformReceipt, lake.fs.cat_file(path), path)
        landed = read_landed(lake.fs, transformed)
        assert problems(published, transformed, landed, max_quarantined=1) == []
        assert landed.facts
        published = replace(published, builds_on=digest(source))
        transformed = replace(transformed, builds_on=digest(published))
        found = found_on_hdfs(landed.facts, transformed)
        proof = prove(source, published, transformed, found, max_quarantined=1, accept_empty=False)
        row = landing_of(source, published, transformed, proof, run_id="manual__1", seconds={})
        lake.commit(row, transformed)
        for process in stopped:
            process.resume()
        code = zombie.wait(300)
    finally:
        for process in stopped or tree(zombie):
            if process.is_running():
                process.kill()
    figures.append(
        f"R3: Spark stopped with {len(tables_begun)} tables begun; the next try landed; the first one then ended with exit code {code} "
        f"and {len(written(lake, first))} tables in its own directory"
    )
    assert problems(published, transformed, read_landed(lake.fs, transformed), max_quarantined=1) == []
    assert differences(lake, DAY, recount_records(RECORDS, DAY)) == []
    newest = lake.newest()
    assert newest
    assert newest.landing == second
    for table in transformed.tables:
        assert all(f"/landing={second}/" in path for path in lake.files(table, newest.snapshots[table]))


def written(lake: Lake, landing: str) -> list[str]:
    """The tables of which this try has a directory."""
    return [table for table in LANDED if lake.fs.exists(f"{lake.path}/{table}/landing={landing}")]
