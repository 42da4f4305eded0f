/** Practitioners, for those who come for a person: each with their sessions. */
import { html } from "../lib/ui.js";
import { t } from "../lib/words.js";
import { address, goTo } from "./places.js";

/** @typedef {import("./places.js").Thing} Thing */
/** @typedef {{id: number, name: string, things: Thing[]}} Practitioner */

/** @param {Thing[]} things @returns {Practitioner[]} */
function practitionersOf(things) {
  /** @type {Map<number, Practitioner>} */
  const found = new Map();
  for (const thing of things.filter((one) => one.kind === "individual")) {
    for (const { id, name } of thing.practitioners) {
      const practitioner = found.get(id) ?? { id, name, things: [] };
      practitioner.things.push(thing);
      found.set(id, practitioner);
    }
  }
  return [...found.values()].sort((one, other) => one.name.localeCompare(other.name));
}

/** @param {{things: Thing[]}} what */
export function Practitioners({ things }) {
  const practitioners = practitionersOf(things);
  if (practitioners.length < 2) return null;
  return html`
    <section aria-labelledby="practitioners">
      <h2 id="practitioners">${t("Practitioners")}</h2>
      <ul class="book__things grid">
        ${practitioners.map(
          (practitioner) => html`<li class="card stack" key=${practitioner.id}>
            <h3>${practitioner.name}</h3>
            ${practitioner.things.map((thing) => html`<p key=${thing.id}><${SessionWith} thing=${thing} practitioner=${practitioner} /></p>`)}
          </li>`,
        )}
      </ul>
    </section>
  `;
}

/** @param {{thing: Thing, practitioner: Practitioner}} what */
function SessionWith({ thing, practitioner }) {
  const where = { kind: thing.kind, id: String(thing.id), by: String(practitioner.id) };
  return html`<a
    href=${address(where)}
    onClick=${(/** @type {MouseEvent} */ event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      goTo(where);
    }}
  >${thing.name}</a>`;
}
