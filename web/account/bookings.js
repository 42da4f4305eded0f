/** One's own bookings: to come first, then what is over. */
import { del, get } from "../lib/api.js";
import { AskedButton } from "../lib/asked.js";
import { useSaid } from "../lib/said.js";
import { clock, day } from "../lib/times.js";
import { html, useEffect, useSignal } from "../lib/ui.js";

const SHOWN = 100;

/** @typedef {{id: number, service_name: string, start_time: string, status: string}} Booking */

export function Bookings() {
  /** @type {import("../vendor/signals-core.js").Signal<Booking[] | null>} */
  const found = useSignal(null);
  const { tried, told } = useSaid();
  /** @param {string} words */
  const read = async (words) => {
    const [coming, over] = await Promise.all(
      ["upcoming", "past"].map((status) => get(`/api/user/bookings/?status=${status}&limit=${SHOWN}`)),
    );
    found.value = [...coming, ...over];
    return words;
  };
  useEffect(() => {
    tried(() => read(""));
  }, []);
  /** @param {number} id */
  const cancel = (id) =>
    tried(async () => {
      const answer = await del(`/api/bookings/${id}/`);
      return await read(answer?.message ?? "Cancelled.");
    });
  return html`
    <section class="card" aria-labelledby="bookings">
      <h2 id="bookings">Bookings</h2>
      ${told}
      ${found.value?.length === 0 && html`<p class="soft">You have none. <a href="/book/">Book a time</a></p>`}
      <ul class="account-list">
        ${(found.value ?? []).map((one) => html`<${OneBooking} key=${one.id} one=${one} onCancel=${() => cancel(one.id)} />`)}
      </ul>
    </section>
  `;
}

/** @param {{one: Booking, onCancel: () => void}} what */
function OneBooking({ one, onCancel }) {
  const name = `${one.service_name} on ${day(one.start_time)}`;
  return html`<li>
    <span>
      <strong>${one.service_name}</strong><br />${day(one.start_time)}, ${clock(one.start_time)}
      ${one.status !== "upcoming" && html`${" "}<span class="badge">${one.status}</span>`}
    </span>
    <span class="row">
      <a href=${`/api/bookings/${one.id}.ics`} download>Calendar file<span class="sr-only"> of ${name}</span></a>
      ${
        one.status === "upcoming" &&
        html`<${AskedButton}
          words="Cancel"
          of=${name}
          before="Money and credits go back if it is early enough."
          yes="Yes, cancel it"
          act=${onCancel}
        />`
      }
    </span>
  </li>`;
}
