"""What is said of a landing, in the log of its tasks and to people: made from receipts, and so of counts, names and hashes only.

No text here carries anything of a record: neither bytes, nor ids, nor an error's own words, which may quote either.
"""

from collections.abc import Iterable, Mapping

from include.receipts import Conservation, Found, Landing, PublishReceipt, Source, TransformReceipt, conservation

FILES = 10  # of a day, that are named
PARTS = ("landed", "duplicates", "quarantined", "forgotten")


def files(source: Source) -> list[str]:
    """The files of a day, a line each, with size and hash; of many the first ten."""
    lines = [f"  {file.uri}: {file.bytes} bytes, sha256 {file.sha256}" for file in source.files[:FILES]]
    more = len(source.files) - len(lines)
    return [*lines, f"  and {more} more"] if more > 0 else lines


def proof(publish: PublishReceipt, transform: TransformReceipt, found: Found | None, problems: int, seconds: float) -> list[str]:
    """What `validate` compared: records and content hash of source, topic, Spark and HDFS, and the rows of every table."""
    what = f"{publish.customer} {publish.day}, landing {transform.landing}"
    judged = f"{problems or 'no'} problem{'' if problems == 1 else 's'}"
    rows = {table: files.rows for table, files in transform.tables.items()}
    return [
        f"{what}: {judged}, looked at in {seconds:.1f} s",
        *_columns(conservation(publish, transform, found)),
        *_counted("quarantined for", transform.reasons),
        *_counted("rows", rows),
    ]


def visible(landing: Landing, seconds: float) -> list[str]:
    """What `commit` made visible, with the seconds of every step so far."""
    steps = {**landing.seconds, "commit": round(seconds, 2)}
    return [
        f"{landing.customer} {landing.day}: landing {landing.landing} is what readers see, since {landing.committed_at}",
        *_columns(landing.conservation),
        *_counted("rows", landing.tables),
        *_counted("snapshots", landing.snapshots),
        *_counted("seconds", steps),
    ]


def _columns(counted: Conservation) -> Iterable[str]:
    """One line a column: how many records it has, their hash, and what became of them where that is known."""
    for column, each in counted.items():
        parts = ", ".join(f"{each[part]} {part}" for part in PARTS if part in each)
        yield f"  {column:<6} {each['records']} records, content hash {each['content_hash']}{': ' if parts else ''}{parts}"


def _counted(what: str, counts: Mapping[str, float]) -> list[str]:
    return [f"  {what}: {', '.join(f'{name} {count}' for name, count in counts.items())}"] if counts else []
