/** The desk: signing in, then what takes place, live. */
import { load as loadUser, me } from "../lib/session.js";
import { site } from "../lib/site.js";
import { dateOf } from "../lib/times.js";
import { Top } from "../lib/top.js";
import { effect, html, mount, signal, untracked, useEffect } from "../lib/ui.js";
import { Banners } from "./banners.js";
import { Business } from "./business/business.js";
import { Corner } from "./corner.js";
import { DayBar, Legend } from "./day_bar.js";
import { Grid } from "./grid.js";
import { List } from "./list.js";
import { Month } from "./month.js";
import { Operations } from "./operations/operations.js";
import { Panel } from "./panel.js";
import { People } from "./people/people.js";
import { load, loadResources, pollWhileDeaf } from "./schedule.js";
import { NotStaff, SignIn } from "./sign_in.js";
import { day, isApiAway, isLoaded, resources, view } from "./state.js";

const AGAIN_MS = 2000;
/** The day in the installation's zone. */
const today = signal(dateOf(new Date(), "UTC"));

/** @param {() => Promise<unknown>} ask Again and again until there is an answer. */
async function persist(ask) {
  for (;;) {
    try {
      await ask();
      isApiAway.value = false;
      return;
    } catch (problem) {
      if (/** @type {Error} */ (problem).name !== "Unreachable") throw problem;
      isApiAway.value = true;
      await new Promise((resolve) => window.setTimeout(resolve, AGAIN_MS));
    }
  }
}

function Desk() {
  useEffect(() => {
    persist(loadUser);
  }, []);
  if (me.value === undefined) return html`<${Top} title="Desk" /><main class="page"><h1>Desk</h1><${Banners} /></main>`;
  if (me.value === null) return html`<${Top} title="Desk" /><${SignIn} />`;
  if (!me.value.is_staff) return html`<${Top} title="Desk" /><${NotStaff} />`;
  return html`<${Top} title="Desk" /><${Room} />`;
}

/** What staff see: the days, the business, people, operations. */
function Room() {
  useEffect(() => {
    let ended = () => {};
    persist(begin).then(() => {
      const follow = effect(() => {
        day.value;
        view.value;
        untracked(() => load().catch(() => {}));
      });
      const poll = pollWhileDeaf();
      ended = () => {
        follow();
        poll();
      };
    });
    return () => ended();
  }, []);
  return html`
    <nav class="row desk-rooms" aria-label="Parts of the desk">
      ${Object.entries(ROOMS).map(
        ([name, words]) =>
          html`<a key=${name} href=${`#${name}`} aria-current=${room.value === name ? "page" : undefined}>${words}</a>`,
      )}
    </nav>
    <main class="desk">
      <${Banners} />
      ${room.value === "day" && html`<${Days} />`}
      ${room.value === "business" && html`<${Business} />`}
      ${room.value === "people" && html`<${People} />`}
      ${room.value === "operations" && html`<${Operations} />`}
    </main>
    <${Corner} />
  `;
}

/** @type {Record<string, string>} */
const ROOMS = { day: "Day", business: "Business", people: "People", operations: "Operations" };
const asked = () => (location.hash.slice(1) in ROOMS ? location.hash.slice(1) : "day");
const room = signal(asked());
window.addEventListener("hashchange", () => {
  room.value = asked();
});

function Days() {
  useEffect(() => {
    if (resources.value.length > 0) loadResources().catch(() => {});
  }, []);
  if (day.value === "") return html`<h1 class="desk-title">Desk</h1><p class="soft" role="status">Loading …</p>`;
  return html`
      <${DayBar} today=${today.value} />
      ${view.value === "month" ? html`<${Month} />` : html`<${Shown} />`}
      <${Legend} />
      <${Panel} />
  `;
}

async function begin() {
  const about = await site();
  today.value = dateOf(new Date(), about.time_zone);
  if (day.value === "") day.value = today.value;
  await loadResources();
}

function Shown() {
  if (!isLoaded.value) return html`<p class="soft" role="status">Loading …</p>`;
  return view.value === "list" ? html`<${List} />` : html`<${Grid} />`;
}

mount(html`<${Desk} />`);
