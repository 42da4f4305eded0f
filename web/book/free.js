/** Which days and times are free, read anew every 20 seconds and whenever the page is looked at again. */
import { get } from "../lib/api.js";
import { useEffect, useSignal } from "../lib/ui.js";

const AGAIN_MS = 20_000;

/** @typedef {import("./places.js").Thing} Thing */
/** @typedef {import("./places.js").Time} Time */
/** @typedef {{date: string, free: number, full: number}} Day */

/** @param {Thing} thing @param {string | undefined} by */
const which = (thing, by) => `kind=${thing.kind}&id=${thing.id}${by ? `&practitioner_id=${by}` : ""}`;

/** @param {Thing} thing @param {string | undefined} by @param {string} start @param {number} count @returns {Promise<Day[]>} */
export const freeDays = async (thing, by, start, count) =>
  (await get(`/api/catalogue/days/?${which(thing, by)}&start_date=${start}&days=${count}`)).days;

/** @param {Thing} thing @param {string | undefined} by @param {string} date @returns {Promise<Time[]>} */
export const freeTimes = async (thing, by, date) =>
  (await get(`/api/catalogue/times/?${which(thing, by)}&date=${date}`)).times;

/**
 * The newest answer of `read`, null before the first; what was read stays while it is read again.
 * @template Told
 * @param {() => Promise<Told>} read
 * @param {unknown[]} of what it depends on
 */
export function useFresh(read, of) {
  const told = useSignal(/** @type {Told | null} */ (null));
  const problem = useSignal("");
  useEffect(() => {
    let isOver = false;
    told.value = null;
    const look = () => {
      if (document.hidden) return;
      read().then(
        (found) => {
          if (isOver) return;
          told.value = found;
          problem.value = "";
        },
        (why) => {
          if (!isOver) problem.value = why.message;
        },
      );
    };
    look();
    const timer = setInterval(look, AGAIN_MS);
    document.addEventListener("visibilitychange", look);
    return () => {
      isOver = true;
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, of);
  return { told, problem };
}
