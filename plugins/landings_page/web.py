"""The page's web app, within Airflow's api-server. Every address wants a user that Airflow knows, and answers for that user's customers.

Nothing of Airflow is changed from here: runs and backfills are started by the browser, with the user's own session, at Airflow's REST API,
so that Airflow's rights and audit log hold. This app only says what to ask for. It notes one thing itself, in the customer's lake: that
somebody has seen a failure.
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep, get_user
from fastapi import Depends, FastAPI, HTTPException, Request, Response, status
from fastapi.responses import FileResponse, JSONResponse
from starlette.middleware.base import RequestResponseEndpoint

from include.contracts import Contract
from include.errors import LandfallError, Refused
from include.runs import backfill
from include.runs import run as landing_run
from include.runs.airflow_client import backfill_of, run_of
from include.runs.run import dag_of
from landings_page import rights
from landings_page.days import CHANGED, Customer
from landings_page.inside_airflow import InsideAirflow

ASSETS = {path.name: path for path in (Path(__file__).parent / "assets").iterdir()}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
# A report brings its styles, scripts and pictures within itself. It is made of customers' data, so it is kept from the user's session:
# it has an origin of its own and reaches no network.
REPORT_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts allow-modals",
}

app = FastAPI(title="Landings", dependencies=[Depends(get_user)], docs_url=None, redoc_url=None, openapi_url=None)


@app.middleware("http")
async def guard(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """The headers of every answer that brings none of its own."""
    response = await call_next(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


@app.exception_handler(LandfallError)
def failed(_: Request, error: LandfallError) -> JSONResponse:
    """What the page shows in the place of an answer: of one customer, so that the others are not touched."""
    code = status.HTTP_422_UNPROCESSABLE_CONTENT if isinstance(error, Refused) else status.HTTP_503_SERVICE_UNAVAILABLE
    return JSONResponse({"detail": str(error)}, code)


def contract_of(customer: str, user: GetUserDep) -> Contract:
    """The contract of the customer in the address, for those who see it."""
    return rights.contract_for(user, customer)


ContractDep = Annotated[Contract, Depends(contract_of)]


def customer_of(contract: ContractDep, session: SessionDep) -> Customer:
    """The same with tables and runs."""
    return Customer.open(contract, InsideAirflow(session))


CustomerDep = Annotated[Customer, Depends(customer_of)]


@app.get("/")
@app.get("/run")
def page() -> FileResponse:
    """The page itself, which asks for all that it shows; at /run it shows one run's day."""
    return FileResponse(ASSETS["page.html"])


@app.get("/api/customers")
def customers(user: GetUserDep) -> dict[str, Any]:
    """The customers that the user sees, in order; `wrong` is what is wrong with a contract."""
    return {
        "user": user.get_name(),
        "customers": [
            {
                "customer": name,
                "description": found.description if isinstance(found, Contract) else "",
                "wrong": None if isinstance(found, Contract) else str(found),
                "dag_id": dag_of(name),
                "may_trigger": rights.may_trigger(user, name),
            }
            for name, found in rights.seen_by(user).items()
        ],
    }


@app.get("/api/customers/{customer}/days")
def days(found: CustomerDep, first: date, last: date) -> dict[str, Any]:
    """The customer's row of the calendar, and what is not right on any of its days."""
    return found.row(first, last)


@app.get("/api/customers/{customer}/days/{day}")
def one_day(found: CustomerDep, day: date) -> dict[str, Any]:
    """All that is known of one day; opens no table but `landings`."""
    return found.day(day)


@app.get("/api/customers/{customer}/changed")
def changed(found: CustomerDep, session: SessionDep) -> list[dict[str, Any]]:
    """The days that landed lately and whose files have changed since, as the list of what is not right has them."""
    days = found.freshly_landed()
    session.close()  # stores may take their time: nobody waits meanwhile for this connection to Airflow's database
    return [
        {"state": CHANGED, "first": day.day.isoformat(), "last": day.day.isoformat(), "days": 1, "reason": " ".join(sentences)}
        for day, sentences in found.changed(days)
    ]


@app.get("/api/customers/{customer}/days/{day}/changed")
def changed_day(found: CustomerDep, session: SessionDep, day: date) -> list[str]:
    """What has become of a landed day's files since, in sentences; asks their store."""
    days = found.landed_day(day)
    session.close()
    return [sentence for _, sentences in found.changed(days) for sentence in sentences]


@app.get("/api/customers/{customer}/days/{day}/quarantine")
def quarantine(found: CustomerDep, day: date, run_id: str | None = None) -> list[dict[str, Any]]:
    """Why records of the day could not be read, with examples, in the landing in force or in one run; reads data files of the day."""
    return found.quarantine(day, run_id)


@app.put("/api/customers/{customer}/days/{day}/seen")
def seen(found: CustomerDep, user: GetUserDep, day: date, run_id: str) -> dict[str, Any]:
    """Notes that the user has seen the failure of the day's newest run; for those who may start one.

    A PUT, which no other site's page can have a browser send.
    """
    if not rights.may_trigger(user, found.contract.customer):
        raise HTTPException(status.HTTP_403_FORBIDDEN, "Your role in Airflow may look, not say that a failure has been seen.")
    return found.seen(day, run_id, user.get_name())


@app.get("/api/customers/{customer}/days/{day}/run")
def run_to_ask_for(contract: ContractDep, day: date, again: bool = False) -> dict[str, Any]:
    """What to ask Airflow's API for, to land one day; `again` lands it anew though its bytes are landed."""
    conf = landing_run.conf_of(day.isoformat(), again)
    return {"path": f"dags/{dag_of(contract.customer)}/dagRuns", "body": run_of(dag_of(contract.customer), conf)}


@app.get("/api/customers/{customer}/backfill")
def backfill_to_ask_for(found: CustomerDep, first: date, last: date) -> dict[str, Any]:
    """What to ask Airflow's API for, to land the days of a span, and how much that is."""
    begin, end = backfill.moments(found.contract, first, last)
    body = backfill_of(found.dag_id, begin, end, backfill.AT_ONCE)
    return {"path": "backfills", "body": body, **found.extent(first, last)}


@app.get("/api/runs")
def day_of_run(dag_id: str, run_id: str, user: GetUserDep, session: SessionDep) -> dict[str, Any]:
    """The customer and the day that a run is about."""
    airflow = InsideAirflow(session)
    for name, found in rights.seen_by(user).items():
        if dag_of(name) == dag_id and isinstance(found, Contract):
            for run in airflow.runs_of(found):
                if run.run_id == run_id:
                    return {"customer": name, "day": run.day.isoformat()}
    raise HTTPException(status.HTTP_404_NOT_FOUND, "This run lands no day of a customer that you may see.")


@app.get("/reports/{customer}/{name}")
def report(found: CustomerDep, name: date | Literal["all_days"]) -> Response:
    """The answers of a day, or of all days, as the page that lies on HDFS."""
    path = found.report(str(name))
    try:
        return Response(found.lake.fs.cat_file(path), media_type="text/html", headers=REPORT_HEADERS)
    except FileNotFoundError as error:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"There is no report at {path} yet. The task `answer` writes it.") from error
    except OSError as error:
        raise LandfallError(f"{path} cannot be read: {error}") from error


@app.get("/{name}")
def asset(name: str) -> FileResponse:
    """The page's own files: styles, scripts, icons."""
    if name not in ASSETS:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"The page has no file {name}.")
    return FileResponse(ASSETS[name])
