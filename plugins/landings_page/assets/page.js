// @ts-check
// The page: what is not right on top, the calendar of a month under it, one day in a dialog. A run's tab in Airflow shows its day alone.

import { Refusal, SOON, START_TAKES, ask, followTheme, request } from "./airflow.js";
import { Calendar, daysOf } from "./calendar.js";
import { followDay, titleOf, told } from "./day.js";
import { badge, byId, days, duration, element, focusOn, focusedOn, monthName, number, span } from "./elements.js";

/** @import { Attributes, Children, Customers, Days, Extent, NotRight, Row } from "../answers" */

const LATER = 60000; // milliseconds between looks while nothing runs
const LISTED = 6; // what is not right, before "more"
const MANY = 31; // days; a backfill of more is asked about once more
const FILES = 600000; // between looks at the files of days that landed lately
const URGENCY = { red: 0, landed_failed: 1, missing: 2, changed: 3 };
const page = byId("page");
const said = byId("said");
const today = new Date().toLocaleDateString("sv"); // YYYY-MM-DD, by the browser's clock

class Landings {
  /** @type {number | null} */
  drawing = null; // the frame in which all is shown again
  /** @type {(() => void) | undefined} */
  wake; // ends the pause between two looks

  /** @param {Customers} answer */
  constructor({ customers }) {
    /** @type {Row[]} */
    this.rows = customers.map((each) => ({ ...each, answer: null, changed: [], failure: null, waiting: !each.wrong }));
    const [, asked] = location.search.match(/[?&]month=(\d{4}-(?:0[1-9]|1[0-2]))(?:&|$)/) ?? [];
    this.month = asked ?? today.slice(0, 7);
    this.chosen = Boolean(asked);
    this.soonUntil = 0;
    this.lookedAtFiles = 0;
    this.trouble = element("section", { class: "trouble", "aria-labelledby": "trouble_title" });
    this.monthTitle = element("h2", { id: "month", "aria-live": "polite" });
    this.sorted = this.rows.map((row) => row.customer);
    this.find = element("input", { type: "search", id: "find", on: { input: () => this.show() } });
    this.only = element("input", { type: "checkbox", id: "only", on: { change: () => this.show() } });
    this.order = element("select", { id: "order", on: { change: () => this.sort() } },
      element("option", { value: "attention" }, "what needs attention first"), element("option", { value: "name" }, "by name"));
    this.shown = element("span", { class: "soft", role: "status" });
    this.calendar = new Calendar({ open: (customer, day) => this.open(customer, day), turn: (by) => this.turn(by) });
    /** @type {(label: string, text: string, click: () => void) => HTMLElement} */
    const button = (label, text, click) => element("button", { type: "button", "aria-label": label, title: label, on: { click } }, text);
    page.replaceChildren(
      element("h1", {}, "Landings"),
      this.trouble,
      element("section", { "aria-labelledby": "month" },
        element("div", { class: "months" },
          button("The month before", "‹", () => this.turn(-1)), this.monthTitle, button("The month after", "›", () => this.turn(1)),
          button("This month", "Today", () => this.go(today.slice(0, 7)))),
        this.rows.length > 1 && element("div", { class: "filters", role: "search" },
          element("label", {}, "Customer ", this.find),
          element("label", {}, this.only, " only what needs attention"),
          element("label", {}, "Order ", this.order), this.shown),
        this.calendar.element),
    );
  }

  /** @param {string} customer */
  mayTrigger = (customer) => this.rows.some((row) => row.customer === customer && row.may_trigger);

  show() {
    const title = monthName(this.month);
    if (this.monthTitle.textContent !== title) this.monthTitle.textContent = title; // is read aloud when it is set
    const rows = this.chosenRows();
    this.shown.textContent = rows.length < this.rows.length ? `${rows.length} of ${this.rows.length} customers` : "";
    this.calendar.show(this.month, today, rows);
    this.showTrouble();
  }

  // Answers that come together are shown together: with many customers each would draw all of them.
  showSoon() {
    this.drawing ??= requestAnimationFrame(() => {
      this.drawing = null;
      this.show();
    });
  }

  chosenRows() {
    const text = this.find.value.trim().toLowerCase();
    const named = (/** @type {Row} */ row) => `${row.customer} ${row.description}`.toLowerCase().includes(text);
    const chosen = this.rows.filter((row) => named(row) && (!this.only.checked || row.waiting || urgency(row) < CALM));
    return chosen.sort((one, other) => this.sorted.indexOf(one.customer) - this.sorted.indexOf(other.customer));
  }

  // Not at every answer: rows that move under the pointer are worse than an order of a minute ago.
  sort() {
    const names = this.rows.map((row) => row.customer); // in order
    const urgent = Object.fromEntries(this.rows.map((row) => [row.customer, urgency(row)]));
    this.sorted = this.order.value === "name" ? names : names.sort((one, other) => urgent[one] - urgent[other]);
    this.show();
  }

  // Every customer by itself: one that fails, or takes its time, keeps no other from being seen.
  async load() {
    const month = this.month;
    const shown = daysOf(month);
    await Promise.all(
      this.rows.filter((row) => !row.wrong).map(async (row) => {
        const found = await ask(`customers/${encodeURIComponent(row.customer)}/days?first=${shown[0]}&last=${shown.at(-1)}`).then(
          (/** @type {Days} */ answer) => ({ answer, failure: null }),
          (error) => ({ answer: null, failure: told(error) }),
        );
        if (month !== this.month) return; // another month has been asked for since
        Object.assign(row, found, { waiting: false });
        this.showSoon();
      }),
    );
    this.sort();
    page.removeAttribute("aria-busy");
    this.goWhereSomethingIs();
  }

  // Stores may take their time, or be away: one customer after the other, so that no other request waits for them.
  /** @param {number} pause */
  async lookAtFiles(pause) {
    if (this.looking || Date.now() - this.lookedAtFiles < pause) return;
    this.looking = true;
    for (const row of this.rows.filter((each) => each.answer)) {
      row.changed = await ask(`customers/${encodeURIComponent(row.customer)}/changed`).catch((error) => (told(error), []));
      if (row.changed.length) this.showSoon();
    }
    this.lookedAtFiles = Date.now();
    this.looking = false;
  }

  // Somebody who opens the page first sees a month in which something happened.
  goWhereSomethingIs() {
    if (this.chosen) return;
    this.chosen = true;
    const answers = this.rows.map((row) => row.answer).filter((answer) => answer !== null);
    const telling = ["landed", "landed_failed", "red", "running", "missing"];
    const here = answers.some((answer) => Object.values(answer.days).some((day) => telling.includes(day.state)));
    const newest = answers.map((answer) => answer.newest).filter((day) => day !== null).sort().at(-1);
    if (!here && newest) this.go(newest.slice(0, 7));
  }

  /** @param {number} by */
  turn(by) {
    const [year, month] = this.month.split("-").map(Number);
    this.go(new Date(Date.UTC(year, month - 1 + by, 1)).toISOString().slice(0, 7));
    return this.month;
  }

  /** @param {string} month */
  go(month) {
    if (month === this.month) return;
    this.chosen = true;
    this.month = month;
    for (const row of this.rows) {
      if (row.answer) Object.assign(row, { answer: { ...row.answer, days: {} }, waiting: true });
    }
    history.replaceState(null, "", `?month=${month}`);
    this.show();
    this.load();
  }

  get running() {
    return this.rows.some((row) => Object.values(row.answer?.days ?? {}).some((day) => day.state === "running"));
  }

  async watch() {
    for (;;) {
      const soon = this.running || Date.now() < this.soonUntil;
      if (document.visibilityState === "visible") this.lookAtFiles(soon ? LATER : FILES);
      await /** @type {Promise<void>} */ (new Promise((resolve) => (this.wake = resolve, setTimeout(resolve, soon ? SOON : LATER))));
      if (document.visibilityState === "visible") await this.load();
    }
  }

  started = () => {
    this.soonUntil = Date.now() + START_TAKES;
    this.wake?.();
  };

  // ---- what is not right

  showTrouble() {
    const wrong = this.rows.filter((row) => row.wrong || row.failure);
    const items = this.rows.flatMap((row) => notRight(row).map((each) => ({ ...each, row })));
    items.sort((one, other) => URGENCY[one.state] - URGENCY[other.state] || other.last.localeCompare(one.last));
    const all = [...wrong.map((row) => this.wrongCustomer(row)), ...items.map((item) => this.wrongDay(item))];
    const waiting = this.rows.some((row) => row.waiting && !row.answer);
    const title = titleOfTrouble(all.length, waiting);
    const open = this.trouble.querySelector("details")?.open;
    const summary = element("summary", {}, `${number.format(all.length - LISTED)} more`);
    const more = all.length > LISTED ? [element("details", { open }, summary, element("ul", {}, all.slice(LISTED)))] : [];
    const focused = focusedOn().trouble;
    this.trouble.className = `trouble ${all.length ? "bad" : waiting ? "" : "good"}`;
    this.trouble.replaceChildren(element("h2", { id: "trouble_title" }, title), element("ul", {}, all.slice(0, LISTED)), ...more);
    if (focused) focusOn(`[data-trouble="${focused}"]`, this.trouble);
  }

  /** @param {Row} row */
  wrongCustomer(row) {
    const badges = row.wrong ? badge("red", "contract") : badge("red", "not shown");
    return element("li", {}, badges, element("strong", {}, row.customer), element("p", { class: "reason" }, row.wrong ?? row.failure));
  }

  /** @param {NotRight & { row: Row }} item */
  wrongDay({ row, state, first, last, days: count, reason }) {
    const key = `${row.customer}_${first}`;
    /** @type {(attributes: Attributes, click: () => void, ...text: Children[]) => HTMLElement} */
    const button = (attributes, click, ...text) => element("button", { type: "button", ...attributes, on: { click } }, ...text);
    const name = [element("strong", {}, row.customer), ` ${span(first, last)}`];
    const open = button({ class: "link", "data-trouble": key }, () => this.open(row.customer, first), ...name);
    const fill = () => this.askForBackfill(row.customer, first, last);
    const offered = state === "missing" && row.may_trigger;
    const backfill = offered && button({ "data-trouble": `${key}_fill` }, fill, count > MANY ? "Backfill…" : `Backfill ${days(count)}…`);
    return element("li", {}, badge(state, state === "landed_failed" ? "failed since" : undefined), open, element("p", { class: "reason" }, reason), backfill);
  }

  // ---- one day

  /** @param {string} customer @param {string} day */
  async open(customer, day) {
    if (day.slice(0, 7) !== this.month) this.go(day.slice(0, 7));
    const dialog = /** @type {HTMLDialogElement} */ (byId("day"));
    giveFocusBack(dialog);
    const place = element("div", { class: "content", tabindex: "-1" }, element("p", { class: "soft" }, "Asking Airflow and HDFS…"));
    const close = element("button", { type: "button", class: "close", "aria-label": "Close", on: { click: () => dialog.close() } }, "×");
    dialog.replaceChildren(element("header", {}, element("h2", { id: "day_title" }, titleOf(customer, day)), close), place);
    dialog.showModal();
    await followDay(place, customer, day, {
      mayTrigger: this.mayTrigger(customer),
      started: this.started,
      backfill: (...asked) => this.askForBackfill(...asked),
      seen: () => this.load(),
    });
  }

  // ---- a backfill

  /** @param {string} customer @param {string} first @param {string} last */
  askForBackfill(customer, first, last, started = this.started) {
    const dialog = /** @type {HTMLDialogElement} */ (byId("backfill"));
    giveFocusBack(dialog);
    const from = element("input", { type: "date", name: "first", required: true, value: first });
    const to = element("input", { type: "date", name: "last", required: true, value: last });
    const message = element("p", { class: "message", role: "status" });
    const start = element("button", { class: "primary" }, "Start the backfill");
    /** @type {string | null} */
    let confirmed = null; // the span of many days that the person has been asked about
    const reset = () => {
      confirmed = null;
      start.textContent = "Start the backfill";
      message.textContent = "";
    };
    from.addEventListener("input", reset);
    to.addEventListener("input", reset);
    const submit = async (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      start.disabled = true;
      const asked = `first=${from.value}&last=${to.value}`;
      if (confirmed !== asked) message.textContent = "Asking Airflow…";
      try {
        /** @type {Extent} */
        const wanted = await ask(`customers/${encodeURIComponent(customer)}/backfill?${asked}`);
        if (wanted.days > MANY && confirmed !== asked) {
          confirmed = asked;
          message.textContent = extent(wanted);
          start.textContent = `Yes, start ${number.format(wanted.days)} runs`;
          return;
        }
        await request(wanted);
        dialog.close();
        said.textContent = `Airflow has taken the backfill of ${customer}, ${span(from.value, to.value)}.`;
        started();
      } catch (error) {
        message.textContent = told(error);
      } finally {
        start.disabled = false;
      }
    };
    dialog.replaceChildren(
      element("form", { on: { submit } },
        element("h2", { id: "backfill_title" }, `Backfill ${customer}`),
        element("p", { class: "soft" }, "Airflow runs each day of the span; a day whose bytes are landed already is left as it is."),
        element("label", {}, "First day", from), element("label", {}, "Last day", to), message,
        element("div", { class: "actions" }, start, element("button", { type: "button", on: { click: () => dialog.close() } }, "Cancel"))),
    );
    dialog.showModal();
  }
}

// To what the dialog was opened from; by then it may have been shown anew, as another element.
/** @param {HTMLDialogElement} dialog */
function giveFocusBack(dialog) {
  const { key, trouble } = focusedOn();
  const selector = key ? `[data-key="${key}"]` : trouble ? `[data-trouble="${trouble}"]` : null;
  const give = () => selector && document.activeElement === document.body && focusOn(selector);
  dialog.addEventListener("close", give, { once: true });
}

// A gap of years is one problem, and the day that a correction failed another.
/** @param {number} count @param {boolean} waiting */
function titleOfTrouble(count, waiting) {
  if (!count) return waiting ? "Asking Airflow and HDFS…" : "Nothing is wrong: every day that is due has landed";
  return count === 1 ? "1 problem" : `${number.format(count)} problems`;
}

// What the calendar's answer says, and which days' files have changed; a run that began since looks at them itself.
/** @param {Row} row */
function notRight({ answer, changed }) {
  const landed = (/** @type {NotRight} */ each) => (answer?.days[each.first]?.state ?? "landed") === "landed";
  return [...(answer?.not_right ?? []), ...changed.filter(landed)];
}

// How soon a customer wants a person: 0 is now.
const CALM = 5;
/** @param {Row} row */
function urgency(row) {
  if (row.wrong || row.failure) return 0;
  return Math.min(CALM, ...notRight(row).map((each) => URGENCY[each.state] + 1));
}

/** @param {Extent} wanted */
function extent({ days: count, seconds, at_once: together }) {
  const how = seconds === null ? "How long that takes nobody can say yet: no run of this customer has succeeded" :
    `That takes about ${duration(seconds)}, as long as its newest runs took`;
  return `These are ${number.format(count)} days, a run each, ${number.format(together)} at a time. ${how}. Start them all?`;
}

/** @param {string} user */
function nobody(user) {
  return [
    element("h1", {}, "Landings"),
    element("div", { class: "notice" },
      element("h2", {}, "There is no customer here that you may see"),
      element("p", {}, `You are ${user}. A customer shows here for the readers that its contract names (readers in `
        + "include/customers/<customer>.yaml), and for those who operate this Airflow.")),
  ];
}

// A run's tab: its day alone.
/** @param {URLSearchParams} parameters */
async function showRun(parameters) {
  const { customer, day, none } = await ask(`runs?${parameters}`).catch(noLanding);
  if (none) {
    page.replaceChildren(element("p", { class: "notice" }, none));
    return;
  }
  /** @type {Customers} */
  const { customers } = await ask("customers");
  const place = element("div", { class: "content", tabindex: "-1" });
  const note = element("p", { class: "soft" });
  page.replaceChildren(element("h1", {}, titleOf(customer, day)), note, place);
  const mayTrigger = customers.some((each) => each.customer === customer && each.may_trigger);
  await followDay(place, customer, day, { mayTrigger, started: () => {} }, (found) => {
    const other = found.run_id && found.run_id !== parameters.get("run_id");
    note.textContent = other ? "The day as it stands by now: another run has come after this one." : "";
  });
}

// Every run of Airflow has the tab, those that land nothing too.
/** @param {unknown} error */
function noLanding(error) {
  if (error instanceof Refusal && error.status === 404) return { none: error.message };
  throw error;
}

async function begin() {
  followTheme();
  if (location.pathname.endsWith("/run")) {
    await showRun(new URLSearchParams(location.search));
    page.removeAttribute("aria-busy");
    return;
  }
  const answer = await ask("customers");
  if (!answer.customers.length) {
    page.replaceChildren(...nobody(answer.user));
    page.removeAttribute("aria-busy");
    return;
  }
  const landings = new Landings(answer);
  landings.show();
  await landings.load();
  await landings.watch();
}

begin().catch((error) => {
  const again = element("button", { type: "button", on: { click: () => location.reload() } }, "Try again");
  const message = element("p", {}, error instanceof Refusal ? error.message : "This page has failed; the browser's console says why.");
  page.replaceChildren(element("h1", {}, "Landings"), element("div", { class: "notice bad" }, message, again));
  page.removeAttribute("aria-busy");
  if (!(error instanceof Refusal)) throw error;
});
