/** What differs within somebody else's page: no login, so whatever needs one goes on in a window of its own. */
import { linked } from "../lib/linked.js";
import { Summary } from "../lib/summary.js";
import { LanguageChoice } from "../lib/top.js";
import { html, useEffect, useSignal } from "../lib/ui.js";
import { t } from "../lib/words.js";
import { enteredForWindow } from "./entered.js";
import { address, addressOfWindow, place } from "./places.js";

/** The same step in a window of its own, with what was entered. */
const onward = () => addressOfWindow(place.value) + enteredForWindow();

export function EmbeddedTop() {
  return html`<header class="bar"><${LanguageChoice} /><a class="small" href=${onward()} target="_blank" rel="noopener">${t("Open in a window of its own")}</a></header>`;
}

/** @param {{why: string}} what */
export function Elsewhere({ why }) {
  return html`
    <section class="card stack" aria-labelledby="elsewhere">
      <h2 id="elsewhere">${t("Go on in a window of its own")}</h2>
      <p class="soft">${why}</p>
      <p><a class="button" href=${onward()} target="_blank" rel="noopener">${t("Sign in in a new window")}</a></p>
    </section>
  `;
}

/** The confirmation. `/b/TOKEN/` is shown in no frame. @param {{token: string}} what */
export function Booked({ token }) {
  const booking = useSignal(/** @type {import("../lib/linked.js").Linked | null} */ (null));
  useEffect(() => {
    linked(token).then(
      (told) => {
        booking.value = told;
      },
      () => {},
    );
  }, [token]);
  const one = booking.value;
  const file = `/api/guest/bookings/${encodeURIComponent(token)}/booking.ics`;
  return html`
    <h1 tabindex="-1">${one?.service_name ?? t("Your booking")}</h1>
    <p role="status" class="note note--good">${t("Thank you. It is booked.")}</p>
    ${one !== null && html`<div class="card"><${Summary} booking=${one} /></div>`}
    <p class="row">
      <a class="button" href=${`/b/${token}/`} target="_blank" rel="noopener">${t("Change or cancel it")}</a>
      <a class="button button--quiet" href=${file} download>${t("Calendar file")}</a>
    </p>
    <p class="small"><a href=${address({})}>${t("Book another time")}</a></p>
  `;
}
