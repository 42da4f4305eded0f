/** Finds a person as one types: three letters of a name, an address or a number. */
import { get, Refused, Unreachable } from "../lib/api.js";
import { html, useId, useSignal } from "../lib/ui.js";
import { query } from "./schedule.js";

const LEAST_CHARS = 3;
const PAUSE_MS = 200;
const SHOWN_MAX = 8;

/** @typedef {{id: number, username: string, first_name: string, last_name: string, email: string, phone: string}} Person */

/** @param {Person} one */
export const nameOfPerson = (one) => `${one.first_name} ${one.last_name}`.trim() || one.email || one.username;

/** @param {{onPick: (person: Person) => void}} what */
export function PeopleSearch({ onPick }) {
  /** @type {import("../vendor/signals-core.js").Signal<Person[]>} */
  const found = useSignal([]);
  const said = useSignal("");
  const timer = useSignal(0);
  const id = useId();
  /** @param {string} words */
  const look = async (words) => {
    try {
      const told = await get(`/api/admin/users/?${query({ search: words, limit: SHOWN_MAX })}`);
      found.value = told.data;
      said.value = told.data.length === 0 ? "Nobody found. Enter a new person below." : `${told.data.length} found.`;
    } catch (problem) {
      if (!(problem instanceof Refused || problem instanceof Unreachable)) throw problem;
      said.value = problem.message;
    }
  };
  /** @param {{currentTarget: HTMLInputElement}} event */
  const typed = ({ currentTarget }) => {
    clearTimeout(timer.value);
    const words = currentTarget.value.trim();
    if (words.length >= LEAST_CHARS) timer.value = window.setTimeout(() => look(words), PAUSE_MS);
    else found.value = [];
  };
  return html`
    <label class="field" for=${id}><span>Find a person</span></label>
    <input id=${id} type="search" autocomplete="off" onInput=${typed} placeholder="Name, phone or email" />
    <p class="small soft" role="status">${said.value}</p>
    <ul class="desk-found">
      ${found.value.map(
        (one) => html`<li key=${one.id}>
          <button type="button" class="desk-link" onClick=${() => onPick(one)}>${nameOfPerson(one)}</button>
          ${" "}<span class="small soft">${[one.phone, one.email].filter(Boolean).join(", ")}</span>
        </li>`,
      )}
    </ul>
  `;
}
