"""How a command shows its own help: 80 columns hold it."""

import inspect
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


def text_of(command: Any) -> str:
    """The command's docstring, a paragraph a line: Typer keeps the line ends of all paragraphs but the first."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in inspect.cleandoc(command.__doc__ or "").split("\n\n"))


class Command(TyperCommand):
    """A flag takes no value, so that its help names no type."""

    def get_params(self, ctx: Any) -> Any:
        return without_types(super().get_params(ctx))


class Group(TyperGroup):
    """The same for the commands' own parents."""

    def get_params(self, ctx: Any) -> Any:
        return without_types(super().get_params(ctx))


def without_types(parameters: list[Any]) -> list[Any]:
    for each in parameters:
        if getattr(each, "is_flag", False) and each.metavar is None:
            each.metavar = ""
    return parameters


def register(app: typer.Typer, command: Any, name: str | None = None, **settings: Any) -> None:
    """Adds the command to the app."""
    app.command(name, cls=Command, help=text_of(command), **settings)(command)
