/** The demo's accounts, each signed in by one click. Outside the demo the API names none. */
import { me, nameOf, signIn, signOut } from "../lib/session.js";
import { html, signal } from "../lib/ui.js";

const problem = signal("");
const busy = signal("");

/** @param {import("../lib/site.js").DemoAccount} account */
async function enter(account) {
  problem.value = "";
  busy.value = account.username;
  try {
    if (me.value) await signOut();
    await signIn(account.username, account.password);
  } catch (why) {
    problem.value = why instanceof Error ? why.message : String(why);
  }
  busy.value = "";
}

/** @param {{accounts: import("../lib/site.js").DemoAccount[]}} what */
export function DemoAccounts({ accounts }) {
  return html`
    <section class="card" aria-labelledby="demo-title">
      <h2 id="demo-title">This is the demo</h2>
      <p class="soft">Everybody knows these accounts. One click signs you in.</p>
      <ul class="home__accounts">
        ${accounts.map((account) => html`<${Account} key=${account.username} account=${account} />`)}
      </ul>
      <p role="status" class="small">
        ${me.value ? `You are signed in as ${nameOf(me.value)}.` : "Nobody is signed in."}
      </p>
      ${problem.value && html`<p role="alert" class="note note--bad">${problem.value}</p>`}
    </section>
  `;
}

/** @param {{account: import("../lib/site.js").DemoAccount}} what */
function Account({ account }) {
  return html`
    <li class="row">
      <button type="button" class="button--quiet" disabled=${busy.value !== ""} onClick=${() => enter(account)}>
        Sign in as ${account.username}
      </button>
      <span class="badge">${account.role}</span>
    </li>
  `;
}
