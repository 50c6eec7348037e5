// Elements of the page, and how figures and dates are written. Text is always set as text: nothing that a customer delivers becomes markup.

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") Object.entries(value).forEach(([event, listener]) => made.addEventListener(event, listener));
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export const number = new Intl.NumberFormat("en");

const percents = new Intl.NumberFormat("en", { style: "percent", maximumSignificantDigits: 2 });
const longDates = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
const shortDates = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const months = new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric", timeZone: "UTC" });

export const percent = (share) => percents.format(share).replace("%", " %");
export const longDate = (day) => longDates.format(new Date(day));
export const shortDate = (day) => shortDates.format(new Date(day));
export const monthName = (month) => months.format(new Date(`${month}-01`));
export const days = (count) => (count === 1 ? "1 day" : `${number.format(count)} days`);
export const span = (first, last) => (first === last ? shortDate(first) : `${shortDate(first)} to ${shortDate(last)}`);

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

// About as long, as people say it.
export function duration(seconds) {
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    const count = Math.round(seconds / size);
    if (seconds >= 1.5 * size) return `${number.format(count)} ${unit}s`;
  }
  return seconds > 60 ? "2 minutes" : "1 minute";
}

export function badge(state, name = STATES[state].name) {
  return element("span", { class: `badge ${state}` }, element("span", { "aria-hidden": "true" }, STATES[state].glyph), name);
}
