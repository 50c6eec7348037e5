"""The page in Chromium over its own web app, with Airflow's database and lakes of this machine: what `tests/e2e` need not land for."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request
from playwright.sync_api import Browser, Page, expect

from include.lake.lake import Lake
from include.receipts import Landing
from tests.harness.chromium import launched, needs_chromium
from tests.harness.landings_page import DAY, airflow, changed_file, correction, folder, landed, page  # noqa: F401  # fixtures
from tests.harness.ports import free_port
from tests.oracle.built_landing import Built

pytestmark = needs_chromium
PATIENCE = 60_000  # milliseconds
NEVER = 8_000  # milliseconds until a request that is not answered is given up here, where people wait longer


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched(PATIENCE) as chromium:
        yield chromium


@pytest.fixture
def asked() -> list[tuple[str, Any]]:
    """What the page has asked Airflow's REST API for: path and body."""
    return []


@pytest.fixture
def address(page: Callable[..., Any], asked: list[tuple[str, Any]]) -> Iterator[str]:  # a fixture
    """The web app at its place under Airflow, whose REST API takes whatever is asked and does nothing."""
    from landings_page.web import app

    outer = FastAPI()

    @outer.post("/api/v2/{path:path}")
    async def take(path: str, request: Request) -> dict[str, Any]:
        asked.append((path, await request.json()))
        return {}

    outer.mount("/landings", app)
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(outer, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}/landings/"
    server.should_exit = True
    thread.join()


@pytest.fixture
def open_page(address: str, browser: Browser, page: Callable[..., Any]) -> Iterator[Callable[..., Page]]:  # a fixture
    contexts, errors = [], list[Any]()

    def open_page(user: str, role: str, path: str = "", before: Callable[[Page], Any] = lambda _: None) -> Page:
        token = page(user, role).headers["authorization"]
        contexts.append(browser.new_context(extra_http_headers={"authorization": token}, viewport={"width": 1280, "height": 900}))
        opened = contexts[-1].new_page()
        opened.set_default_timeout(PATIENCE)
        opened.on("pageerror", lambda error: errors.append(error))
        before(opened)
        opened.goto(f"{address}{path or f'?month={DAY[:7]}'}")
        opened.locator("#page:not([aria-busy])").wait_for()
        return opened

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


def test_a_failed_correction_shows_beside_what_readers_see_until_somebody_has_seen_it(
    open_page: Callable[..., Page], landed: tuple[Lake, Landing], correction: Built  # fixtures
) -> None:  # fmt: skip
    opened = open_page("uwe", "user")
    expect(opened.locator("#trouble_title")).to_have_text("2 problems")
    cell = opened.locator(f'[data-key="harbor {DAY}"]')
    expect(cell).to_have_attribute("data-state", "landed_failed")
    cell.click()
    dialog = opened.locator("dialog#day")
    expect(dialog.locator(".notice.bad h3")).to_have_text("validate failed")
    of_landing, of_run = (
        dialog.locator("section", has_text="What readers see").first,
        dialog.locator("section", has_text="The run that failed").first,
    )
    expect(of_landing.locator("[data-figure=landed]")).to_have_text(str(landed[1].landed))
    expect(of_run.locator("[data-figure=published]")).to_have_text("3")
    expect(of_run.locator("[data-figure=landed]")).to_have_count(0)
    expect(of_run).to_contain_text("The run has not come to HDFS.")
    expect(dialog).not_to_contain_text("agree, by count")
    unreadable = dialog.locator("section", has_text="Unreadable in the run that failed: 1 of 3 records (33 %)")
    expect(unreadable.locator("code")).to_contain_text('"started_at": 7')
    dialog.get_by_role("button", name="Seen").click()
    expect(dialog.locator("summary", has_text="A failed attempt, seen by uwe")).to_be_visible()
    expect(opened.locator("#trouble_title")).to_have_text("1 problem")
    expect(cell).to_have_attribute("data-state", "landed")


def test_a_day_whose_files_changed_is_listed_and_says_what_became_of_them(open_page: Callable[..., Page], changed_file: Path) -> None:
    opened = open_page("vera", "viewer")
    item = opened.locator(".trouble li", has_text="files changed")
    expect(item.locator(".reason")).to_contain_text(" bytes now, 1,000 were landed: ")
    item.get_by_role("button").click()
    notice = opened.locator("dialog#day .changed_files")
    expect(notice).to_contain_text("The files have changed since they landed")
    expect(notice).to_contain_text(str(changed_file))


def test_a_viewer_sees_the_failure_and_cannot_say_so(open_page: Callable[..., Page], correction: Built) -> None:
    opened = open_page("vera", "viewer")
    opened.locator(f'[data-key="harbor {DAY}"]').click()
    expect(opened.locator("dialog#day .notice.bad h3")).to_have_text("validate failed")
    expect(opened.get_by_role("button", name="Seen")).to_have_count(0)


def test_years_of_missing_days_are_one_problem_and_their_backfill_is_asked_about(
    open_page: Callable[..., Page], asked: list[tuple[str, Any]]
) -> None:
    opened = open_page("uwe", "user")
    expect(opened.locator("#trouble_title")).to_have_text("1 problem")
    opened.locator('[data-trouble="harbor_2018-01-29_fill"]').click()
    dialog = opened.locator("dialog#backfill")
    dialog.get_by_role("button", name="Start the backfill").click()
    expect(dialog.locator(".message")).to_contain_text("days, a run each, 2 at a time.")
    assert asked == []
    expect(dialog.get_by_role("button", name="Yes, start")).to_be_enabled()
    dialog.locator("[name=last]").fill("2018-02-28")
    expect(dialog.get_by_role("button", name="Start the backfill"), "of another span nothing is confirmed").to_be_visible()
    dialog.locator("[name=last]").fill("2018-03-01")
    dialog.get_by_role("button", name="Start the backfill").click()
    expect(dialog.locator(".message")).to_contain_text("These are 32 days")
    dialog.get_by_role("button", name="Yes, start 32 runs").click()
    expect(dialog).not_to_be_visible()
    [(path, body)] = asked
    assert (path, body["from_date"][:10], body["to_date"][:10]) == ("backfills", "2018-01-29", "2018-03-01")


def test_a_month_is_started_without_a_question_and_the_days_dialog_looks_again(
    open_page: Callable[..., Page], asked: list[tuple[str, Any]]
) -> None:
    opened = open_page("uwe", "user")
    opened.locator('[data-key="harbor 2018-01-29"]').click()
    opened.locator("dialog#day").get_by_role("button", name="Backfill days").click()
    with opened.expect_request(lambda request: request.url.endswith("/days/2018-01-29")):
        opened.get_by_role("button", name="Start the backfill").click()
    assert len(asked) == 1


def test_customers_are_found_filtered_and_sorted_by_what_needs_attention(open_page: Callable[..., Page]) -> None:
    opened = open_page("root", "admin")
    names = opened.locator(".row:not(.heads) .who strong")
    expect(names).to_have_text(["reef", "wreck", "harbor", "quay"])  # a broken catalog, a wrong contract, missing days, nothing
    opened.locator("#order").select_option("name")
    expect(names).to_have_text(["harbor", "quay", "reef", "wreck"])
    opened.locator("#find").fill("SAILING")
    expect(names).to_have_text(["harbor"])
    expect(opened.locator(".filters [role=status]")).to_have_text("1 of 4 customers")
    opened.locator("#find").fill("")
    opened.locator("#only").check()
    expect(names).to_have_text(["harbor", "reef", "wreck"])
    assert opened.locator(".heads").evaluate("head => getComputedStyle(head).position") == "sticky"


@pytest.mark.not_quick("waits for 8 s, as the page does")
def test_a_request_that_never_answers_is_given_up_and_said(open_page: Callable[..., Page]) -> None:
    def never(opened: Page) -> None:
        opened.add_init_script(f"const real = AbortSignal.timeout; AbortSignal.timeout = () => real.call(AbortSignal, {NEVER});")
        opened.route("**/api/customers/quay/days**", lambda route: None)

    opened = open_page("root", "admin", before=never)
    expect(opened.locator(".row", has_text="quay").locator(".failure")).to_contain_text("Airflow has not answered for 30 seconds.")
    expect(opened.locator(f'[data-key="harbor {DAY}"]')).to_have_attribute("data-state", "landed")
