"""The conf of a run: what a person or a program wrote into it, compared with the parameters that the DAG has."""

import difflib
from collections.abc import Collection, Mapping
from typing import Any

from include.errors import Refused

AIRFLOW = "airflow/"
"""Keys of Airflow's own begin so."""


class ConfRefused(Refused):
    """A run's conf has a key that the DAG does not know: it would do something else than was asked for."""


def refuse_unknown(conf: Mapping[str, Any] | None, known: Collection[str]) -> None:
    """Airflow takes any key. One that is misspelled would be passed over: another day would land, or a dry run would not be one.

    Raises ConfRefused that names every unknown key with the known one that is nearest to it.
    """
    unknown = [key for key in conf or {} if key not in known and not key.startswith(AIRFLOW)]
    if unknown:
        expected = f"only {', '.join(known)}" if known else "none"
        raise ConfRefused(
            f"conf: {', '.join(_named(key, known) for key in unknown)}; expected {expected}. "
            "Nothing was done. Start another run with the right key."
        )


def _named(key: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(key.lower(), known, n=1, cutoff=0.5)
    return f"unknown key {key!r}" + (f" (is {near[0]!r} meant?)" if near else "")
