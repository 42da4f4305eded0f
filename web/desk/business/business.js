/** The business, kept here: from an empty database to the first booking, without another tool. */
import { html, signal } from "../../lib/ui.js";
import { Hours } from "./hours.js";
import { BUSINESS } from "./kinds.js";
import { Records } from "./records.js";

/** Which part is on show. */
const part = signal("hours");

export function Business() {
  const parts = [["hours", "Hours"], ...Object.entries(BUSINESS).map(([name, kind]) => [name, kind.title])];
  return html`
    <h1 class="desk-title">Business</h1>
    <nav class="row desk-parts" aria-label="Parts of the business">
      ${parts.map(
        ([name, title]) => html`<button
          key=${name}
          type="button"
          class=${part.value === name ? "" : "button--quiet"}
          aria-current=${part.value === name ? "true" : undefined}
          onClick=${() => (part.value = name)}
        >
          ${title}
        </button>`,
      )}
    </nav>
    ${part.value === "hours" ? html`<${Hours} />` : html`<${Records} key=${part.value} kind=${BUSINESS[part.value]} />`}
  `;
}
