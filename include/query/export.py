"""Rows as files of other programs: CSV that no spreadsheet takes for formulas, and Parquet with the values as they are."""

import csv
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from include.errors import Refused

# What makes a spreadsheet take a cell for a formula, by OWASP's page on CSV injection; full-width ones too, which some read as the others.
FORMULA = re.compile(r"[\s\x00]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n\x00]")
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def write_csv(file: TextIO, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """The columns as the first line, then the rows, whose number it returns; null is an empty field, numbers as they are.

    A text that a spreadsheet would take for a formula has `'` in front, which makes it a text there.
    """
    plain = csv.writer(file, lineterminator="\n")
    quoted = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
    number = -1  # the first line is none of the rows
    for row in itertools.chain([columns], rows):
        cells = [harmless(cell) for cell in row]
        # Python leaves a lone carriage return unquoted, which ends the row for a spreadsheet: the next cell could begin within a text.
        writer = quoted if any(isinstance(cell, str) and "\r" in cell for cell in cells) else plain
        writer.writerow(cells)
        number += 1
    return number


def write_json_lines(file: TextIO, documents: Iterable[Any], escaped: Callable[[bytes], bytes] = bytes) -> int:
    """Each document as JSON in a line of its own; returns their number. `escaped` is what is done to each for where it is shown."""
    number = 0
    for document in documents:
        file.write(escaped(msgspec.json.encode(document)).decode() + "\n")
        number += 1
    return number


def harmless(cell: Any) -> Any:
    """The cell, a text as one that no spreadsheet calculates: `=1+1` as `'=1+1`. A text that is a plain number stays."""
    if isinstance(cell, str):
        return f"'{cell}" if FORMULA.match(cell) and not NUMBER.fullmatch(cell) else cell
    if isinstance(cell, (list, dict, bytes)):
        return harmless(str(cell))
    return cell


def write_parquet(table: pa.Table, path: Path) -> None:
    """The table into one file, which is there whole or not at all. Raises Refused for columns or a place that cannot be written."""
    twice = [name for name, times in Counter(table.column_names).items() if times > 1]
    if twice:
        raise Refused(f"{path}: the query has several columns {twice[0]!r}. Nothing was written. Give each a name of its own with `as`.")
    part = path.with_name(f".{path.name}.part")
    try:
        pq.write_table(table, part)
        part.replace(path)
    except pa.ArrowException as error:
        raise Refused(f"{path}: {error}. Nothing was written. Cast that column in the query, such as to varchar.") from error
    except OSError as error:
        raise _not_written(path, error) from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """A file for text in UTF-8, which is there whole, once all is written, or not at all. Raises Refused where none can be written."""
    part = path.with_name(f".{path.name}.part")
    try:
        file = part.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise _not_written(path, error) from error
    try:
        with file:
            yield file
        try:
            part.replace(path)
        except OSError as error:
            raise _not_written(path, error) from error
    finally:
        part.unlink(missing_ok=True)


def _not_written(path: Path, error: OSError) -> Refused:
    return Refused(f"{path} cannot be written: {error.strerror or error}. Nothing was written. Name a file in a folder that is there.")
