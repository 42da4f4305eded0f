/** People with their bookings: entered, changed, exported and deleted. */
import { del, get, Refused, Unreachable } from "../../lib/api.js";
import { me } from "../../lib/session.js";
import { html, signal, useEffect, useSignal } from "../../lib/ui.js";
import { RecordForm } from "../business/record_form.js";
import { nameOfPerson, PeopleSearch } from "../people_search.js";
import { query } from "../schedule.js";
import { Parts } from "./parts.js";
import { Purchases } from "./purchases.js";

/** @typedef {import("../people_search.js").Person & {is_staff: boolean, is_active: boolean, phone: string}} Person */

/** @type {import("../business/kinds.js").Kind} */
const KIND = {
  title: "People",
  one: "person",
  list: "/api/admin/users/?limit=50&sort_by=date_joined&sort_order=desc",
  rows: (told) => told.data,
  make: "/api/admin/users/create/",
  change: (id) => `/api/admin/users/${id}/update/`,
  changedBy: "PUT",
  shown: [],
  fields: [
    { name: "username", label: "User name (phone, email or a name)", required: true },
    { name: "first_name", label: "First name" },
    { name: "last_name", label: "Last name" },
    { name: "email", label: "Email", type: "email" },
    { name: "phone", label: "Phone", type: "tel" },
    { name: "is_staff", label: "Is staff", type: "checkbox" },
    { name: "is_active", label: "May sign in", type: "checkbox", initial: true },
  ],
};

/** Who changes what they sign in with themselves proves that they are no passer-by. */
const OWN = {
  ...KIND,
  fields: [
    ...KIND.fields,
    {
      name: "current_password",
      label: "Your password, to change what you sign in with",
      type: "password",
      isLater: true,
    },
  ],
};

/** @type {import("../../vendor/signals-core.js").Signal<Person | null>} */
const chosen = signal(null);

export function People() {
  const isNew = useSignal(false);
  /** @type {import("../../vendor/signals-core.js").Signal<Person[]>} */
  const newest = useSignal([]);
  const problem = useSignal("");
  const load = () =>
    get(KIND.list).then(
      (told) => {
        newest.value = KIND.rows(told);
      },
      (away) => {
        problem.value = away.message;
      },
    );
  useEffect(() => {
    load();
  }, []);
  return html`
    <h1 class="desk-title">People</h1>
    <div class="row">
      <div><${PeopleSearch} onPick=${(/** @type {Person} */ one) => (chosen.value = one)} /></div>
      <button type="button" onClick=${() => (isNew.value = true)}>New person</button>
    </div>
    <div role="alert">${problem.value && html`<p class="note note--bad">${problem.value}</p>`}</div>
    ${
      isNew.value &&
      html`<${RecordForm} kind=${KIND} row=${null} choices=${{}} onDone=${() => {
        isNew.value = false;
        load();
      }} />`
    }
    ${chosen.value && html`<${OnePerson} key=${chosen.value.id} person=${chosen.value} onGone=${load} />`}
    <h2>Newest</h2>
    <ul class="desk-found">
      ${newest.value.map(
        (one) => html`<li key=${one.id}>
          <button type="button" class="desk-link" onClick=${() => (chosen.value = one)}>${nameOfPerson(one)}</button>
          ${" "}<span class="small soft">${[one.phone, one.email].filter(Boolean).join(", ")}</span>
        </li>`,
      )}
    </ul>
  `;
}

/** @param {{person: Person, onGone: () => void}} what */
function OnePerson({ person, onGone }) {
  /** @type {import("../../vendor/signals-core.js").Signal<any[] | null>} */
  const bookings = useSignal(null);
  const isChanging = useSignal(false);
  const isAsked = useSignal(false);
  const said = useSignal("");
  /** How often something was sold or accepted here: what was bought is read anew then. */
  const changes = useSignal(0);
  /** @param {() => Promise<void>} ask */
  const tried = async (ask) => {
    try {
      await ask();
    } catch (problem) {
      if (!(problem instanceof Refused || problem instanceof Unreachable)) throw problem;
      said.value = problem.message;
    }
  };
  useEffect(() => {
    tried(async () => {
      bookings.value = (await get(`/api/admin/bookings/?${query({ user: person.username, limit: 50 })}`)).data;
    });
  }, [person.id, changes.value]);
  const remove = () =>
    tried(async () => {
      const told = await del(`/api/admin/users/${person.id}/delete/`);
      said.value = told.message;
      isAsked.value = false;
      onGone();
    });
  return html`
    <section class="card" aria-label=${nameOfPerson(person)}>
      <h2>${nameOfPerson(person)}</h2>
      <p>${[person.username, person.phone, person.email].filter(Boolean).join(", ")}</p>
      <div role="status">${said.value && html`<p class="note">${said.value}</p>`}</div>
      <div class="row">
        <button type="button" class="button--quiet" onClick=${() => (isChanging.value = !isChanging.value)}>Change</button>
        <button type="button" class="button--quiet" onClick=${() => tried(() => save(person))}>Export</button>
        <button type="button" class="button--danger" onClick=${() => (isAsked.value = true)}>Delete</button>
        <button type="button" class="button--quiet" onClick=${() => (chosen.value = null)}>Close</button>
      </div>
      ${
        isAsked.value &&
        html`<div class="note note--warn">
          <p>Bookings to come are cancelled and paid back, and what is known of this person is erased. It cannot be undone.</p>
          <div class="row">
            <button type="button" class="button--danger" onClick=${remove}>Yes, delete</button>
            <button type="button" class="button--quiet" onClick=${() => (isAsked.value = false)}>Keep</button>
          </div>
        </div>`
      }
      ${isChanging.value && html`<${RecordForm} kind=${person.id === me.value?.id ? OWN : KIND} row=${person} choices=${{}} onDone=${() => (isChanging.value = false)} />`}
      <${Purchases} userId=${person.id} onChange=${() => (changes.value += 1)} />
      <${Parts} userId=${person.id} changes=${changes.value} />
      <h3>Bookings</h3>
      ${bookings.value?.length === 0 && html`<p class="soft">None.</p>`}
      <ul>
        ${(bookings.value ?? []).map(
          (one) =>
            html`<li key=${one.id}>${one.booking_date} ${one.booking_time.slice(0, 5)} ${one.service_name}: ${one.status}</li>`,
        )}
      </ul>
    </section>
  `;
}

/** What is kept about somebody, as a file. @param {Person} person */
async function save(person) {
  const told = await get(`/api/admin/users/${person.id}/export/`);
  const address = URL.createObjectURL(new Blob([JSON.stringify(told, null, 2)], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = `person-${person.id}.json`;
  link.click();
  URL.revokeObjectURL(address);
}
