/** The panel beside the day: a booking, a session's seats, or a new booking. It is a dialog: Escape closes it. */
import { html, useEffect, useRef } from "../lib/ui.js";
import { Banners } from "./banners.js";
import { BookingPanel } from "./booking_panel.js";
import { NewBooking } from "./new_booking.js";
import { panel, sessions, shownBookings } from "./state.js";

export function Panel() {
  /** @type {{current: HTMLDialogElement | null}} */
  const place = useRef(null);
  const shown = panel.value;
  const isOpen = shown !== null;
  useEffect(() => {
    if (isOpen && !place.current?.open) place.current?.showModal();
    if (!isOpen) place.current?.close();
  }, [isOpen]);
  return html`
    <dialog class="desk-panel" ref=${place} aria-label=${shown ? TITLES[shown.what] : "Closed"} onClose=${() => (panel.value = null)}>
      ${
        shown &&
        html`
          <div class="row desk-panel__head">
            <h2>${TITLES[shown.what]}</h2>
            <button type="button" class="button--quiet" onClick=${() => (panel.value = null)}>Close</button>
          </div>
          <${Banners} />
          ${shown.what === "booking" && html`<${BookingPanel} key=${shown.id} id=${shown.id} />`}
          ${shown.what === "session" && html`<${Seats} id=${shown.id} />`}
          ${shown.what === "new" && html`<${NewBooking} at=${shown.at} />`}
        `
      }
    </dialog>
  `;
}

const TITLES = { booking: "Booking", session: "Session", new: "New booking" };

/** @param {{id: number}} what */
function Seats({ id }) {
  const session = sessions.value.find((one) => one.id === id);
  if (session === undefined) return html`<p>This session is not on this day any more.</p>`;
  const seats = shownBookings.value.filter((one) => one.session_id === id);
  return html`
    <p><strong>${session.title || session.service_name}</strong>, ${session.session_date} at ${session.session_time.slice(0, 5)}</p>
    <p>${session.seats_taken} of ${session.capacity} seats are taken, ${session.waiting} wait.</p>
    <ul>
      ${seats.map(
        (one) => html`<li key=${one.id}>
          <button type="button" class="desk-link" onClick=${() => (panel.value = { what: "booking", id: one.id })}>
            ${one.user.name}
          </button>
          ${" "}${one.status}
        </li>`,
      )}
    </ul>
  `;
}
