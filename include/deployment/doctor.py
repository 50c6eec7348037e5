"""All steps of all parts of a deployment. It changes nothing that stays, and stops nobody."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from include import contracts as contracts_of
from include.contracts import Contract
from include.deployment import check_airflow, check_catalog, check_hdfs, check_kafka, check_spark, connections
from include.deployment.checkup import FAILED, SKIPPED, Check, Misconfigured, Step, run
from include.deployment.deployment import Deployment, Spark
from include.deployment.profiles import ENVIRONMENT
from include.stack.java import find_java
from include.stack.spark_home import spark_home

# What names each part in a process' environment.
VARIABLES = {
    "airflow": connections.URL,
    "kafka": connections.KAFKA,
    "hdfs": connections.HDFS,
    "catalog": connections.CATALOG,
    "spark": connections.SPARK,
}
BY_UP = ("TCP", "folder", "settings")  # steps of the embedded stack whose failure means that it has not been started


def examine(deployment: Deployment) -> list[Step]:
    """Every step, part by part in the order of a landing; the parts are looked at beside each other."""
    found = contracts_of.load_all()
    contracts = {name: each for name, each in found.items() if isinstance(each, Contract)}
    parts = {name: _checks(name, deployment, contracts) for name in VARIABLES}
    with ThreadPoolExecutor(len(parts)) as pool:
        done = list(pool.map(lambda item: item[1] if isinstance(item[1], list) else run(item[0], item[1]()), parts.items()))
    steps = [step for each in done for step in each]
    if deployment.embedded:
        steps = [replace(step, fix=deployment.advice) if step.fix and step.step in BY_UP else step for step in steps]
    return [*run("contracts", [("valid", lambda: _contracts(found))]), *steps]


def _checks(part: str, deployment: Deployment, contracts: Mapping[str, Contract]) -> Callable[[], list[Check]] | list[Step]:
    """What makes the part's checks, or the one step that says that there is no such part."""
    at = deployment
    if part == "airflow" and (airflow := at.airflow):
        return lambda: check_airflow.checks(airflow, at, contracts)
    if part == "kafka" and (kafka := at.kafka):
        return lambda: check_kafka.checks(kafka, at, contracts)
    if part == "hdfs" and (hdfs := at.hdfs):
        return lambda: check_hdfs.checks(hdfs, at)
    if part == "catalog" and (catalog := at.catalog):
        return lambda: check_catalog.checks(catalog, at, contracts)
    if part == "spark" and (spark := _spark(at)):
        return lambda: check_spark.checks(spark, at)
    return [_missing(part, deployment)]


def _spark(at: Deployment) -> Spark | None:
    """The embedded stack's tasks find the Java that `up` has found."""
    if at.spark and at.embedded:
        java = find_java(at.embedded.home / "java")
        return replace(at.spark, home=str(spark_home(at.embedded)), java_home=str(java.home))
    return at.spark


def _missing(part: str, deployment: Deployment) -> Step:
    """A worker needs every connection; a profile may leave out what its owner has no use for."""
    if deployment.name == ENVIRONMENT:
        return Step(part, "connection", FAILED, f"{VARIABLES[part]} is not set", f"Set {VARIABLES[part]}: docs/settings.md has each key.")
    hint = "a profile's Spark is submitted by Airflow's workers; there: ./landfall --profile environment doctor" if part == "spark" else ""
    return Step(part, "connection", SKIPPED, f"{deployment.origin} says nothing of it{'; ' * bool(hint)}{hint}")


def _contracts(found: Mapping[str, Contract | contracts_of.ContractRefused]) -> str:
    wrong = [str(each) for each in found.values() if not isinstance(each, Contract)]
    if wrong:
        raise Misconfigured("; ".join(wrong), "Mend the contract: ./landfall customers check")
    if not found:
        raise Misconfigured(
            f"there is no contract in {contracts_of.FOLDER}", "Add one: ./landfall customers add NAME, or set LANDFALL_CUSTOMERS."
        )
    return f"{len(found)} in {contracts_of.FOLDER}"
