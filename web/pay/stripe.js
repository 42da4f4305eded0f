/** Stripe's own Payment Element. Its script comes from Stripe and is loaded on this page alone. */
import { get } from "../lib/api.js";
import { html, useEffect, useRef, useSignal } from "../lib/ui.js";
import { language, t } from "../lib/words.js";

const SCRIPT = "https://js.stripe.com/v3/";

/** @returns {Promise<any>} */
function stripeScript() {
  const known = /** @type {any} */ (window).Stripe;
  if (known) return Promise.resolve(known);
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = SCRIPT;
    script.onload = () => resolve(/** @type {any} */ (window).Stripe);
    script.onerror = () => reject(new Error(t("Stripe's form cannot be loaded. Try again in a moment.")));
    document.head.append(script);
  });
}

/** @param {{secret: string, price: string, onPaid: () => void}} what */
export function StripeForm({ secret, price, onPaid }) {
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  const elements = useRef(/** @type {any} */ (null));
  const stripe = useRef(/** @type {any} */ (null));
  const isReady = useSignal(false);
  const isBusy = useSignal(false);
  const problem = useSignal("");
  useEffect(() => {
    Promise.all([get("/api/payment-settings/"), stripeScript()]).then(
      ([settings, Stripe]) => {
        stripe.current = Stripe(settings.publishable_key, { locale: language.value });
        elements.current = stripe.current.elements({ clientSecret: secret });
        const element = elements.current.create("payment");
        element.on("ready", () => {
          isReady.value = true;
        });
        element.mount(place.current);
      },
      (why) => {
        problem.value = why.message;
      },
    );
  }, [secret]);

  /** @param {Event} event */
  async function pay(event) {
    event.preventDefault();
    isBusy.value = true;
    problem.value = "";
    const done = await stripe.current.confirmPayment({
      elements: elements.current,
      confirmParams: { return_url: location.href },
      redirect: "if_required",
    });
    if (done.error) problem.value = done.error.message;
    else onPaid();
    isBusy.value = false;
  }

  return html`
    <form class="card stack" onSubmit=${pay}>
      <div ref=${place}></div>
      ${problem.value && html`<p role="alert" class="note note--bad">${problem.value}</p>`}
      <button type="submit" disabled=${!isReady.value || isBusy.value}>${t("Pay {price}", { price })}</button>
    </form>
  `;
}
