/** A button that asks once more before it does something that cannot be undone. */
import { html, useSignal } from "./ui.js";

/** @param {{words: string, of: string, before: string, yes: string, act: () => unknown}} what `of`: for screen readers. */
export function AskedButton({ words, of, before, yes, act }) {
  const isAsked = useSignal(false);
  if (!isAsked.value) {
    return html`<button type="button" class="button--danger" onClick=${() => (isAsked.value = true)}>
      ${words}<span class="sr-only"> ${of}</span>
    </button>`;
  }
  return html`<span class="row" role="group" aria-label=${`${words} ${of}`}>
    <span class="small">${before}</span>
    <button
      type="button"
      class="button--danger"
      onClick=${() => {
        isAsked.value = false;
        act();
      }}
    >
      ${yes}
    </button>
    <button type="button" class="button--quiet" onClick=${() => (isAsked.value = false)}>Keep it</button>
  </span>`;
}
