"""Whether all of a day's files are there and whole, and whether they still are as they were landed.

Nothing shows for sure that a writer has finished. So a file counts as whole when its store does not say that it is open for writing, and
it has not changed for the contract's `quiet_seconds`, by its own time of change and its store's clock. A `marker`, which the contract may
name, is what a writer leaves last: files older than it need no other sign.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from include.contracts import Contract
from include.receipts import Landing
from include.source import files as source
from include.source import listing
from include.source.inbox import Places
from include.source.listing import Listing
from include.storage import stores
from include.storage.stores import Entry

SETTLE_SECONDS = 1.0  # between two looks at files whose age does not tell, or is not asked for
ROUNDED = 2.0  # seconds that the age of a file may be off, for web servers give whole ones
SHOWN = 3  # names in a sentence


@dataclass(frozen=True)
class Delivery:
    """The day's files as listed, and in words what is missing until they are whole: empty when nothing is.

    `nothing` is whether there is nothing of the day at all, not even what would be left out.
    """

    files: tuple[Entry, ...]
    awaited: str
    nothing: bool

    @property
    def uris(self) -> list[str]:
        return [file.uri for file in self.files]

    @property
    def sizes(self) -> dict[str, int | None]:
        """Bytes of each file by its URI, as its store lists them; None where the store does not say."""
        return {file.uri: file.size for file in self.files}


@dataclass(frozen=True)
class Expected:
    """What a contract says of a day's files."""

    source: str
    quiet_seconds: float
    marker: str | None = None

    @classmethod
    def by(cls, contract: Contract) -> Self:
        return cls(contract.source, contract.quiet_seconds, contract.marker)


def look(expected: Expected, day: str, named: Sequence[str], places: Places, *, may_be_gone: bool = False) -> Delivery:
    """What is there for the day: the files that were named, else those of the contract's pattern.

    Of named files that are not there, all of them, this is no files if they `may_be_gone`, else SourceRefused.

    Raises NotThisCustomers for what lies elsewhere, SourceRefused for what is no file, LandfallError when a store does not answer.
    """
    if named:
        uris = [locations(name, places.inbox) for name in named]
        places.refuse_others(uris)
        if may_be_gone and source.gone(uris):
            return Delivery((), f"none of {_some(uris)}", nothing=True)
        return _named(uris)
    found = _find(expected.source, day, places)
    marker = _find(expected.marker, day, places) if expected.marker else None
    if marker is not None:
        found = _without(found, {entry.uri for entry in marker.files})
    nothing = not (found.files or found.left_out)
    awaited = _not_there(expected, day, places, found, marker) or _not_quiet(expected, found, marker)
    if not awaited and not _all_are_old(found, max(expected.quiet_seconds, SETTLE_SECONDS)):
        time.sleep(SETTLE_SECONDS)
        awaited = _changed(found.files, _find(expected.source, day, places, _uris(marker)).files)
    return Delivery(found.files, awaited, nothing)


def locations(name: str, inbox: Path) -> str:
    """A named file as a URI, or as a path of this machine, which may be relative to the inbox."""
    scheme, _, path = stores.split(name)
    if scheme not in ("", "file"):
        return name
    return path if path.startswith("/") else str(inbox / Path(path).expanduser())


def changed_since(
    landing: Landing, expected: Expected, places: Places, checked: datetime | None = None, *, read: bool = False
) -> list[str]:
    """What has become of a landed day's files, in sentences: written to, or joined by others. Empty where nothing has.

    Files that were written to and are as long as before may have been replaced by their own copies. With `read` they are read to know it.

    Files that a person named are compared alone; those of the contract's pattern also with what the pattern finds now. Files that are gone
    are not mentioned: an inbox is emptied once its days have landed. `checked` is when a later run has found the landed bytes in the files
    again, so that what was written before it changed nothing. Ages are compared and not times, for the store's clock may be ahead of ours.
    Raises as `look`.
    """
    places.refuse_others(list(landing.source))
    now = {entry.uri: entry for entry in _find(expected.source, landing.day, places, _marker_uris(expected, landing.day, places)).files}
    gone = [uri for uri in landing.source if uri not in now and source.gone([uri])]
    entries = [now.get(uri) or stores.entry(uri) for uri in landing.source if uri not in gone]
    since = max(filter(None, (datetime.fromisoformat(landing.found_at), checked))).timestamp()
    later = [entry.uri for entry in entries if entry.age is not None and time.time() - entry.age > since + ROUNDED]
    sizes = [entry.size for entry in entries]
    total = sum(size for size in sizes if size is not None)
    sentences = []
    if not gone and None not in sizes and total != landing.bytes:
        sentences.append(
            f"The landed files have {total:,} bytes now, {landing.bytes:,} were landed: {_some(later or list(landing.source))}."
        )
    elif later and not (read and _as_landed(landing, gone)):
        same = "" if gone or None in sizes else ", with other content" if read else ", and as long as before"
        sentences.append(f"Written to since they were landed{same}: {_some(later)}.")
    joined = sorted(set(now) - set(landing.source)) if set(now) & set(landing.source) else []
    return sentences + ([f"Joined since by files that are not landed: {_some(joined)}."] if joined else [])


def _as_landed(landing: Landing, gone: Sequence[str]) -> bool:
    """Whether the files have the bytes that were landed. Reads them, unless some are gone, for the hash is of all of them."""
    return not gone and source.describe(landing.customer, landing.day, landing.source, landing.found_at).sha256 == landing.sha256


# ---- looking


def _find(pattern: str, day: str, places: Places, but: frozenset[str] = frozenset()) -> Listing:
    """What the pattern names, where it is this customer's. Nothing behind a URL that is not is asked at all."""
    if stores.is_uri(pattern) and stores.split(pattern)[0] != "file":
        places.refuse_others([listing.beginning(pattern.replace("{day}", day))])
    found = listing.find(pattern, day, places.inbox)
    places.refuse_others([entry.uri for entry in found.files])
    return _without(found, but)


def _without(found: Listing, uris: frozenset[str] | set[str]) -> Listing:
    return Listing(tuple(entry for entry in found.files if entry.uri not in uris), found.left_out)


def _uris(found: Listing | None) -> frozenset[str]:
    return frozenset(entry.uri for entry in found.files) if found else frozenset()


def _marker_uris(expected: Expected, day: str, places: Places) -> frozenset[str]:
    return _uris(_find(expected.marker, day, places)) if expected.marker else frozenset()


def _named(uris: list[str]) -> Delivery:
    """Whoever names files says that they are whole; only what changes while we look at it is not."""
    found = listing.named(uris)
    awaited = _open_for_writing(found.files)
    if not awaited and not _all_are_old(found, SETTLE_SECONDS):
        time.sleep(SETTLE_SECONDS)
        awaited = _changed(found.files, listing.named(uris).files)
    return Delivery(found.files, awaited, nothing=False)


# ---- why a day is not whole yet, in words


def _not_there(expected: Expected, day: str, places: Places, found: Listing, marker: Listing | None) -> str:
    left_out = f"; left out as what a writer leaves: {_some([entry.uri for entry in found.left_out])}" if found.left_out else ""
    if not found.files:
        return f"no files at {expected.source.replace('{day}', day)} in {places.inbox}{left_out}"
    if marker is not None and not marker.files:
        assert expected.marker is not None
        return f"{_files(found)}, but no marker at {expected.marker.replace('{day}', day)}{left_out}"
    return ""


def _not_quiet(expected: Expected, found: Listing, marker: Listing | None) -> str:
    """About files that are open for writing, or have changed lately; also those that a writer has not yet given their names."""
    whole = max((entry.changed for entry in marker.files if entry.changed is not None), default=None) if marker else None
    unmarked = [entry for entry in found.files if whole is None or entry.changed is None or entry.changed > whole]
    beside = found.left_out if marker is None else ()
    young = [entry for entry in (*unmarked, *beside) if entry.age is not None and entry.age < expected.quiet_seconds]
    if not young:
        return _open_for_writing(found.files)
    youngest = min(young, key=lambda entry: entry.age or 0.0)
    assert youngest.age is not None
    ahead = ", by a clock that is ahead of the store's" if youngest.age < 0 else ""
    return (
        f"{_files(found)}, of which {_some([entry.uri for entry in young])} changed less than {expected.quiet_seconds:g} s ago "
        f"(the last {youngest.age:.0f} s ago{ahead})"
    )


def _open_for_writing(files: Sequence[Entry]) -> str:
    open_files = [file.uri for file in files if _being_written(file.uri)]
    return f"{len(files)} files, of which {_some(open_files)} is still open for writing" if open_files else ""


def _being_written(uri: str) -> bool:
    store, path = stores.locate(uri)
    try:
        return store.being_written(path)
    except OSError as error:
        raise stores.unreadable(uri, error) from error


def _all_are_old(found: Listing, seconds: float) -> bool:
    return all(file.age is not None and file.age >= seconds for file in found.files)


def _changed(before: Sequence[Entry], now: Sequence[Entry]) -> str:
    first = {file.uri: file.stamp for file in before}
    second = {file.uri: file.stamp for file in now}
    differing = sorted(uri for uri in first.keys() | second.keys() if first.get(uri) != second.get(uri))
    return f"{len(second)} files that are still growing: {_some(differing)}" if differing else ""


def _files(found: Listing) -> str:
    return f"{len(found.files)} file{'' if len(found.files) == 1 else 's'}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
