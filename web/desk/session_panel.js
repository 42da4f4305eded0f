/** A session of a workshop or course: its seats, one more seat for somebody, and its end. */
import { del, get, Refused, Unreachable } from "../lib/api.js";
import { html, useSignal } from "../lib/ui.js";
import { create } from "./changes.js";
import { nameOfPerson, PeopleSearch } from "./people_search.js";
import { load, refresh } from "./schedule.js";
import { announced, panel, sessions, shownBookings } from "./state.js";
import { STATUSES } from "./statuses.js";

const SESSIONS = "/api/v1/drf/sessions/";

/** @param {{id: number}} what */
export function SessionPanel({ id }) {
  const problem = useSignal("");
  const session = sessions.value.find((one) => one.id === id);
  if (session === undefined) return html`<p>This session is not on this day any more.</p>`;
  const seats = shownBookings.value.filter((one) => one.session_id === id);
  /** @param {() => Promise<string>} ask What is announced once it is done. */
  const tried = async (ask) => {
    problem.value = "";
    try {
      announced.value = await ask();
    } catch (refused) {
      if (!(refused instanceof Refused || refused instanceof Unreachable)) throw refused;
      problem.value = refused.message;
    }
  };
  return html`
    <p><strong>${session.title || session.service_name}</strong>, ${session.session_date} at ${session.session_time.slice(0, 5)}</p>
    <p>
      ${session.seats_taken} of ${session.capacity} seats are taken, ${session.waiting} wait.
      ${session.is_canceled && html`${" "}<strong>It is cancelled.</strong>`}
    </p>
    <div role="alert">${problem.value && html`<p class="note note--bad">${problem.value}</p>`}</div>
    <h3>Seats</h3>
    ${seats.length === 0 && html`<p class="soft">Nobody has one yet.</p>`}
    <ul>
      ${seats.map(
        (one) => html`<li key=${one.id}>
          <button type="button" class="desk-link" onClick=${() => (panel.value = { what: "booking", id: one.id })}>
            ${one.user.name}
          </button>
          ${" "}${STATUSES[one.status].words}
        </li>`,
      )}
    </ul>
    ${!session.is_canceled && html`<${OneMoreSeat} session=${session} tried=${tried} /><${CancelSession} session=${session} tried=${tried} />`}
  `;
}

/** @typedef {(ask: () => Promise<string>) => Promise<void>} Tried */

/** @param {{session: import("./state.js").Session, tried: Tried}} what */
function OneMoreSeat({ session, tried }) {
  /** @param {import("./people_search.js").Person} person */
  const seat = (person) =>
    tried(async () => {
      const { service_id } = await get(`${SESSIONS}${session.id}/`);
      const body = { service_id, service_session_id: session.id, user_id: person.id };
      const made = await create("/api/v1/drf/bookings/", body);
      await refresh([made.id]).catch(() => {});
      return `${nameOfPerson(person)} has a seat.`;
    });
  return html`<h3>A seat for somebody</h3><${PeopleSearch} onPick=${seat} />`;
}

/** @param {{session: import("./state.js").Session, tried: Tried}} what */
function CancelSession({ session, tried }) {
  const isAsked = useSignal(false);
  /** @param {SubmitEvent & {currentTarget: HTMLFormElement}} event */
  const send = (event) => {
    event.preventDefault();
    const reason = String(new FormData(event.currentTarget).get("reason")).trim();
    isAsked.value = false;
    tried(async () => {
      await del(`${SESSIONS}${session.id}/`, reason === "" ? undefined : { reason });
      await load();
      return "The session is cancelled.";
    });
  };
  if (!isAsked.value) {
    return html`<button type="button" class="button--danger" onClick=${() => (isAsked.value = true)}>Cancel the session</button>`;
  }
  return html`<form class="note note--warn" onSubmit=${send} aria-label="Cancel the session">
    <p>
      ${session.seats_taken === 0 ? "Nobody has a seat." : `${session.seats_taken} bookings are cancelled with it, and what was paid for them goes back.`}
      ${session.waiting > 0 ? ` ${session.waiting} people wait no longer.` : ""}
    </p>
    <label class="field"><span>Reason, for those who booked</span><input name="reason" maxlength="500" autocomplete="off" /></label>
    <div class="row">
      <button type="submit" class="button--danger">Yes, cancel the session</button>
      <button type="button" class="button--quiet" onClick=${() => (isAsked.value = false)}>Keep it</button>
    </div>
  </form>`;
}
