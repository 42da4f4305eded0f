/** Signing in or registering on the spot. What was entered elsewhere on the page stays. */
import { Refused } from "./api.js";
import { me, register, signIn } from "./session.js";
import { html, useId, useSignal } from "./ui.js";
import { t } from "./words.js";

/** @param {{why: string}} what */
export function SignIn({ why }) {
  const isNew = useSignal(false);
  const email = useSignal("");
  const password = useSignal("");
  const isBusy = useSignal(false);
  const problem = useSignal("");
  const id = useId();
  if (me.value) return null;

  /** @param {Event} event */
  async function submit(event) {
    event.preventDefault();
    isBusy.value = true;
    problem.value = "";
    try {
      await (isNew.value ? register : signIn)(email.value.trim(), password.value);
    } catch (why) {
      const fields = why instanceof Refused ? why.errors.map((one) => one.message) : [];
      problem.value = fields.length > 0 ? fields.join(" ") : /** @type {Error} */ (why).message;
    }
    isBusy.value = false;
  }

  return html`
    <form class="card stack" onSubmit=${submit} aria-labelledby=${`${id}-title`}>
      <h2 id=${`${id}-title`}>${isNew.value ? t("Register") : t("Sign in")}</h2>
      <p class="soft">${why}</p>
      <${Field} label=${t("E-mail address")} type=${isNew.value ? "email" : "text"} auto="username" value=${email} />
      <${Field} label=${t("Password")} type="password" auto=${isNew.value ? "new-password" : "current-password"} value=${password} />
      ${problem.value && html`<p role="alert" class="note note--bad">${problem.value}</p>`}
      <div class="row">
        <button type="submit" disabled=${isBusy.value}>${isNew.value ? t("Register") : t("Sign in")}</button>
        <button
          type="button"
          class="button--quiet"
          onClick=${() => {
            isNew.value = !isNew.value;
            problem.value = "";
          }}
        >${isNew.value ? t("I have an account") : t("I am new here")}</button>
      </div>
    </form>
  `;
}

/**
 * A field with its label and what is wrong with it.
 * @param {{label: string, value: import("../vendor/signals-core.js").Signal<string>, type?: string, auto?: string,
 *   isNeeded?: boolean, problem?: string, name?: string}} what
 */
export function Field({ label, value, type = "text", auto = "off", isNeeded = true, problem = "", name }) {
  const id = useId();
  return html`
    <label class="field">
      <span>${label}${!isNeeded && html` <span class="soft small">${t("(optional)")}</span>`}</span>
      <input
        type=${type}
        name=${name}
        autocomplete=${auto}
        required=${isNeeded}
        value=${value.value}
        aria-invalid=${problem !== ""}
        aria-describedby=${problem ? id : undefined}
        onInput=${(/** @type {{currentTarget: HTMLInputElement}} */ event) => {
          value.value = event.currentTarget.value;
        }}
      />
      ${problem && html`<span class="field__problem" id=${id}>${problem}</span>`}
    </label>
  `;
}
