/** Cancels after a second question. */
import { html, useEffect, useRef, useSignal } from "../lib/ui.js";
import { t } from "../lib/words.js";

/** @param {{onCancel: () => Promise<void>}} what */
export function Cancel({ onCancel }) {
  const isAsked = useSignal(false);
  const isBusy = useSignal(false);
  const problem = useSignal("");
  const question = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (isAsked.value) question.current?.focus();
  }, [isAsked.value]);

  async function cancel() {
    isBusy.value = true;
    problem.value = "";
    try {
      await onCancel();
    } catch (why) {
      problem.value = /** @type {Error} */ (why).message;
    }
    isBusy.value = false;
  }

  if (!isAsked.value) {
    return html`<button type="button" class="button--danger" onClick=${() => (isAsked.value = true)}>${t("Cancel this booking")}</button>`;
  }
  return html`
    <section class="card stack" ref=${question} tabindex="-1" aria-labelledby="cancel-title">
      <h2 id="cancel-title">${t("Cancel this booking?")}</h2>
      <p>${t("Its time is free for others at once. What was paid goes back as the rules of the house say.")}</p>
      ${problem.value && html`<p role="alert" class="note note--bad">${problem.value}</p>`}
      <div class="row">
        <button type="button" class="button--danger" disabled=${isBusy.value} onClick=${cancel}>${t("Yes, cancel it")}</button>
        <button type="button" class="button--quiet" disabled=${isBusy.value} onClick=${() => (isAsked.value = false)}>${t("No, keep it")}</button>
      </div>
    </section>
  `;
}
