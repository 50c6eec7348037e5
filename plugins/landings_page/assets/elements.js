// @ts-check
// Elements of the page, and how figures and dates are written. Text is always set as text: nothing that a customer delivers becomes markup.

/** @import { Attributes, Children, State } from "../answers" */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} attributes
 * @param {Children[]} children
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") Object.entries(value).forEach(([event, listener]) => made.addEventListener(event, listener));
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined && child !== false) made.append(child);
  return made;
}

export const number = new Intl.NumberFormat("en");

const percents = new Intl.NumberFormat("en", { style: "percent", maximumSignificantDigits: 2 });
const longDates = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
const shortDates = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const months = new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric", timeZone: "UTC" });

/** @param {number} share */
export const percent = (share) => percents.format(share).replace("%", " %");
/** @param {string} day */
export const longDate = (day) => longDates.format(new Date(day));
/** @param {string} day */
export const shortDate = (day) => shortDates.format(new Date(day));
/** @param {string} month */
export const monthName = (month) => months.format(new Date(`${month}-01`));
/** @param {number} count */
export const days = (count) => (count === 1 ? "1 day" : `${number.format(count)} days`);
/** @type {(first: string, last: string) => string} */
export const span = (first, last) => (first === last ? shortDate(first) : `${shortDate(first)} to ${shortDate(last)}`);

/** @type {Record<State, { glyph: string, name: string }>} */
export const STATES = {
  landed: { glyph: "✓", name: "landed" },
  landed_failed: { glyph: "✓", name: "landed, newest attempt failed" },
  red: { glyph: "✗", name: "red" },
  running: { glyph: "…", name: "running" },
  missing: { glyph: "○", name: "missing" },
  skipped: { glyph: "–", name: "no files, skipped" },
  not_run: { glyph: "·", name: "not run" },
  changed: { glyph: "≠", name: "files changed" },
  not_due: { glyph: "", name: "not due" },
};

const UNITS = [{ unit: "day", size: 86400 }, { unit: "hour", size: 3600 }, { unit: "minute", size: 60 }];

// About as long, as people say it.
/** @param {number} seconds */
export function duration(seconds) {
  for (const { unit, size } of UNITS) {
    const count = Math.round(seconds / size);
    if (seconds >= 1.5 * size) return `${number.format(count)} ${unit}s`;
  }
  return seconds > 60 ? "2 minutes" : "1 minute";
}

/** @param {State} state */
export function badge(state, name = STATES[state].name) {
  return element("span", { class: `badge ${state}` }, element("span", { "aria-hidden": "true" }, STATES[state].glyph), name);
}

// The data attributes of what has the focus.
export function focusedOn() {
  return document.activeElement instanceof HTMLElement ? document.activeElement.dataset : {};
}

/** @param {string} selector @param {ParentNode} [within] */
export function focusOn(selector, within = document) {
  const found = within.querySelector(selector);
  if (found instanceof HTMLElement) found.focus();
}

// An element of page.html, which has it for certain.
/** @param {string} id */
export function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}
