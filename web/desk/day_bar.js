/** Which days are on show, how, and of which resources. */
import { dateInWords, daysAfter } from "../lib/times.js";
import { html } from "../lib/ui.js";
import { day, kind, panel, resources, showsReleased, view } from "./state.js";
import { KINDS, STATUSES } from "./statuses.js";

/** @typedef {import("./state.js").View} View */

/** @type {Record<View, string>} */
const VIEWS = { grid: "Day", list: "List", week: "Week", month: "Month" };

/** @param {{today: string}} what The day in the installation's zone. */
export function DayBar({ today }) {
  const kinds = [...new Set(resources.value.map((one) => one.kind))].filter((one) => one in KINDS);
  return html`
    <div class="row desk-bar" role="group" aria-label="What is shown">
      <div class="row">
        <button type="button" class="button--quiet" onClick=${() => step(-1)} aria-label=${`Earlier ${unit()}`}>‹</button>
        <button type="button" class="button--quiet" onClick=${() => (day.value = today)}>Today</button>
        <button type="button" class="button--quiet" onClick=${() => step(1)} aria-label=${`Later ${unit()}`}>›</button>
        <label><span class="sr-only">Day</span>
          <input type="date" value=${day.value} onChange=${pick} />
        </label>
      </div>
      <div class="row" role="radiogroup" aria-label="View">
        ${Object.entries(VIEWS).map(([name, words]) => html`<${Choice} key=${name} name=${name} words=${words} />`)}
      </div>
      <label class="row"><span class="sr-only">Resources</span>
        <select value=${kind.value} onChange=${(/** @type {{currentTarget: HTMLSelectElement}} */ event) => (kind.value = event.currentTarget.value)}>
          <option value="all">Everything</option>
          ${kinds.map((one) => html`<option key=${one} value=${one}>${KINDS[one]}</option>`)}
        </select>
      </label>
      <label class="row small">
        <input
          type="checkbox"
          checked=${showsReleased.value}
          onChange=${() => (showsReleased.value = !showsReleased.value)}
        />
        Show cancelled
      </label>
      <button type="button" onClick=${() => (panel.value = { what: "new", at: { date: day.value } })}>New booking</button>
    </div>
    <h1 class="desk-title">${title()}</h1>
  `;
}

/** @param {{name: string, words: string}} what */
function Choice({ name, words }) {
  const isChosen = view.value === name;
  return html`
    <button
      type="button"
      role="radio"
      aria-checked=${isChosen}
      class=${isChosen ? "" : "button--quiet"}
      onClick=${() => (view.value = /** @type {View} */ (name))}
    >
      ${words}
    </button>
  `;
}

/** @param {{currentTarget: HTMLInputElement}} event */
function pick({ currentTarget }) {
  if (/^\d{4}-\d{2}-\d{2}$/.test(currentTarget.value)) day.value = currentTarget.value;
}

const unit = () => ({ grid: "day", list: "day", week: "week", month: "month" })[view.value];

/** @param {-1 | 1} by */
function step(by) {
  if (view.value === "month") {
    const [year, month] = day.value.split("-").map(Number);
    day.value = new Date(Date.UTC(year, month - 1 + by, 1)).toISOString().slice(0, 10);
  } else {
    day.value = daysAfter(day.value, view.value === "week" ? 7 * by : by);
  }
}

function title() {
  if (view.value === "month") return dateInWords(day.value, { month: "long", year: "numeric" });
  const words = dateInWords(day.value, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
  return view.value === "week" ? `Week of ${words}` : words;
}

export function Legend() {
  return html`
    <ul class="row small desk-legend" aria-label="What the signs mean">
      ${Object.entries(STATUSES).map(
        ([name, { sign, words }]) =>
          html`<li key=${name} class="desk-state is-${name}"><span aria-hidden="true">${sign}</span> ${words}</li>`,
      )}
      <li class="desk-state is-session"><span aria-hidden="true">⚇</span> Session</li>
      <li class="desk-state is-closure"><span aria-hidden="true">⊘</span> Closed</li>
    </ul>
  `;
}
