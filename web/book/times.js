/** The second step: a day and a time. What others take meanwhile disappears by itself. */
import { clock, dateInWords, dateOf, daysAfter, isSameClock, viewerZone, zoneName } from "../lib/times.js";
import { html, useEffect, useSignal } from "../lib/ui.js";
import { t, tn } from "../lib/words.js";
import { Calendar } from "./calendar.js";
import { freeDays, freeTimes, useFresh } from "./free.js";
import { goTo, place, refine } from "./places.js";
import { Facts } from "./things.js";
import { Waiting } from "./waiting.js";

const MONTHS_AHEAD = 12;
/** Months that are looked through by themselves for a first free day. */
const LOOKED_MAX = 3;

/** @typedef {import("./places.js").Thing} Thing */
/** @typedef {import("./places.js").Time} Time */

/** @param {string} month @param {number} step */
function monthAfter(month, step) {
  const at = new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5)) - 1 + step, 1));
  return at.toISOString().slice(0, 7);
}

/** @param {{thing: Thing}} what */
export function ChooseTime({ thing }) {
  const { by, date } = place.value;
  const today = dateOf(new Date(), thing.time_zone);
  const month = useSignal((date ?? today).slice(0, 7));
  const looked = useSignal(date === undefined ? 0 : LOOKED_MAX);
  const start = month.value === today.slice(0, 7) ? today : `${month.value}-01`;
  const last = daysAfter(`${monthAfter(month.value, 1)}-01`, -1);
  const count = Number(last.slice(8)) - Number(start.slice(8)) + 1;
  const days = useFresh(() => freeDays(thing, by, start, count), [thing.kind, thing.id, by, start]);
  const where = { kind: thing.kind, id: String(thing.id), by };

  useEffect(() => {
    if (days.told.value === null || date !== undefined) return;
    const first = days.told.value.find((one) => one.free > 0) ?? days.told.value.find((one) => one.full > 0);
    if (first) refine({ ...where, date: first.date });
    else if (looked.value < LOOKED_MAX) {
      looked.value += 1;
      month.value = monthAfter(month.value, 1);
    }
  }, [days.told.value]);

  const isEmpty = days.told.value?.every((one) => one.free + one.full === 0) ?? false;
  return html`
    <h1 tabindex="-1">${thing.name}</h1>
    <p class="soft"><${Facts} thing=${thing} /></p>
    ${thing.kind === "individual" && html`<${ChoosePractitioner} thing=${thing} />`}
    ${days.problem.value && html`<p role="alert" class="note note--bad">${days.problem.value}</p>`}
    <div class="book__when">
      <${Calendar}
        month=${month.value}
        days=${days.told.value}
        chosen=${date}
        isFirst=${month.value <= today.slice(0, 7)}
        onChoose=${(/** @type {string} */ chosen) => refine({ ...where, date: chosen })}
        onMonth=${(/** @type {number} */ step) => {
          const next = monthAfter(month.value, step);
          if (next <= monthAfter(today.slice(0, 7), MONTHS_AHEAD)) month.value = next;
        }}
      />
      <div>
        ${isEmpty && html`<p role="status" class="note">${t("Nothing is free in this month.")}</p>`}
        ${date !== undefined && html`<${Times} thing=${thing} date=${date} by=${by} />`}
      </div>
    </div>
  `;
}

/** @param {{thing: Thing}} what */
function ChoosePractitioner({ thing }) {
  if (thing.practitioners.length < 2) return null;
  const { by, date } = place.value;
  return html`
    <label class="field book__search">
      <span>${t("With whom?")}</span>
      <select
        value=${by ?? ""}
        onChange=${(/** @type {{currentTarget: HTMLSelectElement}} */ event) =>
          refine({ kind: thing.kind, id: String(thing.id), date, by: event.currentTarget.value })}
      >
        <option value="">${t("Anybody who is free")}</option>
        ${thing.practitioners.map((one) => html`<option key=${one.id} value=${String(one.id)}>${one.name}</option>`)}
      </select>
    </label>
  `;
}

/** @param {{thing: Thing, date: string, by: string | undefined}} what */
function Times({ thing, date, by }) {
  const { told, problem } = useFresh(() => freeTimes(thing, by, date), [thing.kind, thing.id, date, by]);
  const times = told.value;
  return html`
    <section aria-labelledby="day" aria-busy=${times === null}>
      <h2 id="day">${dateInWords(date, { weekday: "long", day: "numeric", month: "long" })}</h2>
      ${problem.value && html`<p role="alert" class="note note--bad">${problem.value}</p>`}
      <p role="status" class="small soft">
        ${times !== null && (times.length === 0 ? t("Nothing is free on this day any more.") : tn(times.length, "{n} time", "{n} times"))}
      </p>
      ${times !== null && times.length > 0 && html`<${Zones} zone=${thing.time_zone} at=${times[0]?.starts_at ?? ""} />`}
      <ul class="book__times">
        ${(times ?? []).map((time) => html`<${TimeButton} key=${time.starts_at} thing=${thing} time=${time} />`)}
      </ul>
    </section>
  `;
}

/** Whose clock is shown, where it is not the place's. @param {{zone: string, at: string}} what */
export function Zones({ zone, at }) {
  if (isSameClock(zone, viewerZone, at))
    return html`<p class="small soft">${t("Times are in {zone}.", { zone: zoneName(zone, at) })}</p>`;
  return html`
    <p class="small note">
      ${t("Times are yours ({mine}). It takes place in {theirs}; the time there stands beside.", {
        mine: zoneName(viewerZone, at),
        theirs: zoneName(zone, at),
      })}
    </p>
  `;
}

/** @param {{thing: Thing, time: Time}} what */
function TimeButton({ thing, time }) {
  const { by, date } = place.value;
  const isElsewhere = !isSameClock(thing.time_zone, viewerZone, time.starts_at);
  if (time.seats_left === 0) return html`<li class="book__full"><${Waiting} time=${time} /></li>`;
  return html`
    <li>
      <button
        type="button"
        class="button--quiet"
        onClick=${() => goTo({ kind: thing.kind, id: String(thing.id), by, date, at: time.starts_at })}
      >
        <span>${clock(time.starts_at)}</span>
        ${isElsewhere && html`<span class="small">${t("{time} there", { time: clock(time.starts_at, thing.time_zone) })}</span>`}
        ${time.seats_left !== null && html`<span class="small">${tn(time.seats_left, "{n} seat left", "{n} seats left")}</span>`}
      </button>
    </li>
  `;
}
