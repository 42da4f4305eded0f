/**
 * Words in the viewer's language. English is what the code says; `words/LANGUAGE.json` has the others', by the English.
 * The language is the one that was chosen here before, else the browser's; `?lang=` chooses one.
 */
import { signal } from "../vendor/signals-core.js";
import { lasting } from "./storage.js";

export const LANGUAGES = /** @type {const} */ (["en", "de", "ar"]);
/** Each in its own words. */
export const NAMES = { en: "English", de: "Deutsch", ar: "العربية" };
const RIGHT_TO_LEFT = new Set(["ar"]);
const KEPT_AS = "holdfast-language";

/** @typedef {(typeof LANGUAGES)[number]} Language */

/** @param {string | null | undefined} name @returns {Language | undefined} */
const known = (name) => LANGUAGES.find((one) => one === name?.toLowerCase().split("-")[0]);

/** @returns {Language} */
function chosen() {
  const asked = known(new URLSearchParams(location.search).get("lang"));
  if (asked !== undefined) lasting.set(KEPT_AS, asked);
  const kept = asked ?? known(lasting.get(KEPT_AS));
  return kept ?? navigator.languages.map(known).find((one) => one !== undefined) ?? "en";
}

/** @type {import("../vendor/signals-core.js").Signal<Language>} */
export const language = signal("en");
/** @type {import("../vendor/signals-core.js").Signal<Record<string, string>>} */
const catalogue = signal({});

/** @param {Language} wanted */
async function speak(wanted) {
  catalogue.value =
    wanted === "en" ? {} : await (await fetch(new URL(`../words/${wanted}.json`, import.meta.url))).json();
  language.value = wanted;
  document.documentElement.lang = wanted;
  document.documentElement.dir = RIGHT_TO_LEFT.has(wanted) ? "rtl" : "ltr";
}

/** Before a page that is translated is drawn. Pages in English need not call it. */
export async function loadWords() {
  await speak(chosen()).catch(() => {});
}

/** @param {Language} wanted */
export async function choose(wanted) {
  lasting.set(KEPT_AS, wanted);
  await speak(wanted).catch(() => {});
}

/**
 * A sentence in the viewer's language, with `{name}` filled in. The English is the key, so it is written out where it
 * is used: tests/unit/web/test_words.py finds what a catalogue lacks.
 * @param {string} english
 * @param {Record<string, string | number>} [values]
 */
export function t(english, values = {}) {
  const words = catalogue.value[english] || english;
  return words.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/**
 * One of two sentences, by a number: catalogues may have `{n} seats#few` and so on, by the language's plural rules.
 * @param {number} n
 * @param {string} one
 * @param {string} other
 */
export function tn(n, one, other) {
  const rule = new Intl.PluralRules(language.value).select(n);
  const english = n === 1 ? one : other;
  const special = `${other}#${rule}`;
  const words = special in catalogue.value ? special : english;
  const shown = new Intl.NumberFormat(language.value).format(n);
  return words === special ? fill(catalogue.value[special] ?? english, shown) : t(english, { n: shown });
}

/** @param {string} words @param {string} n */
const fill = (words, n) => words.replaceAll("{n}", n);
