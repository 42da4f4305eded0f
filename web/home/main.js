/** The front page: who comes here, and where they go. */
import { load } from "../lib/session.js";
import { site } from "../lib/site.js";
import { Top } from "../lib/top.js";
import { html, mount, signal, useEffect } from "../lib/ui.js";
import { DemoAccounts } from "./demo_accounts.js";
import { ServiceState } from "./service_state.js";

/** @type {import("../vendor/signals-core.js").Signal<import("../lib/site.js").Site | null>} */
const about = signal(null);

function Home() {
  useEffect(() => {
    load().catch(() => {});
    site().then(
      (told) => {
        about.value = told;
      },
      () => {},
    );
  }, []);
  return html`
    <${Top} title="" />
    <main class="page">
      <h1>Bookings that never collide</h1>
      <p class="soft">Holdfast takes bookings from people, agents and marketplaces at once.</p>
      <nav class="grid" aria-label="Where to go">
        <${Door} href="/book/" title="Book a time">
          Pick a service, a room, a category or a session, see what is free, and book it.
        <//>
        <${Door} href="/admin/" title="The desk">
          For staff: the day as it happens, bookings to accept, move and cancel.
        <//>
        <${Door} href="/api/docs/" title="The API">
          Every address, described and ready to be tried out. The description itself is at
          ${" "}<code>/api/schema/</code>.
        <//>
        <${Door} href="/api/schema/feeds/" title="Live feeds">
          Bookings as they happen, over a WebSocket or over HTTP, as AsyncAPI.
        <//>
      </nav>
      <div class="home__below">
        <${ServiceState} />
        ${about.value?.is_demo && html`<${DemoAccounts} accounts=${about.value.demo_accounts} />`}
      </div>
    </main>
  `;
}

/** @param {{href: string, title: string, children?: any}} what */
function Door({ href, title, children }) {
  return html`
    <div class="card home__door">
      <h2><a href=${href}>${title}</a></h2>
      <p class="soft">${children}</p>
    </div>
  `;
}

mount(html`<${Home} />`);
