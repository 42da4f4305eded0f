/** What one has that is no booking: credits to book with, and places in waiting lists. */
import { del, get } from "../lib/api.js";
import { AskedButton } from "../lib/asked.js";
import { useSaid } from "../lib/said.js";
import { clock, day } from "../lib/times.js";
import { html, useEffect, useSignal } from "../lib/ui.js";

/** @typedef {{booking_id: number, bundle: string, granted: number, balance: number, expires_at: string, is_paid: boolean, services: string[]}} Credits */
/** @typedef {{session_id: number, service_name: string, title: string, starts_at: string, position: number}} Place */

export function CreditList() {
  /** @type {import("../vendor/signals-core.js").Signal<Credits[] | null>} */
  const found = useSignal(null);
  const { tried, told } = useSaid();
  useEffect(() => {
    tried(async () => {
      found.value = (await get("/api/user/credits/")).data;
      return "";
    });
  }, []);
  return html`
    <section class="card" aria-labelledby="credits">
      <h2 id="credits">Credits</h2>
      ${told}
      ${found.value?.length === 0 && html`<p class="soft">You have none. A bundle gives some, and they pay for bookings.</p>`}
      <ul class="account-list">
        ${(found.value ?? []).map(
          (one) => html`<li key=${one.booking_id}>
            <span>
              <strong>${one.balance} of ${one.granted}</strong> of ${one.bundle}, until ${day(one.expires_at)}<br />
              <span class="small soft">They pay for ${one.services.join(", ")}.</span>
            </span>
            ${!one.is_paid && html`<span class="badge badge--warn">once the bundle is paid</span>`}
          </li>`,
        )}
      </ul>
    </section>
  `;
}

export function WaitingPlaces() {
  /** @type {import("../vendor/signals-core.js").Signal<Place[] | null>} */
  const found = useSignal(null);
  const { tried, told } = useSaid();
  /** @param {string} words */
  const read = async (words) => {
    found.value = (await get("/api/user/waiting-places/")).data;
    return words;
  };
  useEffect(() => {
    tried(() => read(""));
    // Places are taken on the booking page: when somebody comes back from there, they are shown.
    const look = () => {
      if (!document.hidden) read("").catch(() => {});
    };
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, []);
  /** @param {number} id */
  const leave = (id) =>
    tried(async () => {
      await del(`/api/v1/drf/sessions/${id}/waiting-list/`);
      return await read("You do not wait there any more.");
    });
  return html`
    <section class="card" aria-labelledby="waiting">
      <h2 id="waiting">Waiting lists</h2>
      ${told}
      ${found.value?.length === 0 && html`<p class="soft">You wait for no seat. What is offered to you stands under Bookings.</p>`}
      <ul class="account-list">
        ${(found.value ?? []).map((one) => {
          const name = one.title || one.service_name;
          return html`<li key=${one.session_id}>
            <span>
              <strong>${name}</strong><br />${day(one.starts_at)}, ${clock(one.starts_at)}<br />
              <span class="small soft">${one.position === 1 ? "The next free seat is offered to you." : `${one.position - 1} wait before you.`}</span>
            </span>
            <${AskedButton} words="Wait no longer" of=${`for ${name}`} before="Your place goes to the next." yes="Yes, leave" act=${() => leave(one.session_id)} />
          </li>`;
        })}
      </ul>
    </section>
  `;
}
