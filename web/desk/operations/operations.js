/** What runs beside the bookings: keys, webhooks, mails, and what was given up on. */
import { me } from "../../lib/session.js";
import { html, signal } from "../../lib/ui.js";
import { Records } from "../business/records.js";
import { Parts } from "../parts.js";
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
    <${Parts} label="Parts of the operations" parts=${parts} chosen=${part} />
    ${part.value in OPERATIONS && html`<${Records} key=${part.value} kind=${OPERATIONS[part.value]} />`}
    ${part.value === "mails" && html`<${BouncedAddresses} /><${Mails} />`}
    ${part.value === "parked" && html`<${ParkedCommands} /><${ParkedPayments} />`}
  `;
}
