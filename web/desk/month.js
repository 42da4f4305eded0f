/** A month: how much each day has. A day is opened from here. */
import { get, Unreachable } from "../lib/api.js";
import { dateInWords, daysAfter } from "../lib/times.js";
import { html, signal, useEffect } from "../lib/ui.js";
import { query } from "./schedule.js";
import { day, isApiAway, view } from "./state.js";

const AGAIN_MS = 2000;
const WEEKS = 6;
/** By day and word. @type {import("../vendor/signals-core.js").Signal<Map<string, Record<string, number>>>} */
const counts = signal(new Map());

/** @param {string} date */
function firstShown(date) {
  const first = `${date.slice(0, 7)}-01`;
  return daysAfter(first, -((new Date(`${first}T00:00:00Z`).getUTCDay() + 6) % 7));
}

/** @param {string} from @param {AbortSignal} signal */
async function load(from, signal) {
  for (;;) {
    try {
      const range = { start_date: from, end_date: daysAfter(from, 7 * WEEKS - 1) };
      /** @type {{date: string, status: string, bookings: number}[]} */
      const found = (await get(`/api/admin/schedule/days/?${query(range)}`, { signal })).days;
      const next = new Map();
      for (const one of found) next.set(one.date, { ...next.get(one.date), [one.status]: one.bookings });
      counts.value = next;
      isApiAway.value = false;
      return;
    } catch (problem) {
      if (signal.aborted) return;
      if (!(problem instanceof Unreachable)) throw problem;
      isApiAway.value = true;
      await new Promise((resolve) => window.setTimeout(resolve, AGAIN_MS));
    }
  }
}

export function Month() {
  const from = firstShown(day.value);
  useEffect(() => {
    const asked = new AbortController();
    load(from, asked.signal);
    return () => asked.abort();
  }, [from]);
  const weeks = Array.from({ length: WEEKS }, (_, week) =>
    Array.from({ length: 7 }, (_unused, weekday) => daysAfter(from, week * 7 + weekday)),
  );
  return html`
    <div class="desk-scroll" role="region" aria-label="Month" tabindex="0">
      <table class="desk-month">
        <thead>
          <tr>
            ${weeks[0].map((date) => html`<th key=${date} scope="col">${dateInWords(date, { weekday: "short" })}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${weeks.map((week) => html`<tr key=${week[0]}>${week.map((date) => html`<${Day} key=${date} date=${date} />`)}</tr>`)}
        </tbody>
      </table>
    </div>
  `;
}

/** @param {{date: string}} what */
function Day({ date }) {
  const found = counts.value.get(date) ?? {};
  const isOther = date.slice(0, 7) !== day.value.slice(0, 7);
  const open = () => {
    day.value = date;
    view.value = "grid";
  };
  return html`
    <td class=${isOther ? "is-other" : ""}>
      <button type="button" class="desk-day" onClick=${open}>
        <span class="sr-only">${dateInWords(date, { weekday: "long", day: "numeric", month: "long" })}:</span>
        <strong aria-hidden="true">${Number(date.slice(8))}</strong>
        ${found.upcoming > 0 && html`<span>${found.upcoming} to come</span>`}
        ${found.completed > 0 && html`<span>${found.completed} done</span>`}
        ${found.cancelled > 0 && html`<span class="soft">${found.cancelled} cancelled</span>`}
      </button>
    </td>
  `;
}
