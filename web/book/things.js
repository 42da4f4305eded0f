/** The first step: what is to be booked. */
import { money } from "../lib/times.js";
import { html, useSignal } from "../lib/ui.js";
import { t, tn } from "../lib/words.js";
import { address, goTo } from "./places.js";
import { Practitioners } from "./practitioners.js";

const MANY = 8;

/** @typedef {import("./places.js").Thing} Thing */

/** @param {Thing["kind"]} kind */
const heading = (kind) =>
  ({
    service: t("Services"),
    room: t("Rooms"),
    category: t("Categories"),
    individual: t("Sessions with a practitioner"),
    workshop: t("Workshops"),
  })[kind];

/** @param {{things: Thing[]}} what */
export function ChooseThing({ things }) {
  const sought = useSignal("");
  const wanted = sought.value.trim().toLocaleLowerCase();
  const shown = things.filter((one) => wordsOf(one).includes(wanted));
  const kinds = [...new Set(shown.map((one) => one.kind))];
  return html`
    <h1 tabindex="-1">${t("What would you like to book?")}</h1>
    ${things.length === 0 && html`<p class="note">${t("Nothing can be booked here yet.")}</p>`}
    ${
      things.length > MANY &&
      html`<label class="field book__search">
        <span>${t("Search")}</span>
        <input
          type="search"
          value=${sought.value}
          onInput=${(/** @type {{currentTarget: HTMLInputElement}} */ event) => {
            sought.value = event.currentTarget.value;
          }}
        />
      </label>`
    }
    ${wanted !== "" && shown.length === 0 && html`<p role="status">${t("Nothing has this name.")}</p>`}
    ${kinds.map(
      (kind) => html`
        <section key=${kind} aria-labelledby=${`kind-${kind}`}>
          <h2 id=${`kind-${kind}`}>${heading(kind)}</h2>
          <ul class="book__things grid">
            ${shown.filter((one) => one.kind === kind).map((one) => html`<${ThingCard} key=${one.id} thing=${one} />`)}
          </ul>
        </section>
      `,
    )}
    <${Practitioners} things=${shown} />
  `;
}

/** What it is found by. @param {Thing} thing */
const wordsOf = (thing) =>
  [thing.name, thing.description, ...thing.practitioners.map((one) => one.name)].join(" ").toLocaleLowerCase();

/** @param {{thing: Thing}} what */
function ThingCard({ thing }) {
  const where = { kind: thing.kind, id: String(thing.id) };
  return html`
    <li class="card book__thing">
      <h3>
        <a
          href=${address(where)}
          onClick=${(/** @type {MouseEvent} */ event) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey) return;
            event.preventDefault();
            goTo(where);
          }}
        >${thing.name}</a>
      </h3>
      ${thing.description && html`<p class="soft">${thing.description}</p>`}
      <p class="small"><${Facts} thing=${thing} /></p>
    </li>
  `;
}

/** How long, how much, with whom. @param {{thing: Thing}} what */
export function Facts({ thing }) {
  const facts = [];
  if (thing.duration_minutes !== null) {
    facts.push(tn(thing.duration_minutes, "{n} minute", "{n} minutes"));
  }
  if (thing.price_minor > 0) {
    const price = money(thing.price_minor, thing.currency);
    facts.push(thing.kind === "room" ? t("{price} a slot", { price }) : price);
    if (thing.kind === "service") facts.push(t("paid at the desk"));
  } else if (thing.kind !== "category") {
    facts.push(t("free of charge"));
  }
  if (thing.capacity !== null) facts.push(tn(thing.capacity, "for {n} guest", "for up to {n} guests"));
  if (thing.practitioners.length > 0) facts.push(thing.practitioners.map((one) => one.name).join(", "));
  return facts.join(" · ");
}
