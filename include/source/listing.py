"""Which files a pattern names, in whatever store: each once, with the size that the listing gives it, and nothing passed over in silence.

A pattern may hold `{day}` (YYYY-MM-DD) and, in any part of its path, `*`, `?`, `[a-z]`, `[!a-z]`, and `**` for any number of directories.
What the pattern names and is no file (a directory that holds some, a link that leads nowhere, a pipe) is refused by name. What writers and
editors leave beside a file is left out, unless the pattern names it.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

from fsspec.utils import glob_translate

from include.errors import LandfallError
from include.storage import stores
from include.storage.stores import HTTP, Entry, SourceRefused, Store, is_uri, locate, split

LEFT_BEHIND = (".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload", ".download", "._copying_", "~", ".bak", ".swp", ".swo")
OF_HADOOP = re.compile(r"_(SUCCESS|temporary|metadata|common_metadata|(committed|started)_\S*)")


@dataclass(frozen=True)
class Listing:
    """The files that a pattern names, sorted by name, and those left out because a writer or an editor leaves such beside a file."""

    files: tuple[Entry, ...] = ()
    left_out: tuple[Entry, ...] = ()


def find(patterns: str | Sequence[str], day: str, root: Path) -> Listing:
    """The files of a day; a local pattern may be relative to `root`, the inbox.

    Raises SourceRefused for what is there and is no file, and for two names of one file; LandfallError when a store does not answer.
    """
    patterns = [patterns] if isinstance(patterns, str) else patterns
    entries = {entry.uri: (entry, left) for pattern in patterns for entry, left in _matching(pattern.replace("{day}", day), root)}
    files = tuple(entries[uri][0] for uri in sorted(entries) if not entries[uri][1])
    left_out = tuple(entries[uri][0] for uri in sorted(entries) if entries[uri][1])
    for entry in files:
        _refuse_other_than_file(entry)
    refuse_one_file_twice(files)
    return Listing(tuple(map(_known, files)), left_out)


def named(uris: Sequence[str]) -> Listing:
    """The files of these names, which are taken as they are: nothing in them is a wildcard. Raises as `find`, also where one is missing."""
    entries = tuple(_asked(uri) for uri in dict.fromkeys(uris))
    for entry in entries:
        _refuse_other_than_file(entry)
    refuse_one_file_twice(entries)
    return Listing(entries)


def _asked(uri: str) -> Entry:
    return replace(stores.entry(uri), uri=uri)


def _known(entry: Entry) -> Entry:
    """With size and time, which a web server's page does not give."""
    return entry if entry.size is not None else _asked(entry.uri)


def refuse_one_file_twice(entries: Sequence[Entry]) -> None:
    """Raises SourceRefused where two names lead to one file: its records would be counted twice."""
    first: dict[str, Entry] = {}
    for entry in entries:
        other = first.setdefault(entry.identity or entry.uri, entry)
        if other is not entry:
            raise SourceRefused(f"{other.uri} and {entry.uri} are one file under two names. Nothing was published. Take one of them away.")


def _refuse_other_than_file(entry: Entry) -> None:
    if entry.kind == "directory":
        raise SourceRefused(
            f"{entry.uri} is a directory, expected a file. Nothing was published. Name what it holds, with /* behind it, or take it away."
        )
    if entry.kind != "file":
        raise SourceRefused(f"{entry.uri} is {entry.kind}, expected a file. Nothing was published. Deliver the file, or take this away.")


# ---- the pattern


def beginning(pattern: str) -> str:
    """The location above everything that a pattern can name: up to the first part that holds a wildcard."""
    scheme, authority, path = split(pattern)
    magic = "*[" if scheme in HTTP else "*?["
    parts = path.partition("?")[0].split("/") if scheme in HTTP else path.split("/")
    first = next((number for number, part in enumerate(parts) if part == "**" or _has_magic(part, magic)), len(parts))
    return (f"{scheme}://{authority}" if scheme else "") + "/".join(parts[:first])


def _matching(pattern: str, root: Path) -> Iterator[tuple[Entry, bool]]:
    """Every entry that the pattern's last part names, and whether it is to be left out; no directory that holds nothing."""
    store, base, parts = _start(pattern, root)
    try:
        for path, entry, part in _walk(store, base, parts) if parts else ():
            left = bool(entry.name) and left_behind(entry.name, part)
            if entry.kind != "directory" or (not left and any(True for _ in store.entries(path))):
                yield entry, left
    except OSError as error:
        raise LandfallError(f"{pattern} could not be listed: {error}") from error
    except ValueError as error:
        raise SourceRefused(f"{pattern} cannot be listed: {error}. Nothing was published. Change source in the contract.") from error


def _start(pattern: str, root: Path) -> tuple[Store, str, list[str]]:
    """The store, the path to begin at, where nothing is a wildcard, and the parts below it."""
    scheme, authority, path = split(pattern)
    if scheme in HTTP:
        path, query, rest = path.partition("?")
        if query and any(_has_magic(part, "*[") for part in path.split("/")):
            raise SourceRefused(f"{pattern}: wildcards and a query in one address cannot be listed. Nothing was published. Leave one out.")
        parts = [*path.split("/")[1:-1], f"{path.rpartition('/')[2]}{query}{rest}"]
        return locate(pattern)[0], f"{pattern[: len(scheme) + 3]}{authority}", parts
    if is_uri(pattern) and scheme != "file":
        store, own = locate(pattern)
        before, _, _ = own.partition(path) if path else (own, "", "")
        return store, before.rstrip("/"), _parts(path)
    path = path if scheme == "file" else pattern
    first, _, rest = path.partition("/")
    if first.startswith("~"):
        return locate("")[0], os.path.expanduser(first), _parts(rest)
    return locate("")[0], "" if path.startswith("/") else str(root), _parts(path)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _walk(store: Store, base: str, parts: list[str], above: frozenset[str] = frozenset()) -> Iterator[tuple[str, Entry, str]]:
    """Path, entry and last part of the pattern for everything that the parts name below `base`."""
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _walk_all(store, base, rest, above.union(entry.identity for _, entry in _there(store, base or "/") if entry.identity))
    elif rest:
        yield from _walk_on(store, base, part, rest, above)
    elif not _has_magic(part, _magic(base)):
        yield from ((path, replace(entry, name=part), part) for path, entry in _there(store, f"{base}/{part}"))
    else:
        matches = _matcher(part, base)
        for entry in store.entries(base or "/", lambda name: matches(name) or matches_finished(name, matches)):
            yield f"{base}/{entry.name}", entry, part


def _walk_on(store: Store, base: str, part: str, rest: list[str], above: frozenset[str]) -> Iterator[tuple[str, Entry, str]]:
    """As `_walk`, for a part of the pattern that names directories."""
    if not _has_magic(part, _magic(base)):
        yield from _walk(store, f"{base}/{part}", rest, above)
        return
    for entry in store.entries(base or "/", _matcher(part, base)):
        path = f"{base}/{entry.name}"
        if entry.kind == "directory" and not left_behind(entry.name, part):
            yield from _walk(store, path, rest, above)
        elif entry.kind not in ("directory", "file"):
            yield path, entry, part


def _walk_all(store: Store, base: str, rest: list[str], above: frozenset[str]) -> Iterator[tuple[str, Entry, str]]:
    """`**`: the rest of the pattern here and in every directory below; at the pattern's end every file below.

    `above` are the directories that lead here: a link to one of them would go round for ever.
    """
    if rest:
        yield from _walk(store, base, rest, above)
    for entry in store.entries(base or "/"):
        path = f"{base}/{entry.name}"
        if entry.kind == "directory":
            if not left_behind(entry.name, "") and entry.identity not in above:
                yield from _walk_all(store, path, rest, above | {entry.identity} if entry.identity else above)
        elif not rest:
            yield path, entry, "**"


def _there(store: Store, path: str) -> Iterator[tuple[str, Entry]]:
    with suppress(FileNotFoundError, NotADirectoryError):
        yield path, store.entry(path)


def _magic(base: str) -> str:
    return "*[" if split(base)[0] in HTTP else "*?["


def _has_magic(part: str, magic: str) -> bool:
    return any(each in part for each in magic)


def _matcher(part: str, base: str) -> Callable[[str], bool]:
    """Whether a name matches; one behind HTTP may be written as URLs are or plain."""
    pattern = re.compile(glob_translate(part))  # raises ValueError for ** within a name
    if split(base)[0] in HTTP:
        return lambda name: bool(pattern.match(name) or pattern.match(unquote(name)))
    return lambda name: bool(pattern.match(name))


# ---- what is left beside files


def left_behind(name: str, part: str) -> bool:
    """Whether a writer or an editor leaves such a name, and this part of the pattern does not ask for it."""
    small, asked = name.lower(), part.lower()
    if any(small.endswith(suffix) and not asked.endswith(suffix) for suffix in LEFT_BEHIND):
        return True
    if name.startswith("#") and name.endswith("#"):
        return not part.startswith("#")
    return (name.startswith(".") and not part.startswith(".")) or (bool(OF_HADOOP.fullmatch(name)) and not part.startswith("_"))


def matches_finished(name: str, matches: Callable[[str], bool]) -> bool:
    """Whether this is what a writer calls a file until it is whole, and the whole one's name matches."""
    if not left_behind(name, ""):
        return False
    plain = next((name[: -len(suffix)] for suffix in LEFT_BEHIND if name.lower().endswith(suffix)), name)
    names = (plain, plain.lstrip("."), plain.lstrip(".").rpartition(".")[0])  # rsync: .2018-01-28.json.Ab3xYz
    return any(matches(each) for each in names if each)
