// @ts-check
// The calendar: a row for each customer, a cell for each day of the month. One cell at a time is in the order of the tab key; arrows move
// within the grid, Page Up and Page Down to other months.

import { STATES, badge, element, focusOn, focusedOn, longDate, number, percent, shortDate } from "./elements.js";

/** @import { Cell, Row, State } from "../answers" */

const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/** @type {State[]} */
const SHOWN_STATES = ["landed", "landed_failed", "red", "running", "missing", "skipped", "not_run"];

/** @param {string} month */
export function daysOf(month) {
  const [year, number] = month.split("-").map(Number);
  const count = new Date(Date.UTC(year, number, 0)).getUTCDate();
  return Array.from({ length: count }, (_, index) => `${month}-${String(index + 1).padStart(2, "0")}`);
}

// Monday is 0.
/** @param {string} day */
const weekday = (day) => (new Date(day).getUTCDay() + 6) % 7;

export class Calendar {
  /** @type {string | undefined} */
  kept; // the key of the cell that is in the order of the tab key
  /** @type {string[]} */
  days = [];

  /** @param {{ open: (customer: string, day: string) => void, turn: (by: number) => string }} actions */
  constructor({ open, turn }) {
    this.open = open;
    this.turn = turn; // to another month: by -1 or 1
    const on = { keydown: (/** @type {KeyboardEvent} */ event) => this.move(event) };
    this.grid = element("div", { role: "grid", class: "grid", "aria-label": "Customers by days", on });
    // Where a month is shown as weeks; each day says its own weekday to who listens.
    const weekdays = element("div", { class: "weekdays", "aria-hidden": "true" }, WEEKDAYS.map((name) => element("span", {}, name)));
    this.element = element("div", {}, weekdays, this.grid, legend());
  }

  /** @param {string} month @param {string} today @param {Row[]} rows */
  show(month, today, rows) {
    const { key: focused, newest } = this.grid.contains(document.activeElement) ? focusedOn() : {};
    const kept = focused ?? this.kept;
    this.days = daysOf(month);
    this.grid.style.setProperty("--days", String(this.days.length));
    this.grid.style.setProperty("--first", String(weekday(this.days[0]) + 1));
    this.grid.replaceChildren(this.header(today), ...rows.map((row) => this.row(row, today)));
    const cells = dayButtons(this.grid);
    const current = cells.find((cell) => cell.dataset.key === kept) ?? cells.find((cell) => cell.dataset.day === today) ?? cells[0];
    if (current) current.tabIndex = 0;
    if (focused && current) current.focus();
    if (newest) focusOn(`[data-newest="${newest}"]`, this.grid);
  }

  /** @param {string} today */
  header(today) {
    const names = this.days.map((day) =>
      element(
        "div",
        { role: "columnheader", class: day === today ? "head today" : "head", "aria-label": longDate(day) },
        element("span", { class: "weekday", "aria-hidden": "true" }, WEEKDAYS[weekday(day)][0]),
        String(Number(day.slice(8))),
      ),
    );
    return element("div", { role: "row", class: "row heads" }, element("div", { role: "columnheader", class: "who" }, "Customer"), names);
  }

  /** @param {Row} row @param {string} today */
  row(row, today) {
    const newest = row.answer?.newest;
    const link = { class: "link", type: "button", "data-newest": row.customer, on: { click: () => newest && this.open(row.customer, newest) } };
    const said = newest
      ? element("button", link, `newest ${shortDate(newest)}`)
      : element("span", { class: "soft" }, row.answer ? "nothing landed yet" : "");
    const name = element("div", { role: "rowheader", class: "who", title: row.description }, element("strong", {}, row.customer), said);
    const wrong = row.wrong ?? row.failure;
    return element(
      "div",
      { role: "row", class: "row", "aria-busy": row.waiting ? "true" : null },
      name,
      wrong ? failure(wrong) : this.days.map((day) => this.cell(row, day, today)),
    );
  }

  /** @param {Row} row @param {string} day @param {string} today */
  cell(row, day, today) {
    /** @type {Cell} */
    const found = row.answer?.days[day] ?? { state: "not_due" };
    const key = `${row.customer} ${day}`;
    const attributes = {
      type: "button",
      class: `day ${found.state}${day === today ? " today" : ""}${row.waiting ? " waiting" : ""}${found.seen ? " seen" : ""}`,
      tabindex: "-1",
      "data-key": key,
      "data-day": day,
      "data-customer": row.customer,
      "data-state": found.state,
      "aria-label": `${row.customer}, ${longDate(day)}: ${said(found)}`,
      title: `${shortDate(day)}: ${said(found)}`,
      on: {
        click: () => this.open(row.customer, day),
        focus: (/** @type {{ currentTarget: HTMLElement }} */ event) => this.keep(event.currentTarget),
      },
    };
    const warns = found.landed?.has_warnings ? element("sup", {}, "!") : "";
    const failed = found.state === "landed_failed" ? element("sup", { class: "failed" }, "✗") : "";
    const share = found.landed?.quarantined ? percent(found.landed.quarantined / found.landed.published) : "";
    return element(
      "div",
      { role: "gridcell" },
      element(
        "button",
        attributes,
        element("span", { class: "number", "aria-hidden": "true" }, String(Number(day.slice(8)))),
        element("span", { class: "glyph", "aria-hidden": "true" }, STATES[found.state].glyph, warns, failed),
        share ? element("span", { class: "share", "aria-hidden": "true" }, share) : "",
      ),
    );
  }

  /** @param {HTMLElement} cell */
  keep(cell) {
    dayButtons(this.grid).forEach((other) => (other.tabIndex = -1));
    cell.tabIndex = 0;
    this.kept = cell.dataset.key;
  }

  /** @param {KeyboardEvent} event */
  move(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || !(event.target instanceof HTMLElement)) return;
    const { day, customer } = event.target.dataset;
    if (!day || !customer) return;
    const rows = [...this.grid.querySelectorAll(".row")].map(dayButtons).filter((cells) => cells.length);
    const row = rows.findIndex((cells) => cells[0].dataset.customer === customer);
    const column = this.days.indexOf(day);
    const last = this.days.length - 1;
    /** @type {Record<string, () => HTMLElement | null | undefined>} */
    const moves = {
      ArrowLeft: () => rows[row][column - 1] ?? this.turnTo(customer, -1),
      ArrowRight: () => rows[row][column + 1] ?? this.turnTo(customer, 1),
      ArrowUp: () => rows[row - 1]?.[column],
      ArrowDown: () => rows[row + 1]?.[column],
      Home: () => rows[row][0],
      End: () => rows[row][last],
      PageUp: () => this.turnTo(customer, -1),
      PageDown: () => this.turnTo(customer, 1),
    };
    const to = moves[event.key];
    if (!to) return;
    event.preventDefault();
    to()?.focus();
  }

  // The last day of the month before, or the first of the next.
  /** @param {string} customer @param {number} by */
  turnTo(customer, by) {
    const month = this.turn(by);
    const days = daysOf(month);
    return this.control(`[data-key="${customer} ${by < 0 ? days.at(-1) : days[0]}"]`);
  }

  /** @param {string} selector @returns {HTMLElement | null} */
  control(selector) {
    return this.grid.querySelector(selector);
  }
}

/** @type {(within: Element) => HTMLButtonElement[]} */
const dayButtons = (within) => [...within.querySelectorAll("button")].filter((button) => button.classList.contains("day"));

// A day in words, for ears and for the pointer.
/** @param {Cell} cell */
function said({ state, landed, seen }) {
  const parts = [STATES[state].name];
  if (landed) {
    parts.push(`${number.format(landed.landed)} attempts from ${number.format(landed.published)} records`);
    if (landed.quarantined) parts.push(`${percent(landed.quarantined / landed.published)} quarantined`);
    if (landed.has_warnings) parts.push("with warnings");
    if (state !== "landed") parts.push("which readers see");
  }
  if (seen) parts.push("a failed attempt has been seen");
  return parts.join(", ");
}

/** @param {string} reason */
const failure = (reason) => element("div", { role: "gridcell", class: "failure" }, element("strong", {}, "Cannot be shown. "), reason);

function legend() {
  const items = SHOWN_STATES.map((state) => element("li", {}, badge(state)));
  const marks = element("li", { class: "soft" }, "! has warnings; a percentage is the share of records in quarantine");
  return element("ul", { class: "legend", "aria-label": "What the marks mean" }, items, marks);
}
