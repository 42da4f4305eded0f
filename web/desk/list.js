/** The day as a list, with everything that the grid shows and what it leaves out: seats, and what was cancelled. */
import { money } from "../lib/times.js";
import { html } from "../lib/ui.js";
import { Hold } from "./hold.js";
import { isReleased, kind, panel, resourceOf, saving, shownBookings, showsReleased } from "./state.js";
import { PAYMENTS, STATUSES } from "./statuses.js";

export function List() {
  const shown = shownBookings.value.filter(
    (one) =>
      (showsReleased.value || !isReleased(one)) &&
      (kind.value === "all" || resourceOf(one.resource_id)?.kind === kind.value),
  );
  if (shown.length === 0) return html`<p class="card soft">Nothing is booked then.</p>`;
  return html`
    <div class="desk-scroll" role="region" aria-label="Bookings" tabindex="0">
      <table class="desk-table">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Who</th>
            <th scope="col">What</th>
            <th scope="col">Where</th>
            <th scope="col">State</th>
            <th scope="col">Price</th>
          </tr>
        </thead>
        <tbody>
          ${shown.map((one) => html`<${Row} key=${one.id} one=${one} />`)}
        </tbody>
      </table>
    </div>
  `;
}

/** @param {{one: import("./state.js").Booking}} what */
function Row({ one }) {
  const doing = saving.value.get(one.id)?.words;
  return html`
    <tr class=${doing ? "is-saving" : ""} data-booking=${one.id}>
      <td>${one.booking_date.slice(5)} ${one.booking_time.slice(0, 5)}</td>
      <td>
        <button type="button" class="desk-link" onClick=${() => (panel.value = { what: "booking", id: one.id })}>
          ${one.user.name}
        </button>
      </td>
      <td>${one.service_name}</td>
      <td>${resourceOf(one.resource_id)?.name}</td>
      <td><${State} one=${one} /> ${doing && html`<span class="small">Saving …</span>`}</td>
      <td>${one.price_minor > 0 ? `${money(one.price_minor, one.currency)}, ${PAYMENTS[one.payment_status]}` : "free"}</td>
    </tr>
  `;
}

/** @param {{one: import("./state.js").Booking}} what */
export function State({ one }) {
  const { sign, words } = STATUSES[one.status];
  return html`
    <span class="desk-state is-${one.status}"><span aria-hidden="true">${sign}</span> ${words}</span>
    ${one.hold_expires_at && html`${" "}<${Hold} until=${one.hold_expires_at} />`}
  `;
}
