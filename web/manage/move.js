/** Moves a session to another time, local to where it takes place. */
import { Refused } from "../lib/api.js";
import { Field } from "../lib/sign_in.js";
import { zoneName } from "../lib/times.js";
import { html, useSignal } from "../lib/ui.js";
import { t } from "../lib/words.js";

/** @param {{one: import("../lib/linked.js").Linked, onMove: (body: unknown) => Promise<void>}} what */
export function Move({ one, onMove }) {
  const date = useSignal(one.start_date ?? "");
  const time = useSignal(one.start_time ?? "");
  const isBusy = useSignal(false);
  const problem = useSignal(/** @type {Error | null} */ (null));

  /** @param {Event} event */
  async function move(event) {
    event.preventDefault();
    isBusy.value = true;
    problem.value = null;
    try {
      await onMove({ start_date: date.value, start_time: time.value });
    } catch (why) {
      problem.value = /** @type {Error} */ (why);
    }
    isBusy.value = false;
  }

  const fields = problem.value instanceof Refused ? problem.value.errors : [];
  const of = (/** @type {string} */ name) => fields.find((found) => found.field === name)?.message ?? "";
  return html`
    <details class="card">
      <summary>${t("Move it to another time")}</summary>
      <form class="stack" onSubmit=${move}>
        <p class="small soft">${t("Times are in {zone}.", { zone: zoneName(one.time_zone) })}</p>
        <${Field} label=${t("Day")} type="date" value=${date} problem=${of("start_date")} />
        <${Field} label=${t("Time")} type="time" value=${time} problem=${of("start_time")} />
        ${problem.value && html`<p role="alert" class="note note--bad">${problem.value.message}</p>`}
        <button type="submit" disabled=${isBusy.value}>${t("Move it")}</button>
      </form>
    </details>
  `;
}
