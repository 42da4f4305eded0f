/** What is entered on the booking page. It stays over a reload, Back and a sign-in, and goes along into another window. */
import { ofTab } from "../lib/storage.js";
import { computed, effect, signal } from "../lib/ui.js";

const KEPT_AS = "holdfast-details";
const NAMES = ["first_name", "last_name", "phone", "email", "notes", "guests", "until"];
const SENT_AS = "#entered=";
const VALUE_MAX_CHARS = 1000;

/** @param {() => string} read @returns {Record<string, unknown>} nothing if it cannot be read */
function parsed(read) {
  try {
    const found = JSON.parse(read());
    return typeof found === "object" && found !== null ? found : {};
  } catch {
    return {};
  }
}

/** What another window gave: it stands behind the `#`, where no server reads it, and leaves the address at once. */
function given() {
  if (!location.hash.startsWith(SENT_AS)) return {};
  const text = location.hash.slice(SENT_AS.length);
  history.replaceState(null, "", location.pathname + location.search);
  return parsed(() => decodeURIComponent(text));
}

const before = { ...parsed(() => ofTab.get(KEPT_AS) ?? "{}"), ...given() };
const textOf = (/** @type {unknown} */ value) => (typeof value === "string" ? value.slice(0, VALUE_MAX_CHARS) : "");
const fields = Object.fromEntries(
  NAMES.map((name) => [name, signal(textOf(before[/** @type {keyof typeof before} */ (name)]))]),
);

/** @param {string} name */
export const field = (name) => /** @type {import("../vendor/signals-core.js").Signal<string>} */ (fields[name]);

export const entered = computed(() => Object.fromEntries(NAMES.map((name) => [name, field(name).value])));
effect(() => ofTab.set(KEPT_AS, JSON.stringify(entered.value)));

/** It was booked: the next booking begins empty. */
export const forgetEntered = () => ofTab.remove(KEPT_AS);

/** For the address of a window that goes on. */
export function enteredForWindow() {
  const filled = Object.entries(entered.value).filter(([, value]) => value !== "");
  return filled.length > 0 ? SENT_AS + encodeURIComponent(JSON.stringify(Object.fromEntries(filled))) : "";
}
