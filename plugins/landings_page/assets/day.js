// @ts-check
// One day of one customer: what was counted where, what is wrong and why, what could not be read, how long it took, and what can be done.

import { Refusal, SOON, START_TAKES, ask, followOutside, request, runPage } from "./airflow.js";
import { badge, element, longDate, number, percent } from "./elements.js";

/** @import { Children, Day, DayActions, Figure, Place, Reason, Receipt } from "../answers" */

const OPEN = 15000; // milliseconds between looks at a day in its dialog, for others start runs too
const COUNTED = ["records", "content_hash", "landed", "duplicates", "quarantined", "forgotten"];
/** @type {Record<string, string>} */
const NAMES = { content_hash: "content hash", landed: "distinct attempts" };
/** @type {Record<Place, string>} */
const PLACES = { source: "Source", topic: "Topic", spark: "Spark", hdfs: "HDFS" };

const ALL_PLACES = /** @type {Place[]} */ (Object.keys(PLACES));

/** @type {(customer: string, day: string) => string} */
export const dayPath = (customer, day) => `customers/${encodeURIComponent(customer)}/days/${day}`;

// Shows a day as the server has answered it. Without `backfill` among the actions there is no button for it.
/** @param {HTMLElement} place @param {Day} found @param {DayActions} actions */
function showDay(place, found, actions) {
  const parts = [
    element("p", { class: "state" }, badge(found.state), " ", sentence(found)),
    trouble(found, actions),
    changedFiles(found),
    buttons(found, actions),
    ...landing(found),
    ...attempt(found),
  ];
  const focused = place.contains(document.activeElement);
  place.replaceChildren(...parts.filter((part) => part !== null));
  if (focused) place.focus(); // what had it is gone
}

// Shows a day, and shows it again as it changes, for as long as its run is under way, or one has just been started.
/** @type {(place: HTMLElement, customer: string, day: string, actions: Omit<DayActions, "changed">, changed?: (found: Day) => void) => Promise<void>} */
export async function followDay(place, customer, day, actions, changed = () => {}) {
  /** @type {string | null} */
  let shown = null;
  /** @type {number | undefined} */
  let timer;
  let until = 0;
  const started = () => {
    until = Date.now() + START_TAKES;
    actions.started();
    look();
  };
  const again = () => {
    actions.seen?.();
    return look();
  };
  const look = async () => {
    clearTimeout(timer);
    try {
      const found = await ask(dayPath(customer, day));
      if (JSON.stringify(found) !== shown) {
        shown = JSON.stringify(found);
        showDay(place, found, { ...actions, started, changed: again });
        changed(found);
      }
      next(found.state === "running" || Date.now() < until ? SOON : OPEN);
    } catch (error) {
      shown = null;
      place.replaceChildren(element("p", { class: "notice bad" }, told(error)));
      next(OPEN);
    }
  };
  const next = (/** @type {number} */ pause) => {
    clearTimeout(timer);
    if (place.isConnected && place.checkVisibility()) timer = setTimeout(look, pause);
  };
  await look();
}

/** @param {Day} found */
function sentence(found) {
  const own = found.in_force?.run_id === found.run_id;
  const before = own ? "Readers see its landing." : "Readers see the landing before it.";
  const visible = found.in_force ? before : "Readers see nothing of this day.";
  /** @type {Partial<Record<Day["state"], string>>} */
  const sentences = {
    landed_failed: `An attempt since has failed. ${visible}`,
    landed: found.landings > 1 ? `Landed ${found.landings} times; the newest is in force.` : "Every record is accounted for.",
    red: `The last run failed. ${visible}`,
    running: `A run is under way. ${visible}`,
    missing: "The deadline has passed without a landing, and no run is under way.",
    skipped: "A run found no files, and the contract says that such a day is none.",
    not_run: "No run has looked for files; the contract says that a day without files is none.",
    not_due: "Nothing is due.",
  };
  return sentences[found.state];
}

// Why the newest run failed, and whether somebody knows.
/** @param {Day} found @param {DayActions} actions */
function trouble(found, { mayTrigger, changed }) {
  if (!found.failure) return null;
  const { failed_task: task, reason, problems } = found.failure.receipt;
  const lines = reason ? [element("p", { class: "reason" }, reason)] : problems.map((each) => element("p", { class: "reason" }, each));
  const title = task ? `${task} failed` : "The run was marked as failed; none of its tasks did";
  const own = found.failure.run_id === found.in_force?.run_id;
  const kept = found.in_force && element("p", {}, own ? "The day had landed before that." : "What had landed before stays as it is.");
  const { seen } = found.failure;
  if (seen) {
    const moment = `${seen.at.slice(0, 16).replace("T", " ")} UTC`;
    return element("details", { class: "notice seen" },
      element("summary", {}, `A failed attempt, seen by ${seen.by}, ${moment}`), element("h3", {}, title), ...lines, kept);
  }
  return element("div", { class: "notice bad" }, element("h3", {}, title), ...lines, kept, mayTrigger && sawIt(found, found.failure.run_id, changed));
}

/** @param {Day} found @param {string} runId @param {() => unknown} changed */
function sawIt(found, runId, changed) {
  const message = element("span", { class: "message", role: "status" });
  const click = async () => {
    message.textContent = "Noting it…";
    try {
      await ask(`${dayPath(found.customer, found.day)}/seen?run_id=${encodeURIComponent(runId)}`, "PUT");
      await changed();
    } catch (error) {
      message.textContent = told(error);
    }
  };
  const title = "It no longer counts as a problem, until another attempt fails";
  return element("p", { class: "actions" }, element("button", { type: "button", title, on: { click } }, "Seen"), message);
}

// Asked by itself: it looks for the files, wherever they are. Where that cannot be, nothing is said.
/** @param {Day} found */
function changedFiles(found) {
  if (!found.in_force || found.state === "running") return null;
  const place = element("div", { role: "status" });
  ask(`${dayPath(found.customer, found.day)}/changed`)
    .then((/** @type {string[]} */ sentences) => sentences.length && place.replaceChildren(
      element("div", { class: "notice warn changed_files" },
        element("h3", {}, "The files have changed since they landed"),
        sentences.map((each) => element("p", { class: "reason" }, each)),
        element("p", {}, "Readers see what landed. Landing the day again takes the files as they are now."))))
    .catch(told);
  return place;
}

// What readers see.
/** @param {Day} found */
function landing(found) {
  const receipt = found.in_force;
  if (!receipt) return [];
  const title = found.state === "landed" ? "Records" : "What readers see";
  return [
    counts(title, found, receipt, true),
    warnings(receipt),
    quarantine(found, "Quarantined", receipt.quarantined, receipt.published),
    ...(found.state === "landed" ? [tasks(found)] : []),
    source(receipt),
  ];
}

// What a run that has landed nothing has come to.
/** @param {Day} found */
function attempt(found) {
  const receipt = found.state === "landed" ? null : found.receipt;
  if (!receipt) return [];
  if (found.in_force?.run_id === found.run_id) return [tasks(found)]; // it failed after its commit: the landing's figures are its own
  const running = found.state === "running";
  const title = running ? "The run that is under way" : found.failure ? "The run that failed" : "Its run";
  return [
    receipt.published === null ? null : counts(title, found, receipt, false, running),
    receipt.warnings?.length ? warnings(receipt) : null,
    quarantine(found, running ? "Unreadable" : "Unreadable in the run that failed", receipt.quarantined, receipt.published, found.run_id),
    tasks(found),
    source(receipt),
  ];
}

/** @param {Day} found @param {DayActions} actions */
function buttons(found, { mayTrigger, started, backfill }) {
  const message = element("p", { class: "message", role: "status" });
  const start = async (/** @type {boolean} */ again) => {
    message.textContent = "Asking Airflow…";
    try {
      await request(await ask(`${dayPath(found.customer, found.day)}/run?again=${again}`));
      message.textContent = "Airflow has taken the run.";
      started();
    } catch (error) {
      message.textContent = told(error);
    }
  };
  const landed = found.in_force !== null;
  const busy = found.state === "running";
  const why = mayTrigger ? (busy ? "A run of this day is under way." : null) : "Your role in Airflow may look, not start runs.";
  /** @type {(text: string, click: () => void, primary: boolean, title?: string) => HTMLElement} */
  const press = (text, click, primary, title) =>
    element(
      "button",
      { type: "button", title, class: primary ? "primary" : "", disabled: Boolean(why), "aria-describedby": why && "why", on: { click } },
      text,
    );
  return element(
    "div",
    { class: "actions" },
    found.state !== "landed" ? press(landed ? "Try again" : "Land this day", () => start(false), true, "Unless the same bytes are landed already") : null,
    landed ? press("Land again", () => start(true), false, "Even if the same bytes are landed already") : null,
    !landed && backfill ? press("Backfill days…", () => backfill(found.customer, found.day, found.day, started), false) : null,
    found.run_id ? outside(runPage(found.dag_id, found.run_id), "Run in Airflow") : null,
    ...reports(found),
    why ? element("p", { class: "soft", id: "why" }, why) : null,
    message,
  );
}

/** @type {(href: string, text: string) => HTMLElement} */
const outside = (href, text) => element("a", { href, target: "_blank", rel: "noopener", on: { click: followOutside } }, text);

/** @param {Day} found */
function reports(found) {
  const address = (/** @type {string} */ name) => new URL(`reports/${encodeURIComponent(found.customer)}/${name}`, document.baseURI).href;
  const texts = { [found.day]: "Report of the day", all_days: "Report of all days" };
  const links = found.reports.map((name) => outside(address(name), texts[name]));
  return links.length ? links : [element("span", { class: "soft" }, "No report yet.")];
}

// `visible`: of a landing; what a run has counted that landed nothing is no landing's.
/** @param {string} title @param {Day} found @param {Receipt} receipt @param {boolean} visible */
function counts(title, found, receipt, visible, running = false) {
  const { conservation } = receipt;
  const places = ALL_PLACES.filter((place) => conservation?.[place]);
  if (!places.length) return section(title, figures(found, receipt, visible)); // a landing of an earlier version
  const counted = (/** @type {string} */ key) => places.map((place) => conservation?.[place]?.[key]);
  const differ = (/** @type {string} */ key) => new Set(counted(key).filter((value) => value !== undefined)).size > 1;
  const keys = COUNTED.filter((key) => counted(key).some((value) => value !== undefined));
  const agree = !keys.some(differ);
  const rows = keys.map((key) =>
    element("tr", { class: differ(key) ? "differ" : null },
      element("th", { scope: "row" }, NAMES[key] ?? key),
      counted(key).map((value) =>
        element("td", { class: key === "content_hash" ? "figure hash" : "figure" }, formatted(value)))));
  const heads = places.map((place) => element("th", { scope: "col", class: "figure" }, PLACES[place]));
  return section(
    title,
    figures(found, receipt, visible),
    element("p", { class: agree ? "soft" : "notice bad" }, verdict(places, agree, visible, running)),
    element("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Counts by place" },
      element("table", { class: "counts" }, element("thead", {}, element("tr", {}, element("td"), heads)), element("tbody", {}, rows))));
}

/** @param {Figure | undefined} value */
const formatted = (value) => (typeof value === "number" ? number.format(value) : value);

/** @param {Place[]} places @param {boolean} agree @param {boolean} visible @param {boolean} running */
function verdict(places, agree, visible, running) {
  if (!agree) return "They do not agree, so nothing of this run is visible to readers.";
  const missing = ALL_PLACES.filter((place) => !places.includes(place));
  if (missing.length) return `The run has ${running ? "yet to come" : "not come"} to ${missing.map((place) => PLACES[place]).join(" and ")}.`;
  if (visible) return "All four agree, by count and by content hash.";
  const counted = "Nothing was lost or doubled on the way: all four agree.";
  return running ? `${counted} Nothing of the run is visible to readers yet.` : `${counted} But the run failed, so nothing of it is visible to readers.`;
}

/** @param {Day} found @param {Receipt} receipt @param {boolean} visible */
function figures(found, receipt, visible) {
  if (receipt.published === null) return null; // it has not come so far
  const shown = visible ? found.figures : found.figures.filter((key) => key !== "landed");
  const known = shown.filter((key) => receipt[key] !== null && receipt[key] !== undefined);
  return element("dl", { class: "figures" }, known.map((key) =>
    element("div", {}, element("dt", {}, key.replaceAll("_", " ")), element("dd", { "data-figure": key }, number.format(receipt[key]))),
  ));
}

/** @param {Receipt} receipt */
function warnings({ warnings: found }) {
  if (!found?.length) return null;
  const title = found.length === 1 ? "1 warning" : `${found.length} warnings`;
  return section(title, element("ul", { class: "notice warn" }, found.map((each) => element("li", {}, each))));
}

// Asked by itself: it reads data files, the rest does not. Of the landing in force, or of a run.
/** @type {(found: Day, title: string, records: number | null, published: number | null, runId?: string | null) => HTMLElement | null} */
const quarantine = (found, title, records, published, runId = null) => {
  if (!records || !published) return null;
  const share = percent(records / published);
  const place = element("div", { "aria-busy": "true" }, element("p", { class: "soft" }, "Reading the quarantine…"));
  ask(`${dayPath(found.customer, found.day)}/quarantine${runId ? `?run_id=${encodeURIComponent(runId)}` : ""}`)
    .then((/** @type {Reason[]} */ reasons) => place.replaceChildren(...reasons.map(reasonOf)))
    .catch((error) => place.replaceChildren(element("p", { class: "notice bad" }, told(error))))
    .finally(() => place.removeAttribute("aria-busy"));
  return section(`${title}: ${number.format(records)} of ${number.format(published)} records (${share})`, place);
};

/** @param {Reason} reason @param {number} position */
function reasonOf({ reason, records, examples }, position) {
  const shown = examples.map(({ record, keen_id: id, detail, value }) => {
    const which = `record ${number.format(record)}${id === null ? "" : `, keen_id ${id}`}`;
    return element("li", {}, element("span", {}, detail ? `${which}: ${detail}` : which), element("code", {}, value));
  });
  const title = element("summary", {}, element("strong", {}, reason), `: ${number.format(records)}`);
  return element("details", { class: "reasons", open: position === 0 }, title, element("ul", {}, shown));
}

/** @param {Day} found */
function tasks(found) {
  if (!found.tasks.length) return null;
  const rows = found.tasks.map((each) =>
    element("tr", {},
      element("th", { scope: "row" }, each.task),
      element("td", { class: `task ${each.state ?? ""}` }, (each.state ?? "not yet").replaceAll("_", " ")),
      element("td", { class: "figure" }, !each.duration ? "" : `${each.duration.toFixed(1)} s`),
      element("td", { class: "figure" }, String(each.try_number || ""))),
  );
  const heads = element("tr", {}, element("th", { scope: "col" }, "task"), element("th", { scope: "col" }, "state"),
    element("th", { scope: "col", class: "figure" }, "seconds"), element("th", { scope: "col", class: "figure" }, "tries"));
  return section("Tasks", element("table", {}, element("thead", {}, heads), element("tbody", {}, rows)));
}

/** @param {Receipt} receipt */
function source(receipt) {
  if (!receipt.source?.length) return null;
  /** @type {[string, string | null | undefined][]} */
  const facts = [
    ["files", receipt.source.join(", ")],
    ["bytes", number.format(receipt.bytes)],
    ["sha256", receipt.sha256],
    ["committed", receipt.committed_at ? `${receipt.committed_at.slice(0, 19).replace("T", " ")} UTC` : null],
    ["run", receipt.run_id],
  ];
  const fact = (/** @type {[string, string | null | undefined]} */ [key, value]) => element("div", {}, element("dt", {}, key), element("dd", {}, value));
  return section("Source", element("dl", { class: "facts" }, facts.filter(([, value]) => value).map(fact)));
}

/** @type {(title: string, ...content: Children[]) => HTMLElement} */
const section = (title, ...content) => element("section", {}, element("h3", {}, title), ...content);

/** @param {unknown} error */
export const told = (error) => {
  if (!(error instanceof Refusal)) throw error;
  return error.message;
};

/** @type {(customer: string, day: string) => string} */
export const titleOf = (customer, day) => `${customer}, ${longDate(day)}`;
