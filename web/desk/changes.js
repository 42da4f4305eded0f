/**
 * Changes of bookings. Each looks as it will be, marked as being saved, until the engine has decided; a refusal puts it
 * back and says why; without an answer it is asked again under the same key, which does nothing twice.
 */
import { del, newKey, post, Refused, Unreachable } from "../lib/api.js";
import { sentences } from "../lib/said.js";
import { refresh } from "./schedule.js";
import { announced, bookings, isApiAway, refusal, saving } from "./state.js";

const AGAIN_MS = 1500;
const PATIENCE_MS = 120_000;

/** @typedef {import("./state.js").Booking} Booking */

/** Own changes, by booking and version that came of them: what others change is told as theirs. @type {Map<number, number>} */
export const own = new Map();

/** @param {(key: string) => Promise<any>} ask */
async function decided(ask) {
  const key = newKey();
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      const answer = await ask(key);
      isApiAway.value = false;
      return answer;
    } catch (problem) {
      if (!(problem instanceof Unreachable) || performance.now() > until) throw problem;
      isApiAway.value = true;
      await new Promise((resolve) => window.setTimeout(resolve, AGAIN_MS));
    }
  }
}

/**
 * @param {Booking} booking
 * @param {string} words What is being done, as `Moving`.
 * @param {Partial<Booking>} patch How it looks meanwhile.
 * @param {(key: string) => Promise<any>} ask
 * @returns {Promise<boolean>} Whether it was done.
 */
async function change(booking, words, patch, ask) {
  mark(booking.id, { words, patch });
  refusal.value = null;
  try {
    own.set(booking.id, Number.POSITIVE_INFINITY);
    const answer = await decided(ask);
    await refresh([booking.id]).catch(() => {});
    own.set(booking.id, bookings.value.get(booking.id)?.version ?? 0);
    announced.value = answer?.message ? `${booking.service_name}: ${answer.message}` : "Saved.";
    return true;
  } catch (problem) {
    own.set(booking.id, bookings.value.get(booking.id)?.version ?? 0);
    refuse(`${booking.service_name}, ${booking.user.name}: not ${words.toLowerCase()}`, problem);
    refresh([booking.id]).catch(() => {});
    return false;
  } finally {
    mark(booking.id, null);
  }
}

/** @param {number} id @param {import("./state.js").Saving | null} now */
function mark(id, now) {
  const next = new Map(saving.value);
  if (now === null) next.delete(id);
  else next.set(id, now);
  saving.value = next;
}

/** Say in the engine's own words why something was not done. @param {string} title @param {unknown} problem */
export function refuse(title, problem) {
  if (!(problem instanceof Refused || problem instanceof Unreachable)) throw problem;
  refusal.value = { title, words: sentences(problem) };
}

/** @param {Booking} one @param {string} what */
const at = (one, what) => `/api/admin/bookings/${one.id}/${what}/`;

/**
 * @param {Booking} one
 * @param {{date: string, time: string, minutes: number, resource_id: number}} to
 */
export function move(one, to) {
  const body = {
    start_time: `${to.date}T${to.time}`,
    end_time: later(to.date, to.time, to.minutes),
    ...(to.resource_id === one.resource_id ? {} : { resource_id: to.resource_id }),
  };
  const patch = {
    booking_date: to.date,
    booking_time: `${to.time}:00`,
    duration_minutes: to.minutes,
    resource_id: to.resource_id,
  };
  return change(one, "Moved", patch, (key) => post(at(one, "move"), body, { key }));
}

/** @param {Booking} one */
export const complete = (one) =>
  change(one, "Completed", { status: "completed" }, (key) => post(at(one, "complete"), {}, { key }));

/** @param {Booking} one */
export const missed = (one) =>
  change(one, "Marked as missed", { status: "no_show" }, (key) => post(at(one, "no-show"), {}, { key }));

/** A hold stands from now on; what it costs is taken at the desk. @param {Booking} one */
export const accept = (one) =>
  change(one, "Accepted", { status: "confirmed", hold_expires_at: null }, (key) =>
    post(at(one, "confirm"), {}, { key }),
  );

/** @param {Booking} one */
export const cancel = (one) =>
  change(one, "Cancelled", { status: "cancelled" }, (key) => del(`/api/admin/bookings/${one.id}/`, undefined, { key }));

/** The local time some minutes later. @param {string} date @param {string} time @param {number} minutes */
export function later(date, time, minutes) {
  const instant = new Date(`${date}T${time}:00Z`);
  return new Date(instant.getTime() + minutes * 60_000).toISOString().slice(0, 16);
}

/** A new booking; what was made, or null where it was refused. @param {string} path @param {unknown} body */
export async function create(path, body) {
  refusal.value = null;
  return await decided((key) => post(path, body, { key }));
}
