"""Airflow, step by step: is it one, is it well, may we look, may we start runs."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from include.contracts import Contract
from include.deployment.checkup import Check, Misconfigured, connects, resolves
from include.deployment.deployment import Airflow, Deployment
from include.errors import Refused
from include.runs import run_names
from include.runs.airflow_client import AirflowApi, AirflowUnreachable

PORTS = {"http": 80, "https": 443}
COMPONENTS = ("metadatabase", "scheduler", "dag_processor")


def checks(at: Airflow, deployment: Deployment, contracts: Mapping[str, Contract]) -> list[Check]:
    url, api, where = urlsplit(at.url), deployment.airflow_api(), f"Airflow's address in {deployment.origin}"
    host = url.hostname or ""
    return [
        ("name", lambda: resolves([host], where)),
        ("TCP", lambda: connects([(host, url.port or PORTS[url.scheme])], where)),
        ("version", lambda: _version(api, where)),
        ("health", lambda: _health(api)),
        ("login", lambda: _login(api, at, deployment)),
        ("list", lambda: _dags(api, contracts)),
        ("start runs", lambda: _may_trigger(api, at)),
    ]


def _version(api: AirflowApi, where: str) -> str:
    try:
        return f"Airflow {api.public('version')['version']}"
    except AirflowUnreachable as error:
        of_ca = "CERTIFICATE" in str(error).upper()
        fix = "Name the file of the authority's certificates as airflow.ca" if of_ca else "See what listens there: http or https?"
        raise Misconfigured(str(error), fix) from error
    except (Refused, KeyError, TypeError, ValueError) as error:
        raise Misconfigured(
            f"{api.url} answers, but not as Airflow 3 does: {error}", f"Correct {where}; another program may listen there."
        ) from error


def component_states(api: AirflowApi) -> dict[str, str | None]:
    """What Airflow says of its components, `healthy` or not; None of one that is not there."""
    found = api.public("monitor/health")
    return {name: (found.get(name) or {}).get("status") for name in COMPONENTS}


def _health(api: AirflowApi) -> str:
    states = component_states(api)
    if ill := [f"{name} is {state or 'not there'}" for name, state in states.items() if state != "healthy"]:
        raise Misconfigured(", ".join(ill), f"Start what is named, or look at its log. {api.advice}")
    return ", ".join(f"{name} {state}" for name, state in states.items())


def _login(api: AirflowApi, at: Airflow, deployment: Deployment) -> str:
    try:
        api.get("dags", limit=1)
    except Refused as error:
        what = "token: make a new one" if at.token else "user and password"
        raise Misconfigured(str(error), f"Correct the {what}, in {deployment.origin}.") from error
    return "by token" if at.token else f"as {at.user}"


def _dags(api: AirflowApi, contracts: Mapping[str, Contract]) -> str:
    errors = api.get("importErrors", limit=1)
    if errors["total_entries"]:
        first = errors["import_errors"][0]
        last = first["stack_trace"].strip().splitlines()[-1]
        raise Misconfigured(
            f"{errors['total_entries']} DAG files cannot be imported: {first['filename']}: {last}", "Mend that file, or what it needs."
        )
    known = {dag["dag_id"] for dag in api.get("dags", dag_id_pattern=run_names.PREFIX, limit=100, exclude_stale=True)["dags"]}
    if not known:
        raise Misconfigured(
            f"Airflow knows no DAG {run_names.PREFIX}...",
            "Put dags/ of this version, or the file of docs/install.md, into Airflow's dags folder.",
        )
    missing = [name for name in contracts if len(known) < 100 and run_names.PREFIX + name not in known]
    if missing:
        raise Misconfigured(
            f"Airflow has no DAG of {', '.join(missing)}, whose contracts are here",
            "Let LANDFALL_CUSTOMERS of Airflow and `customers` of the profile be the same contracts.",
        )
    return f"{len(known)} DAGs of customers, all files can be imported"


def _may_trigger(api: AirflowApi, at: Airflow) -> str:
    dag = api.get("dags", dag_id_pattern=run_names.PREFIX, limit=1)["dags"][0]["dag_id"]
    try:
        reason = api.refusal_to_trigger(dag)
    except Refused as error:
        raise Misconfigured(str(error), "Look at Airflow's log of this request.") from error
    if reason:
        raise Misconfigured(
            f"{at.user or 'the token'} may not start runs of {dag}: {reason}",
            "Give that user the right to, or take another: land needs it.",
        )
    return "allowed; none was started"
