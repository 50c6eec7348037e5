"""The Landings page: in Airflow's UI, a calendar of customers by days; what is not right, and why, stands on top.

`web.py` is the web app, `rights.py` says who sees what, `inside_airflow.py` asks Airflow's database, `days.py` puts the answers together,
`assets/` is what the browser gets. Which day stands how is worked out in `include/runs/day_states.py`, without Airflow.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from airflow.plugins_manager import AirflowPlugin

Message = MutableMapping[str, Any]


async def web(scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]) -> None:
    """The web app, imported at its first request: Airflow loads plugins in every process, tasks included, and one of them serves pages."""
    app = await asyncio.to_thread(_app)
    await app(scope, receive, send)


def _app() -> Any:
    """By an import of its own: Airflow loads files of its plugins folder under their own names, and this one is then `__init__`."""
    from landings_page.web import app

    return app


class LandingsPage(AirflowPlugin):
    """An entry in the navigation, and a tab of every run.

    Addresses are relative: Airflow's pages have the address that Airflow is served at as their base.
    """

    name = "landings_page"
    # Not class variables: Airflow declares them so.
    fastapi_apps: list[Any] = [{"app": web, "url_prefix": "/landings", "name": "Landings"}]  # noqa: RUF012
    external_views: list[Any] = [  # noqa: RUF012
        {
            "name": "Landings",
            "href": "landings/",
            "destination": "nav",
            "url_route": "landings",
            "nav_top_level": True,
            "icon": "landings/icon.svg",
            "icon_dark_mode": "landings/icon_dark.svg",
        },
        {
            "name": "Landing",
            "href": "landings/run?dag_id={DAG_ID}&run_id={RUN_ID}",
            "destination": "dag_run",
            "url_route": "landing",
            "icon": "landings/icon.svg",
            "icon_dark_mode": "landings/icon_dark.svg",
        },
    ]
