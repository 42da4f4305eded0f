/** How one signs in: the password, accounts at providers, and where one is signed in now. */
import { del, get, post } from "../lib/api.js";
import { AskedButton } from "../lib/asked.js";
import { useSaid } from "../lib/said.js";
import { me } from "../lib/session.js";
import { site } from "../lib/site.js";
import { clock, day } from "../lib/times.js";
import { html, useEffect, useSignal } from "../lib/ui.js";
import { browserIn } from "./browsers.js";

/** @type {Record<string, string>} */
const PROVIDERS = { google: "Google", github: "GitHub" };

/** @typedef {{id: string, created_at: string, address: string, user_agent: string, is_this: boolean}} Login */

export function Password() {
  const { tried, told } = useSaid();
  /** @param {SubmitEvent & {currentTarget: HTMLFormElement}} event */
  const send = async (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    const sent = new FormData(form);
    const body = { current_password: sent.get("current"), password: sent.get("new") };
    const isDone = await tried(async () => {
      await post("/api/auth/password/change/", body);
      return "Your password is changed. Every other login has ended.";
    });
    if (isDone) form.reset();
  };
  return html`
    <section class="card" aria-labelledby="password">
      <h2 id="password">Password</h2>
      ${told}
      <form class="stack" onSubmit=${send}>
        <label class="field"><span>Present password</span><input type="password" name="current" autocomplete="current-password" required /></label>
        <label class="field"><span>New password</span><input type="password" name="new" autocomplete="new-password" required /></label>
        <button type="submit">Change the password</button>
      </form>
    </section>
  `;
}

export function Linked() {
  /** @type {import("../vendor/signals-core.js").Signal<any[]>} */
  const found = useSignal([]);
  /** @type {import("../vendor/signals-core.js").Signal<string[]>} */
  const offered = useSignal([]);
  const { tried, told } = useSaid();
  /** @param {string} words */
  const read = async (words) => {
    found.value = await get("/api/oauth/accounts/");
    return words;
  };
  useEffect(() => {
    tried(() => read(""));
    site().then(
      (about) => {
        offered.value = about.sign_in_with;
      },
      () => {},
    );
  }, []);
  /** @param {any} one */
  const unlink = (one) => tried(async () => read((await del(`/api/oauth/accounts/${one.id}/`)).message));
  const more = offered.value.filter((name) => !found.value.some((one) => one.provider === name));
  if (found.value.length === 0 && more.length === 0) return null;
  return html`
    <section class="card" aria-labelledby="linked">
      <h2 id="linked">Signing in with others</h2>
      ${told}
      <ul class="account-list">
        ${found.value.map(
          (one) => html`<li key=${one.id}>
            <span>${PROVIDERS[one.provider] ?? one.provider} ${one.email ?? ""}</span>
            <${AskedButton} words="Unlink" of=${one.provider} before="It will not sign you in any more." yes="Yes, unlink" act=${() => unlink(one)} />
          </li>`,
        )}
      </ul>
      ${more.map(
        (name) =>
          html`<a key=${name} class="button button--quiet" href=${`/oauth/${name}/login/?next=/account/`}>Link ${PROVIDERS[name] ?? name}</a> `,
      )}
      ${more.length > 0 && html`<p class="small soft">An account is linked when it has your address, and both sides have verified it.</p>`}
    </section>
  `;
}

export function Logins() {
  /** @type {import("../vendor/signals-core.js").Signal<Login[]>} */
  const found = useSignal([]);
  const { tried, told } = useSaid();
  /** @param {string} words */
  const read = async (words) => {
    found.value = (await get("/api/user/logins/")).data;
    return words;
  };
  useEffect(() => {
    tried(() => read(""));
  }, []);
  /** @param {Login} one */
  const end = (one) =>
    tried(async () => {
      const { message } = await del(`/api/user/logins/${one.id}/`);
      if (one.is_this) {
        me.value = null;
        return message;
      }
      return await read(message);
    });
  const endOthers = () => tried(async () => read((await del("/api/user/logins/")).message));
  return html`
    <section class="card" aria-labelledby="logins">
      <h2 id="logins">Where you are signed in</h2>
      ${told}
      <ul class="account-list">
        ${found.value.map((one) => {
          const name = `${browserIn(one.user_agent)}, since ${day(one.created_at)}, ${clock(one.created_at)}`;
          return html`<li key=${one.id}>
            <span>
              ${name} ${one.is_this && html`<span class="badge badge--good">here</span>`}<br />
              <span class="small soft">${one.address}</span>
            </span>
            <button type="button" class="button--danger" onClick=${() => end(one)}>
              Sign out<span class="sr-only"> of ${name}</span>
            </button>
          </li>`;
        })}
      </ul>
      ${
        found.value.length > 1 &&
        html`<button type="button" class="button--quiet" onClick=${endOthers}>Sign out everywhere else</button>`
      }
    </section>
  `;
}
