/** Somebody else was first: says so, and offers the next times that are free. */
import { clock, daysAfter, shortDay } from "../lib/times.js";
import { html } from "../lib/ui.js";
import { t } from "../lib/words.js";
import { freeDays, freeTimes, useFresh } from "./free.js";
import { goTo } from "./places.js";

const OFFERED = 6;
const DAYS_LOOKED = 31;

/** @typedef {import("./places.js").Thing} Thing */
/** @typedef {import("./places.js").Time} Time */

/**
 * The next free times, that day's first. @param {Thing} thing @param {string | undefined} by @param {string} date
 * @param {string} after @returns {Promise<Time[]>}
 */
async function next(thing, by, date, after) {
  const same = (await freeTimes(thing, by, date)).filter((one) => one.seats_left !== 0 && one.starts_at !== after);
  const later = same.filter((one) => one.starts_at > after);
  const found = later.length > 0 ? later : same;
  if (found.length >= OFFERED) return found.slice(0, OFFERED);
  const days = await freeDays(thing, by, daysAfter(date, 1), DAYS_LOOKED);
  const other = days.find((one) => one.free > 0);
  const more = other ? await freeTimes(thing, by, other.date) : [];
  return [...found, ...more.filter((one) => one.seats_left !== 0)].slice(0, OFFERED);
}

/** @param {{thing: Thing, by: string | undefined, date: string, after: string, why: string, onChoose: (time: Time) => void}} what */
export function Taken({ thing, by, date, after, why, onChoose }) {
  const { told } = useFresh(() => next(thing, by, date, after), [thing.kind, thing.id, by, date, after]);
  return html`
    <h1 tabindex="-1">${thing.name}</h1>
    <div role="alert" class="note note--warn">
      <p><strong>${t("This time is not free any more.")}</strong></p>
      ${why && html`<p>${why}</p>`}
      ${after && html`<p>${clock(after)}, ${shortDay(after)}</p>`}
    </div>
    <section class="card" aria-labelledby="next">
      <h2 id="next">${t("The next free times")}</h2>
      ${told.value === null && html`<p role="status">${t("Asking for the free times ...")}</p>`}
      ${told.value?.length === 0 && html`<p>${t("There is none in the next weeks.")}</p>`}
      <ul class="book__times">
        ${(told.value ?? []).map(
          (time) => html`<li key=${time.starts_at}>
            <button type="button" class="button--quiet" onClick=${() => onChoose(time)}>
              <span>${clock(time.starts_at)}</span><span class="small">${shortDay(time.starts_at)}</span>
            </button>
          </li>`,
        )}
      </ul>
      <button type="button" class="button--quiet" onClick=${() => goTo({ kind: thing.kind, id: String(thing.id), by })}>
        ${t("Choose another day")}
      </button>
    </section>
  `;
}
