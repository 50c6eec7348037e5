"""What commands work on: the stack of this machine or the deployment of a profile, its Airflow, a customer's lake.

Each is imported when it is asked for.
"""

from typing import TYPE_CHECKING, Any

from include.cli import terminal
from include.errors import Refused

if TYPE_CHECKING:
    from include.deployment.deployment import Deployment

_chosen: "list[Deployment]" = []  # that of the profile, if one was chosen


def choose(profile: str | None) -> None:
    """From now on commands go to this profile's deployment, with None to this machine's own stack.

    The contracts are from then on those of the deployment, if it says where they are. Raises Refused for a profile that cannot be read.
    """
    from include import contracts

    _chosen.clear()
    if profile:
        from include.deployment import profiles

        _chosen.append(profiles.load(profile))
        contracts.FOLDER = _chosen[0].customers or contracts.FOLDER


def is_elsewhere() -> bool:
    """Whether a profile leads to a deployment whose files this machine need not see."""
    return bool(_chosen)


def deployment() -> "Deployment":
    """Where commands go."""
    if _chosen:
        return _chosen[0]
    from include.deployment.deployment import embedded

    return embedded(settings())


def settings() -> Any:
    """Those of this machine's own stack, as `include/stack/settings.py` has them. Raises Refused where a profile leads elsewhere."""
    from include.stack.settings import Settings

    if _chosen:
        raise Refused(
            f"this command is about the stack of this machine, and profile {_chosen[0].name!r} is another deployment. Nothing was done. "
            "Leave out --profile, and unset LANDFALL_PROFILE."
        )
    return Settings.load()


def airflow() -> Any:
    """Airflow's REST API, as whoever may start runs."""
    return deployment().airflow_api()


def places(customer: str) -> Any:
    """Where the customer's files may be."""
    return deployment().places(customer)


def start_stack() -> Any:
    """Starts what is not running; returns the settings."""
    from include.stack import lifecycle

    mine = settings()
    with terminal.status("starting") as report:
        lifecycle.up(mine, report)
    return mine


def lake(customer: str, user: str | None = None) -> Any:
    """The customer's lake, to be read and written by its owner, or to be read by this user."""
    return deployment().lake(customer, user)
