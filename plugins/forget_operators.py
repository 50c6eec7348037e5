"""The steps that forget an attempt for those who have no shell. The id is in an Airflow Variable, and in nothing that Airflow keeps."""

from typing import Any

from airflow.sdk import BaseOperator, Context, Variable
from airflow.sdk.exceptions import AirflowSkipException
from airflow.sdk.log import mask_secret

import connections
from include import contracts, receipts
from include.effects import Effect, effect
from include.errors import LandfallError
from include.maintenance import forget_request as request
from include.runs import conf
from steps import log_lines, step


class ForgetAttemptOperator(BaseOperator):
    """Forgets the attempt whose id is in the customer's Variable, as `./landfall forget` does; in a dry run it counts what readers see.

    Returns counts only, and has the id masked in its log. The Variable stays: a try that was killed anywhere is simply made again, and
    does what is left to do.

    On call: "another commit came in between" is mended by the retry. A refusal says what the run or the Variable lacks; nothing was done
    then. While the request is open, the Variable holds the id: clear this task, or delete the Variable.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        from include.maintenance.forget import forget  # brings what draws charts; Airflow imports every file of plugins/

        with step(context):
            run, params = context["dag_run"], context["params"]
            customer, dry_run = params["customer"], bool(params["dry_run"])
            conf.refuse_unknown(run.conf, context["dag"].params)
            request.refuse_unconfirmed(customer, dry_run, params["confirm"])
            contract, keen_id = contracts.customer(customer), requested(customer)
            request.refuse_id_in_run(keen_id, run.run_id, run.conf)
            lake = connections.lake(customer)
            if dry_run:
                return receipts.plain(request.look(lake, keen_id))
            asked_by = params["asked_by"] or run.triggering_user_name or f"a {run.run_type.value} run"
            done = forget(lake, keen_id, asked_by=asked_by, topic=contract.topic_spec, copies=connections.report_copies())
            log_lines(self.log, ["forgotten; what still holds the attempt:", *request.still_holding(done, contract.topic_spec)])
            return receipts.plain(request.counts(done))


class RemoveRequestOperator(BaseOperator):
    """Deletes the Variable with the id, once the lake has its tombstone; a dry run leaves it for the run that forgets.

    A Variable that is gone is success: the try before was killed after it had deleted it. One with an id that was not forgotten is kept.

    On call: clear it. If it cannot succeed, delete the Variable by hand (Admin, Variables).
    """

    def execute(self, context: Context) -> None:
        with step(context):
            customer = context["params"]["customer"]
            name = request.variable_of(customer)
            if context["params"]["dry_run"]:
                raise AirflowSkipException(f"a dry run leaves {name} for the run that forgets; delete it if none is to follow")
            if Variable.get(name, default=None) is None:
                self.log.info("%s is gone already", name)
                return
            request.refuse_not_forgotten(connections.lake(customer), requested(customer))
            with effect(Effect.REMOVE, variable=name):
                Variable.delete(name)
            if Variable.get(name, default=None) is not None:
                raise LandfallError(f"{name} is still there: it comes from a secrets backend or the environment. Delete it there.")
            self.log.info("%s is deleted", name)


def requested(customer: str) -> str:
    """The id in the customer's Variable, which no log of this task shows from here on. Raises Refused where there is none."""
    keen_id = request.id_of(customer, Variable.get(request.variable_of(customer), default=None))
    mask_secret(keen_id)
    return keen_id
