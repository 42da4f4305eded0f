/** Mails about bookings: to whom, how far they came, in the demo what they say; and addresses that they came back from. */
import { del } from "../../lib/api.js";
import { clock, shortDay } from "../../lib/times.js";
import { html } from "../../lib/ui.js";
import { Asked } from "./asked.js";

export const Mails =
  () => html`<${Asked} title="Mails" path="/api/admin/mails/?limit=100" rows=${(/** @type {any} */ told) => told.mails} none="No mail has been written yet.">
  ${(/** @type {any} */ one) => html`
    <strong>${one.kept?.subject ?? one.kind}</strong> to ${one.recipient}: ${one.state}
    ${one.answer && html`<span class="small soft"> (${one.answer})</span>`}
    ${one.kept && html`<details><summary>What it says</summary><pre class="desk-pre">${one.kept.text}</pre></details>`}
  `}
<//>`;

const BOUNCED = "/api/admin/bounced-addresses/";

export const BouncedAddresses = () => html`<${Asked}
  title="Addresses that mails came back from"
  path=${`${BOUNCED}?limit=100`}
  rows=${(/** @type {any} */ told) => told.addresses.map((/** @type {any} */ one) => ({ ...one, id: one.user_id }))}
  none="No mail came back."
  acts=${[{ words: "It works again", act: (/** @type {any} */ one) => del(`${BOUNCED}${one.user_id}/`) }]}
>
  ${(/** @type {any} */ one) => html`
    <strong>${`${one.first_name} ${one.last_name}`.trim() || one.address}</strong> ${one.address}: ${one.answer},
    ${shortDay(one.bounced_at)}, ${clock(one.bounced_at)}. Nothing is sent there until ${shortDay(one.silent_until)}.
  `}
<//>`;
