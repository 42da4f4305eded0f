/** What is chosen so far. It stands in the address, so that Back, a reload and a link keep it. */
import { isEmbedded } from "../lib/embedded.js";
import { signal } from "../lib/ui.js";
import { language } from "../lib/words.js";

/**
 * @typedef {object} Thing
 * @property {"service" | "room" | "category" | "individual" | "workshop"} kind
 * @property {number} id
 * @property {string} name
 * @property {string} description
 * @property {number | null} duration_minutes
 * @property {number} price_minor
 * @property {string} currency
 * @property {string} time_zone
 * @property {number | null} capacity
 * @property {{id: number, name: string}[]} practitioners
 */
/**
 * @typedef {object} Time
 * @property {string} starts_at
 * @property {string} ends_at
 * @property {string} date
 * @property {string} start_time
 * @property {string} end_time
 * @property {number | null} seats_left
 * @property {number} waiting
 * @property {number | null} time_slot_id
 * @property {number | null} service_session_id
 */
/** `by` is a practitioner's id, `at` the start of a time. @typedef {{kind?: string, id?: string, by?: string, date?: string, at?: string}} Place */

const NAMES = /** @type {const} */ (["kind", "id", "by", "date", "at"]);

/** @returns {Place} */
function read() {
  const sent = new URLSearchParams(location.search);
  return Object.fromEntries(NAMES.flatMap((name) => (sent.get(name) ? [[name, sent.get(name)]] : [])));
}

/** @type {import("../vendor/signals-core.js").Signal<Place>} */
export const place = signal(read());

addEventListener("popstate", () => {
  place.value = read();
});

/** In a frame: the origin of the page around it (`web/embed/main.js`). */
const around = location.hash;

/** @param {string} page @param {Record<string, string | null | undefined>} next */
function addressAt(page, next) {
  const chosen = Object.entries(next).flatMap(([name, value]) => (value ? [[name, value]] : []));
  return chosen.length > 0 ? `${page}?${new URLSearchParams(chosen)}` : page;
}

/** Of a step in a window of its own, whose policy lets in no frame. @param {Place} next */
export const addressOfWindow = (next) => addressAt("/book/", { ...next, lang: language.value });

/** Of a step, wherever the page stands. @param {Place} next */
export const address = (next) =>
  isEmbedded ? addressAt("/book/embed/", { ...next, lang: language.value }) + around : addressAt("/book/", { ...next });

/** Go on to a step; Back leads here again. @param {Place} next */
export function goTo(next) {
  history.pushState(null, "", address(next));
  place.value = next;
  scrollTo(0, 0);
  // What was pressed is gone: the keyboard and screen readers go on at the step's heading.
  requestAnimationFrame(() => document.querySelector("h1")?.focus());
}

/** Say more of the same step. @param {Place} next */
export function refine(next) {
  history.replaceState(null, "", address(next));
  place.value = next;
}

/** @param {Thing[]} things @param {Place} where */
export const thingAt = (things, where) =>
  things.find((one) => one.kind === where.kind && String(one.id) === where.id) ?? null;
