/** One's own account: bookings, the calendar link, password, sign-in with others, export and deletion. */
import { SignIn } from "../desk/sign_in.js";
import { del, get, post, Refused, Unreachable } from "../lib/api.js";
import { load, me, nameOf } from "../lib/session.js";
import { clock, day } from "../lib/times.js";
import { Top } from "../lib/top.js";
import { html, mount, useEffect, useSignal } from "../lib/ui.js";

function Account() {
  useEffect(() => {
    load().catch(() => {});
  }, []);
  if (me.value === undefined) return html`<${Top} title="" /><main class="page"><h1>Your account</h1></main>`;
  if (me.value === null) return html`<${Top} title="" /><${SignIn} title="Sign in to your account" back="/account/" />`;
  return html`
    <${Top} title="" />
    <main class="page page--narrow">
      <h1>Your account</h1>
      <p class="soft">You are signed in as ${nameOf(me.value)}.</p>
      <${Bookings} />
      <${CalendarLinks} />
      <${Password} />
      <${Linked} />
      <${Data} />
    </main>
  `;
}

/** What is said of the last thing that was asked, good or bad. */
function useSaid() {
  const said = useSignal("");
  const isBad = useSignal(false);
  /** @param {() => Promise<string>} ask @returns {Promise<boolean>} */
  const tried = async (ask) => {
    try {
      said.value = await ask();
      isBad.value = false;
    } catch (problem) {
      if (!(problem instanceof Refused || problem instanceof Unreachable)) throw problem;
      const more = problem instanceof Refused ? problem.errors.map((one) => one.message) : [];
      said.value = [...new Set([problem.message, ...more])].join(" ");
      isBad.value = true;
    }
    return !isBad.value;
  };
  const told = html`<div role="status">
    ${said.value && html`<p class=${isBad.value ? "note note--bad" : "note note--good"}>${said.value}</p>`}
  </div>`;
  return { tried, told };
}

function Bookings() {
  /** @type {import("../vendor/signals-core.js").Signal<any[] | null>} */
  const found = useSignal(null);
  const { tried, told } = useSaid();
  /** @param {string} words */
  const read = async (words) => {
    found.value = await get("/api/user/bookings/?limit=100");
    return words;
  };
  useEffect(() => {
    tried(() => read(""));
  }, []);
  /** @param {number} id */
  const cancel = (id) =>
    tried(async () => {
      const answer = await del(`/api/bookings/${id}/`);
      return await read(answer?.message ?? "Cancelled.");
    });
  return html`
    <section class="card" aria-labelledby="bookings">
      <h2 id="bookings">Bookings</h2>
      ${told}
      ${found.value?.length === 0 && html`<p class="soft">You have none. <a href="/book/">Book a time</a></p>`}
      <ul class="account-list">
        ${(found.value ?? []).map(
          (one) => html`<li key=${one.id}>
            <span>
              <strong>${one.service_name}</strong><br />${day(one.start_time)}, ${clock(one.start_time)}
              ${one.status !== "upcoming" && html`${" "}<span class="badge">${one.status}</span>`}
            </span>
            <span class="row">
              <a href=${`/api/bookings/${one.id}.ics`} download>Calendar file<span class="sr-only"> of ${one.service_name}</span></a>
              ${
                one.status === "upcoming" &&
                html`<button type="button" class="button--danger" onClick=${() => cancel(one.id)}>
                  Cancel<span class="sr-only"> ${one.service_name} on ${day(one.start_time)}</span>
                </button>`
              }
            </span>
          </li>`,
        )}
      </ul>
    </section>
  `;
}

function CalendarLinks() {
  /** @type {import("../vendor/signals-core.js").Signal<any[]>} */
  const links = useSignal([]);
  const address = useSignal("");
  const { tried, told } = useSaid();
  const read = async () => {
    links.value = (await get("/api/calendar-links/")).data;
    return "";
  };
  useEffect(() => {
    tried(read);
  }, []);
  const make = () =>
    tried(async () => {
      const made = (await post("/api/calendar-links/", { kind: "user", names: true })).data;
      address.value = made.url ?? "";
      await read();
      return "The link is made. Whoever knows it can read your bookings.";
    });
  /** @param {number} id */
  const end = (id) =>
    tried(async () => {
      await del(`/api/calendar-links/${id}/`);
      address.value = "";
      await read();
      return "The link has ended.";
    });
  return html`
    <section class="card" aria-labelledby="calendar">
      <h2 id="calendar">In your own calendar</h2>
      <p class="soft">A private address that a calendar subscribes to.</p>
      ${told}
      ${address.value && html`<p>It is shown this once: <code>${address.value}</code></p>`}
      <ul class="account-list">
        ${links.value.map(
          (one) => html`<li key=${one.id}>
            <span>${one.label || one.kind}</span>
            <button type="button" class="button--danger" onClick=${() => end(one.id)}>
              End<span class="sr-only"> the link ${one.label}</span>
            </button>
          </li>`,
        )}
      </ul>
      <button type="button" class="button--quiet" onClick=${make}>Make a link</button>
    </section>
  `;
}

function Password() {
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

function Linked() {
  /** @type {import("../vendor/signals-core.js").Signal<any[]>} */
  const found = useSignal([]);
  useEffect(() => {
    get("/api/oauth/accounts/").then(
      (told) => {
        found.value = told;
      },
      () => {},
    );
  }, []);
  if (found.value.length === 0) return null;
  return html`
    <section class="card" aria-labelledby="linked">
      <h2 id="linked">Signing in with others</h2>
      <ul>
        ${found.value.map((one) => html`<li key=${one.provider}>${one.provider} ${one.email ?? ""}</li>`)}
      </ul>
    </section>
  `;
}

function Data() {
  const { tried, told } = useSaid();
  /** @param {SubmitEvent & {currentTarget: HTMLFormElement}} event */
  const leave = (event) => {
    event.preventDefault();
    const password = String(new FormData(event.currentTarget).get("password"));
    tried(async () => {
      const answer = await del("/api/user/", password === "" ? {} : { password });
      me.value = null;
      return answer.message;
    });
  };
  return html`
    <section class="card" aria-labelledby="data">
      <h2 id="data">Your data</h2>
      <p><a href="/api/user/export/" download>Export what is kept about you</a></p>
      ${told}
      <details>
        <summary>Delete the account</summary>
        <p>Bookings to come are cancelled, and what is known of you is erased. It cannot be undone.</p>
        <form class="stack" onSubmit=${leave}>
          <label class="field"><span>Your password</span><input type="password" name="password" autocomplete="current-password" /></label>
          <button type="submit" class="button--danger">Delete my account</button>
        </form>
      </details>
    </section>
  `;
}

mount(html`<${Account} />`);
