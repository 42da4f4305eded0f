/** How long a hold still stands, second by second. Screen readers are not told each of them. */
import { countdown } from "../lib/times.js";
import { html, signal } from "../lib/ui.js";

/** One clock for all of them. */
const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1000);

/** @param {{until: string}} what */
export function Hold({ until }) {
  const left = (new Date(until).getTime() - now.value) / 1000;
  const words = left > 3600 ? `${Math.floor(left / 3600)} h ${Math.floor((left % 3600) / 60)} min` : countdown(left);
  return html`<span class="badge badge--warn" role="timer" aria-live="off">${left > 0 ? `${words} left` : "running out"}</span>`;
}
