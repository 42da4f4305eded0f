/** Pays for what is held. The booking's link stands behind the `#`, where no server reads it. */
import { post, Refused } from "../lib/api.js";
import { Hold } from "../lib/hold.js";
import { isHeld, linked } from "../lib/linked.js";
import { load, me } from "../lib/session.js";
import { SignIn } from "../lib/sign_in.js";
import { site } from "../lib/site.js";
import { priceOf, Summary } from "../lib/summary.js";
import { Top } from "../lib/top.js";
import { html, mount, signal, useEffect } from "../lib/ui.js";
import { loadWords, t } from "../lib/words.js";
import { StripeForm } from "./stripe.js";

const LOOK_MS = 1000;
const token = location.hash.slice(1);

/** @type {import("../vendor/signals-core.js").Signal<import("../lib/linked.js").Linked | null>} */
const booking = signal(null);
/** @type {import("../vendor/signals-core.js").Signal<import("../lib/site.js").Site | null>} */
const about = signal(null);
/** @type {import("../vendor/signals-core.js").Signal<{client_secret: string, payment_intent_id: string} | null>} */
const intent = signal(null);
const problem = signal("");
/** Paid, as far as this page knows: the engine is yet to say so. */
const isPaid = signal(false);
const isBusy = signal(false);

const leave = () => location.replace(`/b/${token}/`);

async function look() {
  try {
    booking.value = await linked(token);
    if (!isHeld(booking.value)) leave();
  } catch (why) {
    if (why instanceof Refused) problem.value = why.message;
  }
}

async function begin() {
  problem.value = "";
  try {
    const [told] = await Promise.all([site(), load(), look()]);
    about.value = told;
  } catch (why) {
    problem.value = /** @type {Error} */ (why).message;
  }
}

async function ask() {
  const one = booking.value;
  if (one === null || !me.value || intent.value !== null) return;
  problem.value = "";
  try {
    intent.value = await post("/api/payment-intent/", {
      booking_id: one.id,
      amount: one.price,
      currency: one.currency,
    });
  } catch (why) {
    problem.value = /** @type {Error} */ (why).message;
  }
}

function Pay() {
  document.title = t("Pay");
  useEffect(() => {
    begin();
    const timer = setInterval(look, LOOK_MS);
    return () => clearInterval(timer);
  }, []);
  useEffect(() => {
    ask();
  }, [booking.value?.id, me.value?.id]);
  const one = booking.value;
  return html`
    <${Top} title=${t("Pay")} languages=${true} />
    <main class="page page--narrow">
      <h1>${t("Pay")}</h1>
      ${problem.value && html`<p role="alert" class="note note--bad">${problem.value}</p><button type="button" onClick=${() => begin().then(ask)}>${t("Try again")}</button>`}
      ${one === null && !problem.value && html`<p role="status">${t("One moment ...")}</p>`}
      ${one !== null && html`<${Held} one=${one} />`}
    </main>
  `;
}

/** @param {{one: import("../lib/linked.js").Linked}} what */
function Held({ one }) {
  return html`
    ${one.hold_expires_at !== null && html`<${Hold} until=${one.hold_expires_at} onEnd=${look} />`}
    <section class="card"><h2>${one.service_name}</h2><${Summary} booking=${one} /></section>
    ${
      me.value === null
        ? html`<${SignIn} why=${t("Sign in with the account that this is held for.")} />`
        : isPaid.value
          ? html`<p role="status" class="note">${t("Your payment was sent. One moment, until it is confirmed ...")}</p>`
          : html`<${Means} one=${one} />`
    }
  `;
}

/** @param {{one: import("../lib/linked.js").Linked}} what */
function Means({ one }) {
  if (about.value?.payments === "none") {
    return html`<p class="note note--bad">${t("Nothing can be paid here until the operator sets up payments.")}</p>`;
  }
  if (intent.value === null || about.value === null) return html`<p role="status">${t("One moment ...")}</p>`;
  const secret = intent.value.client_secret;
  const price = priceOf(one.price, one.currency);
  if (about.value.payments === "stripe") {
    return html`<${StripeForm} secret=${secret} price=${price} onPaid=${() => (isPaid.value = true)} />`;
  }
  return html`
    <section class="card stack">
      <h2>${t("The demo's stand-in for a card")}</h2>
      <p class="note">${t("This is the demo: no card is asked for, and nothing is charged.")}</p>
      <button type="button" disabled=${isBusy.value} onClick=${() => payInDemo(secret)}>${t("Pay {price}", { price })}</button>
    </section>
  `;
}

/** @param {string} secret */
async function payInDemo(secret) {
  isBusy.value = true;
  problem.value = "";
  try {
    await post("/api/demo/payment/", { client_secret: secret });
    isPaid.value = true;
  } catch (why) {
    problem.value = /** @type {Error} */ (why).message;
  }
  isBusy.value = false;
}

loadWords().then(() => mount(html`<${Pay} />`));
