/** A corner that says how the engine is: lane lag, the feed, deliveries, and a small plot of the last minutes. */
import { get } from "../lib/api.js";
import { html, signal, useEffect } from "../lib/ui.js";
import { isFeedOff } from "./state.js";

const EVERY_MS = 5000;
const DELIVERIES_EVERY_MS = 30_000;
const KEPT = 60;
/** Five minutes. */
const WIDTH = 120;
const HEIGHT = 28;

/** Seconds of lane lag, the newest last; null where nobody answered. @type {import("../vendor/signals-core.js").Signal<(number | null)[]>} */
const lags = signal([]);
/** @type {import("../vendor/signals-core.js").Signal<any>} */
const ready = signal(null);

/** Of all webhooks together. @type {import("../vendor/signals-core.js").Signal<{waiting: number, parked: number} | null>} */
const deliveries = signal(null);

async function lookAtDeliveries() {
  if (document.hidden) return;
  try {
    /** @type {{waiting: number, parked: number}[]} */
    const hooks = (await get("/api/admin/webhooks/?limit=500")).data;
    const sum = (/** @type {"waiting" | "parked"} */ what) => hooks.reduce((all, one) => all + one[what], 0);
    deliveries.value = { waiting: sum("waiting"), parked: sum("parked") };
  } catch {
    deliveries.value = null;
  }
}

async function look() {
  if (document.hidden) return;
  let told = null;
  try {
    told = await (await fetch("/readyz", { signal: AbortSignal.timeout(EVERY_MS) })).json();
  } catch {
    // Nobody answers: the plot has a gap.
  }
  ready.value = told;
  lags.value = [...lags.value, typeof told?.lane_lag_s === "number" ? told.lane_lag_s : null].slice(-KEPT);
}

export function Corner() {
  useEffect(() => {
    look();
    lookAtDeliveries();
    const timers = [setInterval(look, EVERY_MS), setInterval(lookAtDeliveries, DELIVERIES_EVERY_MS)];
    return () => {
      for (const timer of timers) clearInterval(timer);
    };
  }, []);
  const told = ready.value;
  const parts = [...(told?.down ?? []), ...(told?.degraded ?? [])];
  const lag = lags.value.at(-1);
  return html`
    <aside class="desk-corner small" aria-label="How the engine is">
      <span>${told === null ? "The engine does not answer" : parts.length > 0 ? parts.join(", ") : "All parts are well"}</span>
      <span>Lanes: ${seconds(lag)}</span>
      <span>Feed: ${isFeedOff.value ? "away" : "live"}</span>
      <span>Deliveries: ${deliveries.value ? `${deliveries.value.waiting} waiting, ${deliveries.value.parked} parked` : "–"}</span>
      <span>Payments parked: ${told?.payments_parked ?? "–"}</span>
      <${Plot} />
    </aside>
  `;
}

/** @param {number | null | undefined} value */
const seconds = (value) => (typeof value === "number" ? `${value.toFixed(1)} s behind` : "–");

function Plot() {
  const most = Math.max(1, ...lags.value.map((one) => one ?? 0));
  const at = (/** @type {number} */ number) => ((KEPT - lags.value.length + number) * WIDTH) / KEPT;
  const points = lags.value
    .map((one, number) =>
      one === null ? "" : `${at(number).toFixed(1)},${(HEIGHT - 2 - (one / most) * (HEIGHT - 4)).toFixed(1)}`,
    )
    .filter(Boolean)
    .join(" ");
  return html`
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" width=${WIDTH} height=${HEIGHT} role="img" aria-label=${`Lane lag of the last minutes, at most ${most.toFixed(1)} s`}>
      <polyline points=${points} fill="none" stroke="currentColor" stroke-width="1.5" />
    </svg>
  `;
}
