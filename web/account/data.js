/** The export of what is kept, and the end of the account. */
import { del } from "../lib/api.js";
import { useSaid } from "../lib/said.js";
import { me } from "../lib/session.js";
import { html, useSignal } from "../lib/ui.js";

/** @type {Record<string, string>} */
const WORDS = {
  credits_left:
    "You have credits that are not used yet, and nothing goes back for them. Use them first, or tick the box below to give them up.",
  sign_in_again: "Sign out and in again, then delete the account within ten minutes: that proves that it is yours.",
};

export function Data() {
  const { tried, told } = useSaid();
  const hasCredits = useSignal(false);
  /** @param {SubmitEvent & {currentTarget: HTMLFormElement}} event */
  const leave = (event) => {
    event.preventDefault();
    const sent = new FormData(event.currentTarget);
    const password = String(sent.get("password"));
    const body = { ...(password && { password }), ...(sent.has("give_up") && { give_up_credits: true }) };
    tried(
      async () => {
        const answer = await del("/api/user/", body);
        me.value = null;
        return answer.message;
      },
      ({ code }) => {
        hasCredits.value ||= code === "credits_left";
        return WORDS[code] ?? "";
      },
    );
  };
  return html`
    <section class="card" aria-labelledby="data">
      <h2 id="data">Your data</h2>
      <p><a href="/api/user/export/" download>Export what is kept about you</a></p>
      <details>
        <summary>Delete the account</summary>
        <p>Bookings to come are cancelled, and what is known of you is erased. It cannot be undone.</p>
        ${told}
        <form class="stack" onSubmit=${leave}>
          <label class="field">
            <span>Your password</span>
            <input type="password" name="password" autocomplete="current-password" />
            <span class="small soft">Empty, if you sign in by Google or GitHub alone.</span>
          </label>
          ${
            hasCredits.value &&
            html`<label class="row small"><input type="checkbox" name="give_up" required /> I give up my unused credits</label>`
          }
          <button type="submit" class="button--danger">Delete my account</button>
        </form>
      </details>
    </section>
  `;
}
