/** What stands above the day: what does not answer, what was refused, and what screen readers are told. */
import { html } from "../lib/ui.js";
import { announced, isApiAway, isFeedOff, isLoaded, refusal } from "./state.js";

export function Banners() {
  return html`
    <div role="status" aria-live="polite">
      ${
        isApiAway.value &&
        html`<p class="note note--bad">
          The service does not answer. What you see may be old; this page goes on asking, and nothing that was saved is
          lost.
        </p>`
      }
      ${
        isFeedOff.value &&
        isLoaded.value &&
        !isApiAway.value &&
        html`<p class="note note--warn">
          News does not come by itself right now. The day is asked for every few seconds until it does.
        </p>`
      }
    </div>
    <div role="alert">
      ${
        refusal.value &&
        html`<div class="note note--bad row">
          <p class="desk-refusal"><strong>${refusal.value.title}.</strong> ${refusal.value.words}</p>
          <button type="button" class="button--quiet" onClick=${() => (refusal.value = null)}>Close</button>
        </div>`
      }
    </div>
    <p class="sr-only" aria-live="polite" data-announced>${announced.value}</p>
  `;
}
