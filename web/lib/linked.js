/** A booking by the token of its link: what `/b/TOKEN/` and the page that pays are about. */
import { get } from "./api.js";

/**
 * @typedef {object} Linked
 * @property {number} id
 * @property {string} status
 * @property {string} payment_status
 * @property {string} service_name
 * @property {string} practitioner
 * @property {string} location
 * @property {string | null} starts_at
 * @property {string | null} ends_at
 * @property {string | null} start_date
 * @property {string | null} start_time
 * @property {number} duration_minutes
 * @property {string} time_zone
 * @property {number} price
 * @property {string} currency
 * @property {string} first_name
 * @property {string} last_name
 * @property {string} email
 * @property {string} phone
 * @property {number | null} guest_count
 * @property {string} notes
 * @property {boolean} may_cancel
 * @property {boolean} may_move
 * @property {string | null} hold_expires_at
 */

/** @param {string} token @returns {Promise<Linked>} */
export const linked = (token) => get(`/api/guest/bookings/${encodeURIComponent(token)}/`);

/** Whether it waits to be paid. @param {Linked} booking */
export const isHeld = (booking) => booking.status === "held" && booking.hold_expires_at !== null;
