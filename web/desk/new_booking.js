/** A new booking for a known person, found as one types, or a new one: at the desk, in a room, with a practitioner, in a slot. */
import { Refused, Unreachable } from "../lib/api.js";
import { sentences } from "../lib/said.js";
import { html, useEffect, useSignal } from "../lib/ui.js";
import { readCatalogue } from "./catalogue.js";
import { create } from "./changes.js";
import { instantOf, localClock } from "./local_time.js";
import { nameOfPerson, PeopleSearch } from "./people_search.js";
import { refresh } from "./schedule.js";
import { announced, categoryResources, day, panel, resourceOf, resources, slots } from "./state.js";
import { KINDS } from "./statuses.js";

/** @typedef {import("./people_search.js").Person} Person */
/** @typedef {import("./catalogue.js").Catalogue} Catalogue */

/** @param {{at: Partial<import("./state.js").Place>}} what */
export function NewBooking({ at }) {
  /** @type {import("../vendor/signals-core.js").Signal<Catalogue | null>} */
  const catalogue = useSignal(null);
  /** @type {import("../vendor/signals-core.js").Signal<Person | null>} */
  const person = useSignal(null);
  const resourceId = useSignal(at.resource_id ?? resources.value[0]?.id ?? 0);
  const problem = useSignal("");
  const isSaving = useSignal(false);
  useEffect(() => {
    readCatalogue().then(
      (found) => {
        catalogue.value = found;
      },
      (away) => {
        problem.value = away.message;
      },
    );
  }, []);
  /** @param {SubmitEvent & {currentTarget: HTMLFormElement}} event */
  const send = async (event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    isSaving.value = true;
    problem.value = "";
    try {
      const made = await book(form, resourceId.value, person.value, catalogue.value);
      const id = made.booking_id ?? made.data?.booking?.id ?? made.data?.id ?? made.id;
      await refresh([id]).catch(() => {});
      announced.value = "Booked.";
      panel.value = null;
    } catch (refused) {
      if (!(refused instanceof Refused || refused instanceof Unreachable)) throw refused;
      problem.value = sentences(refused);
    } finally {
      isSaving.value = false;
    }
  };
  const kind = resourceOf(resourceId.value)?.kind ?? "desk";
  return html`
    <form class="desk-form" onSubmit=${send} aria-label="New booking">
      <label class="field"><span>Where</span>
        <select name="resource" value=${resourceId.value} onChange=${(/** @type {{currentTarget: HTMLSelectElement}} */ event) => (resourceId.value = Number(event.currentTarget.value))}>
          ${Object.entries(KINDS).map(
            ([name, words]) => html`<optgroup key=${name} label=${words}>
              ${resources.value
                .filter((one) => one.kind === name)
                .map(
                  (one) =>
                    html`<option key=${one.id} value=${one.id} selected=${one.id === resourceId.value}>${one.name}</option>`,
                )}
            </optgroup>`,
          )}
        </select>
      </label>
      ${catalogue.value && html`<${What} kind=${kind} resourceId=${resourceId.value} catalogue=${catalogue.value} at=${at} />`}
      <${Who} person=${person} />
      <label class="field"><span>Notes</span><textarea name="notes" rows="2" maxlength="1000"></textarea></label>
      <div role="alert">${problem.value && html`<p class="note note--bad">${problem.value}</p>`}</div>
      <button type="submit" disabled=${isSaving.value || catalogue.value === null}>${isSaving.value ? "Saving …" : "Book"}</button>
    </form>
  `;
}

/** @param {{kind: string, resourceId: number, catalogue: Catalogue, at: Partial<import("./state.js").Place>}} what */
function What({ kind, resourceId, catalogue, at }) {
  if (kind === "category") return html`<${FreeSlots} resourceId=${resourceId} />`;
  return html`
    ${kind !== "room" && html`<${Services} kind=${kind} resourceId=${resourceId} catalogue=${catalogue} />`}
    <label class="field"><span>Day</span><input type="date" name="date" required defaultValue=${at.date ?? day.value} /></label>
    <label class="field"><span>Time</span><input type="time" name="time" required defaultValue=${at.time ?? "09:00"} /></label>
    ${
      kind === "room" &&
      html`<label class="field"><span>Minutes</span><input type="number" name="minutes" min="5" max="1440" step="5" required defaultValue="60" /></label>
        <label class="field"><span>Guests</span><input type="number" name="guests" min="1" required defaultValue="1" /></label>`
    }
  `;
}

/** @param {{kind: string, resourceId: number, catalogue: Catalogue}} what */
function Services({ kind, resourceId, catalogue }) {
  const practitioner = practitionerOf(resourceId, catalogue);
  const offered =
    kind === "practitioner"
      ? catalogue.sessions.filter(
          (one) => one.is_active && practitioner && one.practitioner_ids.includes(practitioner.id),
        )
      : catalogue.services.filter((one) => one.is_active && one.resource_id === resourceId);
  if (offered.length === 0)
    return html`<p class="note note--warn">No service can be booked here yet. Make one under Business.</p>`;
  return html`<label class="field"><span>Service</span>
    <select name="service" required>
      ${offered.map((one) => html`<option key=${one.id} value=${kind === "practitioner" ? one.id : one.name}>${one.name}</option>`)}
    </select>
  </label>`;
}

/** @param {{resourceId: number}} what */
function FreeSlots({ resourceId }) {
  const zone = resourceOf(resourceId)?.zone ?? "UTC";
  const free = slots.value.filter(
    (one) => !one.is_booked && categoryResources.value.get(one.category.id) === resourceId,
  );
  if (free.length === 0)
    return html`<p class="note note--warn">No slot is free on this day. Offer some under Business.</p>`;
  return html`<label class="field"><span>Slot</span>
    <select name="slot" required>
      ${free.map((one) => html`<option key=${one.id} value=${one.id}>${localClock(one.start_time, zone).slice(0, 16)} to ${localClock(one.end_time, zone).slice(11, 16)}</option>`)}
    </select>
  </label>`;
}

/** @param {{person: import("../vendor/signals-core.js").Signal<Person | null>}} what */
function Who({ person }) {
  if (person.value !== null) {
    return html`<p class="row">
      <span>For <strong>${nameOfPerson(person.value)}</strong></span>
      <button type="button" class="button--quiet" onClick=${() => (person.value = null)}>Somebody else</button>
    </p>`;
  }
  return html`
    <${PeopleSearch} onPick=${(/** @type {Person} */ one) => (person.value = one)} />
    <fieldset class="desk-form">
      <legend>Or a new person</legend>
      <label class="field"><span>First name</span><input name="first_name" maxlength="150" autocomplete="off" /></label>
      <label class="field"><span>Last name</span><input name="last_name" maxlength="150" autocomplete="off" /></label>
      <label class="field"><span>Phone</span><input name="phone" type="tel" maxlength="32" autocomplete="off" /></label>
      <label class="field"><span>Email</span><input name="email" type="email" maxlength="254" autocomplete="off" /></label>
    </fieldset>
  `;
}

/** @param {number} resourceId @param {Catalogue} catalogue */
const practitionerOf = (resourceId, catalogue) => catalogue.practitioners.find((one) => one.resource_id === resourceId);

/**
 * @param {FormData} form
 * @param {number} resourceId
 * @param {Person | null} person
 * @param {Catalogue | null} catalogue
 */
async function book(form, resourceId, person, catalogue) {
  const value = (/** @type {string} */ name) => String(form.get(name) ?? "").trim();
  const user_id = person?.id ?? (await enter(value));
  const notes = value("notes");
  switch (resourceOf(resourceId)?.kind) {
    case "category":
      return await create("/api/bookings/", { time_slot: Number(value("slot")), user_id });
    case "room":
      return await create("/api/bookings/", roomBooking(value, resourceId, user_id, catalogue));
    case "practitioner":
      return await create("/api/v1/drf/bookings/", sessionBooking(value, resourceId, user_id, catalogue));
    default:
      return await create("/api/booking/create/", {
        user_id,
        service_name: value("service"),
        booking_date: value("date"),
        booking_time: value("time"),
        notes,
      });
  }
}

/** @param {(name: string) => string} value @param {number} resourceId @param {number} user_id @param {Catalogue | null} catalogue */
function roomBooking(value, resourceId, user_id, catalogue) {
  const ends = new Date(
    new Date(`${value("date")}T${value("time")}:00Z`).getTime() + Number(value("minutes")) * 60_000,
  );
  return {
    user_id,
    room_id: catalogue?.rooms.find((one) => one.resource_id === resourceId)?.id,
    booking_date: value("date"),
    start_time: value("time"),
    end_time: ends.toISOString().slice(11, 16),
    guest_count: Number(value("guests")),
    special_requests: value("notes"),
  };
}

/** @param {(name: string) => string} value @param {number} resourceId @param {number} user_id @param {Catalogue | null} catalogue */
function sessionBooking(value, resourceId, user_id, catalogue) {
  const service = catalogue?.sessions.find((one) => one.id === Number(value("service")));
  const zone = resourceOf(resourceId)?.zone ?? "UTC";
  const start_time = instantOf(value("date"), value("time"), zone);
  const end_time = new Date(new Date(start_time).getTime() + (service?.duration_minutes ?? 60) * 60_000).toISOString();
  const practitioner_id = catalogue === null ? undefined : practitionerOf(resourceId, catalogue)?.id;
  return { user_id, practitioner_id, service_id: service?.id, start_time, end_time, client_notes: value("notes") };
}

/** A person who is not known yet; without a password, so they sign in only once they have set one by mail. @param {(name: string) => string} value */
async function enter(value) {
  const [phone, email] = [value("phone"), value("email")];
  const body = {
    username: phone || email,
    email: email || null,
    phone,
    first_name: value("first_name"),
    last_name: value("last_name"),
  };
  return (await create("/api/admin/users/create/", body)).data.id;
}
