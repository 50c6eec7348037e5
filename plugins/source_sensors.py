"""Waiting for a day's files."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import BaseSensorOperator, Context, PokeReturnValue
from airflow.sdk.bases.skipmixin import SkipMixin
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

import connections
from include import receipts, run_identity
from include.contracts import Contract
from include.errors import Refused
from include.lake.lake import Lake
from include.lake.unknown_fields import without_names
from include.receipts import Landing, Source
from include.run_identity import WAITS_FOR
from include.runs import conf, notices
from include.source import delivery
from include.source import files as source
from include.source.decision import Known, Next, decide
from include.source.delivery import Delivery, Expected
from include.source.inbox import of_deployment
from include.storage import acl, claims
from include.storage.claims import Claim, Taken
from steps import log_lines, step

GRACE = timedelta(minutes=15)  # for files that are not whole when a run begins after its day's deadline
SOON = 15  # seconds until another look, where what is waited for ends soon
WEEK = 7 * 24 * 3600  # of waiting beyond the deadline, for files that are growing or another run of the day


class FindSourceSensor(BaseSensorOperator, SkipMixin):
    """Finds the files of the run's day and describes them: names, bytes, sha256.

    Waits, without holding a slot, until the files are there and whole (the contract's `quiet_seconds` and `marker`), at most until the
    contract's deadline; a day whose deadline has passed fails (or is skipped, as the contract says) at once, or a quarter of an hour after
    its files were last written to. Files may lie in the customer's inbox, and where the deployment's LANDFALL_SOURCES lists.
    Files that are the ones already landed end the run green here: the tasks after it are skipped, and the log and the
    XCom `already_landed` say which run landed them. With `again` the run goes on instead, and the XCom `landed_again` is the landing in
    force; if that one's files are gone, its row says what they were. Another run of the same day that is under way is waited for.

    Also brings the readers of the customer's directory in line with the contract: at every run, so that nobody has to remember it.

    On call: "no files" names the place that was searched; bring the file there and clear this task. "is under way": mark that other run
    as failed if it will not end by itself.
    """

    def __init__(self, *, contract: Contract, **kwargs: Any) -> None:
        super().__init__(mode="reschedule", poke_interval=60, timeout=contract.deadline_hours * 3600 + WEEK, **kwargs)
        self.contract = contract

    def poke(self, context: Context) -> bool | PokeReturnValue:
        with step(context):
            asked, day = context["params"], self.day_of(context)
            connections.serve_sources()
            lake = connections.lake(self.contract.customer)
            connections.refuse_own_inbox(self.contract.customer, asked["source"] or [self.contract.source])
            files = self.look(asked["source"], day, lake.path, bool(asked["again"]))
            self.grant(lake)
            known = Known(
                again=bool(asked["again"]),
                named=bool(asked["source"]),
                uris=tuple(files.uris),
                awaited=bool(files.awaited),
                gone=bool(asked["again"] and lake.in_force(day)) and source.gone(files.uris),
            )
            while (then := decide(known)) in (Next.CLAIM, Next.DESCRIBE):
                if then is Next.CLAIM:
                    landed, claim = self.claim(context, lake, day)
                    known = replace(known, landed=landed, claim=claim)
                else:
                    known = replace(known, source=self.describe(day, files))
            return self.carry_out(then, context, day, files, known)

    def carry_out(self, then: Next, context: Context, day: str, files: Delivery, known: Known) -> bool | PokeReturnValue:
        """Does what was decided. Returns False where there is to be another look; raises where the run fails or is skipped."""
        claim, landed, found = known.claim, known.landed, known.source
        if then is Next.WAIT_FOR_FILES:
            return self.not_yet(context, day, files)
        if isinstance(claim, Taken):
            self.poke_interval = SOON
            return self.waits(
                context, f"{self.contract.customer} {day}: run {claim.by} of the same day is under way; waiting until it is over"
            )
        assert claim is not None
        if landed and then is Next.REFUSE_PART:
            raise part_refused(known.uris, landed)
        if landed and then is Next.LAND_FROM_ROW:
            return self.land_again(context, replace(receipts.source_of(landed), claim=claim.number), landed)
        assert found is not None
        found = replace(found, claim=claim.number)
        if landed and then is Next.LAND_AGAIN:
            return self.land_again(context, found, landed)
        if landed and then is Next.SKIP:
            self.end_green(context, found, landed)
        return PokeReturnValue(is_done=True, xcom_value=receipts.plain(found))

    def day_of(self, context: Context) -> str:
        """The day that this run lands, as YYYY-MM-DD. Raises Refused for a conf that would land another one than was meant."""
        run, asked = context["dag_run"], context["params"]
        conf.refuse_unknown(run.conf, context["dag"].params)
        one_day = {"day": asked["day"], "source": asked["source"], "accept_problems": asked.get("accept_problems")}
        run_identity.refuse_in_backfill(str(run.run_type.value), **one_day)
        return run_identity.day_of_run(
            asked=asked["day"],
            logical_date=run.logical_date,
            run_after=run.run_after,
            run_type=str(run.run_type.value),
            time_zone=self.contract.time_zone,
        ).isoformat()

    def grant(self, lake: Lake) -> None:
        """Lets the readers of the contract read the customer's directory, and nobody else."""
        acl.grant(lake.fs, lake.path, self.contract.readers)

    def describe(self, day: str, files: Delivery) -> Source:
        """Reads and hashes the files, and logs what they are."""
        found = source.describe(self.contract.customer, day, files.uris, datetime.now(UTC).isoformat(), files.sizes)
        self.log.info("%s %s: %d files, %d bytes, sha256 %s", found.customer, day, len(found.files), found.bytes, found.sha256)
        log_lines(self.log, notices.files(found))
        return found

    def claim(self, context: Context, lake: Lake, day: str) -> tuple[Landing | None, Claim | Taken]:
        """Claims the day for this run; with the landing in force, as it is once nobody else may land one."""

        def claimed(above: int) -> Claim | Taken:
            run_id = context["dag_run"].run_id
            return claims.claim(lake.fs, lake.path, day, run_id, lambda other: self.is_under_way(context, other), above)

        claim = claimed(0)
        landed = lake.in_force(day)
        latest = (landed.claim if landed else None) or 0
        if isinstance(claim, Claim) and claim.number <= latest:
            self.log.warning("%s: the claims under %s/claims were lost; going on above %d, as landings says", day, lake.path, latest)
            claim = claimed(latest)
        return landed, claim

    @staticmethod
    def is_under_way(context: Context, run_id: str) -> bool:
        """Whether this run of the same DAG is running, or about to."""
        return context["ti"].get_dr_count(dag_id=context["dag_run"].dag_id, run_ids=[run_id], states=["queued", "running"]) > 0

    def look(self, named: list[str] | None, day: str, lake: str, again: bool) -> Delivery:
        """The files that a person named in the trigger form, else those of the contract's pattern, if the customer may land them."""
        where = of_deployment(self.contract.customer, lake)
        return delivery.look(Expected.by(self.contract), day, named or [], where, may_be_gone=again)

    def waits(self, context: Context, what: str) -> bool:
        """False, to look again later; says for what it waits in the log, and to whoever follows the run."""
        self.log.info(what)
        context["ti"].xcom_push(key=WAITS_FOR, value=what)
        return False

    def not_yet(self, context: Context, day: str, files: Delivery) -> bool:
        """False while the files may still come; after the deadline an error or a skip, as the contract says.

        Files that are there and not whole yet are waited for a while in any case: a run of a day long past begins after its deadline.
        """
        latest = run_identity.deadline(datetime.fromisoformat(day).date(), self.contract.deadline_hours, self.contract.time_zone)
        if files.uris:
            self.poke_interval = SOON
            latest = max(latest, (context["dag_run"].start_date or latest) + timedelta(seconds=self.contract.quiet_seconds) + GRACE)
        if datetime.now(UTC) < latest:
            return self.waits(context, f"{self.contract.customer} {day}: {files.awaited}; waiting until {latest:%Y-%m-%d %H:%M} UTC")
        message = f"{self.contract.customer} {day}: found {files.awaited} by the deadline ({latest:%Y-%m-%d %H:%M} UTC)."
        if self.contract.missing_source == "skip" and files.nothing:
            raise AirflowSkipException(f"{message} The contract says to skip such a day.")
        raise AirflowFailException(f"{message} Nothing was published. Bring the files and clear this task.")

    def land_again(self, context: Context, found: Source, landed: Landing) -> PokeReturnValue:
        """Goes on with the source of the landing in force; `publish` sends none of it again."""
        how = "its source is there unchanged" if found.found_at != landed.found_at else "its source is gone, its row says what it was"
        self.log.info(
            "landing %s of run %s again: %s: %s, %d bytes, sha256 %s",
            landed.landing, landed.run_id, how, ", ".join(found.uris), found.bytes, found.sha256,
        )  # fmt: skip
        context["ti"].xcom_push(key="landed_again", value=receipts.plain(without_names(landed)))
        return PokeReturnValue(is_done=True, xcom_value=receipts.plain(found))

    def end_green(self, context: Context, found: Source, landed: Landing) -> None:
        """Skips the rest of the run: these very bytes are the landing in force."""
        self.log.info("already landed by run %s at %s (landing %s)", landed.run_id, landed.committed_at, landed.landing)
        context["ti"].xcom_push(key="return_value", value=receipts.plain(found))
        context["ti"].xcom_push(key="already_landed", value=receipts.plain(without_names(landed)))
        self.skip(ti=context["ti"], tasks=context["task"].get_direct_relatives(upstream=False))


def part_refused(uris: Iterable[str], landed: Landing) -> Refused:
    """The error where only some of the landed files are left: landing those alone would take the others' records from readers."""
    lacking = ", ".join(sorted(set(landed.source) - set(uris)))
    return Refused(
        f"{landed.customer} {landed.day}: landing {landed.landing} has {len(landed.source)} files, of which {lacking} "
        "cannot be found any more. Nothing was published. Bring them back, or name the files of the day as its source."
    )
