"""The Landings page in Airflow's UI, in Chromium: what a person sees, reads and starts there, and what is kept from whom."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect
from tenacity import retry, stop_after_delay, wait_fixed

from include.answers import pages
from include.receipts import Landing, conservation
from include.validation.checks import found_on_hdfs, read_landed
from tests.harness.chromium import launched, needs_chromium
from tests.harness.private_landfall import ROOT, Landfall
from tests.oracle.built_landing import RECORDS, attempt, build

SCREENSHOTS = Path(os.environ.get("LANDFALL_SCREENSHOTS") or ROOT / ".local" / "screenshots")
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PATIENCE = 90_000  # milliseconds; a busy machine has taken half of it
LANDING = 500_000  # a landing takes half a minute; on a busy machine, minutes
pytestmark = needs_chromium


def ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).date().isoformat()


@dataclass(frozen=True)
class Harbor:
    """A customer with a landed day, a day that nobody has landed, and yesterday, whose run of the schedule has found no file."""

    landed: str
    missing: str
    red: str
    receipt: Landing


def land(stack: Landfall, day: str) -> Landing:
    """Lands RECORDS as validate, commit and answer do, of which the first finds what is on HDFS."""
    lake = stack.lake("harbor")
    built = build(Path(), RECORDS, day, fs=lake.fs, root=lake.path, customer="harbor")
    facts = read_landed(lake.fs, built.transform).facts
    assert facts is not None
    counted = conservation(built.publish, built.transform, found_on_hdfs(facts, built.transform))
    landing = lake.commit(replace(built.landing, conservation=counted), built.transform)
    pages.write(lake, landing, stack.settings.reports)
    return landing


@pytest.fixture(scope="module")
def harbor(stack: Landfall) -> Iterator[Harbor]:
    """Its landing is built, not run. Beside it a customer that viewer is no reader of, and one whose contract is wrong, which goes in the
    end for other tests' sake.
    """
    landed, missing, red = ago(3), ago(2), ago(1)
    stack.deliver("harbor", f"{missing}.json", b"[" + attempt(1) + b"]")
    stack.add_customer("harbor", readers=["viewer"], first_day=datetime.fromisoformat(landed).date(), max_quarantined=0.2)
    stack.add_customer("quay", missing_source="skip")
    wrong = Path(stack.environment["LANDFALL_CUSTOMERS"]) / "wreck.yaml"
    wrong.write_text("source: wreck/all.json\n")
    try:
        yield Harbor(landed, missing, red, land(stack, landed))
    finally:
        wrong.unlink()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched(PATIENCE) as chromium:
        yield chromium


@pytest.fixture
def log_in(stack: Landfall, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a window of the user's own, past Airflow's login form. An error that a script does not catch fails the test."""
    errors: list[Any] = []
    contexts = []

    def log_in(user: str, **options: Any) -> Page:
        contexts.append(browser.new_context(base_url=stack.settings.endpoints.airflow_url, **{"viewport": WIDE, **options}))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: errors.append(error))  # Playwright wants a function of Python
        page.goto("/")
        page.locator("[name=username]").fill(user)
        page.locator("[name=password]").fill(user)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("link", name="Landings")).to_be_visible()
        return page

    yield log_in
    for context in contexts:
        context.close()
    assert errors == []


def open_from_navigation(page: Page) -> FrameLocator:
    page.get_by_role("link", name="Landings").click()
    frame = page.frame_locator("iframe[title=Landings]")
    loaded(frame)
    return frame


def loaded(place: FrameLocator | Page) -> None:
    place.locator("#page:not([aria-busy])").wait_for()


def cell(place: FrameLocator | Page, customer: str, day: str) -> Locator:
    """The day in the calendar, in whichever month it is."""
    found = place.locator(f'[data-key="{customer} {day}"]')
    if not found.count():
        place.get_by_role("button", name="The month before").click()
        found.wait_for()
    return found


def keep(page: Page, name: str, whole: bool = False) -> None:
    """A picture of what is in the window, or of the whole page, as output of the tests for people to look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"landings_{name}.png", full_page=whole)


CLOSED = ["", "run", "page.js", "api/customers", "api/runs?dag_id=a&run_id=b", "api/customers/harbor/days?first=2026-01-01&last=2026-01-02",
          "reports/harbor/all_days", "openapi.json", "nothing"]  # fmt: skip


@pytest.mark.parametrize("path", CLOSED)
def test_nobody_gets_in_without_a_session(stack: Landfall, path: str) -> None:
    assert (
        httpx.get(f"{stack.settings.endpoints.airflow_url}/landings/{path}", trust_env=False, timeout=60).status_code
        == httpx.codes.UNAUTHORIZED
    )


def test_what_is_not_right_and_why_stands_on_top_and_a_landed_day_shows_its_receipt(harbor: Harbor, log_in: Callable[..., Page]) -> None:
    page = log_in("admin")
    frame = open_from_navigation(page)
    trouble = frame.locator(".trouble")
    expect(trouble.get_by_role("heading")).to_contain_text("problem")
    expect(trouble.locator("li", has_text="wreck")).to_contain_text("has no {day}")
    red = trouble.locator("li", has=frame.locator(f'[data-trouble="harbor_{harbor.red}"]'))
    expect(red).to_contain_text(f"find_source: harbor {harbor.red}: found no files", timeout=120_000)  # when the schedule's run is over
    assert cell(frame, "harbor", harbor.missing).get_attribute("data-state") == "missing"
    keep(page, "admin_1280")
    day = cell(frame, "harbor", harbor.landed)
    expect(day).to_contain_text("17 %")  # 2 of 12 records
    day.click()
    dialog = frame.locator("dialog#day")
    for figure in ("published", "landed", "duplicates", "quarantined", "test"):
        expect(dialog.locator(f"[data-figure={figure}]")).to_have_text(f"{getattr(harbor.receipt, figure):,}")
    rows = [
        [text.strip() for text in row.all_inner_texts()]
        for row in [each.locator("td") for each in dialog.locator(".counts tbody tr").all()]
    ]
    assert rows[0] == [str(harbor.receipt.published)] * 4
    assert rows[1] == [harbor.receipt.content_hash] * 4
    for warning in harbor.receipt.warnings:
        expect(dialog.locator(".notice.warn")).to_contain_text(warning)
    expect(dialog.locator(".reasons")).to_contain_text(["invalid_json", "missing_keen_id"])
    expect(dialog.locator(".reasons code").first).to_contain_text("keen 7")
    keep(page, "receipt_1280")
    with page.context.expect_page() as opened:
        dialog.get_by_role("link", name="Report of the day").click()
    expect(opened.value.get_by_role("heading", level=1)).to_contain_text("harbor")
    assert opened.value.evaluate("self.origin") == "null", "a report has no share in the session"


@retry(stop=stop_after_delay(180), wait=wait_fixed(5), reraise=True)
def show_all_that_is_not_right(page: Page) -> None:
    """Days of other tests' customers may fill the list, and the rest is behind its last line."""
    more = page.locator(".trouble details:not([open]) > summary")
    if more.count():
        more.click()


def start_backfill(page: Page) -> None:
    """Airflow on SQLite gives a backfill up while another of its processes writes, and says so: then whoever asked asks again."""
    dialog = page.locator("dialog#backfill[open]")
    for _ in range(3):
        page.get_by_role("button", name="Start the backfill").click()
        expect(dialog.locator(".message", has_text="Asking Airflow")).to_have_count(0)
        if not dialog.count():
            return
    pytest.fail(dialog.locator(".message").inner_text())


def test_a_backfill_that_is_started_here_turns_its_day_green(stack: Landfall, harbor: Harbor, log_in: Callable[..., Page]) -> None:
    page = log_in("admin", viewport=NARROW, color_scheme="dark")
    page.goto("/landings/")  # without Airflow's frame around it
    loaded(page)
    show_all_that_is_not_right(page)
    page.locator(f'[data-trouble="harbor_{harbor.missing}_fill"]').click()
    start_backfill(page)
    day = cell(page, "harbor", harbor.missing)
    expect(day).to_have_attribute("data-state", "running", timeout=60_000)
    keep(page, "running_390_dark", whole=True)
    expect(day).to_have_attribute("data-state", "landed", timeout=LANDING)
    assert stack.lake("harbor").in_force(harbor.missing).landed == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    expect(page.locator(f'[data-trouble="harbor_{harbor.missing}_fill"]')).to_have_count(0)
    keep(page, "landed_390_dark", whole=True)


def test_a_red_day_is_tried_again_from_its_dialog(harbor: Harbor, log_in: Callable[..., Page]) -> None:
    page = log_in("admin", viewport=NARROW)
    page.goto("/landings/")
    loaded(page)
    cell(page, "harbor", harbor.red).click()
    dialog = page.locator("dialog#day")
    expect(dialog.locator(".notice.bad")).to_contain_text("found no files")
    keep(page, "red_390")
    dialog.get_by_role("button", name="Land this day").click()
    expect(dialog.locator(".badge")).to_contain_text("running")
    expect(dialog.locator(".badge")).to_contain_text("red")  # there is still no file
    expect(dialog.locator(".notice.bad")).to_contain_text("found no files")


def test_a_viewer_sees_the_customers_that_name_it_and_starts_nothing(harbor: Harbor, log_in: Callable[..., Page]) -> None:
    page = log_in("viewer")
    frame = open_from_navigation(page)
    expect(frame.get_by_role("rowheader")).to_have_count(2)
    for customer in ("demo", "harbor"):
        expect(frame.get_by_role("rowheader").filter(has_text=customer)).to_have_count(1)
    expect(frame.get_by_role("button", name="Backfill")).to_have_count(0)
    cell(frame, "harbor", harbor.landed).click()
    again = frame.get_by_role("button", name="Land again")
    expect(again).to_be_disabled()
    expect(again).to_have_accessible_description("Your role in Airflow may look, not start runs.")
    keep(page, "viewer_1280")
    answers = {path: page.request.get(f"/landings/{path}").status for path in hidden_from_viewer(harbor)}
    assert answers == dict.fromkeys(answers, 404)
    wanted = page.request.get(f"/landings/api/customers/harbor/days/{harbor.landed}/run").json()
    assert page.request.post(f"/api/v2/{wanted['path']}", data=wanted["body"]).status == 403
    wanted = page.request.get(f"/landings/api/customers/harbor/backfill?first={harbor.red}&last={harbor.red}").json()
    assert page.request.post(f"/api/v2/{wanted['path']}", data=wanted["body"]).status == 403


def hidden_from_viewer(harbor: Harbor) -> list[str]:
    days = f"api/customers/quay/days?first={harbor.landed}&last={harbor.red}"
    return [days, f"api/customers/quay/days/{harbor.red}", "api/customers/wreck/days/2018-01-01", "api/customers/nobody/days/2018-01-01",
            "api/runs?dag_id=land_assessments_quay&run_id=r", "reports/quay/all_days"]  # fmt: skip


def test_a_keyboard_is_enough(harbor: Harbor, log_in: Callable[..., Page]) -> None:
    page = log_in("viewer", color_scheme="dark")
    page.goto("/landings/")
    loaded(page)
    day = cell(page, "harbor", harbor.landed)
    expect(page.locator("button.day[tabindex='0']")).to_have_count(1)
    day.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
    expect(day).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("dialog#day [data-figure=landed]")).to_have_text(str(harbor.receipt.landed))
    page.keyboard.press("Escape")
    expect(page.locator("dialog#day")).not_to_be_visible()
    expect(day).to_be_focused()
    page.keyboard.press("PageUp")
    expect(page.locator("button.day:focus")).to_have_count(1)


def run_of(stack: Landfall, day: str) -> Landing:
    """The landing of a run of Airflow: that of the backfill above, or of one that is started here."""
    lake = stack.lake("harbor")
    if lake.in_force(day) is None:
        stack("land", "--customer", "harbor", "--day", day)
    landing = lake.in_force(day)
    assert landing is not None
    return landing


def test_a_run_of_airflow_has_its_landing_as_a_tab(stack: Landfall, harbor: Harbor, log_in: Callable[..., Page]) -> None:
    run = run_of(stack, harbor.missing)
    page = log_in("viewer")
    page.goto(f"/dags/land_assessments_harbor/runs/{run.run_id}")
    page.get_by_role("link", name="Landing", exact=True).click()
    frame = page.frame_locator("iframe[title=Landing]")
    expect(frame.locator("[data-figure=published]")).to_have_text(str(run.published))
    keep(page, "run_1280")


def test_who_sees_no_customer_is_told_why(stack: Landfall, harbor: Harbor, log_in: Callable[..., Page]) -> None:
    contracts = Path(stack.environment["LANDFALL_CUSTOMERS"])
    kept = {contract: text for contract in contracts.glob("*.yaml") if "viewer" in (text := contract.read_text())}
    assert contracts / "harbor.yaml" in kept
    for contract, text in kept.items():
        contract.write_text(text.replace("viewer", "bob"))
    try:
        page = log_in("viewer")
        frame = open_from_navigation(page)
        expect(frame.locator(".notice")).to_contain_text("You are viewer")
        keep(page, "nobody_1280")
    finally:
        for contract, text in kept.items():
            contract.write_text(text)


def test_an_api_server_that_is_gone_is_said(harbor: Harbor, log_in: Callable[..., Page]) -> None:
    page = log_in("viewer")
    page.route("**/landings/api/**", lambda route: route.abort())
    page.goto("/landings/")
    expect(page.locator(".notice.bad")).to_contain_text("Airflow does not answer")
    page.unroute("**/landings/api/**")
    page.route(f"**/days/{harbor.landed}", lambda route: route.fulfill(status=503, body=json.dumps({"detail": "HDFS does not answer"})))
    page.get_by_role("button", name="Try again").click()
    loaded(page)
    cell(page, "harbor", harbor.landed).click()
    expect(page.locator("dialog#day .notice.bad")).to_have_text("HDFS does not answer")
    keep(page, "failed_1280")
