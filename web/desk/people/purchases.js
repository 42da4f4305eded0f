/** Courses, packages and bundles: sold to somebody at the desk, and accepted there where they are not paid yet. */
import { get, newKey, post, Refused, Unreachable } from "../../lib/api.js";
import { AskedButton } from "../../lib/asked.js";
import { money } from "../../lib/times.js";
import { html, useEffect, useSignal } from "../../lib/ui.js";
import { create } from "../changes.js";
import { query } from "../schedule.js";

const MARKET = "/api/v1/drf";
const SHOWN = 100;

/** @type {Record<string, string>} */
const SOLD = { course: "course", package: "package", bundle: "bundle" };

/** @typedef {{id: number, name: string, booking_type: string, price_cents: number, currency: string, is_active: boolean}} Offer */
/**
 * @typedef {object} Purchase
 * @property {number} id
 * @property {string} booking_type
 * @property {string} price_charged
 * @property {{name: string}} service
 */

/** @returns {Promise<Offer[]>} */
async function offers() {
  const lists = await Promise.all(
    Object.keys(SOLD).map((kind) => get(`${MARKET}/services/?${query({ page_size: SHOWN, booking_type: kind })}`)),
  );
  return lists.flatMap((told) => told.results).filter((one) => one.is_active);
}

/** @param {number} userId @returns {Promise<Purchase[]>} */
async function unpaid(userId) {
  const asked = query({ user_id: userId, status: "pending_payment", page_size: SHOWN });
  const found = (await get(`${MARKET}/bookings/?${asked}`)).results;
  return found.filter((/** @type {Purchase} */ one) => one.booking_type in SOLD);
}

/** @param {{userId: number, onChange: () => void}} what */
export function Purchases({ userId, onChange }) {
  /** @type {import("../../vendor/signals-core.js").Signal<Offer[]>} */
  const offered = useSignal([]);
  /** @type {import("../../vendor/signals-core.js").Signal<Purchase[]>} */
  const owed = useSignal([]);
  const said = useSignal("");
  const isBad = useSignal(false);
  const isBusy = useSignal(false);
  /** @param {() => Promise<string>} ask */
  const tried = async (ask) => {
    isBusy.value = true;
    try {
      said.value = await ask();
      owed.value = await unpaid(userId);
      isBad.value = false;
    } catch (problem) {
      if (!(problem instanceof Refused || problem instanceof Unreachable)) throw problem;
      const more = problem instanceof Refused ? problem.errors.map((one) => one.message) : [];
      said.value = [...new Set([problem.message, ...more])].join(" ");
      isBad.value = true;
    } finally {
      isBusy.value = false;
    }
  };
  useEffect(() => {
    tried(async () => {
      offered.value = await offers();
      return "";
    });
  }, [userId]);
  /** @param {SubmitEvent & {currentTarget: HTMLFormElement}} event */
  const sell = (event) => {
    event.preventDefault();
    const id = Number(new FormData(event.currentTarget).get("service"));
    const offer = offered.value.find((one) => one.id === id);
    if (offer === undefined) return;
    tried(async () => {
      const body = { service_id: offer.id, user_id: userId };
      await create(`${MARKET}/bookings/create-${offer.booking_type}/`, body);
      onChange();
      return `${offer.name} is sold.`;
    });
  };
  /** @param {Purchase} one */
  const accept = (one) =>
    tried(async () => {
      await post(`/api/admin/bookings/${one.id}/confirm/`, {}, { key: newKey() });
      onChange();
      return `${one.service.name} is accepted.`;
    });
  return html`
    <h3>Courses, packages and bundles</h3>
    <div role="status">${said.value && html`<p class=${isBad.value ? "note note--bad" : "note note--good"}>${said.value}</p>`}</div>
    <ul class="desk-found">
      ${owed.value.map(
        (one) => html`<li key=${one.id} class="desk-line">
          <strong>${one.service.name}</strong> ${one.price_charged}, not paid yet
          <${AskedButton} words="Accept" of=${one.service.name} before="Take the money at the desk: by card it is asked for no more." yes="Accept it unpaid" act=${() => accept(one)} />
        </li>`,
      )}
    </ul>
    ${
      offered.value.length === 0
        ? html`<p class="soft">Nothing of that kind is offered. Make one under Business.</p>`
        : html`<form class="desk-form" onSubmit=${sell} aria-label="Sell">
            <label class="field"><span>What</span>
              <select name="service" required>
                ${offered.value.map(
                  (one) =>
                    html`<option key=${one.id} value=${one.id}>${one.name} (${SOLD[one.booking_type]}, ${one.price_cents > 0 ? money(one.price_cents, one.currency) : "free"})</option>`,
                )}
              </select>
            </label>
            <button type="submit" disabled=${isBusy.value}>Sell it to this person</button>
          </form>`
    }
  `;
}
