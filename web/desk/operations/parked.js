/** Commands and payments that were given up on: sent again, or dropped. For superusers; the audit log has each. */
import { del, post } from "../../lib/api.js";
import { html } from "../../lib/ui.js";
import { Asked } from "./asked.js";

const COMMANDS = "/api/admin/parked/commands/";
const PAYMENTS = "/api/admin/parked/payments/";

export const ParkedCommands = () => html`<${Asked}
  title="Parked commands"
  path=${COMMANDS}
  rows=${(/** @type {any} */ told) => told.data}
  none="No command was given up on."
  acts=${[
    { words: "Replay", act: (/** @type {any} */ one) => post(`${COMMANDS}${one.id}/replay/`) },
    { words: "Drop", act: (/** @type {any} */ one) => del(`${COMMANDS}${one.id}/`) },
  ]}
>
  ${(/** @type {any} */ one) => html`<strong>${one.type}</strong> of ${one.contract}, parked ${one.parked_at}: ${one.why}`}
<//>`;

export const ParkedPayments = () => html`<${Asked}
  title="Parked payments"
  path=${PAYMENTS}
  rows=${(/** @type {any} */ told) => told.data}
  none="No payment was given up on."
  acts=${[{ words: "Try again", act: (/** @type {any} */ one) => post(`${PAYMENTS}${one.id}/replay/`) }]}
>
  ${(/** @type {any} */ one) => html`Booking ${one.booking_id}, ${one.state}, parked ${one.parked_at}: ${one.problem}`}
<//>`;
