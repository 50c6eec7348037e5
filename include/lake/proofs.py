"""What must hold before a landing becomes visible, whatever was marked, cleared, skipped or run in whatever order.

Airflow lets people run any task of a run again, mark any as a success and go on; receipts of different tries then lie side by side, and
each of them is right by itself. So each names the one that it builds on (`builds_on`), every step compares what it was handed, and
nothing is committed without a `Proof`: `validate` makes one only when it has no objection, and it names the landing, the receipts and the
files that it is about. What `validate` hands on while it refuses is no proof, and another try's proof is none for this one.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from include import receipts
from include.errors import Refused
from include.figures import counted
from include.receipts import Found, Landing, Override, Proof, PublishReceipt, Source, TransformReceipt, digest
from include.schemas import LANDED

JUDGEMENT = ("max_quarantined", "accept_empty", "warnings", "override")  # of a proof, all but the evidence


class Unproven(Refused):
    """There is no proof of what is to be committed, or the receipts of a run are of different tries. The message says what to clear."""


# ---- receipts that belong together


def require_related(source: Source, publish: PublishReceipt, transform: TransformReceipt | None = None) -> None:
    """Raises Unproven unless each of these receipts builds on the one before it, and names the same day, source and publishing."""
    wrong = [*_published_another(source, publish), *(_read_another(publish, transform) if transform else ())]
    if wrong:
        where = f"{source.customer} {source.day}"
        raise Unproven(f"{where}: receipts of this run do not belong together: {' '.join(wrong)} Nothing was changed.")


def _published_another(source: Source, publish: PublishReceipt) -> Iterator[str]:
    differ = [
        f"{what} {published}, find_source has found {found}"
        for what, published, found in (
            ("customer", publish.customer, source.customer),
            ("day", publish.day, source.day),
            ("sha256", publish.source_sha256, source.sha256),
        )
        if published != found
    ]
    if differ:
        yield f"publish has published {', '.join(differ)}. Clear publish and the tasks after it."
    elif publish.builds_on != digest(source):
        yield "find_source has run again since publish. Clear publish and the tasks after it."


def _read_another(publish: PublishReceipt, transform: TransformReceipt) -> Iterator[str]:
    differ = [
        f"{what} {getattr(transform, what)}, publish has published {getattr(publish, what)}"
        for what in ("day", "topic", "ingest")
        if getattr(transform, what) != getattr(publish, what)
    ]
    if differ:
        yield f"transform has read {', '.join(differ)}. Clear transform and the tasks after it."
    elif transform.builds_on != digest(publish):
        yield "publish has run again since transform. Clear transform and the tasks after it."


# ---- the proof


def prove(
    source: Source,
    publish: PublishReceipt,
    transform: TransformReceipt,
    found: Found,
    *,
    max_quarantined: float,
    accept_empty: bool,
    warnings: tuple[str, ...] = (),
    override: Override | None = None,
) -> Proof:
    """The proof of a landing against which nothing was said, or what was said is overridden: then that is its first warning."""
    return Proof(
        landing=transform.landing,
        customer=source.customer,
        day=source.day,
        ingest=publish.ingest,
        sha256=source.sha256,
        rests_on=rests_on(source, publish, transform),
        files={table: written.files for table, written in transform.tables.items()},
        rows={table: written.rows for table, written in transform.tables.items()},
        found=found,
        max_quarantined=max_quarantined,
        accept_empty=accept_empty,
        warnings=(*([override.sentence] if override else []), *warnings),
        override=override,
    )


def rests_on(source: Source, publish: PublishReceipt, transform: TransformReceipt) -> dict[str, str]:
    """Task to the digest of its receipt."""
    return {"find_source": digest(source), "publish": digest(publish), "transform": digest(transform)}


def evidence(proof: Proof) -> str:
    """The digest of what the proof is about, whatever the limits were: the same for the same files, receipts and counts."""
    return digest({name: value for name, value in asdict(proof).items() if name not in JUDGEMENT})


def require_proven(proof: Proof, source: Source, publish: PublishReceipt, transform: TransformReceipt) -> None:
    """Raises Unproven unless the proof is about these very receipts, and about the landing and the files that they name."""
    require_related(source, publish, transform)
    expected = prove(source, publish, transform, proof.found, max_quarantined=proof.max_quarantined, accept_empty=proof.accept_empty)
    since = [task for task, each in expected.rests_on.items() if proof.rests_on.get(task) != each]
    if evidence(proof) != evidence(expected):
        why = f"{' and '.join(since)} ran again since" if since else "it names other files or figures than the receipts"
        raise Unproven(
            f"{source.customer} {source.day}: the proof that validate made is of landing {proof.landing}, to be committed is "
            f"{transform.landing}, which nobody has looked at: {why}. Nothing was changed. Clear validate and the tasks after it."
        )


def changed_files(fs: Any, root: str, transform: TransformReceipt) -> list[str]:
    """Sentences about files that are not on `fs` as the receipt has them, from a listing of the landing's folders. `root` is the lake's."""
    wrong = []
    for table in LANDED:
        expected = {file.path: file.bytes for file in transform.tables[table].files}
        found = _listed(fs, f"{root}/{table}/landing={transform.landing}")
        for path in sorted(expected.keys() | found.keys()):
            if expected.get(path) != found.get(path):
                wrong.append(f"{path}: expected {_size(expected.get(path))}, found {_size(found.get(path))}")
    return wrong


def _listed(fs: Any, folder: str) -> dict[str, int]:
    """Path to bytes of the folder's files, but for those that Hadoop takes for none (`_` or `.` in front)."""
    try:
        listed = fs.ls(folder, detail=True)
    except FileNotFoundError:
        return {}
    files = {str(each["name"]): int(each["size"]) for each in listed if each["type"] == "file"}
    return {path: size for path, size in files.items() if not path.rsplit("/", 1)[-1].startswith(("_", "."))}


def _size(found: int | None) -> str:
    return "no file" if found is None else f"{found} bytes"


# ---- the row


def landing_of(
    source: Source, publish: PublishReceipt, transform: TransformReceipt, proof: Proof, *, run_id: str, seconds: dict[str, float]
) -> Landing:
    """The row of `landings` for what is proven, as a commit takes it: its moment and its snapshots are still to be set.

    Raises Unproven as `require_proven` does.
    """
    require_proven(proof, source, publish, transform)
    return Landing(
        landing=transform.landing,
        customer=source.customer,
        day=source.day,
        run_id=run_id,
        found_at=source.found_at,
        committed_at="",
        source=tuple(source.uris),
        bytes=source.bytes,
        sha256=source.sha256,
        topic=publish.topic,
        ingest=publish.ingest,
        generation=publish.generation,
        offsets=publish.offsets,
        published=publish.published,
        landed=transform.distinct,
        duplicates=transform.duplicates,
        quarantined=transform.quarantined,
        **counted(transform),
        content_hash=publish.content_hash,
        reasons=transform.reasons,
        tables={table: files.rows for table, files in transform.tables.items()},
        snapshots={},
        seconds=seconds,
        warnings=proof.warnings,
        conservation=receipts.conservation(publish, transform, proof.found),
        unknown_fields=transform.unknown_fields,
        forgotten=transform.forgotten,
        claim=source.claim,
        proof=evidence(proof),
        override=proof.override,
    )
