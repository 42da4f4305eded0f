/** Days, times and money, written as the viewer's language writes them. Instants are ISO 8601 with an offset or `Date`s. */
import { language } from "./words.js";

export const viewerZone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/** @param {Intl.DateTimeFormatOptions} options */
function format(options) {
  const key = `${language.value} ${JSON.stringify(options)}`;
  const found = formats.get(key) ?? new Intl.DateTimeFormat(language.value, options);
  formats.set(key, found);
  return found;
}

/** @param {string | Date} instant @param {string} [zone] */
export const clock = (instant, zone = viewerZone) =>
  format({ hour: "numeric", minute: "2-digit", timeZone: zone }).format(new Date(instant));

/** @param {string | Date} instant @param {string} [zone] */
export const day = (instant, zone = viewerZone) =>
  format({ weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: zone }).format(new Date(instant));

/** @param {string | Date} instant @param {string} [zone] */
export const shortDay = (instant, zone = viewerZone) =>
  format({ weekday: "short", day: "numeric", month: "short", timeZone: zone }).format(new Date(instant));

/** `2026-12-07`, of an instant in a zone. @param {string | Date} instant @param {string} [zone] */
export function dateOf(instant, zone = viewerZone) {
  const parts = new Intl.DateTimeFormat("en-CA-u-ca-iso8601-nu-latn", {
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    timeZone: zone,
  }).formatToParts(new Date(instant));
  const part = (/** @type {string} */ type) => parts.find((one) => one.type === type)?.value;
  return `${part("year")}-${part("month")}-${part("day")}`;
}

/** A calendar day (`2026-12-07`) some days later. @param {string} date @param {number} days */
export function daysAfter(date, days) {
  const at = new Date(`${date}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() + days);
  return at.toISOString().slice(0, 10);
}

/** A calendar day in words, of no zone. @param {string} date @param {Intl.DateTimeFormatOptions} options */
export const dateInWords = (date, options) =>
  format({ ...options, timeZone: "UTC" }).format(new Date(`${date}T00:00:00Z`));

/** `Central European Standard Time`. @param {string} zone @param {string | Date} [at] */
export function zoneName(zone, at = new Date()) {
  const parts = format({ timeZone: zone, timeZoneName: "long" }).formatToParts(new Date(at));
  return parts.find((part) => part.type === "timeZoneName")?.value ?? zone;
}

/** Whether two zones show the same clock at an instant. @param {string} one @param {string} other @param {string | Date} at */
export function isSameClock(one, other, at) {
  const shown = (/** @type {string} */ zone) =>
    new Intl.DateTimeFormat("en", { dateStyle: "short", timeStyle: "short", timeZone: zone }).format(new Date(at));
  return shown(one) === shown(other);
}

/** @param {number} amountMinor @param {string} currency */
export function money(amountMinor, currency) {
  const written = new Intl.NumberFormat(language.value, { style: "currency", currency: currency.toUpperCase() });
  const digits = written.resolvedOptions().maximumFractionDigits ?? 2;
  return written.format(amountMinor / 10 ** digits);
}

/** `4:05`, of seconds that are left. @param {number} seconds */
export function countdown(seconds) {
  const left = Math.max(0, Math.ceil(seconds));
  const digits = new Intl.NumberFormat(language.value, { minimumIntegerDigits: 2, useGrouping: false });
  const minutes = new Intl.NumberFormat(language.value, { useGrouping: false });
  return `${minutes.format(Math.floor(left / 60))}:${digits.format(left % 60)}`;
}
