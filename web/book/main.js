/** The booking page: a thing, a time, the details. The address says which step it is. */
import { get } from "../lib/api.js";
import { isEmbedded } from "../lib/embedded.js";
import { load } from "../lib/session.js";
import { site } from "../lib/site.js";
import { Top } from "../lib/top.js";
import { html, mount, signal } from "../lib/ui.js";
import { loadWords, t } from "../lib/words.js";
import { Details } from "./details.js";
import { EmbeddedTop } from "./embedded.js";
import { address, place, thingAt } from "./places.js";
import { ChooseThing } from "./things.js";
import { ChooseTime } from "./times.js";

/** @type {import("../vendor/signals-core.js").Signal<{things: import("./places.js").Thing[], site: import("../lib/site.js").Site} | null>} */
const known = signal(null);
const problem = signal("");

async function look() {
  problem.value = "";
  try {
    const [catalogue, about] = await Promise.all([get("/api/catalogue/"), site(), load()]);
    known.value = { things: catalogue.bookable, site: about };
  } catch (why) {
    problem.value = /** @type {Error} */ (why).message;
  }
}

function Book() {
  document.title = t("Book a time");
  return html`
    ${isEmbedded ? html`<${EmbeddedTop} />` : html`<${Top} title=${t("Book a time")} languages=${true} />`}
    <main class="page"><${Step} /></main>
  `;
}

function Step() {
  if (problem.value) {
    return html`
      <h1>${t("Book a time")}</h1>
      <p role="alert" class="note note--bad">${problem.value}</p>
      <button type="button" onClick=${look}>${t("Try again")}</button>
    `;
  }
  if (known.value === null) return html`<h1>${t("Book a time")}</h1><p role="status">${t("One moment ...")}</p>`;
  const { things, site: about } = known.value;
  const thing = thingAt(things, place.value);
  if (thing === null) return html`<${ChooseThing} things=${things} />`;
  const key = `${thing.kind} ${thing.id}`;
  const back = html`<p class="small"><a href=${address({})}>${t("All that can be booked")}</a></p>`;
  if (place.value.at) return html`${back}<${Details} key=${key} thing=${thing} site=${about} />`;
  return html`${back}<${ChooseTime} key=${key} thing=${thing} />`;
}

// Back may bring the page as it was left, in the middle of a request.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

loadWords().then(() => {
  mount(html`<${Book} />`);
  look();
});
