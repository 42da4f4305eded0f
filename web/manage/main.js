/** The page behind a booking's link: what was booked, and what can be done about it. It is the confirmation too. */
import { post, Refused } from "../lib/api.js";
import { Hold } from "../lib/hold.js";
import { isHeld, linked } from "../lib/linked.js";
import { Summary } from "../lib/summary.js";
import { Top } from "../lib/top.js";
import { html, mount, signal, useEffect } from "../lib/ui.js";
import { loadWords, t } from "../lib/words.js";
import { Cancel } from "./cancel.js";
import { Move } from "./move.js";

const AGAIN_MS = 20_000;
const token = decodeURIComponent(location.pathname.split("/")[2] ?? "");
const isNew = location.hash === "#booked";

/** @typedef {import("../lib/linked.js").Linked} Linked */
/** @type {import("../vendor/signals-core.js").Signal<Linked | null>} */
const booking = signal(null);
const problem = signal("");
const isUnknown = signal(false);

async function look() {
  if (document.hidden) return;
  try {
    booking.value = await linked(token);
    problem.value = "";
    if (isNew && isHeld(booking.value)) location.replace(`/book/pay/#${token}`);
  } catch (why) {
    isUnknown.value = why instanceof Refused && why.status === 404;
    problem.value = isUnknown.value
      ? t("This link is unknown or has ended; a newer mail may have another.")
      : /** @type {Error} */ (why).message;
  }
}

/** @param {string} what @param {unknown} body */
async function change(what, body) {
  booking.value = await post(`/api/guest/bookings/${encodeURIComponent(token)}/${what}/`, body);
  await look();
}

function Manage() {
  document.title = t("Your booking");
  useEffect(() => {
    look();
    const timer = setInterval(look, AGAIN_MS);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, []);
  return html`
    <${Top} title=${t("Your booking")} languages=${true} />
    <main class="page page--narrow">
      ${problem.value && html`<p role="alert" class="note note--bad">${problem.value}</p>`}
      ${booking.value !== null && html`<${Shown} one=${booking.value} />`}
      ${booking.value === null && !problem.value && html`<h1>${t("Your booking")}</h1><p role="status">${t("One moment ...")}</p>`}
      ${booking.value === null && problem.value && html`<h1>${t("Your booking")}</h1>${!isUnknown.value && html`<button type="button" onClick=${look}>${t("Try again")}</button>`}`}
      <p class="small"><a href="/book/">${t("Book another time")}</a></p>
    </main>
  `;
}

/** @param {string} status */
const stateWords = (status) =>
  ({
    draft: t("not confirmed yet"),
    held: t("held until it is paid"),
    confirmed: t("confirmed"),
    in_progress: t("under way"),
    completed: t("over"),
    cancelled: t("cancelled"),
    expired: t("expired"),
    no_show: t("missed"),
  })[status] ?? status;

const KINDS = { confirmed: "good", in_progress: "good", held: "warn", draft: "warn" };

/** @param {{one: Linked}} what */
function Shown({ one }) {
  const kind = KINDS[/** @type {keyof typeof KINDS} */ (one.status)] ?? "bad";
  const file = `/api/guest/bookings/${encodeURIComponent(token)}/booking.ics`;
  return html`
    <h1>${one.service_name}</h1>
    <p role="status" class="note note--${one.status === "completed" ? "good" : kind}">
      ${isNew && one.status === "confirmed" ? t("Thank you. It is booked.") : t("This booking is {state}.", { state: stateWords(one.status) })}
    </p>
    ${one.status === "expired" && html`<p>${t("Its time ran out before it was paid, so it is free for others again.")}</p>`}
    ${isHeld(one) && html`<${Hold} until=${one.hold_expires_at} onEnd=${look} /><p><a class="button" href=${`/book/pay/#${token}`}>${t("Pay now")}</a></p>`}
    <div class="card"><${Summary} booking=${one} /></div>
    ${
      one.starts_at !== null &&
      (kind === "good" || kind === "warn") &&
      html`<p class="row"><a class="button button--quiet" href=${file} download>${t("Calendar file")}</a></p>`
    }
    <p class="small soft">${t("Keep this page's address: whoever has it can change this booking.")}</p>
    ${one.may_move && html`<${Move} one=${one} onMove=${(/** @type {unknown} */ body) => change("move", body)} />`}
    ${one.may_cancel && html`<${Cancel} onCancel=${() => change("cancel", {})} />`}
  `;
}

loadWords().then(() => mount(html`<${Manage} />`));
