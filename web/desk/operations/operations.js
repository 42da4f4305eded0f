/** What runs beside the bookings: keys, webhooks, mails, and what was given up on. */
import { me } from "../../lib/session.js";
import { html, signal } from "../../lib/ui.js";
import { Records } from "../business/records.js";
import { OPERATIONS } from "./kinds.js";
import { BouncedAddresses, Mails } from "./mails.js";
import { ParkedCommands, ParkedPayments } from "./parked.js";

const part = signal("keys");

export function Operations() {
  const parts = [
    ["keys", "Agent keys"],
    ["webhooks", "Webhooks"],
    ["mails", "Mails"],
    ...(me.value?.is_superuser ? [["parked", "Parked"]] : []),
  ];
  return html`
    <h1 class="desk-title">Operations</h1>
    <nav class="row desk-parts" aria-label="Parts of the operations">
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
    ${part.value in OPERATIONS && html`<${Records} key=${part.value} kind=${OPERATIONS[part.value]} />`}
    ${part.value === "mails" && html`<${BouncedAddresses} /><${Mails} />`}
    ${part.value === "parked" && html`<${ParkedCommands} /><${ParkedPayments} />`}
  `;
}
