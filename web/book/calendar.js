/** A month whose free days are marked. Arrow keys move among its days. */
import { dateInWords, daysAfter } from "../lib/times.js";
import { html, useEffect, useRef } from "../lib/ui.js";
import { language, t, tn } from "../lib/words.js";

/** @typedef {import("./free.js").Day} Day */

const WEEK = 7;
/** Of 2024: a Monday. */
const A_MONDAY = "2024-01-01";

/** Which weekday a week begins with here: 1 is Monday. */
function firstWeekday() {
  const locale = /** @type {any} */ (new Intl.Locale(navigator.language || language.value));
  const info = locale.getWeekInfo?.() ?? locale.weekInfo;
  return info?.firstDay ?? 1;
}

/** @param {string} date */
const weekdayOf = (date) => new Date(`${date}T00:00:00Z`).getUTCDay() || WEEK;

/**
 * @param {{month: string, days: Day[] | null, chosen: string | undefined, onChoose: (date: string) => void,
 *   onMonth: (step: number) => void, isFirst: boolean}} what
 */
export function Calendar({ month, days, chosen, onChoose, onMonth, isFirst }) {
  const begins = firstWeekday();
  const first = `${month}-01`;
  const lead = (weekdayOf(first) - begins + WEEK) % WEEK;
  const length = new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5)), 0)).getUTCDate();
  const cells = Array.from({ length: Math.ceil((lead + length) / WEEK) * WEEK }, (_, n) =>
    n < lead || n >= lead + length ? null : daysAfter(first, n - lead),
  );
  const known = new Map((days ?? []).map((one) => [one.date, one]));
  const open = cells.filter((date) => date !== null && isOpen(known.get(date)));
  const focusable = chosen !== undefined && open.includes(chosen) ? chosen : open[0];
  const table = useRef(/** @type {HTMLTableElement | null} */ (null));
  const moved = useRef(false);
  useEffect(() => {
    if (moved.current)
      /** @type {HTMLElement | null | undefined} */ (table.current?.querySelector("button[tabindex='0']"))?.focus();
    moved.current = false;
  }, [focusable]);

  /** @param {KeyboardEvent} event */
  function move(event) {
    const inward = document.documentElement.dir === "rtl" ? -1 : 1;
    const steps = { ArrowRight: inward, ArrowLeft: -inward, ArrowDown: WEEK, ArrowUp: -WEEK };
    const step = steps[/** @type {keyof typeof steps} */ (event.key)];
    if (step === undefined || focusable === null || focusable === undefined) return;
    event.preventDefault();
    const ahead = open.filter((date) => (step > 0 ? String(date) > focusable : String(date) < focusable));
    const goal = daysAfter(focusable, step);
    const next = step > 0 ? (ahead.find((date) => String(date) >= goal) ?? ahead.at(-1)) : nearestBefore(ahead, goal);
    if (next) {
      moved.current = true;
      onChoose(next);
    }
  }

  return html`
    <div class="book__month">
      <div class="row book__month-bar">
        <button type="button" class="button--quiet" disabled=${isFirst} onClick=${() => onMonth(-1)}>
          ${t("Previous month")}
        </button>
        <h2 id="month" aria-live="polite">${dateInWords(first, { month: "long", year: "numeric" })}</h2>
        <button type="button" class="button--quiet" onClick=${() => onMonth(1)}>${t("Next month")}</button>
      </div>
      <table ref=${table} aria-labelledby="month" aria-busy=${days === null} onKeyDown=${move}>
        <thead>
          <tr>
            ${Array.from({ length: WEEK }, (_, n) => {
              const date = daysAfter(A_MONDAY, (begins - 1 + n) % WEEK);
              return html`<th scope="col" key=${n}>
                <span aria-hidden="true">${dateInWords(date, { weekday: "short" })}</span>
                <span class="sr-only">${dateInWords(date, { weekday: "long" })}</span>
              </th>`;
            })}
          </tr>
        </thead>
        <tbody>
          ${Array.from(
            { length: cells.length / WEEK },
            (_, week) => html`<tr key=${week}>
              ${cells.slice(week * WEEK, (week + 1) * WEEK).map(
                (date, n) => html`<td key=${n}>
                  ${
                    date !== null &&
                    html`<${DayButton}
                      date=${date}
                      day=${known.get(date)}
                      isChosen=${date === chosen}
                      isFocusable=${date === focusable}
                      onChoose=${onChoose}
                    />`
                  }
                </td>`,
              )}
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
  `;
}

/** @param {(string | null)[]} dates @param {string} goal */
const nearestBefore = (dates, goal) => dates.findLast((date) => String(date) <= goal) ?? dates[0];

/** @param {Day | undefined} day */
const isOpen = (day) => day !== undefined && day.free + day.full > 0;

/** @param {{date: string, day: Day | undefined, isChosen: boolean, isFocusable: boolean, onChoose: (date: string) => void}} what */
function DayButton({ date, day, isChosen, isFocusable, onChoose }) {
  const words = dateInWords(date, { weekday: "long", day: "numeric", month: "long" });
  const number = dateInWords(date, { day: "numeric" });
  if (!isOpen(day)) return html`<span class="book__day book__day--shut">${number}</span>`;
  const free = day?.free ?? 0;
  const state = free > 0 ? tn(free, "{n} time free", "{n} times free") : t("full");
  return html`
    <button
      type="button"
      class=${`book__day ${free > 0 ? "book__day--free" : "book__day--full"}`}
      aria-pressed=${isChosen}
      aria-label=${`${words}, ${state}`}
      tabindex=${isFocusable ? 0 : -1}
      onClick=${() => onChoose(date)}
    >
      ${number}<span class="book__mark" aria-hidden="true">${free > 0 ? "•" : "–"}</span>
    </button>
  `;
}
