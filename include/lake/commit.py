"""What makes a landing visible: the checks that stand before its commit, and its commit as a whole.

The commit of a landing stages the new state of every table and of `landings`, with a row that names the snapshots, and swaps them in
together (`staging.py`). It may die at any moment, be repeated, or meet another one:

* died before the swap: nothing has happened.
* died after it, or its answer was lost: the repeated commit finds the row and is done.
* two at once: one wins, and the other begins again with what that one has left.
"""

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from pyiceberg.table import Transaction

from include.errors import LandfallError, Refused
from include.lake import landing_rows, proofs
from include.lake.catalog import CustomerTables, Overtaken, outside
from include.lake.snapshots import readable, snapshot_id_of, snapshots_of
from include.lake.staging import Change, Version, staging
from include.lake.table_changes import add, clear, keep_snapshots, replace_day, set_back
from include.lake.tombstones import tombstones
from include.receipts import Landing, TransformReceipt
from include.schemas import LANDED, LANDINGS
from include.storage import claims

log = logging.getLogger(__name__)

FENCED_AT = "landfall.fenced-at"  # table property of `landings`, which `fence` changes
KEPT_LANDINGS = 20  # that can be read as of, the newest included


class LandingSuperseded(Refused):
    """The day has a landing whose source was read later, or a run that reads another one."""


class NotForgotten(Refused):
    """An attempt that is to be forgotten may be in the files of a landing."""


def commit(lake: CustomerTables, landing: Landing, transform: TransformReceipt, replacing: str | None = None) -> Landing:
    """Makes the landing visible and returns it with its snapshots and the moment; repeated, it returns what stands already.

    `landing` comes without `snapshots` and `committed_at`, and says by what proof it is there (include/lake/proofs.py). Raises
    LandingSuperseded if the day has a landing of a later source, or another run has claimed it since; Refused if the files on HDFS are
    not those that were proven, or another landing of this name stands already; NotForgotten if it may hold what is to be forgotten;
    and LandfallError for whatever another try may mend. Nothing has changed then.
    With `replacing`, the day's landing in force must still be that one; else it raises Overtaken. Where another commit comes in
    between, it begins again by itself.
    """
    _check(lake, landing, transform)
    with outside(f"{landing.customer} {landing.day}: landing {landing.landing} was not committed"):
        return lake.on_fresh_tables(lambda version: _commit(lake, lake.up_to_date(version), landing, transform, replacing))


def _commit(lake: CustomerTables, version: Version, landing: Landing, transform: TransformReceipt, replacing: str | None) -> Landing:
    before = landing_rows.rows(version.tables[LANDINGS.name], landing.day)
    done = next((row for row in before if row.landing == landing.landing), None)
    if done:
        _refuse_another(landing, done)
        log.info("%s is committed already, at %s", done.landing, done.committed_at)
        return done
    _refuse_older(landing, before)
    if not replacing:  # what takes the place of a landing is as old as that
        _refuse_taken_over(lake, landing)
    if replacing and before[-1].landing != replacing:
        raise Overtaken(f"{landing.customer} {landing.day}: {before[-1].landing} has taken the place of {replacing}. Nothing was changed.")
    _refuse_unforgotten(lake, transform)
    _refuse_changed(lake, transform, Overtaken if replacing else proofs.Unproven)  # a rewriting that a tidying swept begins again
    newest = lake.newest_of(version)

    def change(name: str, transaction: Transaction) -> None:
        set_back(transaction, newest.snapshots.get(name) if newest else None)
        paths = [lake.uri(file.path) for file in transform.tables[name].files]
        replace_day(transaction, landing_rows.of_day(landing.day), paths, landing.landing)

    return _swap_in(lake, version, landing, newest, {name: partial(change, name) for name in LANDED})


def rebuild(lake: CustomerTables, landing: Landing, paths: dict[str, list[str]], replacing: str) -> Landing:
    """Makes these files, and no others, all that each table has, with this landing's row; what the tables held is not looked at.

    `replacing` must still be the newest landing; else it raises Overtaken.
    """

    def commit(version: Version) -> Landing:
        newest = landing_rows.newest(version.tables[LANDINGS.name])
        if newest is None or newest.landing != replacing:
            raise Overtaken(f"{lake.customer}: {newest.landing if newest else 'nothing'} has taken the place of {replacing}")

        def change(name: str, transaction: Transaction) -> None:
            clear(transaction)
            add(transaction, [lake.uri(path) for path in paths[name]], landing.landing)

        return _swap_in(lake, version, landing, newest, {name: partial(change, name) for name in LANDED})

    with outside(f"{lake.customer}: the tables were not rebuilt"):
        return lake.on_fresh_tables(lambda version: commit(lake.up_to_date(version)))


def _swap_in(lake: CustomerTables, version: Version, landing: Landing, newest: Landing | None, changes: dict[str, Change]) -> Landing:
    """The tables with these changes, and in one step with them the landing's row, which names the snapshots that they made."""
    kept = dict(list(readable(version).items())[1 - KEPT_LANDINGS :])
    needed = snapshots_of(kept)

    def change(name: str, transaction: Transaction) -> None:
        changes[name](transaction)
        keep_snapshots(transaction, needed[name])

    with staging(lake.catalog, version) as staged:
        tables = staged.stage({name: partial(change, name) for name in changes})
        snapshots = {name: snapshot_id_of(metadata, name) for name, metadata in tables.items()}
        found_at, committed_at = landing_rows.moment(landing.found_at), _later(newest)
        done = replace(landing, snapshots=snapshots, found_at=found_at.isoformat(), committed_at=committed_at.isoformat())
        staged.stage({LANDINGS.name: partial(landing_rows.append, landing=done, kept=set(kept))})
        staged.swap()
    return done


def fence(lake: CustomerTables) -> None:
    """Lets every commit that is under way begin again: what it has read of the lake may have changed. Makes no snapshot."""

    def move_on(version: Version) -> None:
        if LANDINGS.name in version.tables:
            with staging(lake.catalog, version) as staged:
                staged.stage({LANDINGS.name: lambda transaction: transaction.set_properties({FENCED_AT: datetime.now(UTC).isoformat()})})
                staged.swap()

    with outside(f"{lake.customer}: {LANDINGS.name} cannot be moved on"):
        lake.on_fresh_tables(move_on)


def _check(lake: CustomerTables, landing: Landing, transform: TransformReceipt) -> None:
    wrong = [
        f"{what} is {found!r}, expected {expected!r}"
        for what, expected, found in (
            ("customer", lake.customer, landing.customer),
            ("landing", landing.landing, transform.landing),
            ("day", landing.day, transform.day),
            ("tables", sorted(LANDED), sorted(transform.tables)),
        )
        if expected != found
    ]
    wrong += [
        f"{file.path} is not of this landing"
        for name, files in transform.tables.items()
        for file in files.files
        if not file.path.startswith(f"{lake.path}/{name}/landing={landing.landing}/")
    ]
    if wrong:
        raise Refused(f"{lake.customer}: receipts that do not belong together: {'; '.join(wrong)}. Run the transform again.")
    if not landing.proof:
        raise proofs.Unproven(f"{lake.customer} {landing.day}: landing {landing.landing} comes without a proof. Nothing was changed.")


def _refuse_changed(lake: CustomerTables, transform: TransformReceipt, refusal: type[LandfallError]) -> None:
    """A try that went on as a zombie, or a person, may have touched the files since `validate` read them."""
    wrong = proofs.changed_files(lake.fs, lake.path, transform)
    if wrong:
        raise refusal(
            f"{lake.customer} {transform.day}: the files of landing {transform.landing} are no longer those that were proven: "
            f"{'; '.join(wrong)}. Nothing was changed. Clear transform and the tasks after it."
        )


def _refuse_taken_over(lake: CustomerTables, landing: Landing) -> None:
    """Called after `landings` was loaded: a run that claims the day later lands later too, or lets this one's last step fail."""
    claim = claims.in_force(lake.fs, lake.path, landing.day)
    if claim and landing.claim is not None and claim.number != landing.claim:
        raise LandingSuperseded(
            f"{landing.customer} {landing.day}: since find_source of this run, run {claim.run_id} has claimed the day (claim "
            f"{claim.number}, this run's was {landing.claim}) and read its source, so this landing might undo a newer one. Nothing was "
            "changed. To land this run's source all the same, clear find_source and the tasks after it."
        )


def _refuse_unforgotten(lake: CustomerTables, transform: TransformReceipt) -> None:
    """What was to be forgotten while Spark was reading must not land. Called after the look at the tables: a forgetting that writes its
    tombstone later lets this commit begin again, by a fence.
    """
    unknown = set(tombstones(lake.fs, lake.path)) - set(transform.tombstones)
    if unknown:
        raise NotForgotten(
            f"{lake.customer} {transform.day}: {len(unknown)} attempts were to be forgotten after Spark had begun to read, so this "
            "landing may hold them. Nothing is visible. Clear transform and the tasks after it to run them again."
        )


# ---- refused because of another landing


def _refuse_another(landing: Landing, done: Landing) -> None:
    """A landing of this name stands already. It is this one only if its source, its publishing and what was proven are the same."""
    differ = [
        f"{what} {getattr(done, what) or 'none'}, now {getattr(landing, what)}"
        for what in ("sha256", "ingest", "proof")
        if getattr(done, what) != getattr(landing, what)
    ]
    if differ:
        raise Refused(
            f"{landing.customer} {landing.day}: landing {landing.landing} was committed at {done.committed_at} by run {done.run_id} for "
            f"other records: {'; '.join(differ)}. Nothing was changed. Clear transform and the tasks after it: that makes another landing."
        )


def _refuse_older(landing: Landing, before: list[Landing]) -> None:
    """The day's landing in force gives way only to a source that was not read earlier than its own."""
    in_force = next(reversed(before), None)
    if in_force and _is_older(landing, in_force):
        raise LandingSuperseded(
            f"{landing.customer} {landing.day}: run {in_force.run_id} has landed a source that was found at {in_force.found_at}"
            f"{_claimed(in_force)}, later than this run's ({landing.found_at}{_claimed(landing)}), so this landing would undo a newer one. "
            "Nothing was changed. "
            "To land this run's source all the same, start a new run with it."
        )


def _is_older(landing: Landing, in_force: Landing) -> bool:
    """By their claims, which all workers share. A landing of an earlier version has none: then by the clocks of their workers, unless the
    claim of the other one is the day's last (`_refuse_taken_over`).
    """
    if landing.claim is not None:
        return landing.claim < (in_force.claim or 0)
    return in_force.claim is not None or landing_rows.moment(in_force.found_at) > landing_rows.moment(landing.found_at)


def _claimed(landing: Landing) -> str:
    return "" if landing.claim is None else f" under claim {landing.claim}"


def _later(newest: Landing | None) -> datetime:
    """Now, but later than every landing before: clocks differ, the order of commits does not."""
    now = datetime.now(UTC)
    return max(now, landing_rows.moment(newest.committed_at) + timedelta(microseconds=1)) if newest else now
