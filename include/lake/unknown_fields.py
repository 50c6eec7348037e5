"""Names of fields that the written schema does not know: who gets to see them.

A JSON object may be used as a map, with ids as its keys, so such names may be a customer's data as any text of a record is. Readers see
them, in Spark's receipt on HDFS and in `landings`. Tasks hand each other only how many there are, for Airflow shows what they hand on, and
their logs, to every login.
"""

from dataclasses import replace
from typing import TypeVar

from include import receipts
from include.errors import LandfallError
from include.lake.lake import Lake
from include.receipts import Landing, TransformReceipt

MORE = "..."  # in place of names that are not listed

T = TypeVar("T", Landing, TransformReceipt)


def without_names(receipt: T) -> T:
    """The receipt as a task hands it on: with the number of names in place of them."""
    names = set(receipt.unknown_fields) - {MORE}
    return replace(receipt, unknown_fields={MORE: len(names)}) if names else receipt


def with_names(lake: Lake, row: Landing) -> Landing:
    """The row of a landing with the names that Spark's receipt on HDFS has; without them where there is no such receipt.

    Raises LandfallError when HDFS does not answer: trying again brings the names.
    """
    path = f"{lake.path}/receipts/landing={row.landing}.json"
    try:
        return replace(row, unknown_fields=receipts.read(TransformReceipt, lake.fs.cat_file(path), path).unknown_fields)
    except FileNotFoundError:
        return row
    except OSError as error:
        raise LandfallError(f"{path} cannot be read: {error}. Nothing was committed.") from error


def as_committed(lake: Lake, landing: Landing) -> Landing:
    """A landing that a task handed on, with the names that its row in `landings` has. Raises LandfallError if HDFS does not answer."""
    return next((row for row in lake.landings(landing.day) if row.landing == landing.landing), landing)
