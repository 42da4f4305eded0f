/** Private addresses that a calendar subscribes to. */
import { del, get, post } from "../lib/api.js";
import { useSaid } from "../lib/said.js";
import { html, useEffect, useSignal } from "../lib/ui.js";

export function CalendarLinks() {
  /** @type {import("../vendor/signals-core.js").Signal<any[]>} */
  const links = useSignal([]);
  const address = useSignal("");
  const { tried, told } = useSaid();
  const read = async () => {
    links.value = (await get("/api/calendar-links/")).data;
    return "";
  };
  useEffect(() => {
    tried(read);
  }, []);
  const make = () =>
    tried(async () => {
      const made = (await post("/api/calendar-links/", { kind: "user", names: true })).data;
      address.value = made.url ?? "";
      await read();
      return "The link is made. Whoever knows it can read your bookings.";
    });
  /** @param {number} id */
  const end = (id) =>
    tried(async () => {
      await del(`/api/calendar-links/${id}/`);
      address.value = "";
      await read();
      return "The link has ended.";
    });
  return html`
    <section class="card" aria-labelledby="calendar">
      <h2 id="calendar">In your own calendar</h2>
      <p class="soft">A private address that a calendar subscribes to.</p>
      ${told}
      ${address.value && html`<p>It is shown this once: <code>${address.value}</code></p>`}
      <ul class="account-list">
        ${links.value.map(
          (one) => html`<li key=${one.id}>
            <span>${one.label || one.kind}</span>
            <button type="button" class="button--danger" onClick=${() => end(one.id)}>
              End<span class="sr-only"> the link ${one.label}</span>
            </button>
          </li>`,
        )}
      </ul>
      <button type="button" class="button--quiet" onClick=${make}>Make a link</button>
    </section>
  `;
}
