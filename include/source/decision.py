"""What a run of a day does next, by what is known of the day's files, of other runs of the day, and of what has landed."""

from dataclasses import dataclass
from enum import Enum

from include.receipts import Landing, Source
from include.storage.claims import Claim, Taken


class Next(Enum):
    """The first two find out more; each of the others is what becomes of this look."""

    CLAIM = "claims the day"
    DESCRIBE = "reads and hashes the files"
    WAIT_FOR_FILES = "waits for files, or fails or skips the day after its deadline"
    WAIT_FOR_RUN = "waits until another run of the day is over"
    REFUSE_PART = "fails: only a part of the landed files is left"
    LAND = "lands the files"
    LAND_AGAIN = "lands the same bytes again"
    LAND_FROM_ROW = "lands again what the landing's row says, for the files are gone"
    SKIP = "skips the tasks after it: these bytes are landed already"


@dataclass(frozen=True)
class Known:
    """What is known of the day.

    `again` and `named` are what the trigger form asks for: the day landed again, these files as its source. `gone` says that files of a day
    that has landed are there no more and need not be; `awaited` that others are not there, or not whole. `claim`, `landed` (the landing in
    force) and `source` are None until the day is claimed and its files are described.
    """

    again: bool
    named: bool
    uris: tuple[str, ...]
    awaited: bool
    gone: bool
    claim: Claim | Taken | None = None
    landed: Landing | None = None
    source: Source | None = None


def decide(known: Known) -> Next:
    """What comes next. Reads nothing but what is known."""
    landed, source = known.landed, known.source
    if known.awaited and not known.gone:
        return Next.WAIT_FOR_FILES
    if known.claim is None:
        return Next.CLAIM
    if isinstance(known.claim, Taken):
        return Next.WAIT_FOR_RUN
    if landed and known.gone:
        return Next.LAND_FROM_ROW
    if landed and not known.named and set(known.uris) < set(landed.source):
        return Next.REFUSE_PART
    if source is None:
        return Next.DESCRIBE
    if landed is None or landed.sha256 != source.sha256:
        return Next.LAND
    return Next.LAND_AGAIN if known.again else Next.SKIP
