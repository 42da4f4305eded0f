/** Practitioners, for those who come for a person: each with their sessions. */
import { html } from "../lib/ui.js";
import { t } from "../lib/words.js";
import { address, goTo } from "./places.js";

/** @typedef {import("./places.js").Thing} Thing */
/** @typedef {{id: number, name: string, things: Thing[]}} Giver */

/** @param {Thing[]} things @returns {Giver[]} */
function giversOf(things) {
  /** @type {Map<number, Giver>} */
  const found = new Map();
  for (const thing of things.filter((one) => one.kind === "individual")) {
    for (const { id, name } of thing.practitioners) {
      const giver = found.get(id) ?? { id, name, things: [] };
      giver.things.push(thing);
      found.set(id, giver);
    }
  }
  return [...found.values()].sort((one, other) => one.name.localeCompare(other.name));
}

/** @param {{things: Thing[]}} what */
export function Givers({ things }) {
  const givers = giversOf(things);
  if (givers.length < 2) return null;
  return html`
    <section aria-labelledby="givers">
      <h2 id="givers">${t("Practitioners")}</h2>
      <ul class="book__things grid">
        ${givers.map(
          (giver) => html`<li class="card stack" key=${giver.id}>
            <h3>${giver.name}</h3>
            ${giver.things.map((thing) => html`<p key=${thing.id}><${SessionWith} thing=${thing} giver=${giver} /></p>`)}
          </li>`,
        )}
      </ul>
    </section>
  `;
}

/** @param {{thing: Thing, giver: Giver}} what */
function SessionWith({ thing, giver }) {
  const where = { kind: thing.kind, id: String(thing.id), by: String(giver.id) };
  return html`<a
    href=${address(where)}
    onClick=${(/** @type {MouseEvent} */ event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      goTo(where);
    }}
  >${thing.name}</a>`;
}
