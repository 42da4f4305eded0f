/** Sends a booking in the words of its contract, once, and finds the link under which it is shown. */
import { command, get, post, Refused } from "../lib/api.js";
import { done, forget, intentOf, nameOf } from "./intents.js";

/** @typedef {import("./places.js").Thing} Thing */
/** @typedef {import("./places.js").Time} Time */
/**
 * @typedef {object} Details
 * @property {string} first_name
 * @property {string} last_name
 * @property {string} phone
 * @property {string} email
 * @property {string} notes
 * @property {number} guests
 * @property {string} until the end of a room's last slot, local to it
 */

const OVER = new Set(["cancelled", "expired"]);

/** @param {Record<string, unknown>} body */
const filled = (body) => Object.fromEntries(Object.entries(body).filter(([, value]) => value !== "" && value !== null));

/**
 * @param {Thing} thing @param {Time} time @param {Details} details @param {string | undefined} by @param {boolean} isGuest
 * @returns {{path: string, body: Record<string, unknown>}}
 */
export function requestOf(thing, time, details, by, isGuest) {
  const notes = details.notes.trim();
  switch (thing.kind) {
    case "service": {
      const slot = { service_name: thing.name, booking_date: time.date, booking_time: time.start_time };
      if (!isGuest) return { path: "/api/booking/create/", body: filled({ ...slot, notes }) };
      const { first_name, last_name, phone, email } = details;
      const guest = { phone: phone.trim(), first_name, last_name, email: email.trim(), notes };
      return { path: "/api/agent/booking/create/", body: filled({ ...slot, ...guest }) };
    }
    case "room":
      return {
        path: "/api/bookings/",
        body: filled({
          room_id: thing.id,
          booking_date: time.date,
          start_time: time.start_time,
          end_time: details.until || time.end_time,
          guest_count: details.guests,
          special_requests: notes,
        }),
      };
    case "category":
      return { path: "/api/bookings/", body: { time_slot: time.time_slot_id } };
    case "individual":
      return {
        path: "/api/v1/drf/bookings/",
        body: {
          service_id: thing.id,
          practitioner_id: by ? Number(by) : null,
          start_time: time.starts_at,
          end_time: time.ends_at,
          timezone: thing.time_zone,
          ...(notes && { client_notes: notes }),
        },
      };
    case "workshop":
      return {
        path: "/api/v1/drf/bookings/",
        body: {
          service_id: thing.id,
          service_session_id: time.service_session_id,
          timezone: thing.time_zone,
          ...(notes && { client_notes: notes }),
        },
      };
  }
}

/**
 * The token of the booking's link. Throws `Refused` or `Unreachable`; after the latter it may be sent again.
 * @param {{path: string, body: Record<string, unknown>}} wanted
 * @param {number | undefined} userId
 * @returns {Promise<string>}
 */
export async function send(wanted, userId) {
  const name = nameOf(wanted, userId);
  const before = intentOf(name);
  if (before.token !== undefined) {
    if (await stands(before.token)) return before.token;
    forget(name);
  }
  try {
    const made = await command("POST", wanted.path, wanted.body, { key: intentOf(name).key });
    const { token } = await post("/api/booking-links/", { command_id: made.id });
    done(name, token);
    return token;
  } catch (problem) {
    if (problem instanceof Refused) forget(name);
    throw problem;
  }
}

/** Whether a booking of an earlier try is still there: a cancelled one may be booked anew. @param {string} token */
async function stands(token) {
  try {
    return !OVER.has((await get(`/api/guest/bookings/${token}/`)).status);
  } catch (problem) {
    if (problem instanceof Refused) return false;
    throw problem;
  }
}
