/** One booking: what it is, what may be done with it, and its payments. */
import { get, Refused, Unreachable } from "../lib/api.js";
import { money } from "../lib/times.js";
import { html, useEffect, useRef, useSignal } from "../lib/ui.js";
import { accept, cancel, complete, missed, move, own } from "./changes.js";
import { State } from "./list.js";
import { bookings, isMovable, resourceOf, resources, saving, shownBookings } from "./state.js";
import { CONTRACTS, MOVABLE, PAYMENTS } from "./statuses.js";

/** @typedef {import("./state.js").Booking} Booking */

/** @param {{id: number}} what */
export function BookingPanel({ id }) {
  const one = shownBookings.value.find((found) => found.id === id);
  if (one === undefined) return html`<p class="note">This booking is not on this day any more.</p>`;
  return html`
    <${Foreign} one=${one} />
    <dl class="desk-facts">
      <dt>State</dt>
      <dd><${State} one=${one} /> ${saving.value.get(id) && html`<strong>Saving …</strong>`}</dd>
      <dt>Who</dt>
      <dd>${one.user.name}<br /><span class="small soft">${[one.user.phone, one.user.email].filter(Boolean).join(", ")}</span></dd>
      <dt>What</dt>
      <dd>${one.service_name} <span class="small soft">(${CONTRACTS[one.contract] ?? one.contract}${one.kind ? `, ${one.kind}` : ""})</span></dd>
      <dt>Where</dt>
      <dd>${resourceOf(one.resource_id)?.name}</dd>
      <dt>When</dt>
      <dd>${one.booking_date} at ${one.booking_time.slice(0, 5)}, ${one.duration_minutes} minutes</dd>
      <dt>Price</dt>
      <dd>${one.price_minor > 0 ? `${money(one.price_minor, one.currency)}, ${PAYMENTS[one.payment_status]}` : "free"}</dd>
      ${one.notes && html`<dt>Notes</dt><dd>${one.notes}</dd>`}
    </dl>
    <${Actions} one=${one} />
    <${Payments} id=${one.id} version=${one.version} />
  `;
}

/** Says when somebody else has changed it while it is on show. @param {{one: Booking}} what */
function Foreign({ one }) {
  const seen = useRef(bookings.value.get(one.id)?.version ?? 0);
  const isForeign = useSignal(false);
  const version = bookings.value.get(one.id)?.version ?? 0;
  useEffect(() => {
    if (version > seen.current && version > (own.get(one.id) ?? 0)) isForeign.value = true;
    seen.current = Math.max(seen.current, version);
  }, [version]);
  return html`<div role="status">
    ${isForeign.value && html`<p class="note note--warn">Somebody else has just changed this booking.</p>`}
  </div>`;
}

/** @typedef {{words: string, yes: string, no: string, act: (one: Booking) => unknown}} Question */

/** @param {{one: Booking}} what */
function Actions({ one }) {
  /** @type {import("../vendor/signals-core.js").Signal<Question | null>} */
  const question = useSignal(null);
  const isBusy = saving.value.has(one.id);
  if (!MOVABLE.has(one.status)) return html`<p class="soft">It is over; nothing more can be done with it.</p>`;
  const isHeld = one.status === "held";
  return html`
    ${isMovable(one) && html`<${Move} one=${one} isBusy=${isBusy} />`}
    <div class="row" role="group" aria-label="What to do with it">
      ${isHeld && html`<button type="button" disabled=${isBusy} onClick=${() => askToAccept(one, question)}>Accept</button>`}
      ${
        !isHeld &&
        html`<button type="button" class="button--quiet" disabled=${isBusy} onClick=${() => complete(one)}>Complete</button>
          <button type="button" class="button--quiet" disabled=${isBusy} onClick=${() => missed(one)}>Did not come</button>`
      }
      <button type="button" class="button--danger" disabled=${isBusy} onClick=${() => askToCancel(one, question)}>Cancel booking</button>
    </div>
    ${question.value && html`<${Asked} one=${one} question=${question} isBusy=${isBusy} />`}
  `;
}

/** @param {{one: Booking, question: import("../vendor/signals-core.js").Signal<Question | null>, isBusy: boolean}} what */
function Asked({ one, question, isBusy }) {
  const asked = question.value;
  if (asked === null) return null;
  return html`<div class="note note--warn" role="group" aria-label="Are you sure?">
    <p>${asked.words}</p>
    <div class="row">
      <button
        type="button"
        class="button--danger"
        disabled=${isBusy}
        onClick=${() => {
          question.value = null;
          asked.act(one);
        }}
      >
        ${asked.yes}
      </button>
      <button type="button" class="button--quiet" onClick=${() => (question.value = null)}>${asked.no}</button>
    </div>
  </div>`;
}

/** What goes back is said before anything is cancelled. @param {Booking} one @param {{value: Question | null}} question */
function askToCancel(one, question) {
  const words =
    one.price_minor > 0 && one.payment_status === "succeeded"
      ? `${money(one.price_minor, one.currency)} go back: whoever cancels at the desk returns what was paid.`
      : "Nothing was paid, so nothing goes back.";
  question.value = { words, yes: "Yes, cancel it", no: "Keep it", act: cancel };
}

/** What is not paid has to be taken by whoever accepts it. @param {Booking} one @param {{value: Question | null}} question */
function askToAccept(one, question) {
  if (one.price_minor === 0 || one.payment_status === "succeeded") {
    accept(one);
    return;
  }
  const words = `${money(one.price_minor, one.currency)} are not paid. Take them at the desk: they are not asked for by card any more.`;
  question.value = { words, yes: "Accept it unpaid", no: "Leave it held", act: accept };
}

/** Another time, length or place, without a mouse. @param {{one: Booking, isBusy: boolean}} what */
function Move({ one, isBusy }) {
  const kind = resourceOf(one.resource_id)?.kind;
  const places = resources.value.filter((found) => found.kind === kind);
  /** @param {SubmitEvent & {currentTarget: HTMLFormElement}} event */
  const send = (event) => {
    event.preventDefault();
    const sent = new FormData(event.currentTarget);
    move(one, {
      date: String(sent.get("date")),
      time: String(sent.get("time")),
      minutes: Number(sent.get("minutes")),
      resource_id: Number(sent.get("resource") ?? one.resource_id),
    });
  };
  return html`
    <form class="desk-form" onSubmit=${send} aria-label="Move">
      <label class="field"><span>Day</span><input type="date" name="date" required defaultValue=${one.booking_date} /></label>
      <label class="field"><span>Time</span><input type="time" name="time" required defaultValue=${one.booking_time.slice(0, 5)} /></label>
      <label class="field"
        ><span>Minutes</span><input type="number" name="minutes" min="1" max="1440" required defaultValue=${one.duration_minutes}
      /></label>
      ${
        places.length > 1 &&
        html`<label class="field"><span>Where</span>
          <select name="resource" defaultValue=${one.resource_id}>
            ${places.map((place) => html`<option key=${place.id} value=${place.id} selected=${place.id === one.resource_id}>${place.name}</option>`)}
          </select>
        </label>`
      }
      <button type="submit" disabled=${isBusy}>Move</button>
    </form>
  `;
}

/** @param {{id: number, version: number}} what */
function Payments({ id, version }) {
  /** @type {import("../vendor/signals-core.js").Signal<any[] | string>} */
  const found = useSignal([]);
  useEffect(() => {
    const asked = new AbortController();
    get(`/api/admin/payments/?booking_id=${id}`, { signal: asked.signal }).then(
      (told) => {
        found.value = told.payments;
      },
      (problem) => {
        if (problem instanceof Refused || problem instanceof Unreachable) found.value = problem.message;
      },
    );
    return () => asked.abort();
  }, [id, version]);
  if (typeof found.value === "string") return html`<p class="note note--bad">${found.value}</p>`;
  if (found.value.length === 0) return null;
  return html`
    <h3>Payments</h3>
    <ul class="desk-payments">
      ${found.value.map(
        (one) => html`<li key=${one.id}>
          ${one.state}: ${one.amount} ${one.currency.toUpperCase()}, received ${one.amount_received}, returned
          ${" "}${one.amount_refunded}${one.amount_returning > 0 ? `, ${one.amount_returning} on its way back` : ""}
          ${one.problem && html`<span class="note note--bad">${one.problem}</span>`}
        </li>`,
      )}
    </ul>
  `;
}
