"""The terminal: progress and errors on stderr, results on stdout, and nothing on either that a terminal would act on."""

import itertools
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

WIDE = 10_000  # a file or a pipe has no width: never fold or cut there

# What a terminal acts on instead of showing it: control characters but for the end of a line, what turns the direction of writing (a name
# would read as another), and halves of characters, which names of files can have.
ACTED_ON = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """The text with whatever a terminal would act on spelled out, such as `\\x1b`: it may come from a record, a file's name, a contract."""
    return ACTED_ON.sub(lambda found: rf"\x{ord(found[0]):02x}" if found[0] <= "\xff" else rf"\u{ord(found[0]):04x}", text)


def escaped_json(document: bytes) -> bytes:
    """A JSON document that a terminal may show: JSON escapes only some of what a terminal acts on, and only within strings."""
    return ACTED_ON.sub(lambda found: rf"\u{ord(found[0]):04x}", document.decode()).encode()


class Terminal(Console):
    """A console that shows texts as they are instead of letting them act, and makes no emoji of `:bug:`.

    Rich asks `render_str` for every string, cells and titles too, before it measures them; `render` is the net for what comes as `Text`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(visible(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))


err = Terminal(stderr=True, width=None if sys.stderr.isatty() else WIDE)
out = Terminal(width=None if sys.stdout.isatty() else WIDE)

READABLE = 12  # letters, so that a table's cells can be read when they are folded


def progress(message: str) -> None:
    err.print(f"[dim]{escape(message)}[/]", soft_wrap=True)  # an address that is folded leads nowhere


def error(message: str) -> None:
    err.print(f"[red]landfall:[/] {escape(message)}", soft_wrap=True)


@contextmanager
def status(doing: str) -> Iterator[Callable[[str], None]]:
    """A spinner while something takes its time; what is reported meanwhile stays as lines."""
    with err.status(doing):
        yield progress


def table(columns: list[str], rows: list[Any], title: str | None = None, numeric: Sequence[bool] = (), apart: int = 2) -> None:
    """Rows under their columns, numbers to the right; `apart` is how many blanks are between columns.

    Numbers are not folded. Where they leave no room for the text in front, it is a line of its own above each row.
    """
    if title:
        out.print(f"[bold]{escape(title)}[/]", soft_wrap=True)
    right = [*numeric, *(False for _ in columns[len(numeric) :])]
    needed = [max(map(cell_len, (*name.split(" "), *map(str, cells)))) for name, *cells in zip(columns, *rows, strict=True)]
    room = out.width - apart * (len(columns) - 1) - sum(itertools.compress(needed, right))
    texts = [width for width, number in zip(needed, right, strict=True) if not number]
    if not any(right) or right[0] or room >= sum(min(width, READABLE) for width in texts):
        show(_filled(columns, rows, right, [width if number else None for width, number in zip(needed, right, strict=True)], apart))
    else:
        share = max(READABLE, (room + apart) // max(1, len(texts) - 1))
        widths = [width if number else min(width, share) for width, number in zip(needed, right, strict=True)][1:]
        show(_filled(columns[1:], [], right[1:], widths, apart))
        for first, *rest in rows:
            out.print(f"[bold]{cell(first)}[/]")
            lines = _filled(columns[1:], [rest], right[1:], widths, apart)
            lines.show_header = False
            show(lines)
    out.print()


def _filled(columns: list[str], rows: list[Any], right: Sequence[bool], widths: Sequence[int | None], apart: int) -> Table:
    lines = grid(*map(cell, columns), apart=apart)
    for column, number, width in zip(lines.columns, right, widths, strict=True):
        column.justify, column.width = "right" if number else "left", width
    for row in rows:
        lines.add_row(*map(cell, row))
    return lines


def records(columns: list[str], rows: list[list[Any]], numeric: Sequence[bool]) -> None:
    """As a table; where its columns would get too narrow to be read, each row as a list of its own."""
    widths = [max(len(str(value)) for value in (name, *column)) for name, *column in zip(columns, *rows, strict=True)]
    if sum(min(width, READABLE) + 2 for width in widths) <= out.width:
        table(columns, rows, numeric=numeric)
        return
    for number, row in enumerate(rows, start=1):
        out.print(f"[bold]row {number}[/]")
        lines = grid("", "")
        for name, value in zip(columns, row, strict=True):
            lines.add_row(cell(name), cell(value))
        show(lines)
        out.print()


def show(lines: Table, console: Console | None = None) -> None:
    """Prints to stdout without the blanks that fill a table's last column."""
    console = console or out
    with console.capture() as captured:
        console.print(lines)
    sys.stdout.write("\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n")


def cell(value: object) -> str:
    """A value for one cell of a table: on one line, as it is. Null in italics, so that it is not taken for a text."""
    return "[dim italic]null[/]" if value is None else escape(str(value).replace("\n", "\\n"))


def grid(*columns: str, apart: int = 2) -> Table:
    """An empty table with these columns, or without a heading if they have no names."""
    made = Table(
        show_header=any(columns),
        box=box.SIMPLE_HEAD if any(columns) else None,
        show_edge=False,
        pad_edge=False,
        padding=(0, apart - 1, 0, 0) if any(columns) else (0, 2, 0, 0),  # the box has a blank of its own
    )
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def print_json(document: Any) -> None:
    """Prints one JSON document on stdout."""
    print_encoded(msgspec.json.format(msgspec.json.encode(document, enc_hook=str), indent=2))


def print_encoded(document: bytes) -> None:
    """JSON as it is encoded; what a terminal would act on is escaped, as JSON has it, so that it means the same."""
    sys.stdout.buffer.write(escaped_json(document) + b"\n")
