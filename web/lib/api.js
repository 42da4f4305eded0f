/**
 * Talks to the API: JSON, a login's cookies with their CSRF token, and commands that are decided later.
 * What goes wrong is one of two errors: `Refused`, with the API's own sentence, or `Unreachable`.
 */
import { isEmbedded } from "./embedded.js";
import { problemOf, sentenceOf } from "./refusals.js";
import { t } from "./words.js";

const POLL_MS = 400;
/** A `Date` header counts whole seconds. */
const CLOCK_STEP_MS = 2000;
const FOLLOWED_MS = 60_000;
const OUTAGES = new Set([502, 503, 504]);
/** Codes of 503 that are an answer, not an outage. */
const SAID = new Set(["maintenance", "command_failed"]);

/** @typedef {{field: string, message: string}} FieldProblem */
/** @typedef {{signal?: AbortSignal, key?: string, headers?: Record<string, string>}} Options */

/** The API's answer to a request that it does not carry out. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {any} body
   * @param {number} retryAfterS
   */
  constructor(status, body, retryAfterS) {
    super(sentenceOf(body));
    this.name = "Refused";
    this.status = status;
    /** @type {string} */
    this.code = body?.code || "";
    /** @type {FieldProblem[]} */
    this.errors = Array.isArray(body?.errors) ? body.errors.map(problemOf) : [];
    this.retryAfterS = retryAfterS;
  }
}

/** No answer: it is not known whether the request was carried out. With its key it can be sent again. */
export class Unreachable extends Error {
  constructor() {
    super(t("The service does not answer right now. Try again in a moment."));
    this.name = "Unreachable";
  }
}

/** A random key for one intent: the same key never does the same thing twice. */
export function newKey() {
  return crypto.randomUUID();
}

let aheadMs = 0;

/** The service's clock, as its answers tell it: countdowns go by it, not by the viewer's. */
export const serverNow = () => Date.now() + aheadMs;

/** @param {Response} answer */
function setClock(answer) {
  const told = Date.parse(answer.headers.get("Date") ?? "");
  const ahead = told - Date.now();
  if (!Number.isNaN(told) && Math.abs(ahead - aheadMs) > CLOCK_STEP_MS) aheadMs = ahead;
}

/** @param {string} name */
function cookie(name) {
  const found = document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`));
  return found === undefined ? "" : decodeURIComponent(found.slice(name.length + 1));
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} body
 * @param {Options} options
 * @returns {Promise<Response>}
 */
async function ask(method, path, body, { signal, key, headers = {} }) {
  /** @type {Record<string, string>} */
  // The language that was chosen on the page: what a guest's mails are written in.
  const sent = { Accept: "application/json", "Accept-Language": document.documentElement.lang, ...headers };
  if (method !== "GET") sent["X-CSRFToken"] = cookie("csrftoken");
  if (body !== undefined) sent["Content-Type"] = "application/json";
  if (key !== undefined) sent["Idempotency-Key"] = key;
  try {
    const answer = await fetch(path, {
      method,
      headers: sent,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: isEmbedded ? "omit" : "same-origin",
      signal,
    });
    setClock(answer);
    return answer;
  } catch (problem) {
    if (problem instanceof DOMException && problem.name === "AbortError") throw problem;
    throw new Unreachable();
  }
}

/** @param {Response} answer */
async function read(answer) {
  try {
    return answer.status === 204 ? null : await answer.json();
  } catch {
    if (answer.ok) throw new Unreachable();
    return null;
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {Options} [options]
 * @returns {Promise<any>}
 */
export async function request(method, path, body, options = {}) {
  return (await command(method, path, body, options)).told;
}

/**
 * The same, with the id of the command that it was (`Holdfast-Command`).
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {Options} [options]
 * @returns {Promise<{told: any, id: string}>}
 */
export async function command(method, path, body, options = {}) {
  const answer = await ask(method, path, body, options);
  const told = await read(answer);
  const id = answer.headers.get("Holdfast-Command") ?? told?.id ?? "";
  const isUnknown = told?.code === "unknown_outcome" && told.status_url;
  if (answer.status === 202 || isUnknown) return { told: await follow(told.status_url, options.signal), id };
  return { told: outcome(answer.status, told, Number(answer.headers.get("Retry-After")) || 0), id };
}

/**
 * @param {number} status
 * @param {any} told
 * @param {number} retryAfterS
 */
function outcome(status, told, retryAfterS) {
  if (status < 400) return told;
  if (OUTAGES.has(status) && !SAID.has(told?.code)) throw new Unreachable();
  throw new Refused(status, told, retryAfterS);
}

/**
 * The decision about a command that was accepted.
 * @param {string} url
 * @param {AbortSignal} [signal]
 */
async function follow(url, signal) {
  const path = new URL(url, location.href).pathname;
  const until = performance.now() + FOLLOWED_MS;
  while (performance.now() < until) {
    const { status, told } = await ask("GET", path, undefined, { signal, headers: { Prefer: "wait=10" } }).then(
      async (answer) => ({ status: answer.status, told: await read(answer) }),
      (problem) => {
        if (!(problem instanceof Unreachable)) throw problem;
        return { status: 0, told: null };
      },
    );
    if (told?.response) return outcome(told.response.status, told.response.body, 0);
    // The API died before it was written down: under its key it can be sent again at once.
    if (status === 404) throw new Unreachable();
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Unreachable();
}

/** @param {string} path @param {Options} [options] */
export const get = (path, options) => request("GET", path, undefined, options);
/** @param {string} path @param {unknown} [body] @param {Options} [options] */
export const post = (path, body, options) => request("POST", path, body, options);
/** @param {string} path @param {unknown} body @param {Options} [options] */
export const put = (path, body, options) => request("PUT", path, body, options);
/** @param {string} path @param {unknown} body @param {Options} [options] */
export const patch = (path, body, options) => request("PATCH", path, body, options);
/** @param {string} path @param {unknown} [body] @param {Options} [options] */
export const del = (path, body, options) => request("DELETE", path, body, options);
