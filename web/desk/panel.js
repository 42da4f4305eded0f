/** The panel beside the day: a booking, a session's seats, or a new booking. It is a dialog: Escape closes it. */
import { html, useEffect, useRef } from "../lib/ui.js";
import { Banners } from "./banners.js";
import { BookingPanel } from "./booking_panel.js";
import { NewBooking } from "./new_booking.js";
import { SessionPanel } from "./session_panel.js";
import { panel } from "./state.js";

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
          ${shown.what === "session" && html`<${SessionPanel} key=${shown.id} id=${shown.id} />`}
          ${shown.what === "new" && html`<${NewBooking} at=${shown.at} />`}
        `
      }
    </dialog>
  `;
}

const TITLES = { booking: "Booking", session: "Session", new: "New booking" };
