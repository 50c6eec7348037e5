"""Patterns of contracts: regular expressions that mean the same to Python and to Spark's Java, and globs of a day's files.

Spark judges test exams with `java.util.regex`; whoever writes a contract tries a pattern in Python. Java refuses some of Python's syntax,
and takes some for something else, which is worse: attempts would be flagged, or not, without a word. So only what both understand alike
is taken: Python's syntax with its ASCII flag, less what `WRITE_INSTEAD` names.
"""

import re
import string
import warnings
from collections.abc import Iterator

ESCAPED_LETTERS = frozenset("dDwWsStnrfA")
IN_CLASS_LETTERS = ESCAPED_LETTERS - {"A"}
CODE_POINT = re.compile(r"\\x[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}")
COUNT = re.compile(r"\{[0-9]{1,4}(,[0-9]{0,4})?\}")
GROUP = re.compile(r"\((\?(:|=|!|>|<=|<!|[is]+:))?")
FLAGS = re.compile(r"\(\?[is]+\)")
SET_OPERATIONS = ("&&", "||", "--", "~~")
TEMPLATES = ("{{", "{%", "{#")  # Airflow would fill them in

WRITE_INSTEAD = {
    r"\b": r"the characters around the word, such as (^|[^A-Za-z0-9_])",
    r"\B": r"the characters around it",
    r"\Z": "$",
    r"\z": "$",
    r"\v": r"\x0b",
    r"\a": r"\x07",
    "(?P": "a group without a name: (...)",
    "(?#": "a comment of YAML",
    "(?(": "two alternatives: (a|b)",
    "(?m": "^ and $ at the ends of the value only",
    "(?x": "the pattern without blanks and comments",
}


class _NotCommon(ValueError):
    """What Java does not understand, or not as Python does."""

    def __init__(self, part: str) -> None:
        instead = next((text for begin, text in WRITE_INSTEAD.items() if part.startswith(begin)), "")
        super().__init__(
            f"holds {part}, which Spark (a Java regular expression) does not read as Python does"
            + (f"; write {instead}" if instead else "")
        )


def refuse_uncommon_regex(pattern: str) -> None:
    """Raises ValueError, whose message follows the pattern's name, unless Python and Java find it in the same values."""
    compiled = _compiled(pattern)
    _refuse_unspeakable(pattern)
    for _ in _parts(pattern):
        pass
    if compiled.search("") and compiled.search("\x01"):
        raise ValueError("is found in every value, so that every attempt would count as a test; expected one that is found in some")


def refuse_wrong_glob(pattern: str) -> None:
    """Raises ValueError unless this glob can be filled in with a day: {day} is the only thing that braces stand for."""
    if "{day}" not in pattern:
        raise ValueError("has no {day}: without it every day would find the same files")
    rest = pattern.replace("{day}", "")
    if "{" in rest or "}" in rest:
        raise ValueError("has other braces than {day}, which no glob here understands: use * and ?, or [ab] for one of two characters")
    if "\0" in pattern:
        raise ValueError("holds a NUL character, which no file name has")


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about classes that may mean something else one day; they are refused below
            return re.compile(pattern, re.ASCII)
    except (re.error, ValueError, OverflowError, RecursionError) as error:
        raise ValueError(f"is not a regular expression: {error}") from error


def _refuse_unspeakable(pattern: str) -> None:
    """What cannot be handed to Spark on its command line as it is."""
    if pattern.startswith("-"):
        raise ValueError("begins with -, which the Spark job would take for an option; write [-]")
    if "\0" in pattern or any("\ud800" <= each <= "\udfff" for each in pattern):
        raise ValueError("holds a character that cannot be handed to Spark")
    for template in TEMPLATES:
        if template in pattern:
            raise ValueError(f"holds {template}, which Airflow would take for a template; put the brace second, as in [%{{]")


def _parts(pattern: str) -> Iterator[str]:
    """The pattern in its parts, of which Python has found already that they go together. Raises _NotCommon at the first one of its own."""
    flags = FLAGS.match(pattern)
    at = flags.end() if flags else 0
    while at < len(pattern):
        part = _part(pattern, at)
        yield part
        at += len(part)


def _part(pattern: str, at: int) -> str:
    match pattern[at]:
        case "\\":
            return _escape(pattern, at, ESCAPED_LETTERS)
        case "[":
            return _character_class(pattern, at)
        case "(":
            group = GROUP.match(pattern, at)
            if group and not (group[0] == "(" and pattern[at + 1 : at + 2] == "?"):
                return group[0]
            raise _NotCommon(pattern[at : at + 3])
        case "{":
            if count := COUNT.match(pattern, at):
                return count[0]
            raise ValueError(
                f"holds a brace that is no count such as {{2}} or {{2,5}}: {pattern[at : at + 8]}; for the character write \\{{"
            )
        case other:
            return other


def _escape(pattern: str, at: int, letters: frozenset[str]) -> str:
    if code := CODE_POINT.match(pattern, at):
        return code[0]
    escaped = pattern[at : at + 2]
    if escaped[1] in letters or escaped[1] in string.punctuation or escaped[1] == " ":
        return escaped
    raise _NotCommon(escaped)


def _character_class(pattern: str, begin: int) -> str:
    """From its [ to its ]. In Java a [ within it begins another class, and && is an intersection."""
    at = begin + (2 if pattern.startswith("[^", begin) else 1)
    if pattern[at] == "]":
        raise _NotCommon(pattern[begin : at + 1])
    while pattern[at] != "]":
        if pattern[at] == "[" or pattern[at : at + 2] in SET_OPERATIONS:
            raise ValueError(f"holds {pattern[at]} within [...], where Java reads it as an operation on classes; write \\{pattern[at]}")
        at += len(_escape(pattern, at, IN_CLASS_LETTERS)) if pattern[at] == "\\" else 1
    return pattern[begin : at + 1]
