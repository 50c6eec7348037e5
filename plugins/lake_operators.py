"""The steps that touch the lake: prove, publish to readers, answer."""

import time
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

import connections
import landed_assets
import lineage
import metrics
from include import receipts
from include.contracts import Contract
from include.lake import proofs
from include.lake.unknown_fields import as_committed, with_names, without_names
from include.maintenance import cleanup, compact
from include.query import quarantine
from include.receipts import Found, Landing, Override, Proof, PublishReceipt, Source, TransformReceipt
from include.run_identity import TASKS
from include.runs import conf, notices
from include.storage.spool import sweep
from include.validation import checks, holes
from include.validation.facts import Landed
from steps import log_lines, receipt_of, seconds_so_far, step

ALL_CUSTOMERS = "all customers"  # in tidy_lake's form: no customer's name, for it has a space
BEFORE_COMMIT = list(TASKS[: TASKS.index("commit")])


class ValidateLandingOperator(BaseOperator):
    """Proves that what lies on HDFS is what was published: counts, content hashes, files, parents and children.

    Reads the files themselves, not only what Spark said of them. Hands on a proof (XCom `proof`), which `commit` asks for; and returns
    warnings, also about fields that are missing, null or empty by `holes_points` percentage points more or less often than on the seven
    landed days before, if that is more than chance allows. Problems fail the task for good, each as a sentence (also as XCom `problems`);
    then there is no proof, whatever the task is marked as, and nothing of the landing becomes visible.

    A run with a reason in `accept_problems` lands although too few records could be read; so does one with a higher `max_quarantined` than
    the contract's. Who did it, why, and which limits it broke stay with the landing.

    On call: a problem of files (missing, truncated, changed) is mended by clearing `transform` with downstream; too many
    quarantined records by a look at their reasons: a better source, or `max_quarantined` or `accept_problems` in the trigger form.
    """

    template_fields = ("max_quarantined",)

    def __init__(
        self, *, max_quarantined: Any, holes_points: float, accept_empty: bool = False, usual_max_quarantined: float = 1.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.accept_empty = accept_empty
        self.max_quarantined = max_quarantined
        self.usual_max_quarantined = usual_max_quarantined
        self.holes_points = holes_points

    def execute(self, context: Context) -> list[str]:
        began = time.monotonic()
        with step(context):
            source, published, transformed = receipts_so_far(context)
            proofs.require_related(source, published, transformed)
            landed = checks.read_landed(connections.hdfs(), transformed)
            asked, usual = (
                checks.broken_limits(published, transformed, landed, share, self.accept_empty)
                for share in (float(self.max_quarantined), self.usual_max_quarantined)
            )
            found = self.counted(context, transformed, landed)
            reason = (context["params"].get("accept_problems") or "").strip()
            wrong = checks.contradictions(published, transformed, landed)
            problems = [*wrong, *asked]
            context["ti"].xcom_push(key="problems", value=problems)
            log_lines(self.log, notices.proof(published, transformed, found, len(problems), time.monotonic() - began))
            if wrong or (asked and not reason) or found is None:
                self.log_unreadable(source.customer, context["dag_run"].run_id, transformed)
                raise AirflowFailException("\n".join(refusal(wrong, asked, reason)))
            override = self.overriding(context, reason, asked) if asked else self.overriding(context, "", usual)
            earlier = holes.days_before(connections.lake(source.customer), source.day)
            proof = proofs.prove(
                source,
                published,
                transformed,
                found,
                max_quarantined=float(self.max_quarantined),
                accept_empty=self.accept_empty,
                warnings=(*published.warnings, *checks.warnings(published, transformed, landed, earlier, self.holes_points)),
                override=override,
            )
            context["ti"].xcom_push(key="proof", value=receipts.plain(proof))
            return list(proof.warnings)

    def log_unreadable(self, customer: str, run_id: str, transformed: TransformReceipt) -> None:
        """What could not be read, from the files of this try."""
        for line in quarantine.in_words(connections.lake(customer), transformed, run_id):
            self.log.warning("%s", line)

    @staticmethod
    def counted(context: Context, transformed: TransformReceipt, landed: Landed) -> Found | None:
        """What the files hold; pushed for those who look at the run, whether it is proven or not."""
        if landed.facts is None:
            return None
        found = checks.found_on_hdfs(landed.facts, transformed)
        context["ti"].xcom_push(key="found", value=receipts.plain(found))
        return found

    def overriding(self, context: Context, reason: str, problems: list[str]) -> Override | None:
        """Who lands the day in spite of these problems, and why; None where there are none."""
        run = context["dag_run"]
        asked = f"max_quarantined {float(self.max_quarantined):g} in this run, {self.usual_max_quarantined:g} in the contract"
        by = run.triggering_user_name or f"a {run.run_type.value} run"
        return Override(reason or asked, by, tuple(problems)) if problems else None


def refusal(wrong: list[str], limits: list[str], reason: str) -> list[str]:
    """What to say of a landing that is not proven, line by line."""
    told = ["nothing of this landing is visible to readers:", *wrong, *limits]
    if wrong and reason:
        return [*told, "accept_problems lifts limits only: what does not agree is landed for no reason."]
    if limits and not wrong:
        return [*told, "To land it all the same, start a run of the day with a reason in accept_problems; it stays with the landing."]
    return told


class CommitLandingOperator(lineage.CommitLineage, BaseOperator):
    """Makes the landing visible: replaces the day's files in every Iceberg table, and writes one row to `landings`, in one transaction.

    Readers see the old state or the new one; a commit that was stopped half-way has changed nothing. Refuses whatever `validate` has made
    no proof of, receipts of different tries, and to replace a landing whose source was read later than this run's. Then other DAGs are
    told: plugins/landed_assets.py.

    On call: clear this task to try again; one that had succeeded already is recognised and not doubled. A refusal says which task to clear.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        began = time.monotonic()
        with step(context):
            source, published, transformed = receipts_so_far(context)
            row = proofs.landing_of(
                source,
                published,
                transformed,
                receipt_of(context, "validate", Proof, key="proof"),
                run_id=context["dag_run"].run_id,
                seconds=seconds_so_far(context, BEFORE_COMMIT),
            )
            lake = connections.lake(source.customer)
            landed = lake.commit(with_names(lake, row), transformed)
            seconds = time.monotonic() - began
            log_lines(self.log, notices.visible(landed, seconds))
            metrics.landed(landed, seconds)
            lineage.remember(self, landed, lake.location)
            landed_assets.announce(context, self.outlets, landed, lake.location)
            return receipts.plain(without_names(landed))


def receipts_so_far(context: Context) -> tuple[Source, PublishReceipt, TransformReceipt]:
    """What the tasks of this run before `validate` have handed on."""
    return (
        receipt_of(context, "find_source", Source),
        receipt_of(context, "publish", PublishReceipt),
        receipt_of(context, "transform", TransformReceipt),
    )


class AnswerOperator(BaseOperator):
    """Asks the business questions of the landed tables and leaves the reports of the day and of all days on HDFS, as JSON and as pages.

    Copies of the pages go to the folder of this machine that LANDFALL_REPORTS names, if it is set.

    On call: the landing is complete and visible before this task begins; it can be cleared alone, at any time.
    """

    def execute(self, context: Context) -> dict[str, str]:
        from include.answers import pages  # brings what draws charts; every task of a run imports this file

        with step(context):
            handed_on = receipt_of(context, "commit", Landing)
            lake = connections.lake(handed_on.customer)
            written = pages.write(lake, as_committed(lake, handed_on), connections.report_copies())
            self.log.info("report: %s", written)
            return written


class TidyLakeOperator(BaseOperator):
    """Puts days together that have more small files than the contract's `tidy.max_files`, expires snapshots, and removes landings' files
    that no landing in force needs and that are older than the contract's days.

    Returns how many and how many bytes of each kind, and the days put together with their files before and after; with the trigger's
    `dry_run`, what it would be. May meet a landing: of two commits at once one fails and is tried again, and what a landing has written
    lately is never touched.

    On call: "another commit came in between" is mended by the retry. Killed half-way it is complete after the next run; clear this task,
    or wait for the next week: nothing depends on it.
    """

    def __init__(self, *, contract: Contract, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.contract = contract

    def execute(self, context: Context) -> dict[str, Any]:
        with step(context):
            conf.refuse_unknown(context["dag_run"].conf, context["dag"].params)
            if (chosen := context["params"]["customer"]) not in (ALL_CUSTOMERS, self.contract.customer):
                raise AirflowSkipException(f"this run tidies the lake of {chosen} alone")
            lake, dry_run = connections.lake(self.contract.customer), bool(context["params"]["dry_run"])
            compacted = compact.compact(lake, self.contract.tidy.max_files, dry_run=dry_run)
            tidied = cleanup.tidy(lake, self.contract.tidy.unneeded_days, dry_run=dry_run)
            self.log.info("%s %s", tidied, compacted)
            if not dry_run:
                self.log.info("folders of tasks that were killed, removed here: %s", ", ".join(sweep()) or "none")
            return {**receipts.plain(tidied), "compacted": receipts.plain(compacted)}
