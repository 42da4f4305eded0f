/** When the desk is open: one row of settings for all its services. */
import { get, post } from "../../lib/api.js";
import { useSaid } from "../../lib/said.js";
import { html, useEffect, useSignal } from "../../lib/ui.js";
import { WEEKDAYS } from "./values.js";

/** @typedef {{WORKING_HOURS_START: number, WORKING_HOURS_END: number, DEFAULT_RESERVATION_DURATION_MINUTES: number, OFF_DAYS: string, is_active: boolean}} Hours */

export function Hours() {
  /** @type {import("../../vendor/signals-core.js").Signal<Hours | null>} */
  const hours = useSignal(null);
  const { tried, told } = useSaid();
  /** @param {() => Promise<any>} ask @param {string} words */
  const show = (ask, words) =>
    tried(async () => {
      hours.value = (await ask()).data;
      return words;
    });
  useEffect(() => {
    show(() => get("/api/booking/settings/"), "");
  }, []);
  /** @param {SubmitEvent & {currentTarget: HTMLFormElement}} event */
  const send = (event) => {
    event.preventDefault();
    const sent = new FormData(event.currentTarget);
    const body = {
      WORKING_HOURS_START: Number(sent.get("start")),
      WORKING_HOURS_END: Number(sent.get("end")),
      DEFAULT_RESERVATION_DURATION_MINUTES: Number(sent.get("minutes")),
      OFF_DAYS: sent.getAll("off").join(","),
      is_active: sent.has("is_active"),
    };
    show(() => post("/api/booking/settings/", body), "Saved.");
  };
  const now = hours.value;
  const off = now?.OFF_DAYS.split(",") ?? [];
  return html`
    <section aria-label="Hours">
      <h2>Hours of the desk</h2>
      ${told}
      ${
        now &&
        html`<form class="card desk-form" onSubmit=${send} aria-label="Hours of the desk">
          <label class="field"><span>Opens at (hour)</span><input type="number" name="start" min="0" max="23" required defaultValue=${now.WORKING_HOURS_START} /></label>
          <label class="field"><span>Closes at (hour)</span><input type="number" name="end" min="1" max="24" required defaultValue=${now.WORKING_HOURS_END} /></label>
          <label class="field"
            ><span>Minutes, where a service says nothing</span><input type="number" name="minutes" min="1" max="1440" required defaultValue=${now.DEFAULT_RESERVATION_DURATION_MINUTES}
          /></label>
          <fieldset class="desk-many">
            <legend>Closed on</legend>
            ${WEEKDAYS.map(
              (name, number) => html`<label key=${name} class="row small">
                <input type="checkbox" name="off" value=${number} defaultChecked=${off.includes(String(number))} /> ${name}
              </label>`,
            )}
          </fieldset>
          <label class="row small"><input type="checkbox" name="is_active" defaultChecked=${now.is_active} /> The desk takes bookings</label>
          <button type="submit">Save</button>
        </form>`
      }
    </section>
  `;
}
