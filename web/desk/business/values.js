/** What a form has, as the API wants it; and what the API tells, as a person reads it. */
import { clock, shortDay } from "../../lib/times.js";

/** @typedef {import("./kinds.js").Field} Field */

export const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/**
 * The body: of a new record what is filled in, of a change what differs from what it was.
 * @param {HTMLFormElement} form
 * @param {Field[]} fields
 * @param {any} before null for a new one.
 */
export function bodyOf(form, fields, before) {
  const sent = new FormData(form);
  /** @type {Record<string, unknown>} */
  const body = {};
  for (const field of fields) {
    if (before === null ? field.isLater : field.isFixed) continue;
    const value = filledIn(sent, field);
    if (before === null ? value === undefined : isSame(value, before[field.readAs ?? field.name], field)) continue;
    body[field.name] = value ?? emptyOf(field);
  }
  return body;
}

/** @param {Field} field */
const emptyOf = ({ type }) => (type === undefined || type === "text" || type === "textarea" ? "" : null);

/** @param {FormData} sent @param {Field} field @returns {unknown} undefined where nothing was filled in */
function filledIn(sent, { name, type, from }) {
  const text = String(sent.get(name) ?? "").trim();
  switch (type) {
    case "checkbox":
      return sent.has(name);
    case "number":
      return text === "" ? undefined : Number(text);
    case "many":
    case "weekdays":
      return sent.getAll(name).map(Number);
    case "words":
      return text === "" ? [] : text.split(",").map((word) => word.trim());
    case "hours":
      return hoursOf(text);
    case "instant":
      return text === "" ? undefined : new Date(text).toISOString();
    case "select":
      return text === "" ? undefined : from === undefined ? text : Number(text);
    default:
      return text === "" ? undefined : text;
  }
}

/** @param {unknown} value @param {any} before @param {Field} field */
function isSame(value, before, { type }) {
  if (value === undefined) return before === null || before === "" || before === undefined;
  if (type === "time" && typeof before === "string") return before.slice(0, 5) === String(value).slice(0, 5);
  if (type === "money") return Number(value) === Number(before);
  return JSON.stringify(value) === JSON.stringify(before);
}

/** `Mon 09:00-17:00` a line, to the API's windows; what cannot be read is sent as it is, and refused by name. @param {string} text */
export function hoursOf(text) {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean)
    .map((line) => {
      const [word, span = ""] = line.split(/\s+/, 2);
      const [start = "", end = ""] = span.split("-");
      return { weekday: WEEKDAYS.findIndex((one) => one.toLowerCase() === word.slice(0, 3).toLowerCase()), start, end };
    });
}

/** @param {{weekday: number, start: string, end: string}[]} hours */
export const hoursInWords = (hours) =>
  hours.map((one) => `${WEEKDAYS[one.weekday]} ${one.start.slice(0, 5)}-${one.end.slice(0, 5)}`).join("\n");

/** A value of a list, in words. @param {any} value */
export function shown(value) {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.map((one) => one?.name ?? one).join(", ") || "–";
  if (typeof value === "object") return value.name;
  if (typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value)) return `${shortDay(value)}, ${clock(value)}`;
  return String(value);
}
