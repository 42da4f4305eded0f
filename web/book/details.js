/** The third step: who books, and what else is wanted. */
import { Refused } from "../lib/api.js";
import { isEmbedded } from "../lib/embedded.js";
import { me } from "../lib/session.js";
import { Field, SignIn } from "../lib/sign_in.js";
import { clock, day, isSameClock, money, viewerZone } from "../lib/times.js";
import { html, useSignal } from "../lib/ui.js";
import { t, tn } from "../lib/words.js";
import { Booked, Elsewhere } from "./embedded.js";
import { entered, field, forgetEntered } from "./entered.js";
import { freeTimes, useFresh } from "./free.js";
import { place, refine } from "./places.js";
import { requestOf, send } from "./sending.js";
import { Taken } from "./taken.js";
import { Zones } from "./times.js";

/** @typedef {import("./places.js").Thing} Thing */
/** @typedef {import("./places.js").Time} Time */

/** Refusals that mean: somebody else was first, or the time cannot be had any more. */
const GONE = new Set([
  "slot_taken",
  "session_full",
  "in_the_past",
  "too_soon",
  "too_far_ahead",
  "time_slot_not_found",
  "no_room_free",
  "outside_working_hours",
  "off_day",
  "closed",
  "busy_in_calendar",
  "session_cancelled",
]);

/** @param {{thing: Thing, site: import("../lib/site.js").Site}} what */
export function Details({ thing, site }) {
  const { by, date, at } = place.value;
  const { told, problem } = useFresh(() => freeTimes(thing, by, date ?? ""), [thing.kind, thing.id, by, date]);
  const isBusy = useSignal(false);
  const wrong = useSignal(/** @type {Error | null} */ (null));
  const isGone = useSignal(false);
  const booked = useSignal("");
  const times = told.value;
  const listed = times?.find((one) => one.starts_at === at);
  // A time that is held by this very request is off the list: what was chosen stays.
  const kept = useSignal(/** @type {Time | null} */ (null));
  if (listed && kept.value?.starts_at !== at) kept.value = listed;
  const time = listed ?? (kept.value?.starts_at === at ? kept.value : null);

  // Without an answer it may be booked already, by this very request: it is sent again, not given up.
  const isUnclear = wrong.value !== null && !(wrong.value instanceof Refused);
  if (booked.value) return html`<${Booked} token=${booked.value} />`;
  const title = html`<h1 tabindex="-1">${thing.name}</h1>`;
  if (problem.value && time === null) return html`${title}<p role="alert" class="note note--bad">${problem.value}</p>`;
  if (times === null) return html`${title}<p role="status">${t("Asking for the free times ...")}</p>`;
  if (time === null || isGone.value || (!listed && !isBusy.value && !isUnclear)) {
    return html`<${Taken} thing=${thing} by=${by} date=${date ?? ""} after=${at ?? ""} why=${wrong.value?.message ?? ""} onChoose=${(
      /** @type {Time} */ next,
    ) => {
      wrong.value = null;
      isGone.value = false;
      refine({ kind: thing.kind, id: String(thing.id), by, date: next.date, at: next.starts_at });
    }} />`;
  }

  const isGuest = !me.value;
  const needsLogin = isGuest && !(thing.kind === "service" && site.guests_may_book);
  const ends = thing.kind === "room" ? endsOf(times, time) : [];
  const until = ends.find((one) => one.end_time === field("until").value) ?? ends[0] ?? time;
  const slots = ends.indexOf(until) + 1 || 1;

  /** @param {Event} event */
  async function submit(event) {
    event.preventDefault();
    if (time === null) return;
    isBusy.value = true;
    wrong.value = null;
    const details = {
      .../** @type {any} */ (entered.value),
      guests: Number(field("guests").value) || 1,
      until: until.end_time,
    };
    try {
      const token = await send(requestOf(thing, time, details, by, isGuest), me.value?.id);
      forgetEntered();
      if (isEmbedded) booked.value = token;
      else location.assign(`/b/${token}/#booked`);
      return;
    } catch (why) {
      wrong.value = why instanceof Error ? why : new Error(String(why));
      isGone.value = why instanceof Refused && GONE.has(why.code);
      if (why instanceof Refused && why.status === 401) me.value = null;
    }
    isBusy.value = false;
  }

  const problems = wrong.value instanceof Refused ? wrong.value.errors : [];
  const of = (/** @type {string} */ name) => problems.find((one) => one.field === name)?.message ?? "";
  return html`
    ${title}
    <div class="card">
      <p class="book__chosen">
        <strong>${day(time.starts_at)}</strong><br />
        ${clock(time.starts_at)} – ${clock(until.ends_at)}
        ${
          !isSameClock(thing.time_zone, viewerZone, time.starts_at) &&
          html`<span class="soft"> (${t("{time} there", { time: clock(time.starts_at, thing.time_zone) })})</span>`
        }
      </p>
      <${Zones} zone=${thing.time_zone} at=${time.starts_at} />
      ${thing.price_minor > 0 && html`<p>${money(thing.price_minor * slots, thing.currency)}${thing.kind === "service" && ` (${t("paid at the desk")})`}</p>`}
    </div>
    ${needsLogin && html`<${isEmbedded ? Elsewhere : SignIn} why=${t("This takes a place of its own, so it needs an account. What you have entered stays.")} />`}
    <form class="card stack" onSubmit=${submit}>
      <h2>${t("Your details")}</h2>
      ${
        isGuest &&
        !needsLogin &&
        html`
          <${Field} name="first_name" label=${t("First name")} auto="given-name" value=${field("first_name")} problem=${of("first_name")} />
          <${Field} name="last_name" label=${t("Last name")} auto="family-name" isNeeded=${false} value=${field("last_name")} problem=${of("last_name")} />
          <${Field} name="phone" label=${t("Phone number, with its country code")} type="tel" auto="tel" value=${field("phone")} problem=${of("phone")} />
          <${Field} name="email" label=${t("E-mail address")} type="email" auto="email" isNeeded=${false} value=${field("email")} problem=${of("email")} />
        `
      }
      ${ends.length > 1 && html`<${Until} ends=${ends} value=${until} zone=${thing.time_zone} />`}
      ${thing.capacity !== null && html`<${Field} name="guests" label=${tn(thing.capacity, "Guests", "Guests, up to {n}")} type="number" isNeeded=${false} value=${field("guests")} problem=${of("guest_count")} />`}
      ${thing.kind !== "category" && html`<${Field} name="notes" label=${t("Notes")} isNeeded=${false} value=${field("notes")} problem=${of("notes") || of("special_requests") || of("client_notes")} />`}
      ${wrong.value && html`<p role="alert" class="note note--bad">${wrong.value.message}</p>`}
      <button type="submit" disabled=${isBusy.value || needsLogin}>
        ${isBusy.value ? t("Booking ...") : isUnclear ? t("Try again") : t("Book this time")}
      </button>
      ${needsLogin && html`<p class="small soft">${t("Sign in or register above first.")}</p>`}
    </form>
  `;
}

/** The ends that a room's booking from a time on may have: its slots as long as they follow each other. @param {Time[]} times @param {Time} from */
function endsOf(times, from) {
  const ends = [from];
  for (const one of times) {
    if (one.starts_at === ends.at(-1)?.ends_at) ends.push(one);
  }
  return ends;
}

/** @param {{ends: Time[], value: Time, zone: string}} what */
function Until({ ends, value }) {
  return html`
    <label class="field">
      <span>${t("Until")}</span>
      <select
        name="until"
        value=${value.end_time}
        onChange=${(/** @type {{currentTarget: HTMLSelectElement}} */ event) => {
          field("until").value = event.currentTarget.value;
        }}
      >
        ${ends.map((one) => html`<option key=${one.end_time} value=${one.end_time}>${clock(one.ends_at)}</option>`)}
      </select>
    </label>
  `;
}
