/** Buttons that choose one part of a page. */
import { html } from "../lib/ui.js";

/**
 * @param {{label: string, parts: string[][], chosen: import("../vendor/signals-core.js").Signal<string>}} props
 *   `parts` are names with their titles; `chosen` holds the name of the one on show.
 */
export function Parts({ label, parts, chosen }) {
  return html`
    <nav class="row desk-parts" aria-label=${label}>
      ${parts.map(
        ([name, title]) => html`<button
          key=${name}
          type="button"
          class=${chosen.value === name ? "" : "button--quiet"}
          aria-current=${chosen.value === name ? "true" : undefined}
          onClick=${() => (chosen.value = name)}
        >
          ${title}
        </button>`,
      )}
    </nav>
  `;
}
