"""Whether all workers of a deployment have one and the same inbox.

With several workers a task runs on any of them. Where each has a folder of its own at the inbox's path, a day whose file was delivered to
another worker would be skipped, or fail. So the inbox proves that it is one folder: it holds a mark, and the customer's directory on HDFS
has the same one from when the customer's files were first looked for.
"""

import json
import os
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from include.effects import Effect, effect
from include.errors import Refused
from include.source.delivery import locations
from include.storage.stores import is_uri
from include.storage.webhdfs import make_file

MARK = ".landfall-inbox"  # in the inbox itself; a hidden file is nobody's delivery
KNOWN = "inbox.json"  # in the customer's directory


class NotShared(Refused):
    """Another worker has another inbox, or a local file lies where nothing shows that all workers have it."""


def refuse_own_inbox(inbox: Path, sources: Iterable[str], fs: Any, lake: str, worker: str) -> None:
    """Raises NotShared if one of the sources, paths and URLs, is a local file that other workers may not have.

    `lake` is the customer's directory on `fs`, and `worker` this machine's name, for messages. The first look marks the inbox.
    """
    local = [path for path in (locations(each, inbox) for each in sources) if not is_uri(path)]
    for path in local:
        if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(inbox)):
            raise NotShared(
                f"{path} lies outside of the inbox, and this deployment has several workers, of which this one, {worker}, may be the only "
                f"one that has it. Nothing was read. Deliver it to {inbox}, which all workers share, or to hdfs://."
            )
    if not local:
        return
    mark, known = _mark(inbox), _known(fs, lake)
    if known is None:
        mark = mark or _make_mark(inbox, worker)
        first = json.dumps({"mark": mark, "worker": worker, "inbox": str(inbox)}).encode()
        with effect(Effect.WRITE_FILE, path=f"{lake}/{KNOWN}", bytes=len(first)):
            make_file(fs, f"{lake}/{KNOWN}", first)
        known = _known(fs, lake) or {}  # of several that were first, one counts
    if known.get("mark") != mark:
        found = f"holds {mark}" if mark else "is not there"
        raise NotShared(
            f"{inbox} of worker {worker} is not the folder that worker {known.get('worker')} has: its {MARK} {found}, expected "
            f"{known.get('mark')}. Nothing was read. With several workers mount one folder as the inbox on all of them (NFS, "
            f"CephFS), or deliver to hdfs://. If the inbox was replaced on purpose, remove {lake}/{KNOWN}."
        )


def _mark(inbox: Path) -> str | None:
    with suppress(FileNotFoundError):
        return (inbox / MARK).read_text(encoding="utf-8").strip() or None
    return None


def _make_mark(inbox: Path, worker: str) -> str | None:
    """The mark that the inbox has then: of several that make one at once, the first one's."""
    aside, path = inbox / f"{MARK}.{uuid.uuid4().hex}", inbox / MARK
    with effect(Effect.WRITE_FILE, path=str(path), bytes=32):
        try:
            aside.write_text(f"{uuid.uuid4().hex}\n", encoding="utf-8")
            with suppress(FileExistsError):
                path.hardlink_to(aside)  # whole or not at all
            aside.unlink()
        except OSError as error:
            raise NotShared(
                f"{inbox} cannot be marked by worker {worker} ({error.strerror}), so nothing shows that all workers have the same one. "
                f"Nothing was read. Make {path} with a line of any text in it, or let this user write there."
            ) from error
    return _mark(inbox)


def _known(fs: Any, lake: str) -> dict[str, str] | None:
    try:
        known: dict[str, str] = json.loads(fs.cat_file(f"{lake}/{KNOWN}"))
    except FileNotFoundError:
        return None
    return known
