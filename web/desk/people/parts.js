/** Parts of packages that somebody bought and that have no time yet: each gets one here. */
import { get, post } from "../../lib/api.js";
import { useSaid } from "../../lib/said.js";
import { clock, shortDay } from "../../lib/times.js";
import { html, useEffect, useSignal } from "../../lib/ui.js";
import { instantOf } from "../local_time.js";
import { query } from "../schedule.js";

const MARKET = "/api/v1/drf";
const SHOWN = 100;

/**
 * @typedef {object} Part
 * @property {number} id
 * @property {string} booking_type
 * @property {{id: number, name: string}} practitioner
 * @property {{id: number, name: string, duration_minutes: number}} service
 */
/** @typedef {{id: number, title: string, start_time: string, seats_left: number}} Session */

/** @param {{userId: number, changes: number}} what `changes`: how often something was sold, which has parts */
export function Parts({ userId, changes }) {
  /** @type {import("../../vendor/signals-core.js").Signal<Part[]>} */
  const found = useSignal([]);
  const { tried, told, isSilent } = useSaid();
  /** @param {string} words */
  const read = async (words) => {
    const asked = query({ user_id: userId, status: "draft", page_size: SHOWN });
    found.value = (await get(`${MARKET}/bookings/?${asked}`)).results;
    return words;
  };
  useEffect(() => {
    tried(() => read(""));
  }, [userId, changes]);
  /** @param {Part} part @param {Promise<object>} to */
  const schedule = (part, to) =>
    tried(async () => {
      await post(`${MARKET}/bookings/${part.id}/reschedule/`, await to);
      return await read(`${part.service.name} has its time.`);
    });
  if (found.value.length === 0 && isSilent) return null;
  return html`
    <h3>Bought, without a time yet</h3>
    ${told}
    <ul class="desk-found">
      ${found.value.map(
        (part) => html`<li key=${part.id} class="desk-line">
          <strong>${part.service.name}</strong>
          ${
            part.booking_type === "individual"
              ? html`<${AtATime} part=${part} onPick=${(/** @type {Promise<object>} */ to) => schedule(part, to)} />`
              : html`<${InASession} part=${part} onPick=${(/** @type {Promise<object>} */ to) => schedule(part, to)} />`
          }
        </li>`,
      )}
    </ul>
  `;
}

/** @param {{part: Part, onPick: (to: Promise<object>) => void}} what */
function AtATime({ part, onPick }) {
  /** @param {SubmitEvent & {currentTarget: HTMLFormElement}} event */
  const send = (event) => {
    event.preventDefault();
    const sent = new FormData(event.currentTarget);
    onPick(hours(part, String(sent.get("date")), String(sent.get("time"))));
  };
  return html`<form class="desk-form" onSubmit=${send} aria-label=${`A time for ${part.service.name}`}>
    <label class="field"><span>Day</span><input type="date" name="date" required /></label>
    <label class="field"><span>Time (with ${part.practitioner.name})</span><input type="time" name="time" required /></label>
    <button type="submit">Give it this time</button>
  </form>`;
}

/** As the practitioner's own clock shows it. @param {Part} part @param {string} date @param {string} time */
async function hours(part, date, time) {
  const { time_zone } = await get(`${MARKET}/practitioners/${part.practitioner.id}/`);
  const start_time = instantOf(date, time, time_zone);
  const end_time = new Date(new Date(start_time).getTime() + part.service.duration_minutes * 60_000).toISOString();
  return { start_time, end_time };
}

/** @param {{part: Part, onPick: (to: Promise<object>) => void}} what */
function InASession({ part, onPick }) {
  /** @type {import("../../vendor/signals-core.js").Signal<Session[] | null>} */
  const offered = useSignal(null);
  useEffect(() => {
    get(`${MARKET}/sessions/?${query({ service_id: part.service.id, is_upcoming: "true", page_size: SHOWN })}`).then(
      (told) => {
        offered.value = told.results;
      },
      () => {
        offered.value = [];
      },
    );
  }, [part.id]);
  /** @param {SubmitEvent & {currentTarget: HTMLFormElement}} event */
  const send = (event) => {
    event.preventDefault();
    const id = Number(new FormData(event.currentTarget).get("session"));
    onPick(Promise.resolve({ service_session_id: id }));
  };
  const free = (offered.value ?? []).filter((one) => one.seats_left > 0);
  if (offered.value !== null && free.length === 0) {
    return html`<p class="note note--warn">No session of it has a free seat. Offer one under Business.</p>`;
  }
  return html`<form class="desk-form" onSubmit=${send} aria-label=${`A session for ${part.service.name}`}>
    <label class="field"><span>Session</span>
      <select name="session" required>
        ${free.map((one) => html`<option key=${one.id} value=${one.id}>${shortDay(one.start_time)}, ${clock(one.start_time)} ${one.title}</option>`)}
      </select>
    </label>
    <button type="submit">Give it this seat</button>
  </form>`;
}
