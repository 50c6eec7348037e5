"""The steps that touch the lake: prove, publish to readers, answer."""

import os
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

import connections
from include import compacting, holes, landing, receipts, tidying
from include.customers import Contract
from include.receipts import Found, Landing, PublishReceipt, Source, TransformReceipt
from include.runs import TASKS
from include.spooling import sweep
from steps import receipt_of, seconds_so_far, step

BEFORE_COMMIT = list(TASKS[: TASKS.index("commit")])


class ValidateLandingOperator(BaseOperator):
    """Proves that what lies on HDFS is what was published: counts, content hashes, files, parents and children.

    Reads the files themselves, not only what Spark said of them. Returns warnings, also about fields that are missing, null or empty
    by `holes_points` percentage points more or less often than on the nearest earlier day; problems fail the task for good, each
    as a sentence (also as XCom `problems`), and nothing of the landing becomes visible.

    On call: a problem of files (missing, truncated, changed) is mended by clearing `transform` with downstream; too many
    quarantined records by a look at their reasons: a better source, or `max_quarantined` in the trigger form.
    """

    template_fields = ("max_quarantined",)

    def __init__(self, *, max_quarantined: Any, holes_points: float, accept_empty: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.accept_empty = accept_empty
        self.max_quarantined = max_quarantined
        self.holes_points = holes_points

    def execute(self, context: Context) -> list[str]:
        with step(context):
            published = receipt_of(context, "publish", PublishReceipt)
            transformed = receipt_of(context, "transform", TransformReceipt)
            landed = landing.read_landed(connections.hdfs(), transformed)
            problems = landing.problems(published, transformed, landed, float(self.max_quarantined), self.accept_empty)
            context["ti"].xcom_push(key="problems", value=problems)
            if landed.facts:
                context["ti"].xcom_push(key="found", value=receipts.plain(landing.found_on_hdfs(landed.facts, transformed)))
            if problems:
                raise AirflowFailException("\n".join(["nothing of this landing is visible to readers:", *problems]))
            earlier = holes.nearest_earlier(connections.lake(published.customer), published.day)
            return [*published.warnings, *landing.warnings(published, transformed, landed, earlier, self.holes_points)]


class CommitLandingOperator(BaseOperator):
    """Makes the landing visible: replaces the day's files in every Iceberg table, then writes one row to `landings`.

    Readers see all tables as the newest row of `landings` names them: the old state or the new one. A commit that was
    stopped half-way is undone by the next one. Refuses to replace a landing whose source was found later than this run's.

    On call: clear this task to try again; one that had succeeded already is recognised and not doubled.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        with step(context):
            source = receipt_of(context, "find_source", Source)
            published = receipt_of(context, "publish", PublishReceipt)
            transformed = receipt_of(context, "transform", TransformReceipt)
            row = receipts.landing_of(
                source,
                published,
                transformed,
                receipt_of(context, "validate", Found, key="found"),
                run_id=context["dag_run"].run_id,
                seconds=seconds_so_far(context, BEFORE_COMMIT),
                warnings=tuple(context["ti"].xcom_pull(task_ids="validate") or ()),
            )
            return receipts.plain(connections.lake(source.customer).commit(row, transformed))


class AnswerOperator(BaseOperator):
    """Asks the business questions of the landed tables and leaves the reports of the day and of all days on HDFS, as JSON and as pages.

    Copies of the pages go to the folder of this machine that LANDFALL_REPORTS names, if it is set.

    On call: the landing is complete and visible before this task begins; it can be cleared alone, at any time.
    """

    def execute(self, context: Context) -> dict[str, str]:
        from include import report  # brings what draws charts; every task of a run imports this file

        with step(context):
            landed = receipt_of(context, "commit", Landing)
            copies = os.environ.get("LANDFALL_REPORTS")
            written = report.write(connections.lake(landed.customer), landed, Path(copies) if copies else None)
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
            lake, dry_run = connections.lake(self.contract.customer), bool(context["params"]["dry_run"])
            compacted = compacting.compact(lake, self.contract.tidy.max_files, dry_run=dry_run)
            tidied = tidying.tidy(lake, self.contract.tidy.unneeded_days, dry_run=dry_run)
            self.log.info("%s %s", tidied, compacted)
            if not dry_run:
                self.log.info("folders of tasks that were killed, removed here: %s", ", ".join(sweep()) or "none")
            return {**receipts.plain(tidied), "compacted": receipts.plain(compacted)}
