"""Who sees which customer, and who may start runs: Airflow's rights, and the readers that a contract names."""

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.batch_apis import IsAuthorizedDagRequest
from airflow.api_fastapi.auth.managers.models.resource_details import ConnectionDetails, DagAccessEntity, DagDetails
from airflow.models.dag import DagModel
from fastapi import HTTPException, status

import connections
from include import contracts
from include.contracts import Contract, ContractRefused
from include.runs.run import dag_of

SHOWN = (DagAccessEntity.RUN, DagAccessEntity.TASK_INSTANCE, DagAccessEntity.TASK_LOGS, DagAccessEntity.XCOM)
"""What of Airflow the page shows."""


def seen_by(user: BaseUser) -> dict[str, Contract | ContractRefused]:
    """The customers that the user sees, wrong contracts as their errors."""
    operates = may_operate(user)
    return {name: contract for name, contract in contracts.load_all().items() if _sees(user, name, contract, operates)}


def contract_for(user: BaseUser, customer: str) -> Contract:
    """The contract of a customer that the user sees. Raises ContractRefused for a wrong one.

    To a user who does not see a customer the answer is as if there were none: 404.
    """
    try:
        contract: Contract | ContractRefused = contracts.customer(customer)
    except ContractRefused as error:
        contract = error
    if not _sees(user, customer, contract, may_operate(user)):
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"There is no customer {customer} that you may see.")
    if isinstance(contract, ContractRefused):
        raise contract
    return contract


def may_operate(user: BaseUser) -> bool:
    """Whether the user runs this Airflow, whatever roles its auth manager has.

    Such a one may change the connection that leads to the lakes, and so could read them all anyway. Of SimpleAuthManager's roles these
    are op and admin.
    """
    return get_auth_manager().is_authorized_connection(method="PUT", details=ConnectionDetails(conn_id=connections.CATALOG), user=user)


def may_trigger(user: BaseUser, customer: str) -> bool:
    """What Airflow itself asks before it takes a run or a backfill. Here it decides whether a button can be pressed, and
    whether the user may say that a failure has been seen."""
    return get_auth_manager().is_authorized_dag(method="POST", access_entity=DagAccessEntity.RUN, details=_dag(customer), user=user)


def _sees(user: BaseUser, customer: str, contract: Contract | ContractRefused, operates: bool) -> bool:
    """Both have to agree: what the page shows is partly Airflow's, partly the lake's."""
    named = isinstance(contract, Contract) and user.get_name() in contract.readers
    if not named and not operates:
        return False
    dag = _dag(customer)
    wanted: list[IsAuthorizedDagRequest] = [{"method": "GET", "access_entity": entity, "details": dag} for entity in SHOWN]
    return get_auth_manager().batch_is_authorized_dag(wanted, user=user)


def _dag(customer: str) -> DagDetails:
    dag_id = dag_of(customer)
    return DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
