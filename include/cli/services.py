"""What commands work on: this machine's settings and stack, Airflow, a customer's lake. Each is imported when it is asked for."""

import os
from typing import Any

from include.cli import terminal
from include.errors import LandfallError


def settings() -> Any:
    """This machine's, as `include/stack/settings.py` has them."""
    from include.stack.settings import Settings

    return Settings.load()


def airflow() -> Any:
    """Airflow's REST API, as whoever may start runs."""
    from include.runs.airflow_client import AirflowApi

    at = settings().endpoints
    return AirflowApi(at.airflow_url, at.airflow_user, at.airflow_password)


def places(customer: str) -> Any:
    """Where the customer's files may be, as in the embedded stack's Airflow."""
    from include.source import inbox
    from include.stack.airflow import EVERYTHING

    return inbox.places(customer, settings().inbox, os.environ.get(inbox.VARIABLE) or EVERYTHING)


def start_stack() -> Any:
    """Starts what is not running; returns the settings."""
    from include.stack import lifecycle

    mine = settings()
    with terminal.status("starting") as report:
        lifecycle.up(mine, report)
    return mine


def lake(customer: str, user: str | None = None) -> Any:
    """The customer's lake, to be read and written by its owner, or to be read by this user."""
    from include.lake.catalog import read_only
    from include.lake.lake import Lake
    from include.source.files import serve
    from include.storage.webhdfs import filesystem

    mine = settings()
    at = mine.endpoints
    fs = filesystem(at.webhdfs_host, at.webhdfs_port, user or at.hdfs_user)
    try:
        fs.info("/lake")
    except OSError as error:
        raise LandfallError(f"HDFS does not answer at {at.namenode_url} ({error}). Start the stack with: ./landfall up") from error
    serve(at.hdfs_uri, fs)  # a day's source may be on HDFS
    catalog = mine.catalog_uri.format(customer=customer)
    return Lake.open(customer, catalog_uri=read_only(catalog) if user else catalog, hdfs_uri=at.hdfs_uri, fs=fs)
