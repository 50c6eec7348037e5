"""What reaches the terminal: texts of records, files and contracts are shown and never act."""

import io
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from rich.text import Text

from include.cli import output, terminal
from include.query.describe import Described
from include.query.quarantine import Example, Reason

CLEAR_SCREEN = "Git\x1b[2J\x1b]0;owned\x07"
SEEN = r"Git\x1b[2J\x1b]0;owned\x07"


def shown(print_it: Callable[[], None], capsys: pytest.CaptureFixture[str]) -> str:
    print_it()
    captured = capsys.readouterr()
    return captured.out + captured.err


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (CLEAR_SCREEN, SEEN),
        ("one byte does it too: \x9b2J", r"one byte does it too: \x9b2J"),
        ("\x07\x08\x0b\x0c\r\x00\x7f\t", r"\x07\x08\x0b\x0c\x0d\x00\x7f\x09"),
        ("from \u202eright to left\u2069", r"from \u202eright to left\u2069"),
        ("a name that is not UTF-8 \udcff", r"a name that is not UTF-8 \udcff"),
        ("Häufige Prüfung 日本 👩\u200d🔬", "Häufige Prüfung 日本 👩\u200d🔬"),
        ("[red]markup[/] :bug: [link=http://x]y[/link]", "[red]markup[/] :bug: [link=http://x]y[/link]"),
    ],
)
def test_a_text_is_shown_and_does_not_act(text: str, seen: str, capsys: pytest.CaptureFixture[str]) -> None:
    for print_it in (
        lambda: terminal.table(["exam"], [[text]]),
        lambda: terminal.table([text], [[1]], title=text),
        lambda: terminal.error(text),
        lambda: terminal.progress(text),
        lambda: output.addresses({"report": text}),
        lambda: output.quarantine([Reason(text, 1, [date(2018, 1, 28)], [Example(date(2018, 1, 28), 0, None, text, text)])], text, text),
        lambda: output.described([Described(text, "assessments", "table", text, 1, [])]),
    ):
        said = shown(print_it, capsys)
        assert seen in said
        assert not terminal.ACTED_ON.search(said)


def test_what_comes_as_a_rich_text_or_beside_a_spinner_does_not_act_either(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.out.print(Text(CLEAR_SCREEN))
    assert "\x1b" not in capsys.readouterr().out
    console = terminal.Terminal(file=io.StringIO(), force_terminal=True, width=80)
    with console.status("waiting for \x1b[2J"):
        pass
    written: Any = console.file
    assert "\x1b[2J" not in written.getvalue()


def test_a_cell_is_one_line_and_null_is_no_text(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.table(["exam", "attempts"], [["Git\nforged row", None]], numeric=[False, True])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if "forged" in line] == [["Git\\nforged", "row", "null"]]


def test_one_record_is_one_record(capsys: pytest.CaptureFixture[str]) -> None:
    day = date(2018, 1, 28)
    output.quarantine([Reason("a", 1, [day], []), Reason("b", 1200, [day], [])], "acme", "2018-01-28")
    assert capsys.readouterr().out.splitlines() == ["a: 1 record, 2018-01-28", "b: 1,200 records, 2018-01-28"]
