/** A full session, and one's place in its waiting list. */
import { del, get, post, Refused } from "../lib/api.js";
import { isEmbedded } from "../lib/embedded.js";
import { me } from "../lib/session.js";
import { SignIn } from "../lib/sign_in.js";
import { clock } from "../lib/times.js";
import { html, useEffect, useSignal } from "../lib/ui.js";
import { t, tn } from "../lib/words.js";
import { Elsewhere } from "./embedded.js";

/** What was asked for is done already. */
const BY_ANOTHER_TAB = new Set(["already_waiting", "not_waiting"]);

/** @param {{time: import("./places.js").Time}} what */
export function Waiting({ time }) {
  const path = `/api/v1/drf/sessions/${time.service_session_id}/waiting-list/`;
  const position = useSignal(/** @type {number | null} */ (null));
  const problem = useSignal("");
  const asks = useSignal(false);
  useEffect(() => {
    if (!me.value) return;
    if (asks.value) {
      // Who signs in to wait, waits: it was asked for already.
      asks.value = false;
      change(() => post(path));
    } else look();
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [me.value?.id]);

  /** One's place, which another tab may have taken or left. */
  function look() {
    if (document.hidden) return;
    get(path).then(
      (told) => {
        position.value = told.position;
      },
      (why) => {
        if (why instanceof Refused && why.code === "not_waiting") position.value = null;
      },
    );
  }

  /** @param {() => Promise<any>} run */
  async function change(run) {
    problem.value = "";
    try {
      position.value = (await run())?.position ?? null;
    } catch (why) {
      if (why instanceof Refused && BY_ANOTHER_TAB.has(why.code)) return look();
      problem.value = why instanceof Error ? why.message : String(why);
      if (why instanceof Refused && why.status === 401) asks.value = true;
    }
  }

  function join() {
    if (me.value) change(() => post(path));
    else asks.value = true;
  }

  const words = t("{time}: full", { time: clock(time.starts_at) });
  return html`
    <div class="card">
      <p><strong>${words}</strong> <span class="small soft">${tn(time.waiting, "{n} person waits", "{n} people wait")}</span></p>
      ${
        position.value === null
          ? html`<button
              type="button"
              class="button--quiet"
              onClick=${join}
            >${t("Join the waiting list")}</button>`
          : html`<p role="status">${t("You are number {n} on the waiting list.", { n: position.value })}</p>
              <button type="button" class="button--quiet" onClick=${() => change(() => del(path).then(() => null))}>
                ${t("Wait no longer")}
              </button>`
      }
      ${asks.value && !me.value && html`<${isEmbedded ? Elsewhere : SignIn} why=${t("Sign in to wait for a seat.")} />`}
      ${problem.value && html`<p role="alert" class="note note--bad">${problem.value}</p>`}
    </div>
  `;
}
