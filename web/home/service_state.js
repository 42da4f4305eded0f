/** Whether a booking would get all the way through right now, as `/readyz` says. */
import { html, signal, useEffect } from "../lib/ui.js";

const EVERY_MS = 5000;

/** @typedef {{status: string, down: string[], degraded: string[], reasons: Record<string, string>}} Ready */
/** null until the first answer, "away" while there is none. @type {import("../vendor/signals-core.js").Signal<Ready | "away" | null>} */
const state = signal(null);

async function look() {
  if (document.hidden) return;
  try {
    const answer = await fetch("/readyz", { signal: AbortSignal.timeout(EVERY_MS * 2) });
    const told = await answer.json();
    state.value = Array.isArray(told.down) ? told : "away";
  } catch {
    state.value = "away";
  }
}

export function ServiceState() {
  useEffect(() => {
    look();
    const timer = setInterval(look, EVERY_MS);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, []);
  return html`
    <section class="card" aria-labelledby="state-title">
      <h2 id="state-title">State of the service</h2>
      <div role="status"><${Told} /></div>
      <p class="small soft">As <a href="/readyz">/readyz</a> says, asked again every few seconds.</p>
    </section>
  `;
}

function Told() {
  const told = state.value;
  if (told === null) return html`<p class="soft">Asking ...</p>`;
  if (told === "away") {
    return html`<p class="note note--bad">The service does not answer right now. This page goes on asking.</p>`;
  }
  const parts = [...told.down, ...told.degraded];
  const kind = told.down.length > 0 ? "bad" : told.degraded.length > 0 ? "warn" : "good";
  const words = {
    good: "Bookings get all the way through.",
    warn: "Bookings get through; something else goes wrong.",
    bad: "Bookings do not get all the way through.",
  }[kind];
  return html`
    <p class="note note--${kind}">${words}</p>
    ${
      parts.length > 0 &&
      html`<ul>
        ${parts.map((part) => html`<li key=${part}><strong>${part}</strong> ${told.reasons[part] ?? ""}</li>`)}
      </ul>`
    }
  `;
}
