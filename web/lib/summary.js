/** What was booked: when, where, for how much. */
import { clock, day, isSameClock, viewerZone, zoneName } from "./times.js";
import { html } from "./ui.js";
import { language, t, tn } from "./words.js";

/** @param {number} price @param {string} currency */
export const priceOf = (price, currency) =>
  new Intl.NumberFormat(language.value, { style: "currency", currency: currency.toUpperCase() }).format(price);

/** @param {{booking: import("./linked.js").Linked}} what */
export function Summary({ booking }) {
  const { starts_at: starts, ends_at: ends, time_zone: zone } = booking;
  const name = `${booking.first_name} ${booking.last_name}`.trim();
  return html`
    <dl class="summary">
      ${
        starts !== null &&
        html`<${Row} name=${t("When")}><strong>${day(starts)}</strong><br />${clock(starts)} – ${clock(ends ?? starts)}<br />
        <span class="small soft">${zoneName(viewerZone, starts)}</span>
        ${
          !isSameClock(zone, viewerZone, starts) &&
          html`<br /><span class="small">${t("{time} there ({zone})", { time: clock(starts, zone), zone: zoneName(zone, starts) })}</span>`
        }
      <//>`
      }
      ${booking.practitioner && html`<${Row} name=${t("With")}>${booking.practitioner}<//>`}
      ${booking.location && html`<${Row} name=${t("Where")}>${booking.location}<//>`}
      ${booking.guest_count !== null && html`<${Row} name=${t("Guests")}>${tn(booking.guest_count, "{n} guest", "{n} guests")}<//>`}
      ${booking.price > 0 && html`<${Row} name=${t("Price")}>${priceOf(booking.price, booking.currency)}<//>`}
      ${name && html`<${Row} name=${t("Name")}>${name}<//>`}
      ${booking.notes && html`<${Row} name=${t("Notes")}>${booking.notes}<//>`}
      <${Row} name=${t("Number")}>${booking.id}<//>
    </dl>
  `;
}

/** @param {{name: string, children?: any}} what */
function Row({ name, children }) {
  return html`<div><dt>${name}</dt><dd>${children}</dd></div>`;
}
