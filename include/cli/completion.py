"""What a shell completes: commands, options, and the names of customers."""

from typing import Annotated

import typer
from typer._completion_classes import completion_init
from typer._completion_shared import get_completion_script

from include.errors import Refused
from include.stack.settings import PROJECT

SHELLS = ("bash", "zsh")
VARIABLE = "_LANDFALL_COMPLETE"

completion_init()  # Typer knows the shells only if it may add options of its own, which would change start-up files


def completion(shell: Annotated[str, typer.Argument(metavar="SHELL", help=f"One of {', '.join(SHELLS)}.")]) -> None:
    """Print what lets a shell complete commands, options and customers.

    For this session: eval "$(./landfall completion bash)". To keep it, add that line to the shell's own start-up file.
    """
    if shell not in SHELLS:
        raise Refused(f"completion: expected one of {', '.join(SHELLS)}, found {shell!r}")
    # Typer's script asks for the completions whatever was typed in bash, and `landfall` in zsh: there, the file itself is asked.
    script = get_completion_script(prog_name="landfall", complete_var=VARIABLE, shell=shell)
    typer.echo(script.replace(f"complete_{shell} landfall", f"complete_{shell} {PROJECT / 'landfall'}"))
