/** What the desk shows: the days, what takes place on them, and what is being saved. */
import { computed, signal } from "../lib/ui.js";
import { MOVABLE, RELEASED } from "./statuses.js";

/** @typedef {import("./statuses.js").Status} Status */
/** @typedef {{id: number, kind: string, name: string, zone: string}} Resource */
/** @typedef {{id: number, name: string, email: string, phone: string}} Booker */
/**
 * @typedef {object} Booking
 * @property {number} id
 * @property {string} contract
 * @property {string | null} kind
 * @property {Status} status
 * @property {string} payment_status
 * @property {string} service_name
 * @property {number} resource_id
 * @property {number | null} session_id
 * @property {string} booking_date
 * @property {string} booking_time
 * @property {number} duration_minutes
 * @property {string} start_time
 * @property {string} end_time
 * @property {string | null} hold_expires_at
 * @property {number} price_minor
 * @property {string} currency
 * @property {string} notes
 * @property {number} version
 * @property {string} created_at
 * @property {Booker} user
 */
/**
 * @typedef {object} Session
 * @property {number} id
 * @property {string} service_name
 * @property {number} resource_id
 * @property {string} title
 * @property {string} session_date
 * @property {string} session_time
 * @property {number} duration_minutes
 * @property {number} capacity
 * @property {number} seats_taken
 * @property {number} waiting
 * @property {boolean} is_canceled
 */
/**
 * @typedef {object} Closure
 * @property {number} id
 * @property {Resource} resource
 * @property {string} start_date
 * @property {string | null} start_time
 * @property {string} end_date
 * @property {string | null} end_time
 * @property {string} reason
 */
/** @typedef {{id: number, category: {id: number, name: string}, start_time: string, end_time: string, is_booked: boolean}} Slot */
/** @typedef {"grid" | "list" | "week" | "month"} View */
/** @typedef {{words: string, patch: Partial<Booking>}} Saving */

/** The first day on show, `2030-01-07`. */
export const day = signal("");
/** @type {import("../vendor/signals-core.js").Signal<View>} */
export const view = signal("grid");
/** A kind of resource, or "all". */
export const kind = signal("all");
export const showsReleased = signal(false);

/** @type {import("../vendor/signals-core.js").Signal<Resource[]>} */
export const resources = signal([]);
/** As the engine decided them. @type {import("../vendor/signals-core.js").Signal<Map<number, Booking>>} */
export const bookings = signal(new Map());
/** @type {import("../vendor/signals-core.js").Signal<Session[]>} */
export const sessions = signal([]);
/** @type {import("../vendor/signals-core.js").Signal<Closure[]>} */
export const closures = signal([]);
/** @type {import("../vendor/signals-core.js").Signal<Slot[]>} */
export const slots = signal([]);
/** Resource of each category. @type {import("../vendor/signals-core.js").Signal<Map<number, number>>} */
export const categoryResources = signal(new Map());

/** What is asked of the engine and not decided yet, by booking. @type {import("../vendor/signals-core.js").Signal<Map<number, Saving>>} */
export const saving = signal(new Map());
/** The last refusal. @type {import("../vendor/signals-core.js").Signal<{title: string, words: string} | null>} */
export const refusal = signal(null);
/** What does not answer: "" for nothing. */
export const isApiAway = signal(false);
export const isFeedOff = signal(false);
export const isLoaded = signal(false);
/** What screen readers are told. */
export const announced = signal("");

/** What stands in the panel. @type {import("../vendor/signals-core.js").Signal<{what: "booking", id: number} | {what: "session", id: number} | {what: "new", at: Partial<Place>} | null>} */
export const panel = signal(null);
/** @typedef {{resource_id: number, date: string, time: string}} Place */

/** With what is being saved laid over what was decided. @type {import("../vendor/signals-core.js").ReadonlySignal<Booking[]>} */
export const shownBookings = computed(() =>
  [...bookings.value.values()]
    .map((one) => ({ ...one, ...saving.value.get(one.id)?.patch }))
    .sort((one, other) => order(one).localeCompare(order(other)) || one.id - other.id),
);

/** @param {Booking} one */
const order = (one) => `${one.booking_date} ${one.booking_time}`;

/** @type {import("../vendor/signals-core.js").ReadonlySignal<Resource[]>} */
export const shownResources = computed(() =>
  resources.value.filter((one) => kind.value === "all" || one.kind === kind.value),
);

/** @param {Booking} one */
export const isReleased = (one) => RELEASED.has(one.status);
/** Alone at its time: a seat is where its session is. @param {Booking} one */
export const isMovable = (one) => MOVABLE.has(one.status) && one.session_id === null;
/** @param {number} id */
export const resourceOf = (id) => resources.value.find((one) => one.id === id);
