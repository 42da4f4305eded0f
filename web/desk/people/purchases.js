/** Courses, packages and bundles: sold to somebody at the desk, and accepted there where they are not paid yet. */
import { get, newKey, post } from "../../lib/api.js";
import { AskedButton } from "../../lib/asked.js";
import { useSaid } from "../../lib/said.js";
import { money } from "../../lib/times.js";
import { html, useEffect, useSignal } from "../../lib/ui.js";
import { create } from "../changes.js";
import { query } from "../schedule.js";

const MARKET = "/api/v1/drf";
const SHOWN = 100;

const KINDS = ["course", "package", "bundle"];

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
    KINDS.map((kind) => get(`${MARKET}/services/?${query({ page_size: SHOWN, booking_type: kind })}`)),
  );
  return lists.flatMap((told) => told.results).filter((one) => one.is_active);
}

/** @param {number} userId @returns {Promise<Purchase[]>} */
async function unpaid(userId) {
  const asked = query({ user_id: userId, status: "pending_payment", page_size: SHOWN });
  const found = (await get(`${MARKET}/bookings/?${asked}`)).results;
  return found.filter((/** @type {Purchase} */ one) => KINDS.includes(one.booking_type));
}

/** @param {{userId: number, onChange: () => void}} what */
export function Purchases({ userId, onChange }) {
  /** @type {import("../../vendor/signals-core.js").Signal<Offer[]>} */
  const offered = useSignal([]);
  /** @type {import("../../vendor/signals-core.js").Signal<Purchase[]>} */
  const owed = useSignal([]);
  const { tried, told } = useSaid();
  const isBusy = useSignal(false);
  /** What is owed is read again with each. @param {() => Promise<string>} ask */
  const done = async (ask) => {
    isBusy.value = true;
    await tried(async () => {
      const words = await ask();
      owed.value = await unpaid(userId);
      return words;
    }).finally(() => {
      isBusy.value = false;
    });
  };
  useEffect(() => {
    done(async () => {
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
    done(async () => {
      const body = { service_id: offer.id, user_id: userId };
      await create(`${MARKET}/bookings/create-${offer.booking_type}/`, body);
      onChange();
      return `${offer.name} is sold.`;
    });
  };
  /** @param {Purchase} one */
  const accept = (one) =>
    done(async () => {
      await post(`/api/admin/bookings/${one.id}/confirm/`, {}, { key: newKey() });
      onChange();
      return `${one.service.name} is accepted.`;
    });
  return html`
    <h3>Courses, packages and bundles</h3>
    ${told}
    <ul class="desk-found">
      ${owed.value.map(
        (one) => html`<li key=${one.id} class="desk-line">
          <strong>${one.service.name}</strong> ${one.price_charged}, not paid yet
          <${AskedButton} words="Accept" of=${one.service.name} before="Take the money at the desk: it is not asked for by card any more." yes="Accept it unpaid" act=${() => accept(one)} />
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
                    html`<option key=${one.id} value=${one.id}>${one.name} (${one.booking_type}, ${one.price_cents > 0 ? money(one.price_cents, one.currency) : "free"})</option>`,
                )}
              </select>
            </label>
            <button type="submit" disabled=${isBusy.value}>Sell it to this person</button>
          </form>`
    }
  `;
}
