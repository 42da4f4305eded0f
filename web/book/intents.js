/**
 * One key for one intent: what is sent twice, by Back, a reload or a second tab, is booked once. Keys are kept in this
 * browser with what they are for; a refused intent is forgotten, so that it can be tried again.
 */
import { newKey } from "../lib/api.js";
import { lasting } from "../lib/storage.js";

const KEPT_AS = "holdfast-intents";
const KEPT_MS = 47 * 3600 * 1000;
const KEPT_MAX = 50;

/** @typedef {{key: string, at: number, token?: string}} Intent */

/** @returns {Record<string, Intent>} */
function kept() {
  try {
    const all = /** @type {Record<string, Intent>} */ (JSON.parse(lasting.get(KEPT_AS) ?? "{}"));
    const young = Object.entries(all).filter(([, one]) => Date.now() - one.at < KEPT_MS);
    return Object.fromEntries(young.slice(-KEPT_MAX));
  } catch {
    return {};
  }
}

/** @param {Record<string, Intent>} all */
const keep = (all) => lasting.set(KEPT_AS, JSON.stringify(all));

/** The intent to send exactly this, as somebody. @param {unknown} sent @param {number | undefined} userId */
export const nameOf = (sent, userId) => JSON.stringify([userId ?? null, sent]);

/** @param {string} name @returns {Intent} */
export function intentOf(name) {
  const all = kept();
  all[name] ??= { key: newKey(), at: Date.now() };
  keep(all);
  return all[name];
}

/** @param {string} name */
export function forget(name) {
  const { [name]: _, ...others } = kept();
  keep(others);
}

/** Remember where the booking of an intent is shown. @param {string} name @param {string} token */
export function done(name, token) {
  const all = kept();
  if (all[name]) keep({ ...all, [name]: { ...all[name], token } });
}
