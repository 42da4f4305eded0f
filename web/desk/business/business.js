/** The business, kept here: from an empty database to the first booking, without another tool. */
import { html, signal } from "../../lib/ui.js";
import { Parts } from "../parts.js";
import { Hours } from "./hours.js";
import { BUSINESS } from "./kinds.js";
import { Records } from "./records.js";

/** Which part is on show. */
const part = signal("hours");

export function Business() {
  const parts = [["hours", "Hours"], ...Object.entries(BUSINESS).map(([name, kind]) => [name, kind.title])];
  return html`
    <h1 class="desk-title">Business</h1>
    <${Parts} label="Parts of the business" parts=${parts} chosen=${part} />
    ${part.value === "hours" ? html`<${Hours} />` : html`<${Records} key=${part.value} kind=${BUSINESS[part.value]} />`}
  `;
}
