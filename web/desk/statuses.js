/** What a booking's status is called, and the sign that tells it without a colour. */

/** @typedef {"held" | "confirmed" | "in_progress" | "completed" | "cancelled" | "expired" | "no_show"} Status */

/** @type {Record<Status, {sign: string, words: string}>} */
export const STATUSES = {
  held: { sign: "◷", words: "Held" },
  confirmed: { sign: "✓", words: "Confirmed" },
  in_progress: { sign: "▶", words: "Under way" },
  completed: { sign: "★", words: "Completed" },
  no_show: { sign: "∅", words: "Did not come" },
  cancelled: { sign: "✕", words: "Cancelled" },
  expired: { sign: "⌛", words: "Hold ran out" },
};

/** Their time is free again. */
export const RELEASED = new Set(["cancelled", "expired"]);
/** They may still be moved. */
export const MOVABLE = new Set(["held", "confirmed", "in_progress"]);

/** @type {Record<string, string>} */
export const PAYMENTS = {
  none: "nothing to pay",
  pending: "not paid yet",
  processing: "payment under way",
  succeeded: "paid",
  failed: "payment failed",
  refunded: "refunded",
};

/** @type {Record<string, string>} */
export const KINDS = {
  desk: "Desk",
  service: "Services",
  room: "Rooms",
  practitioner: "Practitioners",
  category: "Categories",
};

/** @type {Record<string, string>} */
export const CONTRACTS = {
  appointments: "appointment",
  agent: "appointment by an agent",
  rooms: "room",
  calendar: "time slot",
  marketplace: "marketplace",
};
