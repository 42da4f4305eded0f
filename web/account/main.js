/** One's own account: bookings, credits, waiting places, the calendar link, ways in, export and deletion. */
import { SignIn } from "../desk/sign_in.js";
import { load, me, nameOf } from "../lib/session.js";
import { Top } from "../lib/top.js";
import { html, mount, useEffect, useSignal } from "../lib/ui.js";
import { Bookings } from "./bookings.js";
import { CalendarLinks } from "./calendar_links.js";
import { Data } from "./data.js";
import { CreditList, WaitingPlaces } from "./saved_up.js";
import { Linked, Logins, Password } from "./ways_in.js";

const AGAIN_MS = 2000;

function Account() {
  const isAway = useSignal(false);
  useEffect(() => {
    let timer = 0;
    const ask = () =>
      load().then(
        () => {
          isAway.value = false;
        },
        () => {
          isAway.value = true;
          timer = window.setTimeout(ask, AGAIN_MS);
        },
      );
    ask();
    return () => clearTimeout(timer);
  }, []);
  if (me.value === undefined) {
    return html`<${Top} title="" /><main class="page page--narrow">
      <h1>Your account</h1>
      <p role="status">${isAway.value ? "The service does not answer right now. This page goes on asking." : "Loading …"}</p>
    </main>`;
  }
  if (me.value === null) return html`<${Top} title="" /><${SignIn} title="Sign in to your account" back="/account/" />`;
  return html`
    <${Top} title="" />
    <main class="page page--narrow">
      <h1>Your account</h1>
      <p class="soft">You are signed in as ${nameOf(me.value)}.</p>
      <${Bookings} />
      <${CreditList} />
      <${WaitingPlaces} />
      <${CalendarLinks} />
      <${Password} />
      <${Linked} />
      <${Logins} />
      <${Data} />
    </main>
  `;
}

mount(html`<${Account} />`);
