/** The way in: a password, and Google or GitHub where they are set up. */
import { Refused, Unreachable } from "../lib/api.js";
import { signIn } from "../lib/session.js";
import { site } from "../lib/site.js";
import { html, useEffect, useSignal } from "../lib/ui.js";

const PROVIDERS = { google: "Google", github: "GitHub" };

/** @param {{title?: string, back?: string}} what `back`: the page to come back to from a provider. */
export function SignIn({ title = "Sign in to the desk", back = "/admin/" }) {
  const problem = useSignal("");
  const isAsking = useSignal(false);
  /** @type {import("../vendor/signals-core.js").Signal<string[]>} */
  const providers = useSignal([]);
  useEffect(() => {
    site().then(
      (about) => {
        providers.value = about.sign_in_with.filter((name) => name in PROVIDERS);
      },
      () => {},
    );
  }, []);
  /** @param {SubmitEvent & {currentTarget: HTMLFormElement}} event */
  const send = async (event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    isAsking.value = true;
    problem.value = "";
    try {
      await signIn(String(form.get("username")), String(form.get("password")));
    } catch (refused) {
      if (!(refused instanceof Refused || refused instanceof Unreachable)) throw refused;
      problem.value = refused.message;
    } finally {
      isAsking.value = false;
    }
  };
  return html`
    <main class="page page--narrow">
      <h1>${title}</h1>
      <form class="card stack" onSubmit=${send}>
        <label class="field"><span>Email, phone or user name</span><input name="username" autocomplete="username" required /></label>
        <label class="field"
          ><span>Password</span><input name="password" type="password" autocomplete="current-password" required
        /></label>
        <div role="alert">${problem.value && html`<p class="note note--bad">${problem.value}</p>`}</div>
        <button type="submit" disabled=${isAsking.value}>Sign in</button>
        ${providers.value.map(
          (name) =>
            html`<a key=${name} class="button button--quiet" href=${`/oauth/${name}/login/?next=${back}`}>Sign in with ${PROVIDERS[/** @type {keyof typeof PROVIDERS} */ (name)]}</a>`,
        )}
      </form>
    </main>
  `;
}

/** Somebody who is signed in, but no member of staff. */
export const NotStaff = () => html`
  <main class="page page--narrow">
    <h1>The desk is for staff</h1>
    <p>You are signed in, but this account is none of the staff's. Sign out and use another one.</p>
  </main>
`;
