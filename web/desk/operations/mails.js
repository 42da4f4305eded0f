/** Mails about bookings: to whom, how far they came, and in the demo what they say. */
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
