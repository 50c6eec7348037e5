"""What `./landfall` understands. Results go to stdout, everything else to stderr; exit code 0 means success.

A command is a function of one of the modules beside this one. What it needs of Kafka, HDFS, Airflow and the tables it imports itself, when
it is called: `--help` waits for none of that.
"""

import logging
import sys
from collections.abc import Callable
from typing import Annotated

import typer
from typer._click.exceptions import ClickException
from typer.rich_utils import rich_format_error

import include
from include import contracts
from include.cli import (
    ask,
    checks,
    completion,
    customers,
    exports,
    forget,
    health,
    helping,
    land,
    runbook,
    services,
    stack,
    terminal,
    tests,
)
from include.errors import LandfallError

app = typer.Typer(
    name="landfall",
    cls=helping.Group,
    help="Lands exam attempts from JSON files through Kafka and Spark on HDFS, and proves that each arrived exactly once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# In the order of the help.
COMMANDS: list[Callable[..., None]] = [
    stack.demo, stack.up, stack.down, stack.clean, health.status, health.doctor, land.land, land.backfill,
    ask.query, ask.tables, ask.answers, exports.export, ask.landings, ask.explain, ask.quarantine, land.replay,
    forget.repair, forget.forget, land.split, stack.compose_env, completion.completion, checks.check,
]  # fmt: skip
# Those of a clone: about its own stack, or about its files.
OF_A_CLONE = [stack.demo, stack.up, stack.down, stack.clean, stack.compose_env, completion.completion, checks.check]
for command in COMMANDS:
    if not (include.INSTALLED and command in OF_A_CLONE):
        helping.register(app, command)
if not include.INSTALLED:
    helping.register(app, runbook.runbook, hidden=True)  # for those who change Landfall: CONTRIBUTING.md
    helping.register(app, tests.run, "test", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
app.add_typer(customers.app)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"landfall {include.__version__}")
        raise typer.Exit


# They work on this machine alone, wherever a profile leads.
LOCAL = {"split", "compose-env", "completion", "check", "runbook", "test"}


def _profiles(incomplete: str) -> list[str]:
    from include.deployment import profiles

    return [name for name in profiles.names() if name.startswith(incomplete)]


@app.callback()
def before(
    context: typer.Context,
    profile: Annotated[
        str | None,
        typer.Option(
            envvar="LANDFALL_PROFILE",
            metavar="NAME",
            help="Go to this deployment instead of the stack of this machine: a profile, as docs/command_line.md describes.",
            autocompletion=_profiles,
        ),
    ] = None,
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    """What comes before the command. Whoever asks for help need not have a profile that is right.

    Where the wheel is installed, there is no stack of this machine: commands go to the deployment of the environment.
    """
    if context.invoked_subcommand not in LOCAL and not {"--help", "-h"} & set(sys.argv[1:]):
        services.choose(profile or ("environment" if include.INSTALLED else None))
        if include.INSTALLED:
            contracts.require_folder()


def main() -> None:
    """Runs the command; an error that has a name is one message on stderr and exit code 1, not a traceback.

    With --json stdout has one document all the same, so that who reads it need not know first whether there is one: {"error": message}.
    """
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # it says of each try what the error says of the last
    try:
        sys.exit(app(prog_name="landfall", standalone_mode=False))
    except ClickException as error:  # the command line is wrong; Typer says how
        rich_format_error(error)
        _end(error.format_message(), error.exit_code)
    except typer.Abort:
        terminal.error("aborted; nothing was done")
        _end("aborted; nothing was done", 1)
    except LandfallError as error:
        terminal.error(str(error))
        _end(str(error), 1)


def _end(message: str, code: int) -> None:
    if "--json" in sys.argv[1:]:
        terminal.print_json({"error": message})
    sys.exit(code)


if __name__ == "__main__":
    main()
