// @ts-check
// The page's connection to Airflow: its own answers, Airflow's REST API with the user's own session, and Airflow's window around the page.

const PATIENCE = 30000; // milliseconds; a look at a day that is slow takes a few thousand
const TO_START = 300000; // Airflow makes the runs of all days of a backfill before it answers
export const SOON = 3000; // milliseconds between looks while something runs or has just been started
export const START_TAKES = 60000; // for so long a run that was asked for may not have begun
const AIRFLOW = new URL("..", new URL(".", document.baseURI)); // the page is at <Airflow>/landings/

/** @import { Wanted } from "../answers" */

export class Refusal extends Error {
  /** @param {string} message @param {number} [status] */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

// One of this page's own answers; throws a Refusal that says why there is none.
/** @type {(path: string, method?: string) => Promise<any>} */
export const ask = (path, method = "GET") => answer(new URL(`api/${path}`, document.baseURI), { method });

// What Airflow's REST API makes of a request that this page's server has put together.
/** @param {Wanted} wanted */
export function request({ path, body }) {
  const headers = { "Content-Type": "application/json" };
  return answer(new URL(`api/v2/${path}`, AIRFLOW), { method: "POST", headers, body: JSON.stringify(body) }, TO_START);
}

/** @param {URL} url @param {RequestInit} options */
async function answer(url, options, patience = PATIENCE) {
  const signal = AbortSignal.timeout(patience);
  let response, body;
  try {
    response = await fetch(url, { credentials: "same-origin", signal, ...options });
    body = await response.json().catch((error) => {
      if (signal.aborted) throw error; // it began to answer, and never came to an end
      return {};
    });
  } catch (error) {
    throw new Refusal(signal.aborted ? late(options.method, patience) : `Airflow does not answer (${error instanceof Error ? error.message : error}).`);
  }
  if (response.status === 401) throw new Refusal("You are no longer logged in. Load Airflow's page again to log in.", 401);
  if (response.ok) return body;
  if (response.status === 403) throw new Refusal("Airflow does not let you do this (403).", 403);
  throw new Refusal(told(body.detail) || `Airflow failed (${response.status}). The api-server's log says why.`, response.status);
}

// What was to be changed may have been, or still be: that is to be looked at before it is asked for again.
/** @param {string | undefined} method @param {number} patience */
function late(method, patience) {
  const unknown = method === "GET" ? "" : " It may have done what it was asked, or still do it: look before you ask again.";
  return `Airflow has not answered for ${patience / 1000} seconds.${unknown}`;
}

// A detail is a sentence, or a list of what is wrong with a request.
/** @param {string | { msg: string }[]} detail */
const told = (detail) => (Array.isArray(detail) ? detail.map((each) => each.msg).join(" ") : detail);

/** @type {(dagId: string, runId: string) => string} */
export const runPage = (dagId, runId) =>
  new URL(`dags/${encodeURIComponent(dagId)}/runs/${encodeURIComponent(runId)}`, AIRFLOW).href;

// Airflow shows this page in a frame that may neither open windows nor leave itself. Airflow's own document, of the same origin, may.
/** @param {MouseEvent & { currentTarget: HTMLAnchorElement }} event */
export function followOutside(event) {
  const outer = frame();
  if (!outer) return;
  event.preventDefault();
  const link = outer.document.createElement("a");
  link.href = event.currentTarget.href;
  link.target = event.currentTarget.target;
  link.rel = "noopener";
  outer.document.body.append(link);
  link.click();
  link.remove();
}

// Airflow's choice of light and dark, which need not be the system's.
export function followTheme() {
  const outer = frame();
  if (!outer) return;
  const root = outer.document.documentElement;
  const take = () => {
    const dark = root.classList.contains("dark");
    if (dark || root.classList.contains("light")) document.documentElement.dataset.theme = dark ? "dark" : "light";
  };
  new MutationObserver(take).observe(root, { attributes: true, attributeFilter: ["class"] });
  take();
}

// Airflow's window, null where the page stands alone or in someone else's frame.
function frame() {
  try {
    return window.parent !== window && window.parent.document ? window.parent : null;
  } catch {
    return null; // of another origin
  }
}
