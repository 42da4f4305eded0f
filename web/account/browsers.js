/** A browser and its system, in the words that people know them by. */

/** The first that fits: most browsers name those that they are like, too. @type {[RegExp, string][]} */
const BROWSERS = [
  [/Edg/, "Edge"],
  [/OPR\//, "Opera"],
  [/Firefox|FxiOS/, "Firefox"],
  [/Chrome|CriOS/, "Chrome"],
  [/Safari/, "Safari"],
];
/** @type {[RegExp, string][]} */
const SYSTEMS = [
  [/Android/, "Android"],
  [/iPhone|iPad/, "iOS"],
  [/Windows/, "Windows"],
  [/Mac OS/, "macOS"],
  [/Linux/, "Linux"],
];
const SHOWN_CHARS = 40;

/** @param {string} userAgent */
export function browserIn(userAgent) {
  const name = BROWSERS.find(([is]) => is.test(userAgent))?.[1];
  const system = SYSTEMS.find(([is]) => is.test(userAgent))?.[1];
  if (name === undefined) return userAgent.slice(0, SHOWN_CHARS) || "Unknown program";
  return system === undefined ? name : `${name} on ${system}`;
}
