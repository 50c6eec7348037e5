"""What every step of a landing does around its own work: times itself, and fails for good where a retry cannot help."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include import receipts
from include.errors import Refused

T = TypeVar("T")
MAINTENANCE = {  # default_args of the DAGs that change what has landed; a try that loses to a landing is worth another
    "owner": "landfall",
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "execution_timeout": timedelta(hours=2),
}


@contextmanager
def step(context: Context) -> Iterator[None]:
    """Pushes the step's duration as XCom `seconds`, and turns a refusal into a failure without retries."""
    began = time.monotonic()
    try:
        yield
    except Refused as error:
        raise AirflowFailException(str(error)) from error
    finally:
        context["ti"].xcom_push(key="seconds", value=round(time.monotonic() - began, 2))


def receipt_of(context: Context, task_id: str, kind: type[T], key: str = "return_value") -> T:
    """The receipt that a task of this run handed on. Raises Refused where there is none: a mark makes no receipt."""
    given = context["ti"].xcom_pull(task_ids=task_id, key=key)
    if given is None:
        raise Refused(
            f"{task_id} has handed on no {kind.__name__}: it has not run, or not to its end, whatever it is marked as. "
            f"Nothing was changed. Clear {task_id} and the tasks after it."
        )
    return receipts.read(kind, given, f"the receipt of {task_id}")


def seconds_so_far(context: Context, task_ids: list[str]) -> dict[str, float]:
    """How long the steps before this one took, by task; those that said nothing are left out."""
    found: dict[str, Any] = {task: context["ti"].xcom_pull(task_ids=task, key="seconds") for task in task_ids}
    return {task: seconds for task, seconds in found.items() if seconds is not None}


def log_lines(log: Any, lines: Iterable[str]) -> None:
    """Each line as a message of its own, as it is: a file's name may have a percent sign."""
    for line in lines:
        log.info("%s", line)


class RefusedContractOperator(BaseOperator):
    """Stands for a customer whose contract is wrong: fails with the reason.

    On call: mend the customer's contract; the DAG comes back by itself within half a minute.
    """

    def __init__(self, *, reason: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.reason = reason

    def execute(self, context: Context) -> None:
        raise AirflowFailException(self.reason)


class SkippedContractOperator(BaseOperator):
    """Stands for a customer whose contract is wrong where others have work to do: is skipped, with the reason.

    On call: mend the customer's contract; its own DAG is red until then.
    """

    def __init__(self, *, reason: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.reason = reason

    def execute(self, context: Context) -> None:
        raise AirflowSkipException(self.reason)
