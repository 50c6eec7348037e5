"""The step that keeps readers' rights in line with the contracts."""

from airflow.sdk import BaseOperator, Context

import connections
from include.maintenance import reader_rights
from include.runs import conf
from steps import step


class KeepRightsOperator(BaseOperator):
    """Takes the rights on HDFS of everybody whom no contract names any more, and gives those whom one names theirs: for all customers.

    Reads the contracts when it runs, also the wrong ones as far as they say who reads; a customer whose contract was removed has no
    readers. Where all is in line it changes nothing. Returns what was taken off, by customer.

    On call: the message names each customer whose contract does not say who reads; their rights were left as they are. Mend the file;
    the next run, minutes later, does the rest.
    """

    def execute(self, context: Context) -> dict[str, list[str]]:
        with step(context):
            conf.refuse_unknown(context["dag_run"].conf, ())
            taken = reader_rights.keep(connections.hdfs())
            self.log.info("taken off: %s", taken or "nothing, all are in line")
            return taken
